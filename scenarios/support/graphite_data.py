"""Series to ask both for: with gaps, different steps, empty ones, tags, counters that wrap, negative values,
infinities. `series(now)` gives them; the same for both sides and for every run with the same `now`."""
import math
import random


class Series:
    def __init__(self, name, points, archives=((10, 7200),), x_files_factor=0.5, method="average"):
        self.name = name
        self.points = points
        # (step, retention in seconds), finest first
        self.archives = archives
        self.x_files_factor = x_files_factor
        self.method = method


def series(now):
    made = []
    dice = random.Random(20240229)

    def add(name, value, step=10, length=7200, gaps=0.0, **options):
        archives = options.pop("archives", ((step, length),))
        start = now - now % step - length + step
        points = []
        for index, time in enumerate(range(start, now + 1, step)):
            known = dice.random() >= gaps
            point = value(index, time)
            if known and point is not None:
                points.append((time, float(point)))
        made.append(Series(name, points, archives, **options))

    for host, level in (("web1", 10), ("web2", 20), ("web10", 35)):
        add(f"servers.{host}.cpu.user", lambda i, t: level + 5 * math.sin(i / 20) + dice.random())
        add(f"servers.{host}.cpu.system", lambda i, t: level / 2 + dice.random(), gaps=0.1)
        add(f"servers.{host}.requests", lambda i, t: dice.randrange(200), gaps=0.02)
        add(f"servers.{host}.errors", lambda i, t: dice.randrange(8) if dice.random() < 0.3 else None)
        add(f"servers.{host}.bytes_total", lambda i, t: i * 1000 * level % 4_294_967_296)
        add(f"servers.{host}.disk.used", lambda i, t: 5e11 + i * 1e6 * level, step=60)
        add(f"servers.{host}.disk.size", lambda i, t: 1e12, step=60)
    for host in ("db1", "db2"):
        add(f"servers.{host}.cpu.user", lambda i, t: 50 - i * 0.01 + dice.random(), step=60)
        add(f"servers.{host}.requests", lambda i, t: dice.randrange(1000), step=30)
    add("counters.wrap8", lambda i, t: i * 37 % 256)
    add("counters.reset", lambda i, t: i % 100 * 5, gaps=0.05)
    add("counters.steady", lambda i, t: i * 10)
    add("odd.negative", lambda i, t: -5 - dice.random() * 100)
    add("odd.around_zero", lambda i, t: math.sin(i / 7) * 3)
    add("odd.zero", lambda i, t: 0)
    add("odd.constant", lambda i, t: 42.5)
    add("odd.tiny", lambda i, t: 1e-12 * (i % 10 + 1))
    add("odd.huge", lambda i, t: 1.5e300 * (1 + i % 3))
    add("odd.infinite", lambda i, t: (math.inf, -math.inf, 1.0, 7.0)[i % 4])
    add("odd.shares", lambda i, t: (i % 97 + 1) / 100)
    add("odd.sparse", lambda i, t: i if i % 6 == 3 else None)
    add("odd.start_only", lambda i, t: i if i < 60 else None)
    add("odd.recent_only", lambda i, t: i if i > 700 else None)
    add("odd.one_point", lambda i, t: 7.0 if i == 650 else None)
    # One point long before what is asked for: a series that never had one could not come over Carbon. It is
    # minutes away from the end of the archive, or a slow machine would send it too late.
    add("odd.empty", lambda i, t: 1 if i == 40 else None)
    add("odd.digits", lambda i, t: i * 0.1)
    add("odd.big_steps", lambda i, t: i + 1, step=300)
    add("odd.seven", lambda i, t: i % 13, step=7, length=7000)
    add("odd.name-with_chars:and%20more$x", lambda i, t: i)
    add("deep.a.b.c.d.e.f", lambda i, t: i)
    add("deep.a.b", lambda i, t: i * 2)
    add("deep.a.b2", lambda i, t: i * 3)
    add("single", lambda i, t: i)
    add("ports.eth0.traffic", lambda i, t: 100 + i % 10)
    add("ports.eth1.traffic", lambda i, t: 200 + i % 10)
    add("ports.eth0.speed", lambda i, t: 1000)
    add("ports.eth1.speed", lambda i, t: 10000)
    # Kept twice as long in a coarser archive, by different rules.
    two = ((10, 1800), (60, 14400))
    add("rolled.average", lambda i, t: i % 50, archives=two, gaps=0.2)
    add("rolled.sum", lambda i, t: i % 50, archives=two, gaps=0.2, method="sum", x_files_factor=0.0)
    add("rolled.max", lambda i, t: i % 50, archives=two, gaps=0.2, method="max", x_files_factor=0.9)
    for dc, host, level in (("ams", "w1", 1), ("ams", "w2", 2), ("fra", "w3", 3), ("fra", "w4", 4)):
        add(f"requests;dc={dc};host={host}", lambda i, t: level * 10 + i % 5)
        add(f"latency;dc={dc};host={host};unit=ms", lambda i, t: level * 100 + i % 7, gaps=0.1)
    add("latency;dc=sto;host=w5", lambda i, t: 500)
    return made


def events(now):
    """(when, what, tags)"""
    return [(now - 1000, "deployed 1", "deploy web"), (now - 500, "deployed 2", "deploy db"),
            (now - 500, "flipped", "flag web"), (now - 20, "deployed 3", "deploy web")]
