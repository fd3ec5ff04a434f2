"""kill -9 under load: what the process had read 10 ms before (50 ms as a sender sees it) is there afterwards.

10 rounds, 200 in the long run; the seed is printed.
"""
import os
import random
import socket
import threading
import time

from support.server import Bellwether, wait_for

ROUNDS = 200 if os.environ.get("BELLWETHER_LONG") else 10
SEEN_BY_SENDER = 0.05


class Sender:
    """One counter increment a millisecond by UDP and one numbered line by TCP, with the time of each."""

    def __init__(self, server):
        self.server, self.over = server, threading.Event()
        self.increments, self.lines = [], []
        self.threads = [threading.Thread(target=self.count), threading.Thread(target=self.number)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def count(self):
        with socket.socket(type=socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", self.server.ports["statsd"]))
            while not self.over.wait(0.001):
                try:
                    out.send(b"killed.hits:1|c\nkilled.level:+1|g")
                    self.increments.append(time.time())
                except ConnectionRefusedError:
                    # What the packet before found: nobody there any more.
                    self.increments.pop()

    def number(self):
        try:
            with socket.create_connection(("127.0.0.1", self.server.ports["line"]), timeout=10) as out:
                while not self.over.wait(0.001):
                    name, at = f"killed.line.n{len(self.lines) % 50}", int(time.time())
                    out.sendall(f"{name} {len(self.lines)} {at}\n".encode())
                    self.lines.append((time.time(), name, at, len(self.lines)))
        except OSError:
            pass


def before(times, moment):
    return sum(1 for at in times if at <= moment)


def stored_hits(server):
    return sum(value for _, value in server.points("stats_counts.killed.hits", **{"from": "-2h"}).get("stats_counts.killed.hits", []))


def flushed(server):
    """Two flushes after now all that was received before is stored."""
    begun = time.time()
    newest = lambda: max((t for t, _ in server.points("statsd.numStats", **{"from": "-1min"}).get("statsd.numStats", [])), default=0)
    wait_for(lambda: newest() > begun + 1, what="two flushes")


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
