"""Whoever was told of a problem is told of its end, whatever comes in between; and what each of them reads."""
import os
import re
import signal
import time
import urllib.parse

from support.server import wait_for

KEY = "0123456789abcdef0123"


def config(hook_url, extra="", mail_port=9):
    return f"""
[heartbeats]
ping_key = "{KEY}"
[collectors]
host = false
[[contact]]
name = "chat"
channels = ["hook"]
[[contact]]
name = "ana"
channels = ["mail"]
email = "ana@example.org"
[[channel]]
name = "hook"
type = "webhook"
url = "{hook_url}"
[[channel]]
name = "mail"
type = "email"
server = "127.0.0.1:{mail_port}"
from = "bell@example.org"
{extra}
"""


# What is bad again is another incident, however soon.
ANOTHER_EACH_TIME = """
[incidents]
reopen_within = "0s"
"""
CHECK = """
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["chat"]
"""


def result(server, status, output, name="disk"):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": output})
    assert answer.status // 100 == 2, answer.text


def ping(server, name, rest="", body=b""):
    assert server.post(f"/ping/{KEY}/{name}{rest}", body).status == 200


def bodies(hook, name):
    """Each delivery once: what a kill left unrecorded is sent again, under the same name."""
    once = {headers["x-bellwether-delivery"]: body for headers, body, _ in hook.taken}
    return [(body["event"], body["state"]) for body in once.values() if body["name"] == name]


def told(hook, name, wanted, seconds=60):
    wait_for(lambda: bodies(hook, name) == wanted, seconds, what=f"{wanted} of {name}, there are {bodies(hook, name)}")


def rewrite(server, text):
    count = server.log().count("configuration reloaded")
    server.rewrite(text)
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: server.log().count("configuration reloaded") > count, what="the reload")


def test_a_definition_that_goes_away_ends_what_was_told_of_it(bellwether, hook):
    """In a file and in the UI; and what comes back is as bad as it was."""
    files = config(hook.url, CHECK)
    server = bellwether(files)
    made = {"monitor": {"name": "job", "kind": "heartbeat", "slug": "job", "contacts": ["chat"]}}
    assert server.put("/api/v1/monitors/job", made).status == 200
    ping(server, "job", "/fail")
    result(server, 2, "full")
    told(hook, "job", [("problem", "CRITICAL")])
    told(hook, "disk", [("problem", "CRITICAL")])
    assert server.request("DELETE", "/api/v1/monitors/job").status == 204
    told(hook, "job", [("problem", "CRITICAL"), ("resolved", "OK")])
    rewrite(server, config(hook.url))
    told(hook, "disk", [("problem", "CRITICAL"), ("resolved", "OK")])
    assert "not watched any more" in hook.taken[-1][1]["text"]
    assert server.get("/api/v1/incidents").json["incidents"] == []
    rewrite(server, files)
    wait_for(lambda: [one["title"] for one in server.get("/api/v1/incidents").json["incidents"]] == ["disk"],
             what="the incident of what is bad again")
    result(server, 0, "fine")
    wait_for(lambda: server.get("/api/v1/incidents").json["incidents"] == [], what="its end")


def test_a_contact_that_is_taken_out_hears_of_the_end(bellwether, hook, mail):
    files = config(hook.url, CHECK.replace('"chat"', '"ana"'), mail.port)
    server = bellwether(files)
    result(server, 2, "full")
    mail.wait(1)
    without_ana = files.replace('[[contact]]\nname = "ana"\nchannels = ["mail"]\nemail = "ana@example.org"\n', "")
    rewrite(server, without_ana.replace('contacts = ["ana"]', 'contacts = ["chat"]'))
    result(server, 0, "fine")
    mail.wait(2)
    assert mail.mails[1][0] == ["ana@example.org"] and "over, OK: disk" in mail.texts()[1]
    # What its own list says is Nagios's: the new contact could not have heard of the problem.
    notices = server.get("/api/v1/notifications?check=disk").json
    assert [(notice["kind"], notice["recipient"]) for notice in notices][:1] == [("problem", "ana")]


def test_through_a_kill_a_downtime_and_flapping(bellwether, hook):
    server = bellwether(config(hook.url, CHECK + """
[[check]]
name = "nervous"
type = "passive"
max_check_attempts = 1
flap_detection = true
low_flap_threshold = 10.0
high_flap_threshold = 15.0
contacts = ["chat"]
"""))
    result(server, 2, "full")
    told(hook, "disk", [("problem", "CRITICAL")])
    server.kill()
    server.start()
    start = int(time.time())
    planned = server.post("/api/v1/downtimes", {"check": "disk", "start": start, "end": start + 4, "fixed": True, "author": "t", "comment": "c"})
    assert planned.status // 100 == 2, planned.text
    result(server, 0, "fine")
    server.kill()
    server.start()
    wait_for(lambda: ("downtime_end", "OK") in bodies(hook, "disk"), what="the end of the downtime")
    result(server, 0, "still fine")
    ends = lambda name: [event for event, _ in bodies(hook, name) if event in ("problem", "recovery", "resolved")]
    wait_for(lambda: ends("disk") == ["problem", "recovery"], what=f"the end, there are {bodies(hook, 'disk')}")
    for status in [2, 0, 2, 0, 2, 0, 2]:
        result(server, status, "up and down", "nervous")
    assert server.get("/api/v1/checks/nervous").json["flapping"]
    for _ in range(25):
        result(server, 0, "quiet", "nervous")
    assert not server.get("/api/v1/checks/nervous").json["flapping"]
    wait_for(lambda: ends("nervous")[-1:] == ["recovery"], what="the end after the flapping")
    server.all_told()
    events = ends("nervous")
    assert events.count("problem") == events.count("recovery") and ends("disk") == ["problem", "recovery"], events


