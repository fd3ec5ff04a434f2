"""The site in one step of time: what it would tell in these seconds, as numbers. No clock, no socket, one seed.

A web application that passes people's files on to five cloud providers, with job queues behind it. Each part of
it, each provider and each queue draws from a source of chance of its own for each step: the same step of the same
seed is always the same, and a chapter of the story changes nothing but what it is about.
"""
import dataclasses
import functools
import math
import random

from demo.story import DAY, HOUR, MINUTE

PROVIDERS = {"box": 0.16, "dropbox": 0.28, "gdrive": 0.3, "onedrive": 0.1, "s3": 0.16}
UPLOADS_PER_SECOND = 12.0
FAILS = 0.02                # Of the uploads to a healthy provider.
FAILS_MORE = 30             # Times more of them when the provider fails.
SLOWER = 4                  # Times longer takes what fails or waits.
DRAIN = 4 * MINUTE          # Until a queue that had grown is empty again.

# Views by name, verb, requests a second at the busiest time, and their median in milliseconds.
VIEWS = [
    ("home", "GET", 10.0, 38), ("files.list", "GET", 9.0, 55), ("files.upload", "POST", 12.0, 160),
    ("files.download", "GET", 5.0, 90), ("search", "GET", 3.0, 120), ("api.files", "GET", 5.0, 45),
    ("orders.create", "POST", 0.6, 210), ("account.login", "POST", 0.8, 95),
]
REQUESTS_PER_SECOND = sum(view[2] for view in VIEWS)
# The rest is 200.
STATUSES = {"302": 0.05, "304": 0.02, "404": 0.022, "500": 0.003}

# Queues by name, jobs a second, and how many wait when all is well.
QUEUES = [("uploads", UPLOADS_PER_SECOND, 3), ("thumbnails", 8.0, 2), ("mail", 1.2, 1), ("reports", 0.2, 1)]

CONNECTIONS_LIMIT = 100
WEB = ["web1", "web2", "web3"]
WORKERS = [*WEB, "jobs1"]
NODES = ["store1", "store2", "store3"]
NODE_BYTES = 6e12
# Hosts by the switch that they are behind.
RACKS = {"rack1": ["web1", "web2", "db1", "cache1"], "rack2": ["web3", "jobs1", "store1"], "rack3": ["store2", "store3"]}
RACK_OF = {host: rack for rack, hosts in RACKS.items() for host in hosts}
USERS = 4000

# The share of the busiest hour's traffic, hour by hour, and the day's, Monday first.
HOURS = [.18, .13, .1, .08, .08, .1, .16, .3, .52, .74, .88, .95, .93, .96, 1, .99, .94, .86, .74, .64, .55, .45, .34, .25]
DAYS = [1.0, 1.03, 1.0, 0.98, 0.9, 0.35, 0.1]
# 1970-01-01 was a Thursday; the site's week begins on Monday.
MONDAY = 4 * DAY
TUESDAY_AT_TWO = DAY + 14 * HOUR


@dataclasses.dataclass
class Step:
    """What the site tells in `seconds` seconds from `at`. Names with tags are written `name;k=v`."""
    at: int
    seconds: int = 1
    counters: dict = dataclasses.field(default_factory=dict)      # name: times
    sampled: dict = dataclasses.field(default_factory=dict)       # name: (times told, rate)
    timers: dict = dataclasses.field(default_factory=dict)        # name: (kind, how many, some or all of the values)
    gauges: dict = dataclasses.field(default_factory=dict)        # name: value
    sets: dict = dataclasses.field(default_factory=dict)          # name: members
    lines: list = dataclasses.field(default_factory=list)         # (name, value) by Carbon's line protocol
    pickled: list = dataclasses.field(default_factory=list)       # (name, value) by its pickles


class Site:
    """`clock` is added to a time to get the site's own, so that a story can begin when the site is busy."""

    def __init__(self, story, seed=1, clock=0):
        self.story, self.seed, self.clock = story, seed, clock

    def down(self, host, t):
        """The host itself, or the switch before it."""
        return bool(self.story.holds("host_down", host, t) or self.story.holds("network_lost", RACK_OF[host], t))

    def step(self, t, seconds=1):
        step = Step(t, seconds)
        load = self.load(t)
        now = Moment(self, t, self.clock + t, load, step)
        for part in PARTS:
            part(now.apart(part.__name__))
        return step

    def load(self, t):
        """The share of the busiest traffic at this time: the day's, the hour's, and some unrest over both."""
        site = t + self.clock - MONDAY
        day, second = site // DAY % 7, site % DAY
        hour, within = second // HOUR, second % HOUR / HOUR
        level = HOURS[hour] * (1 - within) + HOURS[(hour + 1) % 24] * within
        # Midnight is not a step: the last hour of a day goes over into the next day's level.
        share = DAYS[day] if hour < 23 else DAYS[day] * (1 - within) + DAYS[(day + 1) % 7] * within
        return level * share * (1 + 0.1 * wander(self.seed, "load", t, 300))


