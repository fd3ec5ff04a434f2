"""Whatever speaks PagerDuty's or Alertmanager's form opens, acknowledges and ends incidents here, by its own keys."""
import datetime
import json
from concurrent.futures import ThreadPoolExecutor

from support.alerts_in import CONFIG, ana_by, event, posted, troubles, webhook
from support.server import wait_for


def test_events_in_pagerdutys_form(bellwether):
    server = bellwether(CONFIG)
    answer = event(server, "trigger", "disk-1")
    assert answer.status == 202 and answer.json == {"status": "success", "message": "Event processed", "dedup_key": "disk-1"}
    assert event(server, "trigger", "disk-1").status == 202
    assert event(server, "trigger", "disk-2", "warning").status == 202
    wait_for(lambda: set(troubles(server, "pagerduty")) == {"disk-1", "disk-2"}, what="both alerts")
    assert troubles(server, "pagerduty")["disk-1"]["text"] == "disk-1 is bad"
    assert event(server, "acknowledge", "disk-1", client="ana").status == 202
    incidents = lambda: server.get("/api/v1/incidents").json["incidents"]
    by_title = lambda: {one["title"]: one["acknowledged"] for one in incidents()}
    wait_for(lambda: (by_title().get("disk-1 is bad") or {}).get("by") == "ana", what="an acknowledgement")
    assert by_title()["disk-2 is bad"] is None
    assert event(server, "acknowledge", "never-heard-of").status == 202
    assert event(server, "resolve", "disk-1").status == 202
    wait_for(lambda: set(troubles(server, "pagerduty")) == {"disk-2"}, what="the end of one")
    assert event(server, "resolve", "disk-2").status == 202
    wait_for(lambda: server.get("/api/v1/incidents").json["incidents"] == [], what="the end")


def test_each_key_is_an_incident_that_pages_and_is_acknowledged_by_itself(bellwether, providers):
    server = bellwether(CONFIG + ana_by(webhook(providers)))
    pages = lambda event: [body["title"] for call in providers.hook.calls if (body := call.json)["event"] == event]
    open_ones = lambda: {one["title"]: server.get(f"/api/v1/incidents/{one['id']}").json for one in server.get("/api/v1/incidents").json["incidents"]}
    event(server, "trigger", "disk-1")
    wait_for(lambda: pages("problem") == ["disk-1 is bad"], what="the first page")
    event(server, "trigger", "mail-2")
    wait_for(lambda: pages("problem") == ["disk-1 is bad", "mail-2 is bad"], what="a page of the second, which is another matter")
    assert event(server, "acknowledge", "mail-2", client="ben").status == 202
    wait_for(lambda: (open_ones()["mail-2 is bad"]["acknowledged"] or {}).get("by") == "ben", what="an acknowledgement")
    assert open_ones()["disk-1 is bad"]["acknowledged"] is None
    assert {title: [it["instance"] for it in one["troubles"]] for title, one in open_ones().items()} == {"disk-1 is bad": ["disk-1"], "mail-2 is bad": ["mail-2"]}
    event(server, "trigger", "web-3")
    wait_for(lambda: "web-3 is bad" in pages("problem"), what="a third page, though somebody has one of them")
    for key in ("disk-1", "mail-2", "web-3"):
        event(server, "resolve", key)
    wait_for(lambda: sorted(pages("recovery")) == ["disk-1 is bad", "mail-2 is bad", "web-3 is bad"], what="the end of each")
    assert open_ones() == {}


def test_events_at_once_do_not_undo_each_other(bellwether):
    server = bellwether(CONFIG)
    keys = [f"key-{n}" for n in range(24)]
    with ThreadPoolExecutor(8) as senders:
        assert {answer.status for answer in senders.map(lambda key: event(server, "trigger", key), keys)} == {202}
    wait_for(lambda: set(troubles(server, "pagerduty")) == set(keys), what="all of them")
    assert {trouble["state"] for trouble in troubles(server, "pagerduty").values()} == {"CRITICAL"}
    with ThreadPoolExecutor(8) as senders:
        assert {answer.status for answer in senders.map(lambda key: event(server, "resolve", key), keys)} == {202}
    wait_for(lambda: troubles(server, "pagerduty") == {}, what="the end of all")


