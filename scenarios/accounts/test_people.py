"""People, their teams, and what each may see and do."""
import time

import pytest

from support.people import OWN, person, sign_in
from support.server import wait_for

CLOSED = '''[auth]
mode = "required"

[[team]]
name = "shop"
members = ["ana"]
prefixes = ["shop."]
'''


@pytest.fixture
def closed(bellwether):
    return bellwether(CLOSED)


def test_a_person_sees_what_their_team_owns(closed):
    server = closed
    for name in ("shop.orders", "mail.sent"):
        server.cli("send", name, "1")
    ana, ben, root = person(server, "ana", "editor"), person(server, "ben", "viewer"), person(server, "root", "admin")
    seen = lambda who: sorted(server.get("/metrics/index.json", headers=who).json)
    own = lambda who: [name for name in seen(who) if name in ("shop.orders", "mail.sent")]
    assert seen(ana) == ["shop.orders"]
    assert own(ben) == own(root) == ["mail.sent", "shop.orders"]
    for path, part in [("/render?target=*.*&format=json&from=-1min", "mail.sent"), ("/metrics/find?query=*", "mail"),
                       ("/api/v1/series?q=sent", "mail.sent"), ("/tags/autoComplete/values?tag=name&valuePrefix=m", "mail.sent")]:
        answer = server.get(path, headers=ana)
        assert answer.status == 200 and part not in answer.text, path
    # Teams are made while people are signed in, and hold from the next question on.
    team = {"members": ["ben"], "prefixes": ["mail."]}
    assert server.put("/api/v1/teams/post", team, headers=ana).status == 403
    assert server.put("/api/v1/teams/post", team, headers=root).status == 200
    assert seen(ben) == ["mail.sent"]
    assert [team["name"] for team in server.get("/api/v1/teams", headers=ben).json["teams"]] == ["post"]
    assert [one["name"] for one in server.get("/api/v1/people", headers=ben).json["people"]] == ["ben"]
    everybody = server.get("/api/v1/people", headers=root).json["people"]
    assert [(one["name"], one["role"], one["teams"]) for one in everybody] == [
        ("ana", "editor", ["shop"]), ("ben", "viewer", ["post"]), ("root", "admin", [])]
    refused = server.put("/api/v1/teams/shop", team, headers=root)
    assert refused.status == 400 and "change it there" in refused.text
    assert server.request("DELETE", "/api/v1/teams/post", headers=root).status == 204
    assert own(ben) == ["mail.sent", "shop.orders"]


def test_making_somebody_who_is_there_changes_nobody_unless_it_says_so(closed):
    server = closed
    root, ana = person(server, "root", "admin"), person(server, "ana", "editor")
    again = {"name": "ana", "password": "another horse", "role": "viewer"}
    refused = server.post("/api/v1/people", again, headers=root)
    assert refused.status == 409 and "replace" in refused.json["hint"], refused.text
    assert server.get("/api/v1/people/ana", headers=ana).json["role"] == "editor", "the session holds too"
    replaced = server.post("/api/v1/people", {**again, "replace": True}, headers=root)
    assert replaced.status == 200 and replaced.json["role"] == "viewer", replaced.text
    assert server.get("/api/v1/people/ana", headers=ana).status == 401


def test_a_new_password_leaves_the_role_as_it_is(bellwether):
    server = bellwether('[auth]\nmode = "required"')
    horse = {"input": "correct horse\n"}
    assert "as admin" in server.cli("user", "set", "root", **horse).stdout, "the first is an administrator"
    refused = server.cli("user", "set", "ben", check=False, **horse)
    assert refused.returncode == 1 and "`role`" in refused.stderr and "viewer" in refused.stderr, refused.stderr
    assert "as viewer" in server.cli("user", "set", "ben", "--role", "viewer", **horse).stdout
    assert "as viewer" in server.cli("user", "set", "ben", input="another horse\n").stdout
    ben = sign_in(server, "ben", "another horse")
    assert server.get("/api/v1/people/ben", headers=ben).json["role"] == "viewer"
    assert "as editor" in server.cli("user", "set", "ben", "--role", "editor", **horse).stdout


def test_a_team_goes_by_no_policy_that_is_not_there(closed):
    root = person(closed, "root", "admin")
    team = {"members": ["root"], "escalation_policy": "nosuch"}
    refused = closed.put("/api/v1/teams/post", team, headers=root)
    assert refused.status == 400 and "no policy `nosuch`" in refused.json["error"], refused.text
    assert closed.put("/api/v1/teams/post", {"members": ["root"]}, headers=root).status == 200


