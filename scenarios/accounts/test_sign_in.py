"""Signing in with a provider (OpenID Connect), against one that is certified; and by a trusted proxy's header."""
import json
import re
import socket
import urllib.parse

import pytest

from support.people import OWN, person, sign_in
from support.receivers import WebhookServer
from support.server import Bellwether, free_port, replace, wait_for
from support.sign_in import Browser, SignInProvider

ROLES = '''default_role = "viewer"
role_claim = "groups"
role_map = { "sre" = "admin" }'''


def config(provider, public_url, more=ROLES):
    return f'''[http]
public_url = "{public_url}"
[auth]
mode = "required"
[auth.oidc]
name = "Example"
issuer = "{provider}"
client_id = "bellwether"
client_secret = "a secret/with+signs"
{more}
'''


class Place:
    """A server with its provider."""

    def __init__(self, directory, more):
        self.server = Bellwether(directory)
        self.url = f"http://127.0.0.1:{self.server.ports['http']}"
        self.provider = SignInProvider(f"{self.url}/signin/callback")
        self.configure(more)
        self.server.start()

    def configure(self, more):
        replace(self.server.config_file, config(self.provider.url, self.url, more))

    def back(self, browser, name, next="/"):
        """To the provider and back: the address with the code."""
        begin = f"{self.url}/signin/provider?{urllib.parse.urlencode({'next': next})}"
        return browser.go(begin, name, f"{self.url}/signin/callback")

    def sign_in(self, name, next="/", browser=None):
        browser = browser or Browser()
        return browser, browser.get(self.back(browser, name, next))

    def ask(self, browser, path):
        _, secret = browser.cookies[self.server.ports["http"], "bellwether_session"]
        return self.server.get(path, headers={"Cookie": f"bellwether_session={secret}", **OWN})

    def sign_out(self, browser):
        """The cookie is left, as if it had been copied before."""
        _, secret = browser.cookies[self.server.ports["http"], "bellwether_session"]
        return self.server.request("DELETE", "/api/v1/session", headers={"Cookie": f"bellwether_session={secret}", **OWN})

    def stop(self):
        self.server.stop()
        self.provider.stop()