def test_a_key_that_was_closed_by_hand_is_news_when_it_is_triggered_again(bellwether, providers):
    server = bellwether(CONFIG + ana_by(webhook(providers)))
    pages = lambda: [body["event"] for call in providers.hook.calls if (body := call.json)["title"].endswith("is bad")]
    incidents = lambda: server.get("/api/v1/incidents").json["incidents"]
    event(server, "trigger", "disk-1")
    wait_for(lambda: pages().count("problem") == 1, what="a page")
    assert server.post(f"/api/v1/incidents/{incidents()[0]['id']}/resolve", {"comment": "disk replaced"}).status == 200
    wait_for(lambda: incidents() == [], what="the end")
    event(server, "trigger", "disk-1")
    wait_for(lambda: pages().count("problem") == 2, what="a page for what is bad anew")
    event(server, "resolve", "disk-1")
    wait_for(lambda: incidents() == [], what="the end")
    # What is posted again and again is quiet until it is over.
    assert server.post("/api/v2/alerts", [posted("Down", 600, job="api", severity="critical")]).status == 200
    wait_for(lambda: len(incidents()) == 1, what="an alert of Prometheus")
    assert server.post(f"/api/v1/incidents/{incidents()[0]['id']}/resolve", {"comment": "known"}).status == 200
    assert server.post("/api/v2/alerts", [posted("Down", 600, job="api", severity="critical")]).status == 200
    assert incidents() == [] and [one["labels"]["alertname"] for one in server.get("/api/v2/alerts").json] == ["Down"]


def test_what_is_opened_again_by_hand_is_ended_by_its_sender(bellwether):
    server = bellwether(CONFIG)
    incidents = lambda: [one["id"] for one in server.get("/api/v1/incidents").json["incidents"]]
    event(server, "trigger", "disk-1")
    wait_for(lambda: set(troubles(server, "pagerduty")) == {"disk-1"}, what="the alert")
    [first] = incidents()
    assert server.post(f"/api/v1/incidents/{first}/resolve", {"comment": "disk replaced"}).status == 200
    wait_for(lambda: incidents() == [], what="the end")
    assert server.post(f"/api/v1/incidents/{first}/reopen", {"comment": "still full"}).status == 200
    wait_for(lambda: incidents() and set(troubles(server, "pagerduty")) == {"disk-1"}, what="the alert, as bad as it was")
    is_bad = lambda: server.get("/api/v2/alerts?check=pagerduty").json != []
    wait_for(is_bad, what="its state")
    assert event(server, "trigger", "disk-1").status == 202
    assert event(server, "resolve", "disk-1").status == 202
    wait_for(lambda: incidents() == [] and not is_bad(), what="the end by its sender")


def test_whoever_sees_a_part_ends_no_alerts_of_others(bellwether):
    server = bellwether('[auth]\nmode = "required"\n' + CONFIG)
    server.token = server.cli("token", "create", "all", "--role", "admin").stdout.strip()
    limited = server.cli("token", "create", "shop", "--role", "responder", "--prefix", "shop.").stdout.strip()
    by_key = lambda: {one["title"].split()[0]: one["id"] for one in server.get("/api/v1/incidents").json["incidents"]}
    for key in ("shop.disk", "mail.disk"):
        event(server, "trigger", key)
    wait_for(lambda: set(by_key()) == {"shop.disk", "mail.disk"}, what="both")
    both = by_key()["shop.disk"]
    assert server.post(f"/api/v1/incidents/{by_key()['mail.disk']}/merge", {"into": both}).status == 200
    closed = server.post(f"/api/v1/incidents/{both}/resolve", {"comment": "known"}, headers={"Authorization": f"Bearer {limited}"})
    assert closed.status == 200, closed.text
    assert "1 alerts of others" in str(server.get(f"/api/v1/incidents/{both}").json["timeline"])
    bad = lambda: [one["labels"]["alertname"] for one in server.get("/api/v2/alerts?check=pagerduty").json]
    wait_for(lambda: bad() == ["mail.disk"], what="the end of the one that is theirs")
    event(server, "trigger", "shop.disk")
    wait_for(lambda: "shop.disk" in troubles(server, "pagerduty"), what="news of it")


