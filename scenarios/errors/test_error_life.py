"""A group's life as the API tells it: how it is called, what it is found by, whose it may be, how its releases do."""
import time

import pytest

from support.errors import Project, event
from support.people import person
from support.server import Bellwether, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("server"), '[http]\npublic_url = "https://bell.example"\n')
    server.start()
    yield server
    server.stop()


def sent(project, *events):
    for one in events:
        answer = project.send(one)
        assert answer.status == 200, answer.text
    return project.groups("&sort=count")[0]


def ask(server, path):
    answer = server.get(f"/api/v1/errors/{path}")
    assert answer.status == 200, answer.text
    return answer.json


def test_a_group_goes_by_its_name_and_is_found_by_its_tags(server):
    project = Project(server, "names")
    group = sent(project, event("x", kind="Named", tags={"browser": "Firefox 121"}))
    assert group["short"] == "NAMES-1"
    for name in ("NAMES-1", "names-1", group["id"]):
        assert ask(server, f"groups/{name}")["id"] == group["id"]
    assert len(project.events("NAMES-1")) == 1
    assert ask(server, "series?group=NAMES-1")["series"][0]["points"]
    for name, status in (("NAMES-2", 404), ("NONE-1", 404), ("names", 400), ("NAMES-x", 400)):
        assert server.get(f"/api/v1/errors/groups/{name}").status == status, name
    titles = lambda query: [one["title"] for one in project.groups(query)]
    assert titles("&tag=browser:Firefox+121") == ["Named: x"] and titles("&tag=browser:Firefox") == []
    assert server.get(f"/api/v1/errors/groups?project={project.id}&tag=browser").status == 400


def test_that_it_is_back_is_told_until_somebody_has_seen_it(server):
    project = Project(server, "back")
    group = sent(project, event("x"))
    assert group["regressed_at"] is None
    assert server.post("/api/v1/errors/groups/BACK-1", {"status": "resolved"}).status == 200
    assert sent(project, event("x"))["regressed_at"] >= group["last_seen"]
    assert len(project.groups("&status=regressed")) == 1
    assert server.post("/api/v1/errors/groups/BACK-1", {"status": "unresolved"}).status == 200
    assert project.groups()[0]["regressed_at"] is None and project.groups("&status=regressed") == []


def test_an_import_is_triaged_by_the_file_that_failed(server):
    project = Project(server, "import")
    rows = lambda *files: [event("x", extra={"file": file, "row": n}, user={"id": n}) for n, file in enumerate(files)]
    sent(project, *rows("b.csv", "a.csv", "b.csv"), event("x"))
    files = ask(server, "groups/IMPORT-1/facets/extra.file")
    assert [(one["value"], one["count"], one["users"]) for one in files["values"]] == [("b.csv", 2, 2), ("a.csv", 1, 1)]
    assert (files["events"], files["without"], files["exact"]) == (4, 1, False)
    assert files["values"][0]["event"] in [one["event_id"] for one in project.events("IMPORT-1")]
    assert [one["other"] for one in [ask(server, "groups/IMPORT-1/facets/extra.file?limit=1")]] == [1]
    keys = {one["key"]: one for one in ask(server, "groups/IMPORT-1/facets")["facets"]}
    assert (keys["extra.row"]["events"], keys["extra.row"]["values"], keys["level"]["exact"]) == (3, 3, True)
    tag = ask(server, "groups/IMPORT-1/facets/level")
    assert (tag["exact"], tag["values"][0]["value"], tag["values"][0]["share"]) == (True, "error", 1)
    missing = server.get("/api/v1/errors/groups/IMPORT-1/facets/extra.none")
    assert missing.status == 404 and "facets" in missing.json["hint"]
    # Counted from now on, and searched.
    settings = server.put("/api/v1/errors/projects/import", {"settings": {"facets": ["extra.file"]}})
    assert settings.status == 200, settings.text
    sent(project, *rows("c.csv", "c.csv", "d.csv"))
    files = ask(server, "groups/IMPORT-1/facets/extra.file")
    assert files["exact"] and [(one["value"], one["count"]) for one in files["values"]] == [("c.csv", 2), ("d.csv", 1)]
    assert len(project.groups("&tag=extra.file:c.csv")) == 1 and project.groups("&tag=extra.file:e.csv") == []
    wrong = server.put("/api/v1/errors/projects/import", {"settings": {"facets": ["file"]}})
    assert wrong.status == 400 and "facets[0]" in wrong.json["error"] and "extra.NAME" in wrong.json["error"]


