"""Recent answers are given again, and are never stale: whatever happens to the data, the answer from memory is the one
that `noCache` computes. A query without an asker ends."""
import os
import random
import socket
import time
import urllib.parse

import psutil
import pytest

from support.server import Bellwether, wait_for

CONFIG = """
[collectors]
host = false
[self]
series = false
[[storage.retention]]
name = "all"
pattern = ".*"
archives = ["10s:1h", "1m:1d"]
"""
STEP = 10


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("answers"), CONFIG).start()
    yield server
    server.stop()


def store(server, *points):
    body = {"points": [{"name": name, "value": value, "time": when} for name, value, when in points]}
    answer = server.post("/api/v1/points", body)
    assert answer.status == 200, answer.text


def render(server, target, start, end, **more):
    query = {"target": target, "from": start, "until": end, "format": "json", **more}
    answer = server.get(f"/render?{urllib.parse.urlencode(query)}")
    assert answer.status == 200, answer.text
    return answer


def kept(server, target, start, end):
    query = urllib.parse.urlencode({"target": target, "from": start, "until": end})
    return server.get(f"/api/v1/explain?{query}").json["cache"]


def test_the_past_stays_until_something_touches_it(server):
    now = int(time.time())
    start, end = now - 1800, now - 600
    store(server, *[(f"past.a{index}", index, now - ago) for index in range(5) for ago in range(10, 1700, 10)])
    ask = lambda: render(server, "sumSeries(past.*)", start, end).json
    first = ask()
    assert kept(server, "sumSeries(past.*)", start, end) == "hit"
    # Regular points do not touch it, nor does asking otherwise.
    store(server, ("past.a1", 5, now), ("other.x", 1, now - 5))
    hits = lambda: kept(server, "sumSeries(past.*)", start, end)
    # The new series might have been one of its own: it is looked up again, and comes out the same.
    assert ask() == first and hits() == "hit"
    store(server, ("past.a1", 6, now), ("other.x", 2, now))
    assert hits() == "hit" and ask() == first
    for change in (("past.a1", 100, end - 50), ("past.new", 7, end - 70), ("past.a1", 101, end - 50)):
        store(server, change)
        assert hits() == "miss"
        changed = ask()
        assert changed != first, change
        assert changed == render(server, "sumSeries(past.*)", start, end, noCache=1).json
        first = changed
    # Only the parameters that matter tell questions apart.
    salted = render(server, "sumSeries(past.*)", start, end, _salt="123")
    assert salted.json == first
    assert len(render(server, "sumSeries(past.*)", start, end, maxDataPoints=3).json[0]["datapoints"]) < 5


def test_tagged_series_come_and_go(server):
    now = int(time.time())
    target, window = "seriesByTag('name=tagged')", (now - 900, now - 300)
    names = lambda: [one["target"] for one in render(server, target, *window).json]
    store(server, ("tagged;host=a", 1, now - 400))
    assert names() == ["tagged;host=a"] and kept(server, target, *window) == "hit"
    store(server, ("tagged;host=b", 1, now))
    assert names() == ["tagged;host=a", "tagged;host=b"] and kept(server, target, *window) == "hit"
    gone = server.post("/tags/delSeries", b"path=tagged;host=a", {"Content-Type": "application/x-www-form-urlencoded"})
    assert gone.status == 200
    assert names() == ["tagged;host=b"]


@pytest.mark.parametrize("target", ["randomWalk('x')", "events('*')", "timeSlice(passing.a,'-5min','now')"])
def test_what_passes_is_not_kept(server, target):
    now = int(time.time())
    store(server, ("passing.a", 1, now - 100))
    render(server, target, now - 300, now - 60)
    assert kept(server, target, now - 300, now - 60) == "miss"


def test_who_wants_no_memory_gets_none(server):
    now = int(time.time())
    store(server, ("asked.a", 1, now - 400))
    window = ("asked.a", now - 900, now - 300)
    render(server, *window, noCache="true")
    assert kept(server, *window) == "miss"
    render(server, *window, cacheTimeout=0)
    assert kept(server, *window) == "miss"
    render(server, *window)
    assert kept(server, *window) == "hit"


def test_whatever_happens_it_is_what_would_be_computed(server):
    """Points in order, late, over others, for new series; windows of all kinds, asked again and again."""
    seed = int(os.environ.get("ANSWERS_SEED", "3"))
    dice = random.Random(seed)
    start = int(time.time())
    targets = ["rand.*", "sumSeries(rand.*)", "movingAverage(rand.a,'2min')", "timeShift(rand.*,'5min')", "rand.b",
               "nothing.here", "aliasByNode(seriesByRegex('^rand\\.'),1)", "summarize(rand.*,'1min','max')"]
    windows = [(start - 2400, start - 1200), (start - 900, start - 300), (start - 300, start), (start - 5000, start - 4000),
               (start - 3600, start + 60)]
    hits = 0
    for round in range(40 * (20 if os.environ.get("BELLWETHER_LONG") else 1)):
        if dice.random() < 0.4:
            name = f"rand.{dice.choice('abc')}" if dice.random() < 0.9 else f"rand.{dice.randrange(50)}"
            ago = dice.choice([0, 0, 5, 60, 400, 1500, 2000, 3500, 4500])
            store(server, (name, dice.randrange(100), int(time.time()) - ago))
        target, window = dice.choice(targets), dice.choice(windows)
        for _ in range(2):
            now = int(time.time())
            remembered = render(server, target, *window, now=now)
            computed = render(server, target, *window, now=now, noCache=1)
            assert remembered.body == computed.body, (seed, round, target, window)
        hits += kept(server, target, *window) == "hit"
    assert hits > 0


def test_a_query_without_an_asker_ends(server):
    now = int(time.time())
    store(server, *[(f"many.s{index}", index, now - 60) for index in range(400)])
    # Seconds of work: each shift reads all of them.
    target = "sumSeries(timeStack(many.*,'10s',0,9000))"
    query = urllib.parse.urlencode({"target": target, "from": "-30min", "format": "json", "noCache": "1"})
    port = server.ports["http"]
    process = psutil.Process(server.process.pid)
    busy = lambda: sum(process.cpu_times()[:2])
    before = busy()
    askers = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    for asker in askers:
        asker.sendall(f"GET /render?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    wait_for(lambda: busy() - before > 0.3, what="the queries to take their time")
    for asker in askers:
        asker.close()

    def idle():
        before = busy()
        time.sleep(0.3)
        return busy() - before < 0.2
    wait_for(idle, seconds=10, what="the server to give the queries up")

