"""Story S1: a provider changes its API without notice. Within a minute whoever is on call has one page that says what fails and at whom, and the
graph of failures by provider, on which one line rises."""
import http.server
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse

import pytest

from support.errors import Project
from support.server import wait_for
from support.told import contact, webhook

# The site of the story: it passes people's files on to three providers, with Sentry's SDK and a StatsD client as they come.
UPLOADER = '''
import os, sys, time, urllib.error, urllib.request
import sentry_sdk, statsd

# When what is told has happened, if that is not now.
stamps = []

def stamped(event, hint):
    return {**event, "timestamp": stamps.pop()} if stamps else event

sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], release="web@1.4.2", environment="production", before_send=stamped)
stats = statsd.StatsClient("127.0.0.1", int(os.environ["STATSD_PORT"]))

class DriveError(Exception):
    pass

def send_part(provider, part):
    request = urllib.request.Request(f"{os.environ['PROVIDERS']}/{provider}/parts/{part}", data=b"content", method="PUT")
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.HTTPError as error:
        raise DriveError(f"{error.code} from drive api") from None

past, part = int(os.environ["PAST"]), 0
while True:
    for provider in ("gdrive", "dropbox", "box"):
        part += 1
        if past:
            stamps.append(time.time() - past * 1_800)
        sentry_sdk.get_isolation_scope().set_tag("drive", provider)
        try:
            stats.incr(f"uploads.{provider}.started")
            send_part(provider, part)
            stats.incr(f"uploads.{provider}.failed", 0)
        except DriveError:
            stats.incr(f"uploads.{provider}.failed")
            sentry_sdk.capture_exception()
    if past == 1:
        sentry_sdk.flush(60)
        sys.exit()
    past = max(0, past - 1)
    time.sleep(0 if past else 0.1)
'''
# One line for each provider, of what fails of what is begun there.
SHARE = "aliasByNode(asPercent(stats.uploads.*.failed, stats.uploads.*.started, 2), 2)"
CONFIG = '''
[collectors]
host = false
[statsd]
flush_interval = "1s"
[[service]]
name = "Uploads"
'''
WATCHED = '''
[[monitor]]
name = "upload errors"
kind = "errors"
project = "web"
when = ["spike"]
service = "Uploads"
contacts = ["ana"]
[[monitor]]
name = "uploads fail"
target = "{share}"
critical = "> 30"
for = "3s"
service = "Uploads"
contacts = ["ana"]
'''


class Providers:
    """Three of them behind one door. Whoever is in `changed` knows the old way of asking no more."""

    def __init__(self):
        self.changed = set()
        outer = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_PUT(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                provider = self.path.split("/")[1]
                self.send_response(410 if provider in outer.changed else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def providers():
    providers = Providers()
    yield providers
    providers.stop()


class Uploader:
    """The program, for as long as it is needed."""

    def __init__(self, folder, server, project, providers, past=0):
        program = folder / "uploader.py"
        program.write_text(UPLOADER)
        environment = {"SENTRY_DSN": project.dsn, "PROVIDERS": providers.url, "PAST": str(past),
                       # Of what has happened, nothing is counted now.
                       "STATSD_PORT": "9" if past else str(server.ports["statsd"])}
        self.process = subprocess.Popen([sys.executable, str(program)], env={**os.environ, **environment})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def test_s1_a_provider_changes_its_api(bellwether, providers, hook, tmp_path):
    server = bellwether(CONFIG)
    project = Project(server)
    # As it is every day: each of them fails now and then, which nobody has to hear of.
    providers.changed = {"gdrive", "dropbox", "box"}
    with Uploader(tmp_path, server, project, providers, past=17) as earlier:
        assert earlier.process.wait(120) == 0
    providers.changed = set()
    group = project.wait_for_group("from drive api")
    assert group["count"] == 51 and time.time() - group["first_seen"] > 7 * 3_600
    server.rewrite(CONFIG + WATCHED.format(share=SHARE) + contact("ana", webhook(hook.url)))
    wait_for(lambda: len(server.get("/api/v1/monitors").json["monitors"]) == 2, what="the monitors")
    open_ones = lambda: server.get("/api/v1/incidents").json["incidents"]
    share = lambda: {name: points[-1][1] for name, points in server.points(SHARE, **{"from": "-5s"}).items() if points}
    rates = lambda: server.points("errors.web.events.count", **{"from": "-1min"})["errors.web.events.count"]

    with Uploader(tmp_path, server, project, providers):
        wait_for(lambda: share() == {"gdrive": 0, "dropbox": 0, "box": 0}, pause=0.2, what="uploads that succeed")
        wait_for(lambda: rates()[-1][1] == 0, pause=0.2, what="a second without errors")
        assert open_ones() == [] and hook.taken == []
        providers.changed = {"gdrive"}
        changed = time.time()
        [incident] = wait_for(open_ones, pause=0.2, what="the incident")
        whole = lambda: server.get(f"/api/v1/incidents/{incident['id']}").json
        told = lambda: {one["monitor"]: one for one in whole()["troubles"]}
        both = wait_for(lambda: len(told()) == 2 and told(), pause=0.2, what="the word of the errors and of the numbers")
        wait_for(lambda: hook.taken, what="the page")
        took = time.time() - changed
        assert took < 60, f"{took:.0f} s"

        # One incident says where: the errors by whose answers failed and by their tag, the numbers by their line.
        title, spike, common = both["upload errors"]["text"].splitlines()
        assert title == "DriveError: 410 from drive api" and spike.endswith("are usual; most of them name 127.0.0.1")
        # What came within the last second may be counted on one side only.
        assert re.search(r"drive = gdrive \(100 %, normally [23]\d %\)", common)
        assert both["uploads fail"]["instance"] == "gdrive" and len(open_ones()) == 1
        # … and so does the one page of it.
        server.all_told(1)
        [(_, page, _)] = hook.taken
        assert page["event"] == "problem" and "gdrive" in page["text"] and "dropbox" not in page["text"]

        # Its graph is the one on which one line rises; with it the number of errors did.
        assert whole()["graphs"][0]["targets"] == [SHARE]
        assert {name: value > 30 for name, value in share().items()} == {"gdrive": True, "dropbox": False, "box": False}
        assert max(value for at, value in rates() if at > changed) > 0
        assert server.get("/render?format=png&from=-2min&target=" + urllib.parse.quote(SHARE)).headers["Content-Type"] == "image/png"
