"""Who watches the watcher: a second Bellwether hears of the first one's end, and of pages that nobody gets."""
import signal

from support.receivers import MailServer, WebhookServer
from support.server import free_port, wait_for

KEY = "0123456789abcdef0123"
WATCHING = f"""
[heartbeats]
ping_key = "{KEY}"
[[contact]]
name = "ana"
channels = ["log"]
[[monitor]]
name = "bellwether one"
kind = "heartbeat"
slug = "one"
period = "1s"
grace = "2s"
contacts = ["ana"]
"""


def watched(watcher, extra=""):
    return f'[self]\nheartbeat_url = "{watcher.url(f"/ping/{KEY}/one")}"\nheartbeat_interval = "1s"\n{extra}'


def open_titles(server):
    return {incident["title"] for incident in server.get("/api/v1/incidents?state=open").json["incidents"]}


def heartbeat_part(server):
    health = server.get("/api/v1/health").json
    part = next(part for part in health["parts"] if part["id"] == "outside_heartbeat")
    return part["state"], part["text"], [doubt for doubt in health["doubts"] if doubt["part"] == "outside_heartbeat"]


def test_c157_a_second_bellwether_hears_of_the_end_of_the_first(bellwether):
    # Meanwhile another one's own monitors have the time that they take to call it trouble.
    unheard = bellwether(f'''
[incidents]
contacts = ["ana"]
[[contact]]
name = "ana"
channels = ["log"]
[self]
heartbeat_url = "http://127.0.0.1:{free_port()}/ping/none"
heartbeat_interval = "1s"
''')
    watcher = bellwether(WATCHING)
    one = bellwether(watched(watcher))
    wait_for(lambda: heartbeat_part(one)[0] == "ok" and heartbeat_part(one)[1] != "the first one is on its way", what="the first heartbeat")
    assert heartbeat_part(one)[2] == [] and "(hidden)" in one.get("/api/v1/config").text and f"/ping/{KEY}" not in one.get("/api/v1/config").text
    wait_for(lambda: open_titles(watcher) == set(), what="the watcher to have heard it")

    one.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: open_titles(watcher) == {"bellwether one"}, what="the incident of a server that hangs")
    one.process.send_signal(signal.SIGCONT)
    wait_for(lambda: open_titles(watcher) == set(), what="the end, when it goes on")

    one.kill()
    wait_for(lambda: open_titles(watcher) == {"bellwether one"}, what="the incident of a server that is gone")
    one.start()
    wait_for(lambda: open_titles(watcher) == set(), what="the end, when it is back")
    ended = watcher.get("/api/v1/incidents?state=all").json["incidents"]
    pages = watcher.get(f"/api/v1/incidents/{ended[0]['id']}").json["pages"]
    assert {"problem", "recovery"} <= {page["kind"] for page in pages}, pages

    state, text, doubts = wait_for(lambda: (found := heartbeat_part(unheard))[0] == "critical" and found)
    assert "in a row" in text and doubts[0]["state"] == "critical" and "outside" in doubts[0]["affects"], (text, doubts)
    wait_for(lambda: open_titles(unheard) == {"self:outside_heartbeat"}, what="the incident about a part of its own")
    unheard.rewrite(WATCHING)
    wait_for(lambda: heartbeat_part(unheard)[0] == "off", what="nobody outside to be told any more")


def test_c157_a_server_that_cannot_page_keeps_its_heartbeat_back(bellwether):
    watcher, hook = bellwether(WATCHING), WebhookServer()
    # Nobody is there.
    one = bellwether(watched(watcher, f'''
[heartbeats]
ping_key = "{KEY}"
[incidents]
contacts = ["chat"]
[[contact]]
name = "chat"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
'''))
    wait_for(lambda: heartbeat_part(one)[0] == "ok")
    assert one.get(f"/ping/{KEY}/job/fail").status == 200
    state, text, _ = wait_for(lambda: (found := heartbeat_part(one))[0] == "critical" and found, what="the heartbeat to be held back")
    assert "no channel delivers pages" in text
    wait_for(lambda: "bellwether one" in open_titles(watcher), what="the watcher to tell what the first cannot")

    hook.start()
    try:
        wait_for(lambda: hook.taken, seconds=120, what="the page that has waited")
        wait_for(lambda: heartbeat_part(one)[0] == "ok", what="the heartbeat to go on")
        wait_for(lambda: open_titles(watcher) == set(), what="the end")
    finally:
        hook.stop()


def test_a_server_whose_only_way_leads_to_nobody_keeps_its_heartbeat_back(bellwether):
    watcher, mail = bellwether(WATCHING), MailServer()
    mail.refuse = ["550 5.1.1 there is no such mailbox"] * 100
    mail.start()
    try:
        one = bellwether(watched(watcher, f'''
[heartbeats]
ping_key = "{KEY}"
[[contact]]
name = "ana"
channels = ["mail"]
email = "ana@example.org"
[[channel]]
name = "mail"
type = "email"
server = "127.0.0.1:{mail.port}"
from = "bell@example.org"
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
contacts = ["ana"]
'''))
        wait_for(lambda: heartbeat_part(one)[0] == "ok")
        assert one.get(f"/ping/{KEY}/job/fail").status == 200
        state, text, _ = wait_for(lambda: (found := heartbeat_part(one))[0] == "critical" and found, what="the heartbeat to be held back")
        # Whichever is found first.
        assert "nobody is told of 1 incident that is bad enough to page" in text or "no channel delivers pages" in text
        wait_for(lambda: "bellwether one" in open_titles(watcher), what="the watcher to tell what the first cannot")

        mail.refuse = []
        assert one.get(f"/ping/{KEY}/job").status == 200
        wait_for(lambda: mail.mails, what="the word of the end")
        wait_for(lambda: heartbeat_part(one)[0] == "ok", what="the heartbeat to go on")
    finally:
        mail.stop()


def test_a_heartbeat_that_cannot_be_sent_is_found_before_the_start(bellwether):
    server = bellwether()
    server.config_file.write_text('[self]\nheartbeat_url = "ftp://user:geheim@example.org/"\nheartbeat_interval = "2d"\n')
    done = server.cli("config", "check", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "self.heartbeat_url" in said and "self.heartbeat_interval" in said, said
