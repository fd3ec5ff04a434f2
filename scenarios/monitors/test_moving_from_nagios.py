"""From a Nagios that ran to a server that goes on: states, acknowledgements, downtimes, comments, the archived past, and both side by side."""
import json
import subprocess
import time
import urllib.parse

import pytest

from support.nagios_original import ALWAYS, Nagios, define
from support.server import default_binary, wait_for

STATES = {"fine": 0, "warned": 1, "broken": 2, "odd": 3}


@pytest.fixture
def ran(tmp_path):
    """A Nagios that ran for some seconds, with people at work, and ended."""
    check = tmp_path / "check"
    check.write_text('#!/bin/sh\necho "says $1; it | a=$1"\necho more\nexit $1\n')
    check.chmod(0o755)
    objects = ALWAYS + define("command", command_name="run", command_line=f"{check} $ARG1$") + define("command", command_name="tell", command_line="/bin/true")
    objects += define("contact", contact_name="joe", host_notification_commands="tell", service_notification_commands="tell", host_notification_options="a",
                      service_notification_options="a", host_notification_period="always", service_notification_period="always")
    common = dict(max_check_attempts=2, check_interval=0.05, retry_interval=0.02, check_period="always", notification_period="always", contacts="joe", notification_interval=10)
    objects += define("host", host_name="up", check_command="run!0", address="127.0.0.1", **common) + define("host", host_name="gone", check_command="run!2", **common)
    for name, code in STATES.items():
        objects += define("service", host_name="up", service_description=name, check_command=f"run!{code}", **common)
    nagios = Nagios(tmp_path / "nagios", objects, service_inter_check_delay_method="n", host_inter_check_delay_method="n", check_external_commands=1, retain_state_information=1)
    with nagios:
        nagios.wait_for(lambda nagios: [status for status in nagios.status("servicestatus") if status["current_notification_number"] != "0"][2:])
        nagios.wait_for(lambda nagios: [status for status in nagios.status("hoststatus") if status["current_notification_number"] != "0"])
        now = int(time.time())
        commands = ["ACKNOWLEDGE_SVC_PROBLEM;up;broken;2;1;1;ann;seen, on it", "ACKNOWLEDGE_HOST_PROBLEM;gone;1;0;0;ann;known",
                    f"SCHEDULE_SVC_DOWNTIME;up;warned;{now - 1};{now + 3600};1;0;3600;ann;work", f"SCHEDULE_HOST_DOWNTIME;up;{now + 7200};{now + 9000};1;0;1800;ann;later",
                    "ADD_SVC_COMMENT;up;odd;1;bob;look at the cable", "DISABLE_SVC_NOTIFICATIONS;up;fine"]
        with open(nagios.directory / "command", "w") as pipe:
            pipe.write("".join(f"[{now}] {command}\n" for command in commands))
        nagios.wait_for(lambda nagios: [status for status in nagios.status("servicestatus") if status["scheduled_downtime_depth"] == "1"])
        nagios.wait_for(lambda nagios: [status for status in nagios.status("servicestatus") if status["problem_has_been_acknowledged"] == "1"])
        # The last of them.
        nagios.wait_for(lambda nagios: [status for status in nagios.status("servicestatus") if status["notifications_enabled"] == "0"])
        (tmp_path / "status.dat").write_bytes((nagios.directory / "status.dat").read_bytes())
    return nagios


