"""What nobody is told of, though somebody could be, is the pager's own trouble: health and the heartbeat to the outside say so."""
from support.server import free_port, wait_for

CONFIG = """
[collectors]
host = false
[[contact]]
name = "ana"
channels = ["log"]
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
"""


def test_what_nobody_is_told_of_is_an_alarm(bellwether):
    server = bellwether(CONFIG + f'[self]\nheartbeat_url = "http://127.0.0.1:{free_port()}/ping/none"\nheartbeat_interval = "1s"\n')
    parts = lambda: {part["id"]: part for part in server.get("/api/v1/health").json["parts"]}
    pages = lambda state: wait_for(lambda: (part := parts()["pages"])["state"] == state and part["text"], what=f"pages that are {state}")
    assert "[incidents] contacts" in pages("warning")
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}).status // 100 == 2
    assert "nobody is told of #1" in pages("critical")
    assert [doubt for doubt in server.get("/api/v1/health").json["doubts"] if doubt["part"] == "pages"]
    wait_for(lambda: "nobody is told of 1" in parts()["outside_heartbeat"]["text"], what="a heartbeat that is held back")
    assert server.post("/api/v1/incidents/1/acknowledge", {}).status == 200
    pages("warning")
    wait_for(lambda: "nobody is told" not in parts()["outside_heartbeat"]["text"], what="a heartbeat that is sent again")
    server.rewrite(server.config_file.read_text() + '[incidents]\ncontacts = ["ana"]\n')
    pages("ok")
