"""What providers post to this server: believed when it is theirs, and only once."""
import base64
import hashlib
import hmac
import json
import re
import time

from support.providers import iso
from support.server import wait_for

KEY, SECRET = "0123456789abcdef0123456789abcdef", "s3cret"


def post(server, body, headers=None, name="x"):
    return server.request("POST", f"/in/{name}", json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}).status


def event(kind, key, by="user_reference", at=None):
    return {"event": {"id": "01", "event_type": f"incident.{kind}", "resource_type": "incident", "occurred_at": iso(at),
                      "agent": {"id": "P1", "type": by, "summary": "Ana Berg"}, "client": None,
                      "data": {"id": "Q1", "type": "incident", "status": kind, "incident_key": key}}}


def signed(body, *secrets):
    raw = json.dumps(body).encode()
    return {"X-PagerDuty-Signature": ",".join("v1=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest() for secret in secrets)}


def test_pagerduty_tells_by_itself_who_has_it(providers, story):
    story = story(f'type = "pagerduty"\nrouting_key = "{KEY}"\nurl = "{providers.url("pagerduty")}"\nsecret = "{SECRET}"')
    server = story.server
    story.result(2, "full")
    story.delivered()
    key = next(iter(providers.pagerduty.incidents))
    acknowledged = event("acknowledged", key)
    assert post(server, acknowledged) == 403
    assert post(server, acknowledged, signed(acknowledged, "another")) == 403
    assert post(server, acknowledged, signed(event("acknowledged", "other"), SECRET)) == 403
    for nobody in (event("acknowledged", "other"), event("acknowledged", key, "service_reference"), event("acknowledged", key, at=time.time() - 3600)):
        assert post(server, nobody, signed(nobody, SECRET)) == 202
    assert story.incident()["acknowledged"] is None
    assert post(server, acknowledged, signed(acknowledged, "older", SECRET)) == 202
    story.acknowledged_by("ana", "in PagerDuty, by Ana Berg")
    resolved = event("resolved", key)
    assert post(server, resolved, signed(resolved, SECRET)) == 202
    story.closed()
    # Sent again when it is bad again: it was done before.
    story.result(0)
    story.result(2, "full again")
    story.delivered()
    old = event("resolved", key, at=time.time() - 120)
    assert post(server, old, signed(old, SECRET)) == 202 and story.incident()["id"]
    assert post(server, {}, signed({}, SECRET), name="nothing") == 404 and providers.pagerduty.problems() == []


def test_opsgenie_tells_by_itself_who_has_it(providers, story):
    story = story(f'type = "opsgenie"\ntoken = "genie"\nurl = "{providers.url("opsgenie")}"\nsecret = "{SECRET}"')
    story.result(2, "full")
    story.delivered()
    alias = next(iter(providers.opsgenie.alerts))
    action = {"source": {"name": "", "type": "web"}, "action": "Acknowledge", "integrationName": "Bellwether",
              "alert": {"alertId": "1", "alias": alias, "username": "ana@example.org", "updatedAt": time.time_ns()}}
    assert post(story.server, action) == 403 and post(story.server, action, {"X-Bellwether-Secret": "s3cre"}) == 403
    assert post(story.server, action, {"X-Bellwether-Secret": SECRET}) == 202
    story.acknowledged_by("ana", "in Opsgenie, by ana@example.org")


def test_a_key_counts_under_the_signature_of_twilio(providers, story):
    """`1` is pressed by whoever was called; somebody who has only the address of the call is not believed."""
    public = "http://bell.example:8081"
    story = story(f'type = "voice"\naccount = "{providers.twilio.account}"\ntoken = "t"\nfrom = "+4930123456"\nurl = "{providers.url("twilio")}"',
                  contact='phone = "+491701234567"', extra=f'[http]\npublic_url = "{public}"')
    story.result(2, "full")
    call = wait_for(lambda: providers.twilio.rung, what="a call")[0]
    path = re.search(f'action="{public}(/a/[^"]+/keys)"', call["script"])[1]

    def press(token, url=public):
        signature = base64.b64encode(hmac.new(token.encode(), (url + path + "CallSidCA1Digits1").encode(), hashlib.sha1).digest()).decode()
        form = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature}
        return story.server.request("POST", path, b"Digits=1&CallSid=CA1", form)

    assert story.server.request("POST", path, b"Digits=1&CallSid=CA1").status == 403
    assert press("another").status == 403 and press("t", "http://elsewhere.example").status == 403
    assert story.incident()["acknowledged"] is None
    answer = press("t")
    assert answer.status == 200 and "You have it" in answer.text
    story.acknowledged_by("ana", "by a key")
