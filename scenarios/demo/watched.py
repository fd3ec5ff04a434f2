"""What is watched of the site: its hosts, its services, its checks, and what each check says of the site's numbers.

`alerts(site, begin, seconds)` is what Nagios or Prometheus would make of them: a check runs every half minute, is asked again ten seconds
after it was bad, and is believed the second time.
"""
import dataclasses
import statistics
import zlib
from collections.abc import Callable

from demo.site import NODE_BYTES, NODES, PROVIDERS, QUEUES, RACK_OF, RACKS, WEB, WORKERS

STEP = 10           # What a check looks back on, and how soon it is asked again.
INTERVAL = 30
ATTEMPTS = 2

# (what their checks are called, their hosts, the services that they need)
SERVICES = {
    "site": (["site/*", "web?/http"], ["web?"], ["database", "cache", "logins"]),
    "logins": (["logins/*"], [], []),
    "database": (["db1/*"], ["db1"], []),
    "cache": (["cache1/*"], ["cache1"], []),
    "storage": (["store?/*"], ["store?"], []),
    "workers": (["jobs1/*"], ["jobs1"], []),
    "uploads": (["queue/uploads/*"], [], ["workers", "storage", *PROVIDERS]),
    "thumbnails": (["queue/thumbnails/*"], [], ["workers"]),
    "mail": (["queue/mail/*", "mail/*"], [], ["workers"]),
    "reports": (["queue/reports/*"], [], ["workers"]),
    "payments": (["payments/*"], [], []),
    **{provider: ([f"uploads/{provider}/*"], [], []) for provider in PROVIDERS},
}
SERVICE_OF_HOST = {"db1": "database", "cache1": "cache", "jobs1": "workers", **dict.fromkeys(WEB, "site"), **dict.fromkeys(NODES, "storage")}


@dataclasses.dataclass(frozen=True)
class Check:
    name: str
    host: str                                   # Empty: it is about no host in particular.
    service: str                                # Empty: it is about its host alone.
    limit: float                                # Bad from here on.
    value: Callable[["Look"], float | None]     # None: no answer, which is bad too.


@dataclasses.dataclass(frozen=True)
class Alert:
    """Something that has come to be believed to be bad, and the results before it."""
    name: str
    host: str
    service: str
    is_host: bool
    at: int
    results: tuple      # The times at which it was found bad, the last of them `at`.


class Look:
    """What checks see of the site at one moment: the ten seconds before it."""

    def __init__(self, site, t):
        self.site, self.t, self.step = site, t, site.step(t, STEP)
        self.pickled = dict(self.step.pickled)

    def share(self, part, *whole):
        """Of counters; of nothing it is none."""
        total = sum(self.step.counters[name] for name in whole)
        return self.step.counters[part] / total if total else 0.0

    def middle(self, timer):
        """The median; of a timer that is not told there is none, of one without a value it is 0."""
        if timer not in self.step.timers:
            return None
        return statistics.median(self.step.timers[timer][2] or [0.0])

    def refused(self):
        counters = self.step.counters
        all_of = sum(n for name, n in counters.items() if name.startswith("response."))
        return (counters["response.500"] + counters["response.503"]) / max(1, all_of)

    def disk(self, host):
        return 0.99 if self.site.story.holds("disk_full", host, self.t) else 0.6

    def misses(self):
        hits, misses = (self.step.sampled.get(f"cache.{name}") for name in ("hits", "misses"))
        return misses and misses[0] / max(1, hits[0] + misses[0])


