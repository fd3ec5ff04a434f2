"""What comes in by hand: every form, wrong ones, and answers that help."""
import base64
import gzip
import json
import socket
import time
import uuid
import zlib

import pytest

from support.errors import Project, envelope, event
from support.people import person
from support.server import Bellwether, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def project(server):
    return Project(server)


def titled(project, answer, title):
    assert answer.status == 200, answer.text
    assert title in [group["title"] for group in project.groups("&limit=1000")]


def test_who_sends_is_said_in_every_form(server, project):
    body = lambda name: json.dumps(event("x", kind=name))
    key, store = project.key, project.path("store/")
    titled(project, server.post(store, body("ByHeader"), headers=project.auth()), "ByHeader: x")
    titled(project, server.post(store, body("ByOther"), headers={"Authorization": f"Sentry sentry_key={key}"}), "ByOther: x")
    titled(project, server.post(f"{store}?sentry_key={key}&sentry_version=7", body("ByQuery")), "ByQuery: x")
    titled(project, server.post(f"/api/store/?sentry_key={key}", body("ByKey")), "ByKey: x")
    sent = envelope(("event", event("x", kind="ByDsn")), header={"dsn": project.dsn})
    titled(project, server.post(project.path("envelope/"), sent), "ByDsn: x")
    titled(project, server.post(project.path("envelope"), envelope(("event", event("x", kind="NoSlash"))), headers=project.auth()), "NoSlash: x")


def test_who_may_not_is_told_why(server, project):
    other = Project(server, "other")
    sent = json.dumps(event())

    def check(path, headers, status, part, body=sent):
        answer = server.post(path, body, headers=headers)
        told = (answer.status, answer.json["detail"], answer.headers["X-Sentry-Error"])
        assert told[0] == status and part in told[1] and part in told[2], told
        assert answer.headers["Access-Control-Allow-Origin"] == "*" and "Retry-After" in answer.headers["Access-Control-Expose-Headers"]

    store = project.path("store/")
    key = lambda key: {"X-Sentry-Auth": f"Sentry sentry_key={key}"}
    check(store, {}, 401, "no public key")
    check(store, key("f" * 32), 403, "no project has")
    check(store, other.auth(), 403, "not one of project")
    check(store, key("nothex"), 400, "hexadecimal")
    check(f"{store}?sentry_key={other.key}", project.auth(), 401, "different")
    check("/api/shop/store/", project.auth(), 400, "no number")
    check(project.path("nothing/"), project.auth(), 404, "nothing")
    check(project.path("envelope/"), project.auth(), 400, "", b"nonsense\n{}")
    check(project.path("envelope/"), project.auth(), 400, "bytes long", envelope(("event", event()))[:-40])
    check(store, project.auth(), 400, "", b"[1, 2]")
    check(store, project.auth(**{"Content-Encoding": "compress"}), 415, "compress")
    check(project.path("security/"), project.auth(**{"Content-Type": "image/png"}), 415, "image/png", b"{}")
    assert server.get(store, headers=project.auth()).status == 405
    changed = server.put(f"/api/v1/errors/projects/{other.id}", {"keys": {other.key: False}})
    assert changed.status == 200 and changed.json["dsn"] is None
    check(other.path("store/"), other.auth(), 403, "switched off")


def test_ways_of_packing(server, project):
    def check(name, body, encoding=None):
        headers = project.auth(**({"Content-Encoding": encoding} if encoding else {}))
        titled(project, server.post(project.path("store/"), body, headers=headers), f"{name}: x")

    plain = lambda name: json.dumps(event("x", kind=name)).encode()
    check("Gzip", gzip.compress(plain("Gzip")), "gzip")
    check("Deflate", zlib.compress(plain("Deflate")), "deflate")
    bare = zlib.compressobj(wbits=-15)
    check("Bare", bare.compress(plain("Bare")) + bare.flush(), "deflate")
    check("Base64", base64.b64encode(zlib.compress(plain("Base64"))))
    brotli = pytest.importorskip("brotli")
    check("Brotli", brotli.compress(plain("Brotli")), "br")


