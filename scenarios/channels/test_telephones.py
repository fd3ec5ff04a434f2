"""What rings in somebody's pocket, and how a finger acknowledges it without anybody reaching this server."""
import contextlib
import json
import os
import signal

from support.server import wait_for

PHONE, OURS = "+491701234567", "+4930123456"


def channel(kind, providers):
    twilio = f'account = "{providers.twilio.account}"\ntoken = "t"\nfrom = "{OURS}"\nurl = "{providers.url("twilio")}"'
    return {
        "telegram": f'type = "telegram"\ntoken = "1:AB"\nurl = "{providers.url("telegram")}"',
        "pushover": f'type = "pushover"\ntoken = "{"a" * 30}"\nurl = "{providers.url("pushover")}"',
        "sms": f'type = "sms"\n{twilio}',
        "voice": f'type = "voice"\n{twilio}',
    }[kind]


def test_a_button_in_telegram(providers, story):
    story = story(channel("telegram", providers), contact='telegram = "-77"')
    telegram = providers.telegram
    providers.fail("telegram", status=429, retry_after=1)
    story.result(2, "full")
    shown = wait_for(lambda: telegram.messages, what="a message")[0]
    assert "CRITICAL: disk" in shown["text"] and "full" in shown["text"] and "wiki.example" in shown["text"]
    telegram.press(shown, who="Mallory", chat=66)
    telegram.press(shown, who="Ana")
    story.acknowledged_by("ana", "in Telegram, by Ana")
    wait_for(lambda: {method for method, _ in telegram.told} == {"answerCallbackQuery", "editMessageReplyMarkup"}, what="a word to the button")
    story.result(0)
    wait_for(lambda: len(telegram.messages) == 2, what="the end")
    assert "over" in telegram.messages[1]["text"] and telegram.problems() == []


def test_pushover_rings_until_somebody_has_it_there_or_here(providers, story):
    story = story(channel("pushover", providers), contact=f'pushover = "{"u" * 30}"', extra='''
[[check]]
name = "other"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
''')
    pushover = providers.pushover
    story.result(2, "full")
    wait_for(lambda: len(pushover.ringing()) == 1, what="an emergency")
    story.delivered()
    story.server.kill()
    pushover.press()
    story.server.start()
    story.acknowledged_by("ana", "ana-phone")
    story.result(0)
    wait_for(lambda: [one["priority"] for one in pushover.messages] == ["2", "0"], what="the end, quietly")
    story.closed()
    story.result(2, "full too", name="other")
    wait_for(lambda: len(pushover.ringing()) == 1, what="another emergency")
    assert story.server.post(f"/api/v1/incidents/{story.incident()['id']}/acknowledge", {"author": "bea"}).status == 200
    wait_for(lambda: not pushover.ringing(), what="that it rings no more")
    assert pushover.problems() == []


def test_a_text_is_answered_by_a_text(providers, story):
    story = story(channel("sms", providers), contact=f'phone = "{PHONE}"')
    twilio = providers.twilio
    story.result(2, "full")
    text = wait_for(twilio.texts, what="a text")[0]
    number = story.incident()["id"]
    assert text["to"] == PHONE and f"Reply {number} to say that you have it" in text["body"]
    twilio.message("+491700000000", OURS, str(number))
    twilio.message(PHONE, OURS, f"{number} I am on it")
    story.acknowledged_by("ana", "by a text from …4567")
    story.result(0)
    wait_for(lambda: len(twilio.texts()) == 2, what="the end")
    assert twilio.problems() == []


def test_a_call_says_what_is_wrong_and_is_not_made_for_good_news(providers, story):
    story = story(channel("voice", providers), contact=f'phone = "{PHONE}"')
    twilio = providers.twilio
    providers.fail("twilio", reset=True)
    story.result(2, "full")
    call = wait_for(lambda: twilio.rung, what="a call")[0]
    assert "CRITICAL: disk" in call["script"]
    story.result(0)
    story.closed()
    wait_for(lambda: all(page["state"] == "delivered" for page in story.server.get("/api/v1/incidents/1").json["pages"]), what="all pages")
    assert len(twilio.rung) == 1 and twilio.problems() == []


def test_a_key_counts_that_a_stand_in_on_this_machine_presses(providers, story):
    """It has no key to sign with: both are on this machine, with an address that is told or without, so that the token in what it was given
    is the proof."""
    story = story(channel("voice", providers), contact=f'phone = "{PHONE}"', extra="""
[[check]]
name = "other"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
""")
    server, twilio = story.server, providers.twilio
    story.result(2, "full")
    call = wait_for(lambda: twilio.rung, what="a call")[0]
    assert "Nobody has it yet" in twilio.press(call, "5")
    assert story.incident()["acknowledged"] is None
    assert "You have it" in twilio.press(call, "1")
    story.acknowledged_by("ana", "by a key")
    assert "already" in twilio.press(call, "1")
    story.result(0)
    story.closed()
    server.stop()
    server.rewrite(f'{server.config_file.read_text()}\n[http]\npublic_url = "{server.url("/")}"\n')
    server.start()
    story.result(2, "full too", name="other")
    call = wait_for(lambda: twilio.rung[1:], what="another call")[0]
    assert "You have it" in twilio.press(call, "1")
    story.acknowledged_by("ana", "by a key")
    assert twilio.problems() == []


