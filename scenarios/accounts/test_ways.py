"""People say themselves how they are reached, and show that it is theirs."""
import re

import pytest

from support.people import person, sign_in
from support.providers import Providers
from support.receivers import MailServer
from support.server import wait_for
from support.ways import Me, code_in

PHONE, OURS = "+491701234567", "+4930123456"


@pytest.fixture
def providers():
    with Providers() as all_of_them:
        yield all_of_them


def config(providers, mail=None, extra=""):
    twilio = f'account = "{providers.twilio.account}"\ntoken = "t"\nfrom = "{OURS}"\nurl = "{providers.url("twilio")}"'
    return f'''
[auth]
mode = "required"
[collectors]
host = false
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
[[channel]]
name = "app"
type = "ntfy"
url = "{providers.url("ntfy")}"
[[channel]]
name = "text"
type = "sms"
{twilio}
[[channel]]
name = "call"
type = "voice"
{twilio}
[[channel]]
name = "mail"
type = "email"
server = "127.0.0.1:{mail.port if mail else 25}"
from = "bellwether@example.org"
tls = "none"
{extra}
'''


def test_c112_a_person_is_reached_by_what_has_come_back(bellwether, providers):
    server = bellwether(config(providers))
    admin = person(server, "root", "admin")
    me = Me(server, person(server, "ana", "responder"))
    disk = lambda status: server.post("/api/v1/checks/disk/result", {"status": status, "output": f"it is {status}"}, headers=admin)
    topics = providers.ntfy.topics
    offered = {one["type"]: one["channels"] for one in server.get("/api/v1/me/ways", headers=me.who).json["offered"]}
    assert offered["ntfy"] == ["app"] and offered["sms"] == ["text"] and "pushover" not in offered

    (way,) = me.put([{"type": "ntfy", "address": "ana-1", "label": "my telephone"}]).json["ways"]
    assert way["confirmed"] is None and way["address"] == "ana-1"
    assert disk(2).status == 200
    assert server.post("/api/v1/incidents/1/note", {"text": "@ana look"}, headers=admin).status == 200
    said = lambda: " ".join(line["text"] for line in server.get("/api/v1/incidents/1", headers=admin).json["timeline"])
    assert "@ana is no contact" in said() and not topics["ana-1"], "a way that is not confirmed is none"

    assert me.ask(way["id"], "confirm", {"code": "123456"}).status == 409, "no code was sent"
    assert me.ask(way["id"], "test").status == 409
    providers.fail("ntfy", status=500)
    refused = me.ask(way["id"], "code")
    assert refused.status == 502 and "500" in refused.json["error"]
    me.send_code(way["id"])
    code = code_in(topics["ana-1"][0]["whole"]["title"])
    wrong = me.ask(way["id"], "confirm", {"code": "000000" if code != "000000" else "111111"})
    assert wrong.status == 400 and "4 more times" in wrong.json["hint"]
    assert me.ask(way["id"], "confirm", {"code": code}).status == 200
    assert code not in server.log() and code not in server.get("/api/v1/audit", headers=admin).text

    # Nobody is named anywhere: who may act and has a way is told.
    assert disk(0).status == 200
    wait_for(lambda: server.get("/api/v1/incidents", headers=admin).json["open"] == 0, what="the end")
    assert disk(2).status == 200
    page = wait_for(lambda: [one for one in topics["ana-1"] if "CRITICAL" in one["whole"]["title"]], what="a page")[0]
    providers.ntfy.press(page, "Acknowledge")
    owner = lambda: server.get("/api/v1/incidents", headers=admin).json["incidents"][0]["owner"]
    assert wait_for(owner, what="an owner") == "ana"

    tested = wait_for(lambda: (sent := me.ask(way["id"], "test")).status != 429 and sent, what="a test")
    assert tested.status == 200 and tested.json["ways"][0]["tested"]["error"] is None
    assert [one["whole"]["title"] for one in topics["ana-1"][-2:]] == ["CRITICAL: test of ana", "over, OK: test of ana"]
    seen = server.get("/api/v1/people/ana/ways", headers=admin)
    assert seen.json["ways"][0]["confirmed"] and seen.json["ways"][0]["tested"] and "ana-1" not in seen.text

    turns = {"layer": [{"people": ["ana"], "rotation": "weekly", "start": "2020-01-06"}]}
    assert server.put("/api/v1/schedules/web", turns, headers=admin).status == 200
    named = {"monitor": {"kind": "heartbeat", "slug": "of-ana", "period": "1h", "contacts": ["ana"]}}
    assert server.put("/api/v1/monitors/of-ana", named, headers=admin).status == 200
    needed = server.request("DELETE", "/api/v1/people/ana", headers=admin)
    assert server.request("DELETE", "/api/v1/monitors/of-ana", headers=admin).status == 204
    assert needed.status == 409 and "schedule `web`" in needed.json["error"] and "confirmed" in needed.json["hint"], needed.text
    assert server.request("DELETE", "/api/v1/schedules/web", headers=admin).status == 204

    (moved,) = me.put([{"id": way["id"], "type": "ntfy", "address": "ana-2"}]).json["ways"]
    assert moved["confirmed"] is None, "it leads elsewhere"
    # What is in her hands is nobody's without her.
    needed = server.request("DELETE", "/api/v1/people/ana", headers=admin)
    assert needed.status == 409 and "incident #1" in needed.json["error"], needed.text
    refused = server.cli("user", "remove", "ana", check=False)
    assert refused.returncode == 1 and "--confirmed" in refused.stderr and owner() == "ana", refused.stderr
    assert "may not sign in" in server.cli("user", "remove", "ana", "--confirmed").stdout
    left = server.get("/api/v1/incidents/1", headers=admin).json
    assert left["owner"] is None and left["phase"] == "open", left
    assert "ana, who had it, is removed: it is nobody's again" in [line["text"] for line in left["timeline"]]
    assert not any(one["acknowledged"] for one in left["troubles"]), left["troubles"]
    assert server.get("/api/v1/people/ana/ways", headers=admin).status == 404


