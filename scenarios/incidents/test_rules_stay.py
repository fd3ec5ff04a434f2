"""A rule made in the UI outlives the contact that it names: a reload goes on watching it, and says what it goes on without."""
from support.server import wait_for

BASE = """
[collectors]
host = false
[[contact]]
name = "ben"
channels = ["log"]
"""
ANA = '[[contact]]\nname = "ana"\nchannels = ["log"]\n'


def test_a_reload_without_a_contact_loses_no_rule(bellwether):
    server = bellwether(BASE + ANA)
    check = {"type": "passive", "max_check_attempts": 1, "contacts": ["ana", "ben"]}
    assert server.put("/api/v1/monitors/disk", {"check": check}).status // 100 == 2
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}).status // 100 == 2
    phase = lambda: server.get("/api/v1/incidents/1").json["phase"]
    wait_for(lambda: server.get("/api/v1/incidents/1").status == 200 and phase() == "open", what="the incident")
    made = lambda: next((part for part in server.get("/api/v1/health").json["parts"] if part["id"] == "made"), None)
    assert made() is None
    server.rewrite(BASE)
    part = wait_for(made, what="the part of rules made in the UI")
    assert part["state"] == "warning" and "no contact `ana`" in part["text"] and "it is watched without that" in part["text"], part
    wait_for(lambda: "`disk`, made in the UI" in server.log(), what="a line of the log")
    assert "no contact `ana`" in server.cli("config", "check").stdout
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "still full"}).status // 100 == 2
    assert phase() == "open", "it is watched, and not over"
    server.rewrite(BASE + ANA)
    wait_for(lambda: made() is None, what="a rule that fits again")
