"""Story S8: an outage, then learning. All of it as people do it: by what comes in, and by HTTP."""
import time

from support.people import person
from support.server import wait_for

CONFIG = '''
[auth]
mode = "required"
[collectors]
host = false
# Each trouble is an incident of its own here, however soon it comes again.
[incidents]
group_window = "0s"
reopen_within = "0s"
[[contact]]
name = "chat"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook}"
[[monitor]]
name = "payments fail"
target = "shop.failed"
critical = "> 5"
contacts = ["chat"]
'''


class Shop:
    """What it sends each second, and who asks about it."""

    def __init__(self, server):
        self.server, self.failed, self.orders = server, 0, 100

    def until(self, condition, what):
        def step():
            now = int(time.time())
            self.server.carbon_send(f"shop.failed {self.failed} {now}\nshop.orders {self.orders} {now}\n".encode())
            return condition()
        return wait_for(step, pause=0.3, what=what)


def test_s8_an_outage_and_what_is_learned_from_it(bellwether, hook):
    server = bellwether(CONFIG.format(hook=hook.url))
    ana, ben = person(server, "ana", "editor"), person(server, "ben", "responder")

    def ask(who, method, path, body=None, status=200):
        answer = server.send(method, path, b"" if body is None else body, who, 60)
        assert answer.status == status, (path, answer.status, answer.text)
        return answer.json

    opened = lambda: ask(ben, "GET", "/api/v1/incidents")["incidents"]
    shop = Shop(server)
    shop.until(lambda: server.get("/api/v1/monitors/payments%20fail", headers=ben).json["state"] == "OK", "a quiet shop")

    # Payments fail, orders stop, and of these nobody is told. Ben has it, looks, and says what he sees.
    shop.failed, shop.orders = 99, 0
    [incident] = shop.until(opened, "the incident")
    number = incident["id"]
    ask(ben, "POST", f"/api/v1/incidents/{number}/acknowledge", {"comment": "I look at the payments"})
    ask(ben, "POST", f"/api/v1/incidents/{number}/note", {"text": "the provider is away, we go on with the other one"})
    enough = time.time() + 4
    shop.until(lambda: time.time() > enough, "some seconds of it")
    shop.failed, shop.orders = 0, 100
    shop.until(lambda: not opened(), "its end")

    # The timeline is there before anybody writes; the three Rs are written by two people, one after the other.
    begun = ask(ben, "POST", "/api/v1/post-mortems", {"incident": number})
    place = f"/api/v1/post-mortems/{begun['id']}"
    told = " | ".join(line["words"] for line in begun["text"]["timeline"])
    assert "look at the payments" in told and "the provider is away" in told, told
    assert begun["impact"]["worst"] == "CRITICAL" and begun["impact"]["to_acknowledge_seconds"] >= 0
    text = {**begun["text"], "title": "No payments", "regret": "Orders were lost. We are sorry."}
    assert ask(ben, "PUT", place, {"version": 1, "text": text})["version"] == 2
    text = {**text, "reason": "One provider alone takes payments.", "remedy": "A second provider, and an alarm on orders."}
    ask(ana, "PUT", place, {"version": 1, "text": text}, 409)
    assert ask(ana, "PUT", place, {"version": 2, "text": text})["version"] == 3
    now = ask(ben, "GET", place)["text"]
    assert all(now[part] for part in ("regret", "reason", "remedy"))

    # The new alarm is proved on the outage: one that would have slept through it is refused.
    [follow_up] = ask(ana, "POST", place + "/follow-ups", {
        "what": "tell when orders stop", "owner": "ben", "due": "2030-01-01", "kind": "new_monitor"})["follow_ups"]
    path = f"{place}/follow-ups/{follow_up['id']}"
    rule = {"target": "shop.orders", "critical": "< -5", "contacts": ["chat"]}
    ask(ana, "PUT", "/api/v1/monitors/orders%20stop", {"monitor": rule})
    assert "would not have fired" in ask(ben, "PUT", path, {"done": True, "monitor": "orders stop"}, 409)["error"]
    ask(ana, "PUT", "/api/v1/monitors/orders%20stop", {"monitor": {**rule, "critical": "< 5"}})
    [done] = ask(ben, "PUT", path, {"done": True, "monitor": "orders stop"})["follow_ups"]
    assert done["done"] and begun["began"] - 3_600 <= done["proof"]["fired"] <= begun["ended"], done
    assert ask(ben, "GET", "/api/v1/follow-ups")["follow_ups"] == []

    # The next time orders stop alone, and somebody is told.
    hook.wait(1)
    shop.orders = 0
    page = shop.until(lambda: next((body for _, body, *_ in hook.taken if body.get("name") == "orders stop"), None), "what was missed before")
    assert page["state"] == "CRITICAL"
    # Its post-mortem is found by whoever has the same trouble again.
    shop.failed = 99
    again = shop.until(lambda: next((one for one in opened() if "payments" in one["title"]), None), "the same trouble")
    earlier = ask(ben, "GET", f"/api/v1/incidents/{again['id']}/earlier")["post_mortems"]
    assert [(one["incident"], one["open_follow_ups"]) for one in earlier] == [(number, 0)], earlier