def import_nagios(server, *arguments, command="nagios", status=0):
    done = subprocess.run([default_binary(), "import", command, *map(str, arguments), "--config", str(server.config_file), "--data-dir", str(server.data_dir), "--json"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout)


def send_result(server, name, **result):
    answer = server.post(f"/api/v1/checks/{urllib.parse.quote(name, safe='')}/result", json.dumps(result).encode(), {"Content-Type": "application/json"})
    assert answer.status < 300, answer


def get(server, path):
    return server.get(f"/api/v1/{path}").json


def test_a_server_goes_on_where_nagios_ended(ran, bellwether, tmp_path):
    out = tmp_path / "nagios.toml"
    done = subprocess.run([default_binary(), "import", "nagios", str(ran.config_file), "--out", str(out)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    # Nothing runs by itself, so that what is taken over can be seen as it was.
    text = "\n".join(line for line in out.read_text().splitlines() if not line.startswith("command = ")).replace('type = "plugin"', 'type = "passive"')
    server = bellwether(text)
    answer = import_nagios(server, ran.directory / "retention.dat")
    assert answer["taken_over"] | {"undefined_names": []} == {
        "states": 6, "acknowledgements": 2, "downtimes": 2, "comments": 3, "newer_here": 0, "known": 0, "undefined": 0, "undefined_names": []}, answer
    for name, code in STATES.items():
        check = get(server, "checks/" + urllib.parse.quote(f"up/{name}", safe=""))
        assert (check["state"], check["state_type"]) == (("OK", "WARNING", "CRITICAL", "UNKNOWN")[code], "HARD"), check
        assert (check["last_output"], check["long_output"], check["perfdata"][0]["value"]) == (f"says {code}: it", "more", code)
        assert check["acknowledged"] == (name == "broken") and check["in_downtime"] == (name == "warned")
        assert check["notifications_enabled"] == (name != "fine")
        assert (check["notification_number"] > 0) == (code > 0)
    gone = get(server, "hosts/gone")
    assert (gone["state"], gone["acknowledged"]) == ("DOWN", True)
    assert gone["acknowledgement"]["author"] == "ann" and not gone["acknowledgement"]["sticky"]
    odd = get(server, "checks/up%2Fodd")
    assert [comment["comment"] for comment in odd["comments"]] == ["look at the cable"]
    # Once more changes nothing, before and after a restart.
    assert import_nagios(server, ran.directory / "retention.dat")["taken_over"]["newer_here"] == 6
    server.stop()
    again = import_nagios(server, ran.directory / "retention.dat")["taken_over"]
    assert (again["states"], again["known"]) == (0, 5), "the state database is opened where no server runs"
    server.start()
    assert get(server, "checks/up%2Fbroken")["acknowledged"]
    # Whoever was told there of the problem is told here of its end.
    send_result(server, "up/odd", status=0, output="plugged in")
    told = wait_for(lambda: get(server, "notifications?check=up%2Fodd"), what="the notice")
    assert [(notice["kind"], notice["recipient"]) for notice in told] == [("recovery", "joe")]


def test_states_side_by_side(ran, bellwether, tmp_path):
    out = tmp_path / "nagios.toml"
    subprocess.run([default_binary(), "import", "nagios", str(ran.config_file), "--out", str(out)], check=True, capture_output=True, timeout=60)
    text = "\n".join(line for line in out.read_text().splitlines() if not line.startswith("command = ")).replace('type = "plugin"', 'type = "passive"')
    server = bellwether(text)

    def compare(status):
        done = subprocess.run([default_binary(), "compare", "--nagios", str(tmp_path / "status.dat"), "--once", "--json", "--data-dir", str(server.data_dir)],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines[-1]["objects"] == 6
        return {(line["subject"], line["kind"]): (line["theirs"], line["ours"]) for line in lines[:-1]}

    before = compare(1)
    assert before["checks/up/broken", "state"] == ("CRITICAL", "PENDING")
    import_nagios(server, ran.directory / "retention.dat")
    # What changed between the two files of Nagios is at most the try.
    assert {what for _, what in compare(0) or {}} <= {"attempt"}
    send_result(server, "up/broken", status=1, output="less")
    assert compare(1)["checks/up/broken", "state"] == ("CRITICAL", "WARNING")


def test_the_past_is_taken_once(ran, bellwether, tmp_path):
    server = bellwether("")
    logs = tmp_path / "archives"
    logs.mkdir()
    lines = (ran.directory / "nagios.log").read_text().splitlines(keepends=True)
    (logs / "nagios-11-20-2026-00.log").write_text("".join(lines[: len(lines) // 2]) + "cut off in the mid")
    (logs / "nagios.log").write_text("".join(lines[len(lines) // 2:]))
    (logs / "other.txt").write_text("not read")
    alerts = sum(" ALERT: " in line for line in lines)
    notices = sum(" NOTIFICATION: " in line for line in lines)
    assert notices >= 5
    dry = import_nagios(server, logs, "--dry-run", command="nagios-archive")
    assert dry["new"] == 0
    first = import_nagios(server, logs, command="nagios-archive")
    assert (first["files"], first["notices"], first["unreadable_lines"]) == (2, notices, 1) and first["new"] == first["events"] >= alerts + notices
    # Nothing is read again that has not changed, and what is read again is there already.
    second = import_nagios(server, logs, command="nagios-archive")
    assert (second["done_before"], second["new"], second["lines"]) == (2, 0, 0)
    again = import_nagios(server, logs, "--again", command="nagios-archive")
    assert (again["done_before"], again["new"], again["events"]) == (0, 0, first["events"])
    # The log went on.
    with open(logs / "nagios.log", "a") as log:
        log.write("[1795300000] HOST ALERT: up;DOWN;HARD;2;away\n")
    more = import_nagios(server, logs, command="nagios-archive")
    assert (more["done_before"], more["new"]) == (1, 1)
    assert "holds no nagios" in subprocess.run([default_binary(), "import", "nagios-archive", str(tmp_path / "nagios" / "archives"), "--data-dir", str(server.data_dir)],
                                               capture_output=True, text=True, timeout=60).stderr