def test_an_invitation_is_a_link_for_one_person_once(closed):
    server = closed
    link = server.cli("user", "invite", "dee", "--role", "responder", "--display-name", "Dee D.").stdout.strip()
    assert link.startswith(server.url("/signin#invitation=")), link
    secret = link.split("#invitation=")[1]
    root = person(server, "root", "admin")
    listed = server.get("/api/v1/invitations", headers=root)
    assert [one["name"] for one in listed.json["invitations"]] == ["dee"] and secret not in listed.text
    accept = lambda password: server.post("/api/v1/invitations/accept", {"token": secret, "password": password})
    assert accept("short").status == 400
    assert accept("correct horse").json == {"user": "dee", "role": "responder"}
    assert accept("another horse").status == 404
    dee = sign_in(server, "dee")
    assert server.get("/api/v1/people/dee", headers=dee).json["display_name"] == "Dee D."
    assert secret not in server.log()
    for path in server.data_dir.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_sessions_end_when_what_they_stand_for_does(closed):
    server = closed
    root, ana = person(server, "root", "admin"), person(server, "ana", "editor")
    signed_in = lambda who: server.get("/api/v1/teams", headers=who).status == 200
    other = sign_in(server, "ana")
    change = lambda current, new: server.post("/api/v1/session/password", {"current": current, "new": new}, headers=ana)
    assert change("wrong horse", "another horse").status == 401
    assert change("correct horse", "short").status == 400
    assert change("correct horse", "another horse").status == 204
    assert signed_in(ana) and not signed_in(other), "the session in which it was said goes on, the others end"
    assert server.put("/api/v1/people/ana/role", {"role": "admin"}, headers=ana).status == 403
    assert server.put("/api/v1/people/ana/role", {"role": "viewer"}, headers=root).status == 200
    assert not signed_in(ana)
    # Who signs in again in the same browser has a new session, and the one before is none any more.
    first = sign_in(server, "ana", "another horse")
    answer = server.post("/api/v1/session", {"name": "ana", "password": "another horse"}, headers=first)
    second = {"Cookie": answer.headers["Set-Cookie"].split(";")[0], **OWN}
    assert first["Cookie"] != second["Cookie"] and signed_in(second) and not signed_in(first)
    assert server.request("DELETE", "/api/v1/people/ana", headers=root).status == 204
    assert not signed_in(second)


def test_hostile_sign_ins(closed):
    server = closed
    person(server, "ana", "editor")
    right = {"name": "ana", "password": "correct horse"}
    # Another site's page cannot sign a browser in as somebody else.
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert server.post("/api/v1/session", right, headers=foreign).status == 403, foreign
    # A session that was chosen by somebody else is none.
    chosen = {"Cookie": "bellwether_session=" + "0" * 64, **OWN}
    answer = server.post("/api/v1/session", right, headers=chosen)
    assert answer.status == 200 and "0" * 64 not in answer.headers["Set-Cookie"]
    assert server.get("/api/v1/teams", headers=chosen).status == 401
    # Secrets in addresses end up in logs and histories: they are no credentials there.
    token = server.cli("token", "create", "t", "--role", "admin").stdout.strip()
    for name in ("token", "access_token", "api_key", "bellwether_session"):
        assert server.get(f"/api/v1/teams?{name}={token}").status == 401, name
    # Nobody changes what others say of themselves, and a token that is called as a person is nobody.
    namesake = server.cli("token", "create", "ana", "--role", "editor").stdout.strip()
    bearer = {"Authorization": f"Bearer {namesake}"}
    assert server.put("/api/v1/people/ana", {"display_name": "x"}, headers=bearer).status == 403
    assert server.post("/api/v1/session/password", {"current": "correct horse", "new": "another horse"}, headers=bearer).status == 403
    ana = sign_in(server, "ana")
    told = server.put("/api/v1/people/ana", {"display_name": "Ana", "time_zone": "Mars/Base"}, headers=ana)
    assert told.status == 400 and "Mars/Base" in told.text
    assert server.put("/api/v1/people/ana", {"display_name": "Ana", "time_zone": "Europe/Berlin"}, headers=ana).status == 200


