"""Outages of the demo's site: how many incidents each of them is, what is merged that should not be, and how Debian's Alertmanager
groups the same alerts in the same run.

What breaks is simulated (`demo.outages`), and what is watched of the site (`demo.watched`) says what comes to be bad, and when. The results are
of passive checks with times of their own, so that what belongs together is told by the times of the story, and not by how fast this machine is.
"""
import collections
import datetime
import os
import time

import pytest

from demo.outages import LENGTH, OUTAGES, chapters
from demo.site import RACK_OF, RACKS, Site, busy_clock
from demo.story import Story
from demo.watched import ATTEMPTS, CHECKS, SERVICES, alerts
from support.alertmanager import Alertmanager
from support.server import wait_for

# The site's own clock; what is told is told with the times of now.
STORY = 1_800_000_000
# So much of each outage is looked at.
SEEN = 150
# Seconds from one outage to the next: all of them lie within a day, since older results are no news.
APART = 300
assert SEEN < LENGTH < APART


def config():
    text = '[incidents]\nreopen_within = "0s"\n[collectors]\nhost = false\n[self]\nseries = false\n'
    # Days lie between these outages in truth: nothing flaps.
    host = lambda name, more="": f'[[host]]\nname = "{name}"\nflap_detection = false\n{more}'
    text += "".join(host(rack) for rack in RACKS)
    text += "".join(host(name, f'parents = ["{rack}"]\n') for name, rack in RACK_OF.items())
    for check in CHECKS:
        text += f'[[check]]\nname = "{check.name}"\ntype = "passive"\nmax_check_attempts = {ATTEMPTS}\nflap_detection = false\n'
        text += f'host = "{check.host}"\n' if check.host else ""
    for name, (function, hosts, dependencies) in SERVICES.items():
        text += f"[[service]]\nname = {name!r}\nfunction = {function}\nhosts = {hosts}\ndependencies = {dependencies}\n"
    return text


# By what people group alerts: its documentation's example, by service, by host. What is down keeps quiet what is on it, as is usual.
GROUP_BY = {"alertname-service": ["alertname", "service"], "service": ["service"], "host": ["host"]}


def alertmanager_config():
    routes = "".join(f"    - {{receiver: {name}, group_by: {by}, continue: true}}\n" for name, by in GROUP_BY.items())
    receivers = "".join(f"  - name: {name}\n" for name in (*GROUP_BY, "nobody"))
    # The episode is no label that anything is grouped by: it tells one outage of this run from the next.
    return f"""route:
  receiver: nobody
  group_wait: 1s
  routes:
{routes}receivers:
{receivers}inhibit_rules:
  - {{source_matchers: [alertname = RackDown], target_matchers: [alertname != RackDown], equal: [rack, episode]}}
  - {{source_matchers: [alertname = HostDown], target_matchers: [alertname !~ "HostDown|RackDown"], equal: [host, episode]}}
"""


def simulated(chapters, seed):
    return alerts(Site(Story(STORY, chapters), seed, busy_clock(STORY)), STORY, SEEN)


class Episode:
    """What goes bad together, and of which outage each of it is: what that outage alone would have made bad."""

    def __init__(self, outage, seed):
        both = chapters(outage)
        self.alerts = simulated(both, seed)
        self.of = {}
        for number, chapter in enumerate(both):
            for alert in simulated([chapter], seed):
                assert alert.name not in self.of, "by what happens one cannot tell of which outage it is"
                self.of[alert.name] = number
        assert set(self.of) == {alert.name for alert in self.alerts}
        self.outages = len(both)


class Count:
    """Groups of alerts, weighed against what they belong to."""

    def __init__(self):
        self.groups, self.wrong, self.members, self.outages = 0, 0, 0, 0
        self.more_than_one = {}

    def add(self, episode, groups, outage):
        self.outages += episode.outages
        self.groups += len(groups)
        for group in groups:
            of = collections.Counter(episode.of[name] for name in group)
            self.members += of.total()
            self.wrong += of.total() - max(of.values())
        if len(groups) != episode.outages:
            self.more_than_one[str(outage)] = groups

    def __str__(self):
        each = f"{self.groups / self.outages:.2f} each"
        return f"{self.groups} for {self.outages} outages ({each}), {self.wrong} of {self.members} members wrongly merged"


def post(server, name, status, at, what="checks"):
    answer = server.post(f"/api/v1/{what}/{name.replace('/', '%2F')}/result", {"status": status, "output": "told by the story", "at": at})
    assert answer.status == 200, answer.text


def play(server, episode, begins):
    """All that goes bad, in its order; what came of it; then all is well again."""
    kind = lambda alert: "hosts" if alert.is_host else "checks"
    results = [(at, alert.name, kind(alert)) for alert in episode.alerts for at in alert.results]
    for at, name, what in sorted(results, key=lambda result: result[0]):
        post(server, name, 1 if what == "hosts" else 2, begins + at - STORY, what)

    def settled():
        open_ones = server.get("/api/v1/incidents").json["incidents"]
        wholes = [server.get(f"/api/v1/incidents/{one['id']}").json for one in open_ones]
        return wholes if {it["monitor"] for one in wholes for it in one["troubles"]} == set(episode.of) else None

    wholes = wait_for(settled, what=f"incidents of {set(episode.of)}")
    # Hosts first: what is on a host that is down is not asked.
    for alert in sorted(episode.alerts, key=lambda alert: (not alert.is_host, alert.name not in RACKS)):
        post(server, alert.name, 0, begins + LENGTH, kind(alert))
    wait_for(lambda: server.get("/api/v1/incidents").json["open"] == 0, what="the end of all")
    for one in wholes:
        whys = [it["why"] for it in one["troubles"] if it["why"]]
        assert len(whys) == one["grouped"]
    return [{it["monitor"] for it in one["troubles"]} for one in wholes]


