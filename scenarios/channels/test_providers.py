"""Each provider of incidents and each chat: told of the beginning, answered back, told of the end; by one key, whatever fails in between."""
import pytest

from support.server import wait_for

KEY = "0123456789abcdef0123456789abcdef"


def channel(kind, providers):
    return {
        "pagerduty": f'type = "pagerduty"\nrouting_key = "{KEY}"\nurl = "{providers.url("pagerduty")}"\n'
                     f'api_url = "{providers.url("pagerduty")}"\ntoken = "rest"',
        "opsgenie": f'type = "opsgenie"\ntoken = "genie"\nurl = "{providers.url("opsgenie")}"\nresponders = ["team:web"]',
        "slack": f'type = "slack"\nurl = "{providers.url("slack", "/services/T0/B0/X0")}"',
        "ntfy": f'type = "ntfy"\nurl = "{providers.url("ntfy")}"',
    }[kind]


def of_provider(kind, providers):
    """Its incidents by key, and how they stand."""
    stand_in = getattr(providers, kind)
    return (stand_in.incidents, stand_in.standing) if kind == "pagerduty" else (stand_in.alerts, stand_in.standing)


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_an_incident_there_begins_is_acknowledged_and_ends(kind, providers, story):
    story = story(channel(kind, providers))
    incidents, standing = of_provider(kind, providers)
    begun, end = {"pagerduty": ("triggered", "resolved"), "opsgenie": ("open", "closed")}[kind]
    story.result(2, "full")
    wait_for(lambda: standing() == [begun], what="an incident there")
    key = next(iter(incidents))
    getattr(providers, kind).press("acknowledge", key, "Ana Berg")
    story.acknowledged_by("ana", "Ana Berg")
    story.result(0)
    wait_for(lambda: standing() == [end], what="its end there")
    assert list(incidents) == [key] and getattr(providers, kind).problems() == []


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_what_is_done_here_is_known_there_and_a_person_there_resolves(kind, providers, story):
    story = story(channel(kind, providers))
    incidents, standing = of_provider(kind, providers)
    story.result(2, "full")
    wait_for(lambda: len(standing()) == 1, what="an incident there")
    number = story.incident()["id"]
    assert story.server.post(f"/api/v1/incidents/{number}/acknowledge", {"author": "ana"}).status == 200
    wait_for(lambda: standing() == ["acknowledged"], what="that somebody has it")
    getattr(providers, kind).press("resolve" if kind == "pagerduty" else "close", next(iter(incidents)), "Ana Berg")
    story.closed()
    one = story.server.get(f"/api/v1/incidents/{number}").json
    assert one["resolved_by"] == "ana" and any("Ana Berg" in entry["text"] for entry in one["timeline"])
    assert getattr(providers, kind).problems() == []


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_nothing_is_lost_and_no_second_key_whatever_fails(kind, providers, story):
    """Too many requests, a proxy that says 200 to everything, connections that end without an answer, and a kill in the middle."""
    story = story(channel(kind, providers))
    incidents, standing = of_provider(kind, providers)
    calls = getattr(providers, kind).calls
    sent = lambda: [call for call in calls if call.method == "POST"]
    providers.fail(kind, status=429, retry_after=1)
    providers.fail(kind, garbage=True)
    providers.fail(kind, reset=True, times=-1)
    story.result(2, "full")
    wait_for(lambda: len(sent()) >= 3, what="three tries")
    assert sent()[1].at - sent()[0].at >= 0.95, "the pause that was asked for"
    story.server.kill()
    providers.mend(kind)
    story.server.start()
    wait_for(lambda: len(standing()) == 1, what="an incident there")
    providers.fail(kind, status=503)
    story.result(0)
    end = {"pagerduty": "resolved", "opsgenie": "closed"}[kind]
    wait_for(lambda: standing() == [end], what="its end there")
    assert len(incidents) == 1 and getattr(providers, kind).problems() == []


