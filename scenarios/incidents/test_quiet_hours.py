"""What rings at night and what waits, and how people say that they want to be reached."""
import time

from support.people import person
from support.receivers import WebhookServer
from support.server import wait_for

HOOKS = """
[egress]
allow = ["127.0.0.0/8"]
[[channel]]
name = "push"
type = "webhook"
url = "http://127.0.0.1:{port}/push"
[[channel]]
name = "sms"
type = "webhook"
url = "http://127.0.0.1:{port}/sms"
[[contact]]
name = "ana"
channels = ["push", "sms"]
time_zone = "UTC"
"""
CHECK = """
[[check]]
name = "shop"
type = "passive"
max_check_attempts = 1
"""


def it_is_night():
    """Hours around now, far from their borders."""
    hour = time.gmtime().tm_hour
    return f"{(hour - 3) % 24:02}:00-{(hour + 4) % 24:02}:00"


def different(receiver):
    return {(page["channel"], page["event"]) for _, page, _ in receiver.taken}


def test_c084_c101_what_rings_at_night(bellwether):
    receiver = WebhookServer().start()
    try:
        night = f'[incidents]\ncontacts = ["ana"]\npage_warnings = true\nnight = "{it_is_night()}"\n'
        server = bellwether(night + HOOKS.replace("{port}", str(receiver.port)) + CHECK)
        server.post("/api/v1/checks/shop/result", {"status": 1, "output": "slow"})
        (incident,) = wait_for(lambda: server.get("/api/v1/incidents").json["incidents"])
        (held,) = incident["held"]
        assert held["contact"] == "ana" and held["until"] > time.time() and "CRITICAL" in held["why"]
        timeline = server.get(f"/api/v1/incidents/{incident['id']}").json["timeline"]
        assert any(line["text"].startswith("for ana held until ") for line in timeline)
        assert receiver.events() == [] and incident["told"] == []
        # What is not fit to wake anybody is named, and rings all the same.
        (row,) = server.get("/api/v1/checks").json["monitors"]
        assert row["lacks"] == ["owner", "playbook"]
        (part,) = [one for one in server.get("/api/v1/health").json["parts"] if one["id"] == "night"]
        assert part["state"] == "ok" and "shop" in part["text"]
        server.post("/api/v1/checks/shop/result", {"status": 2, "output": "closed"})
        receiver.wait(2)
        assert set(receiver.events()) == {"problem"}
        assert server.get(f"/api/v1/incidents/{incident['id']}").json["held"] == []
    finally:
        receiver.stop()


def test_c101_what_has_no_owner_and_playbook_can_be_kept_from_ringing(bellwether):
    receiver = WebhookServer().start()
    try:
        night = f'[incidents]\ncontacts = ["ana"]\nrequire_owner_and_playbook_at_night = true\nnight = "{it_is_night()}"\n'
        fit = CHECK.replace("shop", "fit") + 'owner = "ana"\nplaybook = "restart it"\n'
        server = bellwether(night + HOOKS.replace("{port}", str(receiver.port)) + CHECK + fit)
        for name in ("shop", "fit"):
            server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": "closed"})
        incidents = wait_for(lambda: (found := server.get("/api/v1/incidents").json["incidents"]) and len(found) == 2 and found)
        by_name = {one["title"]: one for one in incidents}
        assert by_name["fit"]["told"] == ["ana"] and by_name["shop"]["told"] == []
        assert "no owner or no playbook" in by_name["shop"]["held"][0]["why"]
        doubt = wait_for(lambda: [one for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "night"])
        assert "shop" in doubt[0]["text"] and "fit;" not in doubt[0]["text"]
    finally:
        receiver.stop()


