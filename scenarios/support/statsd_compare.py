"""What two servers of `statsd_servers` answered to the same packets: every difference, in words."""
import math
import re

# Of the numbers about the flush itself only the names can agree.
TIMES = re.compile(r"(calculationtime|processing_time|last_flush|last_exception|flush_time|flush_length"
                   r"|timestamp_lag)\b")
# So do some of the admin interface's lines.
MEASURED = re.compile(r"(?m)^(uptime|messages\.last_msg_seen|graphite\.\w+): -?[\d.]+$")
# Of the settings, those that are each server's own, and a histogram, which the original prints as [object Object].
SOCKETS = re.compile(r"(?m)^(port|address|mgmt_\w+|graphiteHost|graphitePort|automaticConfigReload|histogram > \d+): .*$")


def play(server, group):
    """The flush and the admin answers of each interval, and of one more in which nothing is sent."""
    return [server.interval(group.packets(at), group.admin_commands(at)) for at in range(group.intervals() + 1)]


def in_our_form(name):
    """DogStatsD's dialect puts tags in the form that a series name must have."""
    metric, *tags = name.split(";")
    return ";".join([metric, *sorted(tag if "=" in tag else f"{tag}=true" for tag in tags)])


def differences(case, interval, theirs, ours):
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in ours or name not in theirs:
            yield f"{case}, flush {interval + 1}: {name} only from {'the original' if name in theirs else 'us'}"
        elif not TIMES.search(name) and not math.isclose(theirs[name], ours[name], rel_tol=1e-9, abs_tol=1e-12):
            yield f"{case}, flush {interval + 1}: {name} is {theirs[name]!r}, ours {ours[name]!r}"


def of_cases(group, points):
    """The points by the case whose prefix is in the name; the rest belongs to the group."""
    parts = {}
    for name, value in points.items():
        owner = next((case.name for case in group.cases if case.prefix in name), group.name)
        parts.setdefault(owner, {})[name] = value
    return parts


def masked(answer):
    return MEASURED.sub(r"\1: N", answer)


def same_answer(command, theirs, ours):
    if command == "config":
        # The original lists what its file holds, in its order; we list all settings.
        return set(filter(None, SOCKETS.sub("", theirs).splitlines())) <= set(ours.splitlines())
    return masked(theirs) == masked(ours)


def compare(group, dialect, theirs, ours):
    """DogStatsD's dialect has its own form of tags, and so other names in the admin interface's answers."""
    dog = dialect == "dogstatsd"
    form = in_our_form if dog else str
    found = []
    for interval, ((their_points, their_answers), (our_points, our_answers)) in enumerate(zip(theirs, ours)):
        their_points = {form(name): value for name, value in their_points.items()}
        their_parts, our_parts = of_cases(group, their_points), of_cases(group, our_points)
        for case in their_parts.keys() | our_parts.keys():
            found += differences(case, interval, their_parts.get(case, {}), our_parts.get(case, {}))
        for command, wanted, answer in zip(group.admin_commands(interval), their_answers, our_answers):
            if not dog and not same_answer(command, wanted, answer):
                found.append(f"{group.name}, interval {interval + 1}: `{command}` says\n{wanted}\nours\n{answer}")
    return found
