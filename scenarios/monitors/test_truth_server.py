"""The sequences of `truth/` through the real server, in real seconds over HTTP: what it lists as told, and how
everything is in the end, is what the state machine makes of them, which `test_truth` holds to Nagios."""
import concurrent.futures
import pathlib
import time
import urllib.parse

import pytest

from support import truth

HERE = pathlib.Path(__file__).parent / "truth"
FILES = ("states.txt", "flapping.txt", "hosts.txt", "people.txt")
# What PRODUCT.md's interface has no word for.
ELSEWHERE = {"steady", "flappy", "forced", "broadcast", "increment"}
WORKERS = 4
# A step that is later than this may fall into another second.
LATE = 0.6


def sequences():
    every = [sequence for name in FILES for sequence in truth.read(HERE / name)]
    return [sequence for sequence in every if not any(ELSEWHERE & set(words) for _, words in sequence.steps)]


class Client:
    """Does the steps of some of the sequences, in their order."""

    def __init__(self, server, start):
        self.server, self.start, self.downtimes, self.latest = server, start, {}, 0.0

    def run(self, steps):
        for at, index, sequence, words in steps:
            due = self.start + at + 0.3
            time.sleep(max(0, due - time.time()))
            self.step(index, sequence, list(words))
            self.latest = max(self.latest, time.time() - due)

    def step(self, index, sequence, words):
        if words[0] == "cancel":
            identifier = self.downtimes[index, words[1]]
            assert self.server.request("DELETE", f"/api/v1/downtimes/{identifier}").status < 300
            return
        name = words[0] if words[0] in sequence.hosts or words[0] in sequence.checks else words[1]
        kind = sequence.kind(name)
        full = f"q{index}.{name}"
        path = f"/api/v1/{kind}s/{urllib.parse.quote(full, safe='')}"
        if words[0] == name:
            body = {"status": truth.STATES[words[1]], "output": f"is {words[1]}"}
            answer = self.server.post(f"{path}/result", body)
        elif words[0] == "ack":
            body = {flag: flag in words for flag in ("sticky", "notify")} | {"author": "ann", "comment": "because"}
            answer = self.server.post(f"{path}/ack", body)
            # There may be nothing to acknowledge.
            assert answer.status < 300 or answer.status == 409, answer.text
            return
        elif words[0] == "unack":
            answer = self.server.request("DELETE", f"{path}/ack")
        elif words[0] in ("silent", "loud"):
            answer = self.server.put(f"{path}/notifications", {"enabled": words[0] == "loud"})
        elif words[0] == "custom":
            answer = self.server.post(f"{path}/notify", {"author": "ann", "comment": "because"})
        else:
            answer = self.downtime(index, kind, full, words)
        assert answer.status < 300, (full, words, answer.status, answer.text)

    def downtime(self, index, kind, full, words):
        options = truth.pairs(word for word in words if "=" in word)
        body = {kind: full, "start": self.start + int(words[2]), "end": self.start + int(words[3]),
                "fixed": "flexible" not in options, "duration": int(options.get("flexible", 0)) or None,
                "author": "ann", "comment": "because"}
        if "trigger" in options:
            body["triggered_by"] = self.downtimes[index, options["trigger"]]
        answer = self.server.post("/api/v1/downtimes", body)
        if answer.status < 300 and "as" in options:
            self.downtimes[index, options["as"]] = answer.json["id"]
        return answer


def drive(server, chosen):
    start = int(time.time()) + 2
    shares = [[] for _ in range(WORKERS)]
    for at, index, _place, words in truth.all_steps(chosen):
        shares[index % WORKERS].append((at, index, chosen[index], words))
    clients = [Client(server, start) for _ in shares]
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda client, share: client.run(share), clients, shares))
    # What comes by time alone after the last step.
    time.sleep(max(0, start + max(sequence.last() for sequence in chosen) + 2.5 - time.time()))
    if max(client.latest for client in clients) > LATE:
        raise truth.Late("a step was not done in its second")
    return start


def ask(server, kind, name):
    quoted = urllib.parse.quote(name, safe="")
    status = server.get(f"/api/v1/{kind}s/{quoted}").json
    told = server.get(f"/api/v1/notifications?{kind}={quoted}").json
    return status, [(notice["kind"], notice["state"], notice["recipient"]) for notice in told]


def test_the_server_does_as_nagios(bellwether, tmp_path):
    chosen = sequences()
    assert len(chosen) >= 60
    config = truth.bellwether_definitions(chosen)
    for _turn in range(4):
        server = bellwether(config)
        try:
            start = drive(server, chosen)
            break
        except truth.Late as late:
            print(late)
            server.stop()
    else:
        pytest.fail("this machine is too busy to keep the seconds")
    results, told = truth.run_machine(tmp_path, chosen, start)
    differences = []
    for index, sequence in enumerate(chosen):
        for name in [*sequence.hosts, *sequence.checks]:
            kind, full = sequence.kind(name), f"q{index}.{name}"
            known = full if kind == "check" else f"host:{full}"
            status, notices = ask(server, kind, full)
            wanted = [(notice["kind"], notice["state"], notice["contact"]) for notice in told.get(known, [])]
            if notices != wanted:
                differences.append(f"{sequence.name}: {name} told {notices}, should have {wanted}")
            last = results.get(known, [{"state": "PENDING"}])[-1]
            fields = ("state", "state_type", "attempt") if known in results else ("state",)
            if [status[field] for field in fields] != [last[field] for field in fields]:
                differences.append(f"{sequence.name}: {name} is {status}, should be {last}")
    assert not differences, "\n".join(differences)
