"""Stories of the monitors' half: planned time, what heals by itself, a generator that dies, a limit that is reached."""
import datetime
import http.server
import threading
import time
import zoneinfo

from support.server import free_port, wait_for

KEY = "0123456789abcdef0123"


def config(hook, extra):
    return f"""
[collectors]
host = false
[heartbeats]
ping_key = "{KEY}"
[[contact]]
name = "chat"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
{extra}
"""


def result(server, name, status, output):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": output})
    assert answer.status // 100 == 2, answer.text


def test_recurring_downtime_in_a_zone_pages_nobody_and_costs_no_availability(bellwether, hook):
    """C094. It is seen weeks ahead, at the wall clock of its zone."""
    zone = zoneinfo.ZoneInfo("Asia/Kolkata")
    now = datetime.datetime.fromtimestamp(time.time(), zone)
    # Around now; in two parts when midnight lies within, and to its end when that is midnight.
    begin, end = (now - datetime.timedelta(minutes=10)), (now + datetime.timedelta(minutes=10))
    spans = [f"{begin:%H:%M}-{end:%H:%M}"] if begin.date() == end.date() else [f"{begin:%H:%M}-24:00", f"00:00-{end:%H:%M}"]
    spans = [span for span in spans if span != "00:00-00:00"]
    days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    ranges = ", ".join(f'"{day} {",".join(spans)}"' for day in days)
    server = bellwether(config(hook, f"""
[[service]]
name = "shop"
objective = "99 % over 30d"
availability = ["disk"]
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["chat"]
[[downtime]]
name = "backup"
comment = "the backup runs"
checks = ["disk"]
time_zone = "Asia/Kolkata"
ranges = [{ranges}]
"""))
    result(server, "disk", 0, "fine")
    wait_for(lambda: server.get("/api/v1/checks/disk").json["in_downtime"], what="the downtime")
    result(server, "disk", 2, "it is being copied")
    time.sleep(3)
    assert [body["event"] for _, body, _ in hook.taken if body["event"] == "problem"] == []
    assert server.get("/api/v1/incidents").json["incidents"] == []
    shop = wait_for(lambda: [one for one in server.get(f"/api/v1/availability?from={int(time.time()) - 60}").json["services"] if one["name"] == "shop"],
                    what="its availability")[0]
    assert shop["in_trouble_seconds"] == 0 and shop["planned_seconds"] >= 2, shop
    ahead = server.get("/api/v1/downtimes/upcoming?days=14").json["upcoming"]
    assert len(ahead) >= 13 and ahead[0]["in_effect"] and not ahead[1]["in_effect"]
    assert ahead[0]["name"] == "backup" and ahead[0]["checks"] == ["disk"] and ahead[0]["comment"] == "the backup runs"
    starts = [datetime.datetime.fromtimestamp(one["start"], zone) for one in ahead[1:]]
    assert {f"{start:%H:%M}" for start in starts} <= {span.split("-")[0] for span in spans}, starts
    for wrong in ["days=0", "days=367", "days=x", "day=1"]:
        assert server.get(f"/api/v1/downtimes/upcoming?{wrong}").status in (400, 422), wrong


def test_what_heals_by_itself_is_counted_and_not_paged(bellwether, hook):
    """C093."""
    server = bellwether(config(hook, """
[[check]]
name = "flaky"
type = "passive"
max_check_attempts = 3
contacts = ["chat"]
[[monitor]]
name = "latency"
target = "lat.web"
critical = "> 300"
for = "20s"
contacts = ["chat"]
"""))
    for _ in range(2):
        for status in (0, 2, 0):
            result(server, "flaky", status, "x")
    states = lambda: [one["state"] for one in server.get("/api/v1/monitors/latency").json.get("instances_list", [])]
    for value, state in ((90, "OK"), (912, "CRITICAL"), (90, "OK")):
        # Each in a second of its own, and judged before the next one comes.
        at = int(time.time())
        server.carbon_send(f"lat.web {value} {at}\n".encode())
        wait_for(lambda: states() == [state] and time.time() >= at + 1, what=f"{value} to be judged {state}")
    rows = lambda: {row["name"]: row for row in server.get("/api/v1/monitors").json["monitors"]}
    counts = lambda: {name: (row["fired"], row["self_healed"], row["pages"]) for name, row in rows().items()}
    wait_for(lambda: counts() == {"flaky": (2, 2, 0), "latency": (1, 1, 0)}, what="what healed")
    assert not hook.all and server.get("/api/v1/incidents?state=all").json["incidents"] == []


