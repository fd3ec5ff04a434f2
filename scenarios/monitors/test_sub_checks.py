"""What an application says of itself: each sub-check is an instance, the one that fails is named where people look, and the numbers
of every kind of check are series."""
import json
import time

import pytest

from support.probes import web
from support.server import wait_for

HEALTHZ = {"ok": {"status": "ok", "checks": {"db": {"status": "ok"}, "cache": "ok"}},
           "bad": {"status": "fail", "checks": {"db": {"status": "fail", "message": "no route to db1"}, "cache": "ok"}}}
HOSPITAL = {"ok": {"status": "pass", "details": [{"test": "db", "status": "pass"}, {"test": "cache", "status": "pass"}]},
            "bad": {"status": "fail", "details": [{"test": "db", "status": "fail", "context": "no route to db1"},
                                                  {"test": "cache", "status": "pass"}]}}
SPRING = {"ok": {"status": "UP", "components": {"db": {"status": "UP"}, "cache": {"status": "UP"}}},
          "bad": {"status": "DOWN", "components": {"db": {"status": "DOWN", "details": {"error": "no route to db1"}}, "cache": {"status": "UP"}}}}


def config(port, hook, **keys):
    return f"""
[[channel]]
name = "hook"
type = "webhook"
url = "{hook}"
[[contact]]
name = "ana"
channels = ["hook"]
[[host]]
name = "web1"
[[check]]
name = "shop"
host = "web1"
type = "http"
url = "http://127.0.0.1:{port}/health"
check_interval = "1s"
retry_interval = "1s"
max_check_attempts = 2
notification_interval = "0s"
contacts = ["ana"]
""" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def told_of(hook, event):
    return [body for _, body, _ in hook.taken if body["event"] == event]


def open_incidents(server):
    return [one for one in server.get("/api/v1/incidents").json["incidents"] if one["phase"] != "resolved"]


def parts(server):
    listed = server.get("/api/v1/monitors/shop").json["instances_list"]
    return {one["instance"]: one for one in listed}


def wait_for_part(server, name, state, kind="HARD"):
    return wait_for(lambda: (one := parts(server).get(name)) and (one["state"], one["state_type"]) == (state, kind) and one,
                    what=f"{name} {state}; {parts(server)}")


@pytest.mark.parametrize("bodies", [HEALTHZ, HOSPITAL, SPRING], ids=["healthz", "hospital", "spring"])
def test_a_sub_check_fails_and_is_named(bellwether, hook, bodies):
    said = {"now": "ok"}
    def answer(_):
        return 503 if said["now"] == "bad" else 200, [("Content-Type", "application/json")], json.dumps(bodies[said["now"]]).encode()
    with web(answer) as port:
        server = bellwether(config(port, hook.url))
        wait_for_part(server, "db", "OK")
        assert set(parts(server)) == {"", "db", "cache"}
        said["now"] = "bad"
        db = wait_for_part(server, "db", "CRITICAL")
        assert "no route to db1" in db["text"]
        # The check itself is bad because of it, and says so; the other part is fine.
        assert parts(server)["cache"]["state"] == "OK" and "db" in parts(server)[""]["text"]
        told = wait_for(lambda: told_of(hook, "problem"))
        assert len(told) == 1 and told[0]["title"] == "shop: db", told
        incident = server.get("/api/v1/incidents").json["incidents"][0]
        assert incident["title"] == "shop: db"
        row = next(one for one in server.get("/api/v1/monitors").json["monitors"] if one["name"] == "shop")
        assert (row["instances"], row["in_trouble"]) == (3, 2)
        assert [one["kind"] for one in server.get("/api/v1/notifications?check=shop").json] == ["problem"]
        said["now"] = "ok"
        wait_for_part(server, "db", "OK")
        wait_for(lambda: told_of(hook, "recovery"))
        assert [one["kind"] for one in server.get("/api/v1/notifications?check=shop").json] == ["problem", "recovery"]
        wait_for(lambda: not open_incidents(server))


def test_a_part_that_vanishes_does_not_end_well(bellwether, hook):
    said = {"now": HEALTHZ["bad"]}
    with web(lambda _: (200, [], json.dumps(said["now"]).encode())) as port:
        server = bellwether(config(port, hook.url))
        wait_for_part(server, "db", "CRITICAL")
        said["now"] = {"status": "ok", "checks": {"cache": "ok"}}
        gone = wait_for_part(server, "db", "UNKNOWN")
        assert gone["text"].startswith("no longer reported; it was CRITICAL: db fail: no route to db1")
        wait_for(lambda: parts(server)[""]["state"] == "OK")
        server.kill()
        server.start()
        assert parts(server)["db"]["state"] == "UNKNOWN", "a restart does not heal it either"
        # Until somebody says so.
        assert server.request("DELETE", "/api/v1/monitors/shop/instances?instance=nobody").status == 404
        assert server.request("DELETE", "/api/v1/monitors/shop/instances?instance=db").status == 204
        assert set(parts(server)) == {"", "cache"}
        wait_for(lambda: not open_incidents(server))


def test_a_look_that_came_to_nothing_says_nothing_of_the_parts(bellwether, hook):
    with web(lambda _: (200, [], json.dumps(HEALTHZ["ok"]).encode())) as port:
        server = bellwether(config(port, hook.url))
        wait_for_part(server, "db", "OK")
    wait_for(lambda: parts(server)[""]["state"] == "CRITICAL")
    assert {name: one["state"] for name, one in parts(server).items()} == {"": "CRITICAL", "db": "OK", "cache": "OK"}
    assert wait_for(lambda: told_of(hook, "problem"))[0]["title"] == "shop"
