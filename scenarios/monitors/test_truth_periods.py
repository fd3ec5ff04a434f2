"""Time periods: for each, whether Nagios tells now, and if not, when it would, at moments that libfaketime gives it."""
import concurrent.futures
import datetime
import json
import pathlib
import re
import subprocess
import time
import zoneinfo

import pytest

from support import truth
from support.nagios import Nagios
from support.server import wait_for

ZONE = "Europe/Berlin"
MOMENTS = ["2026-03-27 16:59:30", "2026-03-28 12:00:00", "2026-03-30 00:00:20", "2026-03-31 23:59:20",
           "2026-03-30 10:30:00", "2026-03-31 21:00:00", "2026-12-30 08:59:50", "2027-01-04 05:30:00",
           "2028-02-28 09:30:00"]
# On this day the clock goes from 2:00 to 3:00. Nagios counts with days of 24 hours there, and finds wrong ones; what
# Bellwether makes of it is in the tests of its room.
DAY_OF_CHANGE = datetime.date(2026, 3, 29)
LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def read():
    periods = {}
    for line in (pathlib.Path(__file__).parent / "truth" / "periods.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, lines = line.partition(":")
            periods[name] = [part.strip() for part in lines.split(" ; ") if part.strip()]
    return periods


PERIODS = read()


def nagios_objects():
    tables = ["define command {\n command_name none\n command_line /bin/true\n}",
              "define contact {\n contact_name ops\n service_notification_commands none\n"
              " host_notification_commands none\n service_notification_options c\n host_notification_options n\n}",
              "define host {\n host_name h\n address 127.0.0.1\n max_check_attempts 1\n active_checks_enabled 0\n"
              " contacts ops\n}"]
    for name, lines in PERIODS.items():
        tables.append(f"define timeperiod {{\n timeperiod_name {name}\n alias one\n"
                      + "".join(f" {line}\n" for line in lines) + "}")
        tables.append(f"define service {{\n host_name h\n service_description {name}\n check_command none\n"
                      f" active_checks_enabled 0\n max_check_attempts 1\n notification_period {name}\n}}")
    return "\n".join(tables)


def bellwether_definitions():
    tables = [truth.toml("contact", {"name": "ops"}), truth.toml("host", {"name": "h", "contacts": ["ops"]})]
    for name, lines in PERIODS.items():
        exclude = [other for line in lines if line.startswith("exclude ") for other in line[8:].split(",")]
        ranges = [line for line in lines if not line.startswith("exclude ")]
        tables.append(truth.toml("time_period", {"name": name, "ranges": ranges, "exclude": exclude, "time_zone": ZONE}))
        tables.append(truth.toml("check", {"name": name, "host": "h", "type": "passive", "max_check_attempts": 1,
                                           "notification_period": name}))
    return "\n".join(tables)


def ask_nagios(home, moment):
    """period -> (when it was asked, None if it told, else when it would)."""
    environment = {"LD_PRELOAD": LIBRARY, "FAKETIME": f"@{moment}", "TZ": ZONE, "NO_FAKE_STAT": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    nagios = Nagios(home, nagios_objects(), environment=environment)
    try:
        nagios.start()
        nagios.command(*(f"PROCESS_SERVICE_CHECK_RESULT;h;{name};2;bad" for name in PERIODS), at=int(time.time()))
        wait_for(lambda: nagios.log().count("SERVICE ALERT") >= len(PERIODS), 60, what="all to be bad")
        # It writes them every second; then it says of all when it tells again.
        status = wait_for(lambda: (text := (nagios.home / "status.dat").read_text()).count("\tcurrent_state=2\n") >= len(PERIODS) and text,
                          60, what="all in its status")
    finally:
        nagios.stop()
    told, asked = nagios.notifications(), {}
    taken = {name: int(at) for at, name in re.findall(r"\[(\d+)\] SERVICE ALERT: h;([^;]+);", nagios.log())}
    for block in re.findall(r"servicestatus \{(.*?)\}", status, re.S):
        values = dict(line.strip().split("=", 1) for line in block.strip().splitlines())
        name = values["service_description"]
        tells = ("h", name) in told
        asked[name] = (taken[name], None if tells else int(values["next_notification"]))
    return asked


def ask_machine(home, asked):
    definitions = home / "definitions.toml"
    definitions.write_text(bellwether_definitions())
    names = sorted(asked)
    steps = [{"at": asked[name][0], "check": name, "status": 2} for name in names]
    ran = subprocess.run([truth.machine(), definitions], input="".join(json.dumps(step) + "\n" for step in steps),
                         capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    return {name: None if answer["told"] else answer["next_notification"]
            for name, answer in zip(names, answers, strict=True)}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    truth.machine()
    home = tmp_path_factory.mktemp("periods")
    home.chmod(0o755)
    with concurrent.futures.ThreadPoolExecutor(len(MOMENTS)) as pool:
        homes = [home / str(index) for index in range(len(MOMENTS))]
        return dict(zip(MOMENTS, zip(homes, pool.map(ask_nagios, homes, MOMENTS))))


@pytest.mark.parametrize("moment", MOMENTS)
def test_as_nagios(asked, moment):
    home, theirs = asked[moment]
    assert set(theirs) == set(PERIODS)
    ours = ask_machine(home, theirs)
    zone = zoneinfo.ZoneInfo(ZONE)

    def shown(at):
        return "now" if at is None else datetime.datetime.fromtimestamp(at, zone).strftime("%a %Y-%m-%d %H:%M:%S")

    differences = []
    for name, (at, wanted) in theirs.items():
        if not same(PERIODS[name], at, wanted, ours[name], zone):
            differences.append(f"{name} at {shown(at)}: Nagios {shown(wanted)}, Bellwether {shown(ours[name])}")
    assert not differences, "\n".join(differences)


def same(lines, at, theirs, ours, zone):
    if theirs == ours:
        return True
    if theirs is None or ours is None:
        return False
    if theirs == at:
        # It looks 300 days ahead and then says "now", which tells nobody; Bellwether looks for a year.
        return ours - at >= 300 * 86_400
    if any(line.startswith("exclude") for line in lines) and theirs - 60 < ours <= theirs:
        # It goes on in whole minutes where another period is taken out.
        return True
    # An hour off when the clock has changed in between.
    moments = [datetime.datetime.fromtimestamp(moment, zone) for moment in (at, theirs, ours)]
    if any(moment.date() == DAY_OF_CHANGE for moment in moments):
        return True
    return len({moment.utcoffset() for moment in moments}) > 1 and abs(theirs - ours) == 3600
