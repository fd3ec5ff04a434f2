"""kill -9 under load: what the process had read 10 ms before (50 ms as a sender sees it) is there afterwards.

10 rounds, 200 in the long run; the seed is printed.
"""
import os
import random
import time

from support.senders import Sender, before, flushed, stored_hits
from support.server import Bellwether, wait_for

ROUNDS = 200 if os.environ.get("BELLWETHER_LONG") else 10
SEEN_BY_SENDER = 0.1


def test_kill_loop(tmp_path):
    seed = int(os.environ.get("BELLWETHER_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"BELLWETHER_SEED={seed}")
    rng = random.Random(seed)
    server = Bellwether(tmp_path / "server", goes_ahead=True)
    least = most = 0
    owed = {}
    for _ in range(ROUNDS):
        server.start()
        with Sender(server) as sender:
            time.sleep(rng.uniform(0.3, 1.7))
            killed_at = time.time()
            server.kill()
        least += before(sender.increments, killed_at - SEEN_BY_SENDER)
        most += len(sender.increments)
        for at, name, second, number in sender.lines:
            if at <= killed_at - SEEN_BY_SENDER:
                owed[name, second] = number
    server.start()
    flushed(server)
    hits = stored_hits(server)
    assert least <= hits <= most, f"{hits} increments are stored; between {least} and {most} were sent (seed {seed})"
    level = server.points("stats.gauges.killed.level", **{"from": "-1min"})["stats.gauges.killed.level"][-1][1]
    assert least <= level <= most, f"the gauge is {level}; it was raised {least} to {most} times (seed {seed})"
    stored = server.points("killed.line.*", **{"from": "-2h"})
    missing = [(name, second, number) for (name, second), number in owed.items()
               if dict(stored.get(name, [])).get(second, -1) < number]
    assert not missing, f"{len(missing)} of {len(owed)} lines are missing, such as {missing[:3]} (seed {seed})"
    server.stop()


def test_gauges_outlive_stop_and_kill(tmp_path):
    server = Bellwether(tmp_path / "server").start()
    server.statsd_send(b"kept.level:20|g")
    flushed(server)
    server.stop()
    server.start()
    server.statsd_send(b"kept.level:+2|g")
    wait_for(lambda: "22" in server.admin("gauges"), what="the change")
    flushed(server)
    server.kill()
    server.start()
    assert "'kept.level': 22" in server.admin("gauges")
    flushed(server)
    assert server.points("stats.gauges.kept.level", **{"from": "-1min"})["stats.gauges.kept.level"][-1][1] == 22
    server.stop()
