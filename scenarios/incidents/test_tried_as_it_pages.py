"""A rule that is tried says whom the pager would have told: the same as the proof says of the same time."""
import time

from support.server import wait_for

MINUTE = 60
CONFIG = """
[incidents]
contacts = ["ana"]
[[contact]]
name = "ana"
channels = ["hook"]
[[contact]]
name = "ben"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/nobody-listens"
[[environment]]
name = "staging"
pattern = "^staging\\\\."
production = false
[[schedule]]
name = "first"
time_zone = "UTC"
[[schedule.layer]]
people = ["ben"]
start = "2020-01-06"
rotation = "weekly"
[[escalation_policy]]
name = "shop"
[[escalation_policy.step]]
notify = ["schedule:first"]
wait = "10m"
[[storage.retention]]
name = "minutes"
pattern = "."
archives = ["1m:30d"]
[[monitor]]
name = "five at once"
target = "shop.latency.*"
critical = "> 300"
[[monitor]]
name = "only warns"
target = "shop.latency.*"
warning = "> 300"
[[monitor]]
name = "elsewhere"
target = "staging.latency.*"
critical = "> 300"
[[monitor]]
name = "by policy"
target = "shop.errors"
critical = "> 5"
escalation_policy = "shop"
"""


def past(now):
    """Six hours in which five series and the errors were bad for nine minutes, twice."""
    begin = now - now % MINUTE - 6 * 3600
    points = []
    for minute in range(6 * 60 - 5):
        at, bad = begin + minute * MINUTE, minute in range(60, 69) or minute in range(200, 209)
        for number in range(5):
            points += [f"{place}.latency.web{number} {900 if bad else 100} {at}\n" for place in ("shop", "staging")]
        points.append(f"shop.errors {50 if bad else 0} {at}\n")
    return points


def test_what_is_tried_pages_as_the_proof_says(bellwether):
    server = bellwether(CONFIG)
    now = int(time.time())
    server.carbon_send("".join(past(now)).encode())
    wait_for(lambda: len(server.points("shop.errors", **{"from": "-7h"}).get("shop.errors", [])) > 350, what="the past to be stored")
    span = {"from": now - 6 * 3600, "until": now - 6 * MINUTE}

    begun = server.post("/api/v1/proof", span)
    assert begun.status == 202, begun.text
    path = f"/api/v1/proof/{begun.json['id']}"
    proof = wait_for(lambda: (answer := server.get(path).json)["state"] == "done" and answer["proof"], seconds=60, what="the proof")

    def tried(**question):
        answer = server.post("/api/v1/monitors/test", {**question, **span})
        assert answer.status == 200, answer.text
        return answer.json

    names = ("five at once", "only warns", "elsewhere", "by policy")
    answers = {name: tried(name=name) for name in names}
    assert {name: answer["pages"] for name, answer in answers.items()} == {
        "five at once": {"ana": 2}, "only warns": {}, "elsewhere": {}, "by policy": {"ben": 2}}
    assert all(sum(one["fired"] for one in answer["instances"]) >= 2 for answer in answers.values())
    would = {contact: of["pages"] for contact, of in proof["would"]["contacts"].items()}
    assert would == {"ana": 2, "ben": 2}, proof["would"]
    assert answers["five at once"]["sentence"].endswith("with 2 pages."), answers["five at once"]["sentence"]
    rule = server.cli("monitor", "test", "by policy", "--from", str(span["from"]), "--until", str(span["until"])).stdout
    assert "Told: ben 2" in rule, rule
    assert answers["only warns"]["sentence"].endswith("with no page."), answers["only warns"]["sentence"]
    assert not any(firing["told"] for firing in answers["elsewhere"]["firings"])

    # One that is not defined yet, and another version of it.
    rule = {"name": "new", "target": "shop.latency.*", "critical": "> 300"}
    both = tried(monitor=rule, compare={**rule, "escalation_policy": "shop"})
    assert (both["pages"], both["other"]["pages"]) == ({"ana": 2}, {"ben": 2})
