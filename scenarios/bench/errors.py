"""Errors as Python's SDK sends them, of 100 frames and about 100 KB, with gzip over four connections: how many are stored end to
end, how soon a repeat is answered, and what it takes on the disk. Beside them Bugsink, with the same bodies."""
import gzip
import json
import re
import socket
import threading
import time
import uuid

from support.bugsink import Bugsink
from support.errors import Project
from support.server import Bellwether, wait_for

from . import processes
from .figures import Line, median, number

FRAMES, CONNECTIONS = 100, 4
KEY = "0123456789abcdef" * 2


def measure(directory, sizes):
    ours, theirs = of_bellwether(directory / "bellwether", sizes.errors), of_bugsink(directory / "bugsink", sizes.peer_errors)
    p99 = sorted(ours.answers)[int(len(ours.answers) * 0.99)] * 1_000
    return [
        Line("errors of 100 frames stored, 4 connections", f"{number(ours.rate)} /s", f"Bugsink {number(theirs.rate)} /s",
             ours.rate / theirs.rate, 50, at_least=True),
        Line("a repeat is answered, p99", f"{number(p99)} ms", f"median {number(median(ours.answers) * 1_000)} ms", p99, 20, unit="ms"),
        Line("on disk for each of a repeated kind", f"{number(ours.bytes / 1_024)} KiB", "", ours.bytes / 1_024, 8, unit="KiB"),
    ]


def of_bellwether(directory, count):
    server = Bellwether(directory, "[errors]\nmax_events_per_project_per_5m = 0\n", binary=processes.binary())
    processes.STARTED.append(server)
    server.start()
    project = Project(server, "web", "--public-key", KEY)
    stored = lambda: sum(group["count"] for group in project.groups())
    load = Load(server.ports["http"], project.id, count, stored)
    kept = server.data_dir / "errors"
    before = processes.bytes_under(kept)
    load.run()
    server.stop()
    load.bytes = (processes.bytes_under(kept) - before) / count
    return load


def of_bugsink(directory, count):
    server = Bugsink(directory)
    processes.STARTED.append(server)
    server.start()
    server.make_projects({1: KEY})
    return Load(server.port, 1, count, lambda: len(server.groups())).run()


class Load:
    """One event that opens the group, and then so many of the same kind."""

    def __init__(self, port, project, count, stored):
        self.port, self.path, self.stored = port, f"/api/{project}/envelope/", stored
        self.bodies = [body(turn) for turn in range(count)]
        self.answers = []
        self.send(iter([body(-1)]))
        self.wait(1)
        self.answers.clear()

    def run(self):
        begun = time.monotonic()
        left, threads = iter(self.bodies), []
        for _ in range(CONNECTIONS):
            threads.append(threading.Thread(target=self.send, args=(left,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert len(self.answers) == len(self.bodies), f"{len(self.answers)} of {len(self.bodies)} were answered"
        self.wait(len(self.bodies) + 1)
        self.rate = len(self.bodies) / (time.monotonic() - begun)
        return self

    def wait(self, count):
        wait_for(lambda: self.stored() == count, seconds=600, pause=0.02, what=f"{count} events to be stored")

    def send(self, left):
        """Over a bare socket: what a client's library takes of the processor would be taken from whoever is measured."""
        head = (f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Encoding: gzip\r\n"
                "Content-Type: application/x-sentry-envelope\r\n"
                f"X-Sentry-Auth: Sentry sentry_version=7, sentry_client=bench/1, sentry_key={KEY}\r\n").encode()
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        for sent in left:
            begun = time.monotonic()
            connection.sendall(b"%sContent-Length: %d\r\n\r\n%s" % (head, len(sent), sent))
            status = answered(connection)
            assert status == b"200", status
            self.answers.append(time.monotonic() - begun)
        connection.close()


def answered(connection):
    """The status of an answer that is read to its end."""
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(65_536) or b"\r\n\r\n"
    head, _, body_ = said.partition(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: *(\d+)", head)[1])
    while len(body_) < length:
        body_ += connection.recv(65_536)
    return head.split(b" ")[1]


def body(turn):
    """Of one kind; what differs is what differs in life: ids, times, values of locals."""
    payload = json.dumps({
        "event_id": uuid.uuid4().hex, "timestamp": time.time(), "platform": "python", "level": "error", "release": "web@1.0.0",
        "environment": "production", "server_name": f"web{turn % 7}", "user": {"id": str(turn % 500)}, "tags": {"tenant": f"t{turn % 40}"},
        "exception": {"values": [{"type": "ValueError", "value": "no such order", "stacktrace": {"frames": [frame(at, turn) for at in range(FRAMES)]}}]},
    }).encode()
    header = {"event_id": json.loads(payload)["event_id"], "sent_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    item = {"type": "event", "length": len(payload), "content_type": "application/json"}
    return gzip.compress(b"\n".join([json.dumps(header).encode(), json.dumps(item).encode(), payload, b""]), 1)


def frame(at, turn):
    line = lambda number_: f"        value_{number_} = self.handler_{at}(request, timeout={at * number_}, name=\"x\")"
    return {"filename": f"app/module_{at}.py", "abs_path": f"/srv/app/app/module_{at}.py", "function": f"call_{at}",
            "module": f"app.module_{at}", "lineno": at, "in_app": True, "pre_context": [line(n) for n in range(5)],
            "context_line": line(5), "post_context": [line(n) for n in range(6, 11)],
            "vars": {"self": f"<Handler at 0x{0x7F0000000000 + (turn * 4_096 + at):012x}>", "request": None, "count": str(turn),
                     "items": [1, 2.5, {"a": "b"}]}}