def test_a_program_gets_the_page_and_is_tried_again(story, tmp_path):
    program = tmp_path / "page"
    program.write_text("""#!/bin/sh
cat >>"$1"
echo "$BELLWETHER_EVENT $BELLWETHER_DELIVERY" >>"$1.env"
[ -e "$1.ok" ] || { touch "$1.ok"; echo busy >&2; exit 75; }
""")
    program.chmod(0o755)
    out = tmp_path / "out"
    story = story(f'type = "command"\ncommand = ["{program}", "{out}"]')
    story.result(2, "full")
    tries = lambda: (tmp_path / "out.env").read_text().splitlines() if (tmp_path / "out.env").exists() else []
    wait_for(lambda: len(tries()) == 2, what="two tries")
    first, second = tries()
    assert out.read_text().count("headline") == 2
    assert first == second and first.startswith("problem ")
    assert "not delivered yet" in str(story.server.get("/api/v1/incidents/1").json["timeline"])


def test_a_program_that_says_nothing_keeps_nobody_waiting_and_is_run_again(providers, story, tmp_path):
    """It hangs; beside it another channel has its page at once; we die meanwhile, and it gets the same page again."""
    program, names, hangs = tmp_path / "page", tmp_path / "names", tmp_path / "hangs"
    program.write_text(f"""#!/bin/sh
echo "$BELLWETHER_EVENT $BELLWETHER_DELIVERY $$" >>{names}
[ -e {hangs} ] && exec sleep 300
exit 0
""")
    program.chmod(0o755)
    hangs.touch()
    story = story(f'type = "command"\ncommand = ["{program}"]', extra=f"""
[[contact]]
name = "ben"
channels = ["phone"]
phone = "{PHONE}"
[[channel]]
name = "phone"
{channel("sms", providers)}
[[check]]
name = "other"
type = "passive"
max_check_attempts = 1
contacts = ["ben"]
""")
    runs = lambda: [line.split() for line in names.read_text().splitlines()] if names.exists() else []
    story.result(2, "full")
    wait_for(runs, what="the program that hangs")
    story.result(2, "slow", name="other")
    wait_for(providers.twilio.texts, what="the text, for which nothing has to end")
    story.server.kill()
    hangs.unlink()
    before = runs()
    with contextlib.suppress(ProcessLookupError):
        # Ours, by the number that it wrote; nobody else ends it now.
        os.kill(int(before[-1][2]), signal.SIGKILL)
    story.server.start()
    wait_for(lambda: len(runs()) > len(before), what="that it is run again")
    assert len({tuple(run[:2]) for run in runs()}) == 1, "by its name it knows that it has had this page"
    page = lambda: [one for one in story.server.get("/api/v1/incidents/1").json["pages"] if one["contact"] == "ana"]
    wait_for(lambda: [one["state"] for one in page()] == ["delivered"], what="that it is known to be delivered")


def test_a_webhook_takes_other_forms(bellwether, providers):
    """Each in one server, for one contact: what each of them reads of the beginning, and of the end."""
    own = """template = '{"say": {{ headline | tojson }}, "to": {{ contact | tojson }}}'"""
    card = lambda body: body["attachments"][0]["content"]
    # What it says first, and what tells the end from the beginning.
    reads = {
        "teams": lambda body: (card(body)["body"][0]["text"], {"attention": "bad", "good": "over"}[card(body)["body"][0]["color"]]),
        "discord": lambda body: (body["embeds"][0]["title"], {12986408: "bad", 2787902: "over"}[body["embeds"][0]["color"]]),
        "mattermost": lambda body: (body["text"], {"#c62828": "bad", "#2a8a3e": "over"}[body["attachments"][0]["color"]]),
        "gotify": lambda body: (body["title"], {9: "bad", 3: "over"}[body["priority"]]),
        "alertmanager": lambda body: (body["alerts"][0]["annotations"]["summary"], {"firing": "bad", "resolved": "over"}[body["alerts"][0]["status"]]),
        "own": lambda body: (body["say"], "over" if body["say"].startswith("over") else "bad"),
    }
    channels = "".join(f"""
[[channel]]
name = "{form}"
type = "webhook"
url = "{providers.url("hook", "/" + form)}"
{own if form == "own" else f'format = "{form}"'}
""" for form in reads)
    server = bellwether(f"""
[collectors]
host = false
[[contact]]
name = "ana"
channels = {json.dumps(list(reads))}
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
playbook = "https://wiki.example/disk"
contacts = ["ana"]
{channels}""")
    for status, output, count in ((2, 'a "full" disk', 1), (0, "there is room", 2)):
        assert server.post("/api/v1/checks/disk/result", {"status": status, "output": output}).status // 100 == 2
        wait_for(lambda: len(providers.hook.calls) == count * len(reads), what="a delivery in each form")
    for form, read in reads.items():
        begun, over = [call.json for call in providers.hook.calls if call.path == "/" + form]
        assert (read(begun), read(over)) == (("CRITICAL: disk", "bad"), ("over, OK: disk", "over")), form
        if form != "own":
            told = json.dumps(begun)
            assert '\\"full\\"' in told and "/a/" in told and "https://wiki.example/disk" in told, (form, told)
            assert "/a/" not in json.dumps(over), form
