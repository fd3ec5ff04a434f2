"""The wall clock jumps, as it does after a suspend or when time is set at last: nobody is called late because of that, and everything
goes on. Only the clock on the wall is set (libfaketime), time itself passes as it does."""
import time

import pytest

from support.clock import Clock
from support.server import wait_for

# What is awaited has longer than the test may take, and far less than the clock is set by.
CONFIG = """
[heartbeats]
ping_key = "0123456789abcdef0123"
[[contact]]
name = "ana"
channels = ["log"]
[[check]]
name = "sent"
type = "passive"
freshness_threshold = "5min"
max_check_attempts = 1
contacts = ["ana"]
[[check]]
name = "runs"
command = ["/bin/true"]
check_interval = "1s"
contacts = ["ana"]
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
period = "4min"
grace = "1min"
contacts = ["ana"]
"""


@pytest.mark.parametrize("steps", [(86_400, 0), (-86_400, 0), (3_600, 90_000, -5)], ids=["forward", "back", "to and fro"])
def test_a_clock_that_is_set_calls_nobody_late(bellwether, tmp_path, steps):
    clock = Clock(tmp_path)
    server = bellwether(CONFIG, env=clock.environment())
    assert server.post("/api/v1/checks/sent/result", {"status": 0, "output": "here"}).status == 200
    assert server.get("/ping/0123456789abcdef0123/job").status == 200
    states = lambda: {one["name"]: (one["state"], one["state_type"]) for one in server.get("/api/v1/monitors").json["monitors"]}
    wait_for(lambda: set(states().values()) == {("OK", "HARD")}, what=f"all to be well: {states()}")
    for step in steps:
        clock.set(step)
        wait_for(lambda: abs(server.get("/api/v1/monitors").json["now"] - time.time() - step) < 5, what="the clock to be set")
        runs = server.get("/api/v1/checks/runs").json["last_check"]
        wait_for(lambda: server.get("/api/v1/checks/runs").json["last_check"] != runs, what="checks to go on")
        time.sleep(2.5)
        assert set(states().values()) == {("OK", "HARD")}, states()
    assert server.get("/api/v1/notifications").json == []
    # What really is bad is told.
    assert server.post("/api/v1/checks/sent/result", {"status": 2, "output": "gone"}).status == 200
    assert [one["kind"] for one in server.get("/api/v1/notifications?check=sent").json] == ["problem"]