def test_whoever_was_called_is_a_tag(server):
    project = Project(server, "calls")
    sent(project, event("401 Client Error for url: https://api.drive.example/v3/files", kind="DriveError"))
    named = ask(server, "groups/CALLS-1/facets/dependency")
    assert [one["value"] for one in named["values"]] == ["api.drive.example"]
    assert len(project.groups("&tag=dependency:api.drive.example")) == 1


def test_how_the_runs_of_a_release_go(server):
    project = Project(server, "health")
    sent(project, event("x", release="health@1.0"), event("y", kind="Other", release="health@1.1"))
    made = server.post("/api/0/projects/any/health/releases/", {"version": "health@1.1", "commits": [{"id": "abc123", "message": "cure"}]})
    assert made.status == 201, made.text
    assert server.post("/api/0/organizations/any/releases/health@1.1/deploys/", {"environment": "live"}).status == 201
    told = {"aggregates": [{"started": "2026-01-01T00:00:00Z", "exited": 3, "crashed": 1}], "attrs": {"release": "health@1.1", "environment": "live"}}
    assert project.envelope(("sessions", told)).status == 200
    assert project.envelope(("session", {"sid": "7c7b6585f9014351bf8d02711b721929", "init": True, "started": "2026-01-01T00:00:00Z", "attrs": {"release": "health@1.2"}})).status == 200
    releases = lambda query="": {one["release"]: one for one in ask(server, f"releases?project=health{query}")["releases"]}
    assert {name: (one["sessions"], one["crash_free"], one["adoption"], one["groups_new"], one["events"]) for name, one in releases().items()} == {
        "health@1.0": (0, None, 0, 1, 1), "health@1.1": (4, 0.75, 0.8, 1, 1), "health@1.2": (1, 1, 0.2, 0, 0)}
    assert (releases("&environment=live")["health@1.2"]["sessions"], releases()["health@1.1"]["deploys"]) == (0, 1)
    whole = ask(server, "releases/health@1.1?project=health")
    assert ([one["environment"] for one in whole["deployed"]], [one["id"] for one in whole["changes"]]) == (["live"], ["abc123"])
    assert [one["title"] for one in project.groups("&first_release=health@1.1")] == ["Other: y"]
    for query, status in (("releases", 400), ("releases?project=none", 404), ("releases/none?project=health", 404), ("releases?project=health&limit=0", 400)):
        assert server.get(f"/api/v1/errors/{query}").status == status, query

    def share(target):
        points = server.get(f"/render?target={target}&from=-5min&format=json").json
        return [value for series in points for value, _ in series["datapoints"] if value is not None]

    assert wait_for(lambda: share("errors.health.releases.health_1_1.crash_free.sessions"), what="the series of the release") == [0.75]


def test_links_to_the_source_and_to_a_new_issue(server):
    project = Project(server, "linked")
    sent(project, event("a & b", release="linked@4f2a9c1"))
    whole = ask(server, "groups/LINKED-1")
    assert whole["links"] == {"page": "https://bell.example/errors/LINKED-1", "new_issue": None}
    assert "_source" not in project.events("LINKED-1")[0]
    settings = {"source_url": "https://git.example/shop/blob/{commit}/{path}#L{line}", "source_root": "/srv/",
                "issue_url": "https://git.example/shop/issues/new?title={title}&body={body}"}
    assert server.put("/api/v1/errors/projects/linked", {"settings": settings}).status == 200
    new = ask(server, "groups/LINKED-1")["links"]["new_issue"]
    assert new.startswith("https://git.example/shop/issues/new?title=ValueError%3A%20a%20%26%20b&body=")
    assert "https%3A%2F%2Fbell.example%2Ferrors%2FLINKED-1" in new
    source = lambda: project.events("LINKED-1")[0]["_source"]
    assert source() == {"url": "https://git.example/shop/blob/4f2a9c1/{path}#L{line}", "root": "/srv/"}
    made = server.post("/api/0/projects/any/linked/releases/", {"version": "linked@4f2a9c1", "commits": [{"id": "4f2a9c1aa"}, {"id": "0123"}]})
    assert made.status in (201, 208), made.text
    assert "/blob/4f2a9c1aa/" in source()["url"]
    wrong = server.put("/api/v1/errors/projects/linked", {"settings": {"issue_url": "https://git.example/{name}"}})
    assert wrong.status == 400 and "issue_url" in wrong.json["error"] and "{title}" in wrong.json["error"]
    wrong = server.put("/api/v1/errors/projects/linked", {"settings": {"source_url": "https://{release}.git.example/{path}"}})
    assert wrong.status == 400 and "source_url" in wrong.json["error"] and "choose the host" in wrong.json["error"], wrong.text


