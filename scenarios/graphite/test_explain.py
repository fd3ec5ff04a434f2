"""Every answer can explain itself: /api/v1/explain."""
import time
import urllib.parse

import pytest

from support.server import Bellwether, wait_for

CONFIG = """
[collectors]
host = false
[self]
series = false
[[storage.retention]]
name = "fine"
pattern = "^fine"
archives = ["1s:1h", "10s:1d"]
[[storage.retention]]
name = "rest"
pattern = ".*"
archives = ["10s:1d"]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("explain"), CONFIG).start()
    now = int(time.time())
    names = [f"a.{index}" for index in range(12)] + ["fine.x"]
    server.carbon_send("".join(f"{name} {index} {now - 10 * age}\n" for index, name in enumerate(names)
                               for age in range(30)).encode())
    wait_for(lambda: len(server.points("a.*")) == 12 and server.points("fine.*"))
    yield server
    server.stop()


def explain(server, *targets, **parameters):
    query = [("target", target) for target in targets] + list(parameters.items())
    return server.get(f"/api/v1/explain?{urllib.parse.urlencode(query)}")


def test_the_steps_of_a_target(server):
    told = explain(server, "scale(sumSeries(a.*),2)", **{"from": "-5min"}).json
    (target,) = told["targets"]
    tree = target["tree"]
    assert (target["error"], tree["function"], tree["text"]) == (None, "scale", "scale(sumSeries(a.*),2)")
    total = tree["children"][0]
    assert (total["text"], total["function"], total["series"]) == ("sumSeries(a.*)", "sumSeries", 1)
    path = total["children"][0]
    assert (path["text"], path["function"], path["series"], path["children"]) == ("a.*", None, 12, [])
    assert path["points"] == 12 * total["points"] == 12 * tree["points"]
    for step in (tree, total, path):
        inside = sum(child["milliseconds"] for child in step["children"])
        assert step["own_milliseconds"] == pytest.approx(step["milliseconds"] - inside, abs=0.01)
    assert told["milliseconds"] >= target["milliseconds"] >= tree["milliseconds"] >= 0
    (fetch,) = told["fetches"]
    assert (fetch["path"], fetch["series"], fetch["points"]) == ("a.*", 12, path["points"])
    assert fetch["archives"] == [{"archive": "10s:1d", "series": 12, "step": 10}]


def test_pipes_other_times_and_both_archives(server):
    told = explain(server, 'fine.x|timeShift("1min")|alias("before")', **{"from": "-2min"}).json
    tree = told["targets"][0]["tree"]
    assert tree["text"] == 'alias(timeShift(fine.x,"1min"),"before")'
    now_and_then = tree["children"][0]["children"]
    assert [step["text"] for step in now_and_then] == ["fine.x", "fine.x"]
    assert now_and_then[0]["from"] - now_and_then[1]["from"] == 60
    assert len(told["fetches"]) == 2
    archives = lambda since: explain(server, "fine.x", **{"from": since}).json["fetches"][0]["archives"][0]["archive"]
    assert (archives("-10min"), archives("-3h")) == ("1s:1h", "10s:1d")


def test_one_bad_target_keeps_none_from_being_explained(server):
    told = explain(server, "sumSeries(a.*", "summ(a.*)", "a.1", "scale(a.1,'x')").json
    unclosed, unknown, good, wrong = told["targets"]
    assert unclosed["error"]["start"] is not None
    assert unknown["error"]["hint"] == "did you mean `sum`?" and unknown["error"]["message"]
    assert good["error"] is None and good["tree"]["series"] == 1
    assert "factor" in wrong["error"]["message"] and wrong["tree"]["function"] == "scale"


def test_a_body_and_bad_requests(server):
    told = server.post("/api/v1/explain", {"targets": ["a.1"], "from": "-1min"})
    assert told.status == 200 and told.json["targets"][0]["tree"]["text"] == "a.1"
    assert "target" in explain(server).json["error"]
    for bad in ({"from": "foo"}, {"from": "-1min", "until": "-2min"}, {"now": "foo"}):
        answer = explain(server, "a.1", **bad)
        assert answer.status == 400 and answer.json["error"], bad
    assert explain(server, *["a.1"] * 201).status == 400


def test_steps_are_bounded(server):
    told = explain(server, 'timeStack(a.1,"1s",0,5000)').json
    tree = told["targets"][0]["tree"]
    assert tree["cut"] and len(tree["children"]) < 1_001
