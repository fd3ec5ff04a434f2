"""Groups: what people do with them, and what the next event does then."""
import http.client
import json
import shutil

from support.errors import Project, event


def act(project, group, **decision):
    answer = project.server.post(f"/api/v1/errors/groups/{group}", decision)
    assert answer.status == 200, answer.text
    return answer.json


def status(project, group):
    return project.server.get(f"/api/v1/errors/groups/{group}").json["status"]


def test_a_list_as_scripts_rely_on_it(bellwether):
    server = bellwether()
    project = Project(server)
    assert project.groups() == []
    for n in range(3):
        assert project.send(event("x", kind="Often", release=f"web@1.{n}.0", environment="live", user={"id": n % 2})).status == 200
    assert project.send(event("y", kind="Once", function="other", level="warning", release="web@1.2.0")).status == 200
    often, once = project.groups("&sort=count")
    assert list(often)[:11] == ["id", "title", "culprit", "level", "status", "count", "users", "first_seen", "last_seen", "release_first", "environment"]
    assert isinstance(often["id"], int) and (often["count"], often["users"], often["release_first"]) == (3, 2, "web@1.0.0")
    assert (often["release_last"], sum(often["hours"]), often["short"]) == ("web@1.2.0", 3, "WEB-1")
    assert once["is_new_since_deploy"]
    titles = lambda query: [group["title"] for group in project.groups(query)]
    assert titles("&level=warning") == ["Once: y"] and titles("&environment=live") == ["Often: x"]
    assert titles("&q=often") == ["Often: x"] and titles("&limit=1&sort=count") == ["Often: x"] and titles("&status=resolved") == []
    assert titles("&release=web@1.0.0") == ["Often: x"] and sorted(titles("&sort=new")) == ["Often: x", "Once: y"]
    for wrong in ("&level=loud", "&status=gone", "&sort=luck", "&limit=0", "&limit=10001", "&unknown=1"):
        assert server.get(f"/api/v1/errors/groups?project={project.id}{wrong}").status == 400, wrong
    assert server.get("/api/v1/errors/groups?project=none").status == 404
    assert server.get("/api/v1/errors/groups/999999").status == 404
    events = project.events(often["id"])
    assert len(events) == 3 and events[0]["_group"] == often["id"]
    older = project.events(often["id"], f"?before={events[0]['event_id']}&limit=1")
    assert [one["event_id"] for one in older] == [events[1]["event_id"]]
    counts = server.get(f"/api/v1/errors/series?project={project.id}&by=release").json
    assert {one["name"]: sum(count for _, count in one["points"]) for one in counts["series"]} == {"web@1.0.0": 1, "web@1.1.0": 1, "web@1.2.0": 2}
    assert server.get(f"/api/v1/errors/series?project={project.id}&by=luck").status == 400
    assert server.get(f"/api/v1/errors/series?project={project.id}&step=7").status == 400


def test_resolved_it_comes_back_only_in_what_is_later(bellwether):
    server = bellwether()
    project = Project(server)
    project.send(event("x", release="web@1.0.0"))
    [group] = project.groups()
    act(project, group["id"], status="resolved", **{"in": "web@1.1.0"})
    project.send(event("x", release="web@1.0.0"))
    assert status(project, group["id"]) == "resolved", "what is older was to be expected"
    project.send(event("x", release="web@1.1.0"))
    assert status(project, group["id"]) == "unresolved"
    act(project, group["id"], status="resolved")
    project.send(event("x", release="web@1.1.0"))
    assert status(project, group["id"]) == "unresolved"
    ignored = act(project, group["id"], status="ignored", until={"events": 2}, assign="ana")
    assert (ignored["status"], ignored["assigned"]) == ("ignored", "ana")
    project.send(event("x"))
    assert status(project, group["id"]) == "ignored"
    project.send(event("x"))
    whole = server.get(f"/api/v1/errors/groups/{group['id']}").json
    assert whole["status"] == "unresolved"
    assert [one["kind"] for one in whole["activity"]].count("resolved") == 2
    assert server.post(f"/api/v1/errors/groups/{group['id']}", {"status": "gone"}).status == 400


