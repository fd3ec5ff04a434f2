"""Does a page reach a person: whatever fails in between, in a storm, by a link that leads here, and not by a chat alone."""
import json

from support.server import free_port, wait_for

PHONE, OURS = "+491701234567", "+4930123456"
KINDS = ("slack", "telegram", "ntfy", "pushover", "twilio")
# Those by which no storm is sent here.
OTHERS = ("voice", "opsgenie", "hook")


def channels_of(providers, kinds=KINDS):
    twilio = f'account = "{providers.twilio.account}"\ntoken = "t"\nfrom = "{OURS}"'
    written = {
        "slack": f'type = "slack"\nurl = "{providers.url("slack", "/services/T0/B0/X0")}"',
        "telegram": f'type = "telegram"\ntoken = "1:AB"\nurl = "{providers.url("telegram")}"',
        "ntfy": f'type = "ntfy"\nurl = "{providers.url("ntfy")}"',
        "pushover": f'type = "pushover"\ntoken = "{"a" * 30}"\nurl = "{providers.url("pushover")}"',
        "twilio": f'type = "sms"\n{twilio}\nurl = "{providers.url("twilio")}"',
        "voice": f'type = "voice"\n{twilio}\nurl = "{providers.url("voice")}"',
        "opsgenie": f'type = "opsgenie"\ntoken = "genie"\nurl = "{providers.url("opsgenie")}"',
        "hook": f'type = "webhook"\nurl = "{providers.url("hook", "/pages")}"',
    }
    return "".join(f'[[channel]]\nname = "{kind}"\n{written[kind]}\n' for kind in kinds)


def config(providers, extra="", checks=("disk",), kinds=KINDS):
    """A contact for each channel, of its name: what one does not deliver cannot go by another."""
    phone = f'phone = "{PHONE}"'
    ways = {"telegram": 'telegram = "-77"', "ntfy": 'ntfy = "ana-topic"', "pushover": f'pushover = "{"u" * 30}"', "twilio": phone, "voice": phone}
    contacts = "".join(f'[[contact]]\nname = "{kind}"\nchannels = ["{kind}"]\n{ways.get(kind, "")}\n' for kind in kinds)
    passive = "".join(f'[[check]]\nname = "{name}"\ntype = "passive"\nmax_check_attempts = 1\ncontacts = {json.dumps(kinds)}\n' for name in checks)
    return f"[collectors]\nhost = false\n{contacts}{channels_of(providers, kinds)}{passive}{extra}"


def result(server, name, status):
    assert server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": f"it is {status}"}).status // 100 == 2


def words(providers, kinds=KINDS):
    """What each provider has taken, as text, in order."""
    taken = lambda kind: [json.dumps(call.json) for call in getattr(providers, kind).calls if call.method == "POST" and not call.fault]
    all_of_them = {
        "slack": taken("slack"),
        "telegram": [message["text"] for message in providers.telegram.messages],
        "ntfy": [one["whole"]["title"] for one in providers.ntfy.topics["ana-topic"]],
        "pushover": [one["title"] + one["message"] for one in providers.pushover.messages],
        "twilio": [one["body"] for one in providers.twilio.texts()],
        "voice": [one["script"] for one in providers.voice.rung],
        "opsgenie": taken("opsgenie"),
        "hook": taken("hook"),
    }
    return {kind: all_of_them[kind] for kind in kinds}


def part(server, name):
    return next((one for one in server.get("/api/v1/health").json["parts"] if one["id"] == name), None)


def test_each_is_told_once_whatever_fails(bellwether, providers):
    """Too many requests, a connection that ends, one that is never answered and a kill meanwhile: the beginning once and the end once."""
    kinds = KINDS + OTHERS
    server = bellwether(config(providers, kinds=kinds))
    for kind in kinds:
        providers.fail(kind, status=429, retry_after=1)
        providers.fail(kind, reset=True)
        providers.fail(kind, timeout=True, times=-1)
    result(server, "disk", 2)
    sent = lambda kind: [call for call in getattr(providers, kind).calls if call.method == "POST" and call.fault]
    wait_for(lambda: all(len(sent(kind)) >= 3 for kind in kinds), what="the call of each that hangs")
    assert all(sent(kind)[1].at - sent(kind)[0].at >= 0.95 for kind in kinds), "the pause that was asked for"
    server.kill()
    for kind in kinds:
        providers.mend(kind)
    server.start()
    wait_for(lambda: all(len(taken) == 1 for taken in words(providers, kinds).values()), what="one page by each")
    pages = lambda: server.get("/api/v1/incidents/1").json["pages"]
    wait_for(lambda: all(page["state"] == "delivered" for page in pages()), what="that each is known to be delivered")
    result(server, "disk", 0)
    ends = [kind for kind in kinds if kind != "voice"]
    wait_for(lambda: all(len(taken) == 2 for taken in words(providers, ends).values()), what="the end by each")
    for kind, (begun, over) in words(providers, ends).items():
        assert "CRITICAL" in begun and "disk" in begun and "CRITICAL: disk" not in over, kind
    assert "CRITICAL: disk" in words(providers, ["voice"])["voice"][0]
    wait_for(lambda: all(page["state"] == "delivered" for page in pages()), what="that nothing is left to send")
    assert len(providers.voice.rung) == 1, "nobody is called for good news"
    for kind in kinds:
        assert getattr(providers, kind).problems() == [], kind
    tries = {call.headers["x-bellwether-delivery"] for call in providers.hook.calls[:-1]}
    assert len(tries) == 1, "by its name whoever takes it knows that it was tried before"


