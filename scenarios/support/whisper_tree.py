"""Trees of whisper files as carbon leaves them, made by whisper itself, and what whisper says is in them."""
import contextlib
import dataclasses
import hashlib
import math
import pathlib
import pickle
import re
import time
import urllib.parse

import whisper

METHODS = ["average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin"]
FACTORS = [0.0, 0.1, 0.5, 0.5, 0.9, 1.0]
# Carbon's examples, steps that divide nothing of ours, one archive only, a very short one, five years.
POLICIES = [
    [(60, 1440), (300, 2016), (3600, 2160)], [(10, 2160), (60, 1440), (600, 4320)], [(1, 3600), (60, 1440)],
    [(7, 500), (49, 600), (245, 900)], [(60, 1440)], [(1, 12), (6, 40)], [(600, 700), (86400, 1825)], [(37, 2000)],
    [(1, 600), (10, 600), (60, 600), (600, 600)],
]
update_archive = getattr(whisper, "__archive_update_many")
read_header = getattr(whisper, "__readHeader")
fetch_archive = getattr(whisper, "__archive_fetch")


@dataclasses.dataclass
class File:
    name: str
    path: pathlib.Path

    def archives(self):
        return [(archive["secondsPerPoint"], archive["retention"]) for archive in whisper.info(str(self.path))["archives"]]

    def fetch(self, retention, now, until=None):
        """(start, step, values) of the archive that is kept so long."""
        (start, _, step), values = whisper.fetch(str(self.path), now - retention, until or now, now)
        return start, step, values


def path_of(root, name, hashed=True):
    if ";" not in name:
        return root / (name.replace(".", "/") + ".wsp")
    digits = hashlib.sha256(name.encode()).hexdigest()
    stem = digits if hashed else name.replace(".", "_DOT_")
    return root / "_tagged" / digits[:3] / digits[3:6] / f"{stem}.wsp"


def create(root, name, archives, factor=0.5, method="average", hashed=True):
    path = path_of(root, name, hashed)
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), archives, factor, method)
    return File(name, path)


def write_apart(file, archive, points):
    """Straight into one archive, and whatever whisper then makes of it in the coarser ones."""
    with open(file.path, "r+b") as handle:
        header = read_header(handle)
        update_archive(handle, header, header["archives"][archive], sorted(points))


def random_value(rng):
    return rng.choice([lambda: rng.randint(-5, 1000), lambda: round(rng.uniform(-10, 10), 2), rng.random,
                       lambda: 0.0, lambda: -0.0, lambda: 1e300, lambda: 5e-324])()


def fill(rng, file, now):
    """One of the ways in which real files came to be what they are."""
    archives = file.archives()
    kind = rng.random()
    if kind < 0.08:
        return
    share = rng.choice([1.0, 1.0, 0.7, 0.02])
    oldest = rng.choice([0, 0, 3]) * archives[0][0]
    for index in reversed(range(len(archives))):
        step, retention = archives[index]
        count = min(retention // step, 400)
        points = [(now - oldest - at * step, random_value(rng)) for at in range(count) if rng.random() < share]
        if index == 0:
            points = [point for point in points if now - point[0] < retention]
            whisper.update_many(str(file.path), points, now)
        elif points:
            # Written under another policy once: what is here is not what the finer ones would give.
            write_apart(file, index, [(time - time % step, value) for time, value in points])
    if kind < 0.2:
        # A ring that has gone round, and a point of the round before.
        step, retention = archives[0]
        whisper.update_many(str(file.path), [(now - retention + step + 1, 42.5)], now)


def make(rng, root, count, now):
    """A tree of `count` files of all kinds."""
    files = []
    for index in range(count):
        name = rng.choice([f"servers.web{index % 7:02}.cpu{index}.load", f"größe.{index}.mit blank", f"a.b{index}",
                           f"deep.{'.'.join('abcdefgh')}.n{index}", f"odd.{index}.ab-c:d=e,f",
                           f"disk.used{index};dc=dc{index % 3};server=web.{index}"])
        file = create(root, name, rng.choice(POLICIES), rng.choice(FACTORS), rng.choice(METHODS),
                      hashed=rng.random() < 0.5)
        fill(rng, file, now)
        files.append(file)
    return files


def names_list(files):
    return "".join(f"{file.name}\n" for file in files if ";" in file.name)


def same(ours, theirs):
    if ours is None or theirs is None:
        return ours is theirs
    return ours == theirs and math.copysign(1, ours) == math.copysign(1, theirs)


def differences(server, files, now, until=None, gone=0, at_once=200):
    """What the server answers to each window that selects one archive of one file, where it is not what whisper
    says; as texts. `gone` seconds at the beginning of each archive are not looked at, nor are archives of which nothing
    is young enough to be kept any more."""
    found = []
    windows = {}
    for file in files:
        for _, retention in file.archives():
            if time.time() - now >= retention:
                continue
            windows.setdefault(retention, []).append(file)
    for retention, group in windows.items():
        for at in range(0, len(group), at_once):
            part = group[at:at + at_once]
            targets = [("target", quoted(file.name)) for file in part]
            answered = render(server, targets, now - retention, until or now, now)
            for file in part:
                wanted = file.fetch(retention, now, until)
                got = answered.get(file.name)
                found += compare(file, got, wanted, now - retention + gone)
    return found


def quoted(name):
    """A target that finds the series: what the target language has no place for is a `?`."""
    if ";" in name:
        return f"seriesByTag({', '.join(tag_expressions(name))})"
    return re.sub(r"[^A-Za-z0-9_.-]", "?", name)


def tag_expressions(name):
    metric, *tags = name.split(";")
    return [f"'name={metric}'", *(f"'{tag}'" for tag in tags)]


def render(server, targets, start, until, now):
    query = urllib.parse.urlencode([*targets, ("from", start), ("until", until), ("now", now), ("format", "pickle")])
    answer = server.post("/render", query, {"Content-Type": "application/x-www-form-urlencoded"}, timeout=120)
    assert answer.status == 200, answer.text
    return {series["name"]: (series["start"], series["step"], series["values"]) for series in pickle.loads(answer.body)}


def compare(file, got, wanted, since=0):
    if got is None:
        return [f"{file.name} is not there"]
    if (got[0], got[1], len(got[2])) != (wanted[0], wanted[1], len(wanted[2])):
        return [f"{file.name}: {got[0], got[1], len(got[2])} instead of {wanted[0], wanted[1], len(wanted[2])}"]
    start, step, values = wanted
    differ = [(start + at * step, ours, theirs) for at, (ours, theirs) in enumerate(zip(got[2], values))
              if not same(ours, theirs) and start + at * step > since]
    return [f"{file.name} step {step}: {len(differ)} slots differ, first {differ[0]}"] if differ else []


@contextlib.contextmanager
def untouched(root):
    """Neither bytes nor times of any file below may change."""
    def look():
        return {path: (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).digest())
                for path in sorted(root.rglob("*.wsp")) if path.is_file()}
    before = look()
    yield
    assert look() == before, "the tree was changed"
