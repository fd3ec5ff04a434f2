"""S16: the power goes under load, while people are at work on incidents. The seed is printed."""
import concurrent.futures
import os
import random
import time

from support.senders import Sender, before, flushed, stored_hits
from support.server import Bellwether, wait_for

# What is promised of a power cut.
LOST_SECONDS = 1
AWAY_SECONDS = 3


def config(hook):
    checks = "".join(f"""
[[check]]
name = "{name}"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
""" for name in ("db", "web", "busy"))
    return f"""
[collectors]
host = false
[incidents]
group_window = "0s"
[[contact]]
name = "ana"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[monitor]]
name = "level"
target = "stats.gauges.killed.level"
critical = "> 0"
contacts = ["ana"]
{checks}
"""


def tell(server, check, status, output="said so"):
    answer = server.post(f"/api/v1/checks/{check}/result", {"status": status, "output": output}, timeout=10)
    assert answer.status == 200, answer.text


def incident_of(server, name):
    return next(one for one in server.get("/api/v1/incidents?state=all").json["incidents"] if one["title"].startswith(name))


def told_of(hook, name):
    return [body["event"] for _, body, _ in hook.taken if body["name"] == name]


def test_s16_the_power_goes_under_load(tmp_path, hook):
    seed = int(os.environ.get("BELLWETHER_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"BELLWETHER_SEED={seed}")
    dice = random.Random(seed)
    server = Bellwether(tmp_path / "server", config(hook), goes_ahead=True).start()
    answered = []

    def results():
        """Each is kept once it was answered."""
        while True:
            try:
                tell(server, "busy", 0, f"number {len(answered)}")
                answered.append(f"number {len(answered)}")
            except OSError:
                return

    with Sender(server) as first:
        for name in ("db", "web"):
            tell(server, name, 2)
        wait_for(lambda: all(told_of(hook, name) == ["problem"] for name in ("db", "web", "level")), what="the pages")
        taken = incident_of(server, "db")["id"]
        done = server.post(f"/api/v1/incidents/{taken}/acknowledge", {"author": "ana", "comment": "on it"})
        assert done.status == 200, done.text
        noted = server.post(f"/api/v1/incidents/{taken}/note", {"author": "ana", "text": "it is the disk"})
        assert noted.status == 200, noted.text
        timeline = server.get(f"/api/v1/incidents/{taken}").json["timeline"]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            running = pool.submit(results)
            wait_for(lambda: answered, what="a result")
            time.sleep(dice.uniform(0.5, 2.5))
            killed = time.time()
            server.kill()
            running.result()
    time.sleep(AWAY_SECONDS)
    server.start()
    back = time.time()
    try:
        with Sender(server) as second:
            wait_for(lambda: len({int(at) for at in second.increments}) > 3, what="three seconds of load")
        flushed(server)

        # At most a second is lost, and the rest is there once.
        least = before(first.increments, killed - LOST_SECONDS) + len(second.increments)
        most = len(first.increments) + len(second.increments)
        hits = stored_hits(server)
        assert least <= hits <= most, f"{hits} of {least} to {most} (seed {seed})"
        stored = server.points("killed.line.*", **{"from": "-2h"})
        owed = {(name, second): number for at, name, second, number in first.lines if at <= killed - LOST_SECONDS}
        missing = [one for one, number in owed.items() if dict(stored.get(one[0], [])).get(one[1], -1) < number]
        assert owed and not missing, f"{len(missing)} of {len(owed)} lines are missing (seed {seed})"

        # The gap is drawn, not bridged, and said.
        drawn = dict(stored["killed.line.n1"])
        assert not [at for at in drawn if killed + 1 < at < back - 1], "nothing was measured meanwhile"
        gaps = server.get("/api/v1/trust?target=killed.line.n1&from=-5min&until=now").json["gaps"]
        assert any(begin <= killed + 2 and end >= back - 2 for begin, end in gaps), (killed, back, gaps)
        said = [doubt for doubt in server.get("/api/v1/health").json["doubts"] if "not running" in str(doubt) or "away" in str(doubt)]
        assert said, server.get("/api/v1/health").json["doubts"]

        # What was answered for is there: results, who has what, and that nobody is told twice of what they know.
        assert server.get("/api/v1/checks/busy").json["last_output"] in (answered[-1], f"number {len(answered)}")
        kept = server.get(f"/api/v1/incidents/{taken}").json
        assert (kept["phase"], kept["acknowledged"]["by"], kept["acknowledged"]["comment"]) == ("acknowledged", "ana", "on it")
        assert kept["timeline"][:len(timeline)] == timeline
        assert incident_of(server, "web")["phase"] == "open"
        assert [told_of(hook, name) for name in ("db", "web")] == [["problem"], ["problem"]]
        for name in ("db", "web"):
            tell(server, name, 0)
        wait_for(lambda: all(told_of(hook, name) == ["problem", "recovery"] for name in ("db", "web")), what="the ends to be told")
        assert told_of(hook, "level") == ["problem"], "it is as bad as it was"
    finally:
        server.stop()
