"""What comes for a project that moves goes to its old Sentry too, and nobody waits for that."""
import gzip
import json
import time

import pytest

from support.errors import Project, envelope, event
from support.receivers import Handling, Listening
from support.server import wait_for

KEY = "0123456789abcdef0123456789abcdef"
OLD_KEY = "f" * 32


class Old(Listening):
    """Keeps what it gets as (method, path, headers, body), and answers with `status`."""

    def __init__(self):
        super().__init__()
        self.status, self.got = 200, []

    def dsn(self, project=7):
        return f"http://{OLD_KEY}@127.0.0.1:{self.port}/sentry/{project}"

    def start(self):
        outer = self

        class Handler(Handling):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.got.append((self.command, self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

        return self.listen(Handler)

    def wait(self, count):
        return wait_for(lambda: len(self.got) >= count and self.got, what=f"{count} copies")


@pytest.fixture
def old():
    old = Old().start()
    yield old
    old.stop()


def tee(project, dsn):
    changed = project.server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"tee": dsn}})
    assert changed.status == 200, changed.text


def passed(project):
    return project.server.get(f"/api/v1/errors/projects/{project.id}").json["tee"]


def test_whatever_comes_goes_to_the_old_project_as_it_came(bellwether, old):
    project = Project(bellwether(), "web", "--id", "42", "--public-key", KEY)
    project.send(event("before"))
    tee(project, old.dsn())
    sent = gzip.compress(envelope(("event", event("x"))))
    assert project.server.post(project.path("envelope/"), sent, headers=project.auth(**{"Content-Encoding": "gzip"})).status == 200
    one = json.dumps(event("y"))
    assert project.server.post(project.path(f"store/?sentry_key={KEY}&sentry_version=7&a=b"), one).status == 200
    assert project.server.get(project.path(f"cron/nightly/{KEY}/?status=ok")).status == 202
    # What is refused here goes on too: the old one may know better.
    assert project.server.post(project.path("store/"), b"[1]", headers=project.auth()).status == 400
    got = {path: (method, headers, body) for method, path, headers, body in old.wait(4)}
    assert set(got) == {"/sentry/api/7/envelope/", "/sentry/api/7/store/?a=b", "/sentry/api/7/store/", "/sentry/api/7/cron/nightly/?status=ok"}
    method, headers, body = got["/sentry/api/7/envelope/"]
    assert (method, headers["content-encoding"], body) == ("POST", "gzip", sent)
    for _, headers, _ in got.values():
        assert f"sentry_key={OLD_KEY}" in headers["x-sentry-auth"] and "x-forwarded-for" not in headers
    assert got["/sentry/api/7/store/?a=b"][2] == one.encode()
    assert got["/sentry/api/7/cron/nightly/?status=ok"][0] == "GET"
    told = wait_for(lambda: passed(project)["sent"] == 4 and passed(project), what="four that were sent")
    assert (told["refused"], told["dropped"], told["waiting"], told["failure"]) == (0, 0, 0, None)
    # Without a key that holds nothing goes anywhere.
    assert project.server.post(project.path("store/"), one).status == 401
    tee(project, None)
    assert project.send(event("after")).status == 200
    assert passed(project)["waiting"] == 0 and len(old.got) == 4


def test_an_old_side_that_is_dead_delays_nobody_and_misses_nothing(bellwether, old):
    server = bellwether()
    dead, other = Project(server), Project(server, "other")
    gone = Old()
    tee(dead, gone.dsn())
    tee(other, old.dsn(8))
    for n in range(5):
        assert dead.send(event(f"{n}", function=f"f{n}")).status == 200
    failed = wait_for(lambda: passed(dead)["failure"] and passed(dead), what="a failure that is told")
    assert (failed["waiting"], failed["sent"], failed["dropped"]) == (5, 0, 0) and failed["waiting_bytes"] > 0
    assert other.send(event("x")).status == 200
    old.wait(1)
    # What waits may name whoever is erased.
    wait_for(lambda: passed(other)["sent"] == 1, what="that it is counted")
    tee(other, gone.dsn(8))
    assert other.send(event("x", user={"id": "17"})).status == 200
    assert passed(other)["waiting"] == 1
    assert server.post(f"/api/v1/errors/projects/{other.id}/erase", {"key": "id", "value": "17"}).json == {"events": 1}
    assert (passed(other)["waiting"], passed(other)["dropped"]) == (0, 1)
    part = next(part for part in server.get("/api/v1/health").json["parts"] if part["id"] == "errors.tee.web")
    assert part["state"] == "warning" and "5 wait" in part["text"], part
    # Over a kill: what waits is on the disk.
    server.kill()
    gone.start()
    try:
        server.start()
        gone.wait(5)
        wait_for(lambda: passed(dead)["waiting"] == 0, what="that none waits")
        values = {json.loads(body.split(b"\n")[2])["exception"]["values"][0]["value"] for _, _, _, body in gone.got}
        assert values == set("01234")
    finally:
        gone.stop()


