"""The graph follows the page where a provider takes pictures; without it the page is a page all the same."""
import time

from support.server import wait_for


def test_the_graph_follows_the_page(providers, bellwether):
    server = bellwether(f"""
[collectors]
host = false
[incidents]
contacts = ["ana"]
[[contact]]
name = "ana"
channels = ["bot", "phone", "loud", "room"]
telegram = "-77"
ntfy = "topic"
pushover = "{"u" * 30}"
[[channel]]
name = "bot"
type = "telegram"
token = "1:AB"
url = "{providers.url("telegram")}"
[[channel]]
name = "phone"
type = "ntfy"
url = "{providers.url("ntfy")}"
[[channel]]
name = "loud"
type = "pushover"
token = "{"a" * 30}"
url = "{providers.url("pushover")}"
[[channel]]
name = "room"
type = "slack"
bot_token = "xoxb-1"
to = ["C0123ABCD"]
url = "{providers.url("slack_app")}"
[[monitor]]
name = "temperature"
target = "room.temperature"
critical = "> 30"
for = "1s"
""")
    # Whoever takes no pictures has the page.
    providers.fail("ntfy", status=400, times=-1, of="/topic")
    end = time.monotonic() + 60
    while not (providers.telegram.photos and providers.pushover.pictures and providers.slack_app.files):
        server.carbon_send(f"room.temperature 40 {int(time.time())}\n".encode())
        assert time.monotonic() < end, (providers.telegram.messages, providers.pushover.messages, providers.slack_app.messages)
        time.sleep(0.5)
    photo, = providers.telegram.photos
    assert photo["chat_id"] == "-77" and '"message_id":1' in photo["reply_parameters"] and "temperature" in photo["caption"]
    picture, = providers.pushover.pictures
    assert picture["priority"] == "-2" and picture["user"] == "u" * 30
    file, = providers.slack_app.files
    assert file["raw"].startswith(b"\x89PNG") and file["thread_ts"] == providers.slack_app.messages[0]["ts"]
    rung = wait_for(lambda: providers.ntfy.topics["topic"], what="the page at ntfy")
    assert "CRITICAL" in rung[0]["whole"]["title"]
    for stand_in in (providers.telegram, providers.pushover, providers.slack_app):
        assert stand_in.problems() == []
