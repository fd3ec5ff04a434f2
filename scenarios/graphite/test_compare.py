"""`bellwether compare --graphite URL`: beside the real graphite-web it finds what differs, and nothing else."""
import http.server
import json
import os
import re
import struct
import subprocess
import threading
import time
import zlib

import pytest
import whisper

from support.graphite_server import GraphiteWeb
from support.server import free_port, wait_for

LONG = os.environ.get("BELLWETHER_LONG") == "1"
ARCHIVES = [(10, 360), (60, 1440)]
CONFIG = """
[collectors]
host = false
[self]
series = false
[[storage.retention]]
name = "other"
pattern = "^other[.]"
archives = ["10s:2h", "5m:7d"]
[[storage.retention]]
name = "all"
pattern = ".*"
archives = ["10s:1h", "1m:1d"]
[[storage.aggregation]]
name = "sum"
pattern = "^rolled[.]"
method = "sum"
x_files_factor = 0.5
"""


# Its own numbers would be "only here".
NO_STATSD = {f"BELLWETHER_STATSD__{name}": "off" for name in ("UDP", "TCP", "ADMIN")}


@pytest.fixture
def graphite_web(tmp_path):
    server = GraphiteWeb(tmp_path / "original", free_port())
    server.start()
    yield server
    server.stop()


def points_of(name, now, seconds=3000):
    """Every ten seconds, other numbers for each name."""
    first = (now - seconds) // 10 * 10
    return [(when, zlib.crc32(name.encode()) % 1000 + index * 0.25) for index, when in enumerate(range(first, now - 200, 10))]


def store(graphite_web, ours, names, now, **created):
    """The same points into both."""
    lines = []
    for name in names:
        graphite_web.create(name, ARCHIVES, **created)
        points = points_of(name, now)
        whisper.update_many(graphite_web.file(name), points, now)
        lines += [f"{name} {value!r} {when}\n" for when, value in points]
    ours.carbon_send("".join(lines).encode())


def compare(ours, url, *options, status=0):
    # graphite-web opens thousands of files in the long run, and is given as much rest as it took.
    done = subprocess.run(
        [ours.binary, "compare", "--graphite", url, "--once", "--rate", "500", "--settle", "1s", "--json", *options,
         "--config", str(ours.config_file)], capture_output=True, text=True, env=ours.environment(),
        cwd=ours.directory, timeout=1500 if LONG else 120)
    assert done.returncode == status, (done.stdout, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line for line in lines if line["event"] == "difference"], lines[-1]


def alter(path, archive, when, value):
    """One slot of one archive, and nothing else of the file."""
    header = whisper.info(path)["archives"][archive]
    step, offset = header["secondsPerPoint"], header["offset"]
    with open(path, "r+b") as file:
        file.seek(offset)
        base = struct.unpack("!L", file.read(4))[0]
        at = offset + (when - base) // step % header["points"] * 12
        file.seek(at)
        assert struct.unpack("!L", file.read(4))[0] == when, "the slot is empty"
        file.seek(at)
        file.write(struct.pack("!Ld", when, value))


