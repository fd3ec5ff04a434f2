"""Checks and hosts over HTTP: results in, states out, what people do about them, and what is told."""
import json
import time
import urllib.parse
import urllib.request

import pytest

from support.server import wait_for

CONFIG = """
[[channel]]
name = "pager"
type = "webhook"
url = "http://127.0.0.1:9/nobody"
[[contact]]
name = "ana"
channels = ["log"]
[[contact]]
name = "bob"
channels = ["log", "pager"]
check_notification_options = ["c", "r"]
[[host]]
name = "router"
contacts = ["ana"]
max_check_attempts = 1
[[host]]
name = "web1"
parents = ["router"]
contacts = ["ana"]
max_check_attempts = 1
[[check]]
name = "web1/http"
host = "web1"
service = "http"
type = "passive"
max_check_attempts = 2
notification_interval = "0s"
contacts = ["ana", "bob"]
[[check]]
name = "lonely"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
"""


def path(kind, name, rest=""):
    return f"/api/v1/{kind}/{urllib.parse.quote(name, safe='')}{rest}"


def delete(server, place):
    return server.request("DELETE", place)


def events(server, place="/api/v1/stream"):
    """(event, data) of a stream, for as long as it is read."""
    request = urllib.request.Request(server.url(place))
    with urllib.request.urlopen(request, timeout=20) as answer:
        event = None
        for line in answer:
            line = line.decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[len("event: "):]
            elif line.startswith("data: "):
                yield event, json.loads(line[len("data: "):])


def send(server, name, status, output="", kind="checks", **more):
    answer = server.post(path(kind, name, "/result"), {"status": status, "output": output, **more})
    assert answer.status == 200, answer.text
    return answer.json


def look(server, name, kind="checks"):
    answer = server.get(path(kind, name))
    assert answer.status == 200, answer.text
    return answer.json


def told(server, name, of="check"):
    answer = server.get(f"/api/v1/notifications?{of}={urllib.parse.quote(name, safe='')}")
    assert answer.status == 200, answer.text
    return [(one["kind"], one["state"], one["recipient"], one["channel"]) for one in answer.json]


def test_a_result_becomes_a_state_and_a_notice_and_all_of_it_survives(bellwether):
    server = bellwether(CONFIG)
    assert look(server, "web1/http")["state"] == "PENDING"
    output = "HTTP CRITICAL - 500 | time=2.5s;1;2;0 size=12KB 'a b'=U;;@1:2\nlonger text\nmore | load=3"
    assert send(server, "web1/http", 2, output) == {"state": "CRITICAL", "state_type": "SOFT", "attempt": 1}
    assert told(server, "web1/http") == []
    before = time.time()
    send(server, "web1/http", 2, output)
    status = look(server, "web1/http")
    assert (status["state"], status["state_type"], status["attempt"]) == ("CRITICAL", "HARD", 2)
    assert status["last_output"] == "HTTP CRITICAL - 500" and status["long_output"].split() == ["longer", "text", "more"]
    items = {item["label"]: item for item in status["perfdata"]}
    assert items["time"] == {"label": "time", "value": 2.5, "uom": "s", "warn": "1", "crit": "2", "min": 0.0, "max": None,
                             "breach": "critical"}
    assert items["a b"]["value"] is None and items["a b"]["crit"] == "@1:2"
    assert items["load"]["value"] == 3 and set(items) == {"time", "size", "a b", "load"}
    problem = [("problem", "CRITICAL", "ana", "log"), ("problem", "CRITICAL", "bob", "log"), ("problem", "CRITICAL", "bob", "pager")]
    assert told(server, "web1/http") == problem
    at = server.get("/api/v1/notifications?check=web1%2Fhttp&limit=1").json[0]["at"]
    assert before - 1 <= at <= time.time() + 1

    server.kill()
    server.start()
    after = look(server, "web1/http")
    assert {key: after[key] for key in status} == status
    assert told(server, "web1/http") == problem
    send(server, "web1/http", 0, "fine")
    recovery = [("recovery", "OK", "ana", "log"), ("recovery", "OK", "bob", "log"), ("recovery", "OK", "bob", "pager")]
    assert told(server, "web1/http") == problem + recovery
    runs = server.get(path("checks", "web1/http", "/history")).json["runs"]
    assert [(run["state"], run["state_type"], run["count"]) for run in runs] == [
        ("CRITICAL", "SOFT", 1), ("CRITICAL", "HARD", 1), ("OK", "HARD", 1)]
    # Its numbers are series.
    wait_for(lambda: server.points("checks.web1.http.time_seconds", **{"from": "-1min"}), what="perfdata as series")


