"""How soon a page is at its provider: from the moment a bad result is answered for (HARD, and on the disk) until the stand-in has accepted it."""
import math
import re
import time

from support.people import person
from support.probes import Authority
from support.providers import Providers
from support.push import PushService
from support.server import Bellwether, wait_for
from support.ways import Me

from . import processes
from .figures import Line, median, number

KEY = "0123456789abcdef0123456789abcdef"


# Chats and services of browsers are asked one at a time: what they take at once is theirs to say.
FEW = 50


def measure(directory, sizes):
    with Providers() as providers:
        alone = one_at_a_time(directory / "alone", providers, sizes)
        return alone + in_a_storm(directory / "storm", providers, sizes) + by_slack(directory / "slack", providers, sizes) + by_push(directory / "push", sizes)


def server_with(directory, config, told, checks):
    each = "".join(f'[[check]]\nname = "c{number}"\ntype = "passive"\nmax_check_attempts = 1\n{told}\n' for number in range(checks))
    server = Bellwether(directory, f"[collectors]\nhost = false\n{config}\n{each}", binary=processes.binary())
    processes.STARTED.append(server)
    return server.start()


def started(directory, providers, checks):
    return server_with(directory, f"""
[[contact]]
name = "ana"
channels = ["pd"]
[[channel]]
name = "pd"
type = "pagerduty"
routing_key = "{KEY}"
url = "{providers.url("pagerduty")}"
""", 'contacts = ["ana"]', checks)


def taken(providers):
    """When each check's problem was accepted."""
    calls = [call for call in providers.pagerduty.calls if (call.json or {}).get("event_action") == "trigger"]
    return {call.json["payload"]["component"]: call.at for call in reversed(calls)}


def went_bad(server, name, headers=None):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": "bad"}, headers=headers)
    assert answer.status // 100 == 2, answer.text
    return time.time()


def p99(waits):
    return sorted(waits)[math.ceil(len(waits) * 0.99) - 1]


def one_at_a_time(directory, providers, sizes):
    server = started(directory, providers, sizes.pages)
    waits = []
    for index in range(sizes.pages):
        at = went_bad(server, f"c{index}")
        wait_for(lambda: f"c{index}" in taken(providers), what="the page")
        waits.append(taken(providers)[f"c{index}"] - at)
    server.stop()
    providers.pagerduty.calls.clear()
    return [Line("HARD to accepted by the provider, one at a time, p99", f"median {number(median(waits))} s, of {len(waits)}", "", p99(waits), 2, unit="s")]


def in_a_storm(directory, providers, sizes):
    """All at once; the first page does not wait for the others, and none is lost."""
    server = started(directory, providers, sizes.pages)
    at = {f"c{index}": went_bad(server, f"c{index}") for index in range(sizes.pages)}
    wait_for(lambda: len(taken(providers)) == len(at), seconds=120, what="all pages")
    accepted = taken(providers)
    first = min(accepted.values()) - min(at.values())
    keys = {call.json["dedup_key"] for call in providers.pagerduty.calls if call.json}
    server.stop()
    last = max(accepted[name] - at[name] for name in at)
    return [
        Line(f"… of {sizes.pages} at once the first", f"the last after {number(last)} s", "", first, 2, unit="s"),
        Line("… keys for each incident", f"{len(keys)} keys", "", len(keys) / len(at), 1, unit=""),
    ]


def line(way, waits):
    return Line(f"… by {way}, one at a time, p99", f"median {number(median(waits))} s, of {len(waits)}", "", p99(waits), 2, unit="s")


def by_slack(directory, providers, sizes):
    """An incoming webhook."""
    count = min(sizes.pages, FEW)
    server = server_with(directory, f"""
[[contact]]
name = "room"
channels = ["slack"]
[[channel]]
name = "slack"
type = "slack"
url = "{providers.url("slack", "/services/T0/B0/X0")}"
""", 'contacts = ["room"]', count)
    waits = []
    for index in range(count):
        of_it = re.compile(rf"\bc{index}\b")
        at = went_bad(server, f"c{index}")
        call = wait_for(lambda: next((one for one in providers.slack.calls if of_it.search((one.json or {}).get("text", ""))), None), what="the message")
        waits.append(call.at - at)
    server.stop()
    return [line("Slack", waits)]


def by_push(directory, sizes):
    """To one browser of somebody who has confirmed it, by a policy."""
    count = min(sizes.pages, FEW)
    directory.mkdir(parents=True, exist_ok=True)
    with PushService(Authority(directory)) as service:
        server = server_with(directory / "server", f"""
[auth]
mode = "required"
[[escalation_policy]]
name = "ana"
[[escalation_policy.step]]
notify = ["ana"]
wait = "1h"
[[channel]]
name = "push"
type = "push"
from = "mailto:ops@example.org"
hosts = ["localhost"]
ca_file = "{directory / "ca.pem"}"
""", 'escalation_policy = "ana"', count)
        root, me = person(server, "root", "editor"), Me(server, person(server, "ana", "responder"))
        browser = service.browser("ana", server.get("/api/v1/me/ways", headers=me.who).json["push_key"])
        (way,) = me.put([{"type": "push", "address": browser.subscription(), "label": "telephone"}]).json["ways"]
        assert me.confirm(way["id"], lambda: browser.shown and browser.shown[0]["title"]).status == 200
        waits = []
        for index in range(count):
            at = went_bad(server, f"c{index}", root)
            page = wait_for(lambda: next((one for one in browser.shown if one["title"] == f"CRITICAL: c{index}"), None), what="the page")
            waits.append(page["taken_at"] - at)
        server.stop()
        assert service.problems == [], service.problems
    return [line("web push", waits)]