def test_one_that_refuses_makes_no_other_say_it_twice(bellwether, providers):
    kinds = ("opsgenie", "twilio", "ntfy", "hook")
    server = bellwether(f"""
[collectors]
host = false
[[contact]]
name = "ana"
channels = {json.dumps(kinds)}
phone = "{PHONE}"
ntfy = "ana-topic"
{channels_of(providers, kinds)}
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
""")
    providers.fail("opsgenie", status=400)
    result(server, "disk", 2)
    pages = lambda: server.get("/api/v1/incidents/1").json["pages"]
    states = lambda: sorted(page["state"] for page in pages())
    wait_for(lambda: states() == ["delivered"] * 3 + ["given_up"], what=f"that each has been tried once, there is {pages()}")
    assert {kind: len(taken) for kind, taken in words(providers, kinds).items()} == {"opsgenie": 0, "twilio": 1, "ntfy": 1, "hook": 1}


def test_the_first_page_of_a_storm_waits_for_nothing_and_the_rest_comes_bundled(bellwether, providers):
    checks = [f"check{number:02}" for number in range(13)]
    server = bellwether(config(providers, checks=checks, extra="""
[[contact]]
name = "ben"
channels = ["ntfy"]
ntfy = "ben-topic"
[[check]]
name = "own"
type = "passive"
max_check_attempts = 1
contacts = ["ben"]
"""))
    result(server, checks[0], 2)
    wait_for(lambda: all(len(taken) == 1 for taken in words(providers).values()), what="the first page, though nothing follows")
    for kind in KINDS:
        providers.fail(kind, status=503, times=-1)
    for name in [*checks[1:], "own"]:
        result(server, name, 2)
    open_ones = lambda: [one for one in server.get("/api/v1/incidents?state=open").json["incidents"] if "channel:" not in one["reason"]]
    pages = lambda: [page for one in open_ones() for page in server.get(f"/api/v1/incidents/{one['id']}").json["pages"]]
    wait_for(lambda: len(pages()) == len(KINDS) * len(checks) + 1, what="the storm", pause=0.3)
    for kind in KINDS:
        providers.mend(kind)
    wait_for(lambda: all(page["state"] == "delivered" for page in pages()), what="all pages", pause=0.3)
    # Of twelve pages that wait at once for one recipient one message; Telegram and Pushover have a button for each.
    taken = words(providers)
    for kind in ("slack", "ntfy", "twilio"):
        assert checks[0] in taken[kind][0] and 2 <= len(taken[kind]) <= 4, (kind, taken[kind])
    assert len(providers.ntfy.topics["ben-topic"]) == 1, "each recipient has their own"


def test_c107_a_chat_alone_reaches_nobody(bellwether, providers):
    server = bellwether(f"""
[collectors]
host = false
[incidents]
contacts = ["ben"]
[[contact]]
name = "ana"
channels = ["slack"]
[[contact]]
name = "ben"
channels = ["ntfy"]
ntfy = "ana-topic"
{channels_of(providers)}
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
""")
    known = part(server, "contacts")
    assert known["state"] == "ok" and "ana" in known["text"] and "ben" not in known["text"], known
    result(server, "disk", 2)
    wait_for(lambda: words(providers)["ntfy"] and words(providers)["slack"], what="the room and the telephone")
    assert "rooms only" in str(server.get("/api/v1/incidents/1").json["timeline"])
    result(server, "disk", 0)
    wait_for(lambda: len(words(providers)["ntfy"]) == 2 and len(words(providers)["slack"]) == 2, what="the end in both places")
    server.rewrite(server.config_file.read_text().replace('contacts = ["ben"]', 'contacts = ["ana"]'))
    known = wait_for(lambda: part(server, "contacts")["state"] == "warning" and part(server, "contacts"), what="a warning")
    assert "give one of them a telephone" in known["text"]


def test_whether_the_links_in_pages_lead_here_is_known(bellwether, providers):
    server = bellwether(config(providers))
    links = lambda: server.get("/api/v1/contacts/ntfy/test").json["links"]
    wait_for(lambda: "set http.public_url" in links()["text"], what="a word of the address that is missing")
    assert links()["reachable"] is None and part(server, "links")["state"] == "off"
    written = server.config_file.read_text()
    # Somebody who answers everything is not us.
    server.rewrite(f'{written}\n[http]\npublic_url = "{providers.url("hook")}"\n')
    wait_for(lambda: links()["reachable"] is False, what="that another one answers")
    assert "not as this server does" in links()["text"] and providers.hook.calls[-1].path.startswith("/a/reach/")
    wait_for(lambda: part(server, "links")["state"] == "warning", what="a warning")
    assert [doubt["affects"] for doubt in server.get("/api/v1/health").json["doubts"] if doubt["part"] == "links"] != []
    server.rewrite(f'{written}\n[http]\npublic_url = "http://127.0.0.1:{free_port()}/"\n')
    wait_for(lambda: "does not reach itself" in links()["text"], what="that nobody is there")
    server.rewrite(f'{written}\n[http]\npublic_url = "{server.url("")}"\n')
    wait_for(lambda: links()["reachable"] is True, what="that it is this server")
    assert "on this machine only" in links()["text"] and part(server, "links")["state"] == "ok"
    assert server.get("/a/reach/guessed").status == 404
