"""Relay, aggregation, rewriting and filters beside carbon's own modules, which read the same files: Bellwether has them
from its importers. Then the real daemons, towards them and from them."""
import json
import random
import socket
import subprocess
import time
from collections import Counter

import pytest

from support.carbon_original import Carbon, Daemon, Daemons, router
from support.examples import example
from support.server import default_binary, wait_for
from support.statsd_servers import Original, admin_answer

NOW = 1_700_000_000
# carbon takes up to a millisecond for a name, so all of them only once for each way to decide.
NAMES = 10_000
FEW = 400


# The rules alone

class Driver:
    """`crates/ingest/examples/relay_driver.rs`"""

    def __init__(self, binary, toml):
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask(config=toml)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the driver ended at {request}"
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def driver():
    return lambda toml: Driver(example("relay_driver"), toml)


def imported(tmp_path, kind, text, status=0):
    """One of Carbon's files as our configuration, and the file."""
    file = tmp_path / f"{kind}.conf"
    file.write_text(text)
    done = subprocess.run([default_binary(), "import", kind, file], capture_output=True, text=True, timeout=30)
    assert done.returncode == status, done.stderr
    return done.stdout, str(file)


WORDS = "web db Api cache-1 cpu load disk_sda1 requests count p99 eu.west häuser 10-0-0-1 LOAD".split()


def random_name(rng):
    name = ".".join(rng.choice(WORDS) + str(rng.randrange(50)) * rng.randrange(2) for _ in range(rng.randint(1, 6)))
    tags = [f";{tag}={rng.choice(WORDS)}{rng.randrange(9)}" for tag in rng.sample(["host", "dc", "env", "Äpfel"], 2)]
    return name + "".join(tags) * (rng.random() < 0.3)


def random_names(seed, count=NAMES):
    rng = random.Random(seed)
    return [random_name(rng) for _ in range(count)]


def compare_destinations(driver, toml, decide, names):
    """Each name goes where carbon sends it, and is stored."""
    with driver(toml) as ours:
        answer = ours.ask(points=[[name, NOW, 1] for name in names], now=NOW)
    stored = [name for name, _, _ in answer["to_store"]]
    assert len(stored) == len(names)
    sent = {}
    for destination, points in answer["to_send"].items():
        for name, _, _ in points:
            sent.setdefault(name, set()).add(destination)
    asked = zip(stored, map(decide, names))
    differing = [(name, wanted, sent.get(name, set())) for name, wanted in asked if wanted != sent.get(name, set())]
    assert not differing, f"{len(differing)} of {len(names)}: {differing[:5]}"
    return stored


HOSTS = {
    "one": ["10.0.0.1:2004"],
    "instances": ["127.0.0.1:2004:a", "127.0.0.1:2104:b", "127.0.0.1:2204:c"],
    "hosts": [f"graphite{n}.example:2004" for n in range(7)],
    "both": [f"10.0.0.{host}:{2004 + instance}:{'abc'[instance]}" for host in range(1, 5) for instance in range(3)],
    "odd": ["[::1]:2004:a", "[2001:db8::2]:2004:it's", "o'neill.example:2004", "h:1:a:b"],
}


@pytest.mark.parametrize("hash_type", ["carbon_ch", "fnv1a_ch"])
@pytest.mark.parametrize("hosts, replicas, diverse, names", [
    ("both", 2, True, NAMES), ("both", 1, True, FEW), ("both", 5, False, FEW), ("both", 9, True, FEW), ("one", 1, True, FEW),
    ("one", 2, False, FEW), ("instances", 2, True, FEW), ("instances", 2, False, FEW), ("hosts", 3, True, FEW),
    ("odd", 2, True, FEW)])
def test_rings_find_carbons_destinations(driver, hosts, replicas, diverse, hash_type, names):
    destinations = HOSTS[hosts]
    decide = router("consistent-hashing", destinations, ROUTER_HASH_TYPE=hash_type, REPLICATION_FACTOR=replicas,
                    DIVERSE_REPLICAS=diverse)
    toml = (f"[relay]\nmethod = 'consistent-hashing'\ndestinations = {json.dumps(destinations)}\n"
            f"hash = '{hash_type}'\nreplication_factor = {replicas}\ndiverse_replicas = {json.dumps(diverse)}\n")
    names = random_names(f"{hosts}{replicas}", names)
    assert compare_destinations(driver, toml, decide, names) == names


