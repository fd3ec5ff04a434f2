"""Reports equal what a hand computes from the record."""
import csv
import datetime
import io
import time

from support.past import record
from support.server import wait_for

UTC = datetime.timezone.utc
MINUTE, HOUR, DAY = 60, 3_600, 86_400


def config(hook):
    return f"""
[incidents]
night = "22:00-07:00"
[[contact]]
name = "ana"
channels = ["hook"]
time_zone = "Pacific/Auckland"
[[contact]]
name = "ben"
channels = ["hook"]
time_zone = "UTC"
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[check]]
name = "sample"
type = "passive"
max_check_attempts = 1
contacts = ["ben"]
[[check]]
name = "shop/http"
type = "passive"
max_check_attempts = 1
[[check]]
name = "shop/db"
type = "passive"
max_check_attempts = 1
[[service]]
name = "Shop"
availability = ["shop/*"]
"""


def last_month():
    """Its name and its first second."""
    first = (datetime.datetime.now(UTC).replace(day=1) - datetime.timedelta(days=1)).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.strftime("%Y-%m"), int(first.timestamp())


def tell(server, check, status, at=None):
    body = {"status": status, "output": "said so", **({} if at is None else {"at": at})}
    answer = server.post(f"/api/v1/checks/{check.replace('/', '%2F')}/result", body)
    assert answer.status == 200, answer.text


def rows(server, query):
    answer = server.get(f"/api/v1/reports?{query}")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/csv"), answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_month_equals_what_a_hand_computes(bellwether, hook):
    server = bellwether(config(hook))
    month, begin = last_month()
    # Ten hours of the second day. Known from 01:00 on. In trouble: http 02:00 to 02:30 and db 02:20 to 03:00, which is 02:00 to
    # 03:00, one outage; http 07:00 to 07:15, of which 07:00 to 07:10 was planned.
    day = begin + DAY
    for check, status, hours in [("shop/http", 0, 1), ("shop/db", 0, 1), ("shop/http", 2, 2), ("shop/db", 2, 2 + 1 / 3),
                                 ("shop/http", 0, 2.5), ("shop/db", 0, 3), ("shop/http", 2, 7), ("shop/http", 0, 7.25)]:
        tell(server, check, status, day + hours * HOUR)
    tell(server, "sample", 2)
    hook.wait(1)
    with record(server) as past:
        past.database.execute("INSERT INTO monitor_planned (id, kind, name, instance, began, ended) VALUES (1000, ?, 'shop/http', '', ?, ?)",
                              (past.one("SELECT kind FROM monitor_object WHERE name = 'shop/http'"), day + 7 * HOUR, day + 7 * HOUR + 600))
        # Had after 2 and 12 minutes, over after 30 and 90; one that nobody had, over after 60. The first is of the shop.
        at = day + 2 * HOUR
        first = past.incident("monitor:shop/http", at, at + 30 * MINUTE, (at + 2 * MINUTE, "ana"), [(at, "ana"), (at, "ben")])
        at = day + 20 * HOUR
        past.incident("monitor:other", at, at + 90 * MINUTE, (at + 12 * MINUTE, "ben"), [(at, "ana"), (at + 3 * HOUR, "ben")])
        at = day + 4 * DAY
        past.incident("monitor:other", at, at + HOUR, None, [(at, "ben")])
        # Left out: over within a minute; over before anybody was told; not production.
        past.incident("monitor:flap", at, at + 59, None, [])
        past.incident("monitor:untold", at, at + HOUR, None, [])
        past.incident("monitor:stage@staging", at, at + HOUR, None, [], production=False)
    assert server.post(f"/api/v1/incidents/{first}/judge", {"useful": True}).status == 200

    answer = server.get(f"/api/v1/reports?month={month}&tz=UTC")
    assert answer.status == 200, answer.text
    report = answer.json
    assert (report["from"], report["tz"], report["record_begins"]) == (begin, "UTC", day + 2 * HOUR)
    assert (report["incidents"], report["paged"], report["self_healed"]) == (3, 3, 1)
    # What was sent above made incidents of then too, of which nobody was told: two of http, one of db.
    assert report["left_out"] == {"flapped": 1, "untold": 4, "not_production": 1}
    # (2 + 12) / 2 = 7 minutes; of two the 95th is the larger.
    assert report["to_acknowledge"] == {"count": 2, "mean": 7 * MINUTE, "median": 7 * MINUTE, "p95": 12 * MINUTE}
    # (30 + 90 + 60) / 3 = 60 minutes.
    assert report["to_recover"] == {"count": 3, "mean": HOUR, "median": HOUR, "p95": 90 * MINUTE}
    # 02:30 to 20:00 = 17.5 h; 21:30 to 00:00 of the fourth day after = 74.5 h: 46 h in the middle.
    assert report["between_failures"] == {"count": 2, "mean": 46 * HOUR, "median": 46 * HOUR, "p95": 74.5 * HOUR}
    [shop] = report["services"]
    assert (shop["name"], shop["incidents"], shop["to_recover"]["mean"]) == ("Shop", 1, 30 * MINUTE)
    # 02:00 and 20:00 are 15:00 and 09:00 in Auckland, an hour less in its winter: day. 02:00, 23:00 and 00:00 are night in UTC, those
    # of three different nights.
    people = {one["name"]: one for one in report["people"]}
    assert [people["ana"][key] for key in ("pages", "incidents", "at_night", "nights", "acknowledged")] == [2, 2, 0, 0, 1]
    assert [people["ben"][key] for key in ("pages", "incidents", "at_night", "nights", "acknowledged")] == [3, 3, 3, 3, 1]
    assert report["people"][0]["name"] == "ben" and people["ana"]["tz"] == "Pacific/Auckland"
    other = next(one for one in report["noisiest"] if one["reason"] == "monitor:other")
    assert (other["incidents"], other["pages"], other["acknowledged"]) == (2, 3, 1)

    # What Home says of a week is what the report says, of those who were woken.
    lately = server.get("/api/v1/nights?days=62").json
    same = server.get(f"/api/v1/reports?from={lately['now'] - 62 * DAY}&until={lately['now']}").json["people"]
    assert {one["name"]: one["nights"] for one in lately["people"]} == {one["name"]: one["nights"] for one in same if one["nights"]}
    assert lately["nights"] >= 3 and [one["name"] for one in lately["people"]][0] == "ben"
    assert server.get("/api/v1/nights?days=0").status == 400 and server.get("/api/v1/nights?weeks=1").status == 400

    # Of the ten hours: one unknown; 3600 s of trouble and 300 s that were not planned; 600 s planned; 27,900 s available.
    report = server.get(f"/api/v1/reports?from={day}&until={day + 10 * HOUR}&tz=UTC").json
    [of_month] = report["services"][0]["months"]
    assert of_month == {
        "month": month, "from": day, "until": day + 10 * HOUR, "available_seconds": 27_900, "in_trouble_seconds": 3_900,
        "planned_seconds": 600, "unknown_seconds": 3_600, "outages": 2, "available_seconds_per_outage": 13_950.0,
        "attained_percent": 100 * 27_900 / 31_800}
    [line] = rows(server, f"from={day}&until={day + 10 * HOUR}&tz=UTC&format=csv")
    assert (line["service"], line["month"], line["attained_percent"]) == ("Shop", month, "87.7358")
    lines = rows(server, f"month={month}&tz=UTC&format=csv&table=people")
    assert [(line["person"], line["nights"]) for line in lines] == [("ben", "3"), ("ana", "0")]
    assert rows(server, f"month={month}&tz=UTC&format=csv&table=summary")[0]["mttr_mean_seconds"] == "3600"