def test_alerts_are_taken_though_nobody_has_defined_anything(bellwether):
    """The first alert of a usual sender makes its check; a file that defines one of the same name goes before it."""
    server = bellwether("[collectors]\nhost = false\n")
    assert server.get("/api/v2/alerts").json == []
    assert event(server, "trigger", "disk-1").status == 202
    assert server.post("/api/v2/alerts", [posted("Down", 600, job="api", severity="critical")]).status == 200
    assert server.post("/api/v1/grafana/alerts", {"alerts": [{"status": "firing", "labels": {"alertname": "Load"}}]}).json["bad"] == 1
    for check, alert in {"pagerduty": "disk-1", "alertmanager": "Down;job=api;severity=critical", "grafana": "Load"}.items():
        wait_for(lambda: set(troubles(server, check)) == {alert}, what=f"the alert of {check}")
        assert server.get(f"/api/v1/monitors/{check}/versions").json["versions"][0]["author"] == "bellwether"
    assert server.post("/api/v1/grafana/alerts?check=none", {"alerts": []}).status == 404
    server.stop()
    server.rewrite(CONFIG + '[[check]]\nname = "grafana"\ntype = "passive"\n')
    server.start()
    assert "bellwether.toml:" in server.get("/api/v1/monitors/pagerduty").text
    assert event(server, "resolve", "disk-1").status == 202
    wait_for(lambda: troubles(server, "pagerduty") == {}, what="the end")


def test_what_is_no_event_is_told_why(bellwether):
    server = bellwether(CONFIG)

    def refused(body, words):
        answer = server.post("/v2/enqueue", body)
        assert answer.status == 400 and words in answer.text, answer.text

    good = {"routing_key": "R" * 32, "event_action": "trigger", "payload": {"summary": "s", "source": "x", "severity": "error"}}
    refused({**good, "event_action": "shout"}, "event_action")
    refused({**good, "payload": {"source": "x", "severity": "error"}}, "payload.summary")
    refused({**good, "payload": {"summary": "s", "source": "x", "severity": "bad"}}, "payload.severity")
    refused({"event_action": "resolve"}, "dedup_key")
    answer = server.post("/v2/enqueue?check=nobody", good)
    assert answer.status == 404 and "define it" in answer.text
    assert server.post("/v2/enqueue", good).json["dedup_key"] == "x: s"