def busy_clock(start):
    """The offset with which the site's clock shows a Tuesday at two when the story begins."""
    return (MONDAY + TUESDAY_AT_TWO - start) % (7 * DAY)


def wander(seed, what, t, period):
    """A number from -1 to 1 that goes from one random value to the next within `period` seconds."""
    here, within = divmod(t, period)
    turn = (1 - math.cos(math.pi * within / period)) / 2
    return waypoint(seed, what, here) * (1 - turn) + waypoint(seed, what, here + 1) * turn


@functools.lru_cache(maxsize=256)
def waypoint(seed, what, index):
    return random.Random(f"{seed} {what} {index}").uniform(-1, 1)


class Chance(random.Random):
    """Counts and durations as they come."""

    def poisson(self, mean):
        if mean > 60:
            return max(0, round(self.gauss(mean, math.sqrt(mean))))
        limit, n, product = math.exp(-mean), 0, self.random()
        while product > limit:
            n, product = n + 1, product * self.random()
        return n

    def share(self, n, part):
        """How many of `n` it happens to."""
        if n > 60:
            return min(n, self.poisson(n * part)) if part < 0.5 else n - min(n, self.poisson(n * (1 - part)))
        return sum(self.random() < part for _ in range(n))

    def durations(self, n, median, spread=0.45, tail=0.02):
        """Log-normal milliseconds, few of them much longer, none beyond the time-out. Of very many some are drawn."""
        values = [median * math.exp(self.gauss(0, spread)) for _ in range(min(n, MAX_VALUES))]
        return [round(min(v * (5 if self.random() < tail else 1), TIMEOUT), 1) for v in values]


# Enough for the percentiles of a step of the past; a second of the present stays below it.
MAX_VALUES = 60
TIMEOUT = 30_000


@dataclasses.dataclass
class Moment:
    """What a part of the site sees of a step."""
    site: Site
    t: int
    site_time: int
    load: float
    step: Step
    chance: Chance = None

    def apart(self, what):
        """The same for one part, or one thing of it, with a chance of its own."""
        chance = Chance(f"{self.site.seed} {what} {self.step.seconds} {self.t}")
        return dataclasses.replace(self, chance=chance)

    def count(self, name, n):
        self.step.counters[name] = n

    def comes(self, name, per_second):
        """A counter of what comes by itself."""
        n = self.chance.poisson(per_second * self.step.seconds)
        self.count(name, n)
        return n

    def timer(self, name, n, median, kind="ms", **shape):
        self.step.timers[name] = (kind, n, self.chance.durations(n, median, **shape))

    def gauge(self, name, value):
        self.step.gauges[name] = round(value, 1)

    def wander(self, what, period):
        return wander(self.site.seed, what, self.t, period)

    def holds(self, what, where):
        return self.site.story.holds(what, where, self.t) is not None

    def down(self, host):
        return self.site.down(host, self.t)


def views(now):
    """As django-statsd tells them: a timer for each view and verb, a counter for each status."""
    total = 0
    for name, verb, per_second, median in VIEWS:
        n = now.chance.poisson(per_second * now.load * now.step.seconds)
        total += n
        now.timer(f"view.{name}.{verb}", n, median * slower(now, name) * (0.9 + 0.2 * now.load))
    refused = refuses(now)
    unavailable = now.chance.share(total, refused) if refused else 0
    statuses = {**STATUSES, "500": 0.2} if now.holds("deploy_breaks", "web") else STATUSES
    others = {status: now.chance.share(total - unavailable, part) for status, part in statuses.items()}
    for status, n in {**others, "503": unavailable, "200": max(0, total - unavailable - sum(others.values()))}.items():
        now.count(f"response.{status}", n)


def refuses(now):
    """The share of requests that get a 503."""
    if now.down("db1"):
        return 0.7
    return 0.12 if now.holds("connections_full", "database") else 0.08 * sum(now.down(host) for host in WEB)