class Builds:
    """A build server: a build is started, then it is there."""

    def __init__(self):
        self.port, self.start, self.done = free_port(), 200, 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(outer.done)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(outer.start)

            def answer(self, status):
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_s5_the_synthetic_build_generator_dies_and_nobody_is_woken(bellwether, hook):
    builds = Builds()
    server = bellwether(config(hook, f"""
[incidents]
contacts = ["chat"]
[[check]]
name = "synthetic build"
type = "job"
check_interval = "1s"
retry_interval = "1s"
max_check_attempts = 2
contacts = ["chat"]
[[check.steps]]
name = "start a build"
method = "POST"
url = "http://127.0.0.1:{builds.port}/start"
generator = true
[[check.steps]]
name = "see it"
url = "http://127.0.0.1:{builds.port}/done"
"""))
    state = lambda: server.get("/api/v1/checks/synthetic%20build").json
    wait_for(lambda: state()["state"] == "OK", what="a first build")
    builds.start = 500
    wait_for(lambda: (state()["state"], state()["state_type"]) == ("UNKNOWN", "HARD"), what="UNKNOWN")
    assert "the generator failed: start a build" in state()["last_output"]
    incident = wait_for(lambda: server.get("/api/v1/incidents").json["incidents"], what="its incident")[0]
    assert incident["severity"] == incident["worst"] == "UNKNOWN" and incident["told"] == []
    time.sleep(1.5)
    assert not hook.all, "nobody is woken"
    assert server.get("/api/v1/notifications?check=synthetic%20build").json == []
    builds.start = 200
    wait_for(lambda: state()["state"] == "OK", what="the generator's recovery")
    builds.done = 500
    hook.wait(1)
    assert hook.taken[0][1]["state"] == "CRITICAL" and "see it" in hook.taken[0][1]["output"], "what is watched has a state of its own"
    builds.stop()


def test_s11_the_connections_are_named_first(bellwether, hook):
    """An API times out once a day because the database reaches its connection limit."""
    server = bellwether(config(hook, """
[[monitor]]
name = "api latency"
target = "stats.timers.api.upper_90"
critical = "> 800"
contacts = ["chat"]
[[check]]
name = "connections"
host = "db"
type = "passive"
contacts = ["chat"]
[[host]]
name = "db"
[[check]]
name = "disk"
host = "db"
type = "passive"
"""))
    now = int(time.time())
    begun = now - 180
    lines = []
    for second in range(now - 2_700, now, 10):
        late, wave = second >= begun, second // 10 % 7
        lines += [
            f"stats.timers.api.upper_90 {2_000 if late else 100 + wave} {second}",
            f"checks.db.connections.connections {100 if late else 40 + wave} {second}",
            f"checks.db.disk.root_percent {71 + wave / 10} {second}",
            f"stats.counters.api.timeouts.count {30 if late else wave % 2} {second}",
            f"web.cpu {22 + wave if late else 20 + wave} {second}",
            f"web.requests {500 + 3 * wave} {second}",
        ]
    server.carbon_send(("\n".join(lines) + "\n").encode())
    result(server, "disk", 0, "fine | root=71%;80;90;0;100")
    result(server, "connections", 0, "100 of 100 connections | connections=100;;;0;100")
    server.carbon_send(f"stats.timers.api.upper_90 2000 {int(time.time())}\n".encode())
    body = hook.wait(1)[0][1]
    assert body["name"] == "api latency"
    near = server.get("/api/v1/closest").json["closest"]
    limited = [one for one in near if one["kind"] == "check"]
    assert (limited[0]["name"], limited[0]["label"], limited[0]["share"]) == ("connections", "connections", 1.0), near
    answer = server.get(f"/api/v1/incidents/{body['incident']}/moved")
    assert answer.status == 200, answer.text
    moved = answer.json["moved"]
    names = [one["series"] for one in moved]
    assert names[0] == "checks.db.connections.connections", moved
    assert moved[0]["share_of_limit"] == 1.0 and moved[0]["limit"] == 100 and moved[0]["during"] == 100 and 40 <= moved[0]["before"] <= 46
    assert "stats.counters.api.timeouts.count" in names and "web.requests" not in names and "checks.db.disk.root_percent" not in names, names
    assert "stats.timers.api.upper_90" not in names, "that is the incident itself"
    assert server.get("/api/v1/incidents/99/moved").status == 404


def test_flips_have_a_place(bellwether, hook):
    """C151."""
    server = bellwether(config(hook, """
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
contacts = ["chat"]
"""))
    flip = lambda state, **more: server.put("/api/v1/flags/new%20search", {"state": state, **more})
    assert flip("off").status == 200
    since = flip("on", author="ana", note="for a tenth").json["since"]
    assert flip("on", author="bea").json == {"name": "new search", "state": "on", "since": since, "author": "ana", "note": "for a tenth"}
    assert [flag["name"] for flag in server.get("/api/v1/flags").json["flags"]] == ["new search"]
    server.post(f"/ping/{KEY}/job/fail")
    assert "flag new search: off → on (flip)" in hook.wait(1)[0][1]["text"]
    for body, status in [({"state": " "}, 400), ({"state": "x" * 101}, 400), ({}, 422), ({"state": "on", "stat": 1}, 422)]:
        answer = server.put("/api/v1/flags/x", body)
        assert answer.status in (status, 400), f"{body}: {answer.status}"
    server.kill()
    server.start()
    assert server.get("/api/v1/flags").json["flags"][0]["state"] == "on"
    assert server.request("DELETE", "/api/v1/flags/new%20search").status == 204
    assert server.request("DELETE", "/api/v1/flags/new%20search").status == 404
