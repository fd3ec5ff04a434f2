"""A Nagios configuration made up by a seed: every way in which object files say something, in several files and directories."""
import getpass
import pathlib
import random

from support.nagios_original import define

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SERVICE_OPTIONS, HOST_OPTIONS = "wucrfs", "durfs"
COMMANDS = {
    "check_ping": "$USER1$/check_ping -H $HOSTADDRESS$ -w $ARG1$ -c $ARG2$ -p 1",
    "check_http": "$USER1$/check_http -I '$HOSTADDRESS$' -u \"$ARG1$\" $ARG2$",
    "check_vars": "$USER1$/check_dummy 0 $_HOSTRACK$ \"$_SERVICELABEL$\" $_SERVICEEXTRA$",
    "check_shell": "$USER1$/check_load $ARG1$ | head -1",
    "check_secret": "$USER1$/check_mysql -u monitor -p $USER3$ -H $HOSTNAME$ -d '$USER4$'",
    "check_names": "$USER1$/check_dummy 0 $SERVICEDESC$ '$SERVICEDESC$' $HOSTALIAS$ a\\ b 'x y'\"z\"",
    "check_nothing": "/bin/true",
    "check_stale": "$USER1$/check_dummy 2 \"no result came\"",
    "notify": "/usr/bin/printf '%b' \"$NOTIFICATIONTYPE$ $HOSTNAME$\" | /usr/bin/mail $CONTACTEMAIL$",
}
RESOURCES = "# secrets\n$USER1$=/usr/lib/nagios/plugins\n$USER3$=s3cret\n\n$USER4$=two words\n"
PERIODS = [
    define("timeperiod", timeperiod_name="24x7", alias="Always", **{day: "00:00-24:00" for day in
           ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")}),
    define("timeperiod", name="work-days", register=0, monday="09:00-17:00", tuesday="09:00-12:00,13:00-17:00", friday="09:00-16:30"),
    define("timeperiod", timeperiod_name="workhours", alias="Work", use="work-days", wednesday="08:00-18:00", friday="09:00-12:00"),
    define("timeperiod", timeperiod_name="holidays", alias="Holidays", **{"december 25": "00:00-24:00", "january 1": "00:00-24:00", "july 10 - 15": "00:00-24:00",
           "monday 1 september": "00:00-24:00", "day -1": "18:00-24:00", "2027-01-28": "00:00-24:00", "2027-04-01 - 2027-05-01 / 3": "10:00-12:00"}),
    define("timeperiod", timeperiod_name="oncall", alias="On call", exclude="workhours,holidays", **{"monday 3 - thursday 4": "00:00-24:00", "sunday": "00:00-24:00"}),
    define("timeperiod", timeperiod_name="never", alias="Never"),
]


class Estate:
    """Written to a directory: `nagios.cfg` and what it names."""

    def __init__(self, seed, hosts, services):
        self.seed, self.random = seed, random.Random(seed)
        self.host_names = [f"{self.random.choice(['web', 'db', 'mail', 'core'])}{index:03}" for index in range(hosts)]
        self.hosts, self.services = hosts, services
        self.with_expressions = seed % 2 == 1
        # With expressions on `*` is one, and a wrong one to Nagios.
        self.all = ".*" if self.with_expressions else "*"
        self.contacts = [f"person{index}" for index in range(max(4, hosts // 12))]
        self.contact_groups = [f"team{index}" for index in range(max(3, hosts // 25))]
        self.host_groups = [f"group{index}" for index in range(max(4, hosts // 10))]
        self.service_groups = [f"bundle{index}" for index in range(max(3, hosts // 20))]
        self.files = {}

    def maybe(self, chance, **values):
        return values if self.random.random() < chance else {}

    def some(self, names, most):
        return self.random.sample(names, self.random.randint(1, min(most, len(names))))

    def without(self, names):
        """Sometimes an exclusion; with expressions on Nagios takes none beside a `*`."""
        return [f"!{self.random.choice(names)}"] if not self.with_expressions and self.random.random() < 0.5 else []

    def write(self, directory):
        directory = pathlib.Path(directory)
        self.files = {
            "periods.cfg": "".join(PERIODS), "commands.cfg": self.commands(), "people.cfg": self.people(), "templates.cfg": self.templates(),
            "hosts/all.cfg": self.host_objects(), "hosts/deep/groups.cfg": self.host_group_objects(), "services/services.cfg": self.service_objects(),
            "services/groups.cfg": self.service_group_objects(), "relations.cfg": self.relations()}
        for name, text in self.files.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(text)
        (directory / "hosts" / ".hidden.cfg").write_text("broken {")
        (directory / "hosts" / "README").write_text("not read")
        (directory / "resource.cfg").write_text(RESOURCES)
        (directory / "nagios.cfg").write_text(f"""# seed {self.seed}
log_file={directory}/nagios.log
cfg_file=periods.cfg
cfg_file={directory}/commands.cfg
cfg_file=people.cfg
cfg_file=templates.cfg
cfg_dir={directory}/hosts
cfg_dir=services
cfg_file=relations.cfg
resource_file=resource.cfg
precached_object_file={directory}/objects.precache
object_cache_file={directory}/objects.cache
status_file={directory}/status.dat
lock_file={directory}/lock
temp_file={directory}/temporary
temp_path={directory}
check_result_path={directory}
state_retention_file={directory}/retention.dat
nagios_user={getpass.getuser()}
nagios_group={getpass.getuser()}
interval_length={self.random.choice([60, 60, 30, 1])}
use_regexp_matching={int(self.with_expressions)}
enable_flap_detection=1
low_service_flap_threshold=5.0
high_service_flap_threshold=20.0
illegal_macro_output_chars=`~$&|'"<>
illegal_object_name_chars=`~!$%^&*|'"<>?,()=
""")
        return directory / "nagios.cfg"

    def commands(self):
        return "# commands\n" + "".join(define("command", command_name=name, command_line=line.replace(";", "\\;")) for name, line in COMMANDS.items())

    def people(self):
        text = define("contact", name="human", register=0, host_notification_commands="notify", service_notification_commands="notify",
                      host_notification_period="24x7", service_notification_period="24x7", host_notification_options="d,r", service_notification_options="w,u,c,r")
        for name in self.contacts:
            text += define("contact", contact_name=name, use="human", email=f"{name}@example.org",
                           **self.maybe(0.4, service_notification_options=",".join(self.some(list(SERVICE_OPTIONS), 5))),
                           **self.maybe(0.3, host_notification_options=",".join(self.some(list(HOST_OPTIONS), 4))),
                           **self.maybe(0.2, service_notification_period="workhours"), **self.maybe(0.2, host_notification_period="oncall"),
                           **self.maybe(0.1, service_notifications_enabled=0), **self.maybe(0.1, host_notifications_enabled=0),
                           **self.maybe(0.4, contactgroups=self.some(self.contact_groups, 2)), **self.maybe(0.2, _PHONE="555"), **self.maybe(0.1, pager="123"))
        for index, name in enumerate(self.contact_groups):
            text += define("contactgroup", contactgroup_name=name, alias=name, members=self.some(self.contacts, 4),
                           **(self.maybe(0.4, contactgroup_members=self.some(self.contact_groups[:index], 2)) if index else {}))
        return text

    def templates(self):
        pick = self.random.choice
        text = define("host", name="any-host", register=0, check_command="check_ping!100,20%!500,60%", max_check_attempts=pick([3, 5]), check_period="24x7",
                      notification_period="24x7", notification_interval=pick([60, 120]), contact_groups="team0", notification_options="d,u,r",
                      _RACK="none", hostgroups="group0", check_interval=5, retry_interval=1)
        text += define("host", name="loud-host", register=0, use="any-host", notification_interval=10, contacts="person0", contact_groups="+team1", flap_detection_enabled=0)
        text += define("host", name="quiet", register=0, notifications_enabled=0, contact_groups="team2", notification_period="workhours", first_notification_delay=5)
        text += define("service", name="any-service", register=0, max_check_attempts=3, check_interval=5, retry_interval=1, check_period="24x7",
                       notification_options="w,u,c,r", _LABEL="plain")
        text += define("service", name="told-service", register=0, use="any-service", contact_groups="team1", notification_interval=30, notification_period="24x7",
                       flap_detection_options="o,c", low_flap_threshold=10.0, high_flap_threshold=35)
        text += define("service", name="passive-service", register=0, active_checks_enabled=0, check_freshness=1, check_command="check_stale")
        text += define("service", name="volatile-service", register=0, is_volatile=1, max_check_attempts=1, notification_interval=0)
        return text

    def host_objects(self):
        text = ""
        for index, name in enumerate(self.host_names):
            use = self.random.choice(["any-host", "loud-host", "quiet,any-host", "any-host,quiet", "loud-host,quiet"])
            if index == 0:
                # Has contacts, whatever else.
                self.loud = name
                text += define("host", host_name=name, use="loud-host", address="10.9.9.9", hostgroups="+group1")
                continue
            values = dict(host_name=name, use=use, address=f"10.0.{index // 250}.{index % 250}")
            values |= self.maybe(0.5, alias=self.random.choice([f"Host {index}", name.upper()]))
            values |= self.maybe(0.5, hostgroups=self.random.choice(["", "+"]) + ",".join(self.some(self.host_groups, 3)))
            values |= self.maybe(0.3, parents=self.some(self.host_names[:index], 2)) if index else {}
            values |= self.maybe(0.2, contacts=self.random.choice(["+", ""]) + ",".join(self.some(self.contacts, 3)))
            values |= self.maybe(0.2, contact_groups=self.random.choice(["+team2", "team0,team1", "null"]))
            values |= self.maybe(0.2, check_interval=self.random.choice([0.5, 1, 10])) | self.maybe(0.2, max_check_attempts=self.random.randint(1, 9))
            values |= self.maybe(0.2, notification_options=",".join(self.some(list(HOST_OPTIONS), 4))) | self.maybe(0.1, notification_options="n")
            values |= self.maybe(0.2, _RACK=self.random.choice(["r1", "row 3; shelf", "a-b"])) | self.maybe(0.1, _EMPTY="x y")
            values |= self.maybe(0.1, check_command="null") | self.maybe(0.1, active_checks_enabled=0) | self.maybe(0.1, event_handler="check_nothing")
            values |= self.maybe(0.1, notes_url="http://wiki/$HOSTNAME$?a=$HOSTADDRESS$") | self.maybe(0.1, notification_period="null") | self.maybe(0.1, icon_image="x.png")
            values |= self.maybe(0.1, low_flap_threshold=4.5, high_flap_threshold=12) | self.maybe(0.1, flap_detection_options="o,d")
            text += define("host", **values)
            text += self.random.choice(["", "; a comment\n", "# another\n\n"])
        return text

    def host_group_objects(self):
        text = ""
        for index, name in enumerate(self.host_groups):
            members = self.some(self.host_names, 6)
            if index % 5 == 3:
                members = [self.all] if self.with_expressions else ["*", *(f"!{host}" for host in self.some(self.host_names, 5))]
            if self.with_expressions and index % 5 == 2:
                # Nagios takes no `!` beside an expression.
                members = ["web.*", "core.?1"]
            nested = self.maybe(0.3, hostgroup_members=self.some(self.host_groups[:index], 2)) if index else {}
            text += define("hostgroup", hostgroup_name=name, alias=name, **self.maybe(0.9, members=members), **nested)
        return text

    def check_command(self):
        return self.random.choice(["check_ping!50,10%!90,30%", "check_http!/index.html?a=b!-w 5 -c 10", "check_http!/a b!", "check_vars", "check_shell!-w 5,4,3 -c 9,8,7",
                                   "check_secret", "check_names", "check_http!/x\\!y!--ssl", "check_nothing"])

    def service_objects(self):
        text, count, index = "", 0, 0
        while count < self.services:
            use = self.random.choice(["any-service", "told-service", "any-service", "passive-service,any-service", "volatile-service,told-service"])
            values = dict(use=use, service_description=self.random.choice(["disk", "load avg", "HTTP", "queue"]) + f" {index}", check_command=self.check_command())
            many = self.random.random()
            if many < 0.3 and self.services - count > self.hosts:
                groups = self.some(self.host_groups, 2)
                values |= dict(hostgroup_name=groups + self.without(self.host_groups))
                count += self.hosts // 3
            else:
                hosts = self.some(self.host_names, self.random.choice([1, 3, 12]))
                values |= dict(host_name=hosts)
                count += len(hosts)
            if "passive" in use:
                values.pop("check_command") if self.random.random() < 0.6 else None
                values |= self.maybe(0.5, freshness_threshold=self.random.choice([90, 3600]))
            values |= self.maybe(0.2, contacts=self.random.choice(["", "+"]) + ",".join(self.some(self.contacts, 3)))
            values |= self.maybe(0.2, contact_groups=self.random.choice(["+team2", "team0", "null", "team1,team2"]))
            values |= self.maybe(0.2, notification_interval=self.random.choice([0, 7, 240])) | self.maybe(0.15, notification_period=self.random.choice(["workhours", "oncall", "null"]))
            values |= self.maybe(0.2, notification_options=",".join(self.some(list(SERVICE_OPTIONS), 5))) | self.maybe(0.2, normal_check_interval=self.random.choice([1, 2.5, 15]))
            values |= self.maybe(0.2, retry_check_interval=2) | self.maybe(0.2, max_check_attempts=self.random.randint(1, 6)) | self.maybe(0.1, is_volatile=1)
            values |= self.maybe(0.2, servicegroups=self.some(self.service_groups, 2)) | self.maybe(0.2, _LABEL="it's 5") | self.maybe(0.3, _EXTRA="-a 1 -b 'two words'")
            values |= self.maybe(0.1, first_notification_delay=3) | self.maybe(0.1, flap_detection_enabled=0) | self.maybe(0.1, event_handler="check_http!/handler!-x")
            values |= self.maybe(0.1, notes_url="http://wiki/$SERVICEDESC$") | self.maybe(0.05, notifications_enabled=0) | self.maybe(0.05, check_period="workhours")
            text += define("service", **values)
            if "hostgroup_name" in values and self.random.random() < 0.5:
                # One host says it for itself; the group's stands back.
                host = self.random.choice(self.host_names)
                text += define("service", use="any-service", host_name=host, service_description=values["service_description"], check_command="check_nothing",
                               max_check_attempts=7)
                count += 1
            index += 1
        self.descriptions = index
        return text

    def service_group_objects(self):
        text = ""
        for index, name in enumerate(self.service_groups):
            nested = self.maybe(0.4, servicegroup_members=self.some(self.service_groups[:index], 2)) if index else {}
            text += define("servicegroup", servicegroup_name=name, alias=name, **nested)
        # Each has a member, so that what names it is not empty.
        for index, name in enumerate(self.service_groups):
            text += define("service", use="told-service", host_name=self.host_names[index], service_description=f"in {name}", check_command="check_nothing", servicegroups=name)
        return text

    def relations(self):
        text = ""
        for name in self.host_names:
            text += define("service", use="any-service", host_name=name, service_description="alive", check_command="check_nothing")
            text += define("service", use="any-service", host_name=name, service_description="agent", check_command="check_nothing") + ""
        for index in range(max(4, self.hosts // 6)):
            first = self.random.randint(1, 3)
            common = dict(first_notification=first, last_notification=self.random.choice([0, first, first + 2]), **self.maybe(0.5, notification_interval=self.random.choice([0, 15])),
                          **self.random.choice([dict(contact_groups=self.some(self.contact_groups, 2)), dict(contacts=self.some(self.contacts, 2)),
                                                dict(contact_groups="team0", contacts="person0")]),
                          **self.maybe(0.3, escalation_period="workhours"))
            services = self.random.choice([dict(host_name=self.some(self.host_names, 3), service_description="alive,agent"),
                                           dict(host_name=self.random.choice(self.host_names), service_description=self.all),
                                           dict(hostgroup_name=self.random.choice(self.host_groups), service_description="alive"),
                                           dict(servicegroup_name=self.random.choice(self.service_groups))])
            if index % 4 == 0 and not self.with_expressions:
                services = dict(host_name=self.some(self.host_names, 2), service_description="*,!alive")
            text += define("serviceescalation", **services, **common, **self.maybe(0.3, escalation_options="w,c,r"))
            hosts = self.random.choice([dict(host_name=self.some(self.host_names, 3)), dict(hostgroup_name=self.random.choice(self.host_groups))])
            text += define("hostescalation", **hosts, **common, **self.maybe(0.3, escalation_options="d,r"))
        # Without contacts of their own they have those of the service.
        text += define("serviceescalation", host_name=self.host_names[0], service_description=f"in {self.service_groups[0]}", first_notification=4, last_notification=6)
        text += define("hostescalation", host_name=self.loud, first_notification=4, last_notification=0)
        half = self.hosts // 2
        text += define("servicedependency", host_name=self.all, service_description="alive", dependent_service_description="agent", notification_failure_criteria="w,u,c")
        for _ in range(max(3, self.hosts // 10)):
            master, dependents = self.random.choice(self.host_names[:half]), self.some(self.host_names[half:], 4)
            text += define("servicedependency", host_name=master, service_description="alive", dependent_host_name=dependents, dependent_service_description="alive",
                           execution_failure_criteria=",".join(self.some(list("owucp"), 3)), **self.maybe(0.5, inherits_parent=1), **self.maybe(0.3, dependency_period="workhours"))
            text += define("hostdependency", host_name=master, dependent_host_name=dependents, notification_failure_criteria=self.random.choice(["d,u", "d,u,p", "o,d"]),
                           **self.maybe(0.4, execution_failure_criteria="d"), **self.maybe(0.3, inherits_parent=1))
        text += define("servicedependency", host_name=self.host_names[0], service_description="agent", dependent_servicegroup_name=self.random.choice(self.service_groups),
                       notification_failure_criteria="c")
        return text