def test_people_are_counted_over_time_and_events_by_the_month(server):
    project = Project(server, "people")
    # All of one moment, whatever hour or month begins now.
    at = time.time() - 60
    sent(project, *[event("x", user={"id": n % 2}, timestamp=at) for n in range(3)], event("y", kind="Other", user={"id": 5}, timestamp=at))
    sums = lambda query: [sum(count for _, count in one["points"]) for one in ask(server, f"series?{query}")["series"]]
    assert (sums("group=PEOPLE-1&what=users&step=86400"), sums("project=people&what=users&step=month")) == ([2], [3])
    by_month = ask(server, "series?project=people&step=month&from=1700000000")
    assert by_month["step"] is None and sum(count for _, count in by_month["series"][0]["points"]) == 4
    for wrong in ("what=luck", "what=users&by=release", "step=week", "what=users&environment=live"):
        assert server.get(f"/api/v1/errors/series?project=people&{wrong}").status == 400, wrong


def test_groups_that_may_be_the_same_are_listed(server):
    project = Project(server, "alike")
    frames = lambda *names: {"values": [{"type": "E", "value": "x", "stacktrace": {"frames": [{"function": name, "module": "shop", "in_app": True} for name in names]}}]}
    chains = [("main", "pay", "send", "post"), ("main", "pay", "send", "put"), ("other", "entirely")]
    sent(project, *[{**event(), "exception": frames(*names)} for names in chains])
    similar = ask(server, "groups/ALIKE-1/similar")
    assert [one["short"] for one in similar] == ["ALIKE-2"] and 0.5 <= similar[0]["alike"] < 1


def test_what_is_said_of_a_group_goes_with_it(server):
    project = Project(server, "said")
    sent(project, event("x"), event("y", kind="Other", function="other"))
    assert server.post("/api/v1/comments?on=group:SAID-2", {"text": "the cache, I think"}).status == 201
    texts = lambda name: [one["text"] for one in server.get(f"/api/v1/comments?on=group:{name}").json["comments"]]
    part, whole = (ask(server, f"groups/SAID-{number}")["id"] for number in (2, 1))
    assert (texts(part), texts("SAID-1")) == (["the cache, I think"], [])
    assert server.post("/api/v1/errors/groups/SAID-2/merge", {"into": whole}).status == 200
    assert texts("SAID-1") == texts(part) == ["the cache, I think"]
    assert server.post("/api/v1/comments?on=group:SAID-9", {"text": "x"}).status == 404


def test_what_is_another_teams_is_not_there(bellwether):
    server = bellwether('[auth]\nmode = "required"\n[[team]]\nname = "shop"\nmembers = ["fay"]\nprefixes = ["shop."]\nprojects = ["mine"]\n')
    for name in ("mine", "others"):
        assert Project(server, name).send(event("x", extra={"file": "a.csv"}, release="1.0.0")).status == 200
    fay = person(server, "fay", "responder")
    paths = ("errors/groups/{}-1", "errors/groups/{}-1/facets", "errors/groups/{}-1/facets/extra.file", "errors/releases?project={}",
             "errors/releases/1.0.0?project={}", "errors/series?group={}-1&what=users", "comments?on=group:{}-1")
    for path in paths:
        status = [server.get(f"/api/v1/{path.format(name)}", headers=fay).status for name in ("mine", "others")]
        assert status == [200, 404], path
    said = [server.post(f"/api/v1/comments?on=group:{name}-1", {"text": "x"}, headers=fay).status for name in ("mine", "others")]
    assert said == [201, 404]


