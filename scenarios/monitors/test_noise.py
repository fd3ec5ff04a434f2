"""What pages for nothing, what pages nobody and why, and alerts that come from Grafana."""
import time

from support.server import wait_for

QUIET = """
[incidents]
reopen_within = "0s"
[collectors]
host = false
[self]
series = false
"""


def config(hook):
    return QUIET + f"""
[[contact]]
name = "chat"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[environment]]
name = "staging"
pattern = "^stage-"
[[environment]]
name = "canary"
production = true
[[monitor]]
name = "load"
target = "load.*"
critical = "> 10"
contacts = ["chat"]
[[monitor]]
name = "tagged"
target = "seriesByTag('name=tagged')"
critical = "> 10"
contacts = ["chat"]
[[monitor]]
name = "tried"
target = "load.*"
critical = "> 10"
shadow = true
contacts = ["chat"]
[[host]]
name = "stage-web"
[[check]]
name = "stage-disk"
host = "stage-web"
type = "passive"
max_check_attempts = 1
contacts = ["chat"]
[[check]]
name = "grafana"
type = "passive"
max_check_attempts = 1
contacts = ["chat"]
"""


def incidents(server):
    return server.get("/api/v1/incidents?state=all").json["incidents"]


def instances(server, monitor):
    return {one["instance"]: one for one in server.get(f"/api/v1/monitors/{monitor}").json["instances_list"]}


def until(server, lines, condition, what):
    def step():
        now = int(time.time())
        server.carbon_send("".join(f"{line} {now}\n" for line in lines).encode())
        time.sleep(0.3)
        return condition()
    return wait_for(step, what=what)


def test_what_pages_is_counted_and_judged_and_what_is_tried_out_pages_nobody(bellwether, hook):
    server = bellwether(config(hook))
    until(server, ["load.a 99", "load.b 1"], lambda: hook.taken, "the page")
    # The same rule in shadow is in the same state, and says why nobody hears of it.
    wait_for(lambda: instances(server, "tried")["load.a"]["state"] == "CRITICAL", what="the rule in shadow")
    assert instances(server, "tried")["load.a"]["withheld"] == "shadow"
    until(server, ["load.a 1", "load.b 1"], lambda: len(hook.taken) == 2, "the word of the end")
    assert hook.events() == ["problem", "resolved"] or hook.events() == ["problem", "recovery"]
    [incident] = incidents(server)
    assert (incident["title"], incident["phase"], incident["self_healed"]) == ("load", "resolved", True)

    tried = wait_for(lambda: (now := server.get("/api/v1/monitors/tried").json)["state"] == "OK" and now, what="the end of what is in shadow")
    assert (tried["shadow"], tried["state"], tried["fired"], tried["pages"]) == (True, "OK", 1, 0)
    row = {row["name"]: row for row in server.get("/api/v1/monitors").json["monitors"]}
    assert (row["load"]["pages"], row["tried"]["pages"]) == (1, 0)

    path = f"/api/v1/incidents/{incident['id']}/judge"
    assert server.post(path, {"useful": True}).status == 200
    answer = server.post(path, {"useful": False, "comment": "it is always so at night", "author": "ana"})
    assert answer.status == 200, answer.text
    assert [entry["text"] for entry in answer.json["timeline"] if entry["kind"] == "note"] == [
        "judged useful", "judged not useful: it is always so at night"]
    noise = server.get("/api/v1/noise").json
    assert noise["monitors"] == [{"reason": "monitor:load", "incidents": 1, "pages": 1, "self_healed": 1, "acknowledged": 0,
                                  "useful": 0, "useless": 1, "too_late": 0}]
    until(server, ["load.a 99"], lambda: len(hook.taken) == 3, "the next page")
    [again] = server.get("/api/v1/incidents").json["incidents"]
    assert server.post(f"/api/v1/incidents/{again['id']}/acknowledge", {}).status == 200
    server.stop()
    server.start()
    [noisy] = server.get("/api/v1/noise?days=1").json["monitors"]
    assert (noisy["incidents"], noisy["pages"], noisy["acknowledged"], noisy["useless"]) == (2, 2, 1, 1)

    judged = server.post(f"/api/v1/incidents/{again['id']}/judge", {"useful": True, "too_late": True})
    assert judged.status == 200 and judged.json["timeline"][-1]["text"] == "judged too late", judged.text
    [noisy] = server.get("/api/v1/noise").json["monitors"]
    assert (noisy["useful"], noisy["too_late"], noisy["useless"]) == (1, 1, 1)
    answer = server.post(path, {"useful": False, "too_late": True})
    assert answer.status == 400 and "too_late" in answer.json["error"] and answer.json["hint"], answer.text

    for bad, status, message in [({"useful": "no"}, 422, "useful"), ({}, 422, "useful"), ({"useful": True, "x": 1}, 422, "x")]:
        answer = server.post(path, bad)
        assert answer.status == status and message in answer.text, answer.text
    assert server.post("/api/v1/incidents/999/judge", {"useful": True}).status == 404
    assert server.get("/api/v1/noise?days=0").status == 400


