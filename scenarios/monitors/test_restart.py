"""Whatever was answered for is there after a kill, and nobody hears of a restart."""
import concurrent.futures
import os
import random
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
    assert "WARN" not in "\n".join(line for line in server.log().splitlines() if "was not running" not in line)


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
