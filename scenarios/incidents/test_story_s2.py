"""Story S2: a buggy release goes out while the team watches what comes in. The error is before them at once, as new since the deploy; with the next
release its line drops, and what was told of it is over by itself."""
import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time

from support.clock import Clock
from support.errors import Project
from support.server import wait_for
from support.told import contact, webhook

# The site. One of its releases has forgotten the price, which one page after the other asks for; it says when it sends the first error of each.
SITE = '''
import os, sys, time, sentry_sdk

release = os.environ["RELEASE"]
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], release=release, environment="production")

def slow(basket):
    raise TimeoutError("the drive did not answer within 30 s")

def order(basket):
    return basket["order"]

def bill(basket):
    return basket["bill"]

def parcel(basket):
    return basket["parcel"]

def visit(page):
    try:
        page({})
    except Exception:
        sentry_sdk.capture_exception()

if release == "web@1.4.2":
    for _ in range(5):
        visit(slow)
if release == "web@1.4.3":
    for visited in range(600):
        page = (order, bill, parcel)[min(visited // 30, 2)]
        if visited in (0, 30, 60):
            print(page.__name__, time.time(), flush=True)
        visit(page)
        time.sleep(0.05)
sentry_sdk.flush(60)
'''
RULE = {"kind": "errors", "project": "web", "when": ["new"], "recover_for": "1min", "contacts": ["ana"]}
ON_SCREEN = 2.0


class Incoming:
    """What an open tab is told, with when."""

    def __init__(self, server):
        self.seen = {}
        self.connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=600)
        self.connection.request("GET", "/api/v1/stream")
        self.stream = self.connection.getresponse()
        assert b"hello" in self.stream.readline()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        # It ends with the server.
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := self.stream.readline():
                if line == b"event: errors\n":
                    for group in json.loads(self.stream.readline().removeprefix(b"data: "))["new"]:
                        self.seen.setdefault(group["title"], time.time())


class Site:
    def __init__(self, folder, project, release):
        program = folder / "site.py"
        program.write_text(SITE)
        environment = {**os.environ, "SENTRY_DSN": project.dsn, "RELEASE": release}
        self.sent = {}
        self.process = subprocess.Popen([sys.executable, str(program)], env=environment, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            page, at = line.split()
            self.sent[f"KeyError: '{page}'"] = float(at)

    def stop(self):
        self.process.kill()
        self.process.wait()


def test_s2_a_buggy_release_while_the_team_watches(bellwether, hook, tmp_path):
    clock = Clock(tmp_path)
    server = bellwether(contact("ana", webhook(hook.url)), env=clock.environment(), goes_ahead=True)
    project = Project(server)
    assert Site(tmp_path, project, "web@1.4.2").process.wait(120) == 0
    known = project.wait_for_group("TimeoutError")
    assert server.put("/api/v1/monitors/web%20errors", {"monitor": RULE}).status == 200
    incoming = Incoming(server)
    errors = lambda **window: [value for _, value in server.points("errors.web.events.count", **window)["errors.web.events.count"]]

    server.cli("event", "web@1.4.3 is deployed", "--tag", "deploy")
    buggy, deployed = Site(tmp_path, project, "web@1.4.3"), time.time()
    # Other work on the machine may hold up one of them, not all three.
    took = lambda: [incoming.seen[title] - at for title, at in list(buggy.sent.items()) if title in incoming.seen]
    wait_for(lambda: len(took()) == 3 or min(took(), default=60) < ON_SCREEN, what="the errors of the release on screen")
    assert min(took()) < ON_SCREEN, took()
    # The list of the page has them on top, and they alone are of this release.
    listed = wait_for(lambda: (groups := project.groups("&sort=new"))[0]["is_new_since_deploy"] and groups, what="what is new since the deploy")
    assert time.time() - deployed < 60
    assert [(one["id"], one["is_new_since_deploy"]) for one in listed if one["id"] == known["id"] or not one["is_new_since_deploy"]] == [(known["id"], False)]
    assert listed[0]["release_first"] == "web@1.4.3" and known["release_first"] == "web@1.4.2"
    # Whoever is called reads of the deploy.
    hook.wait(1)
    [incident] = server.get("/api/v1/incidents").json["incidents"]
    page = hook.taken[0][1]
    assert incident["title"].startswith("KeyError: ") and page["title"] == incident["title"]
    assert "web@1.4.3 is deployed" in page["text"], page["text"]
    assert max(errors(**{"from": "-1min"})) > 0

    buggy.stop()
    assert Site(tmp_path, project, "web@1.4.4").process.wait(120) == 0
    wait_for(lambda: errors(**{"from": "-3s"})[-2:] == [0, 0], pause=0.2, what="the line that drops")
    assert server.get("/api/v1/incidents").json["open"] == 1, "nobody can know yet that it is over"
    clock.set(90)
    wait_for(lambda: server.get("/api/v1/incidents").json["open"] == 0, pause=0.2, what="the end of the incident")
    [over] = server.get("/api/v1/incidents?state=all").json["incidents"]
    assert (over["id"], over["self_healed"]) == (incident["id"], True)
    wait_for(lambda: hook.events() == ["problem", "recovery"], what="the word of the end")
    assert all(one["status"] == "unresolved" for one in project.groups()), "what became of the error is for people to say"