def test_headroom_is_the_worst_of_the_time(bellwether):
    server = bellwether("""
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
""")
    def tell_usage(used):
        answer = server.post("/api/v1/checks/disk/result", {"status": 0, "output": f"fine|used={used};;95;0;100"})
        assert answer.status == 200, answer.text

    # Of ten minutes, in slots of a second.
    recent = lambda rest="": f"from={int(time.time()) - 600}{rest}"

    def again():
        """A slot holds what several results came to: one that has only the last number in it comes soon."""
        tell_usage(90)
        found = server.get("/api/v1/reports?" + recent()).json["headroom"]
        return found if found and found[0]["worst"] >= 90 else None

    tell_usage(50)
    [near] = wait_for(again, pause=0.7, what="the past of the number")
    assert (near["kind"], near["name"], near["label"], near["limit"], near["share"]) == ("check", "disk", "used", 95.0, 0.9474)
    assert rows(server, recent("&format=csv&table=headroom"))[0]["worst"] == "90"

    def of_a_month():
        tell_usage(90)
        found = server.get("/api/v1/reports").json["headroom"]
        return found and found[0]["worst"] >= 90

    wait_for(of_a_month, pause=0.7, what="what has just come in, in a month")


def test_what_cannot_be_reported_says_why(bellwether):
    server = bellwether()
    for query, said in [("month=2026-13", "2026-10"), ("month=2999-01", "future"), ("from=10&until=5", "not before"), ("from=0", "400 days"),
                        ("tz=Mars", "time zone"), ("format=xml", "json or csv"), ("format=csv&table=x", "headroom"), ("frm=1", "frm")]:
        answer = server.get(f"/api/v1/reports?{query}")
        assert answer.status == 400 and said in answer.text, (query, answer.text)
    empty = server.get("/api/v1/reports").json
    assert (empty["incidents"], empty["to_recover"], empty["people"], empty["services"], empty["record_begins"]) == (0, None, [], [], None)
