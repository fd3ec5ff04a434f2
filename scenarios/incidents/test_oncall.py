"""Whose phone rings: schedules of files and of the API, who stands in, and who is paged after whom."""
import time
import tomllib

from support.receivers import WebhookServer
from support.server import wait_for

SCHEDULE = """
[[contact]]
name = "ana"
channels = ["log"]
[[contact]]
name = "ben"
channels = ["log"]
[[schedule]]
name = "web"
time_zone = "Europe/Berlin"
[[schedule.layer]]
name = "all"
people = ["ana", "ben", "gone"]
rotation = "weekly"
start = "2020-01-06"
handoff = "monday 03:17"
"""
DAY = 86_400


def test_c108_who_is_on_call_and_who_stands_in(bellwether):
    server = bellwether(SCHEDULE)
    answer = server.get("/api/v1/oncall").json
    (web,) = answer["schedules"]
    assert web["name"] == "web" and web["gaps"] == [] and "`gone` is no contact" in web["warnings"][0]
    current, after = web["current"], web["next"]
    assert current["person"] in ("ana", "ben") and after["person"] in ("ana", "ben")
    assert current["start"] <= answer["now"] < current["end"] <= after["start"]

    # Taking over, and giving it back.
    until = current["end"] + 10 * DAY
    other = "ana" if current["person"] == "ben" else "ben"
    taken = server.post("/api/v1/overrides", {"schedule": "web", "person": other, "until": until}).json
    now = server.get("/api/v1/oncall").json["schedules"][0]["current"]
    assert now["person"] == other and now["override"] == taken["id"] and now["instead_of"] == (current["instead_of"] or current["person"])
    assert [one["id"] for one in server.get("/api/v1/overrides").json["overrides"]] == [taken["id"]]
    assert server.request("DELETE", f"/api/v1/overrides/{taken['id']}").status == 204
    assert server.get("/api/v1/oncall").json["schedules"][0]["current"]["person"] == current["person"]

    # What stands in a file is changed there; what is made here keeps its past over a restart.
    layer = {"people": ["ana"], "rotation": "weekly", "start": "2020-01-06", "restrictions": ["09:00-17:00"]}
    refused = server.put("/api/v1/schedules/web", {"layer": [layer]})
    assert refused.status == 409 and "file" in refused.json["error"]
    wrong = server.put("/api/v1/schedules/night", {"layer": [{**layer, "rotation": "sometimes"}]})
    assert wrong.status == 400 and "layer.0.rotation" in wrong.json["error"]
    unknown = server.put("/api/v1/schedules/night", {"layer": [{**layer, "people": ["zoe"]}]})
    assert unknown.status == 400 and "`zoe`" in unknown.json["error"]
    made = server.put("/api/v1/schedules/night", {"time_zone": "Asia/Tokyo", "layer": [layer]})
    assert made.status == 200 and made.json["origin"] == "ui"
    gaps = server.get("/api/v1/schedules/night/gaps").json["gaps"]
    assert len(gaps) >= 29 and all(gap["end"] - gap["start"] <= 16 * 3600 for gap in gaps)
    # Nobody at night: health warns of it, unless it is meant so.
    doubt = wait_for(lambda: [one["text"] for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "oncall"])
    assert "nobody is on call for `night` from " in doubt[0], doubt
    assert server.put("/api/v1/schedules/night", {**made.json["definition"], "may_be_empty": True}).status == 200
    # What is left to say of it: whom the file names, and nobody knows.
    [left] = wait_for(lambda: (said := [one["text"] for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "oncall"])
                      and "nobody is on call" not in said[0] and said)
    assert "`gone` is no contact" in left, left
    # Who was on call stays so when the schedule is made anew.
    always = {"people": ["ana"], "rotation": "weekly", "start": "2020-01-06"}
    for person in ("ana", "ben"):
        assert server.put("/api/v1/schedules/past", {"layer": [{**always, "people": [person]}]}).status == 200
    at = int(time.time())
    past = lambda: [shift["person"] for shift in server.get(f"/api/v1/schedules/past/shifts?from={at - DAY}&until={at + DAY}").json["shifts"]]
    assert past() == ["ana", "ben"]
    server.stop()
    server.start()
    assert past() == ["ana", "ben"]
    shifts = server.get("/api/v1/schedules/night/shifts").json
    assert {shift["person"] for shift in shifts["shifts"]} == {"ana", None}
    origins = {one["name"]: one["origin"] for one in server.get("/api/v1/schedules").json["schedules"]}
    assert origins["night"] == "ui" and origins["web"].endswith(".toml:9")
    assert server.request("DELETE", "/api/v1/schedules/night").status == 204
    assert server.get("/api/v1/schedules/night").status == 404