def test_hosts_know_their_parents(bellwether):
    server = bellwether(CONFIG)
    assert look(server, "web1", "hosts")["state"] == "PENDING"
    assert send(server, "router", 1, "no ping", "hosts")["state"] == "DOWN"
    assert told(server, "router", "host") == [("problem", "DOWN", "ana", "log")]
    assert look(server, "web1", "hosts")["parents"] == [{"host": "router", "state": "DOWN"}]
    assert send(server, "web1", 2, "gone", "hosts")["state"] == "UNREACHABLE"
    send(server, "router", 0, "back", "hosts")
    assert told(server, "router", "host")[-1] == ("recovery", "UP", "ana", "log")
    # On a host that is not up a bad result is HARD at once, and nobody is told.
    assert send(server, "web1/http", 2, "bad")["state_type"] == "HARD"
    assert told(server, "web1/http") == []


def test_acknowledgement_switch_and_custom_notice(bellwether):
    server = bellwether(CONFIG)
    ack = {"sticky": True, "notify": True, "author": "eve", "comment": "on it"}
    send(server, "lonely", 0, "fine")
    answer = server.post(path("checks", "lonely", "/ack"), ack)
    assert answer.status == 200 and answer.json["acknowledged"] is False and "no problem" in answer.json["note"]
    send(server, "lonely", 1, "hm")
    assert server.post(path("checks", "lonely", "/ack"), ack).json == {"acknowledged": True}
    status = look(server, "lonely")
    assert status["acknowledged"] and status["acknowledgement"]["author"] == "eve" and status["withheld"] == "acknowledged"
    assert [comment["comment"] for comment in status["comments"]] == ["on it"]
    assert delete(server, path("checks", "lonely", "/ack")).json["acknowledged"] is False
    assert not look(server, "lonely")["acknowledged"]
    assert server.put(path("checks", "lonely", "/notifications"), {"enabled": False}).json == {"enabled": False}
    send(server, "lonely", 2, "worse")
    assert server.put(path("checks", "lonely", "/notifications"), {"enabled": True}).status == 200
    assert server.post(path("checks", "lonely", "/notify"), {"author": "eve", "comment": "look"}).status in (200, 204)
    assert told(server, "lonely") == [
        ("problem", "WARNING", "ana", "log"), ("acknowledgement", "WARNING", "ana", "log"), ("custom", "CRITICAL", "ana", "log")]


def test_downtimes_are_planned_begin_and_are_cancelled(bellwether):
    server = bellwether(CONFIG)
    now = time.time()
    plan = {"check": "lonely", "start": now - 5, "end": now + 3600, "fixed": True, "duration": 0, "author": "eve", "comment": "move"}
    made = server.post("/api/v1/downtimes", plan)
    assert made.status == 200, made.text
    wait_for(lambda: look(server, "lonely")["in_downtime"], what="the downtime")
    send(server, "lonely", 2, "down as planned")
    assert look(server, "lonely")["withheld"] == "downtime"
    server.kill()
    server.start()
    assert look(server, "lonely")["in_downtime"]
    listed = server.get("/api/v1/downtimes").json["downtimes"]
    assert [(one["id"], one["check"], one["comment"], one["in_effect"]) for one in listed] == [(made.json["id"], "lonely", "move", True)]
    assert delete(server, f"/api/v1/downtimes/{made.json['id']}").status == 204
    assert delete(server, f"/api/v1/downtimes/{made.json['id']}").status == 404
    assert not look(server, "lonely")["in_downtime"]
    send(server, "lonely", 2, "still down")
    assert [kind for kind, *_ in told(server, "lonely")] == ["downtime_start", "downtime_cancelled", "problem"]