def test_names_with_their_tags_in_order(driver):
    """TAG_RELAY_NORMALIZED: decided by, and sent under, the name with its tags in order."""
    from carbon.util import TaggedSeries
    decide = router("consistent-hashing", HOSTS["both"], REPLICATION_FACTOR=1, DIVERSE_REPLICAS=True,
                    TAG_RELAY_NORMALIZED=True)
    toml = ("[relay]\nmethod = 'consistent-hashing'\nnormalize_tags = true\n"
            f"destinations = {json.dumps(HOSTS['both'])}\n")
    names = random_names("tags", 2_000)
    stored = compare_destinations(driver, toml, decide, names)
    assert stored == [TaggedSeries.parse(name).path for name in names]


def random_relay_rules(rng, destinations):
    sections = []
    for index in range(50):
        pattern = rng.choice([
            rf"^{rng.choice(WORDS)}\d*\.", rf"\.{rng.choice(WORDS).upper()}{rng.randrange(50)}(\.|$)", rf";dc={rng.choice(WORDS)}",
            rf"(?<!{rng.choice(WORDS)})\.{rng.choice(WORDS)}\.", r"(\w)\1\1", rf"^[a-{rng.choice('defg')}].*{rng.randrange(9)}$"])
        to = ", ".join(rng.sample(destinations, rng.randint(1, 3)))
        goes_on = rng.choice(["", "continue = true\n", "continue = no\n"])
        sections.append(f"[rule{index}]\npattern = {pattern}\ndestinations = {to}\n{goes_on}")
    default = f"[rest]\ndefault = true\ndestinations = {destinations[0]}\n"
    sections.insert(rng.randrange(len(sections)), default)
    return "\n".join(sections)


@pytest.mark.parametrize("seed, names", [(0, NAMES), (1, FEW), (2, FEW)])
def test_rules_find_carbons_destinations(driver, tmp_path, seed, names):
    destinations = HOSTS["both"]
    toml, file = imported(tmp_path, "relay-rules", random_relay_rules(random.Random(seed), destinations))
    decide = router("rules", destinations, rules_file=file)
    compare_destinations(driver, toml.replace("store = false", ""), decide, random_names(f"rules{seed}", names))


AGGREGATION = r"""
# The example that carbon ships, and what else its syntax allows.
<env>.applications.<app>.all.<app_metric> (60) = sum <env>.applications.<app>.*.<<app_metric>>
all.<metric> (10) = avg <<any>>.<metric>
*.<last> (10) = max *.<last>
<node>.count (20) = count <node>\d*.cpu*
p.<a> (30) = p95 <a>.load
median.<rest> (10) = p50 web<n>.<<rest>>
tails.<rest> (10) = p999 db*.<<rest>>
lowest (60) = min .*cpu.*
web1.cpu (10) = sum web1.cpu
optional.<x> (10) = sum api(<x>)?.requests
"""


@pytest.mark.parametrize("hash_type", ["carbon_ch", "fnv1a_ch"])
def test_aggregates_find_carbons_destinations(driver, tmp_path, hash_type):
    toml, file = imported(tmp_path, "aggregation-rules", AGGREGATION)
    decide = router("aggregated-consistent-hashing", HOSTS["both"], aggregation_file=file, ROUTER_HASH_TYPE=hash_type,
                    REPLICATION_FACTOR=2, DIVERSE_REPLICAS=True)
    toml = (f"[relay]\nmethod = 'aggregated-consistent-hashing'\nreplication_factor = 2\nhash = '{hash_type}'\n"
            f"destinations = {json.dumps(HOSTS['both'])}\n{toml}")
    names = [f"prod.applications.shop{n % 7}.web{n}.{metric}" for n in range(500) for metric in ("requests", "a.b")]
    names += ["web1.cpu", "api.requests", "apiXY.requests", "db7.a.b", "eu.load"]
    compare_destinations(driver, toml, decide, names + random_names("aggregated", 2_000))