@pytest.fixture
def place(tmp_path):
    made = []

    def make(more=ROLES):
        made.append(Place(tmp_path / f"place{len(made)}", more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def hook():
    server = WebhookServer().start()
    yield server
    server.stop()


def test_people_come_in_by_the_providers_word(place):
    here = place()
    server = here.server
    assert server.get("/api/v1/status").json["auth"] == {"mode": "required", "user": None, "role": None, "limited": False, "provider": "Example"}
    ana, done = here.sign_in("ana", "/incidents/3?tab=a#b")
    assert (done.status, done.to) == (303, f"{here.url}/incidents/3?tab=a#b"), done.text
    assert here.ask(ana, "/api/v1/status").json["auth"]["role"] == "admin"
    told = here.ask(ana, "/api/v1/people").json["people"]
    assert [(one["name"], one["role"], one["display_name"]) for one in told] == [("ana", "admin", "Ana Sá")]
    ben, _ = here.sign_in("ben")
    assert here.ask(ben, "/api/v1/status").json["auth"] == {"mode": "required", "user": "ben", "role": "viewer", "limited": False, "provider": "Example"}
    # Again is the same person, in a session that takes the place of the one before.
    before = dict(ana.cookies)
    here.sign_in("ana", browser=ana)
    assert len(here.ask(ana, "/api/v1/people").json["people"]) == 2
    port = server.ports["http"]
    secret = before[port, "bellwether_session"][1]
    assert secret != ana.cookies[port, "bellwether_session"][1]
    assert server.get("/api/v1/teams", headers={"Cookie": f"bellwether_session={secret}", **OWN}).status == 401
    entries = here.ask(ana, "/api/v1/audit").json["entries"]
    assert [(one["who"], one["via"], one["action"]) for one in entries] == [
        ("ana", "provider", "signed in"), ("ben", "provider", "signed in"), ("ana", "provider", "signed in")]
    # Nothing secret is shown or logged.
    assert here.sign_out(ana).status == 200
    assert here.ask(ana, "/api/v1/people").status == 401
    shown = server.cli("config", "show").stdout
    assert "[auth.oidc]" in shown and "a secret" not in shown and "a secret" not in server.log()


def test_what_is_not_believed(place):
    here = place()
    callback = f"{here.url}/signin/callback"
    for kind, word in {"nonce": "another sign-in", "audience": "another server", "expired": "holds no more", "issuer": "another provider",
                       "key": "signature of its word is wrong", "unsigned": "signed in a way"}.items():
        here.provider.lie(kind)
        browser, done = here.sign_in("ana")
        assert done.status == 403 and word in done.text, (kind, done.status, done.text)
        assert (here.server.ports["http"], "bellwether_session") not in browser.cookies
    here.provider.lie("")
    # What comes back to another browser, with another state, or a second time, is not taken.
    ana = Browser()
    came = here.back(ana, "ana")
    assert Browser().get(came).status == 400
    other = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(came).query))
    assert ana.get(f"{callback}?{urllib.parse.urlencode({**other, 'state': '0' * 64})}").status == 400
    assert ana.get(f"{callback}?{urllib.parse.urlencode({**other, 'iss': 'https://evil.example'})}").status == 403
    kept = dict(ana.cookies)
    assert ana.get(came).status == 303
    assert "begun in another browser" in ana.get(came).text
    ana.cookies = kept
    assert ana.get(came).status == 403, "a code is for once"
    # What the browser keeps of it is what this server made, to the letter.
    ben = Browser()
    came = here.back(ben, "ben")
    path, value = ben.cookies[here.server.ports["http"], "bellwether_attempt"]
    for forged in (value[:-1] + ("A" if value[-1] != "A" else "Q"), "A" + value[1:], value[:-43]):
        ben.cookies[here.server.ports["http"], "bellwether_attempt"] = (path, forged)
        assert "begun in another browser" in ben.get(came).text, forged
    ben.cookies[here.server.ports["http"], "bellwether_attempt"] = (path, value)
    assert ben.get(came).status == 303
    # Where to go then is a path of ours.
    for evil in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=y"):
        _, done = here.sign_in("ben", evil)
        assert (done.status, done.to) == (303, f"{here.url}/"), evil
    # Who says no there is not in here.
    denied = Browser()
    page = denied.get(denied.go(f"{here.url}/signin/provider", None, callback))
    assert page.status == 403 and "access_denied" in page.text
    script = denied.get(f"{here.url}/signin/provider")
    state = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(script.to).query))["state"]
    page = denied.get(f"{callback}?state={state}&error=%3Cscript%3Ealert(1)%3C/script%3E")
    assert page.status == 403 and "<script>" not in page.text and "&lt;script&gt;" in page.text


def test_a_provider_that_cannot_be_asked_keeps_out_nobody_who_was_in(place):
    here = place('default_role = "viewer"\nname_claim = "email"')
    assert here.sign_in("ana")[1].status == 303
    here.provider.lie("alone")
    browser, ana = here.sign_in("ana")
    assert ana.status == 303 and here.ask(browser, "/api/v1/status").json["auth"]["user"] == "ana@example.com", ana.text
    _, ben = here.sign_in("ben")
    assert ben.status == 502 and "answers 503" in ben.text, ben.text