def test_alerts_of_prometheus_end_when_it_says_so_or_nothing(bellwether):
    server = bellwether(CONFIG)
    assert server.post("/api/v2/alerts", [posted("Down", 600, job="api", severity="critical"), posted("Slow", 600, job="api", severity="warning")]).status == 200
    wait_for(lambda: set(troubles(server, "alertmanager")) == {"Down;job=api;severity=critical", "Slow;job=api;severity=warning"}, what="both alerts")
    listed = {one["labels"]["alertname"]: one for one in server.get("/api/v2/alerts").json}
    assert listed["Down"]["labels"] == {"alertname": "Down", "job": "api", "severity": "critical"} and listed["Down"]["status"]["state"] == "active"
    assert listed["Down"]["annotations"] == {"summary": "Down fires"} and listed["Down"]["generatorURL"] == "http://prom/"
    told = {"summary": "Slow fires", "description": "all of it\nis slow", "runbook_url": "https://wiki.example/slow"}
    slow = {**posted("Slow", 600, job="api", severity="warning"), "annotations": told, "startsAt": "2026-01-02T03:04:05Z"}
    assert server.post("/api/v2/alerts", [slow]).status == 200
    again = lambda: {one["labels"]["alertname"]: one for one in server.get("/api/v2/alerts").json}
    wait_for(lambda: again()["Slow"]["annotations"] == told, what="all that was said of it")
    assert again()["Slow"]["startsAt"] == "2026-01-02T03:04:05Z" and again()["Down"]["generatorURL"] == "http://prom/", "also of those that the message did not name"
    query = lambda text: [one["labels"]["alertname"] for one in server.get(f"/api/v2/alerts?{text}").json]
    assert query("active=true&silenced=false&filter=alertname%3D%22Down%22") == ["Down"] and query("filter=severity%21%3Dcritical") == ["Slow"]
    assert query("active=false") == [] and query("filter=alertname%3D~D.*") == ["Down"] and server.get("/api/v2/alerts?filter=alertname%3D~(").status == 400
    assert server.post("/api/v2/alerts", [posted("Slow", 2, job="api", severity="warning")]).status == 200
    wait_for(lambda: set(troubles(server, "alertmanager")) == {"Down;job=api;severity=critical"}, what="the end of what is not heard of any more")
    assert server.post("/api/v2/alerts", [posted("Down", -1, job="api", severity="critical")]).status == 200
    wait_for(lambda: server.get("/api/v1/incidents").json["incidents"] == [], what="the end")
    answer = server.post("/api/v2/alerts", [posted("DiskFull", 600), {"labels": {}}, {"labels": {"job": "x"}}])
    assert answer.status == 400 and "[1]" in answer.text, answer.text
    wait_for(lambda: set(troubles(server, "alertmanager")) == {"DiskFull", ";job=x"}, what="those that can be read")
    grafana = {"alerts": [{"status": "firing", "labels": {"alertname": "Load"}}, {"status": "burning", "labels": {"alertname": "Odd"}}]}
    answer = server.post("/api/v1/grafana/alerts", grafana)
    assert answer.status == 400 and "alerts[1]" in answer.text, answer.text
    wait_for(lambda: set(troubles(server, "grafana")) == {"Load"}, what="the one of Grafana that can be read")


def test_links_and_filters_of_others_are_bounded(bellwether):
    server = bellwether(CONFIG)
    strange = {**posted("Script", 600), "generatorURL": "javascript:alert(document.cookie)"}
    lines = {**posted("Lines", 600), "generatorURL": "https://prom/\nstartsAt: 2000-01-01T00:00:00Z"}
    assert server.post("/api/v2/alerts", [strange, lines, posted("Good", 600)]).status == 200
    wait_for(lambda: len(troubles(server, "alertmanager")) == 3, what="three alerts")
    listed = {one["labels"]["alertname"]: one for one in server.get("/api/v2/alerts").json}
    assert [listed[name]["generatorURL"] for name in ("Script", "Lines", "Good")] == ["", "", "http://prom/"]
    for name in ("Script", "Lines"):
        assert listed[name]["annotations"]["left out"] == "generatorURL: no http or https address" and not listed[name]["startsAt"].startswith("2000")
    asked = lambda query: server.get(f"/api/v2/alerts?{query}")
    few, many = "&".join(["filter=job!%3Dx"] * 32), "&".join(["filter=job!%3Dx"] * 33)
    assert len(asked(few).json) == 3
    for query, said in ((many, "33 times"), ("filter=job%3D" + "x" * 1_000, "1004 bytes"), ("filter=job%3D~((a{500}){500}){500}", "too large"), ("filter=job%3D~(", "`(` is no regular expression")):
        assert asked(query).status == 400 and said in asked(query).text and "hint" in asked(query).json, asked(query).text