def test_merged_and_split(bellwether):
    server = bellwether()
    project = Project(server)

    def send(function):
        assert project.send(event("x", function=function, user={"id": function}, tags={"function": function})).status == 200

    for function in ("one", "one", "two"):
        send(function)
    into, part = sorted(project.groups(), key=lambda group: -group["count"])
    merged = server.post(f"/api/v1/errors/groups/{part['id']}/merge", {"into": into["id"]}).json
    assert (merged["id"], merged["count"], len(merged["hashes"])) == (into["id"], 3, 2)
    send("two")
    [whole] = project.groups()
    assert whole["count"] == 4 and len(project.events(whole["id"])) == 4
    assert server.get(f"/api/v1/errors/groups/{part['id']}").json["id"] == into["id"], "the old number leads to the whole"
    rare = merged["hashes"][-1]["hash"]
    made = server.post(f"/api/v1/errors/groups/{into['id']}/split", {"hash": rare}).json
    assert made["id"] != into["id"] and made["unparted"] == []
    noted = {one["subject"]: one for one in server.get("/api/v1/audit").json["entries"]}
    merging, splitting = (noted[f"errors/groups/{of['id']}/{deed}"] for of, deed in ((part, "merge"), (into, "split")))
    assert json.loads(merging["before"])["hashes"] == [rare] and rare in json.loads(merging["after"])["hashes"], merging
    assert rare in json.loads(splitting["before"])["hashes"] and rare not in json.loads(splitting["after"])["hashes"], splitting

    def counted(group):
        now, series = server.get(f"/api/v1/errors/groups/{group}").json, server.get(f"/api/v1/errors/series?group={group}").json["series"]
        tags = {tag["key"]: {one["value"]: one["count"] for one in tag["values"]} for tag in now["tags"]}
        return now["count"], now["users"], tags["function"], tags["user"], sum(count for one in series for _, count in one["points"])

    apart = {into["id"]: (2, 1, {"one": 2}, {"one": 2}, 2), made["id"]: (2, 1, {"two": 2}, {"two": 2}, 2)}
    assert {group: counted(group) for group in apart} == apart, "with what was counted of them"
    functions = lambda group: [one["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] for one in project.events(group)]
    parted = lambda: {group: sorted(set(functions(group))) for group in (into["id"], made["id"])}
    assert parted() == {into["id"]: ["one"], made["id"]: ["two"]} and len(functions(made["id"])) == 2, "what is kept goes along"
    server.kill()
    server.start()
    assert parted() == {into["id"]: ["one"], made["id"]: ["two"]}, "for ever"
    assert {group: counted(group) for group in apart} == apart
    send("two")
    assert {group["id"] for group in project.groups()} == {into["id"], made["id"]}
    assert server.post(f"/api/v1/errors/groups/{into['id']}/merge", {"into": into["id"]}).status == 400
    assert server.post(f"/api/v1/errors/groups/{into['id']}/split", {"hash": "no"}).status == 400


def test_a_project_that_moves_keeps_its_number_and_its_key(bellwether):
    server = bellwether('[http]\npublic_url = "https://bell.example/watch"\n')
    key = "0123456789abcdef" * 2
    made = server.cli("project", "create", "shop", "--id", "42", "--public-key", key)
    assert made.stdout == f"https://{key}@bell.example/watch/42\n"
    assert "42" in server.cli("project", "list").stdout
    again = server.cli("project", "create", "shop", check=False)
    assert again.returncode == 1 and "already" in again.stderr
    wrong = server.cli("project", "create", "a b", check=False)
    assert wrong.returncode == 1 and "name" in wrong.stderr
    bad = server.put("/api/v1/errors/projects/shop", {"settings": {"retention_days": 0}})
    assert bad.status == 400 and "retention_days" in bad.json["error"]
    added = server.put("/api/v1/errors/projects/shop", {"add_key": {"label": "phones"}}).json
    assert [one["label"] for one in added["keys"]] == ["", "phones"]
    assert added["settings"]["grouping_version"] == added["grouping_newest"] >= 1
    wrong = server.put("/api/v1/errors/projects/shop", {"name": "my till"})
    assert wrong.status == 400 and wrong.json["error"].startswith("name: ")
    renamed = server.put("/api/v1/errors/projects/shop", {"name": "till"}).json
    assert (renamed["name"], renamed["id"], renamed["dsn"]) == ("till", 42, added["dsn"])
    assert server.get("/api/v1/errors/projects/shop").status == 404


def test_one_persons_events_are_erased(bellwether):
    server = bellwether()
    project = Project(server)
    sent = []
    for who in ("17", "18", "17"):
        one = event("x", user={"id": who, "email": f"{who}@example.com"})
        said = {"event_id": one["event_id"], "name": who, "email": "", "comments": f"words of {who}"}
        answer = project.envelope(("event", one), ("user_report", said), ("attachment", b"log", {"filename": "log.txt"}), id=one["event_id"])
        assert answer.status == 200, answer.text
        sent.append(one["event_id"])
    files = {one["event_id"]: one["_attachments"] for one in project.events(project.groups()[0]["id"])}
    assert [len(files[one]) for one in sent] == [1, 1, 1]
    erased = server.post("/api/v1/errors/projects/web/erase", {"key": "id", "value": "17"})
    assert (erased.status, erased.json) == (200, {"events": 2})
    [group] = project.groups()
    [left] = project.events(group["id"])
    assert left["user"]["id"] == "18" and group["count"] == 3
    assert left["_feedback"]["comments"] == "words of 18"
    status = [server.get(f"/api/v1/errors/attachments/{files[one][0]['id']}").status for one in sent]
    assert status == [404, 200, 404]
    tags = {tag["key"]: {one["value"] for one in tag["values"]} for tag in server.get(f"/api/v1/errors/groups/{group['id']}").json["tags"]}
    assert tags["user"] == {"18", "other"}
    by_mail = server.post("/api/v1/errors/projects/web/erase", {"key": "email", "value": "18@Example.com"})
    assert (by_mail.status, by_mail.json) == (200, {"events": 1}), "known by an id, erased by another of their names"
    assert project.events(group["id"]) == []
    tags = {tag["key"]: {one["value"] for one in tag["values"]} for tag in server.get(f"/api/v1/errors/groups/{group['id']}").json["tags"]}
    assert tags["user"] == {"other"}
    nobody = server.post("/api/v1/errors/projects/web/erase", {"key": "email", "value": "18@example.com"})
    assert nobody.json["events"] == 0 and "ask for another one" in nobody.json["hint"]
    assert server.post("/api/v1/errors/projects/web/erase", {"key": "shoe_size", "value": "17"}).status == 400
    assert server.post("/api/v1/errors/projects/none/erase", {"key": "id", "value": "17"}).status == 404


def test_whoever_looks_sees_errors_come(bellwether):
    server = bellwether()
    project = Project(server)
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
    connection.request("GET", "/api/v1/stream")
    stream = connection.getresponse()
    assert b"hello" in stream.readline()
    assert project.send(event("x", kind="Live")).status == 200
    while b"event: errors" not in stream.readline():
        pass
    told = json.loads(stream.readline().removeprefix(b"data: "))
    assert [group["title"] for group in told["new"]] == ["Live: x"]
    connection.close()


def test_a_backup_has_the_events(bellwether, tmp_path):
    server = bellwether()
    project = Project(server)
    for n in range(20):
        assert project.send(event("x" * n, function=f"f{n % 3}")).status == 200
    before = {group["title"]: group["count"] for group in project.groups()}
    server.cli("backup", str(tmp_path / "copy"))
    server.stop()
    shutil.rmtree(server.data_dir)
    server.cli("restore", str(tmp_path / "copy"))
    server.start()
    assert {group["title"]: group["count"] for group in project.groups()} == before
    assert sum(len(project.events(group["id"])) for group in project.groups()) == 20
    assert project.send(event("x", function="f0")).status == 200


def test_the_health_page_has_a_part_for_errors(bellwether):
    server = bellwether()
    parts = lambda: {part["id"]: part for part in server.get("/api/v1/health").json["parts"]}
    assert "errors" not in parts()
    project = Project(server)
    assert project.send(event()).status == 200
    part = parts()["errors"]
    assert part["state"] == "ok" and [one["cause"] for one in part["dropped"]] == ["queue", "disk"] + ["quota"] * 4
