"""Load that knows what it has sent and when, for tests that kill what takes it."""
import socket
import threading
import time

from support.server import wait_for


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