def test_the_same_data_shows_no_difference_and_one_altered_point_is_found(bellwether, graphite_web):
    """Among 2,000 series in the long run, 60 in the short one."""
    ours, now = bellwether(CONFIG, env=NO_STATSD), int(time.time())
    names = [f"shop.web{n % 7}.requests.path{n}.rate" for n in range(2000 if LONG else 60)]
    store(graphite_web, ours, names, now)
    found, round = compare(ours, graphite_web.url)
    assert found == [] and round["series"] == len(names) and round["left_out"] == []
    assert round["points"] >= len(names) * 300

    # In the coarse archive alone.
    when = (now - 2400) // 60 * 60
    alter(graphite_web.file(names[41]), 1, when, 1234.5)
    [one], _ = compare(ours, graphite_web.url, status=1)
    assert (one["subject"], one["kind"], one["archive"], one["first"], one["theirs"]) == \
        (names[41], "value", "1m", when, 1234.5)
    inside = [value for at, value in points_of(names[41], now) if when <= at < when + 60]
    assert one["points"] == 1 and one["ours"] == pytest.approx(sum(inside) / len(inside), rel=1e-9)

    # In the fine one: what follows from it in the coarse one is told with it.
    alter(graphite_web.file(names[41]), 1, when, one["ours"])
    whisper.update(graphite_web.file(names[7]), -3.5, now - 1000)
    [one], _ = compare(ours, graphite_web.url, status=1)
    assert (one["subject"], one["archive"], one["first"], one["theirs"], one["also_in"]) == \
        (names[7], "10s", (now - 1000) // 10 * 10, -3.5, ["1m"])
    assert one["ours"] == dict(points_of(names[7], now))[(now - 1000) // 10 * 10]


def test_an_imported_tree_is_the_same_and_one_altered_point_is_found(bellwether, graphite_web):
    """The tree of a running Graphite, read by `import whisper`: three archives, several methods."""
    ours, now = bellwether("[collectors]\nhost = false\n[self]\nseries = false\n", env=NO_STATSD), int(time.time())
    archives, names = [(1, 600), (10, 720), (300, 600)], [f"site.s{n}.m{n % 9}" for n in range(2000 if LONG else 30)]
    for number, name in enumerate(names):
        graphite_web.create(name, archives, ["average", "sum", "last", "max"][number % 4], [0.0, 0.5, 0.9][number % 3])
        points = [(when, zlib.crc32(f"{name}{when}".encode()) % 997 / 8) for when in range(now - 7000, now - 60, 7)]
        whisper.update_many(graphite_web.file(name), points, now)
    ours.cli("import", "whisper", str(graphite_web.root / "storage" / "whisper"))
    found, round = compare(ours, graphite_web.url)
    assert found == [] and round["series"] == len(names), found[:3]

    when = (now - 6000) // 300 * 300
    alter(graphite_web.file(names[17]), 2, when, 4711.0)
    [one], _ = compare(ours, graphite_web.url, status=1)
    assert (one["subject"], one["archive"], one["first"], one["points"], one["theirs"]) == (names[17], "5m", when, 1, 4711.0)


def test_each_kind_of_difference_has_its_cause(bellwether, graphite_web):
    ours, now = bellwether(CONFIG, env=NO_STATSD), int(time.time())
    store(graphite_web, ours, ["same.a", "same.b(c)", "rolled.a", "other.a", "gap.a", "late.a"], now)
    for name, value in [("there.only", 5), ("carbon.agents.x.cpuUsage", 1), ("a_b.c-d", 2)]:
        graphite_web.create(name, ARCHIVES)
        whisper.update(graphite_web.file(name), value, now - 300)
    graphite_web.create("empty.a", ARCHIVES)
    ours.carbon_send(f"here.only 3 {now - 300}\na.b.c_d 2 {now - 300}\n".encode())
    # A hole there, and older points there.
    holes = [when for when, _ in points_of("gap.a", now)][20:23]
    path = graphite_web.file("gap.a")
    os.remove(path)
    graphite_web.create("gap.a", ARCHIVES)
    whisper.update_many(path, [point for point in points_of("gap.a", now) if point[0] not in holes], now)
    older = (now - 3300) // 10 * 10
    whisper.update(graphite_web.file("late.a"), 5.0, older)

    found, _ = compare(ours, graphite_web.url, status=1)
    told = {(one["subject"], one["kind"]): one for one in found}
    check = lambda subject, kind, words: re.search(words, told.pop((subject, kind))["cause"]) or pytest.fail(words)
    rolled = told[("rolled.a", "value")]
    assert rolled["archive"] == "1m"
    check("rolled.a", "value", "by average there and by sum here")
    retention = told[("other.a", "retention")]
    assert (retention["theirs"], retention["ours"]) == ("10s:1h,1m:1d", "10s:2h,5m:7d")
    check("other.a", "retention", "other archives")
    gap = told[("gap.a", "points_missing_there")]
    assert (gap["first"], gap["last"], gap["points"]) == (holes[0], holes[-1], 3)
    check("gap.a", "points_missing_there", "a gap there only")
    assert told[("late.a", "points_missing_here")]["first"] == older
    check("late.a", "points_missing_here", "older than the first point here")
    check("there.only", "series_missing_here", "not imported")
    assert told[("a_b.c-d", "series_missing_here")]["ours"] == "a.b.c_d"
    check("a_b.c-d", "series_missing_here", "written otherwise")
    check("here.only", "series_missing_there", "sent here only")
    check("a.b.c_d", "series_missing_there", "sent here only")
    for subject, words in [("carbon.agents.x.cpuUsage", "carbon's own"), ("empty.a", "without any point")]:
        assert told[(subject, "series_missing_here")]["expected"]
        check(subject, "series_missing_here", words)
    assert told == {}


def test_people_get_a_short_page_and_the_status_tells(bellwether, graphite_web):
    ours, now = bellwether(CONFIG, env=NO_STATSD), int(time.time())
    store(graphite_web, ours, [f"stats.timers.api{n}.mean" for n in range(8)] + ["calm.a"], now)
    run = lambda: ours.cli("compare", "--graphite", graphite_web.url, "--once", "--rate", "500", "--settle", "1s",
                           check=False)
    calm = run()
    assert calm.returncode == 0 and "9 series" in calm.stdout and "no difference" in calm.stdout, calm
    for n in range(8):
        whisper.update(graphite_web.file(f"stats.timers.api{n}.mean"), -1.0, now - 1000)
    found = run()
    assert found.returncode == 1 and found.stderr == "8 differences\n", found
    assert "8, all below stats.timers, such as" in found.stdout and len(found.stdout.splitlines()) <= 8, found.stdout


def test_it_goes_on_until_told_to_end(bellwether, graphite_web):
    """A difference is told once, and once more when it is gone; an original that is away is waited for."""
    ours, now = bellwether(CONFIG, env=NO_STATSD), int(time.time())
    store(graphite_web, ours, ["a.b"], now)
    path, (when, value) = graphite_web.file("a.b"), points_of("a.b", now)[100]
    alter(path, 0, when, 77.0)
    process = subprocess.Popen(
        [ours.binary, "compare", "--graphite", graphite_web.url, "--rate", "500", "--settle", "1s", "--json",
         "--rest", "1s", "--config", str(ours.config_file)], env=ours.environment(), cwd=ours.directory,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = []
    said = []
    readers = [threading.Thread(target=read, daemon=True) for read in (
        lambda: lines.extend(json.loads(line) for line in process.stdout), lambda: said.extend(process.stderr))]
    for reader in readers:
        reader.start()
    rounds = lambda: [line for line in lines if line["event"] == "round"]
    try:
        wait_for(lambda: len(rounds()) >= 2, what="two rounds")
        graphite_web.stop()
        alter(path, 0, when, value)
        wait_for(lambda: any("waiting:" in line for line in said), what="word of an original that is away")
        before = len(rounds())
        graphite_web.start()
        wait_for(lambda: len(rounds()) >= before + 2, what="rounds after the restart")
    finally:
        process.send_signal(2)
    assert process.wait(60) == 0, said
    for reader in readers:
        reader.join(10)
    told = "".join(said)
    assert told.count("waiting:") == 1 and told.count("they answer again") == 1, told
    states = [line["state"] for line in lines if line["event"] == "difference" and line["archive"] == "10s"]
    assert states == ["new", "gone"]


def test_answers_to_targets_and_to_the_dashboards_of_graphite_web(bellwether, graphite_web, tmp_path):
    ours, now = bellwether(CONFIG, env=NO_STATSD), int(time.time())
    store(graphite_web, ours, ["a.b", "a.c", "d.e"], now)
    state = {"name": "Shop", "graphs": [["target=x", {"target": ["maxSeries(a.*)", "d.e"]}, "/render?"]]}
    graphite_web.post("/dashboard/save/Shop", {"state": json.dumps(state)})
    file = tmp_path / "targets"
    file.write_text("# what matters\nsumSeries(a.*)\n\nalias(movingAverage(d.e,'5min'), 'calm')\n")
    options = ["--targets", str(file), "--dashboards"]
    found, round = compare(ours, graphite_web.url, *options)
    assert found == [] and round["targets"] == 4

    when, value = points_of("a.b", now)[150]
    alter(graphite_web.file("a.b"), 0, when, value + 1000)
    found, _ = compare(ours, graphite_web.url, *options, status=1)
    answers = {one["subject"]: one for one in found if one["kind"] == "answer"}
    assert set(answers) == {"sumSeries(a.*)", "maxSeries(a.*)"}
    one = answers["sumSeries(a.*)"]
    assert (one["window"], one["first"]) == ("1h", when) and one["theirs"] == pytest.approx(one["ours"] + 1000)
    assert "as do the stored points of a.b" in one["cause"]

    file.write_text("fine.a\n  sumSeries(a\n(a)\n")
    done = ours.cli("compare", "--graphite", graphite_web.url, "--targets", str(file), "--once", check=False)
    assert done.returncode == 2 and f"{file}:3:1: " in done.stderr and f"{file}:2: only a part" in done.stderr, done


class Pretender(http.server.BaseHTTPRequestHandler):
    answer = (200, {}, b"")

    def do_GET(self):
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("answer, words", [
    ((302, {"Location": "https://sso.example/login"}, b""), "sends to https://sso.example/login"),
    ((200, {"Content-Type": "text/html"}, b"<html><title>Sign in</title>"), 'a page \\("Sign in"\\)'),
    ((401, {}, b""), "wants to know who asks"),
    ((200, {"Content-Type": "application/json"}, b'{"a": 1}'), "list of names cannot be read"),
    ((500, {"Content-Type": "text/html"}, b"<title>OSError at /metrics</title>"), "OSError"),
])
def test_what_is_no_graphite_is_told_at_once(bellwether, answer, words):
    class Handler(Pretender):
        pass
    Handler.answer = answer
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://joe:secret@127.0.0.1:{server.server_port}"
        done = bellwether(CONFIG, env=NO_STATSD).cli("compare", "--graphite", url, "--once", check=False)
        assert done.returncode == 1 and re.search(words, done.stderr), done
        assert "secret" not in done.stderr + done.stdout
    finally:
        server.shutdown()
        server.server_close()


def test_wrong_usage(bellwether):
    ours = bellwether(CONFIG, env=NO_STATSD)
    for arguments, words in [(["--graphite", "old.example"], "is not a URL"),
                             (["--graphite", "http://127.0.0.1:1", "--rate", "0"], "--rate"),
                             ([], "--graphite")]:
        done = ours.cli("compare", *arguments, check=False)
        assert done.returncode == 2 and words in done.stderr, done