def slower(now, view):
    """How many times longer than usual a view takes."""
    if now.holds("connections_full", "database"):
        return 12 if view == "api.files" else 3
    if now.holds("queries_slow", "database") or now.down("db1"):
        return 5
    if now.holds("deploy_breaks", "web") or now.down("cache1"):
        return 3
    return 2.5 if view == "files.upload" and now.holds("provider_fails", "gdrive") else 1


def uploads(now):
    for provider, part in PROVIDERS.items():
        upload(now.apart(f"provider {provider}"), provider, part)


def upload(now, provider, part):
    """Started, completed, failed and retried, and how long it took."""
    fails = now.holds("provider_fails", provider)
    started = now.comes(f"uploads.{provider}.started", UPLOADS_PER_SECOND * part * now.load)
    failed = now.chance.share(started, FAILS * FAILS_MORE if fails else FAILS)
    now.count(f"uploads.{provider}.failed", failed)
    now.count(f"uploads.{provider}.completed", started - failed)
    now.count(f"uploads.{provider}.retried", now.chance.share(failed, 0.8))
    now.timer(f"uploads.{provider}.duration", started, (SLOWER if fails else 1) * (700 + 900 * part), spread=0.6)


def jobs(now):
    for name, per_second, calm in QUEUES:
        queue(now.apart(f"queue {name}"), name, per_second * now.load, calm)


def queue(now, name, per_second, calm):
    """Counted at five points, with its depth and how long the oldest job waits."""
    failing = name == "uploads" and any(now.holds("provider_fails", provider) for provider in PROVIDERS)
    now.comes(f"jobs.{name}.enqueued", per_second)
    stands = now.holds("worker_stuck", name) or now.down("jobs1")
    taken = 0 if stands else done(now, name, per_second)
    retried = now.chance.share(taken, 0.25 if failing else 0.006)
    now.count(f"jobs.{name}.taken", taken)
    now.count(f"jobs.{name}.completed", taken - retried)
    now.count(f"jobs.{name}.retried", retried)
    now.count(f"jobs.{name}.given_up", now.chance.share(retried, 0.1))
    unrest = calm * (0.5 + now.load) * (1 + 1.2 * now.wander(name, 20)) + now.chance.gauss(0, 0.5)
    depth = round(waiting(now, name, per_second, now.t)) + max(0, round(unrest))
    now.gauge(f"jobs.{name}.depth", depth)
    now.gauge(f"jobs.{name}.oldest_seconds", depth / max(per_second, 0.05))


def done(now, name, per_second):
    """As many jobs as come in, less what piles up meanwhile, or more while the queue drains."""
    seconds = now.step.seconds
    piled_up = waiting(now, name, per_second, now.t + seconds) - waiting(now, name, per_second, now.t)
    return now.chance.poisson(max(0.0, per_second * seconds - piled_up))


def waiting(now, queue, per_second, t):
    """Jobs that wait because of what the story did to their queue."""
    return sum(now.site.story.backlog(what, where, t, per_second * part, DRAIN) for what, where, part in stops(queue))


def stops(queue):
    """What makes a queue grow, and by which part of its jobs."""
    always = [("worker_stuck", queue, 1), ("host_down", "jobs1", 1), ("network_lost", RACK_OF["jobs1"], 1)]
    match queue:
        case "uploads":
            return [*always, *(("provider_fails", p, 0.3) for p in PROVIDERS), *(("disk_full", node, 0.3) for node in NODES)]
        case "mail":
            return [*always, ("mail_refused", "mail", 0.5)]
        case _:
            return always


