"""An alarm that was worth nothing: which change would have left it out, and missed nothing that was useful."""
import json
import time

from support.past import record
from support.server import wait_for


def config(hook):
    return f"""
[[contact]]
name = "ana"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[monitor]]
name = "queue"
target = "queue.length"
critical = "> 10"
contacts = ["ana"]
"""


def peak(begin, seconds, value):
    return [(begin + second, value if second < seconds else 1) for second in range(0, seconds + 60, 10)]


def test_a_change_leaves_the_noise_out_and_keeps_what_was_useful(bellwether, hook):
    server = bellwether(config(hook))
    # Half an hour ago it was at 14 for 20 seconds, which is nothing; an hour ago at 90 for ten minutes, which was trouble.
    now = int(time.time()) // 10 * 10
    noise, trouble = now - 1_800, now - 3_600
    points = peak(trouble, 600, 90) + peak(noise, 20, 14)
    server.carbon_send("".join(f"queue.length {value} {at}\n" for at, value in points).encode())
    wait_for(lambda: server.points("queue.length", **{"from": "-2h"}), what="the past")

    def bad():
        server.carbon_send(f"queue.length 50 {int(time.time())}\n".encode())
        return server.get("/api/v1/incidents").json["incidents"]
    [present] = wait_for(bad, pause=0.3, what="an incident, as a sample")
    with record(server) as past:
        useless = past.incident("monitor:queue", noise + 1, noise + 25, None, [(noise + 1, "ana")])
        useful = past.incident("monitor:queue", trouble + 1, trouble + 610, (trouble + 60, "ana"), [(trouble + 1, "ana")])
    path = f"/api/v1/incidents/{useless}/proposal"
    refused = server.get(path)
    assert refused.status == 409 and "judge" in refused.text
    for incident, verdict in [(useless, False), (useful, True)]:
        assert server.post(f"/api/v1/incidents/{incident}/judge", {"useful": verdict}).status == 200
    answer = server.get(path, timeout=60)
    assert answer.status == 200, answer.text
    found = answer.json
    assert (found["useful_incidents"], found["useless_incidents"]) == (1, 1)
    assert (found["now"]["useful_caught"], found["now"]["useless_caught"]) == (1, 1)
    proposals = {one["changes"]: one for one in found["proposals"]}
    assert set(proposals) == {"for", "critical"}, json.dumps(found, indent=1)
    for one in proposals.values():
        assert (one["useful_caught"], one["useless_caught"]) == (1, 0) and one["fired"] < found["now"]["fired"]
    # 11 and 12.5 are still below 14.
    assert proposals["critical"]["critical"] == proposals["critical"]["monitor"]["critical"] == "> 15"
    assert proposals["for"]["monitor"]["critical"] == "> 10"
    # The same change, asked about by hand, does the same.
    tried = server.post("/api/v1/monitors/test", {"monitor": proposals["critical"]["monitor"], "from": "-30d"}, timeout=60).json
    assert sum(one["fired"] for one in tried["instances"]) == proposals["critical"]["fired"]
    assert server.get(f"/api/v1/incidents/{useful}/proposal").status == 409
    assert server.get("/api/v1/incidents/99/proposal").status == 404
    # What is a minute old would be left out by a `for` of two, which says nothing.
    assert server.post(f"/api/v1/incidents/{present['id']}/judge", {"useful": False}).status == 200
    early = server.get(f"/api/v1/incidents/{present['id']}/proposal", timeout=60).json
    assert early["proposals"] == [] and early["tried"] == 0 and "goes on" in early["sentence"], early