def test_what_the_old_side_does_not_want_is_counted_and_what_it_cannot_take_now_waits(bellwether, old):
    project = Project(bellwether())
    tee(project, old.dsn())
    old.status = 403
    project.send(event("refused"))
    told = wait_for(lambda: passed(project)["refused"] and passed(project), what="the refusal")
    assert "answers 403" in told["failure"] and told["waiting"] == 0
    old.status = 503
    project.send(event("later"))
    wait_for(lambda: "answers 503" in passed(project)["failure"], what="that it is away")
    old.status = 200
    wait_for(lambda: passed(project)["sent"] == 1, what="that it is back")
    assert passed(project)["failure"] is None


def test_two_that_send_each_other_everything_send_each_thing_once(bellwether):
    one, two = bellwether(), bellwether()
    there, here = (Project(server, "web", "--id", "42", "--public-key", KEY) for server in (one, two))
    tee(there, here.dsn)
    tee(here, there.dsn)
    assert there.send(event("round about")).status == 200
    group = here.wait_for_group("round about")
    assert group["count"] == 1
    wait_for(lambda: passed(there)["sent"] == 1, what="the copy")
    assert here.send(event("back", function="back")).status == 200
    assert there.wait_for_group("back")["count"] == 1
    wait_for(lambda: passed(here)["sent"] == 1, what="the copy back")
    assert (passed(there)["sent"], passed(here)["sent"]) == (1, 1)


def test_nothing_goes_to_a_listener_of_our_own(bellwether):
    server = bellwether()
    said = b'{}\n{"type":"event"}\nspoilt.by.copies 1 %d\n' % time.time()
    listeners = {Project(server, port): f"{host}:{server.ports[port]}" for port, host in (("line", "127.0.0.1"), ("http", "localhost"))}
    for project, own in listeners.items():
        tee(project, f"http://{KEY}@{own}/1")
        server.post(project.path("envelope/"), said, headers=project.auth())
    for project, own in listeners.items():
        why = f"{own} is where this server itself listens"
        wait_for(lambda: why in (passed(project)["failure"] or ""), what=f"that {own} is refused")
    assert server.get("/metrics/find?query=spoilt").json == []


def test_a_dsn_that_is_none_is_refused(bellwether):
    project = Project(bellwether())
    for dsn, why in (("nonsense", "looks like"), (f"https://{KEY}:secret@old.example/1", "leave out the secret")):
        answer = project.server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"tee": dsn}})
        assert answer.status == 400 and "tee: " in answer.text and why in answer.text, answer.text


def test_the_tunnel_needs_no_project_in_its_path(bellwether, old):
    server = bellwether()
    project = Project(server, "web", "--id", "42", "--public-key", KEY)
    tee(project, old.dsn())
    for path in ("/api/tunnel/", "/api/tunnel"):
        sent = envelope(("event", event("x")), header={"dsn": project.dsn})
        answer = server.post(path, sent, headers={"Content-Type": "text/plain;charset=UTF-8"})
        assert answer.status == 200 and answer.headers["Access-Control-Allow-Origin"] == "*", answer.text
    assert project.wait_for_group("ValueError")["count"] == 2
    assert [path for _, path, _, _ in old.wait(2)] == ["/sentry/api/7/envelope/"] * 2

    def refused(status, part, header):
        answer = server.post("/api/tunnel/", envelope(("event", event()), header=header))
        assert answer.status == status and part in answer.json["detail"], answer.text

    refused(401, "no public key", {})
    refused(403, "no project has", {"dsn": project.dsn.replace(KEY, "a" * 32)})
    refused(403, "not one of project 43", {"dsn": project.dsn.replace("/42", "/43")})
    assert server.get("/api/tunnel/").status == 405
    assert server.request("OPTIONS", "/api/tunnel/").status == 204
    assert len(old.got) == 2
