"""No request takes more memory than it may, whatever it asks for: the bound is looked at from outside, as what the process
holds. A million series with BELLWETHER_LONG, twenty thousand otherwise."""
import os
import socket
import threading
import time
import urllib.parse

import psutil
import pytest

from support.server import Bellwether, wait_for

LONG = bool(os.environ.get("BELLWETHER_LONG"))
SERIES = 1_000_000 if LONG else 20_000
ROUNDS = 6
LIMIT = 48 << 20
# What is held for a moment beside what is counted: what the store decodes, and the allocator's slack.
ROOM = 2 * LIMIT + (64 << 20)
CONFIG = f"""
[http]
max_query_bytes = {LIMIT}
max_query_series = {SERIES // 2}
answer_cache_bytes = 0
[collectors]
host = false
[self]
series = false
[[storage.retention]]
name = "all"
pattern = ".*"
archives = ["10s:1d"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("memory"), CONFIG).start()
    now = int(time.time()) // 10 * 10
    with socket.create_connection(("127.0.0.1", server.ports["line"]), timeout=600) as out:
        for age in range(ROUNDS):
            for first in range(0, SERIES, 10_000):
                out.sendall("".join(f"crowd.g{index // 100:05}.server{index:07}.requests {index % 97} {now - 10 * age}\n"
                                    for index in range(first, first + 10_000)).encode())
    last = f"crowd.g{(SERIES - 1) // 100:05}.server{SERIES - 1:07}.requests"
    wait_for(lambda: any(value is not None and when == now - 10 * (ROUNDS - 1)
                         for series in server.points(last, **{"from": "-5min"}).values() for when, value in series),
             seconds=600, pause=0.2, what="the last of the points")
    yield server
    server.stop()


def ask(server, target, **more):
    query = {"target": target, "from": "-2min", "format": "json", **more}
    # As a form: addresses are shorter than some of these.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return server.post("/render", urllib.parse.urlencode(query).encode(), form, timeout=120)


def test_a_glob_over_everything_is_refused_with_the_cure(server):
    for target in ("crowd.*.*.*", "*.*.*.*", "crowd.**", "sumSeries(crowd.*.*.*)", "seriesByTag('name=~crowd')",
                   "seriesByRegex('requests$')"):
        begun = time.monotonic()
        answer = ask(server, target)
        assert answer.status == 400, (target, answer.status)
        assert f"takes more than {SERIES // 2}" in answer.text and "max_query_series" in answer.text, answer.text
        assert time.monotonic() - begun < 20


HALF = "crowd.g000[0-4]?.*.*" if not LONG else "crowd.g00[0-4]??.*.*"
SOME = "crowd.g0000?.*.*"
LONG_TEXT = "x" * 100_000


@pytest.mark.parametrize("target, more", [
    (f"{SOME}|timeStack('1s',0,9000)", {}),
    (f"timeStack({SOME},'1s',0,9999)", {}),
    (f"timeStack({SOME},'1s',0,100000)", {}),
    (f"alias({SOME},'{LONG_TEXT}')", {}),
    (f"{SOME}|aliasSub('e','{LONG_TEXT[:20_000]}')", {}),
    (f"asPercent(scale({HALF},2),None,0)", {}),
    (f"pct(scale({HALF},2),scale({HALF},3))|timeStack('10s',0,99)", {}),
    (f"divideSeries({HALF},sumSeries(scale({HALF},2)))", {}),
    (f"movingAverage({HALF},'1d')", {}),
    (f"movingMedian({HALF},99999999)", {}),
    (f"hitcount({HALF},'1s')", {"from": "-6h"}),
    (f"applyByNode({HALF},1,'crowd.*.*')", {}),
    (f"group({','.join(['scale(' + SOME + ',2)'] * 60)})", {}),
    (f"{HALF}", {"from": "-6h", "format": "csv"}),
    (f"{HALF}", {"from": "-3h", "format": "rickshaw"}),
    (f"{HALF}", {"from": "-3h", "format": "pickle"}),
], ids=lambda part: part[:60] if isinstance(part, str) else "")
def test_no_request_goes_above_its_limit(server, target, more):
    process = psutil.Process(server.process.pid)
    before, most = process.memory_info().rss, 0
    done = threading.Event()

    def watch():
        nonlocal most
        while not done.is_set():
            most = max(most, process.memory_info().rss)
            time.sleep(0.005)
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        answer = ask(server, target, **more)
    finally:
        done.set()
        watcher.join()
    assert answer.status in (200, 400, 503), answer.text[:300]
    assert answer.status == 200 or "takes more than" in answer.text or "longer than" in answer.text, answer.text[:300]
    print(f"{target[:60]}: {answer.status} {answer.text[:80] if answer.status != 200 else len(answer.body)}; "
          f"{(most - before) / 2**20:.0f} MB more, of {LIMIT / 2**20:.0f} allowed")
    assert most - before < ROOM, f"{(most - before) / 2**20:.0f} MB"


def test_it_still_answers(server):
    assert len(ask(server, "crowd.g00000.*.*").json) == 100
    assert server.get("/readyz").status == 200
