"""The labelled pairs are what their README says: well-formed, each of its own, and as many that belong together as that do not."""
import collections
import json
import re

import pytest

from errors.scoring import CORPUS, parts, read_pairs

PAIRS = read_pairs()
KINDS = {"async", "callers", "chains", "fingerprints", "ids", "lines", "messages", "minified", "names", "place", "recursion"}
# As the SDKs of a language say it.
PLATFORMS = {name: name for name in ("csharp", "go", "java", "javascript", "native", "node", "php", "python", "ruby")} | {"rust": "native"}
TEXTS = ("function", "raw_function", "module", "filename", "abs_path", "context_line", "package", "symbol", "instruction_addr",
         "symbol_addr", "addr_mode", "function_id")
FRAME = {**dict.fromkeys(TEXTS, str), "lineno": int, "colno": int, "in_app": bool, "native": bool, "pre_context": list,
         "post_context": list, "vars": dict}


def frames(event):
    stacks = [value.get("stacktrace") or {} for value in event.get("exception", {}).get("values", [])]
    return [frame for stack in stacks for frame in stack.get("frames", [])]


def balanced(pairs, at_most_apart):
    same = sum(pair.same for pair in pairs)
    return abs(len(pairs) - 2 * same) <= at_most_apart


def without_what_differs_by_chance(event):
    """Two events of one pair may be the same but for these."""
    by_chance = ("event_id", "timestamp", "user", "server_name", "release", "breadcrumbs", "contexts", "sdk", "debug_meta", "modules")
    return json.dumps({key: value for key, value in event.items() if key not in by_chance}, sort_keys=True)


def test_there_are_enough_pairs_of_enough_languages():
    assert len(PAIRS) >= 300
    by_language = dict(parts(PAIRS, "language"))
    assert by_language.keys() == PLATFORMS.keys() == {file.stem for file in CORPUS.glob("*.jsonl")}
    assert {name: len(pairs) for name, pairs in by_language.items() if len(pairs) < 20} == {}


def test_as_many_belong_together_as_do_not():
    assert balanced(PAIRS, len(PAIRS) // 20)
    for name, pairs in parts(PAIRS, "language"):
        assert balanced(pairs, 4), name
    for name, pairs in parts(PAIRS, "kind"):
        assert name in KINDS and balanced(pairs, 4), name


def test_ids_are_unique_and_say_the_language():
    assert [name for name, count in collections.Counter(pair.id for pair in PAIRS).items() if count > 1] == []
    assert [pair.id for pair in PAIRS if not pair.id.startswith(pair.language + "-")] == []
    told = collections.Counter(event["event_id"] for pair in PAIRS for event in (pair.a, pair.b))
    assert [name for name, count in told.items() if count > 1] == []


def test_each_pair_is_a_situation_of_its_own():
    seen = collections.Counter(without_what_differs_by_chance(pair.a) + without_what_differs_by_chance(pair.b) for pair in PAIRS)
    assert max(seen.values()) == 1
    assert [pair.id for pair in PAIRS if not (pair.about and pair.why)] == []


def test_pairs_that_differ_do_not_differ_by_chance_only():
    alike = [pair.id for pair in PAIRS
             if not pair.same and without_what_differs_by_chance(pair.a) == without_what_differs_by_chance(pair.b)]
    assert alike == []


@pytest.mark.parametrize("language", PLATFORMS)
def test_events_are_as_the_sdk_of_the_language_sends_them(language):
    for pair in (pair for pair in PAIRS if pair.language == language):
        for event in (pair.a, pair.b):
            wrong = faults(event, PLATFORMS[language])
            assert not wrong, f"{pair.id}: {wrong}"


def faults(event, platform):
    found = []
    if not re.fullmatch("[0-9a-f]{32}", event["event_id"]):
        found.append("event_id")
    if event["platform"] != platform or event["level"] not in ("fatal", "error", "warning", "info", "debug"):
        found.append("platform or level")
    if not ("exception" in event or "message" in event or "logentry" in event):
        found.append("neither an exception nor a message")
    for value in event.get("exception", {}).get("values", []):
        if not value["type"] or not isinstance(value["value"], (str, type(None))):
            found.append(f"type or value of {value}")
    for frame in frames(event):
        found += [f"{key} of a frame: {value!r}" for key, value in frame.items() if not isinstance(value, FRAME.get(key, ()))]
    if any(not isinstance(part, str) for part in event.get("fingerprint", [])):
        found.append("fingerprint")
    return found
