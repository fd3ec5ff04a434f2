"""graphite-web and Bellwether, both over HTTP and with the same series: what a client sees of them.

    pair.ask("GET", "/tags/findSeries?expr=name=requests")      -> (theirs, ours), each an Answer
    pair.urls                                                   -> where each of them is

A request is also a line of text (see `parse`), so that lists of them can be files.
"""
import http.client
import json
import math
import os
import pathlib
import re
import socket
import subprocess
import sys
import time
import urllib.parse

from support import graphite_data
from support.graphite_sides import Server, as_json
from support.server import Answer, free_port, wait_for


class Original:
    """graphite-web 1.1.10 behind a socket."""

    def __init__(self, directory, data):
        (directory / "series.json").write_text(json.dumps(data))
        self.port = free_port()
        script = __file__.replace("graphite_pair", "graphite_original")
        log = open(directory / "log", "ab")
        command = [sys.executable, script, str(directory), str(self.port)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.ready, seconds=60, what=f"graphite-web (log: {directory}/log)")

    def ready(self):
        assert self.process.poll() is None, "graphite-web has ended"
        try:
            return ask(self.port, "GET", "/version").status == 200
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Carbon:
    """carbon-cache 1.1.10 over the files of the original, for what it answers to questions."""

    def __init__(self, root):
        self.query_port = free_port()
        (root / "conf").mkdir(parents=True)
        (root / "conf/storage-schemas.conf").write_text("[all]\npattern = .*\nretentions = 10s:2h\n")
        (root / "conf/carbon.conf").write_text(
            f"[cache]\nLOCAL_DATA_DIR = {root}/storage/whisper/\nENABLE_TAGS = False\nUSE_FLOW_CONTROL = False\n"
            f"CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = {self.query_port}\n"
            f"LINE_RECEIVER_INTERFACE = 127.0.0.1\nLINE_RECEIVER_PORT = {free_port()}\n"
            f"PICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = {free_port()}\n")
        log = open(root / "carbon.log", "ab")
        script = pathlib.Path(sys.executable).with_name("carbon-cache.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), f"--config={root}/conf/carbon.conf", "--nodaemon", "start"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "GRAPHITE_ROOT": str(root)})
        wait_for(self.ready, what=f"carbon-cache (log: {root}/carbon.log)")

    def ready(self):
        assert self.process.poll() is None, "carbon-cache has ended"
        try:
            socket.create_connection(("127.0.0.1", self.query_port), timeout=5).close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def series_data(now, series, events):
    # Carbon, as it comes, tells every name to the tag database: untagged ones have the tag `name` there.
    return {"now": now, "tag_all": True, "events": events, "series": [
        {"name": one.name, "archives": one.archives, "x_files_factor": one.x_files_factor,
         "method": one.method, "points": [(when, as_json(value)) for when, value in one.points]} for one in series]}


class Pair:
    def __init__(self, directory, series=None, events=None, config="", carbon=False):
        self.now = int(time.time())
        series = graphite_data.series(self.now) if series is None else series(self.now)
        events = graphite_data.events(self.now) if events is None else events(self.now)
        root = directory / "original"
        root.mkdir()
        self.carbon = Carbon(root) if carbon else None
        data = series_data(self.now, series, events)
        if carbon:
            data["carbon"] = f"127.0.0.1:{self.carbon.query_port}"
        self.original = Original(root, data)
        ours = Server(directory, series, events, config)
        self.server, self.token = ours.server, ours.token
        self.ports = [self.original.port, self.server.ports["http"]]
        self.urls = [f"http://127.0.0.1:{port}" for port in self.ports]

    def ask(self, method, path, body=None, headers=None):
        return [ask(port, method, path, body, headers) for port in self.ports]

    def stop(self):
        for one in (self.original, self.server, self.carbon):
            if one:
                one.stop()


def ask(port, method, path, body=None, headers=None):
    """One request as it is given, redirects not followed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, quoted(path), body, headers or {})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read())
    finally:
        connection.close()


def quoted(text):
    """What a client would send: requests are written down unquoted. Semicolons separate parameters in old Django."""
    return urllib.parse.quote(text, safe="/?&=%+:,~*'()!@$[]#")


def parse(line):
    """METHOD PATH [BODY] [@ Header=value ...]; a body that begins like JSON is sent as such, others as a form."""
    line, *headers = line.split(" @ ")
    method, path, body = re.fullmatch(r"(\w+) (\S+)(?: (.*))?", line).groups()
    headers = dict(one.split("=", 1) for one in headers)
    if body is not None:
        as_it_is = body[:1] in '{["' or "Content-Type" in headers
        headers.setdefault("Content-Type", "application/json" if as_it_is else "application/x-www-form-urlencoded")
        body = body.encode() if as_it_is else quoted(body).encode()
    return method, path, body, headers


def lines(file):
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def difference(theirs, ours, ignored=()):
    """What a client could tell the two answers apart by, or None. Where the original ends in a page about an error in
    Python, ours may be any answer with words. `ignored` are names of members of JSON objects."""
    kinds = [kind(answer) for answer in (theirs, ours)]
    if theirs.status == 500 and kinds[0] == "text/html":
        return None if ours.status < 500 or ours.body else "an end without a word"
    if ours.status != theirs.status:
        return f"status {theirs.status} and {ours.status}: {theirs.body[:300]!r} and {ours.body[:300]!r}"
    if theirs.headers.get("location") != ours.headers.get("location"):
        return f"to {theirs.headers.get('location')} and {ours.headers.get('location')}"
    if theirs.status == 405 or kinds[0] == "text/html" and (theirs.status == 404 or kinds[1] == "text/html"):
        return None
    if theirs.status < 300 and kinds[0] != kinds[1]:
        return f"content type {kinds}: {theirs.body[:200]!r} and {ours.body[:200]!r}"
    bodies = [content(answer, kind, ignored) for answer, kind in zip((theirs, ours), kinds)]
    if theirs.status >= 500 and set(bodies[0]) == set(bodies[1]):
        return None
    return None if alike(*bodies) else f"{theirs.body[:1000]!r} and {ours.body[:1000]!r}"


def asked(ask, request, ignored=()):
    """The difference of two answers. What changes nothing is asked again: between two questions a step may have
    passed, and with it the first point of "the last five minutes"; on a busy machine that happens several times."""
    for _ in range(12 if request[1].startswith("/render") else 1):
        found = difference(*ask(*request), ignored)
        if not found:
            return None
    return found


def alike(a, b):
    """Equal, but for the last digits of numbers."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(alike(a[name], b[name]) for name in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if type(a) is float or type(b) is float:
        return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9)
    return a == b