def test_who_may_come_in(place):
    here = place('role_claim = "groups"\nrole_map = { "sre" = "editor" }\nallowed_domains = ["example.com"]')
    server = here.server
    _, eve = here.sign_in("eve")
    assert eve.status == 403 and "verified mail address" in eve.text
    _, ben = here.sign_in("ben")
    assert ben.status == 403 and "ben has no role here" in ben.text
    root = person(server, "root", "admin")
    # Somebody who is here already is not taken for the one of that name there, unless an administrator says so.
    person(server, "ana", "viewer")
    _, ana = here.sign_in("ana")
    assert ana.status == 403 and "another `ana`" in ana.text
    here.configure('default_role = "viewer"\njoin_existing = true')
    wait_until_reloaded(here, root, "join_existing = true")
    browser, ana = here.sign_in("ana")
    assert ana.status == 303 and here.ask(browser, "/api/v1/status").json["auth"]["role"] == "viewer"
    assert sign_in(server, "ana"), "the password still works"
    # Without a claim for it the role is an administrator's to give.
    assert server.put("/api/v1/people/ana/role", {"role": "responder"}, headers=root).status == 200
    browser, _ = here.sign_in("ana")
    assert here.ask(browser, "/api/v1/status").json["auth"]["role"] == "responder"
    # Whoever is taken out has no session, and whose group is gone is out at the next sign-in.
    here.configure('role_claim = "groups"\nrole_map = { "long-gone" = "editor" }')
    wait_until_reloaded(here, root, "long-gone")
    before = browser
    _, ana = here.sign_in("ana")
    assert ana.status == 403 and here.ask(before, "/api/v1/teams").status == 401
    failed = [one for one in server.get("/api/v1/audit", headers=root).json["entries"] if one["action"] == "failed to sign in"]
    assert failed and {one["via"] for one in failed} == {"provider"}


def wait_until_reloaded(here, root, text):
    wait_for(lambda: text in here.server.get("/api/v1/config", headers=root).text, what="the reload")


def test_whoever_signs_out_does_so_at_the_provider_too(place):
    here = place()
    callback = f"{here.url}/signin/callback"
    # Whether the provider still knows who it is, so that it does not ask.
    knows = lambda browser: "error=access_denied" not in browser.go(f"{here.url}/signin/provider", None, callback)
    ana, _ = here.sign_in("ana")
    assert knows(ana)
    out = here.sign_out(ana)
    assert out.status == 200 and here.ask(ana, "/api/v1/people").status == 401, out.text
    to = urllib.parse.urlsplit(out.json["to"])
    assert f"{to.scheme}://{to.netloc}" == here.provider.url
    assert dict(urllib.parse.parse_qsl(to.query)) == {"client_id": "bellwether", "post_logout_redirect_uri": f"{here.url}/"}
    page = ana.get(out.json["to"])
    assert page.status == 200, page.text
    form = re.search(r'action="([^"]+)"><input type="hidden" name="xsrf" value="([^"]+)"', page.text)
    gone = ana.post(form[1], {"xsrf": form[2], "logout": "yes"})
    assert (gone.status, gone.to) == (303, f"{here.url}/"), gone.text
    assert not knows(ana)
    # What a request says of where it came from or wants to go changes nothing of it.
    ben, _ = here.sign_in("ben")
    _, secret = ben.cookies[here.server.ports["http"], "bellwether_session"]
    evil = {"Cookie": f"bellwether_session={secret}", **OWN, "X-Forwarded-Host": "evil.example", "Referer": "https://evil.example/"}
    out = here.server.request("DELETE", "/api/v1/session?post_logout_redirect_uri=https://evil.example&to=https://evil.example", headers=evil)
    assert out.status == 200 and "evil" not in out.text
    # Nobody else goes there: not who has a password, and nobody whose session is none.
    root = person(here.server, "root", "admin")
    assert here.sign_out(ben).status == 204 and here.server.request("DELETE", "/api/v1/session", headers=root).status == 204
    # A provider that is away keeps nobody in.
    ben, _ = here.sign_in("ben")
    here.provider.stop()
    assert here.sign_out(ben).status == 200 and here.ask(ben, "/api/v1/people").status == 401


def test_signing_out_may_end_here(place):
    here = place(ROLES + "\nsign_out_there = false")
    ana, _ = here.sign_in("ana")
    assert here.sign_out(ana).status == 204 and here.ask(ana, "/api/v1/people").status == 401


GROUPS = '''default_role = "responder"
groups_claim = "groups"
[[check]]
name = "disk"
type = "passive"
[[team]]
name = "shop"
members = ["ben"]
prefixes = ["shop."]
[[team]]
name = "mail"
prefixes = ["mail."]
'''


