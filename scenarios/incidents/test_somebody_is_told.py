"""Somebody is always told: what becomes of words of trouble that those do not get for whom they are."""
import os
import signal
import time

import pytest

from support.clock import Clock
from support.providers import Providers
from support.server import wait_for

ANA, BEN, CYD, OURS = "+491701110001", "+491701110002", "+491701110003", "+4930123456"
# Our own parts would page too, once they are critical for long enough.
BASE = "[collectors]\nhost = false\n[self]\nmonitors = false\n"


@pytest.fixture
def providers():
    with Providers() as all_of_them:
        yield all_of_them


def contact(name, channel, address=""):
    return f'[[contact]]\nname = "{name}"\nchannels = ["{channel}"]\n{address}\n'


def by_text(name, number):
    return contact(name, "sms", f'phone = "{number}"')


def sms(providers):
    twilio = f'account = "{providers.twilio.account}"\ntoken = "t"\nfrom = "{OURS}"\nurl = "{providers.url("twilio")}"'
    return f'[[channel]]\nname = "sms"\ntype = "sms"\n{twilio}\n'


def webhook(name, url):
    return f'[[channel]]\nname = "{name}"\ntype = "webhook"\nurl = "{url}"\n'


def check(name, keys):
    return f'[[check]]\nname = "{name}"\ntype = "passive"\nmax_check_attempts = 1\n{keys}\n'


def goes_bad(server, name="disk"):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": "full"})
    assert answer.status // 100 == 2, answer.text


def incident(server, name="disk"):
    all_of_them = lambda: server.get("/api/v1/incidents").json["incidents"]
    [number] = wait_for(lambda: [one["id"] for one in all_of_them() if one["reason"].endswith(name)], what=f"the incident of {name}")
    return server.get(f"/api/v1/incidents/{number}").json


def timeline(server, name="disk"):
    return "\n".join(line["text"] for line in incident(server, name)["timeline"])


def part(server, name):
    return next((one for one in server.get("/api/v1/health").json["parts"] if one["id"] == name), {"state": None, "text": ""})


def becomes(server, name, state, words=""):
    """Counts of the last minute may have to pass."""
    look = lambda: (now := part(server, name))["state"] == state and words in now["text"] and now
    return wait_for(look, 120, what=f"`{name}` that is {state}: {words}; it is {part(server, name)}")


def deed(server, verb, body, status=200, name="disk"):
    answer = server.post(f"/api/v1/incidents/{incident(server, name)['id']}/{verb}", body)
    assert answer.status == status, answer.text
    return answer.json


def texts_to(providers):
    return sorted(text["to"] for text in providers.twilio.texts())


def test_those_of_last_resort_are_told_by_the_channel_that_refuses_the_number(bellwether, providers):
    providers.twilio.gone.add(ANA)
    people = by_text("ana", ANA) + by_text("ben", BEN) + by_text("cyd", CYD) + contact("dan", "log")
    last = '[incidents]\ncontacts = ["dan", "ben", "cyd"]\n'
    server = bellwether(BASE + last + people + sms(providers) + check("disk", 'contacts = ["ana"]'))
    goes_bad(server)
    wait_for(lambda: len(texts_to(providers)) == 2, what="a text to each of the others")
    server.all_told()
    assert texts_to(providers) == [BEN, CYD]
    assert part(server, "pages")["state"] == "ok", part(server, "pages")
    named = becomes(server, "ways", "critical", "ana by sms")
    assert "nothing else is left for ana" in named["text"] and ANA not in named["text"]
    assert part(server, "channel.sms")["state"] == "ok", "it is no fault of the channel"
    # They hear of the end too.
    assert server.post("/api/v1/checks/disk/result", {"status": 0, "output": "there is room"}).status // 100 == 2
    wait_for(lambda: all(texts_to(providers).count(number) >= 2 for number in (BEN, CYD)), what="the end for both")


def test_those_of_last_resort_are_told_by_the_mail_server_that_refuses_the_mailbox(bellwether, mail):
    mail.gone.add("ana@example.org")
    people = "".join(contact(name, "mail", f'email = "{name}@example.org"') for name in ("ana", "ben", "cyd"))
    channel = f'[[channel]]\nname = "mail"\ntype = "email"\nserver = "127.0.0.1:{mail.port}"\nfrom = "b@example.org"\ntls = "none"\n'
    server = bellwether(BASE + '[incidents]\ncontacts = ["ben", "cyd"]\n' + people + channel + check("disk", 'contacts = ["ana"]'))
    goes_bad(server)
    mail.wait(2)
    server.all_told()
    assert sorted(to for recipients, _ in mail.mails for to in recipients) == ["ben@example.org", "cyd@example.org"]
    becomes(server, "ways", "critical", "ana by mail")


