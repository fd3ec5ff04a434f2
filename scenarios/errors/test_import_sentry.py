"""Projects of another installation: their DSNs go on, what was done with their groups holds, and what was wrong before is no news."""
import json
import uuid

from support.errors import Project, event

KEY = "0123456789abcdef0123456789abcdef"
OFF = "f" * 32
EXPORT = [
    {"model": "sentry.organization", "pk": 1, "fields": {"slug": "shop"}},
    {"model": "sentry.project", "pk": 17, "fields": {"slug": "web", "name": "Web"}},
    {"model": "sentry.projectkey", "pk": 1, "fields": {"project": 17, "label": "Default", "public_key": KEY, "status": 0}},
    {"model": "sentry.projectkey", "pk": 2, "fields": {"project": 17, "label": "Old", "public_key": OFF, "status": 1}},
]


def send(server, key):
    event = json.dumps({"event_id": uuid.uuid4().hex, "message": "as ever"})
    return server.post(f"/api/17/store/?sentry_key={key}&sentry_version=7", event).status


def test_projects_go_on(bellwether, tmp_path):
    server = bellwether()
    file = tmp_path / "projects.json"
    file.write_text(json.dumps(EXPORT))
    assert server.cli("import", "sentry", str(file), "--dry-run").stdout == "17 web: 2 keys, 0 groups\n"
    assert server.get("/api/v1/errors/projects").json == []
    for told in ("made", "is there already"):
        assert told in server.cli("import", "sentry", str(file)).stdout
    [project] = server.get("/api/v1/errors/projects").json
    assert (project["id"], project["name"]) == (17, "web")
    assert {key["key"]: key["enabled"] for key in project["keys"]} == {KEY: True, OFF: False}
    assert project["settings"]["baseline_until"] > 0
    assert send(server, KEY) == 200
    assert send(server, OFF) in (401, 403)


def issue(short, title, status="unresolved", details=None, **more):
    return {"id": short[4:], "shortId": short, "title": title, "culprit": "shop.cart in work", "status": status, "statusDetails": details or {},
            "count": "1234", "firstSeen": "2024-02-29T12:00:00Z", "project": {"id": "17", "slug": "web"}, **more}


def test_what_was_done_with_groups_holds(bellwether, tmp_path):
    server = bellwether()
    export = EXPORT + [
        issue("WEB-1", "ValueError: no user 17", assignedTo={"type": "user", "name": "Ana", "email": "ana@example.com"}),
        issue("WEB-2", "KeyError: cart", "resolved"),
        issue("WEB-3", "OSError: disk", "ignored"),
        issue("WEB-4", "TypeError: x", "resolved", {"inNextRelease": True}),
        issue("WEB-5", "Elsewhere: x", culprit="shop.till in pay"),
    ]
    file = tmp_path / "all.json"
    file.write_text(json.dumps(export))
    assert server.cli("import", "sentry", str(file), "--dry-run").stdout == "17 web: 2 keys, 5 groups\n"
    assert "5 groups are known, 0 of those that are here changed" in server.cli("import", "sentry", str(file), "--baseline-days", "0").stdout
    project = Project.__new__(Project)
    project.server, project.name, project.id, project.key = server, "web", 17, KEY

    def sent(kind, message, release="web@1.0.0"):
        assert project.send(event(message, kind=kind, function="work", release=release)).status == 200
        return server.get(f"/api/v1/errors/groups/{project.wait_for_group(kind)['id']}").json

    known = sent("ValueError", "no user 99")
    assert (known["moved_from"], known["assigned"], known["status"], known["first_seen"]) == ("WEB-1", "ana@example.com", "unresolved", 1709208000)
    assert known["count"] == 1, "of events that came here"
    back = sent("KeyError", "cart")
    assert back["status"] == "unresolved" and "regressed" in [one["kind"] for one in back["activity"]]
    assert sent("OSError", "disk")["status"] == "ignored"
    assert sent("TypeError", "x")["status"] == "resolved"
    assert sent("TypeError", "x", "web@1.0.1")["status"] == "unresolved"
    assert sent("Elsewhere", "x")["moved_from"] is None, "what is in another place is another one"
    # Once more, as it is done when the senders have been switched: what nobody here has touched becomes what it is there.
    file.write_text(json.dumps(EXPORT + [issue("WEB-1", "ValueError: no user 17", "ignored"), issue("WEB-5", "Elsewhere: x", "resolved", culprit="")]))
    assert "2 groups are known, 2 of those that are here changed" in server.cli("import", "sentry", str(file)).stdout
    assert sent("ValueError", "no user 3")["status"] == "ignored"


def test_keys_keep_their_limits_and_copies_go_to_the_old_one(bellwether, tmp_path):
    server = bellwether()
    file = tmp_path / "all.json"
    limited = {"model": "sentry.projectkey", "pk": 3, "fields": {"project": 17, "public_key": "a" * 32, "rate_limit_count": 1, "rate_limit_window": 100}}
    file.write_text(json.dumps(EXPORT + [limited]))
    for _ in range(2):
        server.cli("import", "sentry", str(file), "--tee", "http://127.0.0.1:9/sentry/")
    [project] = server.get("/api/v1/errors/projects").json
    assert {key["key"]: key["max_events_per_5m"] for key in project["keys"]} == {KEY: None, OFF: None, "a" * 32: 3}
    assert project["settings"]["tee"] == f"http://{KEY}@127.0.0.1:9/sentry/17" and project["settings"]["baseline_until"] > 0
    wrong = server.cli("import", "sentry", str(file), "--tee", "old.example", check=False)
    assert wrong.returncode == 2 and "--tee" in wrong.stderr


def test_groups_that_cannot_be_are_refused(bellwether):
    server = bellwether()
    project = Project(server)
    path = f"/api/v1/errors/projects/{project.id}/groups"
    for group, part in (({"id": "", "title": "x"}, "groups[0]"), ({"id": "A", "title": "x", "decision": {"status": "gone"}}, "cannot become"),
                        ({"id": "A"}, "title"), ({"id": "A", "title": "x", "odd": 1}, "odd")):
        answer = server.post(path, {"groups": [group]})
        assert answer.status in (400, 422) and part in answer.text, answer.text
    many = [{"id": str(n), "title": "x"} for n in range(1_001)]
    assert server.post(path, {"groups": many}).status == 400
    assert server.post("/api/v1/errors/projects/none/groups", {"groups": []}).status == 404


def test_what_cannot_be_carried_over_is_told(bellwether, tmp_path):
    server = bellwether()
    server.cli("project", "create", "other", "--id", "17")
    file = tmp_path / "projects.json"
    file.write_text(json.dumps(EXPORT + [{"model": "sentry.project", "pk": "x", "fields": {"slug": "bad"}}]))
    done = server.cli("import", "sentry", str(file), check=False)
    assert done.returncode == 1
    assert 'its number is that of "other" here' in done.stderr and "a project cannot be read" in done.stderr
    assert server.cli("import", "sentry", str(tmp_path / "none.json"), check=False).returncode == 1
