"""kill -9 while points come in: nothing that the store had for 10 ms is lost, nothing is ever wrong.

The victim is the driver program with the store's own threads and the real clock. `STORE_KILLS` rounds
(10 in the short run, 200 in the long one) over the same directory; `STORE_SEED` repeats the choices.
"""
import os
import random
import threading
import time

import pytest

from . import driver

SERIES = 20
ARCHIVES = "1s:1h,10s:1d"
# The promise is 10 ms in the store; what the pipe to the driver and back takes, and a machine that is
# busy with other things, comes on top.
SLACK = 0.050


@pytest.fixture(scope="module")
def binary():
    return driver.build()


class Victim:
    """One life of the store: writes until it is killed, and remembers what was answered when."""

    def __init__(self, binary, directory, expected):
        self.store = driver.Driver(binary, goes_ahead=True)
        self.recovery = self.store.ask("open", directory, ARCHIVES, "average", 0.5, "real")
        self.expected = expected

    def write(self, written, rng):
        """Until the pipe breaks. `written` gets [answered at, points] of each batch, before it is sent."""
        try:
            while True:
                now = int(time.time())
                stamp = now - rng.randint(100, 1000) if rng.random() < 0.1 else now
                points = [(f"k.{index}", stamp, rng.randint(0, 10_000) / 4) for index in range(SERIES)]
                if rng.random() < 0.005:
                    points.append((f"new.{rng.randint(0, 1 << 40)}", now, 1.0))
                batch = [float("inf"), points]
                written.append(batch)
                self.store.write(*points)
                batch[0] = time.monotonic()
        except (AssertionError, BrokenPipeError, ValueError, OSError):
            pass


def check(store, expected, unsure, what):
    """`expected` {(name, time): value} must be there; `unsure` {(name, time): values} may be instead.
    Returns what is there: that is sure from now on."""
    seen = {}
    names = sorted({name for name, _ in [*expected, *unsure]})
    now = int(time.time())
    for name in names:
        answer = None
        store.tell("fetch", name, now - 3_000, now)
        answer = store.answer()
        if answer.startswith("error"):
            missing = [key for key in expected if key[0] == name]
            assert not missing, (what, name, "is gone", missing[:3])
            continue
        first, step, *values = answer.split(" ")
        there = {int(first) + index * int(step): float(v) for index, v in enumerate(values) if v != "-"}
        for stamp, value in there.items():
            key = (name, stamp)
            seen[key] = value
            assert value == expected.get(key) or value in unsure.get(key, ()), (what, key, value, expected.get(key))
        for (of, stamp), value in expected.items():
            if of == name and stamp > now - 3_000:
                assert stamp in there, (what, name, stamp, value, "is missing")
    return seen


def test_nothing_is_lost_by_kill(tmp_path, binary):
    seed = int(os.environ.get("STORE_SEED", random.randrange(1 << 32)))
    long = "BELLWETHER_LONG" in os.environ
    rounds = int(os.environ.get("STORE_KILLS", 200 if long else 10))
    print("seed", seed)
    rng = random.Random(seed)
    directory = tmp_path / "store"
    expected, unsure = {}, {}
    for index in range(rounds):
        victim = Victim(binary, directory, expected)
        what = f"seed {seed}, round {index}, {victim.recovery}"
        expected = check(victim.store, expected, unsure, what)
        lives = rng.choice([0.02, 0.1, 0.3, 1.0])
        written = []
        writer = threading.Thread(target=victim.write, args=(written, random.Random(rng.random())))
        writer.start()
        time.sleep(lives + rng.random() * 0.02)
        killed = time.monotonic()
        victim.store.process.kill()
        writer.join()
        victim.store.process.wait()
        expected, unsure = settle(expected, written, killed)
    victim = Victim(binary, directory, expected)
    check(victim.store, expected, unsure, f"seed {seed}, at the end")
    assert "gaps: []" in victim.recovery, victim.recovery
    victim.store.kill()


def settle(expected, written, killed):
    """After a kill: points answered long enough before it are sure, the rest may be there or not."""
    sure, unsure = dict(expected), {}
    for answered, points in written:
        for name, stamp, value in points:
            if answered < killed - SLACK:
                sure[name, stamp] = value
            else:
                unsure.setdefault((name, stamp), []).append(value)
    for key in unsure:
        # An older sure value may have been overwritten: both are right.
        if key in sure:
            unsure[key].append(sure.pop(key))
    return sure, unsure
