"""One sequence of results and commands for Nagios and for Bellwether's state machine. A sequence is data:

    == name
    mode soft                                      # Nagios: passive host results go through SOFT, parents count
    host web parents=router max_check_attempts=2   # without one: `host h`
    check s host=web volatile=1                    # without one: `check s host=h max_check_attempts=3`
    contact ops options=w,u,c,r                    # without one: `contact ops`
    escalation s first=2 last=0 contacts=boss
    dependency master dependent notification=c,u
    period weird sunday 00:00-24:00
    differs 4.4 3 s recovery OK ops                # only 4.4 tells that; 4.5: only Bellwether does, as 4.5
    differs number                                 # 4.5 goes on counting where nobody heard of the end
    0 s CRITICAL                                   # second, object, and what came in
    3 downtime s 4 8 ; 3 ack s sticky notify ; 9 cancel 1 ; 9 custom s ; 9 silent s

Intervals are seconds on both sides (Nagios: interval_length=1)."""
import json
import pathlib
import random as rng
import re
import shlex
import subprocess
import time

from support.examples import example

STATES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3, "UP": 0, "DOWN": 1, "UNREACHABLE": 2}
INTERVALS = {"notification_interval", "first_notification_delay", "check_interval", "retry_interval"}
OPTIONS = {"notification_options", "flap_detection_options"}


class Sequence:
    def __init__(self, name):
        self.name = name
        self.mode = "hard"
        self.hosts, self.checks, self.contacts = {}, {}, {}
        self.escalations, self.dependencies, self.periods = [], [], {}
        self.steps, self.differs, self.handed = [], [], ""

    def complete(self):
        if not self.hosts:
            self.hosts["h"] = {}
        if not self.contacts:
            self.contacts["ops"] = {}
        mentioned = {word for _, words in self.steps for word in words}
        mentioned |= {dependency["dependent"] for dependency in self.dependencies}
        if "s" in mentioned:
            self.checks.setdefault("s", {})
        for check in self.checks.values():
            check.setdefault("host", next(iter(self.hosts)))
        for thing in [*self.checks.values(), *self.hosts.values()]:
            thing.setdefault("max_check_attempts", "3")
            thing.setdefault("notification_interval", "0")
            thing.setdefault("check_interval", "5")
        for host in self.hosts.values():
            host.setdefault("contacts", ",".join(self.contacts))
        self.steps.sort(key=lambda step: step[0])
        return self

    def kind(self, name):
        return "check" if name in self.checks else "host"

    def last(self):
        return max(step[0] for step in self.steps)


def read(path):
    """All sequences of a file."""
    sequences = []
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        if line.startswith("== "):
            sequences.append(Sequence(line[3:].strip()))
            continue
        try:
            take(sequences[-1], line)
        except Exception as error:
            raise AssertionError(f"{path}:{number}: {line}: {error!r}") from error
    return [sequence.complete() for sequence in sequences]


def take(sequence, line):
    if line[0].isdigit():
        for step in line.split(" ; "):
            at, *words = shlex.split(step)
            for second in seconds(at):
                sequence.steps.append((second, words))
        return
    word, *rest = shlex.split(line)
    if word == "mode":
        sequence.mode = rest[0]
    elif word == "period":
        sequence.periods.setdefault(rest[0], []).append(" ".join(rest[1:]))
    elif word == "differs":
        sequence.differs.append(rest)
    elif word in ("host", "check", "contact"):
        getattr(sequence, f"{word}s" if word != "check" else "checks")[rest[0]] = pairs(rest[1:])
    elif word == "escalation":
        sequence.escalations.append({"of": rest[0], **pairs(rest[1:])})
    elif word == "dependency":
        sequence.dependencies.append({"master": rest[0], "dependent": rest[1], **pairs(rest[2:])})
    else:
        raise AssertionError(f"`{word}` is no word of a sequence")