def test_c112_texts_calls_and_mails_carry_codes(bellwether, providers):
    mail = MailServer().start()
    try:
        server = bellwether(config(providers, mail))
        me = Me(server, person(server, "ana", "responder"))
        other = "+491701234568"
        ways = me.put([{"type": "sms", "address": PHONE}, {"type": "voice", "address": other}, {"type": "email", "address": "ana@example.org"}]).json["ways"]
        sms, voice, email = (way["id"] for way in ways)
        twilio = providers.twilio
        assert me.confirm(sms, lambda: twilio.texts() and twilio.texts()[0]["to"] == PHONE and twilio.texts()[0]["body"]).status == 200
        spoken = lambda: twilio.rung and twilio.rung[0]["to"] == other and re.sub(r"(\d), (?=\d)", r"\1", twilio.rung[0]["script"])
        assert me.confirm(voice, spoken).status == 200
        assert me.confirm(email, lambda: mail.texts() and mail.texts()[0]).status == 200
        assert code_in(mail.subjects()[0]) == code_in(mail.texts()[0])
        assert all(way["confirmed"] for way in me.ways())
        assert server.post("/api/v1/incidents", {"title": "the shop is closed"}, headers=me.who).status == 201
        wait_for(lambda: len(twilio.rung) == 2 and len(twilio.texts()) == 2 and len(mail.mails) == 2, what="a call, a text and a mail")
        assert twilio.rung[1]["to"] == other and twilio.texts()[1]["to"] == PHONE and twilio.problems() == []
        # Codes do not go through the outbox: nothing of them is kept.
        wrong = [("type", [{"type": "pushover", "address": "u" * 30}]), ("address", [{"type": "sms", "address": "0170"}]),
                 ("channel", [{"type": "sms", "address": PHONE, "channel": "call"}]), ("address", [{"type": "sms"}])]
        for key, ways in wrong:
            answer = me.put(ways)
            assert answer.status == 400 and f"ways.0.{key}: " in answer.json["error"], answer.text
    finally:
        mail.stop()


