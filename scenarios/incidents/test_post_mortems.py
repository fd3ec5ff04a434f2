"""What an outage is good for: its post-mortem, a new monitor that must catch it, and a page for others."""
import time

from support.past import record
from support.server import wait_for


def config(hook):
    return f"""
[[contact]]
name = "ana"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[host]]
name = "db1"
address = "10.1.2.3"
[[monitor]]
name = "shop"
kind = "metric"
target = "shop.failed"
critical = "> 5"
contacts = ["ana"]
owner = "dorothea"
[[team]]
name = "shopkeepers"
members = ["ceda"]
[[monitor]]
name = "orders-stop"
target = "shop.orders"
critical = "< 5"
shadow = true
[[monitor]]
name = "too-late"
target = "shop.orders"
critical = "< -5"
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
"""


# Who and what is named nowhere else, and what shows by its looks alone.
LEFT_IN = ["ceda", "dorothea", "falconer", "+49 170 1234567", "ghp_16C7e42F292c6912E7710c838347", "C:\\data\\pg", "web-3", "root@db9", "10.2.0.0/16", "wiki.prod"]


def send(server, failed, orders):
    now = int(time.time())
    server.carbon_send(f"shop.failed {failed} {now}\nshop.orders {orders} {now}\n".encode())


def until(server, failed, orders, condition, what):
    def step():
        send(server, failed, orders)
        return condition()
    return wait_for(step, pause=0.3, what=what)


def outage(server):
    """The number of the incident, once it is over. Its orders stop while it lasts."""
    def open_ones():
        return server.get("/api/v1/incidents").json["incidents"]
    [incident] = until(server, 99, 0, open_ones, "the incident")
    done = server.post(f"/api/v1/incidents/{incident['id']}/acknowledge", {"author": "ana", "comment": "Ana looks at db1"})
    assert done.status == 200, done.text
    # Some seconds of it, so that there is something to look back at.
    enough = time.time() + 4
    until(server, 99, 0, lambda: time.time() > enough, "some seconds of it")
    until(server, 0, 100, lambda: not open_ones(), "its end")
    return incident["id"]


def ask(server, method, path, body=None, status=200):
    answer = server.send(method, path, b"" if body is None else body, None, 60)
    assert answer.status == status, (path, answer.status, answer.text)
    return answer.json