def test_silences_hold_back_what_is_sent_only(bellwether):
    server = bellwether(CONFIG)
    until = int(time.time()) + 600
    silence = {"matchers": [{"monitor": "lon*"}], "until": until, "reason": "known", "author": "eve"}
    made = server.post("/api/v1/silences", silence)
    assert made.status == 200, made.text
    send(server, "lonely", 2, "bad")
    assert look(server, "lonely")["withheld"] == "silence"
    assert [kind for kind, *_ in told(server, "lonely")] == ["problem"], "the list is Nagios's"
    row = {row["name"]: row for row in server.get("/api/v1/monitors").json["monitors"]}["lonely"]
    assert row["silenced"] and row["in_trouble"] == 1
    server.kill()
    server.start()
    assert [one["reason"] for one in server.get("/api/v1/silences").json["silences"]] == ["known"]
    assert delete(server, f"/api/v1/silences/{made.json['id']}").status == 204
    assert look(server, "lonely")["withheld"] is None
    odd = server.post("/api/v1/silences", {**silence, "matchers": [{"monitor": "lonley"}, {"host": "wbe1"}, {"monitor": "none*"}]})
    assert [words.split(":")[0] for words in odd.json["warnings"]] == ["there is no monitor `lonley`", "there is no host `wbe1`"], odd.text
    assert "warnings" not in made.json and delete(server, f"/api/v1/silences/{odd.json['id']}").status == 204
    for bad in [{**silence, "matchers": []}, {**silence, "matchers": [{}]}, {**silence, "until": 5}, {**silence, "reason": " "}]:
        assert server.post("/api/v1/silences", bad).status == 400, bad


