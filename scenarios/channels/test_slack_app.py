"""Slack by an app of one's own: a message for each incident, whose buttons are heard over a connection that the server opens."""
import json

from support.server import wait_for

ROOM = "C0123ABCD"


def app(providers, to=f'to = ["{ROOM}"]'):
    return f'type = "slack"\nbot_token = "xoxb-1"\napp_token = "xapp-1"\nurl = "{providers.url("slack_app")}"\n{to}'


def shown(message):
    return json.dumps(message["attachments"], ensure_ascii=False)


def restart(story, slack):
    """Until it hears what is pressed."""
    before = slack.opened
    story.server.start()
    wait_for(lambda: slack.opened > before, what="a connection of the server that began anew")


def first(slack):
    return wait_for(lambda: slack.messages, what="a message in the room")[0]


def test_a_button_acknowledges_and_the_message_shows_it(providers, story):
    """From the first word to the last it is one message, with what happened below it."""
    story = story(app(providers), contact='slack_user = "U11"', extra='''
[[contact]]
name = "bea"
channels = ["x"]
[[check]]
name = "other"
type = "passive"
max_check_attempts = 1
contacts = ["ana", "bea"]
''')
    slack = providers.slack_app
    story.result(2, "full", name="other")
    message = first(slack)
    assert message["text"] == "CRITICAL: other" and "full" in shown(message) and "|Acknowledge>" not in shown(message)
    story.delivered()
    slack.press(message, "acknowledge", user="U9", name="mallory")
    wait_for(lambda: slack.whispers, what="a word to the stranger")
    user, words = slack.whispers[0]
    assert user == "U9" and 'slack_user = "U9"' in words and story.incident()["acknowledged"] is None
    # Her name is not enough: it is said who ana is there.
    slack.press(message, "acknowledge", user="U8", name="ana")
    wait_for(lambda: len(slack.whispers) == 2, what="another word")
    slack.press(message, "acknowledge", user="U11", name="anna.berg")
    story.acknowledged_by("ana", "in Slack, by anna.berg")
    wait_for(lambda: "acknowledged" in message["text"], what="that the message shows it")
    assert '"acknowledge"' not in shown(message) and '"resolve"' in shown(message)
    # Nor is it for whoever has no `slack_user`: in Slack everybody chooses their name.
    slack.press(message, "snooze", user="U2", name="bea")
    wait_for(lambda: len(slack.whispers) == 3, what="a word to whoever calls themselves bea")
    assert slack.whispers[-1][0] == "U2" and 'slack_user = "U2"' in slack.whispers[-1][1], slack.whispers
    slack.press(message, "snooze", user="U11", name="bea")
    wait_for(lambda: slack.whispers[-1][0] == "U11" and "Snoozed" in slack.whispers[-1][1], what="a word on the snooze")
    story.result(0, name="other")
    wait_for(lambda: "over" in message["text"], what="that the message shows the end")
    assert '"actions"' not in shown(message)
    story.closed()
    assert len(slack.messages) == 1 and len(message["thread"]) == 2, [one["text"] for one in message["thread"]]
    assert slack.problems() == []


def test_a_person_resolves_in_slack(providers, story):
    story = story(app(providers, to=""), contact='slack_user = "U11"')
    slack = providers.slack_app
    story.result(2, "full")
    message = first(slack)
    assert message["channel"] == "D11"
    story.delivered()
    slack.press(message, "resolve")
    story.closed()
    wait_for(lambda: "resolved" in message["text"], what="that the message shows it")
    assert len(slack.messages) == 1 and slack.problems() == []


def test_one_message_whatever_fails(providers, story):
    """Too many requests; an answer that is lost on its way; a kill before what was answered is on the disk; a kill of what waits."""
    story = story(app(providers), contact='slack_user = "U11"', extra='[incidents]\nreopen_within = "0s"')
    slack = providers.slack_app
    posts = lambda: [call for call in slack.calls if call.path == "/chat.postMessage"]
    providers.fail("slack_app", status=429, retry_after=1, of="chat.postMessage")
    providers.fail("slack_app", reset=True, taken=True, of="chat.postMessage")
    story.result(2, "full")
    wait_for(lambda: len(posts()) == 2, what="two tries")
    assert posts()[1].at - posts()[0].at >= 0.95, "the pause that was asked for"
    story.delivered()
    assert len(slack.messages) == 1 and len(posts()) == 2, "the message was found"
    story.result(0)
    wait_for(lambda: slack.messages[0]["thread"] and "over" in slack.messages[0]["text"], what="the end, and the word below it")
    story.closed()
    # Taken, and killed before the answer is read.
    providers.fail("slack_app", timeout=True, taken=True, times=-1, of="chat.postMessage")
    story.result(2, "full again")
    wait_for(lambda: len(slack.messages) == 2, what="the second incident")
    story.server.kill()
    providers.mend("slack_app")
    restart(story, slack)
    story.delivered()
    assert len(slack.messages) == 2 and slack.problems() == []
    slack.press(slack.messages[1], "acknowledge")
    story.acknowledged_by("ana")


