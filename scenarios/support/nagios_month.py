"""A made-up estate and what befell it in a month: for a real Nagios in compressed time (`nagios_time`). All by a seed."""
import bisect
import random

from support.nagios_original import ALWAYS, define

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday")
OK, WARNING, CRITICAL, UNKNOWN = range(4)


class Month:
    """`objects` is Nagios's configuration, `answer` what a check finds, `commands` what people and programs send."""

    def __init__(self, seed, begin, days, hosts, services):
        self.random, self.begin, self.until = random.Random(seed), begin, begin + int(days * DAY)
        self.people = ["ann", "bob", "cho", "dee", "boss"]
        self.host_names = [f"host{number:02}" for number in range(hosts)]
        self.services = [(self.random.choice(self.host_names[1:]), f"service {number}") for number in range(services)]
        self.passive = set(self.services[::9])
        self.parents = {name: self._parent(number) for number, name in enumerate(self.host_names)}
        self.states = {}
        for name in self.host_names:
            self.states[name] = self._outages()
        for number, service in enumerate(self.services):
            self.states[service] = self._troubles(flappy=number % 7 == 3)
        self.objects = self._objects()
        self.commands = sorted(self._commands())

    # What befell it

    def _parent(self, number):
        """A tree: one router, some switches, the others on them."""
        if number == 0:
            return None
        return self.host_names[0] if number < 4 else self.host_names[self.random.randint(1, 3)]

    def _outages(self):
        """[(since, state)]: fine most of the time."""
        random, at, changes = self.random, self.begin, [(0, OK)]
        while (at := at + random.expovariate(1 / (9 * DAY))) < self.until:
            changes.append((at, CRITICAL))
            at += random.choice([2 * MINUTE, 12 * MINUTE, HOUR, 4 * HOUR]) * random.uniform(0.7, 1.5)
            changes.append((at, OK))
        return changes

    def _troubles(self, flappy):
        random, at, changes = self.random, self.begin, [(0, OK)]
        while (at := at + random.expovariate(1 / (2 * DAY))) < self.until:
            if flappy and random.random() < 0.5:
                end = at + random.uniform(1, 8) * HOUR
                while at < end:
                    changes.append((at, random.choice([OK, WARNING, CRITICAL, OK])))
                    at += random.uniform(3, 25) * MINUTE
            else:
                length = random.choice([MINUTE, 5 * MINUTE, 20 * MINUTE, HOUR, 5 * HOUR, DAY]) * random.uniform(0.5, 1.8)
                parts = sorted(random.uniform(0, length) for _ in range(random.choice([0, 0, 1, 2])))
                for part in [0, *parts]:
                    changes.append((at + part, random.choice([WARNING, CRITICAL, CRITICAL, UNKNOWN])))
                at += length
            changes.append((at, OK))
        return changes

    def _found(self, thing, now):
        changes = self.states[thing]
        return changes[bisect.bisect(changes, (now, 9)) - 1][1]

    def is_down(self, host, now):
        parent = self.parents[host]
        return self._found(host, now) != OK or (parent is not None and self.is_down(parent, now))

    def state(self, thing, now):
        host = thing if isinstance(thing, str) else thing[0]
        if self.is_down(host, now):
            return CRITICAL
        return OK if thing is host else self._found(thing, now)

    def answer(self, command, now):
        """As a worker of Nagios: `check HOST [SERVICE]`."""
        _, host, *service = command.split(" ", 2)
        status = self.state((host, service[0]) if service else host, now)
        return status, ("fine", "so so", "broken", "who knows")[status] + f" {now % 97}", 0.1

    # What Nagios is told of it

    def _objects(self):
        random, pick = self.random, self.random.choice
        text = ALWAYS + define("timeperiod", timeperiod_name="workhours", alias="Work", **{day: "08:00-18:00" for day in WEEK})
        text += define("timeperiod", timeperiod_name="nights", alias="Nights", exclude="workhours", **{day: "00:00-24:00" for day in (*WEEK, "saturday", "sunday")})
        text += define("command", command_name="check_host", command_line="{check} $HOSTNAME$")
        text += define("command", command_name="check_service", command_line="{check} $HOSTNAME$ $SERVICEDESC$")
        text += define("command", command_name="tell", command_line="{tell}")
        for name in self.people:
            text += define("contact", contact_name=name, host_notification_commands="tell", service_notification_commands="tell",
                           host_notification_options=pick(["d,u,r,f,s", "d,u,r", "d,r,f,s"]), service_notification_options=pick(["w,u,c,r,f,s", "u,c,r", "w,u,c,r", "c,r,f"]),
                           host_notification_period=pick(["always", "always", "nights"]), service_notification_period=pick(["always", "always", "workhours", "nights"]))
        for number, name in enumerate(self.host_names):
            text += define("host", host_name=name, address="127.0.0.1", check_command="check_host", check_interval=pick([1, 3, 5]), retry_interval=1, check_period="always",
                           notification_options=pick(["d,u,r,f,s", "d,u,r,f,s", "d,r"]), parents=self.parents[name] or "null", **self._knobs())
        for host, service in self.services:
            passive = (host, service) in self.passive
            text += define("service", host_name=host, service_description=service, check_command="check_service", active_checks_enabled=int(not passive), check_period="always",
                           check_interval=pick([2, 5, 5, 10, 15]), retry_interval=pick([1, 1, 2, 3]), is_volatile=int(random.random() < 0.08),
                           notification_options=pick(["w,u,c,r,f,s", "w,u,c,r,f,s", "u,c,r", "c", "w,u,c,r"]), **self._knobs())
            if random.random() < 0.25:
                first = random.randint(1, 4)
                text += define("serviceescalation", host_name=host, service_description=service, first_notification=first, last_notification=pick([0, first + 2]),
                               contacts=["boss", pick(self.people[:4])], notification_interval=pick([0, 15, 45]), escalation_period=pick(["always", "workhours"]))
        for host in self.host_names[::5]:
            text += define("hostescalation", host_name=host, first_notification=2, last_notification=0, contacts="boss", notification_interval=30)
        for master, dependent in zip(self.services[1::13], self.services[2::13]):
            text += define("servicedependency", host_name=master[0], service_description=master[1], dependent_host_name=dependent[0], dependent_service_description=dependent[1],
                           notification_failure_criteria="c,u")
        return text

    def _knobs(self):
        random, pick = self.random, self.random.choice
        return {"max_check_attempts": random.randint(1, 5), "notification_interval": pick([0, 20, 60, 60, 240]), "first_notification_delay": pick([0, 0, 0, 4, 12]),
                "notification_period": pick(["always", "always", "workhours", "nights"]), "contacts": random.sample(self.people[:4], random.randint(1, 3)),
                "flap_detection_enabled": int(random.random() < 0.9)}

    # What people and programs do

    def _commands(self):
        yield from self._passive_results()
        troubles = [(int(at), thing) for thing, changes in self.states.items() for at, state in changes if state != OK]
        planned = []
        for at, thing in troubles:
            draw = self.random.random()
            later = at + self.random.randint(5, 90) * MINUTE
            if draw < 0.15:
                yield later, f"ACKNOWLEDGE_{named(thing)[0]}_PROBLEM;{named(thing)[1]};{self.random.choice([1, 2])};{self.random.choice([0, 1])};1;ann;seen"
                if draw < 0.02:
                    yield later + 40 * MINUTE, f"REMOVE_{named(thing)[0]}_ACKNOWLEDGEMENT;{named(thing)[1]}"
            elif draw < 0.20:
                planned.append((at - self.random.randint(-20, 60) * MINUTE, thing))
            elif draw < 0.22:
                yield later, f"SEND_CUSTOM_{named(thing)[0]}_NOTIFICATION;{named(thing)[1]};{self.random.choice([0, 1, 2])};ann;look"
            elif draw < 0.24:
                yield at - HOUR, f"DISABLE_{named(thing)[0]}_NOTIFICATIONS;{named(thing)[1]}"
                yield later + HOUR, f"ENABLE_{named(thing)[0]}_NOTIFICATIONS;{named(thing)[1]}"
        yield from self._downtimes(sorted(planned, key=str))

    def _passive_results(self):
        for service in self.passive:
            for at, state in self.states[service][1:]:
                # Programs send again and again what they see.
                for again in range(self.random.randint(1, 6)):
                    yield int(at) + again * 5 * MINUTE, f"PROCESS_SERVICE_CHECK_RESULT;{';'.join(service)};{state};sent {again}"

    def _downtimes(self, planned):
        """Nagios counts them from 1, in the order in which they are asked for."""
        asked = []
        for at, thing in planned:
            start, length = max(at, self.begin + HOUR), self.random.randint(20, 300) * MINUTE
            fixed = int(self.random.random() < 0.65)
            end = start + length + (0 if fixed else self.random.randint(1, 5) * HOUR)
            early = start - self.random.choice([0, 10 * MINUTE, 5 * HOUR])
            kind, name = named(thing)
            if isinstance(thing, str) and self.random.random() < 0.4:
                kind = "HOST_SVC"
            number = 1 if kind != "HOST_SVC" else sum(host == thing for host, _ in self.services)
            asked.append((max(early, self.begin + HOUR), f"SCHEDULE_{kind}_DOWNTIME;{name};{start};{end};{fixed};0;{length};bob;work", kind, number, start, end))
        asked.sort()
        identifier = 1
        for at, line, kind, number, start, end in asked:
            yield at, line
            if kind != "HOST_SVC" and self.random.random() < 0.3:
                # Some before they begin, some while they last.
                gone = self.random.randint(at + MINUTE, end - MINUTE)
                yield gone, f"DEL_{kind}_DOWNTIME;{identifier}"
            identifier += number


def named(thing):
    return ("HOST", thing) if isinstance(thing, str) else ("SVC", ";".join(thing))
