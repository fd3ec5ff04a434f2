"""Random targets: what they answer, we answer. GRAPHITE_TARGETS says how many, GRAPHITE_SEED which."""
import json
import os
import random

from support.graphite_compare import difference, parse
from support.graphite_random import Maker, parameters


def test_random_targets(sides):
    seed = int(os.environ.get("GRAPHITE_SEED", "1"))
    count = int(os.environ.get("GRAPHITE_TARGETS", "150"))
    functions = json.loads(sides.ask("/functions", [])[0].body.replace(b"1e9999", b"Infinity"))
    maker = Maker(random.Random(seed), functions)
    found = []
    for _ in range(count):
        target = maker.target()
        query = [("target", target), ("format", "json"), ("now", sides.now)] + parameters(maker.dice)
        theirs, ours = sides.ask("/render", query)
        if theirs.status != ours.status:
            found.append(f"{target} {query[3:]}: status {theirs.status} and {ours.status}: {ours.text[:200]}")
        elif theirs.status == 200:
            differs = difference(parse(theirs), parse(ours))
            found += [f"{target} {query[3:]}: {differs[:400]}"] if differs else []
    assert not found, f"seed {seed}:\n" + "\n".join(found)
