"""The demo against the real server: what arrives is what the simulation says, and the command cleans up behind itself."""
import collections
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from demo import wire
from demo.flush import counts
from demo.play import Player
from demo.site import Site, busy_clock
from demo.story import Chapter, MINUTE, Story, deploy
from support.server import ROOT, default_binary, wait_for

LIVE_SECONDS = 12


def test_what_arrives_is_what_the_site_has_told(bellwether):
    # A second that it misses is a gap.
    server = bellwether(goes_ahead=True)
    start = int(time.time())
    story = Story(start, [
        deploy(-MINUTE, "web@1.4.2"), deploy(1, "web@1.4.3"), Chapter(3, 8, "provider_fails", "gdrive", "gdrive fails"),
        Chapter(8, 8, "event", "web@1.4.3 rolled back", "back", ("deploy", "rollback"), "statsd"),
    ])
    site, told = Site(story, seed=7, clock=busy_clock(start)), []
    player = Player(site, server.ports, lambda t, text: told.append(text))
    begin = (start - 5 * MINUTE) // MINUTE * MINUTE
    player.past(begin, start)
    live = player.catch_up(start)
    end = live + LIVE_SECONDS
    player.live(live, end)
    player.wire.close()
    assert {"web@1.4.3 is deployed", "gdrive fails", "back"} == set(told)

    steps = [site.step(t) for t in range(begin, end)]
    expected = collections.Counter()
    for step in steps:
        expected.update(counts(step))
        expected.update({f"{name};timer": n for name, (_, n, _) in step.timers.items()})
    since = {"from": begin - 1}
    wait_for(lambda: end in dict(server.points("stats_counts.response.200", **since)["stats_counts.response.200"]),
             what="the last second to be flushed")
    assert differences(received(server, begin), expected) == {}

    gauges = server.points("stats.gauges.jobs.*.depth", **since)
    for name, points in gauges.items():
        sent = {t: step.gauges[name.removeprefix("stats.gauges.")] for t, step in zip(range(begin + 1, end + 1), steps)}
        assert set(sent) <= {t for t, _ in points}, f"{name} has gaps"
    slow = server.points("storage.*.used_bytes", **since)
    assert {t for points in slow.values() for t, _ in points} == {t for t in range(begin, end) if t % 10 == 0}

    events = {(event["what"], int(event["when"])) for event in server.get("/events/get_data").json}
    assert events == {("web@1.4.2 deployed", start - MINUTE), ("web@1.4.3 deployed", start + 1),
                      ("web@1.4.3 rolled back", start + 8)}
    health = server.get("/api/v1/health").json
    assert not health["bad_lines"] and not health["refused"]["total"]
    assert all(drop["total"] == 0 for part in health["parts"] for drop in part["dropped"])


def received(server, begin):
    """What counters and timers come to, without those of StatsD itself."""
    sums = collections.Counter()
    for name, points in points_under(server, "stats_counts", begin).items():
        sums[name.removeprefix("stats_counts.")] = sum(value for _, value in points)
    for name, points in points_under(server, "stats.timers", begin).items():
        stem, _, tags = name.partition(";")
        if stem.endswith(".count"):
            timer = stem.removeprefix("stats.timers.").removesuffix(".count") + (tags and ";" + tags)
            sums[f"{timer};timer"] = sum(value for _, value in points)
    return collections.Counter({name: n for name, n in sums.items() if not name.startswith("statsd.")})


def differences(one, other):
    return {name: (one[name], other[name]) for name in one | other if one[name] != other[name]}


def points_under(server, root, begin):
    found = {}
    # Globs do not find what has tags, as in Graphite.
    tagged = [f"seriesByTag('name=~^{root}','{tag}=~.')" for tag in ("provider", "index")]
    for target in (*(root + ".*" * depth for depth in range(1, 6)), *tagged):
        found.update(server.points(target, **{"from": begin - 1}))
    return found


def test_few_packets_hold_all_lines():
    lines = [f"name{n}:1|c" for n in range(5000)]
    for most in (1, 10, 100, 10_000):
        packed = wire.packets(lines, most)
        assert b"\n".join(packed).decode().split("\n") == lines
        assert max(map(len, packed)) <= wire.PACKET_BYTES
    assert len(wire.packets(lines, 300)) <= 300
    assert wire.packets([], 300) == []


def test_ctrl_c_ends_the_server_and_leaves_nothing_behind(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scenarios"), "BELLWETHER_BIN": default_binary(),
                   "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    log = tmp_path.parent / f"{tmp_path.name}.log"
    with open(log, "wb") as out:
        demo = subprocess.Popen([sys.executable, "-m", "demo", "--history", "2m", "--speed", "600"], env=environment,
                                stdout=out, stderr=out, start_new_session=True)
    try:
        wait_for(lambda: "live; Ctrl-C ends it" in log.read_text(), seconds=60, what="the story to catch up")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
    text = log.read_text()
    url = re.search(r"http://127.0.0.1:(\d+)/", text)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", int(url[1])), 5):
        pass
    assert "Traceback" not in text and text.count("gdrive answers 401") == 1
    assert list(tmp_path.iterdir()) == []
