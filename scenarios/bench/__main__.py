"""Bellwether's speed beside its peers', as a table of promises: `cargo xtask bench [PART ...] [--full]`.

Nothing is written but a temporary directory. Exit status 1: a promise does not hold, or a peer is missing."""
import argparse
import dataclasses
import pathlib
import sys
import tempfile
import time

from . import agent, carbon, checks, disk, errors, graphite, latency, memory, monitors, pages, processes, queries, relay, replay, rooms, screens, udp, whisper_import
from .figures import table

PARTS = {"udp": udp, "carbon": carbon, "latency": latency, "memory": memory, "disk": disk, "queries": queries,
         "graphite": graphite, "relay": relay, "rooms": rooms, "agent": agent, "checks": checks, "monitors": monitors, "pages": pages, "screens": screens,
         "replay": replay, "errors": errors,
         "import": whisper_import}


@dataclasses.dataclass
class Sizes:
    """The quick ones: all parts in three minutes on two cores."""
    rounds: int = 2
    peer_rounds: int = 1
    seconds: int = 2
    udp_rates: tuple = (20_000, 100_000)
    udp_peers_rate: int = 50_000
    carbon_series: int = 30_000
    # Within the window that is open.
    carbon_rounds: int = 60
    looks: int = 10
    slow_looks: int = 1
    memory_series: tuple = (100_000,)
    minute_pause: int = 0
    idle_seconds: int = 5
    disk_series: int = 100
    query_rounds: int = 360
    queries: int = 30
    room_seconds: int = 2
    agent_seconds: int = 10
    agent_in_real_time: bool = False
    import_files: int = 480
    check_seconds: int = 60
    monitors: int = 10_000
    monitor_seconds: int = 60
    pages: int = 50
    screens: int = 20
    acknowledgements: int = 30
    replay_series: int = 4
    replay_days: int = 5
    replay_rules: int = 200
    replay_services: int = 300
    errors: int = 2_000
    peer_errors: int = 60


FULL = Sizes(
    rounds=5, peer_rounds=3, seconds=5, udp_rates=(10_000, 20_000, 50_000, 100_000, 200_000), carbon_series=100_000,
    looks=50, slow_looks=3, memory_series=(100_000, 1_000_000), minute_pause=1, idle_seconds=60, disk_series=1_000,
    query_rounds=8_640, queries=100, room_seconds=5, agent_seconds=60, agent_in_real_time=True, import_files=2_400, check_seconds=300,
    monitor_seconds=200, pages=300, screens=100, acknowledgements=100, replay_series=20, replay_days=30, replay_rules=2_000, replay_services=3_000,
    errors=20_000, peer_errors=300)


def main():
    options = parsed()
    sizes = FULL if options.full else Sizes()
    overrides = {name: getattr(options, name) for name in ("rounds", "seconds", "disk_series")}
    sizes = dataclasses.replace(sizes, **{name: value for name, value in overrides.items() if value})
    if options.memory_series:
        sizes = dataclasses.replace(sizes, memory_series=tuple(options.memory_series))
    lines, missing = [], []
    with tempfile.TemporaryDirectory(prefix="bellwether-bench-") as directory:
        for name in options.parts or PARTS:
            begun = time.monotonic()
            home = pathlib.Path(directory) / name
            home.mkdir()
            try:
                lines += PARTS[name].measure(home, sizes)
            except processes.Missing as reason:
                missing.append(f"{name}: not measured: {reason}")
            finally:
                processes.stop_all()
            print(f"{name}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    print(table(lines))
    for reason in missing:
        print(reason)
    return 1 if missing or any(not getattr(line, "holds", True) for line in lines) else 0


def parsed():
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; none is all")
    parser.add_argument("--full", action="store_true", help="the sizes of docs/performance.md: half an hour, 8 GB")
    parser.add_argument("--rounds", type=int, help="turns of each side")
    parser.add_argument("--seconds", type=int, help="length of a load over UDP")
    parser.add_argument("--disk-series", type=int, help="series of each kind")
    parser.add_argument("--memory-series", type=int, nargs="+", help="how many series are held")
    options = parser.parse_args()
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}: {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
