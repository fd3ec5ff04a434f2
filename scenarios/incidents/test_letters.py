"""Mail that nobody is woken by: the report of the month, and news for readers of the status page."""
import re
import urllib.parse

import pytest

from support.past import record
from support.server import wait_for
from test_reports import DAY, HOUR, MINUTE, last_month

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def channel(name, mail, more=""):
    return f"""
[[channel]]
name = "{name}"
type = "email"
server = "127.0.0.1:{mail.port}"
from = "bell@example.org"
tls = "none"
{more}
"""


def test_the_report_of_the_month_is_mailed_once(bellwether, mail, hook):
    config = channel("mail", mail) + f"""
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[contact]]
name = "ana"
channels = ["mail", "hook"]
email = "ana@example.org"
[[check]]
name = "sample"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
[[check]]
name = "shop"
type = "passive"
max_check_attempts = 1
[[service]]
name = "Shop"
availability = ["shop"]
[http]
public_url = "https://bell.example"
allowed_hosts = ["bell.example"]
"""
    server = bellwether(config)
    month, begin = last_month()
    # An hour of trouble on the second day.
    for status, hours in ((0, 1), (2, 2), (0, 3)):
        told = server.post("/api/v1/checks/shop/result", {"status": status, "output": "x", "at": begin + DAY + hours * HOUR})
        assert told.status == 200, told.text
    assert server.post("/api/v1/checks/sample/result", {"status": 2, "output": "x"}).status == 200
    mail.wait(1)
    with record(server) as past:
        # Had after 2 and 12 minutes, over after 30 and 90; and one in a planned hour, which is left out as it told nobody.
        number = past.incident("monitor:shop", begin + DAY, begin + DAY + 30 * MINUTE, (begin + DAY + 2 * MINUTE, "ana"), [(begin + DAY, "ana")])
        past.incident("monitor:shop", begin + 2 * DAY, begin + 2 * DAY + 90 * MINUTE, (begin + 2 * DAY + 12 * MINUTE, "ana"), [(begin + 2 * DAY, "ana")])
        past.incident("monitor:planned", begin + 3 * DAY, begin + 3 * DAY + HOUR, None, [])
    post_mortem = server.post("/api/v1/post-mortems", {"incident": number}).json["id"]
    for due in ("2030-01-01", "2020-01-01"):
        added = server.post(f"/api/v1/post-mortems/{post_mortem}/follow-ups", {"what": "an alarm", "owner": "ana", "due": due, "kind": "task"})
        assert added.status // 100 == 2, added.text
    sent = len(hook.all)
    server.stop()
    server.rewrite(config + '[reports]\ncontacts = ["ana"]\n')
    server.start()
    subject = f"[Bellwether] The report of {month}"
    wait_for(lambda: subject in mail.subjects(), what="the report")
    recipients, message = next(one for one in mail.mails if one[1]["Subject"] == subject)
    text = message.get_body(("plain",)).get_content()
    assert recipients == ["ana@example.org"] and message["List-Unsubscribe"] is None
    for line in ["Incidents: 2, of which 2 paged somebody and 0 healed by themselves", "Left out: 0 flapped, 2 untold, 0 not production",
                 "Until somebody had it (MTTA): mean 7 min, median 7 min, 95 % within 12 min (of 2)",
                 "Until it was over (MTTR): mean 1 h, median 1 h, 95 % within 1 h 30 min (of 2)", "monitor:shop: 3 incidents, 2 pages"]:
        assert line in text, (line, text)
    for pattern in [r"Availability\s+Shop: \d+\.\d{3} %, 1 h in trouble, .+ planned, .+ unknown, 1 outages",
                    r"People\s+ana: 2 pages, \d+ at night in \d+ nights, had 2 incidents first",
                    r"Open follow-ups of post-mortems: 2, of which 1 are late",
                    rf"https://bell\.example/reports\?month={month}\s"]:
        assert re.search(pattern, text), (pattern, text)
    # By mail alone, and not again after a restart.
    assert not [body for _, body, _ in hook.all[sent:] if body["event"] == "letter"]
    server.stop()
    server.start()
    assert server.post("/api/v1/checks/sample/result", {"status": 0, "output": "x"}).status == 200
    wait_for(lambda: any("sample" in one for one in mail.subjects()[1:]), what="the end of the sample, behind which no letter waits")
    assert mail.subjects().count(subject) == 1


