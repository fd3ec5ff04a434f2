"""A check tried once: what it says and what is read of it, and nothing comes of it."""
import http.server
import json
import threading

import pytest

from support.server import free_port


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"status": "fail", "checks": {"database": {"status": "pass"}, "search": {"status": "fail", "output": "index is old"}}}).encode()
        self.send_response(503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/health"
    server.shutdown()


CONFIG = """
[[host]]
name = "web1"
address = "127.0.0.1"
[[check]]
name = "web1/dummy"
host = "web1"
command = ["/bin/echo", "fine at $HOSTADDRESS$ | time=12ms;10;20 odd"]
check_interval = "0s"
[[check]]
name = "sent"
type = "passive"
"""


def test_a_check_is_tried_and_nothing_comes_of_it(bellwether, site):
    server = bellwether(CONFIG)
    answer = server.post("/api/v1/trial", {"check": {"type": "http", "url": site}})
    assert answer.status == 200, answer.text
    tried = answer.json
    assert tried["state"] == "CRITICAL" and "search" in tried["output"]
    assert {part["name"]: part["state"] for part in tried["parts"]} == {"database": "OK", "search": "CRITICAL"}
    assert "time" in [item["label"] for item in tried["perfdata"]]
    assert all(row["name"] != "trial" for row in server.get("/api/v1/monitors").json["monitors"])
    # On a host that is known: its address is asked.
    port = free_port()
    tried = server.post("/api/v1/trial", {"check": {"name": "x", "type": "tcp", "host": "web1", "port": port}}).json
    assert tried["state"] == "CRITICAL" and f"127.0.0.1:{port}" in tried["output"], tried
    # One that is defined, its command too; its state stays what it was.
    tried = server.post("/api/v1/trial", {"name": "web1/dummy"}).json
    assert (tried["state"], tried["output"]) == ("OK", "fine at 127.0.0.1"), tried
    assert tried["perfdata"][0]["breach"] == "warning" and tried["perfdata_skipped"] == ["odd"]
    assert server.get("/api/v1/checks/web1%2Fdummy").json["state"] == "PENDING"
    assert server.get("/api/v1/notifications").json == []


def test_a_plugin_that_is_not_there_says_what_was_looked_for(bellwether, tmp_path):
    """The first line is Nagios's; below it stands what helps."""
    (tmp_path / "check_mine").write_text("#!/bin/sh\n")
    server = bellwether(f"""
[[check]]
name = "gone"
command = ["/usr/lib/nagios/plugins/check_gone", "-w", "1"]
check_interval = "0s"
[[check]]
name = "closed"
command = ["{tmp_path}/check_mine"]
check_interval = "0s"
""")
    tried = {name: server.post("/api/v1/trial", {"name": name}).json for name in ("gone", "closed")}
    assert tried["gone"]["state"] == "CRITICAL" and "127" in tried["gone"]["output"], tried
    assert "there is no file /usr/lib/nagios/plugins/check_gone: install it" in tried["gone"]["long_output"]
    assert tried["closed"]["state"] == "CRITICAL" and "126" in tried["closed"]["output"], tried
    assert f"{tmp_path}/check_mine may not be run" in tried["closed"]["long_output"]


WRONG = [
    ({}, 400, "either `check` or `name`"),
    ({"name": "nobody"}, 404, "there is no check `nobody`"),
    ({"name": "sent"}, 400, "its results are sent to it"),
    ({"check": {"type": "http"}}, 400, "needs url"),
    ({"check": {"type": "http", "ur": "x"}}, 422, "in `check`: there is no key `ur`"),
    ({"check": {"type": "tcp", "port": 70000}}, 422, "port"),
    ({"check": {"type": "tcp", "host": "nobody", "port": 1}}, 400, "nobody"),
    ({"check": {"command": ["/bin/true"]}}, 403, "come from files only"),
    ({"check": {"type": "sql", "password_file": "/etc/shadow"}}, 403, "come from files only"),
    ({"check": {"type": "http", "url": "http://169.254.169.254/"}}, 200, "UNKNOWN"),
]


def test_what_would_lose_its_secret_is_not_kept(bellwether, site):
    server = bellwether(CONFIG)
    check = {"name": "x", "type": "http", "url": site, "user": "ana", "password": "sesame"}
    assert server.post("/api/v1/trial", {"check": check}).json["state"] == "CRITICAL", "it may be tried"
    answer = server.put("/api/v1/monitors/x", {"check": check})
    assert answer.status == 400 and "stand in files" in answer.text and "sesame" not in answer.text
    assert server.get("/api/v1/monitors/x").status == 404


def test_what_cannot_be_tried_says_why(bellwether):
    server = bellwether(CONFIG)
    for wanted, status, why in WRONG:
        answer = server.post("/api/v1/trial", wanted)
        assert answer.status == status and why in answer.text, (wanted, answer.text)