def labels(alert, number):
    name = "RackDown" if alert.name in RACKS else "HostDown" if alert.is_host else alert.name.split("/")[-1]
    # What checks of one kind are told apart by, such as the queue.
    return {"alertname": name, "host": alert.host, "rack": RACK_OF.get(alert.host, alert.host), "service": alert.service,
            "check": alert.name, "severity": "critical", "episode": str(number)}


def as_prometheus_posts(alert, number, begins):
    at = datetime.datetime.fromtimestamp(begins + alert.at - STORY, datetime.UTC)
    ends = datetime.datetime.fromtimestamp(time.time() + 3600, datetime.UTC)
    told = {name: value for name, value in labels(alert, number).items() if value}
    return {"labels": told, "startsAt": at.isoformat(), "endsAt": ends.isoformat()}


def inhibited(episode):
    """How many of its alerts the rules keep quiet: those of hosts and switches that are down."""
    down = {alert.name for alert in episode.alerts if alert.is_host}
    by_rack = lambda alert: alert.name not in RACKS and RACK_OF.get(alert.host) in down
    return sum(by_rack(alert) or (not alert.is_host and alert.host in down) for alert in episode.alerts)


@pytest.fixture
def alertmanager(tmp_path):
    server = Alertmanager(tmp_path / "alertmanager", alertmanager_config()).start()
    yield server
    server.stop()


def test_twenty_outages_are_hardly_more_than_twenty_incidents(bellwether, alertmanager):
    server = bellwether(config())
    seeds = range(1, 11) if os.environ.get("BELLWETHER_LONG") else [1]
    story = [(outage, Episode(outage, seed)) for seed in seeds for outage in OUTAGES]
    begins = int(time.time()) - APART * len(story)
    ours, theirs = Count(), {name: Count() for name in GROUP_BY}
    for number, (outage, episode) in enumerate(story):
        at = begins + APART * number
        alertmanager.take([as_prometheus_posts(alert, number, at) for alert in episode.alerts])
        ours.add(episode, play(server, episode, at), outage)

    quiet = sum(inhibited(episode) for _, episode in story)
    suppressed = lambda: sum(alert["status"]["state"] == "suppressed" for alert in alertmanager.alerts())
    wait_for(lambda: len(alertmanager.alerts()) == sum(len(episode.alerts) for _, episode in story) and suppressed() == quiet,
             what="Alertmanager to have taken all alerts")
    for name, count in theirs.items():
        of_episode = collections.defaultdict(list)
        for group in alertmanager.groups(name):
            for number in {alert["episode"] for alert in group}:
                of_episode[int(number)].append({alert["check"] for alert in group if alert["episode"] == number})
        for number, (outage, episode) in enumerate(story):
            count.add(episode, of_episode[number], outage)

    print(f"\nincidents: {ours}")
    for name, count in theirs.items():
        print(f"Alertmanager, group_by {GROUP_BY[name]}: {count}")
    assert ours.outages >= 20 and all(count.outages == ours.outages for count in theirs.values())
    assert ours.groups / ours.outages <= 1.2, ours.more_than_one
    assert ours.wrong / ours.members <= 0.02, ours.more_than_one
    assert all(count.groups > ours.groups for count in theirs.values())


def test_the_first_pages_at_once_and_its_parts_page_nobody(bellwether, hook):
    """Fourteen checks of one host go bad: one page, and one for the end."""
    names = [f"part{number}" for number in range(14)]
    checks = "".join(f'[[check]]\nname = "{name}"\nhost = "web1"\ntype = "passive"\nmax_check_attempts = 1\ncontacts = ["ops"]\n' for name in names)
    server = bellwether(f"""
[[contact]]
name = "ops"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
[[host]]
name = "web1"
{checks}""")
    now = int(time.time())
    post(server, names[0], 2, now)
    hook.wait(1)
    for name in names[1:]:
        post(server, name, 2, now + 1)
    whole = wait_for(lambda: (one := server.get("/api/v1/incidents/1").json)["bad"] == 14 and one, what="fourteen members")
    assert whole["grouped"] == 13 and {it["why"] for it in whole["troubles"]} == {None, "on the same host, web1"}
    for name in names:
        post(server, name, 0, now + 2)
    wait_for(lambda: server.get("/api/v1/incidents/1").json["phase"] == "resolved", what="the end")
    hook.wait(2)
    wait_for(lambda: all(page["state"] == "delivered" for page in server.get("/api/v1/incidents/1").json["pages"]), what="all pages")
    assert [(body["event"], body["name"]) for _, body, _ in hook.taken] == [("problem", "part0"), ("recovery", names[-1])]