def test_a_word_below_is_said_once_and_what_was_taken_away_is_said_anew(providers, story):
    story = story(app(providers), contact='slack_user = "U11"', extra='[incidents]\nreopen_within = "0s"')
    slack = providers.slack_app
    story.result(2, "full")
    message = first(slack)
    story.delivered()
    pages = lambda number=story.incident()["id"]: story.server.get(f"/api/v1/incidents/{number}").json["pages"]
    # The answer to the word of the end is lost on its way: it is found when it is tried again.
    providers.fail("slack_app", reset=True, taken=True, of="chat.postMessage")
    story.result(0)
    wait_for(lambda: message["thread"], what="the word below it")
    wait_for(lambda: len(pages()) > 1 and all(page["state"] == "delivered" for page in pages()), what="that the end is delivered")
    assert len(message["thread"]) == 1, [one["text"] for one in message["thread"]]
    story.result(2, "full again")
    wait_for(lambda: len(slack.messages) == 2, what="the second incident")
    story.delivered()
    # Somebody takes the message away, and with it all that was said below.
    gone = slack.messages.pop()
    story.result(0)
    anew = wait_for(lambda: slack.messages[1:], what="the end, as a message of its own")[0]
    assert "over" in anew["text"] and not gone["thread"], anew["text"]


def test_the_connection_is_made_anew(providers, story):
    """Dropped without a word, and ended as Slack does to move a connection; what is pressed later is heard."""
    story = story(app(providers), contact='slack_user = "U11"')
    slack = providers.slack_app
    story.result(2, "full")
    message = first(slack)
    wait_for(lambda: slack.opened == 1, what="a connection")
    slack.drop()
    wait_for(lambda: slack.opened == 2 and slack.links, what="another connection")
    slack.send({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "wss-1"}})
    wait_for(lambda: slack.opened >= 3 and slack.links, what="a third connection")
    slack.send({"type": "events_api", "envelope_id": "e1", "payload": {}})
    assert slack.acknowledged.get(timeout=60) == "e1"
    story.delivered()
    story.server.kill()
    restart(story, slack)
    slack.press(message, "acknowledge")
    story.acknowledged_by("ana", "in Slack")
    assert slack.problems() == []


def test_a_storm_is_one_list_with_buttons(providers, bellwether):
    names = [f"disk{number}" for number in range(6)]
    checks = "".join(f'[[check]]\nname = "{name}"\ntype = "passive"\nmax_check_attempts = 1\ncontacts = ["ana"]\n' for name in names)
    server = bellwether(f"""
[collectors]
host = false
[incidents]
group_window = "0s"
[[contact]]
name = "ana"
slack_user = "U11"
channels = ["x"]
[[channel]]
name = "x"
{app(providers)}
{checks}""")
    slack = providers.slack_app
    providers.fail("slack_app", status=503, times=-1, of="chat.postMessage")
    for name in names:
        assert server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": "full"}).status // 100 == 2
    wait_for(lambda: len(server.get("/api/v1/incidents?state=open").json["incidents"]) >= len(names), what="an incident of each")
    providers.mend("slack_app")
    told = lambda: [name for name in names if any(name in message["text"] + shown(message) for message in slack.messages)]
    wait_for(lambda: told() == names, what="that all are told")
    lists = [message for message in slack.messages if "notices" in message["text"]]
    assert lists, [message["text"] for message in slack.messages]
    pages = lambda: [page for one in server.get("/api/v1/incidents?state=open").json["incidents"]
                     for page in server.get(f"/api/v1/incidents/{one['id']}").json["pages"]]
    wait_for(lambda: all(page["state"] == "delivered" for page in pages()), what="that all pages are delivered")
    slack.press(lists[0], "acknowledge")
    acknowledged = lambda: [one for one in server.get("/api/v1/incidents?state=open").json["incidents"] if one["acknowledged"]]
    assert wait_for(acknowledged, what="an acknowledgement")[0]["acknowledged"]["by"] == "ana"
    assert slack.problems() == []
