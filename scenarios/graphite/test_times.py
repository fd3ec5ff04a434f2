"""The time grammar: graphite-web and we read the same moments, and refuse the same texts with the same words."""
import random

import pytest

TIMES = """
now -1h -30min -1d -2weeks -1mon -1y +1h now-1h now+1h now-1h30min -90s -1h30 -1.5h -h -1 - + -1x -1m -5minutes -2hours
-1day -1d12h today yesterday tomorrow today-1h yesterday+1h noon midnight teatime noonyesterday noon_yesterday
midnighttomorrow teatimetoday 6pm 6am 12pm 12am 12:30pm 12:30am 0:15 00:15 9:5 09:05 23:59 24:00 23:60 1:5pm 6pmyesterday
6pm_today 10:00_today 10:00_20240229 20240229 20240230 20241301 19700101 18991231 19500101 99999999 00000000
1700000000 0 1 99999999999 999999999999 9999999999999999999 -1700000000
02/29/24 02/29/2024 2/9/24 02/30/24 13/01/24 01/01/70 01/01/69 1/1/1 01/01/1899 1/1/0 // 1/2/ a/b/c 1/2/3/4
jan1 january1 jan_15 jan15 jan32 jan jan2015 feb29 feb30 dec31 december_31 may5 march3+1h JAN_5 6pm_jan_5
monday tuesday wed thursday fri sat sunday mondays monk noon_monday 6pmfriday-1d sun
foo foobar 1h 1d 5 55:5 :5 1: 1:2 12:30 12:3x x2:30 am pm 5am5pm 5pm5am noon6pm nooon 10:00am 10:00pm 00:00pm 100:00
now-  now- now_-_1h n_o_w NOW Yesterday YESTERDAY-1H -1H -1D -1MIN +1d-1h 1h+1h -1h+1h -1h-1h today+1d2h3min4s -1w2d
-1second -1s -1sec -1seconds -1minute -1mi -1hour -1week -1month -1year -1years -1decade -0s +0s -00001h -1h1h
-99999d -9999999d -999999999d -9999999999d 1e5 0x10 ++1h --1h -+1h
""".split()


def window(sides, params):
    """Few points whatever the range is; start and end stand before the `|`."""
    return sides.ask("/render", [("target", "sin('x',0,100000000)"), ("format", "raw")] + params)


def same(sides, params):
    theirs, ours = window(sides, params)
    too_far = ("out of range", "too large", "magnitude", "greater than maximum")
    if theirs.status == 400 and any(words in theirs.text for words in too_far):
        # How far time reaches, each says in its own words.
        assert ours.status == 400
        return
    assert (ours.status, ours.text.split("|")[0]) == (theirs.status, theirs.text.split("|")[0]), params


@pytest.mark.parametrize("zone, now", [("UTC", 1710333296), ("America/New_York", 1699164000), ("Asia/Kolkata", 1710053999)])
def test_from(sides, zone, now):
    for text in TIMES:
        same(sides, [("from", text), ("until", "now"), ("now", now), ("tz", zone)])


def test_until_and_now(sides):
    for text in TIMES:
        same(sides, [("from", "-1d"), ("until", text), ("now", 1710333296)])
        if text[0].isdigit() and len(text) >= 8:
            same(sides, [("from", "-1d"), ("until", "now"), ("now", text)])


def test_made_up(sides):
    dice = random.Random(4)
    pieces = ("now", "today", "yesterday", "noon", "midnight", "6pm", "6am", "12:30", "1:05pm", "jan", "feb", "mon", "fri",
              "1", "29", "31", "20240229", "02/29/24", "+", "-", "1", "2", "15", "h", "min", "d", "s", "w", "mon", "y", "_", " ")
    for _ in range(500):
        text = "".join(dice.choice(pieces) for _ in range(dice.randrange(1, 6)))
        same(sides, [("from", text), ("until", "now"), ("now", 1710333296)])


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Europe/Dublin", "utc",
                                  "europe/paris", "EST5EDT", "Nowhere", "", "GMT"])
def test_changes_of_the_clock(sides, zone):
    days = ("03/10/24", "11/03/24", "03/31/24", "10/27/24", "04/07/24", "10/06/24")
    for day in days:
        for clock in ("00:30", "01:30", "01:59", "02:00", "02:30", "03:00", "noon"):
            same(sides, [("from", f"{clock} {day}"), ("until", "01/01/25"), ("now", 1735689600), ("tz", zone)])