def test_teams_follow_from_groups(place):
    here = place(GROUPS)
    server, root = here.server, person(here.server, "root", "admin")
    teams = lambda: {one["name"]: (one["members"], one.get("by_groups", [])) for one in server.get("/api/v1/teams", headers=root).json["teams"]}

    def come(groups):
        here.provider.know("ana", groups=groups)
        browser, done = here.sign_in("ana")
        return browser if done.status == 303 else done

    ana = come(["shop", "strangers", "made here"])
    assert teams() == {"shop": (["ben"], ["ana"]), "mail": ([], [])}, "groups make no teams"
    assert [one["name"] for one in here.ask(ana, "/api/v1/teams").json["teams"]] == ["shop"]
    assert server.put("/api/v1/teams/made%20here", {"members": ["ana"], "prefixes": ["made."]}, headers=root).status == 200
    assert teams()["made here"] == (["ana"], []), "with the next sign-in"
    ana = come(["made here", "mail"])
    assert teams() == {"shop": (["ben"], []), "mail": ([], ["ana"]), "made here": (["ana"], ["ana"])}
    # What only looks like a team, what is no text, and very many.
    come([" mail", "Mail", "mail\n", "/mail", "mail,shop", 7, None, ["shop"], {"shop": True}])
    assert teams() == {"shop": (["ben"], []), "mail": ([], []), "made here": (["ana"], [])}, "by hand stays"
    come([f"group {n}" for n in range(10_000)] + ["shop"])
    assert teams()["shop"] == (["ben"], ["ana"])
    # Nobody loses a team by what cannot be read.
    for claims in ({"shop": True}, 5, None):
        refused = come(claims)
        assert refused.status == 403 and "does not list your groups" in refused.text, refused.text
    assert teams()["shop"] == (["ben"], ["ana"])
    # Nor does the browser get rid of them by asking the provider for less than it was sent with.
    here.provider.people["ana"].pop("groups")
    here.provider.know("ana")
    refused = here.sign_in("ana")[1]
    assert refused.status == 403 and "does not list your groups" in refused.text, refused.text
    assert teams()["shop"] == (["ben"], ["ana"])
    told = [one for one in server.get("/api/v1/audit", headers=root).json["entries"] if one["subject"] == "people/ana/teams"]
    assert {(one["who"], one["via"], one["action"]) for one in told} == {("Example", "provider", "changed")}
    assert [(one["before"], one["after"]) for one in reversed(told)][:2] == [
        ('{"teams":[]}', '{"teams":["shop"]}'), ('{"teams":["shop"]}', '{"teams":["made here","mail"]}')]
    # Whoever is in none sees nothing, which is not what those see whom nobody asks.
    assert server.request("DELETE", "/api/v1/teams/made%20here", headers=root).status == 204
    nobody = come([])
    assert teams() == {"shop": (["ben"], []), "mail": ([], [])}
    assert server.get("/api/v1/checks/disk", headers=root).status == 200 and here.ask(nobody, "/api/v1/checks/disk").status == 404
    assert here.ask(nobody, "/metrics/find?query=*").json == []
    come(["shop"])
    # Whoever is not asked about groups any more says nothing of them.
    here.configure('default_role = "responder"\n[[team]]\nname = "shop"\nmembers = ["ben"]')
    wait_for(lambda: teams() == {"shop": (["ben"], [])}, what="the end of what the groups gave")


def test_to_lose_a_group_is_not_to_see_more(place):
    here = place(GROUPS + '''[[team]]
name = "rota"
[[team]]
name = "all"
prefixes = ["*"]
''')

    def sees(groups):
        here.provider.know("ana", groups=groups)
        browser, done = here.sign_in("ana")
        assert done.status == 303, done.text
        return here.ask(browser, "/api/v1/checks/disk").status == 200

    assert not sees(["shop", "rota"]) and not sees(["rota"]), "a team without prefixes is no leave to see everything"
    assert sees(["shop", "all"]) and not sees(["shop"]) and not sees([])


