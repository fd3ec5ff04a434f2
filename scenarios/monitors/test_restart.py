"""Whatever was answered for is there after a kill, and nobody hears of a restart."""
import concurrent.futures
import os
import random
import threading
import time

import pytest

from support.server import wait_for

ROUNDS = 200 if os.environ.get("BELLWETHER_LONG") else 10
CHECKS = 30

CONFIG = """
[[contact]]
name = "ana"
channels = ["log"]
""" + "".join(f"""
[[check]]
name = "c{n}"
type = "passive"
max_check_attempts = 2
notification_interval = "0s"
flap_detection = false
contacts = ["ana"]
""" for n in range(CHECKS))


def notices(server):
    answer = server.get("/api/v1/notifications")
    assert answer.status == 200, answer.text
    return answer.json


class Model:
    """What Nagios makes of it: two bad results are a problem, and told; a good one after that is its end."""
    def __init__(self):
        self.attempt, self.hard, self.told = 0, False, []

    def take(self, status):
        if status == 0:
            if self.hard:
                self.told.append("recovery")
            self.attempt, self.hard = 0, False
        elif not self.hard:
            self.attempt += 1
            if self.attempt == 2:
                self.hard = True
                self.told.append("problem")


def test_no_answered_result_is_lost_and_no_notice_is_told_twice(bellwether):
    seed = random.SystemRandom().randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    server = bellwether(CONFIG)
    models = {f"c{n}": Model() for n in range(CHECKS)}
    downtimes = 0
    for turn in range(ROUNDS):
        # One sender for each check, so that each check's results have an order; the kill comes among them.
        plans = {name: [chance.choice([0, 2, 2]) for _ in range(chance.randrange(1, 6))] for name in models}

        def run(name):
            answered = []
            for status in plans[name]:
                try:
                    answer = server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": f"turn {turn}"}, timeout=10)
                except OSError:
                    return answered, status
                assert answer.status == 200, answer.text
                answered.append(status)
            return answered, None

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = {name: pool.submit(run, name) for name in models}
            time.sleep(chance.random() * 0.15)
            server.kill()
            done = {name: future.result() for name, future in running.items()}
        server.start()
        listed = notices(server)
        for name, model in models.items():
            answered, cut_off = done[name]
            for status in answered:
                model.take(status)
            status = server.get(f"/api/v1/checks/{name}").json
            seen = [one["kind"] for one in listed if one["check"] == name]
            now = (status["state"] in ("PENDING", "OK"), status["state_type"] == "HARD" and status["state"] == "CRITICAL")
            if cut_off is not None and (now != (model.attempt == 0, model.hard) or seen != model.told):
                # Whoever had no answer does not know: it is there, or it is not.
                model.take(cut_off)
            assert now == (model.attempt == 0, model.hard), (seed, turn, name, status["state"], model.__dict__)
            assert seen == model.told, (seed, turn, name)
        made = server.post("/api/v1/downtimes", {"check": "c0", "start": time.time() + 3600, "end": time.time() + 7200, "comment": str(turn)})
        assert made.status == 200, made.text
        downtimes += 1
        assert len(server.get("/api/v1/downtimes").json["downtimes"]) == downtimes
    server.kill()
    server.start()
    assert len(server.get("/api/v1/downtimes").json["downtimes"]) == downtimes
    # What is said of the machine is not about what it keeps.
    of_machine = ("was not running", "the machine slept")
    assert not [line for line in server.log().splitlines() if "WARN" in line and not any(words in line for words in of_machine)]


@pytest.mark.parametrize("status", [0, 2])
def test_a_restart_is_no_news(bellwether, status):
    server = bellwether(CONFIG)
    for _ in range(2):
        assert server.post("/api/v1/checks/c1/result", {"status": status, "output": "x"}).status == 200
    before, state = notices(server), server.get("/api/v1/checks/c1").json
    assert server.stop() == 0
    server.start()
    time.sleep(1.5)
    assert notices(server) == before
    assert server.get("/api/v1/checks/c1").json == state