def test_a_webhook_that_is_gone_is_switched_off_and_said_so(bellwether, hook, mail):
    files = config(hook.url, CHECK + """
[incidents]
contacts = ["ana"]
""", mail.port)
    server = bellwether(files)
    hook.answers = [(410, {})]
    result(server, 2, "full")
    mail.wait(2)
    texts = "\n---\n".join(mail.texts())
    assert "CRITICAL: disk" in texts and "chat by hook" in texts and "hook is switched off" in texts, texts
    part = lambda: {part["id"]: part for part in server.get("/api/v1/health").json["parts"]}["channel.hook"]
    wait_for(lambda: part()["state"] == "critical", what="a part that is critical")
    assert "switched off" in part()["text"] and "410" in part()["text"], part()
    wait_for(lambda: "410" in server.log(), what="the line in the log")
    result(server, 1, "half full")
    wait_for(lambda: any("WARNING: disk" in text for text in mail.texts()), what="the next page by mail")
    assert len(hook.all) == 1, "nothing more is sent there"
    rewrite(server, files.replace('type = "webhook"', 'type = "webhook"\nsecret = "new"'))
    result(server, 0, "fine")
    hook.wait(1)
    assert [body["event"] for _, body, _ in hook.taken] == ["recovery"]
    wait_for(lambda: part()["state"] == "ok", what="a part that is well")


def test_acknowledging_an_incident_acknowledges_its_checks_and_the_other_way_round(bellwether, hook):
    server = bellwether(config(hook.url, CHECK + ANOTHER_EACH_TIME))
    result(server, 2, "full")
    hook.wait(1)
    done = server.post("/api/v1/incidents/1/acknowledge", {"author": "bea", "comment": "mine"})
    assert done.json["phase"] == "acknowledged" and done.json["troubles"][0]["acknowledged"]["by"] == "bea"
    assert server.get("/api/v1/checks/disk").json["acknowledged"]
    # It gets better by a state, so that the check's acknowledgement ends, as in Nagios; the incident's holds.
    result(server, 1, "half full")
    assert not server.get("/api/v1/checks/disk").json["acknowledged"]
    assert server.get("/api/v1/incidents/1").json["phase"] == "acknowledged"
    result(server, 0, "fine")
    result(server, 2, "full")
    wait_for(lambda: server.get("/api/v1/incidents/2").status == 200, what="the second incident")
    assert server.post("/api/v1/checks/disk/ack", {"sticky": False, "notify": False, "author": "ana", "comment": "it is me"}).status // 100 == 2
    by_check = lambda: server.get("/api/v1/incidents/2").json
    wait_for(lambda: by_check()["phase"] == "acknowledged", what="the incident of an acknowledged check")
    assert by_check()["acknowledged"]["by"] == "ana" and by_check()["acknowledged"]["comment"] == "it is me"
    assert server.request("DELETE", "/api/v1/checks/disk/ack").status // 100 == 2
    wait_for(lambda: by_check()["phase"] == "open", what="an incident that is nobody's")


def test_a_link_acknowledges_in_the_name_of_whom_it_was_sent_to(bellwether, hook):
    server = bellwether(config(hook.url, CHECK))
    result(server, 2, "<b>full</b>")
    body = hook.wait(1)[0][1]
    assert body["links_are_local"] and body["acknowledge"].startswith(server.url("/a/"))
    assert "work on the server itself only" in body["text"]
    place = urllib.parse.urlparse(body["acknowledge"]).path
    for _ in range(2):
        page = server.get(place)
        assert page.status == 200 and "In the name of chat" in page.text and "&lt;b&gt;full" in page.text and "<b>" not in page.text
    assert server.get("/api/v1/incidents/1").json["phase"] == "open", "looking does nothing"
    for wrong in [b"do=delete", b"do=snooze", b"do=snooze&for=25h", b"do=" + b"a" * 5_000]:
        assert server.post(place, wrong).status in (400, 413), wrong
    assert server.get(place + "/graph.png?dark=1").status == 404, "nothing is measured of it"
    assert server.get("/api/v1/incidents/1").json["phase"] == "open", "what is not understood does nothing"
    assert server.post(place).status == 200
    incident = server.get("/api/v1/incidents/1").json
    assert incident["phase"] == "acknowledged" and incident["acknowledged"]["by"] == "chat"
    assert "chat has it, since" in server.post(place).text, "twice is once"
    assert "Quiet until" in server.post(place, b"do=snooze&for=15min").text
    assert server.get("/api/v1/incidents/1").json["snoozed_until"] > time.time()
    result(server, 0, "fine")
    wait_for(lambda: "It is over" in server.get(place).text, what="the end")
    assert server.post(place).status == 200
    assert len([entry for entry in server.get("/api/v1/incidents/1").json["timeline"] if entry["kind"] == "acknowledged"]) == 1
    for wrong in [place[:-1] + ("A" if place[-1] != "A" else "B"), "/a/x", "/a/" + "A" * 5_000]:
        assert server.get(wrong).status == 404 and server.post(wrong).status == 404, wrong


