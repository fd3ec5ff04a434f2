"""What is bad is bad since it was first seen so, and not since it was confirmed or heard of."""
import time

from support.server import wait_for

HOUR = 3600
CONFIG = """
[incidents]
contacts = ["ana"]
[[contact]]
name = "ana"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "HOOK"
[[host]]
name = "web"
[[check]]
name = "disk"
host = "web"
type = "passive"
max_check_attempts = 3
[[check]]
name = "http"
host = "web"
type = "passive"
max_check_attempts = 1
[[monitor]]
name = "slow"
target = "lat.a"
critical = "> 300"
for = "4s"
"""


def send(server, name, status, at):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": "x", "at": at})
    assert answer.status == 200, answer.text


def incidents(server):
    return {one["title"]: one for one in server.get("/api/v1/incidents?state=all").json["incidents"]}


def test_results_of_before_make_incidents_of_before(bellwether, hook):
    server = bellwether(CONFIG.replace("HOOK", hook.url))
    now = int(time.time())
    for name in ("disk", "http"):
        send(server, name, 0, now - 9 * HOUR)
    for minute in range(3):
        send(server, "disk", 2, now - 8 * HOUR + minute * 60)
    # On the same host, told within the same second, and an hour apart.
    send(server, "http", 2, now - 7 * HOUR)
    opened = wait_for(lambda: len(found := incidents(server)) == 2 and found, what="both incidents")
    assert {title: now - one["since"] for title, one in opened.items()} == {"disk": 8 * HOUR, "http": 7 * HOUR}
    assert all(one["opened"] >= now for one in opened.values()), opened
    for name in ("disk", "http"):
        send(server, name, 0, now - 6 * HOUR)
    wait_for(lambda: all(one["closed"] for one in incidents(server).values()), what="their ends")
    report = server.get(f"/api/v1/reports?from={now - 8 * HOUR}&until={now - 5 * HOUR}").json
    recover = report["to_recover"]
    assert (recover["count"], recover["mean"]) == (2, 1.5 * HOUR), report
    disk = server.get(f"/api/v1/incidents/{opened['disk']['id']}").json
    [trouble] = disk["troubles"]
    assert (trouble["since"], trouble["until"]) == (now - 8 * HOUR, now - 6 * HOUR), trouble
    # What was measured stands in the timeline when it was seen, who was told when they were told.
    seen = {line["kind"]: now - line["at"] for line in disk["timeline"] if line["kind"] != "page"}
    wanted = {"opened": 8 * HOUR, "instance": 8 * HOUR, "better": 6 * HOUR, "resolved": 6 * HOUR}
    assert seen.items() >= wanted.items(), disk["timeline"]
    assert all(line["at"] >= now for line in disk["timeline"] if line["kind"] == "page"), disk["timeline"]


def test_what_has_to_last_is_bad_since_it_began(bellwether, hook):
    server = bellwether(CONFIG.replace("HOOK", hook.url))
    begun = time.time()

    def bad():
        server.carbon_send(f"lat.a 900 {int(time.time())}\n".encode())
        return incidents(server).get("slow")
    slow = wait_for(bad, pause=0.3, what="the incident")
    # It was looked at soon after the first bad second, and confirmed when it had lasted.
    assert begun - 2 <= slow["since"] < slow["opened"], (begun, slow)
