"""What strangers may send who have a key, or none: each gets the right answer, memory stays bounded, and whoever else sends is not held up."""
import gzip
import http.client
import json
import os
import socket
import struct
import threading
import time
import zlib

import brotli
import psutil
import pytest

from support.errors import Project, envelope, event
from support.server import Bellwether, wait_for

LONG = bool(os.environ.get("BELLWETHER_LONG"))
MIB = 1 << 20
# Bodies of all requests may hold 256 MiB (docs/errors.md). A buffer that grows is for a moment there twice.
MOST_GROWTH = 512 * MIB
# Everything that comes from here is one source, and the honest are another.
STRANGER = "127.0.0.2"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("server"), "[errors]\nmax_events_per_project_per_5m = 0\n", goes_ahead=True)
    server.start()
    yield server
    server.stop()


def sent(server, path, body, headers, timeout=120):
    """As a stranger does it: the status, and what was said."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=timeout, source_address=(STRANGER, 0))
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


class Honest:
    """Others that send meanwhile: events of another project, and points over a line that stays open. And how much memory it all takes."""

    def __init__(self, server, name):
        self.server, self.project, self.over = server, Project(server, name), threading.Event()
        self.process = psutil.Process(server.process.pid)
        self.took, self.refused, self.begin, self.most = [], [], self.process.memory_info().rss, 0
        self.points = 0
        self.threads = [threading.Thread(target=work) for work in (self.send, self.draw, self.watch)]

    def send(self):
        while not self.over.wait(0.03):
            started = time.monotonic()
            answer = self.project.send(event("x"))
            self.took.append(time.monotonic() - started)
            if answer.status != 200:
                self.refused.append(answer.text)

    def draw(self):
        with socket.create_connection(("127.0.0.1", self.server.ports["line"])) as line:
            while not self.over.wait(0.03):
                self.points += 1
                line.sendall(f"honest.{self.project.name} {self.points} {int(time.time())}\n".encode())

    def watch(self):
        while not self.over.wait(0.01):
            self.most = max(self.most, self.process.memory_info().rss)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        wait_for(lambda: len(self.took) >= 5, what="answers to the honest")
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def was_left_alone(self):
        assert self.refused == []
        [group] = self.project.groups()
        assert group["count"] == len(self.took), "each that was answered is counted"
        ordered = sorted(self.took)
        median, slowest = ordered[len(ordered) // 2], ordered[-1 - len(ordered) // 100]
        # Other tests on the machine take some of it; whoever waits for a bomb waits for many seconds, each time.
        assert median < 1 and slowest < 10, f"median {median:.1f} s, p99 {slowest:.1f} s"
        name = f"honest.{self.project.name}"
        wait_for(lambda: self.points in [value for _, value in self.server.points(name, **{"from": "-5min"}).get(name, [])], what="the last point of the line")
        grown = (self.most - self.begin) // MIB
        print(f"memory grew by {grown} MiB at most; p99 of {len(self.took)} others {slowest * 1000:.0f} ms")
        assert grown < MOST_GROWTH // MIB, f"{grown} MiB"


def all_at_once(works):
    """What each of them answers, in order."""
    answers = [None] * len(works)

    def work(at):
        answers[at] = works[at]()

    threads = [threading.Thread(target=work, args=(at,)) for at in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def bare(content):
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(content) + packer.flush()


def zstd(length, window=17):
    """Spaces, in blocks that say how often one byte comes (RFC 8878)."""
    block, frame = 128 << 10, struct.pack("<IBB", 0xFD2FB528, 0, (window - 10) << 3)
    count = length // block
    for at in range(count):
        header = (block << 3) | (1 << 1) | (at == count - 1)
        frame += struct.pack("<I", header)[:3] + b" "
    return frame


def test_bombs_of_every_encoding_end_at_the_cap(server):
    project, spaces = Project(server, "bombs"), b" " * (128 * MIB)
    bombs = {"gzip": gzip.compress(spaces), "deflate": zlib.compress(spaces, 9), "br": brotli.compress(spaces, quality=1, lgwin=22), "zstd": zstd(128 * MIB)}
    of = [*bombs.items(), ("deflate", bare(spaces))]
    del spaces
    assert all(len(bomb) < MIB for _, bomb in of)
    send = lambda encoding, bomb: lambda: sent(server, project.path("envelope/"), bomb, project.auth(**{"Content-Encoding": encoding}))
    with Honest(server, "beside-bombs") as honest:
        for encoding, bomb in of:
            status, text = send(encoding, bomb)()
            assert status == 413 and "unpacked" in text, (encoding, text)
        # Many at once are held off, or refused one by one.
        answers = all_at_once([send(encoding, bomb) for encoding, bomb in of * 2])
        assert {status for status, _ in answers} <= {413, 503}, answers
        # Windows that are made before a byte is read.
        for encoding, bomb in (("zstd", zstd(128 << 10, window=31)), ("br", b"\x11\x1e\x00\x00")):
            assert send(encoding, bomb)()[0] == 400, encoding
    honest.was_left_alone()
    assert project.groups() == []


def test_deep_and_broken_json_and_wrong_keys(server):
    project = Project(server, "strange")
    whole = json.dumps(event("x", kind="Deep"))[:-1].encode()
    room = MIB - len(whole) - 100
    deep = {"maps": b'{"a":' * (room // 6) + b"1" + b"}" * (room // 6), "lists": b"[" * (room // 2) + b"]" * (room // 2),
            "open": b"[" * room, "escapes": b'"' + b"\\ud800" * (room // 6) + b'"'}
    store, keys = project.path("store/"), project.auth()
    wrong = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={'f' * 32}"}
    with Honest(server, "beside-strange") as honest:
        for name, extra in deep.items():
            status, text = sent(server, store, whole + b', "extra": {"x": ' + extra + b"}}", keys)
            assert status == (400 if name == "open" else 200), (name, text)
        refused = all_at_once([lambda: [sent(server, store, whole + b"}", wrong)[0] for _ in range(25)] for _ in range(4)])
        assert {status for some in refused for status in some} == {403}
    honest.was_left_alone()
    [group] = project.groups()
    assert group["count"] == 1, "one event, whatever hung on it: its id was the same each time"


def test_bodies_that_never_end_take_the_place_of_nobody(server):
    project = Project(server, "slow")
    head = f"POST {project.path('envelope/')}?sentry_key={project.key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {8 * MIB}\r\n\r\n"
    slow = []
    try:
        with Honest(server, "beside-slow") as honest:
            for _ in range(20):
                one = socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=60, source_address=(STRANGER, 0))
                slow.append(one)
                one.sendall(head.encode() + b"x" * 100)
            begun = len(honest.took)
            for _ in range(20):
                for one in slow:
                    one.sendall(b"x" * 1_000)
            wait_for(lambda: len(honest.took) > begun + 20, what="answers to the honest")
        honest.was_left_alone()
    finally:
        for one in slow:
            one.close()


def test_a_million_tags_are_counted_as_other(server):
    """A million with BELLWETHER_LONG, a twentieth of it otherwise: names that are all different, and values. What is held of them
    does not grow with their number."""
    project, events = Project(server, "tags"), 10_000 if LONG else 500
    most_of_half = 0
    tags = lambda number: {**{f"name{number}_{at}": "x" for at in range(50)}, **{f"value{at}": f"{number}" for at in range(50)}}
    with Honest(server, "beside-tags") as honest:
        for number in range(events):
            status, text = sent(server, project.path("envelope/"), envelope(("event", event("x", tags=tags(number)))), project.auth())
            assert status == 200, text
            if number == events // 2:
                most_of_half = honest.most
    honest.was_left_alone()
    assert honest.most <= 1.25 * most_of_half, f"{most_of_half // MIB} MiB for half of them, {honest.most // MIB} MiB for all"
    [group] = project.groups()
    assert group["count"] == events
    shown = server.get(f"/api/v1/errors/groups/{group['id']}").json["tags"]
    assert len(shown) <= 100 + 1 and all(len(tag["values"]) <= 100 + 1 for tag in shown)
