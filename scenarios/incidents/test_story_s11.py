"""Story S11: an API times out once a day, because the database reaches its connection limit. What is at its limit is named first, and
the limit is the one that the page draws; the alarm that is made of it comes before the API's."""
import time

from support.server import wait_for
from support.told import contact, webhook

CONFIG = '''
[collectors]
host = false
[incidents]
group_window = "0s"
[[storage.retention]]
name = "tens"
pattern = "."
archives = ["10s:7d"]
[[monitor]]
name = "api latency"
target = "stats.timers.api.upper_90"
critical = "> 800"
contacts = ["chat"]
[[host]]
name = "db"
[[check]]
name = "connections"
host = "db"
type = "passive"
contacts = ["chat"]
[[check]]
name = "disk"
host = "db"
type = "passive"
'''
DAY = 86_400


def test_s11_the_limit_of_the_database_is_found_and_watched(bellwether, hook):
    server = bellwether(CONFIG + contact("chat", webhook(hook.url)))

    def result(check, output):
        answer = server.post(f"/api/v1/checks/{check}/result", {"status": 0, "output": output})
        assert answer.status // 100 == 2, answer.text

    def called(name, point):
        """The page, while the point is sent as its sender does it: again and again."""
        def look():
            server.carbon_send(f"{point} {int(time.time())}\n".encode())
            return next((body for _, body, _ in hook.taken if body["name"] == name), None)
        return wait_for(look, pause=0.5, what=f"the page of {name}")

    # Two days: each has three minutes in which the connections are used up, the last of them now. Each time the API follows them.
    now = int(time.time()) // 10 * 10
    lines = []
    for second in range(now - 2 * DAY + 600, now, 10):
        until_next = (now - second) % DAY
        full, slow = until_next <= 240, until_next <= 180
        wave = second // 10 % 7
        lines += [f"checks.db.connections.connections {100 if full else 40 + wave} {second}",
                  f"stats.timers.api.upper_90 {2_000 if slow else 100 + wave} {second}",
                  f"web.requests {500 + 3 * wave} {second}"]
    server.carbon_send(("\n".join(lines) + "\n").encode())
    result("disk", "fine | root=71%;80;90;0;100")
    result("connections", "100 of 100 connections | connections=100;;;0;100")
    page = called("api latency", "stats.timers.api.upper_90 2000")

    # Whoever is called asks two questions, and both name the connections first; of no check was anybody told.
    closest = server.get("/api/v1/closest").json["closest"]
    first = next(one for one in closest if one["kind"] == "check")
    assert (first["name"], first["share"], first["of"]) == ("connections", 1.0, "max"), closest
    moved = server.get(f"/api/v1/incidents/{page['incident']}/moved").json["moved"]
    assert moved[0]["series"] == first["series"] == "checks.db.connections.connections" and moved[0]["limit"] == 100, moved
    assert "web.requests" not in [one["series"] for one in moved]
    # On their graph the limit is a line.
    [line] = server.get(f"/api/v1/closest?series={first['series']}").json["closest"]
    assert (line["level"], line["of"]) == (100, "max")

    # A rule on them would have told on each day, and sooner than the API's did.
    def fired(rule):
        answer = server.post("/api/v1/monitors/test", {"monitor": rule, "from": "-49h"})
        assert answer.status == 200, answer.text
        return sorted(firing["fired"] for firing in answer.json["firings"] if firing["fired"])

    rule = {"name": "connections run out", "target": first["series"], "critical": "> 90", "contacts": ["chat"]}
    late = fired({"name": "x", "target": "stats.timers.api.upper_90", "critical": "> 800"})
    early = fired(rule)
    assert len(early) == len(late) >= 2 and all(one < other for one, other in zip(early, late)), (early, late)
    made = server.put("/api/v1/monitors/connections%20run%20out", {"monitor": {key: rule[key] for key in ("target", "critical", "contacts")}})
    assert made.status == 200, made.text
    called("connections run out", f"{first['series']} 100")