def test_from_an_outage_to_a_page_for_others(bellwether, hook):
    server = bellwether(config(hook))
    # A host that is known by what it reports only.
    server.carbon_send(f"host.falconer.load.1m 1 {int(time.time())}\n".encode())
    incident = outage(server)
    begun = ask(server, "POST", "/api/v1/post-mortems", {"incident": incident})
    ask(server, "POST", "/api/v1/post-mortems", {"incident": incident}, 409)
    assert begun["impact"]["worst"] == "CRITICAL" and begun["impact"]["people"] == 1 and begun["impact"]["to_acknowledge_seconds"] >= 0
    shown = [line for line in begun["text"]["timeline"] if not line["hidden"]]
    assert any(line["role"] == "responder 1" and line["words"] == "takes it: responder 1 looks at db1" for line in shown), shown
    assert "culprit" not in str(begun)

    place = f"/api/v1/post-mortems/{begun['id']}"
    text = {**begun["text"], "title": "Orders were lost", "regret": "We are sorry.", "reason": "Somebody should have seen it on db1.",
            "remedy": f"An alarm. Project Falcon comes later. {'; '.join(LEFT_IN)}.", "redact": ["Falcon"]}
    written = ask(server, "PUT", place, {"version": 1, "text": text})
    assert written["version"] == 2 and [hint["found"] for hint in written["wording"]] == ["should have"]
    assert "read it again" in ask(server, "PUT", place, {"version": 1, "text": text}, 409)["error"]
    assert [one["version"] for one in ask(server, "GET", place + "/versions")["versions"]] == [2, 1]

    # What nobody was told of: the new rule must catch it.
    follow_ups = place + "/follow-ups"
    added = ask(server, "POST", follow_ups, {"what": "tell when orders stop", "owner": "ana", "due": "2030-01-01", "kind": "new_monitor"})
    [one] = added["follow_ups"]
    path = f"{follow_ups}/{one['id']}"
    assert "monitor" in ask(server, "PUT", path, {"done": True}, 400)["error"]
    assert "would not have fired" in ask(server, "PUT", path, {"done": True, "monitor": "too-late"}, 409)["error"]
    assert "only monitors of kind" in ask(server, "PUT", path, {"done": True, "monitor": "job"}, 400)["error"]
    assert "there is no monitor" in ask(server, "PUT", path, {"done": True, "monitor": "nothing"}, 400)["error"]
    by_hand = ask(server, "PUT", path, {"done": True, "monitor": "db1"}, 400)
    assert "is a host: it cannot be tried on the past" in by_hand["error"] and '"kind": "task"' in by_hand["hint"], by_hand
    assert ask(server, "GET", "/api/v1/follow-ups?owner=ana")["follow_ups"][0]["done"] is None
    # Nor is one that tells nobody.
    rule = {"target": "shop.orders", "contacts": ["ana"]}
    ask(server, "PUT", "/api/v1/monitors/only-warns", {"monitor": {**rule, "warning": "< 5"}})
    ask(server, "PUT", "/api/v1/monitors/no-orders", {"monitor": {**rule, "critical": "< 5"}})
    for name, why in [("orders-stop", "in shadow"), ("only-warns", "told nobody")]:
        assert why in ask(server, "PUT", path, {"done": True, "monitor": name}, 409)["error"], name
    done = ask(server, "PUT", path, {"done": True, "monitor": "no-orders"})["follow_ups"][0]
    assert done["done"] and done["proof"]["monitor"] == "no-orders"
    assert "with 1 page" in done["proof"]["sentence"], done["proof"]
    assert begun["began"] - 3_600 <= done["proof"]["fired"] <= begun["ended"]
    assert ask(server, "GET", "/api/v1/follow-ups")["follow_ups"] == []
    # What cannot be tried is done when somebody says so, and is nothing that was proven.
    said = ask(server, "PUT", path, {"kind": "task", "done": True})["follow_ups"][0]
    assert (said["kind"], said["monitor"], said["proof"]) == ("task", None, None) and said["done"], said
    again = ask(server, "PUT", path, {"kind": "new_monitor"})["follow_ups"][0]
    assert again["kind"] == "new_monitor" and again["done"] is None, again
    assert ask(server, "PUT", path, {"done": True, "monitor": "no-orders"})["follow_ups"][0]["proof"]
    ask(server, "POST", follow_ups, {"what": "a second database", "owner": "ana", "due": "2020-01-01"})
    assert ask(server, "GET", "/api/v1/follow-ups")["late"] == 1

    # Nothing is published that was not looked at as it is.
    ask(server, "POST", place + "/publish", {"seen": "x"}, 409)
    preview = ask(server, "GET", place + "/preview")
    assert {"db1", "Falcon", *LEFT_IN} <= set(preview["removed"]), preview["removed"]
    published = ask(server, "POST", place + "/publish", {"seen": preview["seen"]})["published"]
    page = server.get(published["path"])
    assert page.status == 200 and page.text == preview["page"]
    assert "Orders were lost" in page.text and "a second database" in page.text and "<script" not in page.text
    for never in ("ana", "Ana", "db1", "Falcon", *LEFT_IN):
        assert never not in page.text, never
    assert "script" not in page.headers["content-security-policy"] and page.headers["x-robots-tag"] == "noindex"

    # It happens again, long after.
    with record(server) as past:
        again = past.incident(begun["reason"], begun["ended"] + 90_000, begun["ended"] + 90_600)
    assert server.get(published["path"]).text == page.text
    [earlier] = ask(server, "GET", f"/api/v1/incidents/{again}/earlier")["post_mortems"]
    assert earlier["incident"] == incident and earlier["open_follow_ups"] == 1
    ask(server, "DELETE", place + "/publish")
    assert server.get(published["path"]).status == 404
    for path, status in [("/api/v1/post-mortems/99", 404), ("/api/v1/post-mortems/99/preview", 404), ("/api/v1/incidents/99/earlier", 404)]:
        ask(server, "GET", path, status=status)


def test_a_published_page_needs_no_sign_in_and_all_else_does(bellwether, hook):
    server = bellwether('[auth]\nmode = "required"\n' + config(hook))
    server.token = server.cli("token", "create", "editor", "--role", "editor").stdout.split()[-1]
    incident = outage(server)
    begun = ask(server, "POST", "/api/v1/post-mortems", {"incident": incident})
    place = f"/api/v1/post-mortems/{begun['id']}"
    seen = ask(server, "GET", place + "/preview")["seen"]
    path = ask(server, "POST", place + "/publish", {"seen": seen})["published"]["path"]
    viewer = server.cli("token", "create", "viewer", "--role", "viewer").stdout.split()[-1]
    responder = server.cli("token", "create", "responder", "--role", "responder").stdout.split()[-1]
    server.token = viewer
    ask(server, "GET", place)
    ask(server, "PUT", place, {"version": 1, "text": begun["text"]}, 403)
    server.token = responder
    ask(server, "PUT", place, {"version": 1, "text": begun["text"]})
    ask(server, "POST", place + "/publish", {"seen": seen}, 403)
    server.token = None
    ask(server, "GET", place, status=401)
    assert server.get(path).status == 200
    assert server.get(path[:-2] + "AA").status == 404
