"""Programs that are measured: started with their output in a file, ended by their process id, and what they cost."""
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Missing(Exception):
    """A peer is not installed."""


def find(path, package):
    if not pathlib.Path(path).exists():
        raise Missing(f"{path} is missing: apt-get install --no-install-recommends {package}")
    return path


def example(name):
    """One of the rooms' examples, built for release."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = target / "release" / "examples" / name
    if not path.exists():
        raise Missing(f"{path} is missing: `cargo xtask bench` builds it")
    return str(path)


def binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return os.environ.get("BELLWETHER_BIN", str(target / "release" / "bellwether"))


# Whatever was started and can `stop`, which does nothing the second time.
STARTED = []


def stop_all():
    """After a failure, too, nothing goes on running."""
    while STARTED:
        STARTED.pop().stop()


class Process:
    def __init__(self, directory, arguments, **options):
        directory = pathlib.Path(directory)
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / "log"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, **options)
        self.pid = self.process.pid
        STARTED.append(self)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run(*arguments):
    """{word: number} of a tool that prints `word number word number`."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
    words = done.stdout.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def cpu_seconds(pid):
    """Of all threads, those that ended too, to the nanosecond: the process's own clock (clock_getcpuclockid)."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def settle(pid, seconds=20):
    """Until a process has done what it does afterwards: half a second with a tenth of a core or less."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = cpu_seconds(pid)
        time.sleep(0.5)
        if cpu_seconds(pid) - before < 0.05:
            return


def kernel_drops(port):
    """Datagrams that came for this port and found no room."""
    wanted = f":{port:04X}"
    lines = pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]
    return sum(int(line.split()[-1]) for line in lines if line.split()[1].endswith(wanted))


def bound(port):
    wanted = f":{port:04X}"
    lines = pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) for line in lines)


def bytes_under(*directories):
    files = (file for directory in directories for file in pathlib.Path(directory).rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files)