def test_who_is_on_the_log_only_is_nobody_who_is_told(bellwether, providers):
    providers.twilio.gone.add(ANA)
    config = BASE + '[incidents]\ncontacts = ["dan"]\n' + by_text("ana", ANA) + contact("dan", "log") + sms(providers)
    server = bellwether(config + check("disk", 'contacts = ["ana"]'))
    assert part(server, "contacts")["state"] == "warning", part(server, "contacts")
    goes_bad(server)
    becomes(server, "pages", "critical")
    assert "nobody is reached" in timeline(server)
    # Somebody who has it is who was told.
    deed(server, "acknowledge", {"author": "ana"})
    wait_for(lambda: "nobody is told of #" not in part(server, "pages")["text"], what="that it is in somebody's hands")


class Gone:
    """A server whose only page goes to an address that answers 404, and what it calls."""

    def __init__(self, bellwether, providers, **options):
        self.providers = providers
        providers.fail("hook", status=404, times=-1, of="/old")
        turning = '[[check]]\nname = "turning"\ncommand = ["/bin/true"]\ncheck_interval = "1s"\n'
        outside = f'heartbeat_url = "{providers.url("hook", "/ping")}"\nheartbeat_interval = "1s"\n'
        ana = '[incidents]\ncontacts = ["ana"]\n' + contact("ana", "hook") + webhook("hook", providers.url("hook", "/old"))
        self.server = bellwether(BASE + outside + ana + check("disk", "") + turning, **options)
        wait_for(lambda: self.calls("/ping"), what="a heartbeat")
        goes_bad(self.server)
        self.is_held_back()

    def calls(self, path):
        return [call for call in self.providers.hook.calls if call.path == path]

    def is_held_back(self):
        becomes(self.server, "outside_heartbeat", "critical", "nobody is told of 1")
        becomes(self.server, "pages", "critical")

    def mend(self):
        self.server.rewrite(self.server.config_file.read_text().replace("/old", "/new"))
        os.kill(self.server.process.pid, signal.SIGHUP)
        wait_for(lambda: self.calls("/new"), what="the page by the way that is mended")
        self.server.all_told()

    def is_told_once(self):
        """And all is well, of which a heartbeat is sent."""
        for name in ("pages", "outside_heartbeat", "channel.hook"):
            becomes(self.server, name, "ok")
        pings = len(self.calls("/ping"))
        wait_for(lambda: len(self.calls("/ping")) > pings, what="a heartbeat")
        self.goes_on()
        [told] = self.calls("/new")
        assert (told.json["incident"], told.json["contact"], told.json["event"]) == (1, "ana", "problem"), told.json
        assert "it has reached nobody so far: it is told again" in timeline(self.server)

    def goes_on(self):
        """All of the server turns: it runs its checks."""
        last_check = lambda: self.server.get("/api/v1/checks/turning").json["last_check"]
        before = last_check()
        wait_for(lambda: last_check() != before, what="another run of a check")

    def set_clock(self, clock, seconds):
        clock.set(seconds)
        ahead = lambda: self.server.get("/api/v1/monitors").json["now"] - time.time()
        wait_for(lambda: abs(ahead() - seconds) < 10, what="the clock to be set")


def test_what_reached_nobody_is_an_alarm_until_its_way_is_mended(bellwether, providers, tmp_path):
    clock = Clock(tmp_path)
    gone = Gone(bellwether, providers, env=clock.environment())
    pings = len(gone.calls("/ping"))
    # Five minutes later. Counts of the last minute begin anew when the clock is set back: what is still said is not of them.
    gone.set_clock(clock, 330)
    gone.goes_on()
    gone.goes_on()
    gone.set_clock(clock, 300)
    gone.is_held_back()
    becomes(gone.server, "pages", "critical", "nobody is told of #1")
    assert len(gone.calls("/ping")) == pings and len(gone.calls("/old")) == 1, "it is given up once, and known since"
    gone.mend()
    gone.is_told_once()


def test_what_reached_nobody_is_known_after_a_kill(bellwether, providers):
    gone = Gone(bellwether, providers)
    gone.server.kill()
    gone.server.start()
    wait_for(lambda: len(gone.calls("/old")) >= 2, what="that the start tells it again")
    gone.is_held_back()
    gone.mend()
    gone.server.kill()
    gone.server.start()
    gone.is_told_once()