def test_a_receiver_that_says_nothing_loses_and_delays_nothing(providers, story):
    """The first call is never answered; beside it another channel has its page at once. Nor is the page lost when we die meanwhile."""
    story = story(channel("pagerduty", providers), extra=f"""
[[contact]]
name = "room"
channels = ["chat"]
[[channel]]
name = "chat"
{channel("slack", providers)}
[[check]]
name = "other"
type = "passive"
max_check_attempts = 1
contacts = ["room"]
""")
    providers.fail("pagerduty", timeout=True, times=-1)
    story.result(2, "full")
    wait_for(lambda: providers.pagerduty.calls, what="the call that hangs")
    story.result(2, "slow", name="other")
    wait_for(lambda: providers.slack.calls, what="the page in the chat")
    assert providers.pagerduty.standing() == [], "the chat did not wait for the provider that says nothing"
    story.server.kill()
    providers.mend("pagerduty")
    story.server.start()
    wait_for(lambda: providers.pagerduty.standing() == ["triggered"], what="the second try")
    assert providers.slack.problems() == []
    blocks = providers.slack.calls[0].json["attachments"][0]["blocks"]
    assert "slow" in str(blocks) and "|Acknowledge>" in str(blocks)


def test_a_telephone_rings_and_its_button_acknowledges_without_an_address_of_ours(providers, story):
    """What a newcomer writes: one channel, one topic. Nobody can reach this server from outside."""
    story = story(channel("ntfy", providers), contact='ntfy = "ana-secret-topic"')
    story.result(2, "full")
    rung = wait_for(lambda: providers.ntfy.topics["ana-secret-topic"], what="a message")[0]
    shown = story.server.get("/api/v1/config").text + story.server.cli("config", "show").stdout
    assert "ana-secret-topic" not in shown and "(hidden)" in shown, "whoever knows it reads along"
    assert rung["whole"]["priority"] == 5 and "disk" in rung["whole"]["title"] and "full" in rung["message"]
    providers.ntfy.put(rung["whole"]["actions"][0]["url"].rsplit("/", 1)[1], "not a token of ours")
    providers.ntfy.press(rung, "Acknowledge")
    story.acknowledged_by("ana", "ntfy")
    story.result(0)
    wait_for(lambda: len(providers.ntfy.topics["ana-secret-topic"]) == 2, what="the end")
    assert "over" in providers.ntfy.topics["ana-secret-topic"][1]["whole"]["title"]
    assert providers.ntfy.problems() == []


def test_a_button_pressed_while_we_are_away_counts_when_we_are_back(providers, story):
    story = story(channel("ntfy", providers), contact='ntfy = "topic"')
    story.result(2, "full")
    rung = wait_for(lambda: providers.ntfy.topics["topic"], what="a message")[0]
    story.server.kill()
    providers.ntfy.press(rung, "Acknowledge")
    story.server.start()
    story.acknowledged_by("ana", "ntfy")


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_people_are_called_again_when_an_acknowledgement_runs_out(kind, providers, story):
    """What comes under the key of what is acknowledged there calls nobody."""
    writes = '\nfrom = "ops@example.org"' if kind == "pagerduty" else ""
    story = story(channel(kind, providers) + writes, extra="""
[[escalation_policy]]
name = "p"
ack_timeout = "3s"
[[escalation_policy.step]]
notify = ["ana"]
wait = "1h"
[[check]]
name = "other"
type = "passive"
max_check_attempts = 1
escalation_policy = "p"
""")
    there, (incidents, standing) = getattr(providers, kind), of_provider(kind, providers)
    begun = {"pagerduty": "triggered", "opsgenie": "open"}[kind]
    story.result(2, "full", name="other")
    wait_for(lambda: standing() == [begun], what="the incident there")
    story.delivered()
    key = next(iter(incidents))
    there.press("acknowledge", key, "Ana Berg")
    wait_for(lambda: incidents[key]["called"] == 2, what="that people are called again")
    assert standing() == [begun] and there.problems() == []