def test_tokens_end_with_their_time_and_with_who_made_them(closed):
    server = closed
    root, second = person(server, "root", "admin"), person(server, "second", "admin")
    works = lambda token: server.get("/api/v1/teams", headers={"Authorization": f"Bearer {token}"}).status == 200
    make = lambda who, **more: server.post("/api/v1/tokens", {"name": f"t{time.time()}", "role": "viewer", **more}, headers=who)
    refused = make(root, expires=1)
    assert refused.status == 400 and "time to come" in refused.text
    short, own = make(root, expires=int(time.time()) + 5).json["token"], make(second).json["token"]
    of_server = server.cli("token", "create", "grafana", "--expires", "90d").stdout.strip()
    assert works(own) and works(of_server)
    wait_for(lambda: not works(short), what="the end of a token")
    listed = server.get("/api/v1/tokens", headers=root).json["tokens"]
    assert [one["owner"] for one in listed] == ["root", "second", None]
    assert listed[1]["last_used"] >= listed[1]["created"] and listed[1]["expires"] is None
    assert abs(listed[2]["expires"] - listed[2]["created"] - 90 * 86_400) <= 5
    table = server.cli("token", "list").stdout
    assert "second" in table and time.strftime("%Y-%m-%dT", time.gmtime(listed[2]["expires"])) in table, table
    # What is made with a token is theirs too whose that token is.
    heir = make({"Authorization": f"Bearer {make(second, role='admin').json['token']}"}).json["token"]
    assert works(heir)
    # Only administrators have tokens.
    assert server.put("/api/v1/people/second/role", {"role": "editor"}, headers=root).status == 200
    assert not works(own) and not works(heir)
    assert server.request("DELETE", "/api/v1/people/second", headers=root).status == 204
    person(server, "second", "admin")
    assert not works(own) and works(of_server)
    assert [one["owner"] for one in server.get("/api/v1/tokens", headers=root).json["tokens"]] == ["root", None]


def test_a_calendar_made_with_a_token_ends_with_who_made_the_token(bellwether):
    server = bellwether('''[auth]
mode = "required"
[[contact]]
name = "cho"
channels = ["log"]
[[schedule]]
name = "web"
[[schedule.layer]]
people = ["cho"]
rotation = "weekly"
start = "2020-01-06"
''')
    root, ana = person(server, "root", "admin"), person(server, "ana", "admin")
    made = server.post("/api/v1/tokens", {"name": "calendars", "role": "editor"}, headers=ana).json["token"]
    path = server.post("/api/v1/oncall/calendars", {"schedule": "web"}, headers={"Authorization": f"Bearer {made}"}).json["path"]
    [listed] = server.get("/api/v1/oncall/calendars", headers=root).json["calendars"]
    assert listed["made_by"] == "ana" and server.get(path).status == 200
    assert server.request("DELETE", "/api/v1/people/ana", headers=root).status == 204
    assert server.get(path).status == 404


def test_over_tls_the_cookie_is_of_this_host_alone(closed):
    server = closed
    assert server.cli("user", "set", "ana", "--role", "editor", input="correct horse\n").returncode == 0
    right, tls = {"name": "ana", "password": "correct horse"}, {"X-Forwarded-Proto": "https", **OWN}
    plain = sign_in(server, "ana")["Cookie"]
    assert plain.startswith("bellwether_session=")
    told = server.post("/api/v1/session", right, headers=tls).headers.get_all("Set-Cookie")
    host, old = told
    assert host.startswith("__Host-bellwether_session=") and "; Secure" in host and "Path=/;" in host and "Domain" not in host
    assert old.startswith("bellwether_session=;") and "Max-Age=0" in old
    ask = lambda cookie, by=OWN: server.get("/api/v1/teams", headers={"Cookie": cookie, **by}).status
    host = host.split(";")[0]
    assert (ask(host), ask(plain)) == (200, 200)
    assert (ask(host, tls), ask(plain, tls)) == (200, 401), "over TLS a neighbour may have set the other"
    # A neighbour of the same domain may set a cookie under the old name: it does not count beside the other.
    assert ask(f"bellwether_session={'0' * 64}; {host}") == 200
    assert ask(f"{plain}; __Host-bellwether_session={'0' * 64}") == 401
    assert server.request("DELETE", "/api/v1/session", headers={**tls, "Cookie": host}).status == 204
    assert (ask(host), ask(plain)) == (401, 200)