@pytest.fixture
def page(bellwether, mail):
    return bellwether("""
[http]
public_url = "https://bell.example"
allowed_hosts = ["bell.example"]
[status_page]
enabled = true
title = "How the shop does"
mail = "news"
""" + channel("news", mail, "mails_a_minute = 600"))


def send(server, path, **fields):
    return server.post(path, urllib.parse.urlencode(fields).encode(), FORM)


def link(text):
    return re.search(r"https://bell\.example(/status/mail/\w+)", text)[1]


def test_readers_get_what_is_said_once_they_have_confirmed(page, mail):
    server = page
    assert '<a href="/status/mail">' in server.get("/status").text
    form = server.get("/status/mail")
    assert form.status == 200 and "name=address" in form.text and "<script" not in form.text
    for wrong in ("", "bo", "bo@x", "a@example.org\r\nBcc: b@example.org"):
        assert send(server, "/status/mail", address=wrong).status == 400, wrong
    asked = send(server, "/status/mail", address="Bo@Example.org")
    assert asked.status == 200 and "Look into your mailbox" in asked.text
    [(recipients, first)] = mail.wait(1)
    assert recipients == ["bo@example.org"] and "Confirm" in first["Subject"]
    again = send(server, "/status/mail", address="bo@example.org")
    assert again.text == asked.text, "nobody learns who reads"

    # Nothing is sent before the button is pressed, and opening the link presses none.
    say = lambda title: server.post("/api/v1/status-posts", {"title": title, "phase": "notice", "text": "We look\ninto it."})
    assert say("Too early").status == 201
    path = link(mail.texts()[0])
    assert "Yes, send me mail" in server.get(path).text
    assert server.get(path).text == server.get(path).text
    assert send(server, path, do="begin").status == 200
    post = say("Orders fail").json
    mail.wait(2)
    updated = server.post(f"/api/v1/status-posts/{post['id']}/updates", {"phase": "resolved", "text": "It works."})
    assert updated.status == 200
    mail.wait(3)
    assert mail.subjects()[1:] == ["Orders fail: News", "Orders fail: It is over"]
    recipients, news = mail.mails[1]
    assert recipients == ["bo@example.org"] and "We look\r\ninto it." in mail.texts()[1]
    assert news["List-Unsubscribe"] == f"<https://bell.example{path}>" and news["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # What goes to readers is nobody's page, and shows them to nobody inside.
    assert "bo@example.org" not in server.get("/api/v1/status-posts").text

    # As mail programs do it.
    stopped = server.post(path, b"List-Unsubscribe=One-Click", FORM)
    assert stopped.status == 200 and "no more mail" in stopped.text
    assert server.get(path).status == 404 and send(server, path, do="begin").status == 404
    assert say("Nobody reads this").status == 201
    send(server, "/status/mail", address="eve@example.org")
    mail.wait(4)
    assert mail.mails[3][0] == ["eve@example.org"], mail.subjects()


def test_mail_is_owed_over_a_restart_and_strangers_cannot_flood(page, mail):
    server = page
    send(server, "/status/mail", address="bo@example.org")
    send(server, link(mail.wait(1) and mail.texts()[0]), do="begin")
    mail.refuse = ["450 later"] * 3
    server.post("/api/v1/status-posts", {"title": "Down", "text": "It is."})
    wait_for(lambda: len(mail.refuse) < 3, what="the first try")
    server.kill()
    mail.refuse = []
    server.start()
    mail.wait(2)
    assert mail.subjects()[1] == "Down: We look into it"
    answers = [send(server, "/status/mail", address=f"x{n}@example.org").status for n in range(40)]
    assert answers[-1] == 429 and answers.count(200) <= 3, answers


def test_without_mail_there_is_no_such_page(bellwether):
    server = bellwether("[status_page]\nenabled = true")
    for path in ("/status/mail", "/status/mail/x"):
        assert server.get(path).status == 404 and send(server, path, address="a@example.org").status == 404
    assert "/status/mail" not in server.get("/status").text