def test_a_contacts_own_period_holds_for_pages_of_incidents_too(bellwether, hook, mail):
    files = config(hook.url, """
[[time_period]]
name = "never"
ranges = []
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
contacts = ["chat", "ana"]
""", mail.port).replace('email = "ana@example.org"', 'email = "ana@example.org"\nnotification_period = "never"')
    server = bellwether(files)
    ping(server, "job", "/fail")
    told(hook, "job", [("problem", "CRITICAL")])
    whole = lambda: server.get("/api/v1/incidents/1").json
    wait_for(lambda: any("ana is told when" in entry["text"] for entry in whole()["timeline"]), what="why ana is not told")
    server.all_told(1)
    assert not mail.mails and [page["contact"] for page in whole()["pages"]] == ["chat"]
    rewrite(server, files.replace('\nnotification_period = "never"', ""))
    mail.wait(1)
    assert "still CRITICAL: job" in mail.texts()[0]
    ping(server, "job")
    mail.wait(2)
    told(hook, "job", [("problem", "CRITICAL"), ("recovery", "OK")])


FACTS = ["What:", "State:", "Since:", "Value:", "Normally:", "Changed shortly before", "deployed 4.2 (deploy)", "What to do",
         "https://wiki.example.org/", "Acknowledge", "https://bell.example.org/a/", "Look", "https://bell.example.org/incidents/"]


def test_every_page_says_what_how_bad_since_when_against_what_and_what_to_do(bellwether, hook, mail):
    watched = """
[http]
public_url = "https://bell.example.org"
[[check]]
name = "load"
host = "web"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
playbook = "https://wiki.example.org/load"
[[host]]
name = "web"
[[monitor]]
name = "latency"
kind = "metric"
target = "lat.*"
critical = "> 300"
contacts = ["ana"]
playbook = "https://wiki.example.org/latency"
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
contacts = ["ana"]
playbook = "https://wiki.example.org/job"
[[monitor]]
name = "bare"
kind = "heartbeat"
slug = "bare"
contacts = ["chat"]
"""
    server = bellwether(config(hook.url, watched, mail.port))
    now = int(time.time())
    past = "".join(f"lat.web {90 + 2 * (second // 60)} {now - second}\n" for second in range(90, 600))
    past += "".join(f"checks.web.load.load1 {0.1 + second // 60 / 50} {now - second}\n" for second in range(90, 600))
    server.carbon_send(past.encode())
    server.post("/events/", {"what": "deployed 4.2", "tags": ["deploy"], "data": ""})
    result(server, 0, "fine | load1=0.3;5;10", "load")
    ping(server, "job")
    ping(server, "bare")
    begun, known = time.time(), lambda name: server.points(name, **{"from": "-15min"})
    # What of all this was usual is known when it has been so for a second.
    wait_for(lambda: known("lat.web") and known("checks.web.load.load1") and time.time() > begun + 1.5, what="what was usual")
    result(server, 2, "LOAD CRITICAL | load1=12.5;5;10", "load")
    server.carbon_send(f"lat.web 912 {int(time.time())}\n".encode())
    ping(server, "job", "/7", b"no space left")
    server.post("/ping/%s/bare/fail" % KEY)
    mail.wait(3)
    by_name = {re.search(r"What: +(\w+) (\S+)", text).group(2).rstrip(":"): text for text in mail.texts()}
    html = {message["Subject"].split()[-1]: message.get_body(("html",)).get_content() for _, message in mail.mails}
    for name, text in by_name.items():
        value_less = name == "job"
        for fact in FACTS:
            if fact == "Value:" and name in ("job", "load"):
                continue
            assert fact in text, f"{name} lacks {fact}:\n{text}"
        for fact in ["Since", "Normally", "deployed 4.2", "wiki.example.org", "/a/", "/incidents/"]:
            assert fact in html[name], f"{name}: {fact}\n{html[name]}"
        assert value_less or re.search(r"Normally: +.*on the day before", text), text
    assert set(by_name) == {"load", "latency", "job"}
    assert re.search(r"Value: +912 \(critical when > 300\)", by_name["latency"]), by_name["latency"]
    assert re.search(r"Normally: +9\d(\.\d)? to 10\d(\.\d)? on the day before", by_name["latency"]), by_name["latency"]
    assert re.search(r"load1 is 12.5, 0\.\d+ to 0\.\d+ on the day before", by_name["load"]), by_name["load"]
    bare = hook.wait(1)[0][1]
    assert "give it a `playbook`" in bare["text"] and "Normally:" in bare["text"]