def seconds(text):
    """`3`, or `3-6` for each of them."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def pairs(words):
    return dict(word.split("=", 1) for word in words)


def random_sequences(seed, count):
    """Half of them checks, half hosts with parents. What 4.4 and 4.5 do differently is left out: recoveries that
    something holds back, and checks on hosts that are not up."""
    random = rng.Random(seed)
    return [random_sequence(random, f"random {number} of {seed}", number % 2 == 0) for number in range(count)]


def random_sequence(random, name, of_checks):
    sequence = Sequence(name)
    sequence.mode = random.choice(["hard", "soft"])
    knobs = {"flap_detection": "0", "max_check_attempts": str(random.randint(1, 4)),
             "notification_interval": str(random.choice([0, 1, 3, 8])),
             "first_notification_delay": str(random.choice([0, 0, 3]))}
    sequence.contacts = {"ops": {}, "boss": {"options": random.choice(["w,u,c,r", "c,r", "u,c,r,f"]),
                                             "host_options": random.choice(["d,u,r", "d,r", "u,r"])}}
    if of_checks:
        letters = [letter for letter in "wuc" if random.random() < 0.8] + ["r"]
        sequence.checks["s"] = {**knobs, "volatile": random.choice("0001"), "notification_options": ",".join(letters)}
        names, states = ["s"], ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
    else:
        for host, parents in (("a", ""), ("b", "a"), ("c", "a,b"), ("d", "b")):
            sequence.hosts[host] = {**knobs, **({"parents": parents} if parents else {})}
        names, states = list(sequence.hosts), ["UP", "DOWN", "UNREACHABLE"]
    if random.random() < 0.5:
        first = random.randint(1, 3)
        sequence.escalations.append({"of": names[-1], "first": first, "last": random.choice([0, first + 2]),
                                     "contacts": random.choice(["boss", "ops,boss"]),
                                     "interval": random.choice([0, 1, 2])})
    for of in names:
        random_steps(random, sequence, of, states)
    return sequence.complete()


def random_steps(random, sequence, of, states):
    state = states[0]
    for second in range(24):
        draw = random.random()
        if draw < 0.06:
            flags = [flag for flag in ("sticky", "notify") if random.random() < 0.5]
            sequence.steps.append((second, ["ack", of, *flags]))
        elif draw < 0.09:
            sequence.steps.append((second, ["unack", of]))
        elif draw < 0.12:
            sequence.steps.append((second, ["custom", of] + ["forced"] * (random.random() < 0.3)))
        elif draw < 0.85:
            if random.random() < 0.45:
                state = random.choice(states)
            sequence.steps.append((second, [of, state]))


# For Nagios

def nagios_objects(sequences):
    lines = ["define command {\n command_name none\n command_line /bin/true\n}",
             "define timeperiod {\n timeperiod_name 24x7\n alias always\n" + "".join(
                 f" {day} 00:00-24:00\n" for day in
                 "sunday monday tuesday wednesday thursday friday saturday".split()) + "}"]
    for index, sequence in enumerate(sequences):
        lines += [define(kind, values) for kind, values in nagios_tables(index, sequence)]
    return "\n".join(lines)


def define(kind, values):
    return f"define {kind} {{\n" + "".join(f" {key} {value}\n" for key, value in values.items()) + "}"


def nagios_tables(index, sequence):
    def named(names):
        return ",".join(f"q{index}.{name}" for name in names.split(",")) if names else "null"

    def period(name):
        return name if name == "24x7" else named(name)

    def knobs(values):
        known = dict(values)
        known.pop("host", None)
        for key in ("contacts", "parents"):
            if key in known:
                known[key] = named(known[key])
        for key in ("notification_period", "check_period"):
            if key in known:
                known[key] = period(known[key])
        if "flap_detection" in known:
            known["flap_detection_enabled"] = known.pop("flap_detection")
        if "volatile" in known:
            known["is_volatile"] = known.pop("volatile")
        return known

    for name, ranges in sequence.periods.items():
        values = {"timeperiod_name": named(name), "alias": "one"}
        values.update(line.rsplit(" ", 1) if line else ("", "") for line in ranges if line)
        yield "timeperiod", values
    for name, values in sequence.contacts.items():
        yield "contact", {
            "contact_name": named(name), "service_notification_commands": "none", "host_notification_commands": "none",
            "service_notification_options": values.get("options", "w,u,c,r,f,s"),
            "host_notification_options": values.get("host_options", "d,u,r,f,s"),
            "service_notification_period": period(values.get("period", "24x7")),
            "host_notification_period": period(values.get("period", "24x7")),
            "service_notifications_enabled": values.get("enabled", "1"),
            "host_notifications_enabled": values.get("enabled", "1")}
    for name, values in sequence.hosts.items():
        yield "host", {"host_name": named(name), "address": "127.0.0.1", "active_checks_enabled": "0",
                       "notification_period": "24x7", **knobs(values)}
    for name, values in sequence.checks.items():
        yield "service", {"host_name": named(values["host"]), "service_description": name, "check_command": "none",
                          "active_checks_enabled": "0", **knobs(values)}
    for values in sequence.escalations:
        yield nagios_escalation(sequence, values, named, period)
    for values in sequence.dependencies:
        yield nagios_dependency(sequence, values, named, period)


def nagios_escalation(sequence, values, named, period):
    table, keys = "hostescalation", {"host_name": named(values["of"])}
    if values["of"] in sequence.checks:
        table = "serviceescalation"
        keys = {"host_name": named(sequence.checks[values["of"]]["host"]), "service_description": values["of"]}
    keys |= {"first_notification": values["first"], "last_notification": values["last"]}
    if "contacts" in values:
        keys["contacts"] = named(values["contacts"])
    if "interval" in values:
        keys["notification_interval"] = values["interval"]
    if "options" in values:
        keys["escalation_options"] = values["options"]
    if "period" in values:
        keys["escalation_period"] = period(values["period"])
    return table, keys


def nagios_dependency(sequence, values, named, period):
    master, dependent = values["master"], values["dependent"]
    table, keys = "hostdependency", {"host_name": named(master), "dependent_host_name": named(dependent)}
    if master in sequence.checks:
        table = "servicedependency"
        keys = {"host_name": named(sequence.checks[master]["host"]), "service_description": master,
                "dependent_host_name": named(sequence.checks[dependent]["host"]),
                "dependent_service_description": dependent}
    keys["notification_failure_criteria"] = values.get("notification", "n")
    keys["execution_failure_criteria"] = values.get("execution", "n")
    keys["inherits_parent"] = values.get("inherits", "0")
    if "period" in values:
        keys["dependency_period"] = period(values["period"])
    return table, keys


def nagios_command(index, sequence, words, start):
    """One step as Nagios takes it."""
    verb, *rest = words
    name = verb if verb in sequence.hosts or verb in sequence.checks else rest[0]
    check = sequence.kind(name) == "check"
    host = sequence.checks[name]["host"] if check else name
    target = f"q{index}.{host};{name}" if check else f"q{index}.{host}"
    kind = "SVC" if check else "HOST"
    if verb == name:
        code = STATES.get(rest[0], rest[0])
        result = "PROCESS_SERVICE_CHECK_RESULT" if check else "PROCESS_HOST_CHECK_RESULT"
        return f"{result};{target};{code};is {rest[0]}"
    flags = rest[1:]
    if verb == "ack":
        sticky, notify, persistent = 2 if "sticky" in flags else 1, int("notify" in flags), int("persistent" in flags)
        return f"ACKNOWLEDGE_{kind}_PROBLEM;{target};{sticky};{notify};{persistent};ann;because"
    if verb == "downtime":
        begin, end = start + int(flags[0]), start + int(flags[1])
        options = pairs(flags[2:])
        fixed, duration = int("flexible" not in options), options.get("flexible", 0)
        return f"SCHEDULE_{kind}_DOWNTIME;{target};{begin};{end};{fixed};{options.get('trigger', 0)};{duration};ann;because"
    if verb == "cancel":
        return f"DEL_{kind}_DOWNTIME;{flags[0]}"
    if verb == "custom":
        options = ("broadcast" in flags) * 1 + ("forced" in flags) * 2 + ("increment" in flags) * 4
        return f"SEND_CUSTOM_{kind}_NOTIFICATION;{target};{options};ann;because"
    word = {"unack": f"REMOVE_{kind}_ACKNOWLEDGEMENT", "silent": f"DISABLE_{kind}_NOTIFICATIONS",
            "loud": f"ENABLE_{kind}_NOTIFICATIONS", "steady": f"DISABLE_{kind}_FLAP_DETECTION",
            "flappy": f"ENABLE_{kind}_FLAP_DETECTION"}[verb]
    return f"{word};{target}"


# For Bellwether

def bellwether_definitions(sequences):
    return "\n".join(table for index, sequence in enumerate(sequences)
                     for table in bellwether_tables(index, sequence))


def toml(name, values):
    return f"[[{name}]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


def bellwether_tables(index, sequence):
    def named(name):
        return f"q{index}.{name}"

    def names(text):
        return [named(name) for name in text.split(",")] if text else []

    def period(name):
        return name if name == "24x7" else named(name)

    def knobs(values):
        known = {}
        for key, value in values.items():
            if key in INTERVALS:
                value = f"{value}s"
            elif key in OPTIONS:
                value = value.split(",")
            elif key in ("contacts", "parents"):
                value = names(value)
            elif key in ("notification_period", "check_period"):
                value = period(value)
            elif key in ("volatile", "flap_detection", "notifications_enabled"):
                value = value == "1"
            elif key == "max_check_attempts":
                value = int(value)
            elif key in ("low_flap_threshold", "high_flap_threshold"):
                value = float(value)
            elif key == "host":
                value = named(value)
            known[key] = value
        return known

    for name, ranges in sequence.periods.items():
        yield toml("time_period", {"name": named(name), "ranges": [line for line in ranges if line]})
    for name, values in sequence.contacts.items():
        yield toml("contact", {
            "name": named(name), "channels": ["log"],
            "check_notification_options": values.get("options", "w,u,c,r,f,s").split(","),
            "host_notification_options": values.get("host_options", "d,u,r,f,s").split(","),
            "notification_period": period(values.get("period", "24x7")),
            "notifications_enabled": values.get("enabled", "1") == "1"})
    for name, values in sequence.hosts.items():
        soft = sequence.mode == "soft"
        yield toml("host", {"name": named(name), "notification_period": "24x7", "translate_passive_results": soft,
                            "passive_results": "soft" if soft else "hard", **knobs(values)})
    for name, values in sequence.checks.items():
        yield toml("check", {"name": named(name), "service": name, "type": "passive", **knobs(values)})
    for values in sequence.escalations:
        table = {sequence.kind(values["of"]): named(values["of"]), "first_notification": int(values["first"]),
                 "last_notification": int(values["last"]), "contacts": names(values.get("contacts", ""))}
        if "interval" in values:
            table["notification_interval"] = f"{values['interval']}s"
        if "options" in values:
            table["options"] = values["options"].split(",")
        if "period" in values:
            table["period"] = period(values["period"])
        yield toml("escalation", table)
    for values in sequence.dependencies:
        kind = sequence.kind(values["master"])
        table = {kind: named(values["master"]), f"dependent_{kind}": named(values["dependent"]),
                 "inherits_parent": values.get("inherits", "0") == "1"}
        for key, word in (("notification_failure", "notification"), ("execution_failure", "execution")):
            if values.get(word, "n") != "n":
                table[key] = values[word].split(",")
        if "period" in values:
            table["period"] = period(values["period"])
        yield toml("dependency", table)


def bellwether_step(index, sequence, words, start, at):
    """One step as examples/machine.rs takes it."""
    verb, *rest = words
    name = verb if verb in sequence.hosts or verb in sequence.checks else rest[0]
    step = {"at": start + at, sequence.kind(name): f"q{index}.{name}"}
    if verb == name:
        return {**step, "status": STATES[rest[0]] if rest[0] in STATES else int(rest[0]), "output": f"is {rest[0]}"}
    flags = rest[1:]
    if verb == "cancel":
        return {**step, "ask": "cancel", "id": int(flags[0])}
    if verb == "ack":
        return {**step, "ask": "acknowledge", **{flag: True for flag in flags}}
    if verb == "downtime":
        options = pairs(flags[2:])
        asked = {"ask": "downtime", "start": start + int(flags[0]), "end": start + int(flags[1])}
        if "flexible" in options:
            asked["duration"] = int(options["flexible"])
        if "trigger" in options:
            asked["trigger"] = int(options["trigger"])
        return {**step, **asked}
    if verb == "custom":
        return {**step, "ask": "custom", **{flag: True for flag in flags}}
    return {**step, "ask": {"unack": "unacknowledge"}.get(verb, verb)}


# Both

def all_steps(sequences):
    """Every step of every sequence in the order in which it is done; downtimes are numbered in this order."""
    steps = [(at, index, place, words) for index, sequence in enumerate(sequences)
             for place, (at, words) in enumerate(sequence.steps)]
    return sorted(steps, key=lambda step: step[:3])


def numbered(sequences):
    """`trigger=a` and `cancel a` name a downtime of the same sequence, `as=a`; both sides number them from 1."""
    known, steps, next_id = {}, [], 1
    for at, index, _place, words in all_steps(sequences):
        words = list(words)
        if words[0] == "downtime":
            label = next((word[3:] for word in words if word.startswith("as=")), None)
            known[index, label] = (next_id, words[1])
            next_id += 1
            words = [word for word in words if not word.startswith("as=")]
            words = [f"trigger={known[index, word[8:]][0]}" if word.startswith("trigger=") else word for word in words]
        if words[0] == "cancel":
            words = ["cancel", known[index, words[1]][1], str(known[index, words[1]][0])]
        steps.append((at, index, words))
    return steps


def run_nagios(nagios, sequences):
    """Does every step in its second, and answers the second that counts as 0."""
    steps = numbered(sequences)
    start = int(time.time()) + 2
    last = max(at for at, _, _ in steps)
    for second in range(last + 1):
        lines = [nagios_command(index, sequences[index], words, start) for at, index, words in steps if at == second]
        time.sleep(max(0, start + second + 0.3 - time.time()))
        if lines:
            nagios.command(*lines, at=start + second)
    time.sleep(2)
    return start


class Late(Exception):
    """This machine was too busy to keep the seconds."""


def check_punctual(nagios, sequences, start):
    """Every result was taken in the second that was meant for it. Nagios writes them all when it stops."""
    wanted, results = {}, nagios.results()
    for at, index, words in numbered(sequences):
        if words[0] in sequences[index].hosts or words[0] in sequences[index].checks:
            wanted.setdefault(nagios_name(index, sequences[index], words[0]), []).append(start + at)
    for name, seconds_wanted in wanted.items():
        got = [result["at"] for result in results.get(name, [])]
        if len(got) == len(seconds_wanted) and got != seconds_wanted:
            raise Late(f"{name}: {got} in the place of {seconds_wanted}")


def run_machine(directory, sequences, start):
    """Name of an object -> what the machine was after each result, and what it told, in order."""
    definitions = pathlib.Path(directory) / "definitions.toml"
    definitions.write_text(bellwether_definitions(sequences))
    steps = [(bellwether_step(index, sequences[index], words, start, at), words)
             for at, index, words in numbered(sequences)]
    # What comes by time alone after the last step, as Nagios is waited for.
    last = {**steps[-1][0], "at": steps[-1][0]["at"] + 2}
    asked = [step for step, _ in steps] + [{key: last[key] for key in ("at", "check", "host") if key in last}]
    ran = subprocess.run([machine(), definitions], input="".join(json.dumps(step) + "\n" for step in asked),
                         capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    results, told = {}, {}
    for step, line in zip(asked, ran.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        name = step["check"] if "check" in step else "host:" + step["host"]
        if "status" in step:
            results.setdefault(name, []).append({**answer, "at": step["at"]})
        for notice in answer["told"]:
            told.setdefault(notice["of"], []).append(notice)
    return results, told


def machine():
    """The driver."""
    return example("machine")


def nagios_name(index, sequence, name):
    if name in sequence.checks:
        return f"q{index}.{sequence.checks[name]['host']}", name
    return f"q{index}.{name}", ""


def differences(index, sequence, start, nagios_results, nagios_told, results, told):
    """Every difference of one sequence, as text."""
    for name in [*sequence.hosts, *sequence.checks]:
        theirs = nagios_results.get(nagios_name(index, sequence, name), [])
        own_name = f"q{index}.{name}" if name in sequence.checks else f"host:q{index}.{name}"
        ours = results.get(own_name, [])
        yield from different_results(name, start, theirs, ours, [word for word in ("number", "depth") if [word] not in sequence.differs])
        yield from different_notices(sequence, name, start,
                                     nagios_told.get(nagios_name(index, sequence, name), []), told.get(own_name, []))


def different_results(name, start, theirs, ours, also):
    """4.5 keeps the number of a problem until its end was told, 4.4 does not."""
    if len(theirs) != len(ours):
        yield f"{name}: Nagios took {len(theirs)} results, Bellwether {len(ours)}"
    for their, our in zip(theirs, ours):
        fields = ["state", "state_type", "attempt", *also]
        wanted = [their[field] for field in fields] + [f"{their['percent']:.2f}"]
        got = [our[field] for field in fields] + [f"{our['percent']:.2f}"]
        if wanted != got:
            yield f"{name} at {our['at'] - start}: Nagios {wanted}, Bellwether {got}"


def different_notices(sequence, name, start, theirs, ours):
    def lines(notices):
        return [(notice["at"] - start, notice["kind"], notice["state"], re.sub(r"^q\d+\.", "", notice["contact"]))
                for notice in notices]

    theirs, ours = lines(theirs), lines(ours)
    for version, *line in sequence.differs:
        if line and line[1] == name:
            (theirs if version == "4.5" else ours).append((int(line[0]), *line[2:]))
    if any(line and line[1] == name for _, *line in sequence.differs):
        theirs, ours = sorted(theirs), sorted(ours)
    if not same_notices(theirs, ours):
        yield f"{name}: told by Nagios alone {[line for line in theirs if line not in ours]}, by Bellwether alone " \
              f"{[line for line in ours if line not in theirs]}; all of Nagios's: {theirs}"


def same_notices(theirs, ours):
    """Nagios lets what it does by time alone happen up to a second early."""
    early = {"downtime_start", "downtime_end"}
    return len(theirs) == len(ours) and all(
        their[1:] == our[1:] and (their[0] == our[0] or (their[1] in early and their[0] == our[0] - 1))
        for their, our in zip(theirs, ours))
