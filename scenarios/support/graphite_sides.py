"""The two sides of a comparison: graphite-web, and us. Both store the same series and answer
`ask(path, params)` with an Answer.

Ours is the room alone (`crates/graphite/examples/answer.rs`, answering from the archives that whisper made), or,
with GRAPHITE_SIDE=server, the real binary, loaded through Carbon.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

from support import graphite_data
from support.examples import example
from support.server import Answer, Bellwether, wait_for


class Lines:
    """A process that takes a json request a line and gives a json answer a line."""

    def __init__(self, command, log, **environment):
        self.log = log
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                                        env={**os.environ, **environment})

    def read(self):
        line = self.process.stdout.readline()
        assert line, f"the process has gone; its log: {self.log.name}"
        return line

    def ask(self, path, params, now):
        request = {"path": path, "params": [[name, str(value)] for name, value in params], "now": now}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.read())
        headers = {name.lower(): value for name, value in answer.get("headers", [])}
        headers.setdefault("content-type", answer.get("content_type"))
        whole = Answer(answer["status"], headers, answer["body"].encode("latin-1"))
        whole.seconds = answer.get("seconds")
        return whole

    def stop(self):
        self.process.stdin.close()
        self.process.wait(20)


FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts/truetype/dejavu</dir>
  <include ignore_missing="yes">/etc/fonts/conf.d</include>
  <selectfont><rejectfont><glob>*Oblique*</glob></rejectfont></selectfont>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def only_dejavu(directory):
    """The typefaces of a machine with fonts-dejavu-core and no others, which are the built-in ones of ours."""
    file = directory / "fonts.conf"
    file.write_text(FONTS.format(cache=directory / "font-cache"))
    return str(file)


class Server:
    """The real binary, with the retentions that the series have."""

    def __init__(self, directory, series, events, config=""):
        # Without StatsD, which would tell of itself: the test's own series only.
        off = {f"BELLWETHER_STATSD__{listener}": "off" for listener in ("UDP", "TCP", "ADMIN")}
        self.server = Bellwether(directory / "ours", self.config(series) + config, env=off)
        self.server.start()
        # With accounts a token is needed to read; the server's own machine makes one.
        made = self.server.cli("token", "create", "reader", "--role", "viewer", "--json") if "[auth]" in config else None
        self.token = made and json.loads(made.stdout)["token"]
        for one in series:
            lines = "".join(f"{one.name} {value!r} {when}\n" for when, value in one.points)
            self.server.carbon_send(lines.encode())
        for when, what, tags in events:
            self.server.cli("event", what, "--tag", tags, "--when", str(when))
        wait_for(lambda: self.seen(series), what="all series")

    @staticmethod
    def config(series):
        lines = []
        for one in series:
            archives = ", ".join(f'"{step}s:{retention}s"' for step, retention in one.archives)
            pattern = json.dumps(f"^{re.escape(one.name)}$")
            lines.append(f'[[storage.retention]]\nname = {json.dumps(one.name)}\npattern = {pattern}\n'
                         f'archives = [{archives}]\n')
            lines.append(f'[[storage.aggregation]]\nname = {json.dumps(one.name)}\npattern = {pattern}\n'
                         f'method = "{one.method}"\nx_files_factor = {one.x_files_factor}\n')
        # Little is stored: a disk that is nearly full is no reason to refuse it.
        head = "[collectors]\nhost = false\n[self]\nseries = false\n[storage]\nmin_free = \"64MiB\"\n"
        return head + "".join(lines)

    def seen(self, series):
        names = {one.name for one in series if one.points and ";" not in one.name}
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return names <= set(self.server.get("/metrics/index.json", headers).json)

    def ask(self, path, params, now):
        params = list(params)
        if path == "/render" and not any(name == "now" for name, _ in params):
            params.append(("now", now))
        return self.server.get(f"{path}?{urllib.parse.urlencode(params)}")

    def stop(self):
        self.server.stop()


def original_script():
    return pathlib.Path(__file__).with_name("graphite_original.py")


class Sides:
    def __init__(self, directory):
        self.now = int(time.time())
        series = graphite_data.series(self.now)
        root = directory / "original"
        root.mkdir()
        data = {"now": self.now, "events": graphite_data.events(self.now), "series": [
            {"name": one.name, "archives": one.archives, "x_files_factor": one.x_files_factor,
             "method": one.method, "points": [(when, as_json(value)) for when, value in one.points]}
            for one in series]}
        (root / "series.json").write_text(json.dumps(data))
        log = open(directory / "log", "ab")
        fonts = only_dejavu(directory)
        self.original = Lines([sys.executable, str(original_script()), str(root)], log, FONTCONFIG_FILE=fonts)
        assert self.original.read() == "ready\n"
        if os.environ.get("GRAPHITE_SIDE") == "server":
            self.ours = Server(directory, series, graphite_data.events(self.now))
        else:
            self.ours = Lines([example("answer"), str(root / "archives.json")], log)

    def ask(self, path, params):
        """Both answers."""
        return self.original.ask(path, params, self.now), self.ours.ask(path, params, self.now)

    def stop(self):
        self.original.stop()
        self.ours.stop()


def as_json(value):
    return str(value) if value in (float("inf"), float("-inf")) else value
