"""What a mail shows, and whether a contact is reached at all."""
import re
import time

import pytest

from support.receivers import MailServer
from support.server import wait_for


@pytest.fixture
def mail():
    server = MailServer().start()
    yield server
    server.stop()


def config(mail):
    return f"""
[collectors]
host = false
[[contact]]
name = "ana"
channels = ["mail"]
email = "ana@example.org"
[[contact]]
name = "nobody"
channels = []
[[channel]]
name = "mail"
type = "email"
server = "127.0.0.1:{mail.port}"
from = "bell@example.org"
[[monitor]]
name = "latency"
kind = "metric"
target = "api.ms"
critical = "> 300"
contacts = ["ana"]
"""


def test_a_mail_shows_the_graph(bellwether, mail):
    server = bellwether(config(mail))
    now = int(time.time())

    def bad():
        server.carbon_send(f"api.ms 900 {int(time.time())}\n".encode())
        return mail.mails
    server.carbon_send("".join(f"api.ms {100 + at % 7} {now - at}\n" for at in range(1, 120)).encode())
    wait_for(bad, pause=0.5, what="a mail")
    message = mail.mails[0][1]
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    picture = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert picture.get_content().startswith(b"\x89PNG") and picture["Content-ID"] == "<graph@bellwether>"
    assert "cid:graph@bellwether" in message.get_body(("html",)).get_content()


def test_a_test_is_sent_now_and_what_became_of_it_is_told(bellwether, mail):
    server = bellwether(config(mail))
    sent = server.post("/api/v1/contacts/ana/test")
    assert sent.status == 202 and [page["kind"] for page in sent.json["pages"]] == ["recovery", "problem"]
    mail.wait(2)
    assert "Nothing is wrong" in mail.texts()[0] and "CRITICAL: test of ana" in mail.texts()[0]
    wait_for(lambda: [page["state"] for page in server.get("/api/v1/contacts/ana/test").json["pages"]] == ["delivered"] * 2, what="both delivered")
    assert server.get("/api/v1/incidents?state=all").json["incidents"] == []
    assert server.post("/api/v1/contacts/ana/test").status == 409, "not again at once"
    assert server.post("/api/v1/contacts/bea/test").status == 404
    assert server.post("/api/v1/contacts/nobody/test").status == 409


def test_channels_say_where_they_stand_and_how_they_did(bellwether, mail):
    """What went last by each, what failed, and a test by one of them."""
    server = bellwether(config(mail) + """
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/in?key=private"
[[contact]]
name = "cleo"
channels = ["mail", "hook"]
email = "cleo@example.org"
""")
    def told(name):
        return next(one for one in server.get("/api/v1/channels").json["channels"] if one["name"] == name)
    assert told("mail")["type"] == "email" and told("mail")["contacts"] == ["ana", "cleo"]
    assert re.search(r"\.toml:\d+$", told("mail")["origin"]) and told("ntfy")["origin"] is None
    assert told("mail")["last_success"] is None and told("mail")["last_trouble"] is None
    assert told("hook")["settings"] == {"url": "(hidden)"} and "private" not in server.get("/api/v1/channels").text
    assert server.post("/api/v1/contacts/ana/test?channel=hook").status == 400, "she is not reached by it"
    sent = server.post("/api/v1/contacts/cleo/test?channel=mail")
    assert sent.status == 202 and {page["channel"] for page in sent.json["pages"]} == {"mail"}
    mail.wait(2)
    wait_for(lambda: told("mail")["last_success"] and told("mail")["waiting"] == 0, what="that both mails were taken")
    assert told("hook")["last_success"] is None
    mail.faults = ["550 5.1.1 no such mailbox"] * 2
    assert server.post("/api/v1/contacts/ana/test?channel=mail").status == 202
    wait_for(lambda: told("mail")["last_trouble"], what="that it was refused")
    assert "no such mailbox" in told("mail")["last_trouble"]["why"]


def test_a_mail_comes_once_whatever_fails_after_its_first_line(bellwether, mail):
    """The server has taken all of it and says that it is busy, ends the connection, says nothing; and we die meanwhile."""
    server = bellwether(config(mail) + """
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
""")
    mail.faults = ["451 4.3.2 too many at once", "reset", "hang"]
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}).status // 100 == 2
    wait_for(lambda: len(mail.met) == 3, what="the mail that is not answered")
    assert mail.met[1][1] - mail.met[0][1] >= 0.95, "a pause before the next try"
    assert "not delivered yet" in str(server.get("/api/v1/incidents/1").json["timeline"])
    server.kill()
    server.start()
    mail.wait(1)
    pages = lambda: server.get("/api/v1/incidents/1").json["pages"]
    wait_for(lambda: [page["state"] for page in pages()] == ["delivered"], what="that it is known to be delivered")
    assert server.post("/api/v1/checks/disk/result", {"status": 0, "output": "fine"}).status // 100 == 2
    mail.wait(2)
    assert len(mail.mails) == 2 and "CRITICAL: disk" in mail.texts()[0] and "CRITICAL: disk" not in mail.texts()[1]
    assert len({message["Message-ID"] for _, message in mail.mails}) == 2
