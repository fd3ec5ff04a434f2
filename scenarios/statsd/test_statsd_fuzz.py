"""Random lines, in the original's dialect: what the original makes of them, we make of them."""
import os
import random
import re

import pytest

from support.statsd_cases import Case, Group, our_toml
from support.statsd_compare import compare, play
from support.statsd_servers import InProcess, Original, answers_of, driver_binary

LINES = 3000
ROUNDS = 20 if os.environ.get("BELLWETHER_LONG") else 1
# The original dies of a sample rate that is a number but does not begin with a digit or a dot.
DEADLY = re.compile(rb"\|@(?![\d.])")
PIECES = [b"|", b":", b"@", b"#", b"|#", b"|@0.5", b"|c", b"|ms", b"|g", b"|s", b"1", b"-1", b"+2", b"0x1f", b"1e2",
          b".", b",", b";", b"=", b" ", b"\t", b"\r", b"/", b"\xc2\xa0", b"\xff", b"\xe2\x82\xac", b"k:v", b"x",
          b"Infinity", b"$", b"_", b"0", b"99999999999999999999", b"0.30000000000000004"]
SEEDS = [b":1|c", b":2|ms|@0.1", b":3|g", b":-3|g", b":x|s", b":1|c|#k:v,l:w", b":1|c:2|ms:3|g", b":0.25|ms|@0.5|#a",
         b":5|c|@.1|#z:1", b";k=v:7|ms"]


def lines(seed):
    rnd = random.Random(seed)
    while True:
        line = rnd.choice(SEEDS)
        for _ in range(rnd.randrange(5)):
            at, end = rnd.randrange(len(line) + 1), rnd.randrange(3)
            line = line[:at] + rnd.choice([*PIECES, b""]) + line[at + end:]
        if not DEADLY.search(line):
            yield line


@pytest.mark.parametrize("_", range(ROUNDS))
def test_random_lines_mean_the_same(tmp_path, _):
    seed = int(os.environ.get("SEED", 0)) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"SEED={seed}")
    source = lines(seed)
    cases = []
    for number in range(LINES // 20):
        prefix = f"f{number}."
        packets = [prefix.encode() + b"%d" % index + next(source) for index in range(20)]
        cases.append(Case(prefix, prefix, [[b"\n".join(packets)]]))
    group = Group("fuzz", {"percentThreshold": [90, -50]}, ["statsd"],
                  {1: ["counters", "gauges", "timers"]}, cases)
    theirs = answers_of(lambda attempt: Original(tmp_path / str(attempt), group.original),
                        lambda server: play(server, group))
    server = InProcess(driver_binary(), our_toml(group.original, dialect="statsd"))
    ours = play(server, group)
    server.stop()
    found = compare(group, "statsd", theirs, ours)
    sent = {case.prefix: case.intervals[0][0] for case in cases}
    assert not found, "\n".join(f"{line} {sent.get(line.split(',')[0])}" for line in found[:10])
