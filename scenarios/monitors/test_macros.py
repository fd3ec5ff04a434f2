"""Macros in commands: nagios4 and `bellwether check run` give the same plugin the same argument."""
import json
import subprocess

from support.nagios_original import ALWAYS, Nagios, define
from support.server import default_binary

# As they stand between single quotes in a command line.
TEXTS = """
plain
$HOSTNAME$ $HOSTADDRESS$ $HOSTALIAS$ $HOSTDISPLAYNAME$
$SERVICEDESC$ $SERVICEDISPLAYNAME$
$ARG1$|$ARG2$|$ARG3$|$ARG32$
$ARG33$ $ARG0$ $ARGX$
$USER1$/x $USER2$ $USER3$
$_HOSTRACK$ $_SERVICELIMIT$ $_HOSTNOTHING$ $_SERVICENOTHING$
$HOSTSTATE$ $HOSTSTATEID$ $HOSTSTATETYPE$ $HOSTATTEMPT$ $MAXHOSTATTEMPTS$
$SERVICESTATE$ $SERVICESTATEID$ $SERVICESTATETYPE$ $SERVICEATTEMPT$ $MAXSERVICEATTEMPTS$
$LASTSERVICECHECK$ $LASTHOSTCHECK$ $SERVICEDOWNTIME$ $HOSTDOWNTIME$
$SERVICEOUTPUT$|$LONGSERVICEOUTPUT$|$SERVICEPERFDATA$|$HOSTOUTPUT$
$HOSTLATENCY$ $SERVICEEXECUTIONTIME$ $SERVICEPERCENTCHANGE$ $HOSTPERCENTCHANGE$
$HOSTADDRESS:other$ $HOSTNAME:other$ $HOSTSTATE:other$ $_HOSTRACK:other$
$HOSTADDRESS:missing$ $HOSTSTATE:missing$
$SERVICESTATE:h:s0$ $SERVICEDESC:h:s0$ $SERVICESTATE::s0$
$SERVICESTATE:h:missing$
$nonsense$ $HOSTNOPE$ $hostname$
costs 5$$ or $$HOSTNAME$$
$HOSTNAME
one $ two
$HOSTNAME$HOSTNAME$HOSTNAME$
$$
""".strip("\n").splitlines()


def test_the_plugin_is_given_the_same(tmp_path):
    show = tmp_path / "show"
    show.write_text("#!/bin/sh\nprintf '<%s>' \"$1\"\n")
    show.chmod(0o755)
    nagios, ours = theirs(tmp_path, show), []
    config = tmp_path / "bellwether.toml"
    config.write_text(configuration(show))
    for at in range(len(TEXTS)):
        done = subprocess.run([default_binary(), "check", "run", f"s{at}", "--json", "--config", config], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        ours.append(json.loads(done.stdout)["output"])
    differing = [f"{text}\n  nagios {a}\n  ours   {b}" for text, a, b in zip(TEXTS, nagios, ours) if a != b]
    assert not differing, "\n".join(differing)


def theirs(home, show):
    common = dict(max_check_attempts=4, check_interval=1000, retry_interval=1000, check_period="always", notification_period="always", contacts="nobody")
    objects = ALWAYS + define("contact", contact_name="nobody", host_notifications_enabled=0, service_notifications_enabled=0, host_notification_period="always",
                              service_notification_period="always", host_notification_commands="c0", service_notification_commands="c0")
    objects += define("host", host_name="h", address="10.0.0.1", active_checks_enabled=0, _RACK="7 b", **common)
    objects += define("host", host_name="other", address="10.0.0.2", active_checks_enabled=0, **common)
    for at, text in enumerate(TEXTS):
        objects += define("command", command_name=f"c{at}", command_line=f"{show} '{text}'")
        objects += define("service", host_name="h", service_description=f"s{at}", check_command=f"c{at}!one two!$HOSTNAME$", _LIMIT="90%", **common)
    (home / "resource.cfg").write_text("$USER1$=/plugins\n$USER2$=sec ret\n")
    with Nagios(home / "nagios", objects, resource_file=home / "resource.cfg", service_inter_check_delay_method="n") as nagios:
        done = lambda nagios: (all(status["has_been_checked"] == "1" for status in nagios.status("servicestatus")) and nagios.status("servicestatus"))
        seen = nagios.wait_for(done)
    outputs = {status["service_description"]: status["plugin_output"] for status in seen}
    return [outputs[f"s{at}"] for at in range(len(TEXTS))]


def configuration(show):
    text = """[checks]
macros = { USER1 = "/plugins", USER2 = "sec ret" }
[[host]]
name = "h"
address = "10.0.0.1"
max_check_attempts = 4
variables = { RACK = "7 b" }
[[host]]
name = "other"
address = "10.0.0.2"
max_check_attempts = 4
"""
    for at, argument in enumerate(TEXTS):
        text += f"""[[check]]
name = "s{at}"
host = "h"
command = [{json.dumps(str(show))}, {json.dumps(argument)}]
arguments = ["one two", "$HOSTNAME$"]
max_check_attempts = 4
variables = {{ LIMIT = "90%" }}
"""
    return text