def test_what_prometheus_says_of_an_alert_is_in_the_incident_and_its_pages(bellwether, providers):
    server = bellwether(CONFIG + ana_by(webhook(providers)))
    began = int(datetime.datetime.now(datetime.timezone.utc).timestamp()) - 600
    told = {"summary": "Down fires", "description": "nothing answers", "runbook_url": "https://wiki.example/down"}
    down = {**posted("Down", 600, severity="critical"), "annotations": told,
            "startsAt": datetime.datetime.fromtimestamp(began, datetime.timezone.utc).isoformat()}
    old = {**posted("Old", 600, severity="warning"), "startsAt": "2001-01-02T03:04:05Z", "annotations": {"runbook_url": "javascript:alert(1)"}}
    assert server.post("/api/v2/alerts", [down, old]).status == 200
    wait_for(lambda: len(troubles(server, "alertmanager")) == 2, what="both alerts")
    one = troubles(server, "alertmanager")["Down;severity=critical"]
    assert (one["since"], one["description"], one["runbook"]) == (began, "nothing answers", "https://wiki.example/down")
    other = troubles(server, "alertmanager")["Old;severity=warning"]
    assert other["since"] > began and other["runbook"] is None, "so long ago, and no address"
    incident = next(one for one in server.get("/api/v1/incidents").json["incidents"] if one["title"] == "Down fires")
    assert incident["since"] == began < incident["opened"]
    assert server.get(f"/api/v1/incidents/{incident['id']}/playbook").json["url"] == "https://wiki.example/down"
    pages = lambda: [call.json for call in providers.hook.calls if call.json["title"] == "Down fires"]
    wait_for(pages, what="the page")
    page = pages()[0]
    assert (page["since"], page["description"], page["playbook"]) == (began, "nothing answers", "https://wiki.example/down")


def test_after_a_restart_only_what_ended_by_time_does_so(bellwether):
    server = bellwether(CONFIG)
    assert server.post("/api/v2/alerts", [posted("Down", 20, job="api", severity="critical")]).status == 200
    body = {"event_action": "trigger", "dedup_key": "disk-1", "routing_key": "R" * 32,
            "payload": {"summary": "disk", "source": "web1", "severity": "critical"}}
    assert server.post("/v2/enqueue?check=alertmanager", body).status == 202
    wait_for(lambda: set(troubles(server, "alertmanager")) == {"Down;job=api;severity=critical", "disk-1"}, what="both")
    assert troubles(server, "alertmanager")["disk-1"]["text"] == "disk (from web1)", "where it is, for telephones too"
    server.stop()
    server.start()
    wait_for(lambda: set(troubles(server, "alertmanager")) == {"disk-1"}, what="the end of what Prometheus posts no more")


def test_a_key_of_the_telephone(bellwether):
    """What Twilio posts when somebody presses 1; any other key acknowledges nothing."""
    server = bellwether(CONFIG + ana_by('type = "command"\ncommand = ["/bin/sh", "-c", "cat > page.json"]'))
    event(server, "trigger", "disk-1")
    page = server.directory / "page.json"
    wait_for(lambda: page.exists() and page.read_text().endswith("}"), what="the page")
    link = "/a/" + json.loads(page.read_text())["acknowledge"].rsplit("/", 1)[1] + "/keys"
    press = lambda digits: server.request("POST", link, f"Digits={digits}&CallSid=CA1".encode(), {"Content-Type": "application/x-www-form-urlencoded"})
    first = server.get("/api/v1/incidents").json["incidents"][0]["id"]
    assert "Nobody has it yet" in press("5").text
    assert server.get(f"/api/v1/incidents/{first}").json["acknowledged"] is None
    assert "You have it" in press("1").text
    assert server.get(f"/api/v1/incidents/{first}").json["acknowledged"]["by"] == "ana"
    assert "already" in press("1").text
    assert server.request("POST", "/a/nonsense/keys", b"Digits=1").status == 404
