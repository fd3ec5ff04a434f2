"""`import nagios`: a configuration becomes what Nagios itself makes of it, as its precache file says."""
import collections
import json
import os
import subprocess
import tomllib

import pytest

from support.nagios_estate import RESOURCES, Estate
from support.nagios_expected import Expected, same_command, seconds
from support.nagios_original import Nagios, blocks, define, verify
from support.server import default_binary

LONG = "BELLWETHER_LONG" in os.environ
SEED = int(os.environ.get("BELLWETHER_SEED", 20261121))
# Nagios's default where a table is silent.
DEFAULTS = {"notifications_enabled": True, "first_notification_delay": 0, "volatile": False, "variables": {}, "command": [], "event_handler": [], "parents": []}
DURATIONS = ("check_interval", "retry_interval", "notification_interval", "first_notification_delay", "freshness_threshold")


def run(*arguments, status=0):
    done = subprocess.run([default_binary(), "import", "nagios", *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, done.stderr[-3000:]
    return done


def setting(config_file, key, default):
    found = [line.split("=", 1)[1] for line in config_file.read_text().splitlines() if line.startswith(f"{key}=")]
    return float(found[-1]) if found else default


def compare(config_file, imported):
    """Every attribute that Nagios resolved, beside ours; returns how many were compared."""
    settings = {key: setting(config_file, key, default) for key, default in (
        ("low_service_flap_threshold", 20), ("high_service_flap_threshold", 30), ("low_host_flap_threshold", 20), ("high_host_flap_threshold", 30))}
    resources = config_file.parent / "resource.cfg"
    expected = Expected(config_file.parent / "objects.precache", resources.read_text(), setting(config_file, "interval_length", 60), settings)
    wrong, count = [], 0

    def tables(kind, theirs):
        nonlocal count
        own = {table["name"]: table for table in imported.get(kind, [])}
        names = set()
        for name, values, *macros in theirs:
            names.add(name)
            for key, value in values.items():
                count += 1
                if name not in own or not same(own[name], key, value, *macros):
                    wrong.append(f"{kind} {name} {key}: Nagios {value!r}, here {own.get(name, {}).get(key)!r}")
        if set(own) != names:
            wrong.append(f"{kind}: only here {sorted(set(own) - names)[:5]}, only in Nagios {sorted(names - set(own))[:5]}")

    tables("check", expected.checks())
    tables("host", expected.hosts())
    tables("contact", expected.contact_tables())
    for kind, theirs, ours in (("escalation", expected.escalations(), own_escalations(imported)), ("dependency", expected.dependencies(), own_dependencies(imported))):
        # A service that is defined twice is named twice by Nagios, to no effect.
        theirs, ours = set(theirs), set(ours)
        count += 8 * len(theirs)
        for difference in sorted(theirs - ours, key=str)[:5]:
            wrong.append(f"{kind} only in Nagios: {difference}")
        for difference in sorted(ours - theirs, key=str)[:5]:
            wrong.append(f"{kind} only here: {difference}")
    own_periods = {period["name"]: period for period in imported.get("time_period", [])}
    for name, ranges, exclude in expected.periods():
        if name == "24x7":
            assert name not in own_periods
            continue
        count += len(ranges)
        own = own_periods.get(name, {"ranges": []})
        written = {line.replace("july 10 - 15", "july 10 - july 15") for line in own["ranges"]}
        if (written, set(own.get("exclude", []))) != (ranges, exclude):
            wrong.append(f"time_period {name}: Nagios {ranges} without {exclude}, here {own}")
    assert not wrong, f"{len(wrong)} of {count} differ:\n" + "\n".join(wrong[:30])
    return count


def same(table, key, value, macros=None):
    own = table.get(key, DEFAULTS.get(key))
    if key in ("command", "event_handler"):
        return same_command(own, value, macros)
    if key == "flap_detection_options" and own is None:
        return value == list("odu" if "address" in table else "owuc")
    if key == "host_notification_period" and own is None:
        own = table.get("notification_period")
    if key == "host_notification_period" and own == "24x7" and value is None:
        return True
    if key in DURATIONS and isinstance(own, str):
        own = seconds(own)
    if key == "flap_detection_options" and "address" in table:
        # Nagios writes a host's UP as `u` in its files.
        own, value = {letter.replace("o", "u") for letter in own}, set(value)
    if isinstance(value, set) and isinstance(own, list):
        own, value = sorted(own), sorted(value)
    return own == value


def own_escalations(imported):
    for one in imported.get("escalation", []):
        kind, letters = ("serviceescalation", "wucr") if "check" in one else ("hostescalation", "dur")
        yield (kind, one.get("check", one.get("host")), one["first_notification"], one["last_notification"], seconds(one["notification_interval"]),
               frozenset(one["contacts"]), tuple(one.get("options", letters)), one.get("period"))


def own_dependencies(imported):
    joined = collections.defaultdict(lambda: [(), ()])
    for one in imported.get("dependency", []):
        kind = "servicedependency" if "check" in one else "hostdependency"
        key = (kind, one.get("check", one.get("host")), one.get("dependent_check", one.get("dependent_host")), one.get("inherits_parent", False), one.get("period"))
        for at, side in enumerate(("notification_failure", "execution_failure")):
            joined[key][at] = tuple(sorted({*joined[key][at], *one.get(side, [])}))
    return [(*key, *failures) for key, failures in joined.items()]


@pytest.mark.parametrize(("seed", "hosts", "services"), [*((SEED + more, 25, 200) for more in range(40 if LONG else 6)), (SEED, 300, 3000), (SEED + 1, 300, 3000)])
def test_a_generated_configuration_is_imported_as_nagios_resolves_it(tmp_path, seed, hosts, services):
    print(f"BELLWETHER_SEED={seed}")
    config_file = Estate(seed, hosts, services).write(tmp_path / "nagios")
    verify(config_file)
    out = tmp_path / "conf.d" / "nagios.toml"
    out.parent.mkdir()
    # A definition that is given twice is told, which Nagios only warns of.
    done = subprocess.run([default_binary(), "import", "nagios", config_file, "--out", out, "--json"], capture_output=True, text=True, timeout=120)
    answer = json.loads(done.stdout)
    others = [problem for problem in answer["problems"] if "one of them counts" not in problem["message"]]
    assert not others and done.returncode == bool(answer["problems"]), others[:5]
    imported = tomllib.loads(out.read_text())
    assert len(imported["host"]) == hosts and len(imported["check"]) >= services
    print(f"{compare(config_file, imported)} attributes of {len(imported['check'])} services are as Nagios has them")
    assert oct(out.stat().st_mode & 0o777) == "0o600", "it holds what resource.cfg keeps secret"
    (tmp_path / "bellwether.toml").write_text('data_dir = "data"\n')
    checked = subprocess.run([default_binary(), "config", "check", tmp_path / "bellwether.toml"], capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout[-2000:] + checked.stderr[-2000:]


def test_debians_example_is_imported(tmp_path):
    out = tmp_path / "nagios.toml"
    done = run("/etc/nagios4/nagios.cfg", "--out", out)
    imported = tomllib.loads(out.read_text())
    assert [host["name"] for host in imported["host"]] == ["localhost"] and len(imported["check"]) == 8
    load = next(check for check in imported["check"] if check["service"] == "Current Load")
    assert load["command"] == ["$USER1$/check_load", "-w", "5.0,4.0,3.0", "-c", "10.0,6.0,4.0"]
    assert imported["checks"]["macros"]["USER1"] == "/usr/lib/nagios/plugins"
    assert "notification commands are not run" in done.stderr
    # What is there stays, unless it is said otherwise; a dry run writes nothing.
    out.write_text("edited = true")
    assert "--force" in run("/etc/nagios4", "--out", out, status=1).stderr
    run("/etc/nagios4", "--out", out, "--dry-run")
    assert out.read_text() == "edited = true"
    run("/etc/nagios4", "--out", out, "--force")
    assert tomllib.loads(out.read_text()) == imported
    assert tomllib.loads(run("/etc/nagios4").stdout) == imported


def test_what_is_wrong_is_told_with_its_place(tmp_path):
    (tmp_path / "nagios.cfg").write_text("cfg_file=objects.cfg\ncfg_file=gone.cfg\nresource_file=none.cfg\nnonsense\n")
    (tmp_path / "objects.cfg").write_text(
        define("host", host_name="a", use="lost", check_command="unknown!1", parents="b", icon_image="a.png", max_check_attempts=3)
        + define("command", command_name="c", command_line="$USER9$/x $ARG1$")
        + define("service", host_name="a,b", service_description="s", check_command="c!1", contact_groups="none", hostgroup_name="g", max_check_attempts=2, colour="red")
        + "define thing {\n}\ndefine host {\n host_name open\n")
    told = run(tmp_path, "--dry-run", status=1).stderr
    for line, message in ((0, "gone.cfg cannot be read"), (0, "$USERn$ have no value"), (0, "`nonsense` is no"), (3, "template `lost` is not defined"),
                          (4, "command `unknown` is not defined"), (5, "parent `b` is not defined"), (6, "icon_image of host `a`"), (0, "`colour` is no directive of a service"),
                          (14, "host or host group `b`"), (14, "host or host group `g`"), (0, "$USER9$ in command `c` has no value"), (0, "`thing` is no type"),
                          (0, "the file ends within this definition")):
        place = f"objects.cfg:{line}: " if line else ""
        assert any(message in found and place in found for found in told.splitlines()), (message, told)
    (tmp_path / "empty").mkdir()
    assert "holds no objects" in run(tmp_path / "empty", status=1).stderr
    assert "No such file" in run(tmp_path / "nowhere", status=1).stderr


def test_templates_that_go_in_circles_and_long_chains_end(tmp_path):
    chain = "".join(define("host", name=f"t{index}", register=0, use=f"t{index + 1}") for index in range(20_000))
    (tmp_path / "objects.cfg").write_text(chain + define("host", name="t20000", register=0, use="t0", max_check_attempts=7) + define("host", host_name="a", use="t0")
                                          + define("hostgroup", hostgroup_name="g", hostgroup_members="h", members="a") + define("hostgroup", hostgroup_name="h", hostgroup_members="g"))
    imported = tomllib.loads(run(tmp_path / "objects.cfg").stdout)
    assert imported["host"][0]["max_check_attempts"] == 7


# Whom group `g` and `h` hold, who says so himself, and the lists of a service: which host Nagios takes its definition itself
# for, the others being copies, tells which of two definitions of one service counts there.
TWICE = [
    ({"g": "*"}, {}, "g", ""), ({"g": "d,a,c"}, {}, "g", ""), ({"g": "*,!b"}, {}, "g", ""), ({"g": "a,b,a,c,b"}, {}, "g", ""),
    ({"g": ""}, {"b": "g", "d": "g"}, "g", ""), ({"g": "c,a"}, {"b": "g", "d": "g"}, "g", ""), ({"g": "c"}, {"c": "g", "d": "g"}, "g", ""),
    ({"g": "c,a", "h": "b,d", "g in": "h"}, {}, "g", ""), ({"g": "", "h": "b,d,a", "g in": "h"}, {}, "g", ""), ({"g": "", "h": "b,d", "g in": "h"}, {"c": "g"}, "g", ""),
    ({"g": "c,b", "h": "a,d"}, {}, "g,h", ""), ({"g": "c,b", "h": "a,d"}, {}, "h,g", ""), ({"g": "c,b", "h": "a,d"}, {}, "*", ""), ({"g": "c,b", "h": "b,a"}, {}, "g,h", ""),
    ({"g": "c,b"}, {}, "g", "a,d"), ({"g": "c"}, {}, "g", "*"), ({"g": "a,b,c,d"}, {}, "g", "!c"), ({"g": "a,b,c,d"}, {}, "g", "!d"), ({"g": "d,b,a", "h": "a,c"}, {}, "g,!h", ""),
    ({"g": "a"}, {}, "", "c,a,d"), ({"g": "a"}, {}, "", "*"), ({"g": "a"}, {}, "", "b,*"), ({"g": "a"}, {}, "", "*,!b"),
]


@pytest.mark.parametrize("hosts", ["abcd", "cadb"])
def test_of_two_definitions_of_one_service_the_same_counts(tmp_path, hosts):
    """One service is defined twice for the same hosts, another for them and for a single one."""
    wrong = []
    for number, (groups, joins, group_list, host_list) in enumerate(TWICE):
        objects = define("command", command_name="c", command_line="$USER1$/check_dummy 0 $ARG1$")
        objects += define("contact", contact_name="ana", host_notification_commands="c", service_notification_commands="c")
        for host in hosts:
            objects += define("host", host_name=host, max_check_attempts=2, check_command="c!0", **({"hostgroups": joins[host]} if host in joins else {}))
        for name in [name for name in groups if len(name) == 1]:
            inner = {"hostgroup_members": groups[f"{name} in"]} if f"{name} in" in groups else {}
            objects += define("hostgroup", hostgroup_name=name, alias=name, **({"members": groups[name]} if groups[name] else {}), **inner)
        lists = {"hostgroup_name": group_list, "host_name": host_list}
        for argument in ("first", "second"):
            objects += define("service", service_description="s", max_check_attempts=2, check_command=f"c!{argument}", **{key: value for key, value in lists.items() if value})
        for argument, of in (("group", lists), ("host", {"host_name": hosts[-1]})):
            objects += define("service", service_description="t", max_check_attempts=2, check_command=f"c!{argument}", **{key: value for key, value in of.items() if value})
        (tmp_path / "resource.cfg").write_text(RESOURCES)
        original = Nagios(tmp_path / f"{hosts}{number}", objects, resource_file=tmp_path / "resource.cfg")
        verify(original.config_file)
        out = original.directory / "out.toml"
        done = subprocess.run([default_binary(), "import", "nagios", original.config_file, "--out", out], capture_output=True, text=True, timeout=60)
        assert "one of them counts" in done.stderr, done.stderr[-2000:]
        imported = tomllib.loads(out.read_text())
        theirs = {f"{values['host_name']}/{values['service_description']}": values["check_command"].split("!")[1]
                  for kind, values in blocks(original.directory / "objects.precache") if kind == "service"}
        ours = {check["name"]: check["command"][-1] for check in imported["check"]}
        if ours != theirs:
            wrong.append((groups, joins, group_list, host_list, f"Nagios {theirs}", f"here {ours}"))
    assert not wrong, "\n".join(map(str, wrong))
