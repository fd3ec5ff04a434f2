"""Whose turn it is by a calendar that others keep: the one whose event it is gets the page, also while nobody answers for the calendar."""
import time

from support.server import wait_for

HOUR = 3_600
SECRET = "secret-5d21"
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n"


def turn(begin, end, summary, *more):
    """An event from so many hours from now until so many."""
    at = lambda hours: time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + hours * HOUR))
    lines = ("BEGIN:VEVENT", f"DTSTART:{at(begin)}", f"DTEND:{at(end)}", f"SUMMARY:{summary}", *more, "END:VEVENT")
    return "".join(line + "\r\n" for line in lines)


def config(place, port=9, more=""):
    """Whose event it is goes before ana, who has all the rest."""
    return f"""
[[contact]]
name = "ana"
channels = ["hook"]
[[contact]]
name = "ben"
email = "Ben@example.org"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:{port}/pages"
[egress]
allow = ["127.0.0.0/8"]
[incidents]
told_before = "0s"
[[schedule]]
name = "web"
time_zone = "Europe/Berlin"
[[schedule.layer]]
name = "shop"
people = ["ana", "ben"]
calendar = "{place}"
{more}
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
[[escalation_policy]]
name = "web"
[[escalation_policy.step]]
notify = ["schedule:web"]
wait = "24h"
[[check]]
name = "shop"
type = "passive"
max_check_attempts = 1
escalation_policy = "web"
[[check]]
name = "mail"
type = "passive"
max_check_attempts = 1
escalation_policy = "web"
"""


def on_call(server):
    (web,) = server.get("/api/v1/oncall").json["schedules"]
    return web


def doubts(server):
    return [one["text"] for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "shifts"]


def test_the_one_whose_event_it_is_gets_the_page_also_when_the_calendar_is_gone(bellwether, calendars, hook):
    calendars.text = CALENDAR.format(
        turn(-2, 6, "ben@EXAMPLE.org") + turn(24, 30, "ben", "RRULE:FREQ=DAILY;COUNT=3") + turn(20, 22, "Zoe"))
    origin = f"http://127.0.0.1:{calendars.server_address[1]}"
    server = bellwether(config(f"{origin}/{SECRET}.ics", hook.port))
    web = wait_for(lambda: (now := on_call(server))["current"]["person"] == "ben" and now)
    # Outside of the events the layer below has it, so that there is no gap.
    assert (web["current"]["layer"], web["next"]["person"], web["next"]["layer"], web["gaps"]) == (0, "ana", 1, [])
    of_layer = server.get("/api/v1/schedules/web/shifts").json["layers"][0]
    assert [shift["person"] for shift in of_layer["shifts"]] == ["ben", None, "ben", None, "ben", None, "ben", None]
    assert of_layer["name"] == "shop" and of_layer["shifts"][0]["end"] > time.time() + 5 * HOUR

    # Whom it names and nobody knows is told of where it is looked at.
    wait_for(lambda: any("`Zoe`" in warning and "`shop`" in warning for warning in on_call(server)["warnings"]))
    (doubt,) = wait_for(lambda: doubts(server))
    assert "turns ahead: 4" in doubt and "`Zoe`" in doubt and "(times: 1)" in doubt, doubt

    server.post("/api/v1/checks/shop/result", {"status": 2, "output": "closed"})
    ((_, page, _),) = hook.wait(1)
    assert (page["contact"], page["event"]) == ("ben", "problem")
    made = server.post("/api/v1/oncall/calendars", {"schedule": "web"}).json
    assert "SUMMARY:ben" in server.get(made["path"]).text

    # Nobody answers for it any more: what was known holds, and it is said.
    calendars.shutdown()
    calendars.server_close()
    server.stop()
    server.start()
    (doubt,) = wait_for(lambda: doubts(server))
    assert "schedule `web`, layer `shop`: its calendar cannot be read" in doubt and "what was known " in doubt, doubt
    wait_for(lambda: any("cannot be read" in warning for warning in on_call(server)["warnings"]))
    server.post("/api/v1/checks/mail/result", {"status": 2, "output": "closed"})
    pages = [(page["contact"], page["event"]) for _, page, _ in hook.wait(2)]
    assert pages == [("ben", "problem")] * 2

    # Its address is a secret.
    answers = ["/api/v1/config", "/api/v1/schedules", "/api/v1/oncall/export", "/api/v1/health", "/api/v1/oncall"]
    told = [server.get(path).text for path in answers] + [server.cli("config", "show").stdout, server.log()]
    assert not [text for text in told if SECRET in text]
    assert '"calendar":"(hidden)"' in told[1].replace(" ", "")


def test_a_calendar_of_shifts_is_for_files_and_stands_alone(bellwether, tmp_path):
    calendar = tmp_path / "shop.ics"
    calendar.write_text(CALENDAR.format(turn(-1, 3, "[L1] ben\\, ana")))
    server = bellwether(config(calendar))
    wait_for(lambda: on_call(server)["current"]["person"] == "ben")
    (defined,) = server.get("/api/v1/schedules").json["schedules"]
    assert server.put("/api/v1/schedules/web", defined["definition"]).status == 409
    for ask, path in [(server.put, "/api/v1/schedules/mail"), (server.post, "/api/v1/oncall/preview")]:
        refused = ask(path, {"layer": defined["definition"]["layer"]})
        assert refused.status == 400 and "layer.0.calendar (layer 1 `shop`)" in refused.json["error"], refused.text
    # Who is not among the people any more is not on call by it.
    server.rewrite(config(calendar).replace('people = ["ana", "ben"]', 'people = ["ana"]'))
    wait_for(lambda: on_call(server)["current"]["person"] == "ana")
    wait_for(lambda: any("`ben`" in text for text in doubts(server)))

    for wrong, key, why in [(config("shop.ics"), "calendar", "whole path"), (config(calendar, more='rotation = "weekly"'), "rotation", "leave one of them out")]:
        server.rewrite(wrong)
        done = server.cli("config", "check", check=False)
        said = done.stdout + done.stderr
        assert done.returncode != 0 and f"schedule.0.layer.0.{key}" in said and why in said, said
