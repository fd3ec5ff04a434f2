"""Projects of another installation: their DSNs go on, and what was wrong before is no news."""
import json
import uuid

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
    assert server.cli("import", "sentry", str(file), "--dry-run").stdout == "17 web: 2 keys\n"
    assert server.get("/api/v1/errors/projects").json == []
    for told in ("made", "is there already"):
        assert told in server.cli("import", "sentry", str(file)).stdout
    [project] = server.get("/api/v1/errors/projects").json
    assert (project["id"], project["name"]) == (17, "web")
    assert {key["key"]: key["enabled"] for key in project["keys"]} == {KEY: True, OFF: False}
    assert project["settings"]["baseline_until"] > 0
    assert send(server, KEY) == 200
    assert send(server, OFF) in (401, 403)


def test_what_cannot_be_carried_over_is_told(bellwether, tmp_path):
    server = bellwether()
    server.cli("project", "create", "other", "--id", "17")
    file = tmp_path / "projects.json"
    file.write_text(json.dumps(EXPORT + [{"model": "sentry.project", "pk": "x", "fields": {"slug": "bad"}}]))
    done = server.cli("import", "sentry", str(file), check=False)
    assert done.returncode == 1
    assert 'its number is that of "other" here' in done.stderr and "a project cannot be read" in done.stderr
    assert server.cli("import", "sentry", str(tmp_path / "none.json"), check=False).returncode == 1
