"""People outside: who calls for help by a link, and what the status page tells them."""
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest

KEY = "c0ffee00c0ffee11c0ffee22c0ffee33"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def config(hook, key_file):
    return f"""
[auth]
mode = "required"
[incidents]
contacts = ["desk"]
[[contact]]
name = "desk"
channels = ["hook"]
[[contact]]
name = "ana"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[emergency]]
name = "Big & Co"
key_file = "{key_file}"
contacts = ["ana"]
[status_page]
enabled = true
title = "How the shop does"
components = ["Shop", "Search"]
"""


@pytest.fixture
def server(bellwether, hook, tmp_path):
    key_file = tmp_path / "emergency-key"
    key_file.write_text(KEY + "\n")
    return bellwether(config(hook, key_file))


def token(server, role):
    return {"Authorization": "Bearer " + server.cli("token", "create", role, "--role", role).stdout.split()[-1]}


def call(server, key, form=None, **fields):
    said = urllib.parse.urlencode({**fields, **({"form": form} if form else {})})
    return server.post(f"/911/{key}", said.encode(), FORM)


def test_a_call_for_help_is_an_incident_that_pages(server, hook):
    form = server.get(f"/911/{KEY}")
    assert form.status == 200 and "<script" not in form.text and "Big &amp; Co" in form.text
    assert "script" not in form.headers["content-security-policy"] and form.headers["x-robots-tag"] == "noindex"
    # Else browsers would not say that the form is ours.
    assert form.headers["referrer-policy"] == "same-origin"
    [nonce] = re.findall(r'name=form value="(\w+)"', form.text)

    empty = call(server, KEY, nonce, what=" ", who="Bo")
    assert empty.status == 400 and "say what does not work" in empty.text and 'value="Bo"' in empty.text
    taken = call(server, KEY, nonce, what="No orders <since> 9", who="Bo", reach="+49 1")
    assert taken.status == 200 and "are being told now" in taken.text, taken.text
    [number] = re.findall(r"number (\d+)</h1>", taken.text)
    assert f"number {number}</h1>" in call(server, KEY, nonce, what="No orders <since> 9").text, "pressed twice, it is one call"

    pages = [body for _, body, _ in hook.wait(2)]
    assert {(page["contact"], page["event"], str(page["incident"])) for page in pages} == {("desk", "problem", number), ("ana", "problem", number)}
    viewer = token(server, "viewer")
    [incident] = server.get("/api/v1/incidents", headers=viewer).json["incidents"]
    assert incident["title"] == "911 Big & Co: No orders <since> 9" and incident["severity"] == "CRITICAL", incident
    whole = server.get(f"/api/v1/incidents/{number}", headers=viewer).json
    assert "reached by: +49 1" in str(whole["timeline"]), whole["timeline"]
    another = call(server, KEY, what="The search is empty")
    assert another.status == 200 and f"number {number}<" not in another.text

    # It is in no answer and no log, and whoever guesses learns nothing.
    shown = server.get("/api/v1/config", headers=token(server, "editor")).text
    assert "Big & Co" in shown and KEY not in shown and KEY not in server.log()
    nothing = server.get("/911/")
    for wrong in (server.get(f"/911/{KEY[:-1]}0"), server.get(f"/911/{KEY.upper()}")):
        assert wrong.status == 404 and wrong.text == "There is nothing here.\n"
    assert nothing.status == 404 and call(server, "nothing", what="x").status == 404


def test_calls_without_end_are_held_back(server):
    answers = [call(server, KEY, what=f"again {n}") for n in range(30)]
    taken = [answer for answer in answers if answer.status == 200]
    # The ten minutes may end meanwhile.
    assert len(taken) in range(20, 31), [answer.status for answer in answers]
    for answer in answers:
        assert answer.status in (200, 429), answer.text
        assert answer.status == 200 or "reach us in another way" in answer.text and answer.headers["retry-after"] == "600"