def test_what_exporters_of_metrics_ask(server):
    """The calls of the common ones, in their words."""
    project = Project(server, "exported")
    sent(project, event("x", environment="live", release="exported@1.0"), event("x", environment="staging", release="exported@1.1"))
    api = lambda path: server.get(f"/api/0/{path}").json
    assert [one["name"] for one in api("projects/any/exported/environments/")] == ["live", "staging"]
    [issue] = api(f"projects/any/exported/issues/?project={project.id}&sort=date&query=age%3A-24h&environment=live")
    assert (issue["count"], issue["permalink"], issue["isUnhandled"]) == ("2", "https://bell.example/errors/EXPORTED-1", False)
    release = lambda query="": api(f"issues/{issue['id']}/current-release/{query}")["currentRelease"]
    assert (release()["release"]["version"], release("?environment=live")["release"]["version"], release("?environment=none")) == ("exported@1.1", "exported@1.0", None)
    assert api("issues/EXPORTED-1/")["id"] == api(f"organizations/any/issues/{issue['id']}/")["id"] == issue["id"]
    since = time.time() - 86_400
    counts = {stat: sum(count for _, count in api(f"projects/any/exported/stats/?stat={stat}&since={since}&until={time.time() + 1}")) for stat in ("received", "rejected", "blacklisted")}
    assert counts == {"received": 2, "rejected": 0, "blacklisted": 0}
    [group] = api(f"organizations/any/stats_v2/?field=sum(quantity)&groupBy=project&groupBy=outcome&interval=1d&project={project.id}&project={project.id}")["groups"]
    assert (group["by"], group["totals"]) == ({"project": project.id, "outcome": "accepted"}, {"sum(quantity)": 2})
    refused = server.get("/api/0/projects/any/exported/issues/?query=age:24h")
    assert refused.status == 400 and "-24h" in refused.json["detail"]


def test_a_project_has_its_series_after_a_restart_too(bellwether):
    server = bellwether()
    project = Project(server)
    sent(project, event("x", environment="live"))
    server.stop()
    server.start()
    begun = time.time()
    targets = "&".join(f"target=errors.web.{name}" for name in ("events.count", "groups.seen", "groups.new", "users"))
    query = f"/render?{targets}&from=-1min&format=json"
    since = lambda: [series["target"] for series in server.get(query).json if any(value == 0 and at >= begun for value, at in series["datapoints"])]
    wait_for(lambda: len(since()) == 4, what="the series of a project that is quiet")
    assert ask(server, "projects/web")["environments"] == ["live"]


def test_rules_are_tried_on_what_is_kept(server):
    project = Project(server, "tried")
    sent(project, event("timeout of a", kind="Slow", function="a"), event("timeout of b", kind="Slow", function="b"), event("x", function="c"))
    rule = {"when": [{"field": "type", "pattern": "Slow"}], "then": {"fingerprint": ["timeouts"]}}
    settings = {"rules": [rule], "owners": [{"when": [{"field": "type", "pattern": "Slow"}], "owner": "ana"}]}
    tried = server.post("/api/v1/errors/projects/tried/try", {"settings": settings})
    assert tried.status == 200, tried.text
    assert (tried.json["groups"], tried.json["events"]) == (3, 3)
    assert {(one["from"], one["to"], one["events"]) for one in tried.json["moves"]} == {("TRIED-1", None, 1), ("TRIED-2", None, 1)}
    assert len({one["hash"] for one in tried.json["moves"]}) == 1, "they would be one"
    assert {(one["group"], one["owner"], one["assigned"]) for one in tried.json["owners"]} == {("TRIED-1", "ana", None), ("TRIED-2", "ana", None)}
    assert ask(server, "projects/tried")["settings"]["rules"] == [], "nothing was changed"
    # Of effect it does as was said.
    assert server.put("/api/v1/errors/projects/tried", {"settings": settings}).status == 200
    sent(project, event("timeout of a", kind="Slow", function="a"), event("timeout of b", kind="Slow", function="b"))
    whole = ask(server, "groups/TRIED-4")
    assert (whole["count"], whole["assigned"], whole["hashes"][0]["hash"]) == (2, "ana", tried.json["moves"][0]["hash"])
    assert {one["to"] for one in server.post("/api/v1/errors/projects/tried/try", {"settings": settings}).json["moves"]} == set()
    wrong = server.post("/api/v1/errors/projects/tried/try", {"settings": {"rules": [{**rule, "when": []}]}})
    assert wrong.status == 400 and "rules[0]" in wrong.json["error"], wrong.text