def test_what_a_form_needs_who_it_would_be_and_a_file_of_what_was_made(bellwether):
    server = bellwether(SCHEDULE)
    layer = {"people": ["ana", "ben"], "rotation": "daily", "start": "2020-01-06", "handoff": "09:00"}
    asked = {"name": "night", "time_zone": "UTC", "layer": [layer]}
    shown = server.post("/api/v1/oncall/preview", asked)
    assert shown.status == 200, shown.text
    told = shown.json
    assert {one["person"] for one in told["shifts"]} == {"ana", "ben"} and len(told["layers"]) == 1
    assert told["until"] - told["from"] == 30 * DAY and len(told["shifts"]) in (30, 31)
    wrong = server.post("/api/v1/oncall/preview", {**asked, "layer": [{**layer, "rotation": "sometimes"}]})
    assert wrong.status == 400 and "layer.0.rotation" in wrong.json["error"]
    unknown = server.post("/api/v1/oncall/preview", {**asked, "layer": [{**layer, "people": ["zoe"]}]})
    assert unknown.status == 400 and "layer.0.people.0" in unknown.json["error"]
    assert [one["name"] for one in server.get("/api/v1/schedules").json["schedules"]] == ["web"], "nothing was made"
    assert server.get("/api/v1/oncall/export").text == ""

    made = server.put("/api/v1/schedules/night", {**asked})
    assert made.status == 200, made.text
    shifts = server.get("/api/v1/schedules/night/shifts").json["shifts"]
    assert [one["person"] for one in shifts][:3] == [one["person"] for one in told["shifts"]][:3]
    policy = {"repeat": 1, "ack_timeout": "30m", "step": [{"notify": ["schedule:night", "ana"], "wait": "5m"}]}
    assert server.put("/api/v1/escalation-policies/pay", policy).status == 200
    assert server.put("/api/v1/teams/shop", {"members": ["ana"], "prefixes": ["shop."]}).status == 200
    text = server.get("/api/v1/oncall/export").text
    file = tomllib.loads(text)
    assert [one["name"] for table in ("schedule", "escalation_policy", "team") for one in file[table]] == ["night", "pay", "shop"], text
    # It is a file: whoever puts it into conf.d has the same.
    again = bellwether('[[contact]]\nname = "ana"\nchannels = ["log"]\n[[contact]]\nname = "ben"\nchannels = ["log"]\n' + text)
    known = again.get("/api/v1/schedules").json["schedules"]
    assert [one["definition"] for one in known] == [made.json["definition"]] and known[0]["origin"] != "ui"
    assert [one["name"] for one in again.get("/api/v1/escalation-policies").json["policies"]] == ["pay"]

POLICY = """
[[contact]]
name = "ana"
channels = ["program"]
[[contact]]
name = "ben"
channels = ["hook"]
[[channel]]
name = "program"
type = "command"
command = ["/bin/true"]
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:{port}/pages"
[egress]
allow = ["127.0.0.0/8"]
[[schedule]]
name = "web"
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
[[escalation_policy]]
name = "web"
[[escalation_policy.step]]
notify = ["schedule:web"]
wait = "2s"
[[escalation_policy.step]]
notify = ["ben"]
wait = "24h"
[[check]]
name = "shop"
type = "passive"
max_check_attempts = 1
escalation_policy = "web"
"""