def test_who_was_asked_for_no_groups_signs_in_again(place):
    here = place(GROUPS.replace('groups_claim = "groups"', ""))
    here.provider.know("ana", groups=[])
    ana, _ = here.sign_in("ana")
    root = person(here.server, "root", "admin")
    status = lambda: here.ask(ana, "/api/v1/checks/disk").status
    assert status() == 200
    here.configure(GROUPS)
    wait_for(lambda: status() == 401, what="the end of a session of whom nobody was asked for groups")
    assert here.server.get("/api/v1/checks/disk", headers=root).status == 200, "whoever has a password is asked nothing"
    ana, _ = here.sign_in("ana")
    assert status() == 404


def test_whoever_came_by_a_provider_that_is_asked_no_more_signs_in_again(place):
    here = place('default_role = "viewer"')
    ana, _ = here.sign_in("ana")
    root = person(here.server, "root", "admin")
    assert here.ask(ana, "/api/v1/teams").status == 200
    here.server.rewrite('[auth]\nmode = "required"')
    wait_for(lambda: here.ask(ana, "/api/v1/teams").status == 401, what="the end of her session")
    assert here.server.get("/api/v1/teams", headers=root).status == 200


def test_a_role_that_is_no_role_is_told_where_it_stands(place):
    here = place()
    here.configure('role_claim = "groups"\nrole_map = { "sre" = "boss" }')
    told = here.server.cli("config", "check", check=False)
    said = told.stdout + told.stderr
    [line] = [number for number, line in enumerate(here.server.config_file.read_text().splitlines(), 1) if line.startswith("role_map")]
    assert told.returncode == 2 and f"bellwether.toml:{line}:" in said and "`boss`" in said and "`responder`" in said, said


def test_a_provider_that_is_away_keeps_nobody_out(bellwether, hook):
    gone = f"http://127.0.0.1:{free_port()}"
    server = bellwether(config(gone, "http://127.0.0.1:1") + f'''
[[contact]]
name = "ana"
channels = ["chat"]
[[channel]]
name = "chat"
type = "webhook"
url = "{hook.url}"
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
''')
    page = Browser().get(server.url("/signin/provider"))
    assert page.status == 502 and "Example does not answer" in page.text and "whoever has a password" in page.text
    root = person(server, "root", "admin")
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}, headers=root).status == 200
    told = hook.wait(1)[0][1]
    link = urllib.parse.urlsplit(told["acknowledge"]).path
    assert Browser().get(server.url(link)).status == 200
    assert server.post(link).status == 200
    assert server.get("/api/v1/incidents/1", headers=root).json["acknowledged"]["by"] == "ana"


PROXY = '''[auth]
mode = "required"
trusted_proxies = ["{trusted}"]
proxy_header = "X-Remote-User"
'''


