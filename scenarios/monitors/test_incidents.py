"""From a bad result to a mail: what is told, what is never lost, and who hears of the end."""
import ssl
import subprocess
import time

from support.receivers import MailServer, is_signed
from support.server import free_port, wait_for

SECRET = "a secret of webhooks"


def config(mail_port, hook_url, extra=""):
    return f"""
[http]
public_url = "https://bell.example.org/"
[heartbeats]
ping_key = "0123456789abcdef0123"
[incidents]
contacts = ["fallback"]
[[contact]]
name = "ana"
channels = ["mail"]
email = "ana@example.org"
[[contact]]
name = "chat"
channels = ["hook"]
[[contact]]
name = "fallback"
channels = ["hook", "log"]
[[channel]]
name = "mail"
type = "email"
server = "127.0.0.1:{mail_port}"
from = "bell@example.org"
[[channel]]
name = "hook"
type = "webhook"
url = "{hook_url}"
secret = "{SECRET}"
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
contacts = ["ana"]
description = "copies what must not be lost"
playbook = "https://wiki.example.org/job"
[[monitor]]
name = "talk"
kind = "heartbeat"
slug = "talk"
contacts = ["chat"]
[[monitor]]
name = "unclaimed"
kind = "heartbeat"
slug = "unclaimed"
[[host]]
name = "web"
[[check]]
name = "disk"
host = "web"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
{extra}
"""


def ping(server, name, rest="", body=b""):
    assert server.post(f"/ping/0123456789abcdef0123/{name}{rest}", body).status == 200


def result(server, status, output):
    answer = server.post("/api/v1/checks/disk/result", {"status": status, "output": output})
    assert answer.status // 100 == 2, answer.text


def incidents(server, state="all"):
    return server.get(f"/api/v1/incidents?state={state}").json["incidents"]


def test_a_mail_says_all_that_one_needs_at_night(bellwether, mail, hook):
    server = bellwether(config(mail.port, hook.url))
    server.post("/events/", {"what": "deployed 4.2", "tags": ["deploy"], "data": ""})
    ping(server, "job", "/7", "no space left\n".encode())
    [(recipients, message)] = mail.wait(1)
    text = message.get_body(("plain",)).get_content()
    assert recipients == ["ana@example.org"]
    for wanted in ["CRITICAL: job", "What:       monitor job", "copies what must not be lost", "State:      CRITICAL", "Since:",
                   "it says that it failed with exit status 7: no space left", "deployed 4.2 (deploy)",
                   "https://wiki.example.org/job", "https://bell.example.org/incidents/1"]:
        assert wanted in text, f"{wanted}\n---\n{text}"
    assert message["Auto-Submitted"] == "auto-generated" and message["X-Auto-Response-Suppress"] == "All"
    html = message.get_body(("html",)).get_content()
    assert "no space left" in html and "http-equiv" not in html and "<img" not in html
    ping(server, "job")
    (_, end) = mail.wait(2)[1]
    assert "over, OK: job" in end.get_body(("plain",)).get_content()
    assert end["Subject"] == message["Subject"] and end["In-Reply-To"] == message["Message-ID"] == end["References"]
    server.all_told(2)
    assert len(mail.mails) == 2 and not hook.taken


def test_webhooks_are_signed_and_tried_again(bellwether, mail, hook):
    server = bellwether(config(mail.port, hook.url))
    hook.answers = [(500, {}), (429, {"Retry-After": "1"})]
    ping(server, "talk", "/fail", b"<b>broken</b>")
    hook.wait(1)
    assert len(hook.all) == 3 and len({headers["x-bellwether-delivery"] for headers, _, _ in hook.all}) == 1
    headers, body, raw = hook.taken[0]
    assert is_signed(headers, raw, SECRET) and not is_signed(headers, raw, "another")
    assert headers["x-bellwether-event"] == body["event"] == "problem"
    assert (body["about"], body["name"], body["state"], body["contact"], body["bad"]) == ("monitor", "talk", "CRITICAL", "chat", 1)
    assert "broken" in body["output"] and body["link"].endswith("/incidents/1")
    hook.answers = [(400, {})]
    ping(server, "talk")
    # Refused for good, so it goes another way: by default contacts, whose only other channel is the log.
    whole = wait_for(lambda: [page for page in server.get("/api/v1/incidents/1").json["pages"] if page["state"] == "given_up"],
                     what="the page that is given up")
    assert whole[0]["kind"] == "recovery" and "400" in whole[0]["error"]