class Doings:
    """What one sender does, one after the other, and what must be there after the power went: all that was answered; of what was cut off
    in the middle nobody knows."""

    def __init__(self, server, chance):
        self.server, self.chance = server, chance
        self.bad_results, self.acknowledged, self.downtimes, self.comments, self.silences = 0, False, set(), set(), set()
        self.cancelled = None
        self.open = None

    def ask(self, what, method, path, body=b""):
        self.open = what
        answer = self.server.send(method, path, body, None, 10)
        assert answer.status < 300, (what, answer.text)
        self.open = None
        return answer

    def one(self, name):
        now, word = time.time(), f"{name} {self.chance.random()}"
        what = self.chance.choice(["result", "result", "acknowledge", "downtime", "cancel", "comment", "silence"])
        if what == "result":
            self.ask(what, "POST", f"/api/v1/checks/{name}/result", {"status": 2, "output": word})
            self.bad_results += 1
        elif what == "acknowledge":
            method = "DELETE" if self.acknowledged else "POST"
            self.ask(what, method, f"/api/v1/checks/{name}/ack", b"" if self.acknowledged else {"comment": "seen", "author": "ana"})
            self.acknowledged = not self.acknowledged
        elif what == "downtime":
            plan = {"check": name, "start": now + 3600, "end": now + 7200, "comment": word}
            self.downtimes.add(self.ask(what, "POST", "/api/v1/downtimes", plan).json["id"])
        elif what == "cancel" and self.downtimes:
            gone = self.chance.choice(sorted(self.downtimes))
            self.cancelled = gone
            self.ask(what, "DELETE", f"/api/v1/downtimes/{gone}")
            self.downtimes.discard(gone)
        elif what == "comment":
            self.comments.add(self.ask(what, "POST", f"/api/v1/checks/{name}/comments", {"comment": word}).json["id"])
        # There may be 1000 of them.
        elif what == "silence" and len(self.silences) < 100:
            quiet = {"matchers": [{"monitor": f"nothing {name}"}], "until": int(now + 3600), "reason": word}
            self.silences.add(self.ask(what, "POST", "/api/v1/silences", quiet).json["id"])

    def compare(self, name, status, silences, about):
        now = {
            "result": status["notification_number"] - self.bad_results,
            "acknowledge": status["acknowledged"] - self.acknowledged,
            "downtime": {one["id"] for one in status["downtimes"]},
            "comment": {one["id"] for one in status["comments"] if one["comment"] != "seen"},
            "silence": {one["id"] for one in silences if one["matchers"][0]["monitor"] == f"nothing {name}"},
        }
        assert now["result"] in ((0, 1) if self.open == "result" else (0,)), about
        assert now["acknowledge"] == 0 or self.open == "acknowledge", about
        assert now["comment"] >= self.comments and len(now["comment"] - self.comments) <= (self.open == "comment"), about
        assert now["silence"] >= self.silences and len(now["silence"] - self.silences) <= (self.open == "silence"), about
        missing, more = self.downtimes - now["downtime"], now["downtime"] - self.downtimes
        assert missing <= ({self.cancelled} if self.open == "cancel" else set()) and len(more) <= (self.open == "downtime"), about
        # From here on what is there is what there is.
        self.bad_results, self.acknowledged = status["notification_number"], status["acknowledged"]
        self.downtimes, self.comments, self.silences, self.open = now["downtime"], now["comment"], now["silence"], None