def test_a_trusted_proxy_says_who_it_is(bellwether):
    server = bellwether(PROXY.format(trusted="127.0.0.1") + 'proxy_default_role = "viewer"')
    said = lambda name, **more: {"X-Remote-User": name, **OWN, **more}
    status = lambda headers: server.get("/api/v1/status", headers=headers).json["auth"]
    assert (status(said("ana"))["user"], status(said("ana"))["role"]) == ("ana", "viewer")
    assert status(said("")) ["user"] is None and server.get("/api/v1/teams", headers=said("")).status == 401
    # Somebody who is here already is somebody else, until an administrator links the two; then they keep their role.
    for name in ("root", "eve"):
        person(server, name, "admin")
        refused = server.get("/api/v1/status", headers=said(name))
        assert refused.status == 403 and f"another `{name}`" in refused.text and "links you" in refused.text, refused.text
    assert server.post("/api/v1/people/root/link", {"by": "proxy"}, headers=said("ana")).status == 403
    assert "within a week" in server.cli("user", "link", "root", "--by", "proxy").stdout
    assert "somebody else" in server.cli("user", "unlink", "root", "--by", "proxy").stdout
    assert server.cli("user", "unlink", "root", "--by", "proxy", check=False).returncode == 1
    assert server.get("/api/v1/status", headers=said("root")).status == 403, "it was withdrawn"
    assert "within a week" in server.cli("user", "link", "root", "--by", "proxy").stdout
    assert "/link" not in server.get("/api/v1/graph?target=a", headers=said("ana")).text
    assert server.cli("user", "link", "nobody", "--by", "proxy", check=False).returncode == 1
    unset = server.cli("user", "link", "root", "--by", "provider", check=False)
    assert unset.returncode == 1 and "[auth.oidc] is not set" in unset.stderr
    assert status(said("root"))["role"] == "admin" and server.get("/api/v1/status", headers=said("eve")).status == 403
    # A change by the proxied is theirs.
    assert server.put("/api/v1/people/ana", {"display_name": "Ana"}, headers=said("ana")).status == 200
    assert server.put("/api/v1/people/root", {"display_name": "x"}, headers=said("ana")).status == 403
    [entry] = [one for one in server.get("/api/v1/audit", headers=said("root")).json["entries"] if one["subject"] == "people/ana"]
    assert (entry["who"], entry["via"]) == ("ana", "proxy")
    # A browser at the proxy's address says what a page makes it say whose name leads here; it cannot say another name.
    for host, answered in (("evil.example", 403), ("evil.", 403), ("localhost:1", 200), ("192.0.2.1", 200), ("bellwether:8080", 200)):
        assert server.get("/api/v1/status", headers=said("ana", Host=host)).status == answered, host
    # What another site's page sends comes through the proxy too.
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert server.put("/api/v1/people/ana", {"display_name": "x"}, headers={"X-Remote-User": "ana", **foreign}).status == 403
    assert server.put("/api/v1/people/ana", {"display_name": "x"}, headers={"X-Remote-User": "ana"}).status == 403, "says of no page of ours"
    twice = raw(server, ["X-Remote-User: ana", "X-Remote-User: root"])
    assert twice.startswith("HTTP/1.1 400") and "twice" in twice
    assert server.get("/api/v1/teams", headers=said("a" * 101)).status == 403
    # A token that came through the proxy is a token.
    token = server.cli("token", "create", "t", "--role", "editor").stdout.strip()
    assert status(said("ana", Authorization=f"Bearer {token}"))["user"] == "t"


def test_a_proxy_says_the_groups(bellwether):
    server = bellwether(PROXY.format(trusted="127.0.0.1") + '''proxy_default_role = "viewer"
proxy_groups_header = "X-Remote-Groups"
[[team]]
name = "shop"
prefixes = ["shop."]
[[team]]
name = "mail"
prefixes = ["mail."]
''')
    said = lambda **more: {"X-Remote-User": "ana", **OWN, **{name.replace("_", "-"): value for name, value in more.items()}}
    teams = lambda **more: [one["name"] for one in server.get("/api/v1/teams", headers=said(**more)).json["teams"]]
    assert teams(X_Remote_Groups="shop, others") == ["shop"]
    assert teams(X_Remote_Groups="mail,shop") == ["mail", "shop"]
    assert teams(X_Remote_Groups="mail") == ["mail"]
    root = person(server, "root", "admin")
    told = [one for one in server.get("/api/v1/audit", headers=root).json["entries"] if one["subject"] == "people/ana/teams"]
    assert [(one["who"], one["via"], one["after"]) for one in told] == [("proxy", "proxy", f'{{"teams":{json.dumps(list(one), separators=(",", ":"))}}}')
                                                                       for one in (["mail"], ["mail", "shop"], ["shop"])]
    unsaid = server.get("/api/v1/teams", headers=said())
    assert unsaid.status == 403 and "`X-Remote-Groups` is missing" in unsaid.text
    assert teams(X_Remote_Groups="others") == [] and server.get("/metrics/find?query=*", headers=said(X_Remote_Groups="others")).json == []
    twice = raw(server, ["X-Remote-User: ana", "X-Remote-Groups: mail", "X-Remote-Groups: shop"])
    assert twice.startswith("HTTP/1.1 400") and "twice" in twice


