"""The same scenarios for the original statsd, Bellwether's aggregation and the whole binary: a flush interval is
`interval(packets, admin)`, which answers the names and values of its flush and the admin commands' texts."""
import json
import math
import os
import pathlib
import queue
import re
import signal
import socket
import subprocess
import threading
import time

from support.examples import example
from support.server import ROOT, Bellwether, free_port

SCENARIOS = ROOT / "scenarios"


# Not one second, so that a rate is not a count.
FLUSH_SECONDS = 2


class Lost(Exception):
    """Datagrams did not reach the original in the interval that they were meant for."""


class Original:
    """npm's statsd with its graphite backend pointed at a sink in this process."""

    def __init__(self, directory, config):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.sink = Sink()
        self.config_file = self.directory / "config.js"
        self.config_file.write_text(json.dumps({
            "port": self.port, "address": "127.0.0.1", "mgmt_port": self.admin_port,
            "mgmt_address": "127.0.0.1", "graphiteHost": "127.0.0.1", "graphitePort": self.sink.port,
            "flushInterval": FLUSH_SECONDS * 1000, "automaticConfigReload": False, **config}))
        home = pathlib.Path(os.environ.get("STATSD_ORIGINAL", SCENARIOS / "node_modules" / "statsd"))
        assert (home / "stats.js").exists(), f"{home} is missing: run `npm ci` in scenarios/"
        self.log = open(self.directory / "log", "wb")
        self.process = subprocess.Popen(
            ["node", "--no-deprecation", "stats.js", str(self.config_file)], cwd=home,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.out = socket.socket(type=socket.SOCK_DGRAM)
        # The first flush tells where the intervals lie.
        self.next_flush()

    def interval(self, packets, admin=()):
        for index, packet in enumerate(packets):
            self.out.sendto(packet, ("127.0.0.1", self.port))
            if index % 10 == 9:
                time.sleep(0.001)
        answers = answers_within(self.admin_port, len(packets), admin)
        return self.next_flush(), answers

    def next_flush(self):
        try:
            return self.sink.next_flush()
        except queue.Empty:
            raise AssertionError(f"no flush of the original: {(self.directory / 'log').read_text()}") from None

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()
        self.out.close()
        self.sink.close()


class Binary:
    """The binary itself over UDP and the admin port. Its flushes are read from the Carbon that it forwards to,
    which shows every name as it is written."""

    def __init__(self, directory, toml):
        self.stream = Stream()
        self.server = Bellwether(directory, "".join([
            "[collectors]\nhost = false\n[self]\nseries = false\n",
            f"[[carbon.forward]]\naddress = '127.0.0.1:{self.stream.port}'\n",
            f"[statsd]\nflush_interval = '{FLUSH_SECONDS}s'\n", toml]))
        self.server.start()
        self.out = socket.socket(type=socket.SOCK_DGRAM)
        # One flush, as with the others.
        self.seen = self.stream.flush_after(0)[0]

    def interval(self, packets, admin=()):
        begun = self.seen
        for packet in packets:
            self.out.sendto(packet, ("127.0.0.1", self.server.ports["statsd"]))
        answers = answers_within(self.server.ports["admin"], len(packets), admin)
        self.seen, points = self.stream.flush_after(begun)
        if self.seen != begun + FLUSH_SECONDS:
            raise Lost(f"the flush after {begun} was at {self.seen}")
        return points, answers

    def stop(self):
        self.server.stop()
        self.out.close()
        self.stream.close()


class Stream:
    """Takes Carbon lines over connections that stay; the lines of one second are one flush."""

    LAST_OF_A_FLUSH = re.compile(r"graphiteStats\.flush_length\b")

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.flushes = queue.Queue()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.read, args=[connection], daemon=True).start()

    def read(self, connection):
        points = {}
        with connection, connection.makefile("r", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                name, value, seconds = line.rstrip("\n").rsplit(" ", 2)
                points[name] = float(value)
                if self.LAST_OF_A_FLUSH.search(name):
                    self.flushes.put((int(seconds), points))
                    points = {}

    def flush_after(self, seconds):
        while True:
            at, points = self.flushes.get(timeout=60)
            if at > seconds:
                return at, points

    def close(self):
        self.listener.close()


class Sink:
    """Takes Carbon lines; each connection is one flush."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.flushes = queue.Queue()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                data = b"".join(iter(lambda: connection.recv(1 << 16), b""))
            self.flushes.put(data.decode())

    def next_flush(self):
        """Names and values; what Carbon would drop is left out."""
        points = {}
        for line in self.flushes.get(timeout=60).splitlines():
            name, value, _ = line.rsplit(" ", 2)
            number = {"undefined": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}.get(value)
            number = float(value) if number is None else number
            if not math.isnan(number):
                points[name] = number
        return points

    def close(self):
        self.listener.close()


def answers_within(port, packets, commands):
    """The answers to commands while so many packets are taken and not yet flushed, or `Lost`: this machine was too busy, or a flush came
    in between."""
    end = time.monotonic() + FLUSH_SECONDS / 2
    while not is_counted(port, packets):
        if time.monotonic() > end:
            raise Lost(f"{packets} packets were not received within an interval")
        time.sleep(0.01)
    answers = [admin_answer(port, command) for command in commands]
    if commands and not is_counted(port, packets):
        raise Lost("a flush came before the last answer")
    return answers


def is_counted(port, packets):
    """So many were received since the last flush. Deleted by command, the number is none or not a number until the next."""
    counted = re.search(r"\.packets_received': (\w+)", admin_answer(port, "counters"))
    return counted is None or counted[1] in ("NaN", str(packets))


# How answers begin that are not followed by `END`.
ENDLESS = (b"health: ", b"Commands: ", b"ERROR\n", b"\n")


def admin_answer(port, command):
    """Until `END`, however long a busy machine takes for it, or, where an answer has no end, until nothing more comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(command.encode() + b"\n")
        answer = b""
        try:
            while not answer.endswith(b"END\n\n"):
                connection.settimeout(0.2 if answer.startswith(ENDLESS) else 60)
                part = connection.recv(1 << 16)
                if not part:
                    break
                answer += part
        except TimeoutError:
            assert answer.startswith(ENDLESS), f"no end of the answer to {command}: {answer}"
    return answer.decode()


def driver_binary():
    return example("statsd_driver")


class InProcess:
    """The aggregation alone: `crates/statsd/examples/statsd_driver.rs`. Its seconds are made up."""

    def __init__(self, binary, toml):
        self.now = 1_000_000
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ask(config=f'flush_interval = "{FLUSH_SECONDS}s"\n' + toml)
        self.interval([])

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request | {"now": self.now}) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"the driver ended at {request}"
        return json.loads(answer)

    def interval(self, packets, admin=()):
        self.ask(packets=[packet.hex() for packet in packets])
        answers = [self.ask(admin=command)["answer"] for command in admin]
        self.now += FLUSH_SECONDS
        points = self.ask(flush=self.now)["points"]
        assert all(seconds == self.now for _, seconds, _ in points)
        return {name: float(value) for name, _, value in points}, answers

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def answers_of(original, play):
    """What `play` gets from an original, which is started again if this machine was too busy for it."""
    for attempt in range(3):
        server = original(attempt)
        try:
            return play(server)
        except Lost as lost:
            print(lost)
        finally:
            server.stop()
    raise AssertionError("three times datagrams were lost on the way to the original")