@pytest.mark.parametrize("method, place, body, status, part", [
    ("POST", "/api/v1/checks/nobody/result", {"status": 0, "output": "x"}, 404, "no check `nobody`"),
    ("GET", "/api/v1/checks/nobody", None, 404, "no check `nobody`"),
    ("GET", "/api/v1/hosts/lonely", None, 404, "no host `lonely`"),
    ("GET", "/api/v1/notifications?check=nobody", None, 404, "no check `nobody`"),
    ("GET", "/api/v1/notifications?check=lonely&host=web1", None, 400, "one of"),
    ("GET", "/api/v1/notifications?limit=many", None, 400, ""),
    ("POST", "/api/v1/checks/lonely/result", {"status": 4, "output": "x"}, 400, "`status` is 4"),
    ("POST", "/api/v1/checks/lonely/result", {"status": -1, "output": "x"}, 400, "`status` is -1"),
    ("POST", "/api/v1/checks/lonely/result", {"status": "2", "output": "x"}, 422, "status"),
    ("POST", "/api/v1/checks/lonely/result", {"output": "x"}, 422, "status"),
    ("POST", "/api/v1/checks/lonely/result", {"status": 0, "at": -5}, 400, "`at` is no time"),
    ("POST", "/api/v1/checks/lonely/result", {"status": 0, "time": 5}, 422, "there is no key `time`"),
    ("POST", "/api/v1/checks/lonely/result", ["0", "x"], 400, "the body is no JSON object"),
    ("POST", "/api/v1/hosts/web1/result", {"status": 3}, 400, "`status` is 3"),
    ("POST", "/api/v1/checks/lonely/run", None, 409, "sent to it"),
    ("POST", "/api/v1/checks/nobody/run", None, 404, "no check `nobody`"),
    ("POST", "/api/v1/downtimes", {"start": 1, "end": 2}, 400, "one of `check`, `host`"),
    ("POST", "/api/v1/downtimes", {"check": "lonely", "start": 4e9, "end": 3.9e9}, 400, "ends before it begins"),
    ("POST", "/api/v1/downtimes", {"check": "lonely", "start": 1, "end": 2}, 400, "over already"),
    ("POST", "/api/v1/downtimes", {"check": "lonely", "start": 1, "end": 4e9, "fixed": False}, 400, "`duration`"),
    ("POST", "/api/v1/downtimes", {"check": "nobody", "start": 1, "end": 4e9}, 404, "no check `nobody`"),
    ("POST", "/api/v1/downtimes", {"check": "lonely", "start": 1e9, "end": 1.8e12}, 400, "not milliseconds"),
    ("POST", "/api/v1/downtimes", {"check": "lonely", "start": 1.8e12, "end": 1.9e12}, 400, "`start` is no time"),
    ("POST", "/api/v1/downtimes", {"check": "lonely", "start": 1, "end": 4e9, "fixed": False, "duration": 1e300}, 400, "`duration` is no time"),
    ("POST", "/api/v1/silences", {"matchers": [{"monitor": "lonely"}], "until": 1800000000000, "reason": "x"}, 400, "`until` is no time"),
    ("POST", "/api/v1/silences", {"matchers": [{"monitor": "[bad"}], "until": 4000000000, "reason": "x"}, 400, "never closed"),
    ("DELETE", "/api/v1/downtimes/77", None, 404, "no downtime 77"),
    ("DELETE", "/api/v1/downtimes/first", None, 400, "first"),
    ("GET", "/api/v1/incidents/first", None, 400, "first"),
    ("PUT", "/api/v1/checks/lonely/notifications", {}, 422, "enabled"),
    ("GET", "/api/v1/monitors/nobody", None, 404, "no monitor `nobody`"),
    ("PUT", "/api/v1/monitors/x", {"monitor": {"target": "a"}, "check": {}}, 400, "stand in one body"),
    ("PUT", "/api/v1/monitors/x", {}, 400, "`monitor` or `check` is missing"),
    ("PUT", "/api/v1/monitors/x", {"monitor": {"target": 5}}, 422, "`monitor.target` is the number 5"),
    ("PUT", "/api/v1/monitors/x", {"monitor": {"name": "y", "target": "a"}}, 400, "the path says `x`"),
    ("PUT", "/api/v1/monitors/lonely", {"check": {"type": "passive"}}, 409, "is defined in"),
    ("PUT", "/api/v1/monitors/x", {"check": {"type": "passive", "host": "nobody"}}, 400, "no host `nobody`"),
    ("PUT", "/api/v1/monitors/x", {"check": {"command": ["/bin/true"]}}, 403, "from files only"),
    ("DELETE", "/api/v1/monitors/x", None, 404, "`x`"),
    ("DELETE", "/api/v1/monitors/lonely", None, 409, "is defined in"),
])
def test_what_is_wrong_is_told(shared, method, place, body, status, part):
    answer = shared.ask(method, place, body)
    assert (answer.status, part in answer.json["error"] + answer.json.get("hint", "")) == (status, True), answer.text


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    from support.server import Bellwether
    server = Bellwether(tmp_path_factory.mktemp("checks"), CONFIG)
    server.start()

    def ask(method, place, body):
        data = None if body is None else json.dumps(body).encode()
        return server.request(method, place, data, {"Content-Type": "application/json"})

    server.ask = ask
    yield server
    server.stop()


