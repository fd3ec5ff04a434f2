"""Debian's Nagios in compressed time: a month in about a minute. Nothing of Nagios is changed but its clock
(`nagios_clock.c`, preloaded): it goes on as soon as there is nothing left to do. Checks and notification commands are
done by this process, as one of the workers that Nagios lets register at its query socket, so that no program is run."""
import fcntl
import mmap
import os
import pathlib
import re
import socket
import struct
import subprocess
import termios
import time

from support.nagios import Nagios
from support.server import ROOT

SECOND = 1_000_000_000
END = b"\1\0\0\0"
# Files that nobody reads meanwhile would be written every few seconds of its time.
SETTINGS = """status_update_interval=86400
process_performance_data=0
retain_state_information=0
log_rotation_method=d
"""


def library(directory):
    """The clock, compiled."""
    source, target = ROOT / "scenarios" / "support" / "nagios_clock.c", directory / "nagios_clock.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", target, source, "-ldl"], check=True, timeout=60)
    return target


class TimedNagios:
    """`answer(command line, second)` -> (exit status, text, seconds that it takes). `commands`: (second, line), in order."""

    def __init__(self, home, objects, settings, begin, until, answer, commands, zone="UTC"):
        self.home, self.begin, self.until, self.answer = home, begin, until, answer
        self.commands = list(reversed(commands))
        home.mkdir(parents=True)
        home.chmod(0o777)
        # Run by Nagios's own workers until this process has registered.
        self.programs = {}
        for name in ("check", "tell"):
            self.programs[name] = home / name
            self.programs[name].write_text("#!/bin/sh\necho fine\n")
            self.programs[name].chmod(0o755)
            objects = objects.replace(f"{{{name}}}", str(self.programs[name]))
        self.shared = self._shared()
        environment = {"LD_PRELOAD": str(library(home)), "NAGIOS_CLOCK": str(home / "clock"), "TZ": zone,
                       "NAGIOS_CLOCK_SOCKET": str(home / "clock.socket")}
        self.nagios = Nagios(home / "nagios", objects, SETTINGS + settings, environment=environment)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(home / "clock.socket"))
        (home / "clock.socket").chmod(0o777)
        self.listener.listen(1)
        self.results, self.checks, self.told = [], 0, 0

    def _shared(self):
        with open(self.home / "clock", "w+b") as file:
            file.write(struct.pack("qq", self.begin * SECOND, 0))
            file.flush()
            os.fchmod(file.fileno(), 0o666)
            return mmap.mmap(file.fileno(), 16)

    def run(self):
        self.nagios.start()
        try:
            reader = re.search(r"command file worker with pid (\d+)", self.nagios.log())[1]
            self.reader = pathlib.Path(f"/proc/{reader}/stat")
            self.worker = self._registered()
            self.shared[8:16] = struct.pack("q", 1)
            # It looks at the clock again within 1.5 s.
            self.listener.settimeout(20)
            self.clock, _ = self.listener.accept()
            self._serve()
        finally:
            self.shared[8:16] = struct.pack("q", 0)
            self.listener.close()
            if hasattr(self, "clock"):
                self.clock.close()
            stopped = self.nagios.stop()
        assert stopped, "Nagios did not stop"
        return self

    def _registered(self):
        worker = socket.socket(socket.AF_UNIX)
        worker.connect(str(self.nagios.home / "nagios.qh"))
        worker.sendall(f"@wproc register name=month;pid={os.getpid()};max_jobs=10000;plugin={self.programs['check']};plugin={self.programs['tell']}\0".encode())
        worker.settimeout(20)
        assert worker.recv(3) == b"OK\0"
        worker.setblocking(False)
        self.unread = b""
        return worker

    def _serve(self):
        while True:
            asked = self.clock.recv(8, socket.MSG_WAITALL)
            assert len(asked) == 8, f"Nagios has ended: {self.nagios.log()[-2000:]}"
            now, wanted = struct.unpack("q", self.shared[:8])[0], struct.unpack("q", asked)[0]
            if now >= self.until * SECOND:
                return
            # Whatever was done now is to be looked at before time goes on.
            done = self._take_jobs(now) + self._send_results(now) + self._send_commands(now)
            next_of_ours = min([self.until * SECOND] + [at for at, _ in self.results] + [at * SECOND for at, _ in self.commands[-1:]])
            answer = now if done else max(now, min(wanted, next_of_ours))
            self.clock.sendall(struct.pack("qq", answer, next_of_ours - 1))

    def _take_jobs(self, now):
        try:
            self.unread += self.worker.recv(1 << 20)
        except BlockingIOError:
            return 0
        *jobs, self.unread = self.unread.split(END)
        for job in jobs:
            fields = dict(pair.split(b"=", 1) for pair in job.split(b"\0") if b"=" in pair)
            command, seconds = fields[b"command"].decode(), 0
            if fields[b"type"] == b"0":
                self.checks += 1
                status, text, seconds = self.answer(command, now // SECOND)
            else:
                self.told += 1
                status, text = 0, ""
            end = now + int(seconds * SECOND)
            values = {"job_id": fields[b"job_id"].decode(), "type": fields[b"type"].decode(), "start": stamp(now), "stop": stamp(end),
                      "runtime": f"{seconds:.6f}", "exited_ok": 1, "wait_status": status << 8, "outstd": text, "outerr": ""}
            self.results.append((end, b"\0".join(f"{key}={value}".encode() for key, value in values.items()) + b"\0" + END))
        return len(jobs)

    def _send_results(self, now):
        due = [text for at, text in self.results if at <= now]
        if due:
            self.results = [(at, text) for at, text in self.results if at > now]
            self.worker.setblocking(True)
            self.worker.sendall(b"".join(due))
            self.worker.setblocking(False)
        return len(due)

    def _send_commands(self, now):
        lines = []
        while self.commands and self.commands[-1][0] * SECOND <= now:
            lines.append(self.commands.pop()[1])
        if lines:
            self.nagios.command(*lines, at=now // SECOND)
            while not self._handed_on():
                time.sleep(0.0005)
        return len(lines)

    def _handed_on(self):
        """Nagios's own worker has read the command file to its end, and waits for more: what it read it has passed on before that."""
        if struct.unpack("i", fcntl.ioctl(self.nagios.fifo, termios.FIONREAD, b"\0" * 4))[0]:
            return False
        return self.reader.read_text().rpartition(")")[2].split()[0] == "S"


def stamp(moment):
    return f"{moment // SECOND}.{moment % SECOND // 1000:06}"
