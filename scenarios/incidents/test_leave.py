"""Whoever is away by their own calendar is stood in for: calendars of files and of servers."""
import time

from support.server import wait_for

DAY = 86_400
CALENDAR = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n"


def event(*lines):
    return CALENDAR.format("".join(line + "\r\n" for line in ("BEGIN:VEVENT", *lines, "SUMMARY:hospital", "END:VEVENT")))


def days(begin, end):
    date = lambda count: time.strftime("%Y%m%d", time.gmtime(time.time() + count * DAY))
    return f"DTSTART;VALUE=DATE:{date(begin)}", f"DTEND;VALUE=DATE:{date(end)}"


def config(calendar):
    """A turn of ana that began a month ago and lasts a year; ben is behind her in the list."""
    start = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 30 * DAY))
    return f"""
[[contact]]
name = "ana"
channels = ["log"]
time_zone = "UTC"
calendar = "{calendar}"
[[contact]]
name = "ben"
channels = ["log"]
[[schedule]]
name = "web"
[[schedule.layer]]
people = ["ana", "ben"]
rotation = "52 weeks"
start = "{start}"
"""


def clashes(server):
    (web,) = server.get("/api/v1/oncall").json["schedules"]
    return web["clashes"]


def doubts(server):
    return [one["text"] for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "calendars"]


def parts(server):
    return [one for one in server.get("/api/v1/health").json["parts"] if one["id"] == "calendars"]


def test_c108_a_calendar_of_absences_assigns_the_backup(bellwether, tmp_path):
    calendar = tmp_path / "ana.ics"
    # As an old program writes it.
    calendar.write_bytes(event("UID:1", *days(-2, 5), "LOCATION:Köln").encode("latin-1"))
    server = bellwether(config(calendar))
    (clash,) = wait_for(lambda: clashes(server))
    assert (clash["person"], clash["stand_ins"], clash["has_gap"]) == ("ana", ["ben"], False)
    (web,) = server.get("/api/v1/oncall").json["schedules"]
    assert (web["current"]["person"], web["current"]["instead_of"]) == ("ben", "ana")
    # Why she is away is nobody's business, and neither is where it stands.
    assert "hospital" not in server.get("/api/v1/oncall").text
    assert "ana.ics" not in server.get("/api/v1/config").text
    (ours,) = wait_for(lambda: parts(server))
    assert ours["state"] == "ok" and ours["text"] == "calendars: 1, absences ahead: 1"

    # What cannot be read leaves what was known, and health says since when that is.
    calendar.write_text("<html>")
    server.stop()
    server.start()
    (doubt,) = wait_for(lambda: doubts(server))
    assert "it does not begin with BEGIN:VCALENDAR" in doubt and "what was known " in doubt, doubt
    (web,) = server.get("/api/v1/oncall").json["schedules"]
    assert web["current"]["person"] == "ben" and web["clashes"]


def test_c108_a_calendar_is_fetched_with_what_comes_again(bellwether, calendars):
    calendars.text = event("UID:1", *days(-8, -5), "RRULE:FREQ=WEEKLY;COUNT=3", "RDATE;VALUE=PERIOD:20200101T000000Z/PT8H")
    port = calendars.server_address[1]
    server = bellwether(config(f"http://127.0.0.1:{port}/secret-3f7c.ics"))
    # Now, and in a week; what was a week ago is over.
    found = wait_for(lambda: clashes(server))
    assert [one["stand_ins"] for one in found] == [["ben"], ["ben"]] and found[1]["end"] - found[1]["start"] == 3 * DAY
    (doubt,) = wait_for(lambda: doubts(server))
    assert "ana: RDATE:VALUE=PERIOD" in doubt, doubt

    # A server that does not have it any more takes nobody back; the path of the address is told to nobody.
    calendars.status, calendars.text = 404, ""
    server.stop()
    server.start()
    (doubt,) = wait_for(lambda: [text for text in doubts(server) if "404" in text])
    assert f"http://127.0.0.1:{port} answers 404" in doubt and "secret-3f7c" not in doubt
    assert len(clashes(server)) == 2
    assert calendars.asked[0] == ("/secret-3f7c.ics", None)


def test_whoever_has_no_calendar_any_more_is_there(bellwether, tmp_path):
    calendar = tmp_path / "ana.ics"
    calendar.write_text(event("UID:1", *days(-2, 5)))
    written = config(calendar)
    server = bellwether(written)
    wait_for(lambda: clashes(server))
    # Also if it is taken out while nobody is there to see it.
    server.stop()
    server.rewrite(written.replace(f'calendar = "{calendar}"\n', ""))
    server.start()
    wait_for(lambda: not clashes(server))
    (web,) = server.get("/api/v1/oncall").json["schedules"]
    assert web["current"]["person"] == "ana"
    server.rewrite(written)
    wait_for(lambda: clashes(server))


def test_where_a_calendar_stands_is_checked(bellwether):
    server = bellwether(config("/nowhere/ana.ics"))
    (doubt,) = wait_for(lambda: doubts(server))
    assert "the file cannot be read" in doubt and "nothing is known of it" in doubt and "/nowhere" not in doubt, doubt
    server.rewrite(config("ana.ics"))
    done = server.cli("config", "check", check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "contact.0.calendar" in said and "whole path" in said, said