ON_CALL = '''
[[contact]]
name = "ben"
channels = ["log"]
[[schedule]]
name = "web"
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
'''


def test_c112_who_is_on_call_goes_silent_knowingly(bellwether, providers):
    server = bellwether(config(providers, extra=ON_CALL))
    me = Me(server, person(server, "ana", "responder"))
    (way,) = me.put([{"type": "ntfy", "address": "ana-1"}]).json["ways"]
    assert me.confirm(way["id"], lambda: providers.ntfy.topics["ana-1"] and providers.ntfy.topics["ana-1"][0]["whole"]["title"]).status == 200
    refused = me.put([])
    assert refused.status == 409 and "`web`" in refused.json["error"] and len(me.ways()) == 1
    assert me.put([{"id": way["id"], "type": "ntfy", "address": "ana-2"}]).status == 409, "not confirmed is no way either"
    # An administrator takes them out, who knows that it was somebody else who added them.
    root = person(server, "root", "admin")
    remove = lambda more="": server.request("DELETE", f"/api/v1/people/ana/ways{more}", headers=root)
    needed = remove()
    assert needed.status == 409 and "schedule `web`" in needed.json["error"] and "confirmed=true" in needed.json["hint"], needed.text
    assert len(me.ways()) == 1 and remove("?confirmed=true").status == 204 and me.ways() == []
    assert remove().status == 204, "none is left, so that nothing depends on them"
    assert server.request("DELETE", "/api/v1/people/nobody/ways", headers=root).status == 404
    # Whoever stands in the files is reached as these say.
    ben = Me(server, person(server, "ben", "responder"))
    assert server.get("/api/v1/me/ways", headers=ben.who).json["in_files"]


def test_a_server_of_one_person(bellwether, providers):
    """Without sign-in: the ways are those of the one person that there is."""
    server = bellwether(config(providers).replace('mode = "required"', 'mode = "none"'))
    nobody = server.get("/api/v1/me/ways")
    assert nobody.status == 409 and "bellwether user set" in nobody.json["hint"]
    server.cli("user", "set", "ana", "--role", "admin", input="correct horse\n")
    assert server.get("/api/v1/me/ways").json["person"] == "ana"
    server.cli("user", "set", "ben", "--role", "admin", input="correct horse\n")
    assert server.get("/api/v1/me/ways").status == 409


def test_a_strangers_telephone_is_not_rung_by_many(bellwether, providers):
    server = bellwether(config(providers))
    victim = "+491709999999"
    # Whoever is not to be woken rings nobody: neither a number of their own nor a stranger's.
    viewer = Me(server, person(server, "vic", "viewer"))
    for kind in ("sms", "voice"):
        refused = viewer.put([{"type": kind, "address": victim}])
        assert refused.status == 403 and "responders" in refused.text, refused.text
    assert viewer.put([{"type": "ntfy", "address": "vic-1"}]).status == 200
    sent = []
    for name in ("ana", "ben", "cho", "dee"):
        me = Me(server, person(server, name, "responder"))
        (way,) = me.put([{"type": "sms", "address": victim}]).json["ways"]
        sent.append(me.ask(way["id"], "code"))
    assert [one.status for one in sent] == [204, 204, 204, 429], [one.text for one in sent]
    assert "this number" in sent[-1].text
    # Who was a responder keeps what was shown to be theirs, and asks for no more codes.
    admin = person(server, "root", "admin")
    assert server.put("/api/v1/people/dee/role", {"role": "viewer"}, headers=admin).status == 200
    demoted = Me(server, sign_in(server, "dee"))
    assert demoted.ask(way["id"], "code").status == 403
