"""A whisper tree into a running server that takes 50,000 points a second by Carbon meanwhile: what the import adds to
the processor time of the whole process. And whisper itself, reading the same files."""
import json
import random
import shutil
import subprocess
import time

import whisper

from support import whisper_tree as tree

from . import processes
from .figures import Line, Note
from .stores import Ours

ARCHIVES = [(10, 8_640), (60, 10_080), (600, 8_640)]
# Files of different values; the tree is made of copies, for whisper takes a second to write a million points.
TEMPLATES = 24
LIVE_RATE = 50_000


def measure(directory, sizes):
    now = int(time.time())
    root = directory / "whisper"
    files, points = grow(directory, root, sizes.import_files, now)
    ours = Ours(directory, "[storage]\nmin_free = \"64MiB\"\n")
    calm = live(ours, 4)
    begun, cpu = time.monotonic(), processes.cpu_seconds(ours.pid)
    load = start_live(ours, 600 if sizes.import_files > 1_000 else 60)
    time.sleep(1)
    said = json.loads(ours.server.cli("import", "whisper", str(root), "--json").stdout)
    seconds, spent = time.monotonic() - begun, processes.cpu_seconds(ours.pid) - cpu
    load.terminate()
    load.wait()
    if (said["points"], said["imported"]) != (points, sizes.import_files):
        raise RuntimeError(f"{said} of {points} points in {sizes.import_files} files")
    check(ours.server, files, now)
    after = processes.cpu_seconds(ours.pid)
    processes.settle(ours.pid, 60)
    merged = processes.cpu_seconds(ours.pid) - after
    ours.stop()
    added = spent - calm * seconds
    theirs = read_by_whisper(files[:TEMPLATES], now)
    return [
        Line(f"import of {sizes.import_files} whisper files beside {LIVE_RATE:,} points/s", rate(points / added), "",
             points / added / 1e6, 15, at_least=True, unit="M/s a core"),
        Note("import: whisper's own fetch of the same files", rate(points / added), rate(theirs), points / added / theirs),
        Note("import: wall time", rate(said["points"] / said["seconds"]), "", said["points"] / said["seconds"] / 1e6,
             unit="M/s"),
        Note("import: merges afterwards, CPU per million", "", "", merged / points * 1e6, unit="s"),
    ]


def rate(points_a_second):
    return f"{points_a_second / 1e6:.1f} M/s a core"


def grow(directory, root, count, now):
    """The files, and how many points they hold."""
    rng = random.Random(1)
    kinds = [lambda at: rng.randrange(500), lambda at: round(100 + 20 * rng.random(), 2), lambda at: rng.random() * 1e3,
             lambda at: float(at // 7), lambda at: 42.0, lambda at: rng.randrange(1, 9) / 3]
    templates, points = [], 0
    for index in range(TEMPLATES):
        file = tree.create(directory / "templates", f"t{index}", ARCHIVES)
        for archive, (step, length) in enumerate(ARCHIVES):
            make = kinds[index % len(kinds)]
            tree.write_apart(file, archive, [(now - now % step - at * step, float(make(at))) for at in range(length)])
        templates.append(file)
    files = []
    for index in range(count):
        file = tree.File(f"imported.host{index // 20}.n{index}", tree.path_of(root, f"imported.host{index // 20}.n{index}"))
        file.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(templates[index % TEMPLATES].path, file.path)
        files.append(file)
    for file in templates:
        points += sum(value is not None for _, kept in file.archives() for value in file.fetch(kept, now)[2])
    return files, points * count // TEMPLATES


def check(server, files, now):
    bad = tree.differences(server, files[::max(1, len(files) // 100)], now, gone=120)
    if bad:
        raise RuntimeError(f"{len(bad)} archives differ, such as {bad[:3]}")


def start_live(ours, seconds):
    arguments = ["bench", "carbon", "--rate", str(LIVE_RATE), "--seconds", str(seconds), "--series", "50000", "--json"]
    return subprocess.Popen([ours.server.binary, *arguments, "--config", str(ours.server.config_file)],
                            env=ours.server.environment(), cwd=ours.server.directory, stdout=subprocess.DEVNULL)


def live(ours, seconds):
    """CPU seconds a second of the live points alone."""
    load = start_live(ours, 600)
    time.sleep(2)
    cpu, begun = processes.cpu_seconds(ours.pid), time.monotonic()
    time.sleep(seconds)
    share = (processes.cpu_seconds(ours.pid) - cpu) / (time.monotonic() - begun)
    load.terminate()
    load.wait()
    return share


def read_by_whisper(files, now):
    begun, points = time.process_time(), 0
    for file in files:
        for _, kept in file.archives():
            points += sum(value is not None for value in file.fetch(kept, now)[2])
    return points / (time.process_time() - begun)
