"""Conditions over windows, as Riemann's users know them: what fires when, worked out by hand.

Series are sent as an hour or two of the past, one point each second, and rules are tried on them: the same windows and
the same state machine as under the real clock. All times are seconds after the beginning."""
import json
import time

import pytest

from support.server import wait_for

LENGTH = 7200


def steps(*pairs):
    """(from second, value), each until the next."""
    def value(second):
        return [worth for begin, worth in pairs if second >= begin][-1]
    return value


SERIES = {
    "rate": steps((0, 1), (600, 11), (620, 1)),
    "top.a": steps((0, 0), (100, 150), (200, 0)),
    "top.b": steps((0, 0), (100, 120), (200, 0)),
    "top.c": steps((0, 0), (150, 130), (160, 0)),
    "version": steps((0, 1), (300, 2), (310, 1), (320, 2), (330, 3)),
    "visits": steps((0, 100), (1800, 40)),
    "size": steps((0, 50), (1000, 71), (2000, 50)),
    "climb": lambda second: min(max(second - 500, 0), 99),
    "attachments": steps((0, 1), (1500, 0), (2000, 1)),
    "builds": steps((0, 1), (1000, 0)),
    "pushes": steps((0, 0), (1200, 1), (1210, 0)),
    "disk.full": lambda second: 50 + second / 100,
    "disk.rotated": lambda second: 50 + second % 600 / 60,
    "calls.total": steps((0, 100)),
    "calls.bad": steps((0, 0), (5400, 100), (6000, 0)),
    "mixed.one": steps((0, 10), (400, 30), (450, 10)),
    "mixed.two": steps((0, 5), (420, 1), (430, 5)),
}


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    from support.server import Bellwether
    server = Bellwether(tmp_path_factory.mktemp("streams"), "[collectors]\nhost = false\n[self]\nseries = false\n")
    server.start()
    begin = int(time.time()) - LENGTH - 60
    for name, value in SERIES.items():
        server.carbon_send("".join(f"{name} {value(second)} {begin + second}\n" for second in range(LENGTH)).encode())
    last = {"from": begin + LENGTH - 2, "until": begin + LENGTH}
    wait_for(lambda: all(server.points(name, **last).get(name) for name in SERIES), what="points")
    yield server, begin
    server.stop()


def tried(past, rule, since=0):
    server, begin = past
    body = {"monitor": rule, "from": begin + since, "until": begin + LENGTH - 1}
    answer = server.post("/api/v1/monitors/test", json.dumps(body).encode(), {"Content-Type": "application/json"})
    return answer


def firings(past, rule, since=0):
    """[(instance, fired, ended)], and the answer."""
    begin = past[1]
    answer = tried(past, rule, since)
    assert answer.status == 200, answer.text
    after = lambda at: at and at - begin
    fired = [one for one in answer.json["firings"] if one["fired"]]
    return [(one["instance"], after(one["fired"]), after(one["ended"])) for one in fired], answer.json


@pytest.mark.parametrize("target, condition, expected", [
    # (t-10, t] holds 10 + 10(k+1) at 600+k: a rate above 5 from the fifth on; and of the last ten, five again at 625.
    ("rate", "rate over 10s > 5", [("rate", 604, 625)]),
    # c is above b for ten seconds and takes its place.
    ("top.*", "top 2 and > 100", [("top.a", 100, 200), ("top.b", 100, 150), ("top.c", 150, 160), ("top.b", 160, 200)]),
    # The fourth change within a minute, until the first is a minute old.
    ("version", "changes over 60s > 3", [("version", 330, 360)]),
    # The average falls by one a second and is below half of 100 after 51; ten minutes later what it is compared with
    # falls as well, and 40 is half of 80.
    ("visits", "avg over 60s against 10m < -50%", [("visits", 1850, 2419)]),
    ("size", "change over 5m > 20", [("size", 1000, 1300)]),
    ("size", "change over 5m < -20", [("size", 2000, 2300)]),
    # +42 % and -29.6 %.
    ("size", "change over 5m > ±25%", [("size", 1000, 1300), ("size", 2000, 2300)]),
    ("size", "change over 5m > ±30%", [("size", 1000, 1300)]),
    # All ten points are on the line of one a second from 509 to 599; with one beside it the slope is 0.945.
    ("climb", "slope over 10s > 59/min", [("climb", 509, 600)]),
    ("climb", "slope over 10s > 61/min", []),
    # Below 500 in the first ten minutes, too, but they are not full before 599. 101 zeros; 500 ones again.
    ("attachments", "sum over 10m < 500", [("attachments", 1600, 2499)]),
    # Growth of 36 an hour reaches 95 within an hour from 59 on, which is at 900; parts are 15 s long.
    ("disk.full", "reaches 95 within 1h judged by 30m", [("disk.full", (880, 940), (4480, LENGTH))]),
    # Ten of a hundred are not enough for the nearest rank.
    ("mixed.*", "p90 over 100s > 20", [("mixed.one", 410, 539)]),
    ("mixed.*", "median over 9s < 3 or max over 5s > 29", [("mixed.one", 400, 454), ("mixed.two", 424, 434)]),
])
def test_what_fires_when(past, target, condition, expected):
    found, _ = firings(past, {"name": "m", "target": target, "critical": condition})
    within = lambda seen, wanted: wanted[0] <= (seen or LENGTH) <= wanted[1] if isinstance(wanted, tuple) else seen == wanted
    assert len(found) == len(expected), found
    for (instance, fired, ended), (name, *wanted) in zip(found, expected):
        assert instance == name and within(fired, wanted[0]) and within(ended, wanted[1]), (found, expected)