def test_c105_nobody_acknowledges_and_the_next_one_is_paged(bellwether):
    receiver = WebhookServer().start()
    try:
        server = bellwether(POLICY.replace("{port}", str(receiver.port)))
        server.post("/api/v1/checks/shop/result", {"status": 2, "output": "closed"})
        ((_, page, _),) = receiver.wait(1)
        assert (page["contact"], page["event"]) == ("ben", "problem")
        (incident,) = server.get("/api/v1/incidents").json["incidents"]
        assert incident["told"] == ["ana", "ben"]
        assert incident["escalation"]["policy"] == "web" and incident["escalation"]["step"] == 3
        told = server.get(f"/api/v1/incidents/{incident['id']}").json
        steps = {line["text"]: line["at"] for line in told["timeline"] if line["kind"] == "escalated"}
        assert list(steps) == ["step 1 of `web`: ana", "step 2 of `web`: ben"]
        assert steps["step 2 of `web`: ben"] - steps["step 1 of `web`: ana"] >= 2
        acknowledged = server.post(f"/api/v1/incidents/{incident['id']}/acknowledge", {"author": "ben"}).json
        assert acknowledged["escalation"]["next_at"] is None
        server.post("/api/v1/checks/shop/result", {"status": 0, "output": "open"})
        receiver.wait(2)
        assert receiver.events() == ["problem", "recovery"]
        # Policies of the API, and what is wrong with one.
        wrong = server.put("/api/v1/escalation-policies/night", {"step": [{"notify": ["schedule:no"], "wait": "1min"}]})
        assert wrong.status == 400 and "there is no schedule `no`" in wrong.json["error"]
        alone = server.put("/api/v1/escalation-policies/night", {"step": [{"notify": ["channel:hook"], "wait": "1min"}]})
        assert alone.status == 400 and "no step tells a person" in alone.json["error"]
        made = server.put("/api/v1/escalation-policies/night", {"step": [{"notify": ["ana"], "wait": "1min"}]})
        assert made.status == 200 and made.json["origin"] == "ui"
        assert server.put("/api/v1/escalation-policies/web", made.json["definition"] | {"name": ""}).status == 409
        assert server.request("DELETE", "/api/v1/escalation-policies/night").status == 204
    finally:
        receiver.stop()


def test_c110_who_would_be_woken(bellwether):
    server = bellwether(POLICY.replace("{port}", "1"))
    path = "/api/v1/oncall/rehearsal?monitor=shop"
    told = server.get(f"{path}&at={int(time.time()) + 30 * DAY}").json
    assert (told["policy"], told["state"], told["host"], told["goes_on"]) == ("web", "CRITICAL", False, True)
    calls = [(one["after"], [(call["contact"], call["channel"], call["event"]) for call in one["calls"]]) for one in told["moments"]]
    assert calls == [(0, [("ana", "program", "problem")]), (2, [("ben", "hook", "problem")])]
    assert told["moments"][1]["said"] == ["step 2 of `web`: ben"]
    low = server.get(path + "&state=warning").json["moments"]
    assert low[0]["calls"] == [] and "pages nobody" in low[0]["said"][0]
    assert server.get(path + "&state=down").status == 400 and server.get(path + "&state=sad").status == 400
    assert server.get("/api/v1/oncall/rehearsal?monitor=nothing").status == 404
    assert server.get(path + "&at=99999999999999").status == 400
    # Nothing of it has happened.
    assert server.get("/api/v1/incidents").json["open"] == 0