def test_the_status_page_says_what_people_said_and_nothing_else(server):
    editor, responder = token(server, "editor"), token(server, "responder")
    assert call(server, KEY, what="all is lost").status == 200

    def say(path, body, status, who=editor):
        answer = server.post("/api/v1/status-posts" + path, body, who)
        assert answer.status == status, answer.text
        return answer.json

    quiet = server.get("/status")
    assert quiet.status == 200 and "We know of no trouble." in quiet.text and "lost" not in quiet.text
    first = {"title": "Orders <fail>", "text": "We look\ninto it.", "components": {"Shop": "partial_outage"}}
    say("", first, 403, responder)
    say("", first, 401, None)
    assert "Shop, Search" in say("", {**first, "components": {"Shup": "outage"}}, 400)["error"]
    post = say("", first, 201)
    page = server.get("/status")
    assert "does not work for everybody" in page.text and "Orders &lt;fail&gt;" in page.text and "We look<br>into it." in page.text
    assert "editor" not in page.text and "<script" not in page.text and "script" not in page.headers["content-security-policy"]
    say(f"/{post['id']}/updates", {"phase": "resolved", "text": "It works again.", "components": {}}, 200)
    say("/99/updates", {"phase": "resolved", "text": "x"}, 404)
    assert "We know of no trouble." in server.get("/status").text

    feed = server.get("/status/feed.atom")
    assert feed.headers.get_content_type() == "application/atom+xml"
    atom = "{http://www.w3.org/2005/Atom}"
    entries = ElementTree.fromstring(feed.text).findall(atom + "entry")
    assert [entry.find(atom + "content").text for entry in entries] == ["It works again.", "We look\ninto it."]
    assert len({entry.find(atom + "id").text for entry in entries}) == 2 and "editor" not in feed.text

    listed = server.get("/api/v1/status-posts", headers=responder).json
    assert listed["enabled"] and [one["id"] for one in listed["posts"]] == [post["id"]]
    assert server.send("DELETE", f"/api/v1/status-posts/{post['id']}", b"", editor, 30).status == 204
    assert "fail" not in server.get("/status").text


def test_s12_a_customer_calls_and_whoever_is_on_call_has_it(bellwether, hook):
    """The customer's words, a page to the one on call and to nobody else, the number, and the end."""
    contacts = "".join(f'[[contact]]\nname = "{name}"\nchannels = ["hook"]\n' for name in ("ana", "ben"))
    server = bellwether(f"""
[incidents]
escalation_policy = "desk"
{contacts}
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[schedule]]
name = "desk"
[[schedule.layer]]
people = ["ana", "ben"]
rotation = "weekly"
start = "2020-01-06"
[[escalation_policy]]
name = "desk"
step = [{{ notify = ["schedule:desk"], wait = "30min" }}]
[[emergency]]
name = "Big & Co"
key = "{KEY}"
""")
    on_call = server.get("/api/v1/oncall").json["schedules"][0]["current"]["person"]
    taken = call(server, KEY, what="No orders", who="Bo", reach="+49 1")
    assert "are being told now" in taken.text
    [number] = re.findall(r"number (\d+)</h1>", taken.text)
    [(_, page, _)] = hook.wait(1)
    assert (page["contact"], page["event"], str(page["incident"])) == (on_call, "problem", number) and "No orders" in page["text"]
    path = "/a/" + page["acknowledge"].rsplit("/", 1)[1]
    assert server.post(path, b"do=acknowledge", FORM).status == 200
    whole = server.get(f"/api/v1/incidents/{number}").json
    assert (whole["phase"], whole["owner"]) == ("acknowledged", on_call) and "+49 1" in str(whole["timeline"])
    assert server.post(f"/api/v1/incidents/{number}/resolve", {"author": on_call, "comment": "it was the disk"}).status == 200
    assert [body["contact"] for _, body, _ in hook.wait(2)] == [on_call, on_call]


def test_switched_off_there_is_no_such_page(bellwether):
    server = bellwether("")
    for path in ("/status", "/status/feed.atom", "/911/" + KEY):
        answer = server.get(path)
        assert answer.status == 404 and answer.text == "There is nothing here.\n", path
    off = server.post("/api/v1/status-posts", {"title": "x", "text": "x"})
    assert off.status == 409 and "[status_page]" in off.json["hint"]
