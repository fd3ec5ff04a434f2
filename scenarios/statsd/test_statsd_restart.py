"""What a restart must not take: gauges, and what was counted in the second before a kill -9."""
import re
import socket
import threading
import time

import pytest

from support.server import wait_for


def last(server, target):
    points = server.points(target, **{"from": "-2min"}).get(target, [])
    return points[-1][1] if points else None


def total(server, target):
    return sum(value for _, value in server.points(target, **{"from": "-2min"}).get(target, []))


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_gauges_keep_their_values(bellwether, end):
    server = bellwether()
    server.statsd_send(b"depth:40|g\nother;k=v:7|g", b"depth:+2|g\ngone:1|g")
    wait_for(lambda: last(server, "stats.gauges.depth") == 42, what="the gauge")
    server.admin("delgauges gone")
    server.statsd_send(b"depth:-3|g")
    wait_for(lambda: re.search(r"\bdepth: 39\b", server.admin("gauges")), what="the change")
    # Longer than the journal's 10 ms, shorter than a flush.
    time.sleep(0.3)
    getattr(server, end)()
    server.start()
    server.statsd_send(b"depth:+1|g")
    wait_for(lambda: last(server, "stats.gauges.depth") == 40, what="the change of the value held")
    assert last(server, "stats.gauges.other;k=v") == 7
    assert "gone" not in server.admin("gauges")


def test_what_was_counted_before_a_kill_is_not_lost(bellwether):
    server = bellwether('[statsd]\nflush_interval = "5s"\n')
    wait_for(lambda: time.time() % 5 < 1, what="the start of an interval")
    for _ in range(100):
        server.statsd_send(b"hits:1|c\nbusy:3|ms|@0.5")
    # A busy machine may be at the next interval with some of them: those of the last are asked for first.
    counted = lambda: sum(int(count) for count in re.findall(r"\bhits: (\d+)", server.admin("counters")))
    wait_for(lambda: total(server, "stats_counts.hits") + counted() == 100, what="a hundred hits")
    time.sleep(0.3)
    server.kill()
    server.start()
    wait_for(lambda: total(server, "stats_counts.hits") == 100, what="the hits from before")
    wait_for(lambda: total(server, "stats.timers.busy.count") == 200, what="the samples from before")


class Load:
    """50,000 metrics a second in packets of 25, for as long as it is open, whether anybody is there or not."""
    PACKETS = [b"\n".join(b"load.c%d:1|c" % (25 * packet + n) for n in range(25)) for packet in range(40)]
    RATE = 50_000 // 25

    def __init__(self, server):
        self.server, self.over, self.sent = server, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def run(self):
        begun = time.monotonic()
        with socket.socket(type=socket.SOCK_DGRAM) as out:
            while not self.over.wait(0.005):
                for _ in range(int((time.monotonic() - begun) * self.RATE) - self.sent):
                    try:
                        out.sendto(self.PACKETS[self.sent % 40], ("127.0.0.1", self.server.ports["statsd"]))
                    except ConnectionRefusedError:
                        pass
                    self.sent += 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_under_load(bellwether, end):
    server = bellwether()
    gauges = {f"stats.gauges.load.g{n}": n * 1.5 for n in range(100)}
    server.statsd_send(*(f"load.g{n}:{n * 1.5}|g".encode() for n in range(100)))
    with Load(server):
        wait_for(lambda: len(server.points("stats_counts.load.*", **{"from": "-1min"})) == 1000)
        wait_for(lambda: total(server, "stats_counts.load.c0") > 100)
        before = int(time.time())
        server.stop() if end == "stop" else server.kill()
        time.sleep(3)
        server.start()
        after = int(time.time()) + 2
        newest = lambda: max(at for at, _ in server.points("stats_counts.load.c0", **{"from": "-1min"})["stats_counts.load.c0"])
        wait_for(lambda: newest() > after)
        names = server.points("stats_counts.load.*", **{"from": "-1min"})
        assert len(names) == 1000
        for name, value in gauges.items():
            assert last(server, name) == value, name
    window = {"from": before - 2, "until": after}
    counted = [at for at, value in server.points("sumSeries(stats_counts.load.*)", **window)["sumSeries(stats_counts.load.*)"] if value]
    longest = max(later - earlier for earlier, later in zip(counted, counted[1:]))
    assert longest >= 3, "seconds without a server are empty, not made up"
    gaps = server.get("/api/v1/health").json["storage"]["gaps"]
    assert any(from_ <= before + 2 and until - from_ >= 2 for from_, until in gaps), gaps
