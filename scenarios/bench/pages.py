"""How soon a page is at its provider: from the moment a bad result is answered for (HARD, and on the disk) until the stand-in has accepted it."""
import math
import time

from support.providers import Providers
from support.server import Bellwether, wait_for

from . import processes
from .figures import Line, median, number

KEY = "0123456789abcdef0123456789abcdef"


def measure(directory, sizes):
    with Providers() as providers:
        alone = one_at_a_time(directory / "alone", providers, sizes)
        return alone + in_a_storm(directory / "storm", providers, sizes)


def started(directory, providers, checks):
    each = "".join(f'[[check]]\nname = "c{number}"\ntype = "passive"\nmax_check_attempts = 1\ncontacts = ["ana"]\n' for number in range(checks))
    server = Bellwether(directory, f"""
[collectors]
host = false
[[contact]]
name = "ana"
channels = ["pd"]
[[channel]]
name = "pd"
type = "pagerduty"
routing_key = "{KEY}"
url = "{providers.url("pagerduty")}"
{each}""", binary=processes.binary())
    processes.STARTED.append(server)
    return server.start()


def taken(providers):
    """When each check's problem was accepted."""
    calls = [call for call in providers.pagerduty.calls if (call.json or {}).get("event_action") == "trigger"]
    return {call.json["payload"]["component"]: call.at for call in reversed(calls)}


def went_bad(server, name):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": "bad"})
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
