"""Story S6: three in the morning, and whoever is on call does not wake up. A browser's message, a text, a call, as she has said it herself;
the next person; one tap."""
import re
import time

import pytest

from support.people import person
from support.probes import Authority
from support.providers import Providers
from support.push import PushService
from support.server import wait_for
from support.ways import Me

PHONE, OURS = "+491701234567", "+4930123456"
# A minute of the story is a second here: ten minutes go by before the next person is called. The night is the default one.
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
[incidents]
page_warnings = true
[[schedule]]
name = "nights"
time_zone = "{zone}"
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
[[escalation_policy]]
name = "nights"
[[escalation_policy.step]]
notify = ["schedule:nights"]
wait = "10s"
[[escalation_policy.step]]
notify = ["ben"]
wait = "1h"
[[check]]
name = "uploads"
type = "passive"
max_check_attempts = 1
escalation_policy = "nights"
playbook = "Look at the quota of the drive first."
[[check]]
name = "thumbnails"
type = "passive"
max_check_attempts = 1
escalation_policy = "nights"
'''
OWN_RULES = [{"severity": "critical", "repeat_every": "30s", "steps": [
    {"after": "0s", "channel": "push"}, {"after": "3s", "channel": "text"}, {"after": "6s", "channel": "call"}]}]


def where_it_is_three():
    """A zone where it is three in the morning; those of this kind go by the hours behind UTC."""
    behind = time.gmtime().tm_hour - 3
    return f"Etc/GMT{behind - 24 if behind > 12 else behind:+}"


@pytest.fixture
def surroundings(tmp_path):
    with Providers() as providers, PushService(Authority(tmp_path)) as service:
        yield providers, service, tmp_path / "ca.pem"


def test_s6_nobody_wakes_up_until_the_next_person_does(bellwether, surroundings):
    providers, service, authority = surroundings
    twilio = providers.twilio
    account = f'account = "{twilio.account}"\ntoken = "t"\nfrom = "{OURS}"\nurl = "{providers.url("twilio")}"'
    server = bellwether(STORY.format(authority=authority, twilio=account, zone=where_it_is_three()))
    root = person(server, "root", "editor")
    browsers, people = {}, {}
    for name in ("ana", "ben"):
        me = people[name] = Me(server, person(server, name, "responder"))
        browser = browsers[name] = service.browser(name, server.get("/api/v1/me/ways", headers=me.who).json["push_key"])
        ringing = [{"type": "sms", "address": PHONE}, {"type": "voice", "address": PHONE}] if name == "ana" else []
        ways = me.put([{"type": "push", "address": browser.subscription(), "label": "telephone"}, *ringing]).json["ways"]
        # What a voice says digit by digit.
        spoken = lambda: twilio.rung and re.sub(r"(\d), (?=\d)", r"\1", twilio.rung[0]["script"])
        said = [lambda: browser.shown and browser.shown[0]["title"], lambda: twilio.texts() and twilio.texts()[0]["body"], spoken]
        for way, code in zip(ways, said):
            assert me.confirm(way["id"], code).status == 200
    channels = lambda: server.get("/api/v1/me/rules", headers=people["ana"].who)
    wait_for(lambda: channels().status == 200 and len(channels().json["channels"]) == 3, what="that all of her ways count")
    ruled = server.put("/api/v1/me/rules", {"rules": OWN_RULES}, headers=people["ana"].who)
    assert ruled.status == 200, ruled.text

    result = lambda status, output, name="uploads": server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": output}, headers=root)
    assert result(2, "401 from drive api").status == 200
    page = wait_for(lambda: browsers["ben"].shown[1:], what="that the next person is called")[0]
    whole = server.get("/api/v1/incidents/1", headers=root).json
    calls = [(one["contact"], one["channel"], one["at"]) for one in whole["pages"]]
    assert [call[:2] for call in calls] == [("ana", "push"), ("ana", "text"), ("ana", "call"), ("ben", "push")]
    waited = [at - calls[0][2] for _, _, at in calls]
    assert waited[1] >= 3 and waited[2] >= 6 and waited[3] >= 10, "nobody is called before their time"
    assert browsers["ana"].shown[1]["urgency"] == "high" and "401 from drive api" in twilio.texts()[1]["body"] and "uploads" in twilio.rung[1]["script"]

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
    wait_for(lambda: len(twilio.texts()) == 3, what="a text about the end")
    assert len(twilio.rung) == 2, "a code and a page"

    # What can wait until the morning wakes nobody.
    assert result(1, "slow", "thumbnails").status == 200
    open_ones = lambda: server.get("/api/v1/incidents", headers=root).json["incidents"]
    slow = wait_for(lambda: next((one for one in open_ones() if one["title"] == "thumbnails"), None), what="an incident that is no reason to wake up")
    whole = lambda: server.get(f"/api/v1/incidents/{slow['id']}", headers=root).json
    wait_for(lambda: "quiet hours" in str(whole()["timeline"]), what="why nobody is woken")
    assert whole()["pages"] == []
    assert len(twilio.rung) == 2 and len(twilio.texts()) == 3 and twilio.problems() == [] and service.problems == []