def test_c105_people_say_how_they_are_reached(bellwether):
    receiver = WebhookServer().start()
    try:
        closed = '[auth]\nmode = "required"\n[incidents]\ncontacts = ["ana"]\n'
        server = bellwether(closed + HOOKS.replace("{port}", str(receiver.port)) + CHECK)
        ana, zoe = person(server, "ana", "editor"), person(server, "zoe", "viewer")
        mine = server.get("/api/v1/me/rules", headers=ana).json
        assert mine == {"rules": [], "of_file": False, "channels": ["push", "sms"]}
        assert server.get("/api/v1/me/rules", headers=zoe).status == 404
        wrong = {"rules": [{"steps": [{"after": "1m", "channel": "fax"}]}]}
        refused = server.put("/api/v1/me/rules", wrong, headers=ana)
        assert refused.status == 400 and "rules.0.steps.0.channel: `fax`" in refused.json["error"]
        steps = [{"after": "0s", "channel": "push"}, {"after": "4s", "channel": "sms"}]
        assert server.put("/api/v1/me/rules", {"rules": [{"severity": "critical", "steps": steps}]}, headers=ana).status == 200
        server.post("/api/v1/checks/shop/result", {"status": 2, "output": "closed"}, headers=ana)
        ((_, page, _),) = receiver.wait(1)
        assert (page["channel"], page["event"]) == ("push", "problem")
        # Killed in between: the rule goes on, and nothing comes twice.
        server.kill()
        server.start()
        wait_for(lambda: len(different(receiver)) >= 2)
        assert different(receiver) == {("push", "problem"), ("sms", "still")}
        (incident,) = server.get("/api/v1/incidents", headers=ana).json["incidents"]
        assert server.post(f"/api/v1/incidents/{incident['id']}/acknowledge", {}, headers=ana).status == 200
        server.post("/api/v1/checks/shop/result", {"status": 0, "output": "open"}, headers=ana)
        wait_for(lambda: {("push", "recovery"), ("sms", "recovery")} <= different(receiver))
        assert len({headers["x-bellwether-delivery"] for headers, _, _ in receiver.taken}) == 4
    finally:
        receiver.stop()


def test_c111_who_would_be_woken_knows_of_planned_time(bellwether):
    contact = '[incidents]\ncontacts = ["ana"]\n[[contact]]\nname = "ana"\nchannels = ["log"]\n'
    downtime = '[[downtime]]\nname = "sundays"\nchecks = ["fit"]\nranges = ["sunday 00:00-24:00"]\ntime_zone = "UTC"\n'
    server = bellwether(contact + CHECK + CHECK.replace("shop", "fit") + downtime)
    path = "/api/v1/oncall/rehearsal?monitor="
    now = int(time.time())
    planned = {"check": "shop", "start": now + 3600, "end": now + 7200, "fixed": True, "author": "ana", "comment": "move"}
    assert server.post("/api/v1/downtimes", planned).status == 200
    matcher = {"matchers": [{"monitor": "shop"}], "until": now + 7200, "reason": "known", "author": "ana"}
    free = server.get(f"{path}shop&at={now + 10000}").json
    assert free["held"] == [] and free["moments"][0]["calls"][0]["contact"] == "ana"
    told = server.get(f"{path}shop&at={now + 3700}").json
    (held,) = told["held"]
    assert (held["why"], held["until"]) == ("downtime", now + 7200) and "move" in held["what"]
    assert told["moments"][0]["calls"] == [] and "move" in told["moments"][0]["said"][0]
    later = [(one["at"], call["contact"]) for one in told["moments"] for call in one["calls"]]
    assert later == [(now + 7200, "ana")]
    made = server.post("/api/v1/silences", matcher)
    assert made.status in (200, 201), made.text
    told = server.get(f"{path}shop&at={now + 60}").json
    assert "silence" in {one["why"] for one in told["held"]} and told["moments"][0]["calls"] == []
    # The next Sunday at noon, and the Monday after it.
    sunday = now - now % 86_400 + (3 - now // 86_400) % 7 * 86_400 + 7 * 86_400 + 43_200
    assert time.gmtime(sunday).tm_wday == 6
    assert server.get(f"{path}fit&at={sunday}").json["moments"][0]["calls"] == []
    assert server.get(f"{path}fit&at={sunday + 2 * 86_400}").json["moments"][0]["calls"] != []
