"""What an agent takes on its machine, and how it comes back after the server was away."""
import time

from support.agent import Agent, tls_server
from support.server import Bellwether, wait_for

from . import processes
from .figures import Line, Note, number

SERIES_CALM, SERIES_BUSY = 500, 5_000
OUTAGE_SECONDS = 600
LOOKED_AT = 20


def measure(directory, sizes):
    server, agent = start(directory)
    cpu, resident = calm(agent, sizes.agent_seconds)
    away = outage(server, agent, sizes.agent_in_real_time)
    for one in (agent, server):
        one.stop()
    points = OUTAGE_SECONDS * SERIES_BUSY
    return [
        Line(f"agent, {SERIES_CALM} series/s: share of a core", f"{number(cpu * 100)} %", "", cpu * 100, 1, unit="%"),
        Line("resident", f"{number(resident / 1e6)} MB", "", resident / 1e6, 40, unit="MB"),
        Line(f"server away {OUTAGE_SECONDS} s at {SERIES_BUSY:,}/s: live again after", f"{number(away.live)} s", "",
             away.live, 5, unit="s"),
        Line(f"points missing then, of {LOOKED_AT} series", str(away.missing), "", away.missing, 0, unit=""),
        Note("its backlog sent", f"{number(points / away.sent / 1e6)} M/s", "", away.sent, unit="s"),
        Note("its backlog on disk", f"{number(away.bytes / 1e6)} MB", "", away.bytes / points, unit="B a point"),
    ]


def start(directory):
    def serve(config, **options):
        server = Bellwether(directory / "server", config, binary=processes.binary(), **options)
        processes.STARTED.append(server)
        return server.start()

    server, token = tls_server(serve, directory)
    server.token = token
    config = f'[agent]\ntoken = "{token}"\nca_file = "{directory}/server.pem"\n[collectors]\nhost_name = "calm"\n'
    agent = Agent(directory / "agent", server.url(""), config, binary=processes.binary())
    processes.STARTED.append(agent)
    return server, agent.start()


def calm(agent, seconds):
    """Share of a core and memory, with the host's numbers among the series."""
    others = SERIES_CALM - 60
    send = lambda: agent.carbon_send("".join(f"calm.s{n} {n} {int(time.time())}\n" for n in range(others)).encode())
    for warm in (True, False):
        begun, before = time.monotonic(), processes.cpu_seconds(agent.process.pid)
        for _ in range(3 if warm else seconds):
            send()
            time.sleep(1 - time.time() % 1)
        taken = processes.cpu_seconds(agent.process.pid) - before
    return taken / (time.monotonic() - begun), processes.resident_bytes(agent.process.pid)


class outage:
    """In real time, or with the past told as fast as it is taken."""

    def __init__(self, server, agent, in_real_time):
        self.server, self.agent = server, agent
        server.stop()
        end = int(time.time())
        for number_ in range(OUTAGE_SECONDS):
            at = int(time.time()) if in_real_time else end - OUTAGE_SECONDS + number_
            agent.carbon_send("".join(f"busy.s{n} {n + at % 1000} {at}\n" for n in range(SERIES_BUSY)).encode())
            if in_real_time:
                time.sleep(1 - time.time() % 1)
        time.sleep(1.3)
        self.bytes = processes.bytes_under(agent.data_dir / "spool")
        server.start()
        begun = time.monotonic()
        wait_for(self.is_live, seconds=120, what="the host's numbers to be live")
        self.live = time.monotonic() - begun
        wait_for(self.is_sent, seconds=600, pause=0.1, what="the backlog to be sent")
        self.sent = time.monotonic() - begun
        self.missing = sum(OUTAGE_SECONDS - len(points) for points in self.looked_at().values())

    def is_live(self):
        found = self.server.points("host.calm.load.1m", **{"from": "-10s"})
        return any(points and time.time() - points[-1][0] <= 2.5 for points in found.values())

    def is_sent(self):
        parts = self.server.get("/api/v1/health").json["parts"]
        return any(part["id"] == "agent.calm" and "nothing waits" in part["text"] for part in parts)

    def looked_at(self):
        step = SERIES_BUSY // LOOKED_AT
        names = ",".join(f"busy.s{n}" for n in range(0, SERIES_BUSY, step))
        found = self.server.points(f"group({names})", **{"from": f"-{OUTAGE_SECONDS + 300}s"})
        assert len(found) == LOOKED_AT
        return found