def test_power_goes_while_people_and_programs_are_at_work(bellwether):
    seed = random.SystemRandom().randrange(1 << 30)
    print("seed", seed)
    # Each bad result of a volatile check is told, so the number of notices is the number of results; acknowledged ones count none.
    config = '[[contact]]\nname = "ana"\nchannels = ["log"]\n' + "".join(
        f'[[check]]\nname = "w{n}"\ntype = "passive"\nmax_check_attempts = 1\nvolatile = true\nflap_detection = false\ncontacts = ["ana"]\n'
        for n in range(8))
    server = bellwether(config)
    doings = {f"w{n}": Doings(server, random.Random(seed + n)) for n in range(8)}
    for name, one in doings.items():
        one.ask("result", "POST", f"/api/v1/checks/{name}/result", {"status": 2, "output": "begin"})
        one.bad_results = 1
    told = 0
    for turn in range(ROUNDS // 2):
        stopped = threading.Event()

        def work(name, one):
            while not stopped.is_set():
                try:
                    held = one.acknowledged
                    before = one.bad_results
                    one.one(name)
                    # What is acknowledged is not told.
                    one.bad_results = before if held else one.bad_results
                except OSError:
                    return

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            running = [pool.submit(work, name, one) for name, one in doings.items()]
            time.sleep(0.2 + random.Random(seed + turn).random() * 0.3)
            server.kill()
            stopped.set()
            for one in running:
                one.result()
        server.start()
        silences = server.get("/api/v1/silences").json["silences"]
        for name, one in doings.items():
            status = server.get(f"/api/v1/checks/{name}").json
            assert (status["state"], status["state_type"]) == ("CRITICAL", "HARD")
            one.compare(name, status, silences, (seed, turn, name, one.open, vars(one), status))
        told_now = len(notices(server))
        assert told_now >= told, "nothing that was told is forgotten"
        told = told_now


def test_metric_monitors_go_on_where_they_were(bellwether):
    """Over kill -9: what was bad is bad and told once; nobody is missed who came while nobody watched, and a floor is
    not judged before its window is full again."""
    monitor = '[[monitor]]\nname = "{}"\ntarget = "{}"\ncritical = "{}"\ncontacts = ["ana"]\n'
    server = bellwether('[collectors]\nhost = false\n[[contact]]\nname = "ana"\nchannels = ["log"]\n'
                        + monitor.format("high", "m.high.*", "> 300")
                        + monitor.format("gone", "m.low", "no point for 4s")
                        + monitor.format("floor", "m.rate", "sum over 6s < 9"))
    # Three a second are enough also when this machine is late for some of them, one is not.
    rate = [3]

    def states(monitor):
        answer = server.get(f"/api/v1/monitors/{monitor}")
        return {one["instance"]: one["state"] for one in answer.json["instances_list"]} if answer.status == 200 else {}

    def state(monitor):
        return list(states(monitor).values())

    def sent_until(condition, what, seconds=60):
        def step():
            now = int(time.time())
            server.carbon_send(f"m.high.a 400 {now}\nm.high.b 1 {now}\nm.low 1 {now}\nm.rate {rate[0]} {now}\n".encode())
            time.sleep(0.5)
            return condition()
        wait_for(step, seconds, what=what)

    def told():
        return [one["reason"] for one in server.get("/api/v1/incidents?state=all").json["incidents"]]

    begun = time.monotonic()
    sent_until(lambda: states("high") == {"m.high.a": "CRITICAL", "m.high.b": "OK"} and state("gone") == ["OK"]
               and time.monotonic() > begun + 8, "the first states")
    assert state("floor") == ["OK"] and told() == ["monitor:high"]
    server.kill()
    time.sleep(5)
    server.start()
    # It is known before the next point comes; of absence it knows only its own.
    assert states("high")["m.high.a"] == "CRITICAL"
    wait_for(lambda: state("gone") == ["OK"], what="the state from before")
    restarted = time.monotonic()
    sent_until(lambda: time.monotonic() > restarted + 5, "points again, and a window that is not full")
    assert (state("gone"), state("floor"), told()) == (["OK"], ["OK"], ["monitor:high"])
    # Once it is, too little is too little.
    rate[0] = 1
    sent_until(lambda: state("floor") == ["CRITICAL"], "the floor")
    # A series that stops resolves nothing, and its absence is told after its own time.
    wait_for(lambda: state("gone") == ["CRITICAL"], what="the absence")
    assert states("high")["m.high.a"] == "CRITICAL"
    assert sorted(told()) == ["monitor:floor", "monitor:gone", "monitor:high"]


def test_an_interval_in_which_it_was_restarted_is_no_floor(bellwether):
    """A counter that grows by a hundred each second; the server is away for most of an interval of StatsD, so that what it counts
    in it is far too little. That is ours, and tells nobody; what really is too little is told."""
    server = bellwether("""
[collectors]
host = false
[self]
series = false
[statsd]
flush_interval = "3s"
legacy_namespace = false
[[monitor]]
name = "floor"
target = "stats.counters.steady.count"
critical = "< 100"
""")
    over = threading.Event()

    def send():
        begun, sent = time.monotonic(), 0
        while not over.wait(0.01):
            while sent < (time.monotonic() - begun) * 100:
                server.statsd_send(b"steady:1|c")
                sent += 1

    def into(seconds):
        wait_for(lambda: seconds <= time.time() % 3 < seconds + 0.2, pause=0.01, what=f"{seconds} s of an interval")

    def one():
        found = server.get("/api/v1/monitors/floor").json["instances_list"]
        return found[0] if found else {"state": "PENDING", "ribbon": []}

    threading.Thread(target=send, daemon=True).start()
    try:
        wait_for(lambda: one()["state"] == "OK", what="the counter to be watched")
        for end in (server.stop, server.kill):
            into(0.2)
            end()
            into(2.3)
            server.start()
            time.sleep(4)
        states = {stretch["state"] for stretch in one()["ribbon"]}
        assert states == {"OK"}, one()["ribbon"]
        parts = [value for _, value in server.points("stats.counters.steady.count", **{"from": "-1min"})["stats.counters.steady.count"]]
        assert min(parts) < 100, f"no interval lacked a part: {parts}"
    finally:
        over.set()
    wait_for(lambda: one()["state"] == "CRITICAL", what="the counter's end to be told")
