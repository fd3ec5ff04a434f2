"""What is behind an incident, in one answer."""
import time

from support.errors import Project, event
from support.people import person
from support.server import wait_for

CONFIG = """
[incidents]
group_window = "0s"
[[monitor]]
name = "load"
kind = "metric"
target = "web.load.*"
critical = "> 10"
[[host]]
name = "web"
[[host]]
name = "db"
""" + "".join(f"""
[[check]]
name = "{name}"
host = "{host}"
type = "passive"
max_check_attempts = 1
""" for name, host in [("disk", "web"), ("http", "web"), ("fine", "web"), ("query", "db")])


def result(server, name, status):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": f"{name} said {status}"})
    assert answer.status == 200, answer.text


def opened(server, title):
    return [one["id"] for one in server.get("/api/v1/incidents?state=all").json["incidents"] if one["title"] == title]


def test_an_incident_has_the_graphs_the_events_and_the_checks_of_its_window(bellwether):
    server = bellwether(CONFIG)
    assert server.post("/events/", {"what": "deployed 4.2", "tags": ["deploy"], "data": ""}).status == 200

    def is_open():
        server.carbon_send(f"web.load.a 30 {int(time.time())}\nweb.load.b 1 {int(time.time())}\n".encode())
        return opened(server, "load")
    [load] = wait_for(is_open, what="the incident of the monitor", pause=0.5)
    whole = server.get(f"/api/v1/incidents/{load}").json
    assert whole["graphs"] == [{"monitor": "load", "targets": ["web.load.a"], "warning": None, "critical": 10.0}]
    assert [(event["what"], event["tags"]) for event in whole["events"]] == [("deployed 4.2", ["deploy"])]
    assert whole["window"]["from"] == whole["opened"] - 900 and whole["window"]["until"] >= whole["opened"]
    assert whole["beside"] == [] and whole["timeline"][0]["kind"] == "opened"
    for name, status in [("fine", 0), ("http", 1), ("query", 2), ("disk", 2)]:
        result(server, name, status)
    [disk] = opened(server, "disk")
    whole = server.get(f"/api/v1/incidents/{disk}").json
    assert whole["graphs"] == [] and whole["errors"] == []
    assert [(one["check"], one["host"], one["worst"], one["text"]) for one in whole["beside"]] == [("http", "web", "WARNING", "http said 1")]
    # Of one that is over it stays as it was.
    result(server, "disk", 0)
    result(server, "http", 0)
    assert [one["check"] for one in server.get(f"/api/v1/incidents/{disk}").json["beside"]] == ["http"]
    assert server.get("/api/v1/incidents/99").status == 404


def test_a_rule_of_numbers_has_the_errors_and_the_checks_of_its_host(bellwether):
    """No other page is needed: what programs reported in the same minutes, and what else was bad on the host, stand beside it."""
    server = bellwether(CONFIG + """
[[service]]
name = "shop"
hosts = ["db"]
latency = ["load"]
""")
    shop = Project(server, "shop")
    assert shop.send(event("no space left", kind="DriveError")).status == 200
    result(server, "http", 2)
    result(server, "query", 2)

    def is_open():
        server.carbon_send(f"web.load.a 30 {int(time.time())}\n".encode())
        return opened(server, "load")
    [load] = wait_for(is_open, what="the incident of the monitor", pause=0.5)
    whole = server.get(f"/api/v1/incidents/{load}").json
    [error] = whole["errors"]
    assert (error["project"], error["title"], error["why"], error["count"]) == ("shop", "DriveError: no space left", "new", 1)
    assert error["at"] >= whole["window"]["from"] and error["id"] == shop.wait_for_group("DriveError")["id"]
    # By the node of its series, and by the service that it is of.
    assert {one["check"] for one in whole["beside"]} == {"http", "query"}


def test_whoever_sees_a_part_of_all_names_is_told_no_errors_of_others(bellwether):
    server = bellwether(CONFIG + '[auth]\nmode = "required"\n[[team]]\nname = "web"\nmembers = ["fay"]\nprefixes = ["disk", "web"]\n')
    fay, root = person(server, "fay", "viewer"), person(server, "root", "admin")
    assert Project(server, "shop").send(event("no space left", kind="DriveError")).status == 200
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}, headers=root).status == 200
    evidence = lambda who: server.get("/api/v1/incidents/1", headers=who)
    whole = wait_for(lambda: (answer := evidence(root)).status == 200 and answer.json, what="the incident")
    assert [one["title"] for one in whole["errors"]] == ["DriveError: no space left"]
    assert evidence(fay).status == 200 and evidence(fay).json["errors"] == []


def test_the_numbers_of_a_check_are_its_graphs(bellwether):
    server = bellwether(CONFIG)
    answer = server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full | free=3MB;10:;5: used=97%;80;90"})
    assert answer.status == 200, answer.text
    [disk] = wait_for(lambda: opened(server, "disk"), what="the incident of the check")
    graphs = server.get(f"/api/v1/incidents/{disk}").json["graphs"]
    assert [(one["label"], one["warning"], one["critical"]) for one in graphs] == [("free", None, None), ("used", 80, 90)]
    assert graphs[1]["targets"] == ["checks.web.disk.used_percent"]


def test_incidents_and_changes_are_marks_on_graphs(bellwether):
    server = bellwether(CONFIG)
    assert server.post("/events/", {"what": "deployed 4.2", "tags": ["deploy"], "data": ""}).status == 200
    result(server, "disk", 2)
    wait_for(lambda: opened(server, "disk"), what="the incident of the check")
    assert server.put("/api/v1/flags/dark", {"state": "on"}).status in (200, 201)
    marks = {one["what"] for one in server.get("/api/v1/graph?target=a&from=-1h").json["annotations"]}
    assert {"deployed 4.2", "incident #1 opened: disk"} <= marks, marks

    def tagged(tags):
        return [one["what"] for one in server.get(f"/events/get_data?from=-1h&tags={tags}").json]
    assert tagged("incident") == ["incident #1 opened: disk"]
    assert any("flags/dark" in one for one in tagged("audit")), tagged("audit")
    # Whoever asks for all gets what was posted, as from Graphite.
    assert {one["what"] for one in server.get("/events/get_data?from=-1h").json} == {"deployed 4.2", "flag dark: on"}

    def drawn():
        [series] = server.get("/render?target=events('incident')&from=-5min&format=json").json
        return sum(value or 0 for value, _ in series["datapoints"])
    # A second that is not over has no slot yet.
    assert wait_for(drawn, what="the incident in the function `events`") == 1