def test_a_disk_whose_logs_are_rotated_does_not_fill(past):
    """Seen often enough, growth between two rotations is no news: the peaks stay where they are. The first rise alone
    would reach 95 in three quarters of an hour, and nobody could know better."""
    rule = {"name": "m", "target": "disk.rotated", "critical": "reaches 95 within 24h judged by 1h"}
    assert firings(past, rule, since=1800)[0] == []
    found, _ = firings(past, rule)
    assert [one for one in found if one[2] is None or one[2] > 1260] == []


def test_each_part_of_a_composite_is_shown_with_its_value(past):
    rule = {"name": "m", "series": {"builds": "builds", "pushes": "pushes"},
            "critical": "sum(builds) over 60s < 1 while pushes active within 2m"}
    # No build for a minute at 1059, but nothing was pushed before 1200; two minutes after the last push it ends.
    found, answer = firings(past, rule)
    assert found == [("builds", 1200, 1329)]
    assert answer["firings"][0]["text"] == "sum(builds) over 1min is 0, < 1, max(pushes) over 2min is 1, > 0"


def test_an_objective_burns_in_two_windows(past):
    """All fails from 5400 on: 14.4 % of an hour are gone after 519 s. Six hours are not known yet, and what is known
    of them is enough not to end it: of 30 minutes too much failed."""
    rule = {"name": "m", "objective": "99%", "series": {"bad": "calls.bad", "total": "calls.total"}}
    found, answer = firings(past, rule)
    assert found == [("calls.bad", 5918, None)] or found == [("calls.total", 5918, None)]
    assert answer["firings"][0]["state"] == "CRITICAL"
    # A tenth of it is worth nothing.
    found, _ = firings(past, {**rule, "objective": "80%"})
    assert found == []


def test_two_versions_are_compared(past):
    server, begin = past
    body = {"monitor": {"name": "m", "target": "size", "critical": "> 60"}, "from": begin, "until": begin + LENGTH - 1,
            "compare": {"name": "m", "target": "size", "critical": "> 60", "for": "20m"}}
    answer = server.post("/api/v1/monitors/test", json.dumps(body).encode(), {"Content-Type": "application/json"}).json
    comparison = answer["comparison"]
    assert [one["fired"] - begin for one in comparison["only_first"]] == [1000]
    assert comparison["both"] == [] and comparison["only_second"] == []
    assert answer["other_sentence"].startswith("It would not have fired"), answer["other_sentence"]
    assert "once it healed by itself" in answer["other_sentence"] or "healed by itself" in answer["other_sentence"]


@pytest.mark.parametrize("keys, message", [
    ({"critical": "top 0"}, "how many are at the top?"),
    ({"critical": "rate > 5"}, "over how long? Write it as in `rate over 5m`"),
    ({"critical": "change over 0s > 1"}, "must be whole seconds, one at least"),
    ({"critical": "avg over 5m against 7d"}, "a comparison is missing here"),
    ({"critical": "avg over 5m > 5%"}, "a percentage is of something"),
    ({"critical": "p101 over 1m > 1"}, "`p101` is not known here"),
    ({"critical": "avg over 500d > 1"}, "is longer than"),
    ({"critical": "sum(builds) over 1m > 1"}, "`builds` is not known here"),
    ({"critical": "slope over 5m > 5/x"}, "`5/x` is not a number"),
    ({"critical": "reaches 5% within 1h"}, "a level is a plain number"),
    ({"critical": "outside 20..10"}, "the lower bound comes first"),
    ({"critical": "> 1 and"}, "what is compared is missing here"),
    ({"critical": " or ".join(f"p95 over {n}m > 1" for n in range(40, 60))}, "KiB at most may be taken"),
    ({"critical": "> 1", "target": "sumSeries(a"}, "is not a target"),
    ({"critical": "> 1", "for": "1500ms"}, "is not in whole seconds"),
    ({"objective": "100%", "series": {"bad": "a", "total": "b"}}, "`100%` is not an objective"),
    ({"objective": "99%", "series": {"total": "b"}}, "an objective is a share of events"),
    ({"funnel": "jobs.**"}, "leave `target` and `series` out"),
    ({}, "nothing says when it is bad"),
])
def test_what_cannot_be_meant_is_refused_with_its_cure(past, keys, message):
    answer = tried(past, {"name": "m", "target": "a", **keys})
    assert answer.status == 400 and message in answer.json["error"], answer.text
