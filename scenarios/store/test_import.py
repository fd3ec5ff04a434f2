"""Whisper trees in and out: every point of every archive, as whisper itself reads it, while points come in.

`BELLWETHER_LONG` makes trees of 2,500 files and 50,000 points a second beside them; `STORE_SEED` repeats a run.
"""
import json
import math
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
import whisper

from support import whisper_tree as tree
from support.server import Bellwether, free_port, wait_for

LONG = "BELLWETHER_LONG" in os.environ
FILES = 2_500 if LONG else 90
RATE = 50_000 if LONG else 2_000
PYTHON = sys.executable
ORIGINAL = pathlib.Path(__file__).resolve().parents[1] / "support" / "graphite_original.py"
QUIET = """
[collectors]
host = false
[self]
series = false
[statsd]
udp = "off"
tcp = "off"
admin = "off"
[storage]
min_free = "16MiB"
"""


@pytest.fixture
def rng():
    seed = int(os.environ.get("STORE_SEED", random.randrange(1 << 32)))
    print("seed", seed)
    return random.Random(seed)


def made(rng, tmp_path, count=FILES):
    """A tree, its files, and the moment it was made."""
    root, now = tmp_path / "whisper", int(time.time())
    files = tree.make(rng, root, count, now)
    (tmp_path / "names").write_text(tree.names_list(files))
    settle()
    return root, files, now


def settle():
    """What was written within 50 ms of being read is read again the next time, so it would not count as done."""
    time.sleep(0.1)


def unstarted(tmp_path, config=QUIET, name="alone"):
    server = Bellwether(tmp_path / name, config, env={f"BELLWETHER_STATSD__{key}": "off" for key in ("UDP", "TCP", "ADMIN")})
    server.data_dir.mkdir(parents=True)
    return server


def run_import(server, root, *more, status=0):
    """The counts; they always add up."""
    names = root.parent / "names"
    command = [server.binary, "import", "whisper", str(root), "--json", "--tagged-names", str(names), *more]
    done = subprocess.run([*command, "--config", str(server.config_file)], capture_output=True, text=True,
                          env=server.environment(), cwd=server.directory, timeout=600)
    assert done.returncode == status, done.stdout + done.stderr
    counts = json.loads(done.stdout)
    sum_of = sum(counts[key] for key in ("imported", "empty", "refused", "already_done"))
    assert counts["files"] == sum_of and counts["refused"] == len(counts["refused_files"]), counts
    return counts


def refused(counts):
    return {one["path"]: one["why"] for one in counts["refused_files"]}


def check(server, files, now, until=None):
    bad = tree.differences(server, files, now, until)
    assert not bad, f"{len(bad)} differ, such as: {bad[:5]}"


class Traffic:
    """Points by Carbon, so many a second, for series of their own and for some that are imported."""

    def __init__(self, server, names):
        self.server, self.names, self.sent, self.ends = server, names, {}, threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()

    def run(self):
        with socket.create_connection(("127.0.0.1", self.server.ports["line"]), timeout=30) as out:
            while not self.ends.is_set():
                begun, now = time.monotonic(), int(time.time())
                points = [(name, now, now % 1000 + at) for at, name in enumerate(self.names)]
                out.sendall("".join(f"{name} {value} {when}\n" for name, when, value in points).encode())
                self.sent.update({(name, when): value for name, when, value in points})
                self.ends.wait(max(0.0, begun + 1 - time.monotonic()))
            out.shutdown(socket.SHUT_WR)
            # However long a busy machine takes until it has all of them.
            out.settimeout(300)
            assert out.recv(1) == b""


def test_every_point_beside_no_server(rng, tmp_path):
    root, files, now = made(rng, tmp_path)
    server = unstarted(tmp_path)
    with tree.untouched(root):
        counts = run_import(server, root)
        empty = sum(not any(any(v is not None for v in file.fetch(kept, now)[2]) for _, kept in file.archives())
                    for file in files)
        assert (counts["imported"], counts["empty"], counts["refused"]) == (len(files) - empty, empty, 0)
        assert run_import(server, root)["already_done"] == len(files)
        server.start()
        try:
            check(server, files, now)
            assert run_import(server, root, "--again")["imported"] == counts["imported"]
            check(server, files, now)
            server.cli("storage", "compact")
            check(server, files, now)
            server.kill()
            server.start()
            check(server, files, now)
            policies(server, files)
        finally:
            server.stop()


