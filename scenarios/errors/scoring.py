"""How well servers put events into groups, by the labelled pairs of `corpus/`: both scores in one run.

    cd scenarios && python -m errors.scoring                       # Bellwether (BELLWETHER_BIN, or the dev build) and Bugsink
    cd scenarios && python -m errors.scoring --servers bugsink     # one of them
    cd scenarios && python -m errors.scoring --show php-names-1    # one pair, to read

Each pair has a project of its own, so that pairs do not touch each other. Exit status 1: Bellwether is below its promise.
"""
import argparse
import collections
import dataclasses
import datetime
import json
import pathlib
import sys
import tempfile
import time
import urllib.error
import urllib.request

from support.server import Bellwether, wait_for

CORPUS = pathlib.Path(__file__).parent / "corpus"
# Of the pairs that belong together, and of those that do not, each: so much has to be right.
PROMISE = 0.98


@dataclasses.dataclass(frozen=True)
class Pair:
    id: str
    language: str
    kind: str
    about: str
    same: bool
    why: str
    a: dict
    b: dict


def read_pairs(directory=CORPUS):
    return [pair(json.loads(line)) for file in sorted(directory.glob("*.jsonl")) for line in file.read_text().splitlines()]


def pair(line):
    return Pair(**{"kind" if key == "class" else key: value for key, value in line.items()})


# To the servers

class OfBellwether:
    name = "Bellwether"

    def __init__(self, directory):
        self.server = Bellwether(directory)

    def start(self, keys):
        self.server.start()
        self.keys = keys
        for number, key in keys.items():
            self.server.cli("project", "create", f"pair-{number}", "--id", str(number), "--public-key", key)

    def url(self):
        return self.server.url("")

    def groups(self):
        """A repeat may be told a second after its answer."""
        return {found: group for number in self.keys
                for found, group in wait_for(lambda: self.both(number), what=f"both events of project {number}").items()}

    def both(self, project):
        found = {(project, event["event_id"]): group["id"]
                 for group in self.ask(f"/groups?project={project}")
                 for event in self.ask(f"/groups/{group['id']}/events")}
        return found if len(found) == 2 else None

    def ask(self, path):
        answer = self.server.get("/api/v1/errors" + path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json

    def stop(self):
        self.server.stop()


class OfBugsink:
    name = "Bugsink"

    def __init__(self, directory):
        from support.bugsink import Bugsink
        self.server = Bugsink(directory)

    def start(self, keys):
        self.server.start()
        self.server.make_projects(keys)

    def url(self):
        return self.server.url

    def groups(self):
        return self.server.groups()

    def stop(self):
        self.server.stop()


SERVERS = {"bellwether": OfBellwether, "bugsink": OfBugsink}


def send(url, project, key, event):
    """As of now: how old events are taken is no matter of grouping."""
    now = datetime.datetime.now(datetime.timezone.utc)
    event = {**event, "timestamp": time.time() if isinstance(event["timestamp"], (int, float)) else now.isoformat().replace("+00:00", "Z")}
    payload = json.dumps(event).encode()
    header = {"event_id": event["event_id"], "sent_at": now.isoformat().replace("+00:00", "Z")}
    item = {"type": "event", "length": len(payload), "content_type": "application/json"}
    body = b"\n".join([json.dumps(header).encode(), json.dumps(item).encode(), payload, b""])
    auth = f"Sentry sentry_version=7, sentry_client={event['sdk']['name']}/{event['sdk']['version']}, sentry_key={key}"
    request = urllib.request.Request(f"{url}/api/{project}/envelope/", data=body, method="POST",
                                     headers={"Content-Type": "application/x-sentry-envelope", "X-Sentry-Auth": auth})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 200
    except urllib.error.HTTPError as error:
        raise AssertionError(f"event {event['event_id']}: {error.code} {error.read()[:300]!r}") from error


def judge(server, pairs):
    """{id of a pair: whether the server put both events of it into one group}"""
    keys = {number: f"{number:032x}" for number in range(1, len(pairs) + 1)}
    try:
        server.start(keys)
        for number, pair in enumerate(pairs, 1):
            for event in (pair.a, pair.b):
                send(server.url(), number, keys[number], event)
        groups = server.groups()
    finally:
        server.stop()
    lost = [pair.id for number, pair in enumerate(pairs, 1) for event in (pair.a, pair.b) if (number, event["event_id"]) not in groups]
    assert not lost, f"{server.name} took events and does not have them: {lost[:10]}"
    return {pair.id: groups[number, pair.a["event_id"]] == groups[number, pair.b["event_id"]] for number, pair in enumerate(pairs, 1)}


# The score

@dataclasses.dataclass(frozen=True)
class Share:
    right: int
    of: int

    @property
    def value(self):
        return self.right / self.of if self.of else 1.0

    def __str__(self):
        return f"{self.right}/{self.of} {100 * self.value:5.1f} %"


def share(pairs, joined):
    return Share(sum(joined[pair.id] == pair.same for pair in pairs), len(pairs))


def shares(pairs, joined):
    """Of those that belong together, and of those that do not."""
    return tuple(share([pair for pair in pairs if pair.same is same], joined) for same in (True, False))


def keeps_promise(pairs, joined):
    return all(part.value >= PROMISE for part in shares(pairs, joined))


def parts(pairs, key):
    split = collections.defaultdict(list)
    for pair in pairs:
        split[getattr(pair, key)].append(pair)
    return sorted(split.items())


def table(pairs, verdicts):
    """A line a language and a line a class: for each server what is right of `same` and of `different`."""
    def line(name, part):
        cells = [f"{str(found):>15}" for joined in verdicts.values() for found in shares(part, joined)]
        return f"{name:<14}" + "  ".join(cells)
    head = f"{'':<14}" + "  ".join(f"{name + ' ' + half:>15}" for name in verdicts for half in ("same", "diff."))
    yield head
    for key in ("language", "kind"):
        yield from (line(name, part) for name, part in parts(pairs, key))
        yield ""
    yield line("all", pairs)


def wrong(pairs, joined):
    return [pair for pair in pairs if joined[pair.id] != pair.same]


def run(names, pairs):
    """{name of the server: {id of a pair: joined}}"""
    verdicts = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="grouping-") as directory:
            server = SERVERS[name](pathlib.Path(directory) / name)
            verdicts[server.name] = judge(server, pairs)
    return verdicts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--wrong", action="store_true", help="name the pairs that are not as they are labelled")
    parser.add_argument("--show", metavar="ID", help="print one pair and send nothing")
    arguments = parser.parse_args()
    pairs = read_pairs()
    if arguments.show:
        found = [pair for pair in pairs if pair.id == arguments.show]
        print(json.dumps([dataclasses.asdict(pair) for pair in found], indent=1, ensure_ascii=False))
        return 0 if found else 1
    verdicts = run(arguments.servers, pairs)
    print("\n".join(table(pairs, verdicts)))
    for name, joined in verdicts.items() if arguments.wrong else ():
        for pair in wrong(pairs, joined):
            print(f"{name}: {pair.id} is {'same' if pair.same else 'different'}: {pair.about}; {pair.why}")
    ours = verdicts.get(OfBellwether.name)
    return 0 if ours is None or keeps_promise(pairs, ours) else 1


if __name__ == "__main__":
    sys.exit(main())
