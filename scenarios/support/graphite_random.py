"""Targets put together at random from the functions' own descriptions, with arguments that mostly fit."""

PATHS = ["servers.*.requests", "servers.*.cpu.user", "servers.web1.errors", "servers.web*.cpu.*", "counters.*", "odd.sparse",
         "odd.digits", "odd.around_zero", "odd.{empty,shares}", "odd.seven", "odd.big_steps", "odd.negative", "rolled.*",
         "nothing.here", "seriesByTag('name=requests')", "deep.**", "odd.recent_only", "servers.db1.*", "single"]
AGGREGATIONS = ["average", "avg", "avg_zero", "median", "sum", "total", "min", "max", "diff", "stddev", "count", "range",
                "rangeOf", "multiply", "last", "current", "sumSeries", "foo"]
CALLBACKS = AGGREGATIONS + ["averageSeries", "maxSeries", "countSeries", "diffSeries", "multiplySeries", "rangeOfSeries"]
INTERVALS = ["10s", "30s", "1min", "90s", "-1min", "2min", "1h", "7s", "5", "1x"]
TEXTS = ["a", "requests", "web", "\\\\d+", "(.*)", "\\\\1", "servers", "x y", "10%", "%"]

# Those whose answers depend on the clock of the original or on chance, or that sort by what Python's sort does to
# numbers that are none.
LEFT_OUT = {"randomWalk", "randomWalkFunction", "verticalLine", "timeSlice", "linearRegression", "events", "seriesByTag",
            "holtWintersAberration", "holtWintersConfidenceArea", "holtWintersConfidenceBands", "holtWintersForecast",
            "exp", "sigmoid", "useSeriesAbove", "averageOutsidePercentile", "removeBetweenPercentile", "stacked",
            "aliasQuery", "applyByNode", "timeStack"}


class Maker:
    def __init__(self, dice, functions):
        self.dice = dice
        self.functions = [one for one in functions.values() if one["name"] not in LEFT_OUT]

    def target(self, depth=3):
        if depth == 0 or self.dice.random() < 0.25:
            return self.dice.choice(PATHS)
        function = self.dice.choice(self.functions)
        arguments = []
        for param in function["params"]:
            if not param.get("required") and self.dice.random() < 0.4:
                break
            times = self.dice.randrange(1, 4) if param.get("multiple") else 1
            arguments += [self.argument(function["name"], param, depth) for _ in range(times)]
        if arguments and self.dice.random() < 0.1 and function["params"][0]["type"] == "seriesList":
            return f"{arguments[0]}|{function['name']}({','.join(arguments[1:])})"
        return f"{function['name']}({','.join(arguments)})"

    def argument(self, function, param, depth):
        dice, kind = self.dice, param["type"]
        if "options" in param and kind not in ("aggFunc", "aggOrSeriesFunc"):
            return quoted(dice.choice([one for one in param["options"] if isinstance(one, str)]))
        # Bounds of counters fail in the original where there are gaps.
        if param["name"] in ("maxValue", "minValue"):
            return "none"
        if kind in ("seriesList", "any"):
            return self.target(depth - 1)
        if kind == "seriesLists":
            return f"mapSeries({self.target(depth - 1)},{dice.randrange(3)})"
        if kind == "aggFunc":
            return quoted(dice.choice(AGGREGATIONS))
        if kind == "aggOrSeriesFunc":
            return quoted(dice.choice(CALLBACKS))
        if kind == "boolean":
            return dice.choice(["true", "false", "1", "0", '"true"'])
        if kind == "float":
            return dice.choice(["0", "1", "0.5", "2", "-1", "50", "90", "1e3", '"3"', "0.1"])
        if kind in ("integer", "intOrInf"):
            # The original never ends with a step that does not lead forward.
            forward = ["10", "60", '"30"']
            return dice.choice(forward if param["name"] == "step" else ["-1", "0", "1", "2", "3", '"2"'])
        if kind == "node":
            return dice.choice(["0", "1", "2", "3", "-1"])
        if kind in ("nodeOrTag", "tag"):
            return dice.choice((["0", "1", "2", "-1"] if kind == "nodeOrTag" else []) + ['"name"', '"dc"', '"host"'])
        if kind == "intOrInterval":
            return dice.choice(["1", "3", "10"] + [quoted(one) for one in INTERVALS])
        if kind == "interval":
            forward = [one for one in INTERVALS if not one.startswith("-")]
            return quoted(dice.choice(INTERVALS if function == "timeShift" else forward))
        if param["name"] == "reduceFunction":
            return quoted(dice.choice(["sumSeries", "diffSeries", "asPercent", "divideSeries", "maxSeries", "nothing"]))
        if param["name"] == "reduceMatchers":
            return quoted(dice.choice(["requests", "cpu", "user", "system", "web1", "negative"]))
        return quoted(dice.choice(TEXTS))


def parameters(dice):
    """Times, zone and shape of an answer."""
    made = [("from", dice.choice(["-12min", "-7min", "-61s", "-100s", "-25min", "-70min"])),
            ("until", dice.choice(["-1min", "now", "-33s"]))]
    if dice.random() < 0.3:
        made.append(("tz", dice.choice(["America/New_York", "Asia/Kolkata", "Australia/Adelaide"])))
    if dice.random() < 0.3:
        made.append(("maxDataPoints", dice.choice(["1", "2", "7", "20", "100"])))
    if dice.random() < 0.2:
        made.append(("xFilesFactor", dice.choice(["0.5", "1", "0.1"])))
    if dice.random() < 0.2:
        made.append(("noNullPoints", "1"))
    return made


def quoted(text):
    return f"'{text}'"
