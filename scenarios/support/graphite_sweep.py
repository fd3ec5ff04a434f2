"""Every function with every parameter, one after the other at usual, odd and bad values while the others stay usual; each
once by place and once by keyword. From the original's own list of functions, so nothing is left out by hand."""

SERIES = ["nothing.here", "odd.empty", "odd.infinite", "servers.*.requests", "odd.seven", "odd.sparse", "odd.huge", "odd.tiny",
          "single", "seriesByTag('name=requests')", "rolled.*", "odd.one_point", "odd.negative", "counters.*",
          "odd.around_zero", "5", "'x'", "true", "1.5", "mapSeries(servers.*.requests,1)", "constantLine(2)", "group()",
          "events('*')", "odd.constant", "odd.zero", "deep.**", "sumSeries(servers.*.requests)", "alias(single,'')",
          "alias(single,'a(b,c)')", "alias(odd.seven,'x.y.z')", "servers.web1.errors", "group(odd.big_steps,odd.seven)"]
AGGREGATIONS = ["average", "avg", "avg_zero", "median", "sum", "total", "min", "max", "diff", "stddev", "count", "range",
                "rangeOf", "multiply", "last", "current", "first", "sumSeries", "maxSeries", "foo", "p50", "SUM",
                "averageSeries", "countSeries", "multiplySeries", "stddevSeries", "rangeOfSeries", "absolute", ""]
INTERVALS = ["10s", "1min", "+1min", "-1min", "90s", "1h", "7s", "1d", "5", "1x", "1.5h", "x", "1mon", "2 min", "1h30min"]
TEXTS = ["a", "web", "%d", "é", "a.b", "a;b=c", "(", "(.*)", "$", "[a-", "\\\\1", "red", "ff0000", "#fff", "requests", "", "x y", "1.2.3"]
NUMBERS = ["0", "1", "-1", "2", "3", "1.5", "-0.5", "1e3", "inf", "100", "99.9", "9", "50", "'2'", "'x'", "0.1", "1e-9"]
BY_KIND = {
    "boolean": ["true", "false", "1", "0", "'true'", "'False'", "2", "'x'"], "float": NUMBERS, "integer": NUMBERS,
    "intOrInf": NUMBERS, "node": ["0", "1", "2", "-1", "-2", "9", "'1'", "'x'"], "tag": ["'name'", "'dc'", "'none'"],
    "nodeOrTag": ["0", "1", "-1", "9", "'name'", "'dc'", "'nope'"],
}

# Names or times by the clock of the original, chance, or sorted as Python sorts what is no number.
LEFT_OUT = {"randomWalk", "randomWalkFunction"}
# (function, parameter) whose value the original turns into something by accident of its types: `None` for a name, a bound of
# counters over gaps, a window of less than nothing.
OPEN = {
    ("alias", "newName"), ("nonNegativeDerivative", "maxValue"), ("nonNegativeDerivative", "minValue"),
    ("perSecond", "maxValue"), ("perSecond", "minValue"),
}
# What is no number where one is wanted is not always looked at there.
OPEN_TEXTS = {
    ("alpha", "alpha"), ("constantLine", "value"), ("filterSeries", "threshold"), ("holtWintersConfidenceBands", "delta"),
    ("holtWintersConfidenceArea", "delta"), ("lineWidth", "width"), ("threshold", "value"), ("transformNull", "referenceSeries"),
    ("stdev", "points"), ("setXFilesFactor", "xFilesFactor"), ("xFilesFactor", "xFilesFactor"),
}


def quoted(text):
    return f"'{text}'"


def usual(function, param, now):
    kind, name = param["type"], param["name"]
    if kind == "date" or name in ("ts", "startSliceAt", "endSliceAt", "startSourceAt", "endSourceAt"):
        return quoted(now - 300)
    if kind in ("seriesList", "any"):
        one = function in ("divideSeries", "asPercent", "pct") and name != "seriesList"
        return "servers.web1.requests" if one else "servers.web*.requests"
    if kind == "seriesLists":
        return "mapSeries(servers.web*.cpu.*,1)"
    if kind in ("aggFunc", "aggOrSeriesFunc"):
        return quoted("sum")
    options = [option for option in param.get("options", []) if option is not None]
    if options:
        return written(options[0])
    by_name = {"reduceFunction": "diffSeries", "reduceMatchers": "user", "templateFunction": "sumSeries(%.cpu.*)",
               "tagExpressions": "name=requests"}
    return {"boolean": "true", "float": "5", "integer": "10", "intOrInf": "3", "node": "1", "nodeOrTag": "1", "tag": "'name'",
            "intOrInterval": "3", "interval": "'1min'"}.get(kind) or quoted(by_name.get(name, "web"))


def written(value):
    return quoted(value) if isinstance(value, str) else {None: "none", True: "true", False: "false"}.get(value, str(value))


def values(function, param, now):
    kind = param["type"]
    if kind == "date" or param["name"] == "ts":
        return [quoted(now - ago) for ago in (0, 60, 605, 1800, 86400)]
    if kind in ("seriesList", "seriesLists", "any"):
        return SERIES
    if kind in ("aggFunc", "aggOrSeriesFunc"):
        return [quoted(name) for name in AGGREGATIONS]
    if param["name"] == "step":
        return ["10", "60", "7"]
    if kind in ("interval", "intOrInterval"):
        # What does not lead forward never ends there; a month of seconds takes it a minute.
        forward = [one for one in INTERVALS if function == "timeShift" or not one.startswith("-")]
        counts = ["1", "3", "10", "0", "1000", "2.5"] if kind == "intOrInterval" else []
        return counts + [quoted(one) for one in forward]
    options = [written(option) for option in param.get("options", [])]
    return BY_KIND.get(kind, [quoted(text) for text in TEXTS]) + options


def targets(functions, now):
    """Each target once, in the order of the functions."""
    seen = set()
    for name, function in functions.items():
        if name in LEFT_OUT:
            continue
        for target in of_function(name, function["params"], now):
            if target not in seen:
                seen.add(target)
                yield target


def of_function(name, params, now):
    if name == "timeSlice":
        # Its end is the original's own now unless it is given.
        params = params[:2] + [{**params[2], "required": True}]
    for place, param in enumerate(params):
        before = [usual(name, one, now) for one in params[:place]]
        needed = [usual(name, one, now) for one in params[:place] if one.get("required")]
        behind = [usual(name, one, now) for one in params[place + 1:] if one.get("required")]
        for value in values(name, param, now):
            of_other_kind = value in ("'x'", "mapSeries(servers.*.requests,1)", "1.5", "-0.5", "1e3", "99.9", "0.1", "1e-9")
            if (name, param["name"]) in OPEN or (name, param["name"]) in OPEN_TEXTS and of_other_kind:
                continue
            yield call(name, before + [value] + behind)
            if place and not behind and not param.get("multiple"):
                yield call(name, needed + [f"{param['name']}={value}"])
    for count in range(3 if name == "timeSlice" else 0, len(params) + 2):
        given = [usual(name, one, now) for one in params[:count]]
        yield call(name, given + (["1"] if count > len(params) else []))


def call(name, arguments):
    return f"{name}({','.join(arguments)})"
