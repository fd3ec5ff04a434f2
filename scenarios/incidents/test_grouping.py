"""Twenty outages of a site like the demo's: how many incidents each of them is, and what is merged that should not be.

The alerts come as results of passive checks with times of their own, so that what belongs together is told by the times of the story,
and not by how fast this machine is."""
import collections
import os
import random
import time

from support.server import wait_for

WEB, STORES = ["web1", "web2", "web3"], ["store1", "store2", "store3"]
# Seconds from one outage to the next: all of them lie within a day, since older results are no news.
APART = 300
PROVIDERS = ["box", "dropbox", "gdrive", "onedrive", "s3"]

CHECKS = {
    **{f"{host}/{what}": host for host in WEB for what in ("http", "cpu", "disk", "memory")},
    **{f"{host}/{what}": host for host in STORES for what in ("io", "disk", "replication")},
    **{f"jobs1/{what}": "jobs1" for what in ("cpu", "workers")},
    **{f"db1/{what}": "db1" for what in ("connections", "queries", "replication")},
    **{f"uploads/{provider}/{what}": "" for provider in PROVIDERS for what in ("failed", "seconds")},
    **{f"queue/{queue}/{what}": "" for queue in ("uploads", "thumbnails", "mail", "reports") for what in ("depth", "age")},
    **{f"site/{what}": "" for what in ("latency", "errors", "logins")},
}
SERVICES = {
    "database": (["db1/*"], []),
    "site": (["site/*", "web?/http"], ["database"]),
    "storage": (["store?/io", "store?/replication"], []),
    "files": (["queue/uploads/*"], ["storage"]),
    "thumbnails": (["queue/thumbnails/*"], []),
    "mail": (["queue/mail/*"], []),
    **{provider: ([f"uploads/{provider}/*"], []) for provider in PROVIDERS},
}


def config():
    hosts = [*WEB, *STORES, "jobs1", "db1"]
    text = '[incidents]\nreopen_within = "0s"\n[collectors]\nhost = false\n[self]\nseries = false\n'
    text += "".join(f'[[host]]\nname = "{host}"\n' for host in hosts)
    for name, host in CHECKS.items():
        text += f'[[check]]\nname = "{name}"\ntype = "passive"\nmax_check_attempts = 1\nflap_detection = false\n' + (f'host = "{host}"\n' if host else "")
    for name, (patterns, needs) in SERVICES.items():
        text += f'[[service]]\nname = "{name}"\nfunction = {patterns!r}\ndependencies = {needs!r}\n'.replace("'", '"')
    return text


# What each outage makes bad, as (seconds after its beginning, check). Those in one line happen at the same time, and are not one.
OUTAGES = [
    [[(0, "db1/connections"), (8, "db1/queries"), (12, "site/latency"), (20, "site/errors"), (31, "web1/http"), (33, "web2/http"), (40, "web3/http")]],
    [[(0, "uploads/gdrive/failed"), (15, "uploads/gdrive/seconds")]],
    [[(0, "queue/thumbnails/depth"), (60, "queue/thumbnails/age")]],
    [[(0, "web2/disk"), (30, "web2/http"), (70, "web2/memory")]],
    [[(0, "store1/io"), (12, "store1/disk"), (45, "store1/replication"), (80, "queue/uploads/age")]],
    [[(0, "jobs1/workers"), (25, "jobs1/cpu")]],
    [[(0, "site/latency"), (5, "site/errors"), (9, "site/logins")]],
    [[(0, "uploads/box/seconds"), (40, "uploads/box/failed")]],
    [[(0, "web1/cpu"), (2, "web1/http"), (50, "web1/memory")]],
    [[(0, "db1/replication"), (100, "db1/queries"), (150, "site/latency")]],
    [[(0, "uploads/s3/failed"), (10, "uploads/s3/seconds")], [(4, "web3/disk")]],
    [[(0, "queue/mail/depth"), (90, "queue/mail/age")], [(20, "uploads/dropbox/failed"), (35, "uploads/dropbox/seconds")]],
    [[(0, "store2/disk"), (7, "store2/io")], [(3, "db1/connections"), (11, "site/errors")]],
    [[(0, "web1/memory"), (60, "web1/http")], [(5, "queue/thumbnails/depth")]],
    [[(0, "uploads/onedrive/failed"), (20, "uploads/onedrive/seconds")], [(2, "jobs1/cpu"), (9, "jobs1/workers")]],
]


def post(server, name, status, at):
    answer = server.post(f"/api/v1/checks/{name.replace('/', '%2F')}/result", {"status": status, "output": "told by the story", "at": at})
    assert answer.status == 200, answer.text


def play(server, outages, begins):
    """All that goes bad, in its order; what came of it; then all is well again."""
    alerts = sorted((at, name) for outage in outages for at, name in outage)
    for at, name in alerts:
        post(server, name, 2, begins + at)
    bad = {name for _, name in alerts}

    def settled():
        open_ones = server.get("/api/v1/incidents").json["incidents"]
        wholes = [server.get(f"/api/v1/incidents/{one['id']}").json for one in open_ones]
        return wholes if {it["monitor"] for one in wholes for it in one["troubles"]} == bad else None

    wholes = wait_for(settled, what=f"incidents of {bad}")
    for _, name in alerts:
        post(server, name, 0, begins + 250)
    wait_for(lambda: server.get("/api/v1/incidents").json["open"] == 0, what="the end of all")
    return [{it["monitor"] for it in one["troubles"]} for one in wholes], wholes


def test_twenty_outages_are_hardly_more_than_twenty_incidents(bellwether):
    server = bellwether(config())
    story = list(OUTAGES)
    if os.environ.get("BELLWETHER_LONG"):
        chance = random.Random(5)
        story += [[[(int(at * chance.uniform(0.5, 1.3)), name) for at, name in outage] for outage in both] for _ in range(10) for both in OUTAGES]
    begins = int(time.time()) - APART * len(story)
    incidents, outages, members, wrongly = 0, 0, 0, 0
    per_outage = collections.Counter()
    for number, both in enumerate(story):
        groups, wholes = play(server, both, begins + APART * number)
        of = {name: index for index, outage in enumerate(both) for _, name in outage}
        for group in groups:
            [(main, _)] = collections.Counter(of[name] for name in group).most_common(1)
            wrongly += sum(of[name] != main for name in group)
            per_outage[number, main] += 1
        members += len(of)
        outages += len(both)
        incidents += len(groups)
        for one in wholes:
            whys = [it["why"] for it in one["troubles"] if it["why"]]
            assert len(whys) == one["grouped"] == len(one["troubles"]) - 1, "each member but the first says why it is there"
    print(f"{outages} outages, {incidents} incidents ({incidents / outages:.2f} each), {wrongly} of {members} members wrongly merged")
    assert outages >= 20
    assert incidents / outages <= 1.2, per_outage
    assert wrongly / members <= 0.02


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
