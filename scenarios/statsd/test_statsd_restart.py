"""What a restart must not take: gauges, and what was counted in the second before a kill -9."""
import re
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
    # Longer than the journal's 10 ms, shorter than a flush.
    time.sleep(0.1)
    getattr(server, end)()
    server.start()
    server.statsd_send(b"depth:+1|g")
    wait_for(lambda: last(server, "stats.gauges.depth") == 40, what="the change of the value held")
    assert last(server, "stats.gauges.other;k=v") == 7
    assert "gone" not in server.admin("gauges")


def test_what_was_counted_before_a_kill_is_not_lost(bellwether):
    server = bellwether('[statsd]\nflush_interval = "3s"\n')
    wait_for(lambda: time.time() % 3 < 1, what="the start of an interval")
    for _ in range(100):
        server.statsd_send(b"hits:1|c\nbusy:3|ms|@0.5")
    wait_for(lambda: re.search(r"hits: 100\b", server.admin("counters")), what="a hundred hits")
    time.sleep(0.1)
    server.kill()
    server.start()
    wait_for(lambda: total(server, "stats_counts.hits") == 100, what="the hits from before")
    assert total(server, "stats.timers.busy.count") == 200
