"""90 days of a Nagios once more: an archive of so many services is imported, and all of it goes through the rules."""
import json
import random
import time

from support.server import Bellwether

from . import processes
from .figures import Line, Note, number

DAYS, SERVICES_OF_A_HOST = 90, 10
MINUTE, HOUR, DAY = 60, 3600, 86400
WHOLE = 3_000


def measure(directory, sizes):
    end = int(time.time()) // DAY * DAY
    begin = end - DAYS * DAY
    archives = directory / "archives"
    archives.mkdir()
    lines = write_archives(archives, begin, sizes.replay_services)
    server = Bellwether(directory / "server", configuration(sizes.replay_services), binary=processes.binary())
    processes.STARTED.append(server)
    server.start()
    begun = time.monotonic()
    server.cli("import", "nagios-archive", archives)
    imported = time.monotonic() - begun
    body = json.dumps({"name": "*", "from": begin, "until": end}).encode()
    begun = time.monotonic()
    answer = server.post("/api/v1/monitors/test", body, {"Content-Type": "application/json"}, timeout=1800).json
    replayed = time.monotonic() - begun
    server.stop()
    whole = WHOLE / sizes.replay_services
    assert answer["beside"]["same"] >= 0.99 * answer["beside"]["sent"], answer["sentence"]
    return [
        Note("archive lines imported a second", f"{lines:,} lines", "", lines / imported, unit=""),
        Note("results replayed a second", f"{number(answer['slots'] / 1e6)} M", "", answer["slots"] / replayed, unit=""),
        Line(f"90 days of {WHOLE:,} services of a Nagios", f"{sizes.replay_services:,} in {number(replayed)} s", "", replayed * whole, 300, unit="s"),
    ]


def configuration(services):
    text = ['[[contact]]\nname = "ops"\nchannels = ["log"]\n']
    for service in range(services):
        if service % SERVICES_OF_A_HOST == 0:
            text.append(f'[[host]]\nname = "host{service // SERVICES_OF_A_HOST}"\ncontacts = ["ops"]\n')
        # Of `plugin`, so that they count as looked at; nothing runs within this measurement.
        text.append(f'[[check]]\nname = "host{service // SERVICES_OF_A_HOST}/s{service}"\nhost = "host{service // SERVICES_OF_A_HOST}"\nservice = "s{service}"\n'
                    'type = "plugin"\ncommand = ["/bin/true"]\ncheck_interval = "300s"\nretry_interval = "60s"\nmax_check_attempts = 3\n'
                    'notification_interval = "3600s"\nfirst_notification_delay = "0s"\ncontacts = ["ops"]\n')
    return "\n".join(text)


def write_archives(directory, begin, services):
    """As Nagios writes them, a file a day; a problem of each service every other day."""
    chance, days = random.Random(90), [[] for _ in range(DAYS)]

    def add(at, line):
        if at < begin + DAYS * DAY:
            days[(at - begin) // DAY].append((at, line))

    for service in range(services):
        of, at = f"host{service // SERVICES_OF_A_HOST};s{service}", begin
        for day in range(DAYS):
            add(begin + day * DAY, f"CURRENT SERVICE STATE: {of};OK;HARD;1;fine")
        while (at := at + int(chance.expovariate(1 / (2 * DAY))) // 300 * 300 + 300) < begin + DAYS * DAY:
            for attempt in (1, 2):
                add(at, f"SERVICE ALERT: {of};CRITICAL;SOFT;{attempt};broken")
                at += MINUTE
            add(at, f"SERVICE ALERT: {of};CRITICAL;HARD;3;broken")
            end = at + chance.choice([20 * MINUTE, HOUR, 5 * HOUR])
            for told in range(at, end, HOUR):
                add(told, f"SERVICE NOTIFICATION: ops;{of};CRITICAL;mail;broken")
            at = end
            add(at, f"SERVICE NOTIFICATION: ops;{of};OK;mail;fine")
            add(at, f"SERVICE ALERT: {of};OK;HARD;3;fine")
    for number_of_day, lines in enumerate(days):
        lines.sort(key=lambda line: line[0])
        stamp = time.strftime("%m-%d-%Y-00", time.gmtime(begin + (number_of_day + 1) * DAY))
        (directory / f"nagios-{stamp}.log").write_text("".join(f"[{at}] {line}\n" for at, line in lines))
    return sum(len(lines) for lines in days)
