"""C181: any percentile over any window, rollup and tag set is within 1 % of the exact one."""
import math
import random
import time

from support.server import wait_for


def exact(values, percent):
    ranked = sorted(values)
    return ranked[max(1, math.ceil(len(ranked) * percent / 100)) - 1]


def send(server, metrics):
    for start in range(0, len(metrics), 20):
        server.statsd_send("\n".join(metrics[start:start + 20]).encode())
        if start % 1000 == 0:
            time.sleep(0.01)


def flushed(server):
    """The next flush is there: of those before it the distributions are kept too, which come behind their numbers."""
    newest = lambda: max(at for at, _ in server.points("statsd.numStats", **{"from": "-1min"})["statsd.numStats"])
    before = newest()
    wait_for(lambda: newest() > before, what="the next flush")


def test_c181_percentiles_of_windows_and_tag_sets(bellwether):
    server = bellwether()
    rng = random.Random(7)
    by_host = {host: [rng.lognormvariate(mean, 1) for _ in range(3_000)] for host, mean in (("a", 3), ("b", 5))}
    begin = time.time()
    # Spread over some seconds, so that windows hold several flushes.
    for part in range(6):
        chunk = [f"api.latency:{value:.6f}|ms|#host:{host}"
                 for host, values in by_host.items() for value in values[part * 500:(part + 1) * 500]]
        rng.shuffle(chunk)
        send(server, chunk)
        time.sleep(0.7)
    everything = by_host["a"] + by_host["b"]
    count = "sumSeries(seriesByTag('name=stats.timers.api.latency.count'))"
    total = lambda: sum(v for points in server.points(count, **{"from": "-2min"}).values() for _, v in points)
    wait_for(lambda: total() == len(everything), what="all samples to be flushed")
    flushed(server)
    assert time.time() - begin < 55

    def newest(target):
        points = [value for series in server.points(target, **{"from": "-1min"}).values() for _, value in series]
        return points[-1]

    for percent in (1, 25, 50, 75, 90, 95, 99, 99.9):
        for host, values in by_host.items():
            target = f"percentileOver(stats.timers.api.latency;host={host}, {percent}, '1min')"
            assert abs(newest(target) / exact(values, percent) - 1) <= 0.01, (host, percent)
        target = f"percentileOver(mergeTimers(seriesByTag('name=stats.timers.api.latency')), {percent}, '1min')"
        assert abs(newest(target) / exact(everything, percent) - 1) <= 0.01, percent


def test_c181_sampled_timers_count_as_often_as_they_stand_for(bellwether):
    server = bellwether()
    send(server, ["mixed:10|ms|@0.1"] * 90 + ["mixed:1000|ms"] * 100)
    over = lambda percent: server.points(f"percentileOver(stats.timers.mixed, {percent}, '1min')", **{"from": "-30s"})
    wait_for(lambda: sum(v for s in server.points("stats.timers.mixed.count", **{"from": "-30s"}).values() for _, v in s) == 1000,
             what="all samples")
    flushed(server)
    newest = lambda percent: [v for s in over(percent).values() for _, v in s][-1]
    # 900 of 1000 stand at 10 ms.
    assert abs(newest(85) / 10 - 1) <= 0.01 and abs(newest(95) / 1000 - 1) <= 0.01


def test_c181_percentiles_survive_rollup_and_restart(bellwether):
    config = '[[storage.retention]]\nname = "short"\npattern = ".*"\narchives = ["1s:1min", "10s:1h"]\n'
    server = bellwether(config)
    rng = random.Random(11)
    values = [rng.expovariate(0.01) for _ in range(4_000)]
    send(server, [f"rolled:{value:.6f}|ms" for value in values])
    total = lambda: sum(v for points in server.points("stats.timers.rolled.count", **{"from": "-50s"}).values() for _, v in points)
    wait_for(lambda: total() == len(values), what="all samples to be flushed")
    server.stop()
    server.start()
    server.cli("storage", "compact")
    # Asked from two minutes ago on, only the coarser archive answers.
    window = {"from": "-2min"}
    ask = lambda percent: [v for s in server.points(f"percentileOver(stats.timers.rolled, {percent}, '2min')", **window).values() for _, v in s]
    wait_for(lambda: ask(50), what="the coarser archive to know of it")
    for percent in (10, 50, 90, 99):
        assert abs(ask(percent)[-1] / exact(values, percent) - 1) <= 0.01, percent


def test_numbers_of_sketches_never_show_among_the_names(bellwether):
    server = bellwether()
    server.statsd_send(b"a.b:5|ms")
    wait_for(lambda: server.points("stats.timers.a.b.mean", **{"from": "-1min"}), what="the timer")
    assert "stats.timers.a.b" not in server.get("/metrics/index.json").json
    assert server.get("/metrics/find?query=stats.timers.a.b").json[0]["leaf"] == 0