def test_nothing_is_lost_between_a_problem_and_its_mail(bellwether, hook):
    """The mail server is down, the process is killed, twice; then both mails come, in order, once each."""
    port = free_port()
    server = bellwether(config(port, hook.url))
    ping(server, "job", "/fail")
    server.kill()
    server.start()
    ping(server, "job")
    server.kill()
    mail = MailServer(port).start()
    try:
        server.start()
        mail.wait(2)
        server.all_told()
        heads = [text.splitlines()[0] for text in mail.texts()]
        assert heads == ["CRITICAL: job", "over, OK: job"]
    finally:
        mail.stop()


def test_a_dead_channel_delays_no_other_and_is_told_by_one(bellwether, hook):
    port = free_port()
    server = bellwether(config(port, hook.url))
    ping(server, "job", "/fail")
    ping(server, "talk", "/fail")
    hook.wait(1)
    assert hook.taken[0][1]["name"] == "talk", "at once, before word of the other one"
    bodies = lambda: [body for _, body, _ in hook.taken]
    alarm = wait_for(lambda: [body for body in bodies() if body["about"] == "channel"], what="word of the dead channel")
    assert "mail" in alarm[0]["title"] and alarm[0]["state"] == "CRITICAL"
    parts = lambda: {part["id"]: part for part in server.get("/api/v1/health").json["parts"]}
    wait_for(lambda: parts()["channel.mail"]["state"] == "critical", what="a part that is critical")
    assert "refused" in parts()["channel.mail"]["text"].lower() and parts()["channel.hook"]["state"] == "ok"
    instead = wait_for(lambda: [body for body in bodies() if body["name"] == "job"], what="the page by another channel")
    assert instead[0]["instead_of"] == "ana by mail", "why is not for whoever stands in: it may name an address"
    ping(server, "job")
    mail = MailServer(port).start()
    try:
        mail.wait(2, 90)
        ends = wait_for(lambda: [body["title"] for body in bodies() if body["event"] == "recovery"], what="ends by the hook")
        wait_for(lambda: any(incident["reason"] == "channel:mail" and incident["phase"] == "resolved" for incident in incidents(server)),
                 what="the end of the channel's incident")
        assert ends
    finally:
        mail.stop()


def test_a_check_tells_its_contacts_and_an_end_under_a_silence_is_told_after_it(bellwether, mail, hook):
    server = bellwether(config(mail.port, hook.url))
    result(server, 2, "disk is full")
    mail.wait(1)
    assert "disk is full" in mail.texts()[0]
    notices = server.get("/api/v1/notifications?check=disk").json
    assert [(notice["kind"], notice["recipient"], notice["channel"]) for notice in notices] == [("problem", "ana", "mail")]
    until = int(time.time()) + 4
    silence = server.post("/api/v1/silences", {"matchers": [{"monitor": "disk"}], "until": until, "reason": "test"})
    assert silence.status // 100 == 2, silence.text
    result(server, 0, "fine again")
    mail.wait(2)
    assert time.time() >= until, "nothing comes before the silence is over"
    assert "OK" in mail.texts()[1].splitlines()[0]
    server.all_told(2)
    assert len(mail.mails) == 2


def test_what_people_do_is_on_the_timeline(bellwether, mail, hook):
    server = bellwether(config(mail.port, hook.url))
    ping(server, "unclaimed", "/fail")
    hook.wait(1)
    act = lambda what, body=b"": server.post(f"/api/v1/incidents/1/{what}", body)
    assert act("acknowledge").json["acknowledged"]["by"] == "you"
    assert act("note", {"text": "looks like the disk", "author": "ana"}).status == 200
    assert act("snooze", {"for": "2h"}).json["snoozed_until"] > time.time() + 7_000
    assert act("resolve", {"comment": "known"}).json["phase"] == "resolved"
    hook.wait(2)
    assert hook.events() == ["problem", "resolved"]
    assert act("resolve").status == 409 and act("note", {"text": "after all"}).status == 200
    for what, body, status in [("snooze", {}, 400), ("snooze", {"for": "1h"}, 409), ("note", {"text": " "}, 400), ("note", {"txt": "x"}, 422), ("dance", b"", 405)]:
        answer = act(what, body)
        assert answer.status in (status, 404 if what == "dance" else status), f"{what}: {answer.status} {answer.text}"
    assert server.post("/api/v1/incidents/99/acknowledge").status == 404
    server.kill()
    server.start()
    whole = server.get("/api/v1/incidents/1").json
    kinds = [entry["kind"] for entry in whole["timeline"]]
    for kind in ["opened", "instance", "page", "acknowledged", "note", "snoozed", "resolved"]:
        assert kind in kinds, kinds
    assert [entry["who"] for entry in whole["timeline"] if entry["kind"] == "note"] == ["ana", "you", "you"]
    ping(server, "unclaimed", "/fail")
    time.sleep(1)
    assert len(incidents(server)) == 1, "it was closed by hand and is no worse"