def test_other_environments_have_incidents_of_their_own_and_page_nobody(bellwether, hook):
    server = bellwether(config(hook))
    bad = ["tagged;env=test 99", "tagged;env=canary 1", "tagged;host=a 1"]
    until(server, bad, lambda: incidents(server), "the incident of the test environment")
    assert server.post("/api/v1/checks/stage-disk/result", {"status": 2, "output": "full"}).status == 200
    wait_for(lambda: len(incidents(server)) == 2, what="the check's incident")
    by_reason = {one["reason"]: one for one in incidents(server)}
    assert set(by_reason) == {"monitor:tagged@test", "monitor:stage-disk@staging"}
    for one in by_reason.values():
        assert (one["production"], one["told"]) == (False, [])
        timeline = server.get(f"/api/v1/incidents/{one['id']}").json["timeline"]
        assert any("is not production, and [incidents] page_non_production is off" in entry["text"] for entry in timeline)
    shown = wait_for(lambda: len(found := instances(server, "tagged")) == 3 and found, what="all three to be watched")
    assert {(one["environment"], one["pages_people"]) for one in shown.values()} == {("test", False), ("canary", True), (None, True)}
    # The list is still what Nagios would have sent; nothing was.
    assert [one["kind"] for one in server.get("/api/v1/notifications?check=stage-disk").json] == ["problem"]
    assert hook.taken == []
    # Production beside it is told at once.
    bad[1] = "tagged;env=canary 99"
    until(server, bad, lambda: hook.taken, "the page")
    assert hook.events() == ["problem"]
    assert by_reason.keys() | {"monitor:tagged"} == {one["reason"] for one in incidents(server)}


def alert(name, status, labels=None, annotations=None, **more):
    return {"status": status, "labels": {"alertname": name, "grafana_folder": "Shop", **(labels or {})},
            "annotations": annotations or {}, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example/alerting/x", "fingerprint": "57c6d9296de2ad39", "values": {"B": 44.2, "C": 1},
            "valueString": "[ var='B' labels={} value=44.2 ]", "silenceURL": "https://grafana.example/silence", **more}


def message(*alerts, status="firing"):
    return {"receiver": "bellwether", "status": status, "alerts": list(alerts), "groupLabels": {}, "commonLabels": {},
            "commonAnnotations": {}, "externalURL": "https://grafana.example/", "version": "1", "groupKey": "{}:{}",
            "truncatedAlerts": 0, "orgId": 1, "title": "[FIRING:1]", "state": "alerting", "message": "**Firing**"}


