"""What it costs to send Carbon's points on by rule, beside carbon-relay: the same lines over TCP, the same fifty rules,
pickles to a sink that only reads."""
import subprocess
import time

from support.server import free_port, wait_for

from . import processes
from .carbon import connected
from .figures import Line, Note, median, number
from .stores import Lines

RULES = 50
SERIES = 1_000
SECONDS = 120


def measure(directory, sizes):
    from support.carbon_original import Daemon
    # carbon-relay takes some 20,000 a second.
    few = Lines(directory / "few", SERIES, 100, int(time.time()), 1)
    many = Lines(directory / "many", SERIES, 3_000, int(time.time()), 1)
    taken = {what: [] for what in ("plain", "rules", "original")}
    for turn in range(sizes.rounds):
        for what, rules in (("plain", 0), ("rules", RULES)):
            taken[what].append(ours(directory / f"{what}{turn}", many, rules))
        with Sink() as sink:
            files = {"relay-rules.conf": "".join(
                f"[r{index}]\npattern = {pattern(index)}\ndestinations = 127.0.0.1:{sink.port}\n" for index in range(RULES))
                + f"[rest]\ndefault = true\ndestinations = 127.0.0.1:{sink.port}\n"}
            original = Daemon(directory / f"original{turn}", "carbon-relay", files=files, RELAY_METHOD="rules",
                              DESTINATIONS=f"127.0.0.1:{sink.port}", MAX_QUEUE_SIZE=10_000_000)
            processes.STARTED.append(original)
            taken["original"].append(cost(original.process.pid, original.ports["line"], few))
            original.stop()
    cpu = {what: median(costs) for what, costs in taken.items()}
    name = f"Carbon relayed by {RULES} rules: CPU per million"
    return [
        Line(name, f"{number(cpu['rules'])} s", f"carbon-relay {number(cpu['original'])} s",
             cpu["rules"] / cpu["original"], 0.1),
        Note("the same, only received", f"{number(cpu['plain'])} s", "", cpu["rules"] / cpu["plain"]),
    ]


def pattern(index):
    return rf"^(host|server){index}\.(cpu|disk).*\.rate$"


def ours(directory, file, rules):
    directory.mkdir()
    ports = free_port(), free_port()
    with Sink() as sink:
        if rules:
            each = [("pattern", f"'{pattern(index)}'") for index in range(rules)] + [("default", "true")]
            (directory / "relay.toml").write_text("method = 'rules'\nstore = false\n" + "".join(
                f"[[rule]]\nname = '{index}'\n{key} = {value}\ndestinations = ['127.0.0.1:{sink.port}']\n"
                for index, (key, value) in enumerate(each)))
        process = processes.Process(directory, [
            processes.example("receive"), f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", str(SECONDS), str(directory)])
        wait_for(lambda: connected(ports[1]), what="the receiver").close()
        seconds = cost(process.pid, ports[1], file)
        process.stop()
    return seconds


def cost(pid, port, file):
    """CPU seconds per million points, what is put off included."""
    before = processes.cpu_seconds(pid)
    with connected(port) as out, open(file.path, "rb") as lines:
        out.sendfile(lines)
    processes.settle(pid)
    return (processes.cpu_seconds(pid) - before) / file.points * 1e6


class Sink:
    """The bare sink over TCP takes one connection: that of the relay."""

    def __enter__(self):
        self.port = free_port()
        self.process = subprocess.Popen([processes.example("bare_sink"), "tcp", f"127.0.0.1:{self.port}", str(SECONDS)],
                                        stdout=subprocess.DEVNULL)
        processes.STARTED.append(self)
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
