"""What `import nagios` must have written, by Nagios's own resolved objects (its precache file)."""
import collections
import re
import shlex

from support.nagios_original import blocks

SERVICE_OPTIONS, HOST_OPTIONS = "wucrfs", "durfs"
MACRO = re.compile(r"\$([A-Za-z0-9_:.-]*)\$")
OF_PEOPLE = ("contacts", "contact_groups")


def options(text, letters):
    chosen = [item.strip() for item in (text or "n").split(",")]
    return [letter for letter in letters if letter in chosen or "a" in chosen] or ["n"]


def seconds(text):
    """A duration of ours."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|min|h|d)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}[unit]


def split_command(text):
    parts = re.split(r"(?<!\\)!", text)
    return parts[0], [part.replace("\\!", "!") for part in parts[1:]]


def expanded(text, values):
    return MACRO.sub(lambda found: "$" if not found[1] else values.get(found[1], found[0]), text)


class Expected:
    def __init__(self, precache, resources, unit, settings):
        self.by_kind = collections.defaultdict(list)
        for kind, values in blocks(precache):
            self.by_kind[kind].append(values)
        self.users = dict(re.findall(r"^\$(USER\d+)\$=(.*)$", resources, re.MULTILINE))
        self.unit, self.settings = unit, settings
        self.commands = {values["command_name"]: values["command_line"] for values in self.by_kind["command"]}
        self.groups = {values["contactgroup_name"]: values.get("members", "").split(",") for values in self.by_kind["contactgroup"]}
        self.host_values = {values["host_name"]: values for values in self.by_kind["host"]}

    def interval(self, values, key):
        return float(values[key]) * self.unit

    def contacts(self, values):
        people = set(filter(None, values.get("contacts", "").split(",")))
        for group in filter(None, values.get("contact_groups", "").split(",")):
            people |= set(filter(None, self.groups[group]))
        return people

    def macros(self, host, service=None):
        found = {**self.users, "HOSTNAME": host["host_name"], "HOSTADDRESS": host["address"], "HOSTALIAS": host["alias"]}
        found |= {f"_HOST{key[1:]}": self.variable(value) for key, value in host.items() if key.startswith("_")}
        if service:
            found["SERVICEDESC"] = service["service_description"]
            found |= {f"_SERVICE{key[1:]}": self.variable(value) for key, value in service.items() if key.startswith("_")}
        return found

    def variable(self, value):
        return "" if value == "null" else value

    def command_line(self, text, macros):
        """As Nagios gives it to a shell."""
        name, arguments = split_command(text)
        arguments = {f"ARG{at + 1}": argument for at, argument in enumerate(arguments)}
        line = MACRO.sub(lambda found: arguments.get(found[1], "" if found[1].startswith("ARG") else found[0]), self.commands[name])
        return expanded(line, macros)

    def shared(self, values, letters, flap_letters, of_all):
        flapping = values["flap_detection_enabled"] == "1"
        found = {
            "check_interval": self.interval(values, "check_interval"), "retry_interval": self.interval(values, "retry_interval"),
            "max_check_attempts": int(values["max_check_attempts"]), "check_period": values.get("check_period"), "contacts": self.contacts(values),
            "notification_interval": self.interval(values, "notification_interval"), "notification_period": values.get("notification_period"),
            "first_notification_delay": self.interval(values, "first_notification_delay"), "notification_options": options(values["notification_options"], letters),
            "notifications_enabled": values["notifications_enabled"] == "1", "flap_detection": flapping,
            "flap_detection_options": options(values["flap_detection_options"], flap_letters),
            "variables": {key[1:]: self.variable(value) for key, value in values.items() if key.startswith("_")}}
        for key in ("low_flap_threshold", "high_flap_threshold"):
            found[key] = (float(values[key]) or self.settings[of_all[key]]) if flapping else None
        return found

    def checks(self):
        for service in self.by_kind["service"]:
            host = self.host_values[service["host_name"]]
            macros = self.macros(host, service)
            active, fresh = service["active_checks_enabled"] == "1", service["check_freshness"] == "1"
            line = self.command_line(service["check_command"], macros) if "check_command" in service else ""
            stale = int(shlex.split(line)[1]) if fresh and line and shlex.split(line)[0].endswith("/check_dummy") else None
            handler = service["event_handler_enabled"] == "1" and service.get("event_handler")
            threshold = float(service["freshness_threshold"]) or self.interval(service, "check_interval") + 15
            yield f"{service['host_name']}/{service['service_description']}", {
                **self.shared(service, SERVICE_OPTIONS, "owuc", {"low_flap_threshold": "low_service_flap_threshold", "high_flap_threshold": "high_service_flap_threshold"}),
                "host": service["host_name"], "service": service["service_description"], "type": "plugin" if active else "passive",
                "command": line if active or (fresh and stale is None) else "", "volatile": service["is_volatile"] == "1",
                "freshness_threshold": threshold if fresh else None, "stale_status": stale,
                "event_handler": self.command_line(handler, macros) if handler else ""}, macros

    def hosts(self):
        for host in self.by_kind["host"]:
            macros = self.macros(host)
            active = host["active_checks_enabled"] == "1"
            handler = host["event_handler_enabled"] == "1" and host.get("event_handler")
            yield host["host_name"], {
                **self.shared(host, HOST_OPTIONS, "odu", {"low_flap_threshold": "low_host_flap_threshold", "high_flap_threshold": "high_host_flap_threshold"}),
                "address": host["address"], "parents": set(filter(None, host.get("parents", "").split(","))),
                "command": self.command_line(host["check_command"], macros) if active and "check_command" in host else "",
                "event_handler": self.command_line(handler, macros) if handler else ""}, macros

    def contact_tables(self):
        for contact in self.by_kind["contact"]:
            on = {kind: contact[f"{kind}_notifications_enabled"] == "1" for kind in ("host", "service")}
            yield contact["contact_name"], {
                "check_notification_options": options(contact["service_notification_options"] if on["service"] else "n", SERVICE_OPTIONS),
                "host_notification_options": options(contact["host_notification_options"] if on["host"] else "n", HOST_OPTIONS),
                "notification_period": contact.get("service_notification_period"), "host_notification_period": contact.get("host_notification_period"),
                "email": contact.get("email")}

    def escalations(self):
        for kind, letters in (("serviceescalation", "wucr"), ("hostescalation", "dur")):
            for one in self.by_kind[kind]:
                name = f"{one['host_name']}/{one['service_description']}" if kind.startswith("service") else one["host_name"]
                yield (kind, name, int(one["first_notification"]), int(one["last_notification"]), self.interval(one, "notification_interval"),
                       frozenset(self.contacts(one)), tuple(options(one["escalation_options"], letters)), one.get("escalation_period"))

    def dependencies(self):
        """Nagios lists what one definition says of notifications and of runs as two."""
        joined = collections.defaultdict(lambda: [(), ()])
        for kind, letters in (("servicedependency", "owucp"), ("hostdependency", "odup")):
            for one in self.by_kind[kind]:
                def name(prefix):
                    host = one[f"{prefix}host_name"]
                    return f"{host}/{one[prefix + 'service_description']}" if kind.startswith("service") else host
                key = (kind, name(""), name("dependent_"), one["inherits_parent"] == "1", one.get("dependency_period"))
                for at, side in enumerate(("notification_failure_options", "execution_failure_options")):
                    joined[key][at] = tuple(sorted({*joined[key][at], *states(one, side, letters)}))
        return [(*key, *map(tuple, failures)) for key, failures in joined.items()]

    def periods(self):
        for period in self.by_kind["timeperiod"]:
            named = ("timeperiod_name", "alias", "exclude")
            ranges = {f"{days} {hours}" for days, hours in period.items() if days not in named}
            yield period["timeperiod_name"], ranges, set(filter(None, period.get("exclude", "").split(",")))


def states(values, key, letters):
    return tuple(letter for letter in options(values.get(key), letters) if letter != "n")


def same_command(own, line, macros):
    """Ours is a list of arguments, Nagios's a line for a shell; both with their macros in place."""
    if not own:
        return not line
    own = [expanded(argument, macros) for argument in own]
    if own[:2] == ["/bin/sh", "-c"]:
        return own[2] == line
    return own == shlex.split(line)
