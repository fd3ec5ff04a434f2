"""Packet scenarios as text files, one file for each configuration.

    original: {"percentThreshold": [50]}     the original's configuration, JSON
    dialects: statsd dogstatsd               in which of ours the answers must be the original's
    admin 1: counters                        asked when the packets of interval 1 have been taken

    == what the case is about
    %a:1|c\\n%b:2|ms                         one packet a line, with Python's escapes
    --                                       the next interval
    %a:1|c

`%` becomes a prefix of the case's own, so that the cases of a file can share servers and flushes.
"""
import codecs
import dataclasses
import json
import pathlib
import re


@dataclasses.dataclass
class Case:
    name: str
    prefix: str
    intervals: list  # of lists of packets


@dataclasses.dataclass
class Group:
    name: str
    original: dict
    dialects: list
    admin: dict  # interval -> commands
    cases: list

    def intervals(self):
        return max(len(case.intervals) for case in self.cases)

    def packets(self, interval):
        """All cases' packets of one interval (from 0), in order."""
        return [packet for case in self.cases if interval < len(case.intervals)
                for packet in case.intervals[interval]]

    def admin_commands(self, interval):
        return self.admin.get(interval + 1, [])


def read_group(path):
    path = pathlib.Path(path)
    group = Group(path.stem, {}, ["statsd", "dogstatsd"], {}, [])
    for line in path.read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            group.cases.append(Case(line[3:], f"{path.stem[:3]}{len(group.cases)}.", [[]]))
        elif group.cases:
            read_case_line(group.cases[-1], line)
        else:
            read_header(group, line)
    return group


def read_header(group, line):
    key, value = line.split(":", 1)
    if key == "original":
        group.original = json.loads(value)
    elif key == "dialects":
        group.dialects = value.split()
    elif match := re.fullmatch(r"admin (\d+)", key):
        group.admin.setdefault(int(match[1]), []).append(value.strip())
    else:
        raise ValueError(f"{group.name}: cannot read {line!r}")


def read_case_line(case, line):
    if line == "--":
        case.intervals.append([])
        return
    packet = codecs.escape_decode(line.replace("%", case.prefix).encode())[0]
    case.intervals[-1].append(packet)


RENAMED = {
    "percentThreshold": "percentiles",
    "deleteIdleStats": "delete_idle_stats",
    "deleteCounters": "delete_counters",
    "deleteTimers": "delete_timers",
    "deleteSets": "delete_sets",
    "deleteGauges": "delete_gauges",
    "gaugesMaxTTL": "gauges_max_ttl",
    "prefixStats": "prefix_stats",
    "keyNameSanitize": "key_name_sanitize",
    "calculatedTimerMetrics": "calculated_timer_metrics",
    "healthStatus": "health_status",
    "legacyNamespace": "legacy_namespace",
    "globalPrefix": "global_prefix",
    "prefixCounter": "prefix_counter",
    "prefixTimer": "prefix_timer",
    "prefixGauge": "prefix_gauge",
    "prefixSet": "prefix_set",
    "globalSuffix": "global_suffix",
}


def our_keys(original):
    """The keys of `[statsd]` that mean what the original's configuration means."""
    flat = {key: value for key, value in original.items() if key != "graphite"} | original.get("graphite", {})
    keys = {RENAMED.get(key, key): value for key, value in flat.items()}
    if not isinstance(keys.get("percentiles", []), list):
        keys["percentiles"] = [keys["percentiles"]]
    return keys


def our_toml(original, **more):
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in (our_keys(original) | more).items())


def toml_value(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return json.dumps(value)