REWRITING = r"""
[pre]
^collectd\.(\w+)\. = servers.\1.
(?P<head>[a-z]+)_old = \g<head>
cache-(\d) = cache\1
[post]
\.{2,} = .
^(?!web)(.*load.*)$ = \1.renamed
x* = -
"""
BLACKLIST = "# no secrets\n\\.p99\n^web1\\d\\.\n"
WHITELIST = "[a-m]\n^web\n"


def random_points(rng, now, count):
    names = ["prod.applications.shop.web1.requests", "collectd.web7.cpu..idle", "web1.cpu", "web2.cpu", "db_old.a.b",
             "db2.a.b", "api.requests", "eu.load", "web3.cpu.x", "apix.requests", "web1.p99.cpu"]
    times = [now, now - 1, now - 7, now - 30, now - 400, now + 3, now + 70]
    return [[rng.choice(names) if rng.random() < 0.8 else random_name(rng),
             rng.choices(times, [10, 5, 5, 3, 1, 1, 1])[0], rng.choice([1, 2.5, -3, 1e9, 0.1, rng.random()])]
            for _ in range(count)]


@pytest.mark.parametrize("options", [{}, {"FORWARD_ALL": False}, {"MAX_AGGREGATION_INTERVALS": 1},
                                     {"WRITE_BACK_FREQUENCY": 7}], ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_points_come_out_as_of_carbons_daemons(driver, tmp_path, options, seed):
    """Names, times and values second by second, aggregates included, for two minutes of random points."""
    filters = seed % 2 == 0
    texts = {"aggregation": AGGREGATION, "rewriting": REWRITING, "blacklist": BLACKLIST * filters,
             "whitelist": WHITELIST * filters}
    lists = [imported(tmp_path, kind, texts[kind])[0].removeprefix("[carbon]\n") for kind in ("blacklist", "whitelist")]
    of_rules = [imported(tmp_path, f"{kind}-rules", texts[name])[0]
                for kind, name in (("aggregation", "aggregation"), ("rewrite", "rewriting"))]
    ours_toml = {"FORWARD_ALL": "forward_all = {}", "MAX_AGGREGATION_INTERVALS": "max_aggregation_intervals = {}",
                 "WRITE_BACK_FREQUENCY": "write_back_frequency = '{}s'"}
    keys = "".join(ours_toml[key].format(json.dumps(value)) + "\n" for key, value in options.items())
    toml = "\n".join(["[carbon]", *lists, "[relay]", keys, *of_rules])
    theirs = Daemons(tmp_path, NOW, **texts, **options)
    rng = random.Random(f"{seed}{options}")
    told = 0
    with driver(toml) as ours:
        for now in range(NOW, NOW + 130):
            # carbon's loops go on first in both.
            wanted = theirs.tell(now)
            found = ours.ask(tell=now)["to_store"]
            assert rounded(found) == rounded(wanted), now - NOW
            told += len(found)
            points = random_points(rng, now, rng.choice([0, 0, 1, 20]))
            answer = ours.ask(points=points, now=now)
            assert rounded(answer["to_store"]) == rounded(theirs.points(points, now)), now - NOW
            counts = answer["sorted"]
            assert len(points) == len(answer["to_store"]) + sum(counts.values())
            assert filters or counts["blacklisted"] + counts["not_whitelisted"] == 0
            assert "FORWARD_ALL" in options or counts["unaggregated"] == 0
    assert told > 100


def rounded(points):
    """In any order, to ten digits."""
    return Counter((name, time, f"{float(value):.10g}") for name, time, value in points)


def test_what_cannot_be_imported_is_told_with_its_line(tmp_path):
    check = lambda kind, text, line: check_told(tmp_path, kind, text, line)
    check("relay-rules", "[a]\npattern = (\ndestinations = h:1\n[b]\ndefault = true\ndestinations = h:1\n", 2)
    check("aggregation-rules", "a (60) = sum b\nall = sum b\n", 2)
    check("rewrite-rules", "[pre]\na = b\n( = x\n", 3)
    check("blacklist", "a\n\n*\n", 3)
    check("whitelist", "(?P<a\n", 1)


def check_told(tmp_path, kind, text, line):
    file = tmp_path / "file.conf"
    file.write_text(text)
    done = subprocess.run([default_binary(), "import", kind, file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and f"file.conf:{line}: " in done.stderr, done.stderr


# The real programs

def send(port, points):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as out:
        out.sendall("".join(f"{name} {value} {at}\n" for name, at, value in points).encode())


def some_points(count, at=None):
    return [(f"relayed.host{index % 97}.metric{index}", at or int(time.time()), index + 0.5) for index in range(count)]


@pytest.fixture
def closing():
    """Whatever has `stop` or `close` is ended at the end."""
    opened = []

    def keep(thing):
        opened.append(thing)
        return thing

    yield keep
    for thing in opened:
        (getattr(thing, "stop", None) or thing.close)()


def part(server, name):
    return next(part for part in server.get("/api/v1/health").json["parts"] if part["id"] == name)


@pytest.mark.parametrize("protocol", ["line", "pickle"])
def test_beside_carbon_relay(bellwether, closing, tmp_path, protocol):
    """Three Carbons behind the real carbon-relay and three behind us get the same points."""
    points = some_points(2_000)
    behind = {side: [closing(Carbon(protocol)) for _ in "abc"] for side in ("original", "ours")}
    places = {side: [f"127.0.0.1:{carbon.port}:{name}" for carbon, name in zip(carbons, "abc")]
              for side, carbons in behind.items()}
    original = closing(Daemon(tmp_path / "relay", "carbon-relay", RELAY_METHOD="consistent-hashing", REPLICATION_FACTOR=2,
                              DIVERSE_REPLICAS=False, DESTINATIONS=", ".join(places["original"]),
                              DESTINATION_PROTOCOL=protocol, MAX_QUEUE_SIZE=100000))
    ours = bellwether(f"[relay]\nmethod = 'consistent-hashing'\nprotocol = '{protocol}'\nreplication_factor = 2\n"
                      f"diverse_replicas = false\nstore = false\ndestinations = {json.dumps(places['ours'])}\n")
    for port in (original.ports["line"], ours.ports["line"]):
        send(port, points)
    mine = lambda carbon: [point for point in carbon.points if point[0].startswith("relayed.")]
    for carbons in behind.values():
        wait_for(lambda: sum(len(mine(carbon)) for carbon in carbons) == 2 * len(points), what="all points, twice")
    # In the order in which they were sent, too.
    assert [mine(carbon) for carbon in behind["ours"]] == [mine(carbon) for carbon in behind["original"]]
    wait_for(lambda: part(ours, f"relay.{places['ours'][0]}")["last_success"], what="the part of the first destination")
    assert ours.points("relayed.*.*", **{"from": "-1min"}) == {}


def test_beside_carbon_aggregator(bellwether, closing, tmp_path):
    """The last word about every interval is the same, of aggregates and of single points."""
    aggregation = "all.<metric> (2) = sum hosts.*.<metric>\nmost.<host> (2) = max hosts.<host>.*\n"
    rewriting = "[post]\n^hosts\\. = servers.\n"
    files = {"aggregation-rules.conf": aggregation, "rewrite-rules.conf": rewriting}
    theirs, behind = closing(Carbon("pickle")), closing(Carbon("pickle"))
    original = closing(Daemon(tmp_path / "aggregator", "carbon-aggregator", files=files,
                              DESTINATIONS=f"127.0.0.1:{theirs.port}:a"))
    toml = [imported(tmp_path, kind, text)[0] for kind, text in
            (("aggregation-rules", aggregation), ("rewrite-rules", rewriting))]
    ours = bellwether("\n".join([f"[relay]\nmethod = 'consistent-hashing'\ndestinations = ['127.0.0.1:{behind.port}:a']",
                                 *toml]))
    sent = []
    for second in range(4):
        at = int(time.time())
        batch = [(f"hosts.h{host}.{metric}", at - late, host + second + late) for host in range(5)
                 for metric in ("cpu", "load") for late in (0, 3)]
        for port in (original.ports["line"], ours.ports["line"]):
            send(port, batch)
        sent += batch
        time.sleep(0.5)
    words = lambda carbon: {(name, at): value for name, at, value in carbon.points
                            if name.startswith(("all.", "most.", "servers."))}
    # Once the sums are whole, nothing more comes.
    whole = {("cpu", at - at % 2): 0 for _, at, _ in sent}
    for name, at, value in sent:
        if name.endswith(".cpu"):
            whole["cpu", at - at % 2] += value
    complete = lambda carbon: all(words(carbon).get((f"all.{metric}", at)) == value for (metric, at), value in whole.items())
    wait_for(lambda: complete(theirs) and complete(behind), what="whole sums")
    wait_for(lambda: words(theirs) == words(behind), what="the same words")
    assert {name.split(".")[0] for name, _ in words(behind)} == {"all", "most", "servers"}
    stored = lambda: {(name, at): value for target in ("all.*", "most.*", "servers.*.*")
                      for name, points in ours.points(target, **{"from": "-1min"}).items() for at, value in points}
    assert stored() == words(behind)


@pytest.mark.parametrize("protocol", ["line", "pickle"])
def test_a_copy_of_everything_reaches_the_real_carbon(bellwether, closing, tmp_path, protocol):
    """[[carbon.forward]] into carbon-cache and its whisper files, through an outage of it."""
    import whisper
    cache = closing(Daemon(tmp_path / "cache", "carbon-cache"))
    server = bellwether(f"[[carbon.forward]]\naddress = '127.0.0.1:{cache.ports[protocol]}'\nprotocol = '{protocol}'\n"
                        "only_carbon = true\n")
    at = int(time.time()) - 5
    label = f"forward.127.0.0.1:{cache.ports[protocol]}"

    def kept(name):
        file = cache.directory / "storage" / "whisper" / (name.replace(".", "/") + ".wsp")
        try:
            (begin, _, step), values = whisper.fetch(str(file), at - 1, at + 1)
        except (FileNotFoundError, whisper.CorruptWhisperFile):  # carbon has not made it, or is about to
            return {}
        return {begin + index * step: value for index, value in enumerate(values) if value is not None}

    def in_whisper_files(*times):
        return all(kept(name) == {time: value for time in times} for name, _, value in some_points(300))

    send(server.ports["line"], some_points(300, at))
    # What carbon has taken and not yet read dies with it.
    wait_for(lambda: in_whisper_files(at), what="the first points in whisper files")
    cache.stop()
    send(server.ports["line"], some_points(300, at + 1))
    wait_for(lambda: part(server, label)["state"] == "warning", what="the outage to be told")
    assert "not connected" in part(server, label)["text"]
    cache.start("carbon-cache")
    wait_for(lambda: in_whisper_files(at, at + 1), what="all points in whisper files")
    series = f"bellwether.forward.127_0_0_1_{cache.ports[protocol]}.sent.count"
    wait_for(lambda: round(total(server, series)) == 600, what="the counts")
    assert part(server, label)["dropped"] == []


def total(server, target):
    return sum(value for points in server.points(target, **{"from": "-5min"}).values() for _, value in points)


@pytest.mark.parametrize("protocol", ["line", "pickle"])
def test_an_old_carbon_relay_points_at_us(bellwether, closing, tmp_path, protocol):
    """As docs/moving.md says: a first rule that goes on to the others."""
    server, before = bellwether(), closing(Carbon(protocol))
    places = f"127.0.0.1:{server.ports[protocol]}", f"127.0.0.1:{before.port}"
    rules = (f"[bellwether]\npattern = .*\ndestinations = {places[0]}\ncontinue = true\n"
             f"[default]\ndefault = true\ndestinations = {places[1]}\n")
    old = closing(Daemon(tmp_path / "relay", "carbon-relay", files={"relay-rules.conf": rules}, RELAY_METHOD="rules",
                         DESTINATIONS=", ".join(places), DESTINATION_PROTOCOL=protocol, MAX_QUEUE_SIZE=100000))
    points = some_points(2_000)
    send(old.ports["line"], points)
    stored = lambda: server.points("relayed.*.*", **{"from": "-1min"})
    wait_for(lambda: stored() == {name: [(at, value)] for name, at, value in points}, what="all points")
    wait_for(lambda: before.points == points, what="all points on the old side")


@pytest.mark.parametrize("protocol", ["udp4", "tcp"])
def test_statsd_in_both_directions(bellwether, closing, tmp_path, protocol):
    """Our repeater into the real statsd; the real statsd's repeater into us."""
    server_type = "tcp" if protocol == "tcp" else "udp"
    old = closing(Original(tmp_path / "old", {"server": f"./servers/{server_type}"}))
    ours = bellwether(f"[statsd]\nrepeater_protocol = '{protocol}'\nrepeater = [{{ host = '127.0.0.1', port = {old.port} }}]\n")
    ours.statsd_send(*[b"repeated:%d|c" % n for n in range(50)], b"several:1|c\nseveral:2|c\nlevel:7|g")
    counted = lambda: admin_answer(old.admin_port, "counters")
    flushed = Counter()

    def arrived():
        # What was flushed in between, and what is still counted.
        while not old.sink.flushes.empty():
            flushed.update({name: value for name, value in old.next_flush().items() if name.startswith("stats_counts.")})
        return (flushed["stats_counts.repeated"], flushed["stats_counts.several"]) == (1225, 3)

    wait_for(arrived, what=f"all packets; {counted()}")
    # `last_success` is told of datagrams, too.
    assert part(ours, f"repeater.127.0.0.1:{old.port}")["last_success"]
    target = bellwether()
    other = closing(Original(tmp_path / "other", {
        "backends": ["./backends/graphite", "./backends/repeater"], "repeaterProtocol": protocol,
        "repeater": [{"host": "127.0.0.1", "port": target.ports["statsd"]}]}))
    for n in range(50):
        other.out.sendto(b"came:%d|c" % n, ("127.0.0.1", other.port))
    wait_for(lambda: total(target, "stats_counts.came") == 1225, what="all packets")


# Bad destinations

def test_what_cannot_be_sent_is_dropped_oldest_first_and_told(bellwether, closing):
    """Destinations that do not exist, cannot be looked up, close every connection, and read nothing: we store all the
    same, the newest points wait, and everything is counted."""
    hanging = closing(socket.create_server(("127.0.0.1", 0)))
    closing_all = closing(Closing())
    reserved = closing(socket.socket())
    reserved.bind(("127.0.0.1", 0))
    places = {"nobody": f"127.0.0.1:{reserved.getsockname()[1]}", "unknown": "no-such-host.invalid:2003",
              "hanging": f"127.0.0.1:{hanging.getsockname()[1]}", "closing": f"127.0.0.1:{closing_all.port}"}
    server = bellwether("".join(f"[[carbon.forward]]\naddress = '{place}'\nqueue = 1000\nonly_carbon = true\n"
                                for place in places.values()))
    begun = time.monotonic()
    for start in range(0, 20_000, 500):
        server.carbon_send("".join(f"lost.n{n % 100} {n} {int(time.time())}\n" for n in range(start, start + 500)).encode())
    assert time.monotonic() - begun < 20
    assert part(server, "carbon.line")["dropped"] == []
    told = lambda name: part(server, f"forward.{places[name]}")
    for name, reason in {"nobody": "refused", "unknown": "lookup"}.items():
        wait_for(lambda: reason in told(name)["text"].lower(), what=name)
        assert told(name)["dropped"][0]["total"] >= 19_000 and told(name)["filled"] > 0.4, told(name)
        assert told(name)["state"] == "warning"
    # What was handed to the kernel counts as sent.
    assert server.stop() == 0


class Closing:
    """Accepts and hangs up."""

    def __init__(self):
        import threading
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                self.listener.accept()[0].close()
            except OSError:
                return

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def test_a_relay_that_points_at_itself_is_refused(bellwether):
    """By name, it is found out when it is connected to."""
    server = bellwether()
    server.rewrite(f"[[carbon.forward]]\naddress = 'LOCALHOST:{server.ports['line']}'\n")
    part_id = f"forward.LOCALHOST:{server.ports['line']}"
    wait_for(lambda: any(p["id"] == part_id for p in server.get("/api/v1/health").json["parts"]), what="the reload")
    send(server.ports["line"], [("looping", int(time.time()), 1)])
    wait_for(lambda: "our own listener" in part(server, part_id)["text"], what="the loop to be told")
    server.rewrite("[relay]\nmethod = 'consistent-hashing'\n"
                                  f"destinations = ['127.0.0.1:{server.ports['pickle']}']\n")
    done = server.cli("config", "check", check=False)
    told = done.stdout
    assert done.returncode == 2 and "bellwether.toml:3:16" in told and "carbon.pickle listens" in told, told