def checks():
    found = [
        Check("site/latency", "", "site", 80, lambda look: look.middle("view.home.GET")),
        Check("site/errors", "", "site", 0.05, Look.refused),
        Check("logins/refused", "", "logins", 0.6, lambda look: look.share("logins.failed", "logins.failed", "logins.succeeded")),
        Check("mail/bounced", "", "mail", 0.4, lambda look: look.share("mail.bounced", "mail.sent")),
        Check("db1/connections", "db1", "database", 95, lambda look: look.step.gauges.get("database.connections")),
        Check("db1/queries", "db1", "database", 20, lambda look: look.middle("database.query")),
        Check("cache1/misses", "cache1", "cache", 0.3, Look.misses),
    ]
    for host in WEB:
        found.append(Check(f"{host}/http", host, "site", 0.05, Look.refused))
    for host in WORKERS:
        service = "workers" if host == "jobs1" else ""
        found += [
            Check(f"{host}/memory", host, service, 7e8, lambda look, host=host: look.step.gauges.get(f"workers.{host}.memory_bytes")),
            Check(f"{host}/cpu", host, service, 99, lambda look, host=host: look.step.gauges.get(f"workers.{host}.busy_percent")),
            Check(f"{host}/disk", host, service, 0.95, lambda look, host=host: look.disk(host)),
        ]
    for node in NODES:
        used = lambda look, node=node: look.pickled.get(f"storage.{node}.used_bytes")
        idle = lambda look, node=node: -look.pickled.get(f"storage.{node}.writes_per_second", 0)
        found += [Check(f"{node}/disk", node, "storage", 0.99 * NODE_BYTES, used), Check(f"{node}/io", node, "storage", -1, idle)]
    for provider in PROVIDERS:
        name = f"uploads.{provider}"
        failed = lambda look, name=name: look.share(f"{name}.failed", f"{name}.started")
        seconds = lambda look, name=name: look.middle(f"{name}.duration")
        found += [Check(f"uploads/{provider}/failed", "", provider, 0.3, failed), Check(f"uploads/{provider}/seconds", "", provider, 2500, seconds)]
    for queue, per_second, _ in QUEUES:
        depth = lambda look, queue=queue: look.step.gauges[f"jobs.{queue}.depth"]
        age = lambda look, queue=queue: look.step.gauges[f"jobs.{queue}.oldest_seconds"]
        found += [Check(f"queue/{queue}/depth", "", queue, 20 + 5 * per_second, depth), Check(f"queue/{queue}/age", "", queue, 60, age)]
    for kind in ("card", "paypal"):
        latency = lambda look, kind=kind: look.middle(f"payments.latency;provider={kind}")
        found.append(Check(f"payments/{kind}/seconds", "", "payments", 2500, latency))
    # Nobody can ask a host that is down.
    return [dataclasses.replace(one, value=answering(one)) if one.host else one for one in found]


def answering(check):
    return lambda look: None if look.site.down(check.host, look.t) else check.value(look)


CHECKS = checks()


def alerts(site, begin, seconds):
    """All that comes to be believed to be bad within so many seconds, in order."""
    looks = [Look(site, t) for t in range(begin, begin + seconds, STEP)]
    found = []
    for host in (*RACKS, *RACK_OF):
        is_down = lambda t, host=host: bool(site.story.holds("network_lost", host, t)) if host in RACKS else site.down(host, t)
        at = next((look.t for look in looks if is_down(look.t)), None)
        if at is not None:
            found.append(Alert(host, host, SERVICE_OF_HOST.get(host, ""), True, at, (at,)))
    for check in CHECKS:
        results = believed(check, looks)
        if results:
            found.append(Alert(check.name, check.host, check.service, False, results[-1], results))
    return sorted(found, key=lambda alert: (alert.at, alert.name))


def believed(check, looks):
    """The times at which it was found bad so often in a row that it is believed."""
    phase = zlib.crc32(check.name.encode()) % (INTERVAL // STEP)
    bad = []
    for number, look in enumerate(looks):
        if not bad and number % (INTERVAL // STEP) != phase:
            continue
        value = check.value(look)
        if value is not None and value < check.limit:
            bad = []
            continue
        bad.append(look.t)
        if len(bad) == ATTEMPTS:
            return tuple(bad)
    return ()
