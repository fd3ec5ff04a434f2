"""Story S6: three in the morning, and whoever is on call does not wake up. A browser's message, a text, a call, the next person; one tap."""
import re

import pytest

from support.people import person
from support.probes import Authority
from support.providers import Providers
from support.push import PushService
from support.server import wait_for
from support.ways import Me

PHONE, OURS = "+491701234567", "+4930123456"
# A minute of the story is a second here: ten minutes go by before the next person is called.
STORY = '''
[auth]
mode = "required"
[collectors]
host = false
[[channel]]
name = "push"
type = "push"
from = "mailto:ops@example.org"
hosts = ["localhost"]
ca_file = "{authority}"
[[channel]]
name = "text"
type = "sms"
{twilio}
[[channel]]
name = "call"
type = "voice"
{twilio}
[[contact]]
name = "ana by text"
channels = ["text"]
phone = "{phone}"
[[contact]]
name = "ana by telephone"
channels = ["call"]
phone = "{phone}"
[[schedule]]
name = "nights"
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
[[escalation_policy]]
name = "nights"
[[escalation_policy.step]]
notify = ["schedule:nights"]
wait = "3s"
[[escalation_policy.step]]
notify = ["ana by text"]
wait = "3s"
[[escalation_policy.step]]
notify = ["ana by telephone"]
wait = "4s"
[[escalation_policy.step]]
notify = ["ben"]
wait = "1h"
[[check]]
name = "uploads"
type = "passive"
max_check_attempts = 1
escalation_policy = "nights"
playbook = "Look at the quota of the drive first."
'''


@pytest.fixture
def surroundings(tmp_path):
    with Providers() as providers, PushService(Authority(tmp_path)) as service:
        yield providers, service, tmp_path / "ca.pem"


def test_s6_nobody_wakes_up_until_the_next_person_does(bellwether, surroundings):
    providers, service, authority = surroundings
    twilio = providers.twilio
    account = f'account = "{twilio.account}"\ntoken = "t"\nfrom = "{OURS}"\nurl = "{providers.url("twilio")}"'
    server = bellwether(STORY.format(authority=authority, twilio=account, phone=PHONE))
    root = person(server, "root", "editor")
    browsers = {}
    for name in ("ana", "ben"):
        me = Me(server, person(server, name, "responder"))
        browser = browsers[name] = service.browser(name, server.get("/api/v1/me/ways", headers=me.who).json["push_key"])
        (way,) = me.put([{"type": "push", "address": browser.subscription(), "label": "telephone"}]).json["ways"]
        assert me.confirm(way["id"], lambda: browser.shown and browser.shown[0]["title"]).status == 200

    result = lambda status, output: server.post("/api/v1/checks/uploads/result", {"status": status, "output": output}, headers=root)
    assert result(2, "401 from drive api").status == 200
    page = wait_for(lambda: browsers["ben"].shown[1:], what="that the next person is called")[0]
    whole = server.get("/api/v1/incidents/1", headers=root).json
    calls = [(one["contact"], one["channel"], one["at"]) for one in whole["pages"]]
    assert [call[:2] for call in calls] == [("ana", "push"), ("ana by text", "text"), ("ana by telephone", "call"), ("ben", "push")]
    assert calls[-1][2] - calls[0][2] >= 10, "nobody is called before their time"
    assert browsers["ana"].shown[1]["urgency"] == "high" and "401 from drive api" in twilio.texts()[0]["body"] and "uploads" in twilio.rung[0]["script"]

    # Woken up: why, what to do, one tap. The page is small, works without scripts, and needs no sign-in.
    assert page["title"] == "CRITICAL: uploads" and "quota of the drive" in page["body"]
    shown = server.get(page["open"])
    assert shown.status == 200 and len(shown.body) < 30_000 and "401 from drive api" in shown.text and "quota of the drive" in shown.text
    assert re.search(r'<button[^>]*value="?acknowledge', shown.text), "a button that acknowledges"
    assert server.post(page["open"], b"do=acknowledge", headers={"Origin": server.url("")}).status == 200
    incident = server.get("/api/v1/incidents", headers=root).json["incidents"][0]
    assert (incident["owner"], incident["phase"], incident["escalation"]["next_at"]) == ("ben", "acknowledged", None)

    # It is over: everybody who was woken hears of it, by the way that woke them, and nobody is called for good news.
    assert result(0, "ok").status == 200
    for browser in browsers.values():
        wait_for(lambda: any(one["title"].startswith("over") for one in browser.shown), what="the end")
    wait_for(lambda: len(twilio.texts()) == 2, what="a text about the end")
    assert len(twilio.rung) == 1 and twilio.problems() == [] and service.problems == []