def test_what_would_harm_others_is_taken_or_refused(server, project):
    lone = json.dumps(event("half \ud800 letter", kind="Lone", extra={"nul": "a\0b"}))
    assert "\\ud800" in lone
    titled(project, server.post(project.path("store/"), lone, headers=project.auth()), "Lone: half \ufffd letter")
    [group] = [group for group in project.groups("&limit=1000") if group["title"].startswith("Lone")]
    assert "\ufffd" in project.events(group["id"])[0]["exception"]["values"][0]["value"]

    deep = json.dumps(event("x", kind="Deep"))[:-1].encode() + b', "extra": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}"
    assert len(deep) < 1 << 20
    titled(project, server.post(project.path("store/"), deep, headers=project.auth()), "Deep: x")

    long = json.dumps(event("x" * (1 << 20), kind="Long"))
    assert server.post(project.path("store/"), long, headers=project.auth()).status == 413
    assert project.envelope(("event", long.encode())).status == 413
    bomb = gzip.compress(b" " * (200 << 20))
    assert len(bomb) < 1 << 20
    for path in ("store/", "envelope/"):
        refused = server.post(project.path(path), bomb, headers=project.auth(**{"Content-Encoding": "gzip"}), timeout=120)
        assert refused.status == 413, refused.text
    broken = server.post(project.path("envelope/"), b"\x1f\x8bnothing", headers=project.auth(**{"Content-Encoding": "gzip"}))
    assert broken.status == 400
    assert server.get("/readyz").status == 200