def policies(server, files):
    """Method, factor and archives are the file's."""
    for file in [file for file in files if tree.quoted(file.name) == file.name][:20]:
        said = server.get(f"/api/v1/describe?name={file.name}").json
        info = whisper.info(str(file.path))
        text = json.dumps(said)
        assert f'"{info["aggregationMethod"]}"' in text, (said, info)


def test_every_point_while_points_come_in(rng, tmp_path):
    root, files, now = made(rng, tmp_path)
    server = unstarted(tmp_path).start()
    try:
        # A third of them to series that are imported, with what comes after the tree's last point.
        own = [f"live.n{index}" for index in range(RATE - FILES // 3)]
        taken = [file.name for file in files if tree.quoted(file.name) == file.name][:FILES // 3]
        with Traffic(server, own + taken) as traffic, tree.untouched(root):
            time.sleep(1.5)
            counts = run_import(server, root)
            assert counts["refused"] == 0
            time.sleep(1.5)
        untaken = [file for file in files if file.name not in taken]
        check(server, untaken, now)
        finest = [file for file in files if file.name in taken]
        for file in finest:
            step, kept = file.archives()[0]
            start, _, theirs = file.fetch(kept, now)
            mine = dict(server.points(file.name, **{"from": now - kept, "until": now, "now": now})[file.name])
            live = {when - when % step for name, when in traffic.sent if name == file.name}
            wanted = {start + at * step: value for at, value in enumerate(theirs) if value is not None}
            wrong = [when for when, value in wanted.items() if mine.get(when) != value and when not in live]
            assert not wrong, (file.name, step, wrong[:5])
        last = max(when for _, when in traffic.sent)
        for name in rng.sample(own, 20) + taken[:20]:
            step, kept = (1, 3600) if name in own else dict((f.name, f.archives()[0]) for f in finest)[name]
            sent = {}
            for (other, when), value in sorted(traffic.sent.items(), key=lambda item: item[0][1]):
                # Of an import that takes a while, as far back as the finest archive reaches.
                if other == name and when - when % step > last + step - kept:
                    sent[when - when % step] = value
            got = dict(server.points(name, **{"from": min(sent) - 1, "until": last + step, "now": last + step})[name])
            assert {when: got.get(when) for when in sent} == sent, name
    finally:
        server.stop()


def large(rng, root, count, now, points=8_000):
    """Files that take a while."""
    files = []
    for index in range(count):
        file = tree.create(root, f"large.n{index}", [(1, points), (60, points // 10)], 0.0, "max")
        values = [rng.random() for _ in range(100)]
        whisper.update_many(str(file.path), [(now - at, values[at % 100]) for at in range(points)], now)
        files.append(file)
    settle()
    return files


def begun(server, root, done):
    """An import that runs, with so many files done at least."""
    process = subprocess.Popen(
        [server.binary, "import", "whisper", str(root), "--jobs", "1", "--config", str(server.config_file)],
        env=server.environment(), cwd=server.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lists = server.data_dir / "import"
    noted = lambda: sum(len(path.read_bytes().splitlines()) for path in lists.glob("*.jsonl"))
    wait_for(lambda: noted() >= done or process.poll() is not None, what="some files", pause=0.005)
    assert process.poll() is None, "the import was over before it could be interrupted: make the tree larger"
    return process, noted


@pytest.mark.parametrize("what", ["server", "client", "alone", "interrupt"])
def test_killed_half_way_it_goes_on(rng, tmp_path, what):
    root, now = tmp_path / "whisper", int(time.time())
    files = large(rng, root, 70, now)
    (tmp_path / "names").write_text("")
    server = unstarted(tmp_path)
    if what != "alone":
        server.start()
    try:
        process, noted = begun(server, root, 16)
        if what == "server":
            server.kill()
            said = process.communicate(timeout=120)
            assert process.returncode == 1 and "goes on from there" in said[1], said
            server.start()
        else:
            process.send_signal(signal.SIGINT if what == "interrupt" else signal.SIGKILL)
            said = process.communicate(timeout=120)
            assert what != "interrupt" or (process.returncode == 1 and "goes on from there" in said[1]), said
        before = noted()
        counts = wait_for(lambda: retried(server, root), what="the import that was cut off to end")
        assert 16 <= before <= counts["already_done"] and counts["imported"] == 70 - counts["already_done"], counts
        if what == "alone":
            server.start()
        check(server, files, now)
        assert server.get("/api/v1/health").json["storage"]["lost"] == []
    finally:
        server.stop()


def retried(server, root):
    """What was cut off may still be at its last file."""
    done = server.cli("import", "whisper", str(root), "--json", check=False)
    if "another import" in done.stderr:
        return None
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_bad_files_are_named_and_the_others_imported(rng, tmp_path):
    root, files, now = made(rng, tmp_path, 30)
    good = files[:]
    some = lambda name: tree.create(root, name, [(60, 1440), (300, 2016)]).path

    def damaged(name, change):
        path = some(name)
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)
        return str(path.relative_to(root))

    cut = damaged("bad.cut", lambda data: data.__delitem__(slice(5_000, None)))
    zero = damaged("bad.zero", lambda data: data.clear())
    short = damaged("bad.short", lambda data: data.__delitem__(slice(20, None)))
    method = damaged("bad.method", lambda data: data.__setitem__(slice(0, 4), b"\0\0\0\x63"))
    step = damaged("bad.step", lambda data: data.__setitem__(slice(20, 24), b"\0\0\0\0"))
    noise = damaged("bad.noise", lambda data: data.__setitem__(slice(0, 52), rng.randbytes(52)))
    go = damaged("bad.go", lambda data: data.__setitem__(slice(0, 18), b"whisper_compressed"))
    (root / "bad/packed.wsp.gz").write_bytes(b"\x1f\x8b")
    (root / "bad/dangling.wsp").symlink_to(root / "nothing")
    os.mkfifo(root / "bad/pipe.wsp")
    (root / "bad/round").symlink_to(root)
    unknown = tree.create(root, "t;of=nobody", [(60, 10)])
    misplaced = root / "_tagged/000/000/t;a=b.wsp"
    misplaced.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(some("fine"), misplaced)
    good.append(tree.File("fine", root / "fine.wsp"))
    os.link(root / "fine.wsp", root / os.fsdecode(b"caf\xe9.wsp"))
    (root / "linked").symlink_to(root / "fine.wsp")
    (root / "also.wsp").symlink_to(root / "fine.wsp")
    good.append(tree.File("also", root / "fine.wsp"))
    (root / "note.txt").write_text("not one of these")
    control = some("bad.with\ttab")
    wanted = {
        cut: "cut off: 5000 bytes instead of", zero: "empty", short: "within its header",
        method: "no aggregation method 99", step: "step of 0", noise: "its header is damaged", go: "go-carbon",
        "bad/packed.wsp.gz": "gunzip", "bad/dangling.wsp": "No such file", "bad/pipe.wsp": "not a file",
        "bad/round": "link to a directory above", str(unknown.path.relative_to(root)): "--tagged-names",
        str(misplaced.relative_to(root)): "does not belong", "caf\ufffd.wsp": "not UTF-8",
        str(control.relative_to(root)): "control character",
    }
    server = unstarted(tmp_path).start()
    try:
        counts = run_import(server, root, status=1)
        found = refused(counts)
        assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
        for path, why in wanted.items():
            assert why in found[path], (path, found[path])
        check(server, good, now)
        said = server.cli("import", "whisper", str(root), check=False)
        assert said.returncode == 1 and f"refused: {cut}: it is cut off" in said.stdout, said.stdout
        assert len([line for line in said.stdout.splitlines() if line.startswith("refused: ")]) == len(wanted)
    finally:
        server.stop()


def test_wrong_usage_is_answered(tmp_path):
    server = unstarted(tmp_path).start()
    try:
        fails = lambda *words: server.cli(*words, check=False)
        (tmp_path / "empty").mkdir()
        done = fails("import", "whisper", str(tmp_path / "empty"))
        assert done.returncode == 1 and "no whisper file" in done.stderr
        done = fails("import", "whisper", str(tmp_path / "nowhere"))
        assert done.returncode == 1 and "No such file" in done.stderr
        done = fails("import", "whisper", str(server.data_dir))
        assert done.returncode == 1 and "data directory" in done.stderr
        done = fails("import", "whisper")
        assert done.returncode == 2
        done = fails("export", "whisper", str(tmp_path / "out"), "--prefix", "nobody.")
        assert done.returncode == 1 and "no series" in done.stderr and not (tmp_path / "out").exists()
        for what in ("import", "export"):
            answer = server.post(f"/api/v1/{what}/whisper", {"directory": str(tmp_path / "empty")})
            assert answer.status == 403 and "control socket" in answer.text
    finally:
        server.stop()


def test_prefixes_dry_runs_and_limits(rng, tmp_path):
    root, now = tmp_path / "whisper", int(time.time())
    (tmp_path / "names").write_text("")
    files = [tree.create(root, f"{group}.n{index}", [(60, 100)]) for group in "ab" for index in range(10)]
    for file in files:
        whisper.update_many(str(file.path), [(now - 60, 1.0)], now)
    server = unstarted(tmp_path, QUIET + "max_series = 15\nmax_new_series_per_minute = 1\n").start()
    try:
        counts = run_import(server, root, "--dry-run")
        assert counts["imported"] == 20 and server.get("/metrics/index.json").json == []
        assert run_import(server, root, "--prefix", "a.")["imported"] == 10
        counts = run_import(server, root, "--jobs", "1", status=1)
        assert (counts["already_done"], counts["imported"], counts["refused"]) == (10, 5, 5)
        assert all("max_series" in why for why in refused(counts).values())
    finally:
        server.stop()


def test_live_first_under_other_rules(tmp_path):
    """What was teed in before the import stays, in the archives of the file; at each of the five minutes of a coarse slot."""
    root, now = tmp_path / "whisper", int(time.time())
    (tmp_path / "names").write_text("")
    minute = now - now % 60
    archives = [(60, 1440), (300, 2016)]
    server = unstarted(tmp_path).start()
    # The one in the tree's last minute is ours already, with another value.
    teed = {f"phase{(end % 300) // 60}.a": (end, [(end - 180, 777.0), (end - 120, 5.0), (end - 60, 6.0)])
            for end in range(minute - 240, minute + 1, 60)}
    pasts = {name: [(end - 60 * at, float(at)) for at in range(3, 1400)] for name, (end, _) in teed.items()}
    try:
        for name, (_, live) in teed.items():
            server.carbon_send("".join(f"{name} {value} {when}\n" for when, value in live).encode())
        wait_for(lambda: [len(points) for points in server.points("phase*.a", **{"from": now - 900}).values()] == [3] * 5, what="live points")
        for name, past in pasts.items():
            file = tree.create(root, name, archives, 0.0, "sum")
            other = tree.create(root, name[:-1] + "b", archives, 0.0, "sum")
            for one in (file, other):
                whisper.update_many(str(one.path), past, now)
            end, live = teed[name]
            counts = run_import(server, root, "--prefix", name[:-1])
            # Where a coarse slot begins with that minute all of its points are ours: its sum stays too.
            all_ours = end % 300 == 180
            assert (counts["imported"], counts["kept"]) == (2, 1 + all_ours), (name, counts)
            got = server.points(name, **{"from": now - 86400, "until": now, "now": now})[name]
            assert dict(got) == {**dict(past), **dict(live)} and got[1][0] - got[0][0] == 60
            check(server, [other], now)
            coarse = dict(server.points(name, **{"from": now - 300 * 2016, "until": now, "now": now})[name])
            start, step, values = file.fetch(300 * 2016, now)
            first = (end - 180) // 300 * 300
            before = {start + at * step: value for at, value in enumerate(values) if value is not None and start + at * step < first}
            assert {when: value for when, value in coarse.items() if when < first} == before, name
            assert not all_ours or coarse[first] == 777.0 + 5.0 + 6.0, name
    finally:
        server.stop()


class Original:
    """graphite-web over a tree."""
    token = tls = None

    def __init__(self, directory, root):
        (directory / "storage").mkdir(parents=True)
        (directory / "storage/whisper").symlink_to(root)
        (directory / "series.json").write_text(json.dumps({"series": [], "events": [], "now": 0}))
        self.ports = {"http": free_port()}
        self.process = subprocess.Popen([PYTHON, str(ORIGINAL), str(directory), str(self.ports["http"])],
                                        stdout=subprocess.DEVNULL, stderr=open(directory / "log", "w"), cwd=directory)
        wait_for(self.answers, seconds=60, what="graphite-web")

    url, get, post, send, request = (getattr(Bellwether, name) for name in ("url", "get", "post", "send", "request"))

    def answers(self):
        assert self.process.poll() is None
        try:
            return self.get("/version/").status == 200
        except OSError:
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()


def close(a, b):
    """Sums of many may be rounded otherwise; a series alone is compared to the bit elsewhere."""
    return a is not None and b is not None and math.isclose(a, b, rel_tol=1e-12)


def test_it_renders_the_same_before_and_after(rng, tmp_path):
    root, files, now = made(rng, tmp_path, 60)
    original = Original(tmp_path / "original", root)
    server = unstarted(tmp_path).start()
    try:
        run_import(server, root)
        targets = ["servers.*.*.load", "sumSeries(servers.web0{0,1,2}.*.load)", "averageSeries(a.b*)",
                   "summarize(a.b*, '10min', 'max')", "movingAverage(odd.*.*, 5)", "deep.*.*.*.*.*.*.*.*.n*",
                   "sortByMaxima(servers.*.*.load)", "aliasByNode(gr??e.*.*, 0, 1)", "maxSeries(*.*)"]
        for target in targets:
            for back in (300, 3_600, 86_400, 7 * 86_400):
                ask = lambda side: tree.render(side, [("target", target)], now - back, now, now)
                theirs, ours = ask(original), ask(server)
                assert theirs.keys() == ours.keys(), (target, back)
                for name, wanted in theirs.items():
                    assert ours[name][:2] == wanted[:2] and len(ours[name][2]) == len(wanted[2]), (target, back)
                    differ = [(a, b) for a, b in zip(ours[name][2], wanted[2]) if a != b and not close(a, b)]
                    assert not differ, (target, back, name, differ[:3])
        find = lambda side: sorted(side.get("/metrics/index.json").json)
        tagged = {file.name for file in files if ";" in file.name}
        theirs = [name for name in find(original) if not name.startswith("_tagged")]
        assert theirs == [name for name in find(server) if name not in tagged]
    finally:
        original.stop()
        server.stop()


def test_what_is_exported_is_what_was_imported(rng, tmp_path):
    root, files, now = made(rng, tmp_path)
    first, second = unstarted(tmp_path), unstarted(tmp_path, name="second")
    out = tmp_path / "out"
    run_import(first, root)
    first.start()
    try:
        said = json.loads(first.cli("export", "whisper", str(out), "--json").stdout)
        assert (said["series"], said["written"], said["left"]) == (len(files), len(files), 0)
        exported = [tree.File(file.name, tree.path_of(out, file.name)) for file in files]
        for old, new in zip(files, exported):
            assert new.path.stat().st_size == old.path.stat().st_size
            before, after = whisper.info(str(old.path)), whisper.info(str(new.path))
            assert before == after, old.name
            for _, kept in old.archives():
                # What left the archive since is not there any more.
                bad = tree.compare(old, new.fetch(kept, now), old.fetch(kept, now), int(time.time()) - kept)
                assert not bad, bad
        assert not [path for path in out.rglob("*") if path.name.endswith(".unfinished")]
        kept = exported[0].path.read_bytes()
        exported[0].path.write_bytes(b"mine")
        said = json.loads(first.cli("export", "whisper", str(out), "--json").stdout)
        assert (said["written"], said["left"]) == (0, len(files)) and exported[0].path.read_bytes() == b"mine"
        first.cli("export", "whisper", str(out), "--overwrite", "--prefix", exported[0].name)
        assert exported[0].path.stat().st_size == len(kept)
        # The names of tagged series lie beside, and the next import finds them there.
        done = second.cli("import", "whisper", str(out), "--json", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        second.start()
        bad = tree.differences(second, files, now, gone=int(time.time()) - now)
        assert not bad, bad[:5]
        part = tmp_path / "part"
        first.cli("export", "whisper", str(part), "--target", "servers.*.*.load")
        assert {path.name for path in part.rglob("*.wsp")} <= {"load.wsp"}
    finally:
        first.stop()
        second.stop()


def test_carbon_goes_on_in_an_exported_file(tmp_path):
    """The way back: what was exported is what whisper writes into from then on."""
    server = unstarted(tmp_path, QUIET + '[[storage.retention]]\nname = "x"\npattern = ""\narchives = ["1s:1h", "1m:1d"]\n').start()
    try:
        now = int(time.time())
        server.carbon_send("".join(f"back.a {at} {now - at}\n" for at in range(300)).encode())
        wait_for(lambda: len(server.points("back.a", **{"from": now - 400}).get("back.a", [])) == 300, what="points")
        server.cli("export", "whisper", str(tmp_path / "out"))
        path = str(tmp_path / "out/back/a.wsp")
        whisper.update_many(path, [(now + 1, 5.0), (now - 3, 9.0)], now + 1)
        (start, _, step), values = whisper.fetch(path, now - 300, now + 1, now + 1)
        got = {start + at * step: value for at, value in enumerate(values) if value is not None}
        assert got == {**{now - at: float(at) for at in range(300)}, now + 1: 5.0, now - 3: 9.0}
    finally:
        server.stop()
