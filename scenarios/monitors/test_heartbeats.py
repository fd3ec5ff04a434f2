"""Heartbeats from outside: pings as Healthchecks takes them, and what is known after the process was killed."""
import concurrent.futures
import http.client
import threading
import time
import uuid

import pytest

from support.server import wait_for

KEY = "thekeyofthepings0123"
UUID = "2f1b7a4e-6c1d-4a63-9d55-0c9f6f6d2b11"
CONFIG = f"""
[heartbeats]
ping_key = "{KEY}"
[[contact]]
name = "ana"
channels = ["log"]
[[monitor]]
name = "nightly backup"
kind = "heartbeat"
uuid = "{UUID}"
slug = "backup"
period = "1h"
grace = "10min"
contacts = ["ana"]
[[monitor]]
name = "quick"
kind = "heartbeat"
slug = "quick"
period = "1s"
grace = "1s"
contacts = ["ana"]
[[monitor]]
name = "twin a"
kind = "heartbeat"
slug = "twin"
[[monitor]]
name = "twin b"
kind = "heartbeat"
slug = "twin"
"""


def heartbeat(server, name="backup"):
    return server.get(f"/api/v1/heartbeats/{name}").json


def open_incidents(server):
    return {incident["title"]: incident for incident in server.get("/api/v1/incidents?state=open").json["incidents"]}


def test_a_job_is_not_held_up_by_its_ping(bellwether):
    server = bellwether(CONFIG)
    began = time.monotonic()
    assert all(server.get(f"/ping/{UUID}").status == 200 for _ in range(30))
    assert time.monotonic() - began < 15, "the second ping of a heartbeat that is well waited for the next batch, a second"


def test_pings_are_answered_as_healthchecks_answers_them(bellwether):
    server = bellwether(CONFIG)
    for method in ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "BREW"]:
        connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=10)
        connection.request(method, f"/ping/{UUID}")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"" if method == "HEAD" else b"OK"), method
        assert answer.headers["Ping-Body-Limit"] == "10000"
        connection.close()
    for path, status, text in [
        (f"{UUID}/start", 200, "OK"), (f"{UUID}/fail", 200, "OK"), (f"{UUID}/log", 200, "OK"), (f"{UUID}/0", 200, "OK"),
        (f"{UUID}/255", 200, "OK"), (f"{UUID}/256", 400, "invalid url format"), (f"{UUID}?rid=1", 400, "invalid uuid format"),
        (f"{UUID}?rid={uuid.uuid4()}", 200, "OK"), (f"{UUID}/other", 404, "not found"), (str(uuid.uuid4()), 404, "not found"),
        (f"{KEY}/backup", 200, "OK"), (f"{KEY}/backup/start", 200, "OK"), (f"{KEY}/twin", 409, "ambiguous slug"),
        (f"{KEY}/nothing", 404, "not found"), (f"wrong{KEY}/backup", 404, "not found"), (f"wrong{KEY}/new?create=1", 404, "not found"),
        (f"{KEY}/new?create=1", 201, "Created"), (f"{KEY}/new?create=1", 200, "OK"), (f"{KEY}/new", 200, "OK"),
        (f"{KEY}/new%20one?create=1", 404, "not found"), ("", 404, None), ("a/b/c/d", 404, "not found"),
    ]:
        answer = server.get(f"/ping/{path}")
        assert answer.status == status and text in (None, answer.text), f"{path}: {answer.status} {answer.text}"
    shown = server.get("/api/v1/config").text + server.cli("config", "show").stdout
    assert KEY not in shown and shown.count('ping_key = "(hidden)"') == 2, "whoever knows it can ping"
    assert server.get("/api/v1/heartbeats/new").json["created"]
    assert "new" in [monitor["name"] for monitor in server.get("/api/v1/monitors").json["monitors"]]


