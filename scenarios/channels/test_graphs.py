"""The graph follows the page where a provider takes pictures; without it the page is a page all the same."""
import json
import time

from support.providers import multipart
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


def test_who_takes_files_gets_one_and_the_others_an_address(providers, bellwether):
    """The address shows this graph to whoever has it, without a sign-in, and leads to nothing else."""
    hooks = ("discord", "teams", "mattermost", "gotify", "generic")
    channels = "".join(f"""
[[channel]]
name = "{form}"
type = "webhook"
url = "{providers.url("hook", "/" + form)}"
{"" if form == "generic" else f'format = "{form}"'}
""" for form in hooks)
    server = bellwether(f"""
[collectors]
host = false
[incidents]
contacts = ["ana"]
[[contact]]
name = "ana"
channels = {json.dumps(["genie", "slack", *hooks])}
[[channel]]
name = "genie"
type = "opsgenie"
token = "genie"
url = "{providers.url("opsgenie")}"
[[channel]]
name = "slack"
type = "slack"
url = "{providers.url("slack", "/services/T0/B0/X0")}"
{channels}
[[monitor]]
name = "temperature"
target = "room.temperature"
critical = "> 30"
for = "1s"
""")
    server.rewrite(f'{server.config_file.read_text()}\n[http]\npublic_url = "{server.url("")}"\n')
    links = lambda: server.get("/api/v1/contacts/ana/test").json["links"]
    wait_for(lambda: links()["reachable"], what="that the links lead here")
    # Opsgenie makes the alert some time after it was taken.
    providers.fail("opsgenie", status=404, of="/attachments")
    posted = lambda form: [call for call in providers.hook.calls if call.path == "/" + form]
    end = time.monotonic() + 60
    while not (providers.opsgenie.pictures and len(posted("discord")) == 2 and providers.slack.calls and all(posted(form) for form in hooks)):
        server.carbon_send(f"room.temperature 40 {int(time.time())}\n".encode())
        assert time.monotonic() < end, [call.path for call in providers.hook.calls]
        time.sleep(0.5)
    picture, = providers.opsgenie.pictures
    assert picture.startswith(b"\x89PNG") and providers.opsgenie.problems() == [] and providers.slack.problems() == []
    file = multipart(posted("discord")[1])
    assert file["files[0]"].startswith(b"\x89PNG") and "temperature" in json.loads(file["payload_json"])["content"]
    body = {form: posted(form)[0].json for form in hooks}
    addresses = {
        body["generic"]["graph"], body["mattermost"]["attachments"][0]["image_url"],
        body["gotify"]["extras"]["client::notification"]["bigImageUrl"], providers.slack.calls[0].json["attachments"][1]["image_url"],
        *(part["url"] for part in body["teams"]["attachments"][0]["content"]["body"] if part["type"] == "Image")}
    address, = addresses
    path = address.removeprefix(server.url(""))
    name = path.removeprefix("/a/graph/")
    shown = server.get(path)
    assert shown.status == 200 and shown.headers["Content-Type"] == "image/png" and shown.body.startswith(b"\x89PNG")
    token = name.removesuffix(".png")
    for other in (f"/a/{token}", f"/a/{token}/graph.png", f"/a/graph/{token}", path.replace("graph/", "graph/B")):
        assert server.get(other).status == 404, other
    assert server.post(f"/a/{token}", b"do=acknowledge").status == 404
    assert server.post(path, b"do=acknowledge").status == 405
    acknowledge = body["generic"]["acknowledge"].rpartition("/")[2]
    assert server.get(f"/a/graph/{acknowledge}.png").status == 404 and server.get(f"/a/{acknowledge}").status == 200
