"""What is behind an incident, in one answer."""
import time

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
    assert whole["graphs"] == []
    assert [(one["check"], one["host"], one["worst"], one["text"]) for one in whole["beside"]] == [("http", "web", "WARNING", "http said 1")]
    # Of one that is over it stays as it was.
    result(server, "disk", 0)
    result(server, "http", 0)
    assert [one["check"] for one in server.get(f"/api/v1/incidents/{disk}").json["beside"]] == ["http"]
    assert server.get("/api/v1/incidents/99").status == 404