def test_what_a_job_says_is_kept(bellwether):
    server = bellwether(CONFIG)
    rid = str(uuid.uuid4())
    server.get(f"/ping/{UUID}/start?rid={rid}")
    time.sleep(0.3)
    server.post(f"/ping/{UUID}/3?rid={rid}", b"disk full\n" + b"x" * 50_000)
    found = heartbeat(server)
    assert found["status"] == "down" and found["text"] == "it says that it failed with exit status 3: disk full"
    end, start = found["history"]
    assert (start["kind"], end["kind"], end["exit"], end["rid"]) == ("start", "fail", 3, rid)
    assert 0.25 < end["duration"] < 5 and end["body"].startswith("disk full") and len(end["body"]) == 10_000
    incident = open_incidents(server)["nightly backup"]
    assert (incident["severity"], incident["told"]) == ("CRITICAL", ["ana"])
    server.get(f"/ping/{UUID}")
    assert "nightly backup" not in open_incidents(server)
    whole = server.get(f"/api/v1/incidents/{incident['id']}").json
    assert [(page["kind"], page["state"]) for page in whole["pages"]] == [("problem", "listed"), ("recovery", "listed")]
    server.cli("ping", "nightly backup", "--exit", "9", "--body", "no space")
    assert heartbeat(server)["text"].endswith("status 9: no space")
    server.cli("ping", "backup")
    assert heartbeat(server)["status"] == "up"
    unknown = server.cli("ping", "nothing", check=False)
    assert unknown.returncode == 1 and "no heartbeat" in unknown.stderr


def test_a_ping_that_does_not_come_is_told_once(bellwether):
    server = bellwether(CONFIG)
    assert "quick" not in open_incidents(server), "never pinged"
    server.get(f"/ping/{KEY}/quick")
    incident = wait_for(lambda: open_incidents(server).get("quick"), what="the incident")
    time.sleep(2.5)
    assert open_incidents(server)["quick"]["id"] == incident["id"]
    assert len(server.get(f"/api/v1/incidents/{incident['id']}").json["pages"]) == 1
    server.post("/api/v1/heartbeats/quick/pause")
    assert heartbeat(server, "quick")["status"] == "paused"


def test_an_answered_ping_survives_a_kill(bellwether):
    """Pings come in threads, the process is killed while they do: each that was answered is there."""
    server = bellwether(CONFIG)
    answered, enough = {}, threading.Event()

    def pinging(number):
        name = f"job{number}"
        for count in range(1, 10_000):
            try:
                if enough.is_set():
                    return
                if server.get(f"/ping/{KEY}/{name}?create=1", timeout=5).status not in (200, 201):
                    return
            except (OSError, http.client.HTTPException):
                return
            answered[name] = count

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [pool.submit(pinging, number) for number in range(8)]
        try:
            wait_for(lambda: sum(answered.values()) > 50, 60, what="50 pings")
            server.kill()
        finally:
            enough.set()
        for one in running:
            one.result(timeout=30)
    server.start()
    for name, count in answered.items():
        found = heartbeat(server, name)
        assert found["pings"] in (count, count + 1), name
        assert found["status"] == "up" and len(found["history"]) == min(found["pings"], 100)


def test_nothing_alarms_since_the_server_was_away(bellwether):
    server = bellwether(CONFIG.replace('period = "1s"\ngrace = "1s"', 'period = "1s"\ngrace = "6s"'))
    server.get(f"/ping/{KEY}/quick")
    server.get(f"/ping/{UUID}/fail")
    server.kill()
    time.sleep(7.5)
    began = time.time()
    server.start()
    assert heartbeat(server, "quick")["status"] != "down"
    assert list(open_incidents(server)) == ["nightly backup"], "what was bad before is, and nothing else"
    incident = wait_for(lambda: open_incidents(server).get("quick"), what="the alarm after one grace")
    assert incident["opened"] - began >= 5


@pytest.mark.parametrize("config, told", [
    ('schedule = "0 4 * *"', "five"), ('schedule = "daily"\nperiod = "1h"', "leave one of them out"), ('uuid = "x"', "8-4-4-4-12"),
    ('time_zone = "Nowhere"\nschedule = "daily"', "not a time zone"), ('grace = "0s"', "1s"),
])
def test_mistakes_are_told_at_their_place(bellwether, tmp_path, config, told):
    file = tmp_path / "wrong.toml"
    file.write_text(f'[[monitor]]\nname = "job"\nkind = "heartbeat"\n{config}\n')
    server = bellwether()
    done = server.cli("config", "check", str(file), check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 2 and told in output and "wrong.toml:" in output, output


def test_with_sign_in_the_uuid_is_enough(bellwether):
    server = bellwether(CONFIG + '[auth]\nmode = "required"\n')
    assert server.get(f"/ping/{UUID}").status == 200
    assert server.get("/api/v1/heartbeats").status == 401