def test_a_name_that_is_used_here_is_told_when_somebody_comes_under_it(bellwether):
    server = bellwether(PROXY.format(trusted="127.0.0.1") + '''proxy_default_role = "viewer"
[[channel]]
name = "mail"
type = "email"
server = "127.0.0.1:25"
from = "bellwether@example.org"
tls = "none"
[[contact]]
name = "cho"
email = "cho@example.org"
channels = ["mail"]
[[team]]
name = "shop"
members = ["cho"]
''')
    root = person(server, "root", "admin")
    for name in ("cho", "dee", "cho"):
        assert server.get("/api/v1/status", headers={"X-Remote-User": name, **OWN}).status == 200
    entries = server.get("/api/v1/audit", headers=root).json["entries"]
    told = [one for one in entries if "a name that is used" in one["action"] or "under a name" in one["action"]]
    assert [(one["who"], one["subject"], one["via"]) for one in told] == [("cho", "people/cho", "proxy")], entries
    assert "contact cho" in told[0]["after"] and "team shop" in told[0]["after"]
    # Until an administrator says who it is.
    named = lambda: [part["text"] for part in server.get("/api/v1/health", headers=root).json["parts"] if part["id"] == "people"]
    of = lambda name: next(one for one in server.get("/api/v1/people", headers=root).json["people"] if one["name"] == name)
    wait_for(named, what="health naming cho")
    assert "`cho` (contact cho, team shop)" in named()[0] and "dee" not in named()[0], named()
    assert of("cho")["name_used_by"] == ["contact cho", "team shop"] and "name_used_by" not in of("dee")
    assert [(one["by"], one["linked"]) for one in of("cho")["comes_by"]] == [("proxy", None)]
    assert "comes_by" not in server.get("/api/v1/people/cho", headers={"X-Remote-User": "cho", **OWN}).json, "for administrators"
    assert server.post("/api/v1/people/cho/link", {"by": "proxy"}, headers=root).status == 204
    assert named() == [] and of("cho")["comes_by"][0]["linked"]
    # It is somebody else after all, who has made a token meanwhile.
    assert server.put("/api/v1/people/cho/role", {"role": "admin"}, headers=root).status == 200
    made = server.post("/api/v1/tokens", {"name": "of-cho", "role": "viewer"}, headers={"X-Remote-User": "cho", **OWN})
    works = lambda: server.get("/api/v1/teams", headers={"Authorization": f"Bearer {made.json['token']}"}).status
    assert works() == 200, made.text
    # Whoever has the address of a calendar is asked for nothing else.
    feed = server.post("/api/v1/oncall/calendars", {"person": "cho"}, headers={"X-Remote-User": "cho", **OWN})
    assert feed.status == 201, feed.text
    calendars = lambda: len(server.get("/api/v1/oncall/calendars", headers=root).json["calendars"])
    assert calendars() == 1
    unlink = lambda name, by="proxy", who=root: server.request("DELETE", f"/api/v1/people/{name}/link?by={by}", headers=who)
    assert unlink("cho", who={"X-Remote-User": "dee", **OWN}).status == 403
    assert (unlink("cho").status, unlink("cho").status, unlink("nobody").status, unlink("cho", "provider").status, unlink("cho", "x").status) == (200, 404, 404, 409, 400)
    assert works() == 401 and of("cho")["suspended"] and calendars() == 0
    refused = server.get("/api/v1/status", headers={"X-Remote-User": "cho", **OWN})
    assert refused.status == 403 and "another `cho`" in refused.text
    assert server.request("DELETE", "/api/v1/people/dee/suspension", headers=root).status == 404


def test_nobody_else_says_so(bellwether):
    server = bellwether(PROXY.format(trusted="192.0.2.7/32") + 'proxy_default_role = "admin"')
    for more in ({}, {"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}):
        for path in ("/api/v1/teams", "/api/v1/status", "/healthz"):
            answer = server.get(path, headers={"X-Remote-User": "root", **more})
            assert answer.status == 403 and "believed of auth.trusted_proxies only" in answer.text, (path, more)
    assert server.get("/healthz").status == 200
    assert server.get("/api/v1/teams", headers={"X-Remote-User": "root"}).status == 403
    people = server.cli("user", "list").stdout
    assert "root" not in people


def raw(server, lines):
    with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=60) as connection:
        head = ["GET /api/v1/teams HTTP/1.1", "Host: localhost", "Connection: close", *lines, "", ""]
        connection.sendall("\r\n".join(head).encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer.decode()