def test_a_step_that_reaches_nobody_does_not_wait_and_says_why(bellwether, providers):
    """A number that is none, an address that is gone, a contact on the log, a schedule with nobody: each in its own policy."""
    providers.twilio.gone.add(ANA)
    providers.fail("hook", status=404, times=-1, of="/gone")
    first = {"number": "ana", "address": "eve", "log": "dan", "nobody": "schedule:empty"}
    undelivered = "what it sent was not delivered, so it reaches nobody"
    why = {"number": undelivered, "address": undelivered, "log": "dan is reached by nothing: `log` is a list here and sends nothing", "nobody": "nobody is reached by schedule `empty`"}
    people = by_text("ana", ANA) + by_text("ben", BEN) + contact("dan", "log") + contact("eve", "gone")
    empty = '[[schedule]]\nname = "empty"\n[[schedule.layer]]\npeople = ["ben"]\nrotation = "daily"\nstart = "2020-01-06"\nend = "2020-01-07"\n'
    steps = lambda who: f'step = [{{ notify = ["{who}"], wait = "30min" }}, {{ notify = ["ben"], wait = "30min" }}]\n'
    policies = "".join(f'[[escalation_policy]]\nname = "{name}"\n{steps(who)}' for name, who in first.items())
    checks = "".join(check(name, f'escalation_policy = "{name}"') for name in first)
    server = bellwether(BASE + people + sms(providers) + webhook("gone", providers.url("hook", "/gone")) + empty + policies + checks)
    for count, name in enumerate(first, 1):
        goes_bad(server, name)
        wait_for(lambda: len(texts_to(providers)) == count, what=f"the second step of `{name}`: {timeline(server, name)}")
        lines = timeline(server, name)
        assert f"step 1 of `{name}`: {why[name]}" in lines and "the next step runs at once" in lines and f"step 2 of `{name}`: ben" in lines, lines
        assert name != "number" or "the last was for ana by sms" in lines, lines
    assert set(texts_to(providers)) == {BEN}


def test_nothing_is_handed_over_to_whom_nothing_reaches(bellwether, providers):
    providers.twilio.gone.add(ANA)
    people = by_text("ana", ANA) + by_text("ben", BEN) + contact("eve", "sms") + contact("dan", "log")
    server = bellwether(BASE + '[incidents]\ncontacts = ["ben"]\n' + people + sms(providers) + check("disk", 'contacts = ["ana"]'))
    assert "`eve` is not reached by `sms`: the contact has no `phone`" in server.cli("config", "check").stdout
    assert "eve" in becomes(server, "contacts", "ok", "without an address")["text"]
    goes_bad(server)
    wait_for(lambda: texts_to(providers) == [BEN], what="a text to ben, who stands in")
    becomes(server, "ways", "critical", "ana by sms")
    for name, why in {"eve": "`sms` has no address of theirs", "ana": "`sms` leads to them no more", "dan": "`log` is a list here and sends nothing", "zoe": "is no contact"}.items():
        refused = deed(server, "handover", {"to": name, "author": "ben"}, 400)["error"]
        assert f"`{name}`" in refused and why in refused, refused
    assert incident(server)["phase"] == "open" and not incident(server)["owner"]
    deed(server, "handover", {"to": "ben", "author": "ana"})
    wait_for(lambda: texts_to(providers) == [BEN, BEN], what="the word that it is his")
    assert incident(server)["owner"] == "ben"


def test_a_snooze_of_what_somebody_has_ends_with_a_word_to_them(bellwether, providers):
    people = contact("ana", "ana") + contact("ben", "ben")
    hooks = "".join(webhook(name, providers.url("hook", f"/{name}")) for name in ("ana", "ben"))
    server = bellwether(BASE + '[incidents]\ncontacts = ["ana", "ben"]\n' + people + hooks + check("disk", ""))
    events = lambda name: [call.json["event"] for call in providers.hook.calls if call.path == f"/{name}"]
    goes_bad(server)
    wait_for(lambda: (events("ana"), events("ben")) == (["problem"], ["problem"]), what="the problem")
    deed(server, "acknowledge", {"author": "ana"})
    deed(server, "snooze", {"for": "1s", "author": "ana"})
    wait_for(lambda: events("ana") == ["problem", "still"], what="that the snooze is over")
    server.all_told(3)
    now = incident(server)
    assert (now["phase"], now["owner"], now["snoozed_until"]) == ("acknowledged", "ana", None), now
    assert events("ben") == ["problem"], "it is hers"