def test_monitors_made_in_the_ui_are_kept_with_versions(bellwether):
    server = bellwether(CONFIG)
    wanted = {"check": {"type": "passive", "host": "web1", "service": "db", "contacts": ["ana"], "max_check_attempts": 1}}
    first = server.put("/api/v1/monitors/web1%2Fdb", wanted)
    assert first.status == 200 and first.json["version"] == 1, first.text
    assert server.put("/api/v1/monitors/web1%2Fdb", wanted).json["version"] == 1, "the same again is nothing new"
    send(server, "web1/db", 2, "bad")
    wanted["check"]["max_check_attempts"] = 3
    assert server.put("/api/v1/monitors/web1%2Fdb", wanted).json["version"] == 2
    assert look(server, "web1/db")["state"] == "CRITICAL", "its state stays with its name"
    row = {row["name"]: row for row in server.get("/api/v1/monitors").json["monitors"]}
    assert row["web1/db"]["origin"] == "ui" and row["lonely"]["origin"].endswith(":31")
    assert "web1/db" in server.get("/api/v1/monitors/export").text
    difference = server.get("/api/v1/monitors/diff").json["differences"]
    assert [(one["name"], one["only_in"], one["origin"]) for one in difference] == [("web1/db", "running", "ui")]
    server.kill()
    server.start()
    assert look(server, "web1/db")["max_check_attempts"] == 3
    assert delete(server, "/api/v1/monitors/web1%2Fdb").status == 204
    assert server.get(path("checks", "web1/db")).status == 404
    versions = server.get("/api/v1/monitors/web1%2Fdb/versions").json["versions"]
    assert [(one["version"], one["definition"] is None) for one in versions] == [(3, True), (2, False), (1, False)]


def test_reload_keeps_states_or_changes_nothing(bellwether):
    server = bellwether(CONFIG)
    send(server, "lonely", 2, "bad")
    server.rewrite(CONFIG.replace('"lonely"', '"lonesome"'))
    wait_for(lambda: server.get("/api/v1/checks/lonesome").status == 200, what="the reload")
    assert server.get("/api/v1/checks/lonely").status == 404
    server.rewrite(CONFIG + "\n[[check]]\nname = \"x\"\nhost = \"nowhere\"\ntype = \"passive\"\n")
    wait_for(lambda: "no host `nowhere`" in server.log(), what="the refusal")
    assert server.get("/api/v1/checks/lonesome").status == 200, "nothing of it is taken over"
    server.rewrite(CONFIG)
    wait_for(lambda: server.get("/api/v1/checks/lonely").status == 200, what="the reload")
    assert look(server, "lonely")["state"] == "CRITICAL", "it comes back as it went"
    assert [kind for kind, *_ in told(server, "lonely")] == ["problem"]


def test_states_are_streamed_at_once(bellwether):
    server = bellwether(CONFIG)
    stream = events(server)
    assert next(stream)[0] == "hello"
    send(server, "lonely", 2, "bad")
    change = next(data for event, data in stream if event == "changes")["changes"][0]
    assert (change["monitor"], change["from"], change["state"], change["text"]) == ("lonely", "OK", "CRITICAL", "bad")


def test_a_check_is_run_on_schedule_and_at_once(bellwether, tmp_path):
    count = tmp_path / "count"
    script = f"echo x >> {count}; echo \"OK - $(wc -l < {count}) runs | runs=$(wc -l < {count})\""
    server = bellwether(f"""
[[check]]
name = "counted"
command = ["/bin/sh", "-c", '{script.replace(chr(36), chr(36) * 2)}']
check_interval = "1h"
""")
    asked = server.post(path("checks", "counted", "/run"))
    assert asked.status == 202, asked.text
    first = wait_for(lambda: (status := look(server, "counted"))["state"] == "OK" and status, what="the first run")
    assert first["perfdata"][0]["label"] == "runs" and first["execution_seconds"] > 0
    assert first["next_check"] > time.time() + 3000
    runs = first["perfdata"][0]["value"]
    assert server.post(path("checks", "counted", "/run")).status == 202
    wait_for(lambda: look(server, "counted")["perfdata"][0]["value"] > runs, what="the run that was asked for")