def test_turns_in_ones_own_calendar(bellwether):
    server = bellwether(SCHEDULE)
    made = server.post("/api/v1/oncall/calendars", {"person": "ana"})
    assert made.status == 201 and made.json["path"].endswith(".ics")
    answer = server.get(made.json["path"])
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    lines = answer.text.split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-2:] == ["END:VCALENDAR", ""] and all(len(line.encode()) <= 75 for line in lines)
    starts = [line[len("DTSTART:"):] for line in lines if line.startswith("DTSTART:")]
    # The turns of who is gone go to the next in the list, so that ana has two of three weeks in a row.
    shifts = server.get(f"/api/v1/schedules/web/shifts?until={int(time.time()) + 365 * DAY}").json["shifts"]
    for shift in shifts[1:]:
        begins = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(shift["start"]))
        if shift["person"] == "ben":
            assert begins not in starts
    mine = {time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(one["start"])) for one in shifts[1:] if one["person"] == "ana"}
    assert len(mine & set(starts)) > 15, (mine, starts)
    # The secret is kept nowhere, is needed whole, and is of no use once it is revoked.
    (listed,) = server.get("/api/v1/oncall/calendars").json["calendars"]
    assert (listed["id"], listed["person"], listed["schedule"]) == (made.json["id"], "ana", None) and "path" not in listed
    assert server.get(made.json["path"][:-5] + ".ics").status == 404
    assert server.post("/api/v1/oncall/calendars", {"person": "zoe"}).status == 400
    assert server.post("/api/v1/oncall/calendars", {"person": "ana", "schedule": "web"}).status == 400
    whole = server.post("/api/v1/oncall/calendars", {"schedule": "web"}).json["path"]
    assert {"SUMMARY:ana", "SUMMARY:ben"} <= set(server.get(whole).text.split("\r\n"))
    # An event that changes says so, or programs that have read it keep what they have.
    lines_with = lambda key: [line for line in server.get(whole).text.split("\r\n") if line.startswith(key)]
    assert set(lines_with("SEQUENCE:")) == {"SEQUENCE:0"} and len(lines_with("LAST-MODIFIED:")) == len(lines_with("UID:"))
    one = shifts[1]
    other = "ana" if one["person"] == "ben" else "ben"
    middle = (one["start"] + one["end"]) // 2
    assert server.post("/api/v1/overrides", {"schedule": "web", "person": other, "start": middle, "until": one["end"]}).status // 100 == 2
    assert "SEQUENCE:1" in lines_with("SEQUENCE:")
    assert server.request("DELETE", f"/api/v1/oncall/calendars/{made.json['id']}").status == 204
    assert server.get(made.json["path"]).status == 404 and server.get(whole).status == 200


def test_asking_for_cover(bellwether):
    server = bellwether(SCHEDULE)
    current = server.get("/api/v1/oncall").json["schedules"][0]["current"]
    mine, other = (current["person"], "ana" if current["person"] == "ben" else "ben")
    until = current["end"] + 70 * DAY
    ask = {"schedule": "web", "person": mine, "until": until, "note": "away"}
    idle = server.post("/api/v1/cover", {**ask, "person": other, "until": current["end"]})
    assert idle.status == 400 and f"`{other}` is not on call in schedule `web` then" in idle.json["error"]
    assert server.post("/api/v1/cover", {**ask, "schedule": "no"}).status == 400
    assert server.post("/api/v1/cover", {**ask, "until": 1}).status == 400
    asked = server.post("/api/v1/cover", ask)
    assert asked.status == 201 and asked.json["accepted_by"] is None
    path = f"/api/v1/cover/{asked.json['id']}"
    assert server.post(f"{path}/accept", {"person": mine}).status == 400
    assert server.post(f"{path}/accept", {"person": "zoe"}).status == 400
    server.stop()
    server.start()
    accepted = server.post(f"{path}/accept", {"person": other})
    assert accepted.status == 200 and accepted.json["accepted_by"] == other
    # Only the turns of who asked.
    shifts = server.get(f"/api/v1/schedules/web/shifts?until={until}").json["shifts"]
    assert {shift["person"] for shift in shifts} == {other}
    assert {shift["override"] for shift in shifts if shift["instead_of"] == mine} == {accepted.json["override"]}
    assert any(shift["override"] is None for shift in shifts)
    # The first has it; what is accepted ends as overrides do.
    again = server.post(f"{path}/accept", {"person": other})
    assert again.status == 409 and other in again.json["error"]
    assert server.request("DELETE", path).status == 409
    assert [one["accepted_by"] for one in server.get("/api/v1/cover").json["covers"]] == [other]
    assert server.request("DELETE", f"/api/v1/overrides/{accepted.json['override']}").status == 204
    withdrawn = server.post("/api/v1/cover", ask).json["id"]
    assert server.request("DELETE", f"/api/v1/cover/{withdrawn}").status == 204
    assert server.post(f"/api/v1/cover/{withdrawn}/accept", {"person": other}).status == 404
