"""Every function with every parameter at usual, odd and bad values. A twentieth of them, another with each GRAPHITE_SEED; all
of them with BELLWETHER_LONG."""
import json
import os
import random

from support.graphite_compare import difference, parse
from support.graphite_sweep import targets

# What graphite-web answers 500 where we answer: docs/graphite.md says why. Nothing else may differ.
BETTER = {
    "applyByNode", "asPercent", "averageOutsidePercentile", "cactiStyle", "exp", "holtWintersAberration",
    "holtWintersConfidenceArea", "holtWintersConfidenceBands", "holtWintersForecast", "linearRegression", "mostDeviant",
    "nonNegativeDerivative", "pct", "perSecond", "removeAbovePercentile", "removeBelowPercentile", "removeBetweenPercentile",
    "sigmoid", "sortBy", "sortByName", "stacked", "stdev", "timeShift", "timeStack", "useSeriesAbove",
}
WINDOWS = [{"from": "-10min", "until": "now"}, {"from": "-31min", "until": "-45s", "tz": "America/New_York", "maxDataPoints": "23"}]


def differs(sides, target, window):
    query = [("target", target), ("format", "json"), ("now", sides.now), *window.items()]
    theirs, ours = sides.ask("/render", query)
    if theirs.status != ours.status:
        better = theirs.status == 500 and ours.status == 200 and target.split("(")[0] in BETTER
        return None if better else f"status {theirs.status} and {ours.status}: {ours.text[:200]} {theirs.text[-300:]}"
    if theirs.status == 200:
        return difference(parse(theirs), parse(ours))
    return None if theirs.status == 500 or theirs.text == ours.text else f"{theirs.text[:200]!r} and {ours.text[:200]!r}"


def test_every_parameter(sides):
    functions = json.loads(sides.ask("/functions", [])[0].body.replace(b"1e9999", b"Infinity"))
    seed = int(os.environ.get("GRAPHITE_SEED", "1"))
    share = 1 if os.environ.get("BELLWETHER_LONG") else 0.05
    dice = random.Random(seed)
    found, asked = [], 0
    for target in targets(functions, sides.now):
        if dice.random() < share:
            window = dice.choice(WINDOWS)
            asked += 1
            what = differs(sides, target, window)
            found += [f"{target} {window}: {what[:500]}"] if what else []
    print(f"{asked} targets, seed {seed}")
    assert not found, f"{len(found)} of {asked} differ, seed {seed}:\n" + "\n".join(found)