def kind(answer):
    return answer.headers.get("content-type", "").split(";")[0].lower()


def content(answer, kind, ignored):
    """JSON as values, whether it comes as such or in a call of a function."""
    if kind.startswith("image/"):
        # Pictures have tests of their own: the size is in the head of a png.
        return answer.body[:24]
    body = answer.body.replace(b"1e9999", b"Infinity")
    # Whose panel it was, and Python's way to print arguments.
    body = body.split(b"; source: ")[0].split(b"; func: ")[0] if answer.status == 400 else body
    call = re.fullmatch(rb"([^(\[{]*)\((.*)\)", body, re.DOTALL) if kind == "text/javascript" else None
    if call:
        return call.group(1), strip(json.loads(call.group(2)), ignored)
    try:
        return strip(json.loads(body), ignored)
    except ValueError:
        return body


def strip(value, ignored):
    """Without `ignored`, and without the folder in which whisper keeps tagged series among the names."""
    if isinstance(value, dict):
        return {name: strip(member, ignored) for name, member in value.items() if name not in ignored}
    if not isinstance(value, list):
        return value
    return [strip(member, ignored) for member in value if not is_tagged_folder(member)]


def is_tagged_folder(member):
    name = (member.get("text") or member.get("path")) if isinstance(member, dict) else member
    return isinstance(name, str) and (name == "_tagged" or name.startswith("_tagged."))