def test_mail_is_encrypted_when_it_can_be_and_passwords_only_so(bellwether, tmp_path, hook):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    mail = MailServer(tls_context=context, require_starttls=True).start()
    try:
        with_tls = config(mail.port, hook.url).replace(
            'from = "bell@example.org"', f'from = "bell@example.org"\ntls = "required"\nca_file = "{certificate}"')
        server = bellwether(with_tls)
        ping(server, "job", "/fail")
        mail.wait(1)
    finally:
        mail.stop()
    plain = MailServer().start()
    try:
        asked = config(plain.port, hook.url).replace(
            'from = "bell@example.org"', 'from = "bell@example.org"\nusername = "bell"\npassword = "hush"')
        server = bellwether(asked)
        ping(server, "job", "/fail")
        whole = wait_for(lambda: [page for page in server.get("/api/v1/incidents/1").json["pages"] if page["error"]], what="the failure")
        assert "encrypted only" in whole[0]["error"] and not plain.mails
        assert "hush" not in server.log() and "hush" not in server.get("/api/v1/config").text
    finally:
        plain.stop()


def test_the_worst_is_listed_first_however_old_it_is(bellwether):
    names = ("old and bad", "newer", "newest")
    server = bellwether("".join(f'[[check]]\nname = "{name}"\ntype = "passive"\nmax_check_attempts = 1\n' for name in names))
    for name, status in zip(names, (2, 1, 1)):
        assert server.post(f"/api/v1/checks/{name.replace(' ', '%20')}/result", {"status": status, "output": "so"}).status == 200
        wait_for(lambda name=name: [one for one in server.get("/api/v1/incidents").json["incidents"] if one["title"] == name], what=name)
    titles = lambda query: [one["title"] for one in server.get(f"/api/v1/incidents?{query}").json["incidents"]]
    assert titles("limit=1") == ["newest"] and titles("order=worst&limit=1") == ["old and bad"]
    assert server.get("/api/v1/incidents?limit=1").json["open"] == 3, "all that are open, listed or not"
    identity = server.get("/api/v1/incidents?order=worst").json["incidents"][0]["id"]
    assert server.post(f"/api/v1/incidents/{identity}/acknowledge", {}).status == 200
    assert titles("order=worst")[-1] == "old and bad", "somebody has it"
    wrong = server.get("/api/v1/incidents?order=loudest")
    assert wrong.status == 400 and "newest or worst" in wrong.text


def test_mistakes_are_told_at_their_place(bellwether, tmp_path):
    server = bellwether()
    for text, told in [
        ('[[channel]]\nname = "log"\ntype = "email"', "always there"), ('[[channel]]\nname = "m"\ntype = "email"', "mail server"),
        ('[[channel]]\nname = "h"\ntype = "webhook"\nurl = "ftp://x"', "address to post to"),
        ('[[contact]]\nname = "a"\nchannels = ["nowhere"]', "no channel `nowhere`"), ('[incidents]\ncontacts = ["nobody"]', "no contact `nobody`"),
        ('[[channel]]\nname = "h"\ntype = "webhook"\nurl = "http://x/"\nserver = "x"', "leave it out"),
        ('[[environment]]\nname = "s"\npattern = "("', "regular expression"),
    ]:
        file = tmp_path / "wrong.toml"
        file.write_text(text + "\n")
        done = server.cli("config", "check", str(file), check=False)
        assert done.returncode == 2 and told in done.stdout + done.stderr, f"{text}\n{done.stdout}{done.stderr}"

def test_a_storm_is_one_incident_and_one_page(bellwether, mail, hook):
    extra = """
[[monitor]]
name = "storm"
kind = "metric"
target = "storm.*.value"
critical = "> 10"
contacts = ["chat"]
"""
    server = bellwether(config(mail.port, hook.url, extra))
    count = 2_000

    def bad():
        now = int(time.time())
        server.carbon_send("".join(f"storm.s{n}.value 99 {now}\n" for n in range(count)).encode())
        time.sleep(1)
        return incidents(server) and incidents(server)[0]["bad"] == count

    wait_for(bad, 60, what="all instances in one incident")
    hook.wait(1)
    assert len(incidents(server)) == 1 and hook.events() == ["problem"]
    assert incidents(server)[0]["breaches"] == count
