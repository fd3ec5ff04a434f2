"""Whoever has left keeps old messages: their links show how it is, and do nothing."""
import urllib.parse

import pytest

from support.receivers import WebhookServer
from support.server import replace, wait_for

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def hook():
    server = WebhookServer().start()
    yield server
    server.stop()


def config(hook, contact):
    return f'''
[collectors]
host = false
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[contact]]
name = "{contact}"
channels = ["hook"]
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["{contact}"]
'''


def test_a_link_of_a_contact_that_is_no_more_does_nothing(bellwether, hook):
    server = bellwether(config(hook, "ana"))
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}).status == 200
    link = urllib.parse.urlsplit(hook.wait(1)[0][1]["acknowledge"]).path
    assert "Acknowledge</button>" in server.get(link).text
    written = server.config_file.read_text()
    replace(server.config_file, written.replace('"ana"', '"bea"'))
    shown = wait_for(lambda: "no contact here any more" in (page := server.get(link).text) and page, what="that the link says so")
    assert "<button" not in shown
    for deed in (b"do=acknowledge", b"do=escalate", b"do=snooze&for=1h"):
        refused = server.post(link, deed, FORM)
        assert refused.status == 403 and "does nothing" in refused.text, refused.text
    assert server.get("/api/v1/incidents/1").json["acknowledged"] is None