def test_alerts_of_grafana_are_parts_of_a_check(bellwether, hook):
    server = bellwether(config(hook))

    def send(body, check=None):
        return server.post("/api/v1/grafana/alerts" + (f"?check={check}" if check else ""), body)

    def states():
        return {name: one["state"] for name, one in instances(server, "grafana").items() if name}

    answer = send(message(alert("HighLoad", "firing", {"instance": "web1"}, {"summary": "load is 44\nfor long"}),
                          alert("HighLoad", "firing", {"instance": "web2", "severity": "warning"})))
    assert (answer.status, answer.json) == (200, {"check": "grafana", "taken": 2, "bad": 2})
    assert states() == {"HighLoad;instance=web1": "CRITICAL", "HighLoad;instance=web2;severity=warning": "WARNING"}
    assert instances(server, "grafana")["HighLoad;instance=web1"]["text"] == "load is 44"
    assert server.get("/api/v1/checks/grafana").json["state"] == "CRITICAL"
    hook.wait(1)
    # Another group says nothing of this one.
    assert send(message(alert("DatasourceNoData", "firing", {"rulename": "Errors"}))).json["bad"] == 3
    assert states()["DatasourceNoData;rulename=Errors"] == "UNKNOWN"
    assert states()["HighLoad;instance=web1"] == "CRITICAL"
    # What is resolved is over, and the check is as bad as the worst that is left.
    assert send(message(alert("HighLoad", "resolved", {"instance": "web1"}), status="resolved")).json["bad"] == 2
    assert states()["HighLoad;instance=web1"] == "OK"
    send(message(alert("HighLoad", "resolved", {"instance": "web2", "severity": "warning"}),
                 alert("DatasourceNoData", "resolved", {"rulename": "Errors"}), status="resolved"))
    assert server.get("/api/v1/checks/grafana").json["state"] == "OK"
    assert server.get("/api/v1/checks/grafana").json["last_output"] == "no alert fires"
    # The form of older versions.
    assert send({"title": "[Alerting] Old", "ruleName": "Old", "state": "alerting", "message": "too much"}).json["bad"] == 1
    assert send({"title": "[OK] Old", "ruleName": "Old", "state": "ok"}).json["bad"] == 0
    assert send({"ruleName": "Old", "state": "paused"}).json["taken"] == 0

    for body, status, why in [
        ({}, 400, "this is no message of Grafana's alerting"),
        ({"alerts": {}}, 422, "alerts"),
        (message({"status": "firing", "labels": {}}), 400, "alerts[0]: the label `alertname` is missing"),
        (message(alert("A", "burning")), 400, "alerts[0]: `status` is `burning`"),
        (message(*[alert("A", "firing", {"n": str(n)}) for n in range(1001)]), 400, "1001 alerts in one message"),
    ]:
        answer = send(body)
        assert answer.status == status and why in answer.text, answer.text
    answer = send(message(alert("A", "firing")), "none")
    assert answer.status == 404 and "type = \\\"passive\\\"" in answer.text, answer.text


def test_job_queues_are_proposed_with_a_panel_and_a_monitor(bellwether):
    server = bellwether(QUIET)
    begin = int(time.time()) - 400
    counts = {"enqueued": 4, "taken": 4, "completed": 3, "retried": 1, "given_up": 1}
    for word, count in counts.items():
        server.carbon_send("".join(f"jobs.mail.{word}.count {count} {begin + second}\n" for second in range(390)).encode())
    server.carbon_send(f"jobs.web.requests.count 1 {begin}\n".encode())
    [funnel] = wait_for(lambda: server.get("/api/v1/funnels").json["funnels"], what="the queue")
    assert funnel["queue"] == "jobs.mail"
    assert funnel["stages"] == {word: f"jobs.mail.{word}.count" for word in counts}
    # Three of four complete; each panel's target answers.
    [points] = wait_for(lambda: list(server.points(funnel["panel"]["share"], **{"from": begin + 380, "until": begin + 388}).values()), what="points")
    assert {round(value, 6) for _, value in points} == {75}
    rates = {name: {value for _, value in points} for target in funnel["panel"]["rates"]
             for name, points in server.points(target, **{"from": begin + 380, "until": begin + 388}).items()}
    assert rates == {word: {float(count)} for word, count in counts.items()}
    # The monitor as it is proposed finds just this queue.
    answer = server.post("/api/v1/monitors/test", {"monitor": funnel["monitor"], "from": begin, "until": begin + 380})
    assert answer.status == 200, answer.text
    assert [(one["name"], one["fired"]) for one in answer.json["instances"]] == [("jobs.mail", 0)]
    assert server.get("/api/v1/funnels?pattern=web.**").json == {"funnels": [], "more": False}
