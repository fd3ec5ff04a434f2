"""10,000 checks a minute with a plugin that does nothing, beside a plugin that hangs, one that floods and a host that
does not answer: how late checks start, and what it takes."""
import math
import socket
import time

from support.server import Bellwether, free_port

from . import processes
from .figures import Line, Note, number

CHECKS = 10_000
HOSTS = 500
INTERVAL = 60


def measure(directory, sizes):
    dead = hanging()
    server = Bellwether(directory / "server", configuration(dead.getsockname()[1]), binary=processes.binary())
    processes.STARTED.append(server)
    server.start()
    # The first interval is the spread after the start; the second is as every other.
    time.sleep(INTERVAL + 5)
    pid, begun, before = server.process.pid, time.monotonic(), processes.cpu_seconds(server.process.pid)
    time.sleep(sizes.check_seconds)
    seconds = time.monotonic() - begun
    own = (processes.cpu_seconds(pid) - before) / seconds
    late = sorted(latencies(server, sizes.check_seconds))
    states = [point for points in server.points("checks.disturbing.*.result.state", **{"from": "-5min"}).values() for _, point in points]
    resident = processes.resident_bytes(pid)
    server.stop()
    dead.close()
    rate = len(late) / seconds * 60
    p99 = late[math.ceil(len(late) * 0.99) - 1]
    return [
        Line(f"{CHECKS:,} checks a minute: results a minute", number(rate), "", rate, CHECKS * 0.97, at_least=True, unit=""),
        Line("they start later than their time, p99", f"{number(p99)} s", "", p99, 1, unit="s"),
        Note("… the latest", f"{number(late[-1])} s", "", late[-1], unit="s"),
        Note("share of a core, plugins apart", f"{number(own * 100)} %", "", own * 100, unit="%"),
        Note("resident", f"{number(resident / 1e6)} MB", "", resident / 1e6, unit="MB"),
        Line("what hangs, floods and is dead beside them is CRITICAL", f"{len(states)} results", "", min(states, default=0), 2,
             at_least=True, unit="state"),
    ]


def latencies(server, seconds):
    found = server.points("checks.host*.*.result.latency_seconds", **{"from": f"-{seconds}s"})
    return [value for points in found.values() for _, value in points]


def hanging():
    """A port that takes connections and says nothing."""
    listening = socket.create_server(("127.0.0.1", free_port()), backlog=100)
    return listening


def configuration(dead):
    text = ['[[host]]\nname = "disturbing"\naddress = "127.0.0.1"\n']
    text += [f'[[host]]\nname = "host{n}"\n' for n in range(HOSTS)]
    for n in range(CHECKS):
        text.append(f'[[check]]\nname = "c{n}"\nhost = "host{n % HOSTS}"\ncommand = ["/bin/true"]\ncheck_interval = "{INTERVAL}s"\n')
    beside = {"hangs": 'command = ["/bin/sleep", "600"]', "floods": 'command = ["/usr/bin/yes"]',
              "dead": f'type = "nrpe"\nport = {dead}\ntls = false'}
    for name, what in beside.items():
        text += [f'[[check]]\nname = "{name}{n}"\nhost = "disturbing"\n{what}\ntimeout = "20s"\ncheck_interval = "30s"\n' for n in range(10)]
    return "".join(text)