def test_a_slow_body_holds_nobody_else_up(server, project):
    sent = envelope(("event", event("x", kind="Slow")))
    with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=60) as slow:
        head = f"POST {project.path('envelope/')}?sentry_key={project.key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sent)}\r\nConnection: close\r\n\r\n"
        slow.sendall(head.encode() + sent[:20])
        for _ in range(20):
            assert project.send(event("x", kind="Quick")).status == 200
        slow.sendall(sent[20:])
        answer = b"".join(iter(lambda: slow.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert "Slow: x" in [group["title"] for group in project.groups("&limit=1000")]


def test_an_event_that_comes_twice_is_one(server, project):
    one = event("x", kind="Twice")
    for _ in range(3):
        answer = project.send(one)
        assert answer.status == 200 and answer.json == {"id": one["event_id"]}
    assert project.wait_for_group("Twice: x")["count"] == 1


def test_an_envelope_of_many_things(server, project):
    one = event("x", kind="Many")
    sent = [("event", one), ("attachment", b"line 1\nline 2", {"filename": "log.txt", "content_type": "text/plain"}),
            ("attachment", b"x" * (2 << 20), {"filename": "long.bin"}),
            ("user_report", {"event_id": one["event_id"], "name": "Ana", "email": "ana@example.com", "comments": "I paid twice"}),
            ("client_report", {"discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 7}]}),
            ("span", {"items": []}), ("of_tomorrow", b"{}"),
            ("sessions", {"aggregates": [{"started": "2026-01-01T00:00:00Z", "exited": 3, "crashed": 1}], "attrs": {"release": "a"}})]
    answer = project.envelope(*sent, id=one["event_id"])
    assert answer.status == 200 and answer.json == {"id": one["event_id"]}
    limits = answer.headers["X-Sentry-Rate-Limits"]
    assert limits.startswith("86400:span;") and limits.endswith(":organization") and "error" not in limits
    group = project.wait_for_group("Many: x")
    [kept] = project.events(group["id"])
    assert kept["_feedback"]["comments"] == "I paid twice"
    [attached] = kept["_attachments"]
    assert (attached["name"], attached["size"]) == ("log.txt", 13)
    [lost] = kept["errors"]
    assert (lost["name"], str(2 << 20) in lost["value"]) == ("long.bin", True), "what is too long is told of"
    content = server.get(f"/api/v1/errors/attachments/{attached['id']}")
    assert content.body == b"line 1\nline 2" and content.headers["Content-Type"] == "application/octet-stream"
    series = lambda name: [point for one in server.get(f"/render?target=errors.web.{name}&from=-5min&format=json").json
                           for point in one["datapoints"] if point[0]]
    assert wait_for(lambda: series("lost_by_clients.error.count"), what="what clients lost")[0][0] == 7
    assert wait_for(lambda: series("crash_free.sessions"), what="the crash-free share")[0][0] == 0.75
    assert wait_for(lambda: series("unused.span.count"), what="what is not used")[0][0] >= 1
    assert wait_for(lambda: series("events.count"), what="events a second")
    # What can be read is taken, and the answer tells of the rest.
    partly = project.envelope(("session", b"nonsense"), ("event", event("x", kind="Partly")))
    assert partly.status == 400
    assert project.wait_for_group("Partly: x")["count"] == 1


def test_reports_of_browsers(server, project):
    report = {"csp-report": {"document-uri": "https://shop.example/", "effective-directive": "script-src", "blocked-uri": "https://evil.example/x.js"}}
    path = f"security/?sentry_key={project.key}&sentry_release=web@3&sentry_environment=live"
    csp = {"Content-Type": "application/csp-report"}
    assert server.post(project.path(path), json.dumps(report), headers=csp).status == 200
    assert server.post(project.path(path.replace("security", "csp-report")), json.dumps(report), headers=csp).status == 200
    group = project.wait_for_group("Blocked 'script-src' from 'evil.example'")
    assert (group["count"], group["kind"], group["release_first"], group["environment"]) == (2, "security", "web@3", ["live"])


def test_a_page_of_another_site_may_send(server, project):
    page = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    asked = server.request("OPTIONS", project.path("envelope/"), headers={**page, "Access-Control-Request-Method": "POST"})
    assert asked.status == 204 and asked.headers["Access-Control-Allow-Origin"] == "*"
    assert "x-sentry-auth" in asked.headers["Access-Control-Allow-Headers"]
    sent = envelope(("event", event("x", kind="Page")))
    answer = server.post(project.path(f"envelope/?sentry_key={project.key}"), sent, headers={**page, "Content-Type": "text/plain;charset=UTF-8"})
    titled(project, answer, "Page: x")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert server.get("/api/v1/errors/groups", headers=page).status == 403, "and reads nothing"


def test_the_dialog(server, project):
    one = event("x", kind="Dialog")
    place = f"/api/embed/error-page/?dsn={project.dsn}&eventId={one['event_id']}"
    script = server.get(place + "&title=%3C/script%3E")
    assert script.status == 200 and script.headers["Content-Type"].startswith("text/javascript")
    assert "</script>" not in script.text and "labelSubmit" in script.text
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.post(place, "name=Ana&email=nowhere&comments=hm", headers=form).json["errors"].keys() == {"email"}
    # The report may come before its event.
    assert server.post(place, "name=Ana&email=ana%40example.com&comments=It+broke", headers=form).status == 200
    assert project.send(one).status == 200
    [kept] = project.events(project.wait_for_group("Dialog: x")["id"])
    assert kept["_feedback"]["comments"] == "It broke" and kept["_feedback"]["email"] == "ana@example.com"
    [said] = [one for one in server.get("/api/v1/errors/feedback?project=web&limit=200").json if one["comments"] == "It broke"]
    assert said["name"] == "Ana" and said["event"] == one["event_id"] and said["group"]["title"] == "Dialog: x"
    assert server.get(f"/api/v1/errors/feedback?group={said['group']['id']}").json == [said]
    assert server.get("/api/v1/errors/feedback?group=999999").status == 404
    assert server.get("/api/v1/errors/feedback?limit=201").status == 400
    assert server.get("/api/embed/error-page/?eventId=" + "0" * 31 + "1").status == 404
    assert server.get(f"/api/embed/error-page/?dsn={project.dsn}&eventId=x").status == 400


def test_words_about_what_never_was_push_out_no_others(server, project):
    said = lambda id, text: ("user_report", {"event_id": id, "name": "Ana", "email": "ana@example.com", "comments": text})
    here, soon, never = (event("x", kind=kind) for kind in ("SpokenHere", "SpokenSoon", "SpokenNever"))
    assert project.send(here).status == 200
    first = [said(one["event_id"], "first") for one in (here, soon, never)]
    assert project.envelope(*first).status == 200
    assert project.send(soon).status == 200
    strays = lambda many: [said(uuid.uuid4().hex, "noise") for _ in range(many)]
    for _ in range(2):
        assert project.envelope(*strays(100)).status == 200
    too_many = project.envelope(*strays(101))
    assert too_many.status == 400 and "more than 100 reports" in too_many.json["detail"]
    # Too late.
    assert project.send(never).status == 200
    words = lambda kind: project.events(project.wait_for_group(f"{kind}: x")["id"])[0].get("_feedback")
    assert words("SpokenHere")["comments"] == words("SpokenSoon")["comments"] == "first"
    assert words("SpokenNever") is None


def test_words_about_no_error_are_a_group_of_their_own(server, project):
    words = {"message": "Where is the button?\nI have looked.", "name": "Otto", "contact_email": "otto@example.com", "url": "https://shop.example/cart"}
    assert project.envelope(("feedback", {"contexts": {"feedback": words}})).status == 200
    group = project.wait_for_group("Where is the button?")
    assert (group["kind"], group["level"]) == ("feedback", "info")
    [said] = server.get(f"/api/v1/errors/feedback?group={group['id']}").json
    assert (said["comments"], said["name"], said["url"]) == (words["message"], "Otto", words["url"])
    assert said["group"]["kind"] == "feedback" and said["group"]["short"] == group["short"]


def test_a_second_feedback_takes_the_place_of_no_other(server, project):
    one = event("x", kind="Commented")
    titled(project, project.send(one), "Commented: x")
    about = lambda text: ("feedback", {"contexts": {"feedback": {"message": text, "contact_email": "ana@example.com", "associated_event_id": one["event_id"]}}})
    for text in "first words here", "second words here", "third words here":
        assert project.envelope(about(text)).status == 200
    said = lambda: {words["comments"] for words in server.get(f"/api/v1/errors/feedback?project={project.name}").json}
    wait_for(lambda: {"first words here", "second words here", "third words here"} <= said(), what="all words")
    assert project.events(project.wait_for_group("Commented: x")["id"])[0]["_feedback"]["comments"] == "first words here"


def test_a_minidump_is_kept(server, project):
    parts = [b'--b\r\nContent-Disposition: form-data; name="sentry"\r\n\r\n{"release": "native@1"}\r\n',
             b'--b\r\nContent-Disposition: form-data; name="sentry[tags][gpu]"\r\n\r\nintel\r\n',
             b'--b\r\nContent-Disposition: form-data; name="channel"\r\n\r\nbeta\r\n',
             b'--b\r\nContent-Disposition: form-data; name="upload_file_minidump"; filename="a.dmp"\r\n\r\nMDMP', b"x" * 5_000, b"\r\n--b--\r\n"]
    answer = server.post(project.path(f"minidump?sentry_key={project.key}"), b"".join(parts), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status == 200, answer.text
    assert str(uuid.UUID(answer.text)) == answer.text, "with dashes"
    group = project.wait_for_group("Minidump")
    assert (group["level"], group["release_first"]) == ("fatal", "native@1")
    [kept] = project.events(group["id"])
    [attached] = kept["_attachments"]
    assert (attached["kind"], attached["size"]) == ("event.minidump", 5_004)
    assert (kept["tags"]["gpu"], kept["extra"]["channel"]) == ("intel", "beta")
    without = server.post(project.path(f"minidump?sentry_key={project.key}"), b"--b--\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert without.status == 400


def test_attachments_of_an_event_that_was_sent(server, project):
    one = event("x", kind="Attached")
    titled(project, project.send(one), "Attached: x")
    part = b'--b\r\nContent-Disposition: form-data; name="%s"; filename="job.log"\r\nContent-Type: text/plain\r\n\r\nline 1\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    path = project.path(f"events/{one['event_id']}/attachments/")
    answer = server.post(path, part % b"file" + b"--b--\r\n", headers=project.auth(**form))
    assert answer.status == 201, answer.text
    [attached] = project.events(project.wait_for_group("Attached")["id"])[0]["_attachments"]
    assert (attached["name"], attached["kind"], attached["size"]) == ("job.log", "event.attachment", 6)
    assert server.post(path, b"--b--\r\n", headers=project.auth(**form)).status == 400
    long = (part % b"file").replace(b"job.log", b"core.log").replace(b"line 1", b"x" * (2 << 20))
    too_long = server.post(path, long + part % b"more" + b"--b--\r\n", headers=project.auth(**form))
    assert too_long.status == 413 and "`core.log`" in too_long.json["detail"] and "1 MiB" in too_long.json["detail"]
    assert len(project.events(project.wait_for_group("Attached")["id"])[0]["_attachments"]) == 2, "the short one is kept"
    # Files of an event that nobody has sent would only fill the disk.
    nobodys = server.post(project.path(f"events/{'ab' * 16}/attachments/"), part % b"file" + b"--b--\r\n", headers=project.auth(**form))
    assert nobodys.status == 404 and "send it first" in nobodys.text
    assert project.envelope(("attachment", b"stray", {"filename": "stray"}), id="1" * 32).status == 200
    assert server.post(path, b"no form", headers=project.auth()).status == 400
    assert server.post(path, part % b"file" + b"--b--\r\n", headers=form).status == 401
    assert server.post(project.path("events/17/attachments/"), b"--b--\r\n", headers=project.auth(**form)).status == 404


def test_transactions_are_series(server, project):
    def sent(seconds, status, name="GET /basket/{number}/"):
        trace = {"trace_id": "5" * 32, "span_id": "5" * 16, "op": "http.server", "status": status}
        return ("transaction", {"type": "transaction", "transaction": name, "start_timestamp": 1_700_000_000.0,
                                "timestamp": 1_700_000_000.0 + seconds, "contexts": {"trace": trace}, "spans": []})
    answer = project.envelope(sent(0.1, "ok"), sent(0.2, "internal_error"), sent(0.3, "cancelled"))
    assert answer.status == 200 and "X-Sentry-Rate-Limits" not in answer.headers, "they are used"
    series = lambda target: [point[0] for one in server.get(f"/render?target={target}&from=-5min&format=json").json
                             for point in one["datapoints"] if point[0] is not None]
    base = f"errors.{project.name}.transactions.GET_basket_number"
    # All of one request, but the second may turn between them.
    wait_for(lambda: sum(series(f"{base}.count")) == 3, what="the transactions")
    assert sum(series(f"{base}.failed.count")) == 1
    assert max(series(f"{base}.upper")) == pytest.approx(300)
    assert max(series(f"percentileOver({base},100,'5min')")) == pytest.approx(300, rel=0.02)
    backwards = project.envelope(sent(-5, "ok"), ("event", event("x", kind="Beside")))
    assert backwards.status == 400 and "ends before it starts" in backwards.json["detail"]
    titled(project, project.send(event("x", kind="Beside")), "Beside: x")


def test_check_ins_by_url(server, project):
    beat = lambda name: {one["name"]: one["status"] for one in server.get("/api/v1/heartbeats").json["heartbeats"]}.get(name)
    # Nobody knows it: no fault of the job, and counted.
    assert server.get(project.path(f"cron/unknown/{project.key}?status=ok")).status == 202
    config = {"schedule": {"type": "crontab", "value": "0 3 * * *"}, "timezone": "Europe/Berlin", "max_runtime": 30}
    made = server.post(project.path(f"cron/backup/{project.key}/"), json.dumps({"status": "in_progress", "monitor_config": config}))
    assert made.status == 202, made.text
    wait_for(lambda: beat("web/backup") == "started", what="the job that has begun")
    assert server.get(project.path(f"cron/backup/{project.key}/?status=ok")).status == 202
    wait_for(lambda: beat("web/backup") == "up", what="the job that has ended")
    assert server.get(project.path(f"cron/backup/{project.key}/?status=error")).status == 202
    wait_for(lambda: beat("web/backup") == "down", what="the job that has failed")
    assert beat("web/unknown") is None
    assert server.get(project.path(f"cron/backup/{project.key}/?status=strange")).status == 400
    assert server.get(project.path("cron/backup/")).status == 401


def test_a_known_job_that_fails_is_down_whatever_its_schedule_says(server, project):
    said = lambda status, config: server.post(project.path(f"cron/Known job/{project.key}/".replace(" ", "%20")), json.dumps({"status": status, "monitor_config": config}))
    beat = lambda: {one["name"]: one["status"] for one in server.get("/api/v1/heartbeats").json["heartbeats"]}.get("web/known-job")
    second = {"schedule": {"type": "interval", "value": 1, "unit": "second"}}
    first = said("ok", second)
    assert first.status == 400 and "monitor_config" in first.json["detail"] and "`second`" in first.json["detail"]
    made = said("ok", {"schedule": {"type": "crontab", "value": "@daily"}})
    assert made.status == 202, made.text
    wait_for(lambda: beat() == "up", what="the job, by Sentry's name of its schedule")
    for config in second, {}, {"schedule": None}, {"schedule": {"type": "interval", "value": 0, "unit": "day"}}:
        assert said("error", config).status == 202
        wait_for(lambda: beat() == "down", what=f"the failure beside {config}")
        assert said("ok", None).status == 202
        wait_for(lambda: beat() == "up", what="the job that is well")


def test_check_ins_write_so_many_schedules_and_are_pings_all_the_same(bellwether):
    server = bellwether("")
    project = Project(server)
    daily = lambda hour: {"schedule": {"type": "crontab", "value": f"0 {hour} * * *"}}
    said = lambda n, status="ok": ("check_in", {"check_in_id": uuid.uuid4().hex, "monitor_slug": "job", "status": status, "monitor_config": daily(n % 24)})
    until = time.time() // 300 * 300 + 300
    too_many = project.envelope(*map(said, range(21)))
    assert too_many.status == 400 and "more than 20 check-ins" in too_many.json["detail"]
    for _ in range(5):
        assert project.envelope(*map(said, range(20))).status == 200
    versions = server.get("/api/v1/monitors/web%2Fjob/versions").json["versions"]
    if time.time() < until:
        assert max(one["version"] for one in versions) <= 100
    assert project.envelope(said(7, "error")).status == 200
    beats = lambda: {one["name"]: one["status"] for one in server.get("/api/v1/heartbeats").json["heartbeats"]}
    wait_for(lambda: beats().get("web/job") == "down", what="the job that has failed")


def test_a_quota_holds_errors_back_and_check_ins_not(bellwether):
    server = bellwether("[errors]\nmax_events_per_project_per_5m = 20\n")
    project, other = Project(server), Project(server, "other")
    until = time.time() // 300 * 300 + 300
    answers = [project.send(event("x")) for _ in range(40)]
    refused = [answer for answer in answers if answer.status == 429]
    assert {answer.status for answer in answers} == {200, 429}
    if time.time() < until:
        assert len(refused) == 20
    seconds, categories, scope, reason = refused[0].headers["X-Sentry-Rate-Limits"].split(":")
    assert 1 <= int(seconds) <= 300 and (categories, scope, reason) == ("error;default;security;feedback", "project", "quota")
    assert refused[0].headers["Retry-After"] == seconds
    both = project.envelope(("event", event("x")), ("sessions", {"aggregates": [{"started": time.time(), "exited": 1}]}))
    assert both.status in (200, 429)
    # Words about errors are of the same quota.
    words = project.envelope(("user_report", {"event_id": event()["event_id"], "name": "", "email": "", "comments": "hm"}))
    spoken = server.post(f"/api/embed/error-page/?dsn={project.dsn}&eventId={event()['event_id']}", "name=A&email=a%40example.com&comments=hm",
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    if time.time() < until:
        assert (words.status, spoken.status) == (429, 429)
    assert server.get(project.path(f"cron/job/{project.key}?status=ok")).status == 202
    assert other.send(event("x")).status == 200
    changed = server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"max_events_per_5m": 0}})
    assert changed.status == 200, changed.text
    assert project.send(event("x")).status == 200


def test_transactions_and_sessions_have_quotas_of_their_own(bellwether):
    server = bellwether("[errors]\nmax_transactions_per_project_per_5m = 3\n")
    project = Project(server)
    assert server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"max_sessions_per_5m": 2}}).status == 200
    now = time.time()
    timing = lambda: ("transaction", {"transaction": "GET /", "type": "transaction", "start_timestamp": now - 1, "timestamp": now,
                                      "contexts": {"trace": {"trace_id": "a" * 32, "span_id": "b" * 16, "op": "http"}}})
    runs = lambda: ("sessions", {"aggregates": [{"started": now, "exited": 1}]})
    until = now // 300 * 300 + 300
    for item, category, most in ((timing, "transaction", 3), (runs, "session", 2)):
        answers = [project.envelope(item()) for _ in range(8)]
        refused = [answer for answer in answers if answer.status == 429]
        assert {answer.status for answer in answers} == {200, 429}, answers[0].text
        if time.time() < until:
            assert len(refused) == 8 - most
        seconds, *limit = refused[0].headers["X-Sentry-Rate-Limits"].split(":")
        assert 1 <= int(seconds) <= 300 and limit == [category, "project", "quota"]
    both = project.envelope(timing(), ("event", event("x")))
    assert both.status in (200, 429) and len(project.groups()) == 1, "the event is taken all the same"
    # Beyond two limits, with something that is never used: a client is told of all.
    all_of = project.envelope(timing(), runs(), runs(), ("span", {"items": []}))
    if time.time() < until:
        limits = [limit.split(":") for limit in all_of.headers["X-Sentry-Rate-Limits"].split(", ")]
        assert all_of.status == 429 and [limit[1:] for limit in limits[:2]] == [["transaction", "project", "quota"], ["session", "project", "quota"]]
        assert len(limits) == 3 and limits[2][0] == "86400" and "span" in limits[2][1].split(";")


def test_a_first_check_in_that_makes_no_heartbeat_says_so(bellwether):
    server = bellwether("")
    project = Project(server)
    config = lambda n: {"schedule": {"type": "crontab", "value": f"0 {n % 24} * * *"}}
    said = lambda slug, n: ("check_in", {"check_in_id": uuid.uuid4().hex, "monitor_slug": slug, "status": "ok", "monitor_config": config(n)})
    for start in range(0, 100, 20):
        assert project.envelope(*(said("known", n) for n in range(start, start + 20))).status == 200
    until = time.time() // 300 * 300 + 300
    answer = project.envelope(said("young", 1), said("known", 2))
    if time.time() < until and answer.status == 400:
        assert "`web/young` is not made" in answer.json["detail"] and "X-Sentry-Rate-Limits" not in answer.headers
        names = lambda: {one["name"]: one["pings"] for one in server.get("/api/v1/heartbeats").json["heartbeats"]}
        wait_for(lambda: names() == {"web/known": 101}, what="the ping behind it")
    else:
        assert time.time() >= until - 300 and answer.status == 200, "five minutes were over in between"


def test_the_clock_of_an_old_client_is_set_right(bellwether):
    server = bellwether("")
    project = Project(server)
    ahead = time.time() + 3_000
    for sent, text in ((f"{ahead:.3f}", "seconds"), (f"{ahead * 1000:.0f}", "milliseconds")):
        auth = f"Sentry sentry_version=7, sentry_timestamp={sent}, sentry_client=raven-node/2.6.4, sentry_key={project.key}"
        body = json.dumps({**event(text), "timestamp": ahead - 120})
        assert server.post(project.path("store/"), body, headers={"X-Sentry-Auth": auth}).status == 200
    groups = wait_for(lambda: project.groups() if len(project.groups()) else None, what="the group")
    stamps = [one["timestamp"] for group in groups for one in project.events(group["id"])]
    assert len(stamps) == 2 and all(60 < time.time() - stamp < 600 for stamp in stamps), stamps


def test_a_key_has_its_own_quota(bellwether):
    server = bellwether()
    project = Project(server)
    path = f"/api/v1/errors/projects/{project.id}"
    made = server.put(path, {"add_key": {"label": "pages"}}).json["keys"][-1]["key"]
    changed = server.put(path, {"key_limits": {made: 5}})
    assert {key["key"]: key["max_events_per_5m"] for key in changed.json["keys"]} == {project.key: None, made: 5}
    until = time.time() // 300 * 300 + 300
    one = lambda: server.post(project.path(f"store/?sentry_key={made}&sentry_version=7"), json.dumps(event("x")))
    answers = [one() for _ in range(12)]
    refused = [answer for answer in answers if answer.status == 429]
    if time.time() < until:
        assert len(refused) == 7
    seconds, categories, scope, reason = refused[0].headers["X-Sentry-Rate-Limits"].split(":")
    assert 1 <= int(seconds) <= 300 and (categories, scope, reason) == ("error;default;security;feedback", "key", "quota")
    assert project.send(event("x")).status == 200, "other keys go on"
    assert server.put(path, {"key_limits": {"f" * 32: 5}}).status == 400
    assert server.put(path, {"key_limits": {made: None}}).status == 200
    assert one().status == 200


def test_with_a_sign_in_the_key_is_enough_to_send_and_for_nothing_else(bellwether):
    server = bellwether('[auth]\nmode = "required"\n[[team]]\nname = "shop"\nmembers = ["fay"]\nprefixes = ["shop."]\nprojects = ["mine"]\n')
    mine, others = Project(server, "mine"), Project(server, "others")
    for project in (mine, others):
        assert project.send(event("x")).status == 200
        assert server.get(f"/api/v1/errors/groups?project={project.id}", headers=project.auth()).status == 401
    fay, root = person(server, "fay", "editor"), person(server, "root", "admin")
    named = lambda who: {group["project_name"] for group in server.get("/api/v1/errors/groups", headers=who).json}
    assert (named(fay), named(root)) == ({"mine"}, {"mine", "others"})
    theirs = next(group for group in server.get("/api/v1/errors/groups", headers=root).json if group["project_name"] == "others")
    for path in (f"/api/v1/errors/groups/{theirs['id']}", f"/api/v1/errors/groups/{theirs['id']}/events", "/api/v1/errors/projects/others",
                 "/api/v1/errors/series?project=others", "/api/v1/errors/groups?project=others"):
        assert server.get(path, headers=fay).status == 404, path
        assert server.get(path, headers=root).status == 200, path
    assert server.post(f"/api/v1/errors/groups/{theirs['id']}", {"status": "resolved"}, headers=fay).status == 404
    assert server.post("/api/v1/errors/projects", {"name": "more"}, headers=fay).status == 403
    assert [one["name"] for one in server.get("/api/v1/errors/projects", headers=fay).json] == ["mine"]
    # Where else its events go is for whoever may ask any address.
    settings = server.get("/api/v1/errors/projects/mine", headers=fay).json["settings"]
    change = lambda who, **changed: server.put("/api/v1/errors/projects/mine", {"settings": {**settings, **changed}}, headers=who).status
    tee = f"http://{'f' * 32}@127.0.0.1:9/1"
    assert (change(fay, retention_days=7), change(fay, tee=tee), change(root, tee=tee), change(fay, tee=None), change(root, tee=None)) == (200, 403, 200, 403, 200)
    # Nor does it tell others who listens where.
    change(root, tee=tee)
    assert mine.send(event("x")).status == 200
    why = lambda who: (server.get("/api/v1/errors/projects/mine", headers=who).json["tee"] or {}).get("failure") or ""
    assert "127.0.0.1:9" in wait_for(lambda: why(root), what="why it is not taken") and why(fay).startswith("it is not taken; why is for editors")
    change(root, tee=None)
    # Nor what others deploy.
    releases = "/api/0/organizations/any/releases/"
    for name in ("mine", "others"):
        assert server.post(releases, {"version": f"{name}-1", "projects": [name]}, headers=root).status in (200, 201)
        assert server.post(f"{releases}{name}-1/deploys/", {"environment": "production"}, headers=root).status == 201
    marks = lambda who: {one["what"]: one["id"] for one in server.get("/events/get_data?tags=deploy", headers=who).json}
    assert (len(marks(root)), list(marks(fay))) == (2, ["mine-1 deployed to production"])
    ids = marks(root)
    opened = {name: server.get(f"/events/{ids[f'{name}-1 deployed to production']}/", headers=fay).status for name in ("mine", "others")}
    assert opened == {"mine": 200, "others": 404}
    drawn = lambda who: server.get("/render?target=events('others')&from=-10min&format=json", headers=who).json
    times = lambda who: sum(value or 0 for series in drawn(who) for value, _ in series["datapoints"])
    # A second that is not over has no slot yet.
    wait_for(lambda: times(root) == 1, what="the deploy in the function `events`")
    assert times(fay) == 0, "the function `events` tells no more"
    graph = lambda who: [one["what"] for one in server.get("/api/v1/graph?target=a", headers=who).json["annotations"] if "deploy" in one["tags"]]
    assert (graph(fay), len(graph(root))) == (["mine-1 deployed to production"], 2)
    # A project that is named three times has one deploy more.
    assert server.post(f"{releases}mine-1/deploys/", {"environment": "staging", "projects": ["mine", str(mine.id), "mine"]}, headers=root).status == 201
    assert [one["environment"] for one in server.get(f"{releases}mine-1/deploys/", headers=root).json] == ["staging", "production"]
