"""Monitors of errors: what is new or back opens an incident once, and it ends when somebody resolves the group."""
import json
import uuid

from support.server import wait_for

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = """
[[contact]]
name = "ana"
channels = ["log"]
[[monitor]]
name = "shop errors"
kind = "errors"
project = "shop"
when = ["new", "regressed", "events > 20 in 5m"]
environment = "production"
contacts = ["ana"]
"""


def shop(bellwether):
    server = bellwether(CONFIG)
    server.cli("project", "create", "shop", "--id", "7", "--public-key", KEY)
    return server


def event(server, kind, environment="production"):
    body = {
        "event_id": uuid.uuid4().hex,
        "platform": "python",
        "environment": environment,
        "exception": {"values": [{"type": kind, "value": "no such article", "stacktrace": {"frames": [
            {"module": "shop.cart", "function": "add", "context_line": f"raise {kind}()", "in_app": True}]}}]},
    }
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}", "Content-Type": "application/json"}
    answer = server.post("/api/7/store/", json.dumps(body).encode(), headers=headers)
    assert answer.status == 200, answer.text


def incidents(server, state):
    return {one["title"]: one for one in server.get(f"/api/v1/incidents?state={state}").json["incidents"]}


def group(server, title):
    groups = server.get("/api/v1/errors/groups?project=7").json
    return next(one for one in groups if one["title"].startswith(title))


def test_a_new_error_is_told_once_over_a_kill_and_ends_with_its_group(bellwether):
    server = shop(bellwether)
    event(server, "KeyError")
    title = "KeyError: no such article"
    # It was answered for, so it is told, whatever happens to the process.
    server.kill()
    server.start()
    first = wait_for(lambda: incidents(server, "open").get(title), what="the incident of a new error")
    for _ in range(30):
        event(server, "KeyError")
    event(server, "ValueError")
    wait_for(lambda: "ValueError" in json.dumps(server.get(f"/api/v1/incidents/{first['id']}").json)
             or "ValueError: no such article" in incidents(server, "open"), what="the word of another error")
    assert incidents(server, "open")[title]["id"] == first["id"], "what is told of a group is one matter"

    found = group(server, "KeyError")["id"]
    answer = server.post(f"/api/v1/errors/groups/{found}", {"status": "resolved"})
    assert answer.status == 200, answer.text
    other = group(server, "ValueError")["id"]
    assert server.post(f"/api/v1/errors/groups/{other}", {"status": "ignored"}).status == 200
    wait_for(lambda: not incidents(server, "open"), what="the end of what was resolved and ignored")

    event(server, "ValueError")
    event(server, "KeyError")
    back = wait_for(lambda: incidents(server, "open"), what="the incident of an error that is back")
    assert list(back) == [title], "what is ignored is not told"


def test_what_is_not_of_the_rule_is_not_told(bellwether):
    server = shop(bellwether)
    event(server, "KeyError", environment="staging")
    event(server, "TypeError")
    wait_for(lambda: "TypeError: no such article" in incidents(server, "open"), what="the incident of production")
    assert list(incidents(server, "open")) == ["TypeError: no such article"]


def test_a_rule_that_cannot_be_is_refused_with_its_cure(bellwether):
    server = shop(bellwether)
    answer = server.put("/api/v1/monitors/bad", {"monitor": {"kind": "errors", "project": "shop", "when": ["often"]}})
    assert answer.status == 400 and "events > 100 in 5m" in answer.text
    answer = server.put("/api/v1/monitors/bad", {"monitor": {"kind": "errors", "when": ["new"], "target": "a.b"}})
    assert answer.status == 400 and "project" in answer.text and "metric" in answer.text
    answer = server.put("/api/v1/monitors/good", {"monitor": {"kind": "errors", "project": "shop", "when": ["spike"]}})
    assert answer.status == 200, answer.text
    assert server.get("/api/v1/monitors/good").json["kind"] == "errors"