def people(now):
    """Who is there, and what they come for."""
    succeeded, failed = now.comes("logins.succeeded", 0.7 * now.load), now.comes("logins.failed", 0.06 * now.load)
    if now.holds("logins_refused", "logins"):
        now.count("logins.succeeded", succeeded // 10)
        now.count("logins.failed", failed + succeeded - succeeded // 10)
    now.comes("signups", 0.05 * now.load)
    placed = now.comes("orders.placed", 0.5 * now.load)
    now.count("orders.revenue_cents", sum(now.chance.choice((900, 1900, 4900)) for _ in range(placed)))
    present = now.chance.poisson(35 * now.load)
    now.step.sets["users.online"] = [f"u{now.chance.randrange(USERS)}" for _ in range(present)]
    now.gauge("users.total", 41_000 + (now.site_time - 1_700_000_000) // 900)


def payments(now):
    """With tags, as DogStatsD's clients send them."""
    for provider, part in (("card", 0.7), ("paypal", 0.3)):
        for country, there in (("de", 0.4), ("fr", 0.25), ("us", 0.35)):
            now.comes(f"payments.charged;country={country};provider={provider}", 0.5 * part * there * now.load)
        n = now.chance.poisson(0.5 * part * now.load * now.step.seconds)
        longer = 20 if now.holds("charges_slow", provider) else 1
        now.timer(f"payments.latency;provider={provider}", n, longer * (320 if provider == "card" else 540), kind="d")
    for index, per_second, median in (("files", 2.2, 60), ("text", 0.8, 150)):
        n = now.chance.poisson(per_second * now.load * now.step.seconds)
        now.timer(f"search.latency;index={index}", n, median, kind="h")


def cache(now):
    """Told one time in ten, as one does where much is counted."""
    if now.down("cache1"):
        return
    hits = REQUESTS_PER_SECOND * 6 * now.load * now.step.seconds
    now.step.sampled["cache.hits"] = (now.chance.poisson(hits * 0.93 / 10), 0.1)
    now.step.sampled["cache.misses"] = (now.chance.poisson(hits * 0.07 / 10), 0.1)
    now.comes("cache.evictions", 0.4 * now.load)


def database(now):
    """Connections beside their limit, and how long queries take."""
    if now.down("db1"):
        return
    full, slow = now.holds("connections_full", "database"), now.holds("queries_slow", "database")
    used = CONNECTIONS_LIMIT if full else 22 + 30 * now.load + 5 * now.wander("connections", 45) + now.chance.gauss(0, 0.7)
    now.gauge("database.connections", min(CONNECTIONS_LIMIT, max(1, round(used))))
    now.gauge("database.connections_limit", CONNECTIONS_LIMIT)
    n = now.chance.poisson(8 * now.load * now.step.seconds)
    now.timer("database.query", n, 90 if slow else 30 if full else 6, spread=0.8)


def workers(now):
    """Memory that grows until the worker is replaced, every six hours, one after the other."""
    for index, name in enumerate(WORKERS):
        age = (now.site_time + index * 90 * MINUTE) % (6 * HOUR) / (6 * HOUR)
        leaked = 6e8 if now.holds("memory_leaks", name) else 0
        busy = 60 * now.load + 12 * now.wander(name, 90) + now.chance.gauss(10, 2)
        busy += 100 if now.holds("cpu_busy", name) else 0
        if not now.down(name):
            now.gauge(f"workers.{name}.memory_bytes", round(2e8 + 2.2e8 * age + leaked + 5e6 * now.wander(name, 60)))
            now.gauge(f"workers.{name}.busy_percent", max(0, min(100, busy)))


def mail(now):
    sent = now.comes("mail.sent", 1.1 * now.load)
    now.count("mail.bounced", now.chance.share(sent, 0.8 if now.holds("mail_refused", "mail") else 0.015))


def builds(now):
    """Of the team that makes the site: few, and on a Sunday there may be none for an hour."""
    pushes = now.comes("ci.pushes", 0.008 * now.load)
    now.count("ci.builds.started", pushes)
    failed = now.chance.share(pushes, 0.12)
    now.count("ci.builds.failed", failed)
    now.count("ci.builds.completed", pushes - failed)


def nightly(now):
    """A batch at two at night that reports by Carbon's line protocol every ten seconds while it runs."""
    second = now.site_time % DAY - 2 * HOUR
    if now.t % SLOW_INTERVAL or not 0 <= second < 40 * MINUTE:
        return
    files = 90_000 + now.site_time // DAY % 7 * 1500
    now.step.lines += [
        ("batch.nightly.files_imported", round(files * second / (40 * MINUTE))),
        ("batch.nightly.files_left", round(files * (1 - second / (40 * MINUTE)))),
        ("batch.nightly.errors", now.chance.poisson(0.2)),
    ]


def storage(now):
    """A collector that sends pickles every ten seconds, as carbon-relay and others do."""
    if now.t % SLOW_INTERVAL:
        return
    for index, name in enumerate(NODES):
        used = 3.1e12 + 4e11 * index + (now.site_time - 1_700_000_000) * 12_000
        writes = 180 * now.load + 30 * now.wander(name, 120) + now.chance.gauss(30, 5)
        if now.holds("disk_full", name):
            used, writes = NODE_BYTES, 0
        if now.down(name):
            continue
        now.step.pickled += [
            (f"storage.{name}.used_bytes", float(round(used))),
            (f"storage.{name}.writes_per_second", round(max(0, writes), 1)),
        ]


SLOW_INTERVAL = 10
PARTS = [views, uploads, jobs, people, payments, cache, database, workers, mail, builds, nightly, storage]
