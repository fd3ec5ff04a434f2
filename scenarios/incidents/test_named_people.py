"""Monitors may name people who sign in, and who is not there is said."""
from support.server import wait_for

CONFIG = """
[[contact]]
name = "ben"
channels = ["log"]
[[monitor]]
name = "backup"
kind = "heartbeat"
slug = "backup"
period = "1h"
contacts = ["ana"]
"""


def test_whom_a_monitor_names_and_nobody_knows_is_said(bellwether):
    server = bellwether(CONFIG)
    said = lambda: [one["text"] for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "oncall"]
    assert "backup names `ana`, who is no contact" in wait_for(said, what="the doubt")[0]
    checked = server.cli("config", "check").stdout
    assert "no [[contact]] `ana`" in checked and "no problem found" in checked, checked
    wanted = lambda name: {"monitor": {"kind": "heartbeat", "slug": "mail", "period": "1h", "contacts": [name]}}
    refused = server.put("/api/v1/monitors/mail", wanted("zoe"))
    assert refused.status == 400 and "no contact `zoe`" in refused.json["error"] and refused.json["hint"], refused.text
    assert server.put("/api/v1/monitors/mail", wanted("ben")).status == 200
