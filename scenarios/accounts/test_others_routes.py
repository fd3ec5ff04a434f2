"""docs/access.md against the server: what is others' is answered, on every route, as if it were not there; and no other site's page is."""
import base64
import re
import time

import pytest

from support.people import person
from support.server import Bellwether, wait_for
from test_every_route import ASKERS, CLOSED, NAME, Description, ask, send, table

KEY = "0123456789abcdef0123"
THEIRS = CLOSED + f'''
[heartbeats]
ping_key = "{KEY}"
[[monitor]]
name = "mail.job"
kind = "heartbeat"
slug = "mail-job"
[[monitor]]
name = "mail.sent"
target = "mail.sent"
critical = "> 10"
[[host]]
name = "mail.box"
[[check]]
name = "mail.smtp"
host = "mail.box"
type = "passive"
'''


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("server"), THEIRS)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def root(server):
    return person(server, "root", "admin")


@pytest.fixture(scope="module")
def foreign(server, root):
    token = server.cli("token", "create", "foreign", "--role", "admin", "--prefix", "elsewhere.").stdout.strip()
    return {"foreign token": {"Authorization": f"Bearer {token}"}, "foreign team": person(server, "fay", "editor")}


@pytest.fixture(scope="module")
def description(server, root):
    return Description(server.get("/api/v1/openapi.json", headers=root).json)


@pytest.fixture(scope="module")
def theirs(server, root):
    """What there is of the others: by the beginning of a route, its name or number."""
    def made(path, body):
        answer = server.post(path, body, headers=root)
        assert answer.status // 100 == 2, answer.text
        return answer.json

    now = int(time.time())
    assert server.post(f"/ping/{KEY}/mail-job/fail").status == 200
    listed = lambda: [one["id"] for one in server.get("/api/v1/incidents", headers=root).json["incidents"] if one["reason"] == "monitor:mail.job"]
    [incident] = wait_for(listed, what="an incident of theirs")
    form = {**root, "Content-Type": "application/x-www-form-urlencoded"}
    for kind in ("save/mail.board", "save_template/mail.board/x"):
        answer = server.post(f"/dashboard/{kind}", 'state={"graphs": []}', headers=form)
        assert "success" in answer.text, answer.text
    return {
        "/api/v1/checks/": "mail.smtp", "/api/v1/hosts/": "mail.box", "/api/v1/heartbeats/": "mail.job", "/api/v1/monitors/": "mail.sent",
        "/api/v1/incidents/": incident, "/api/v1/people/": "root",
        "/api/v1/downtimes/": made("/api/v1/downtimes", {"check": "mail.smtp", "start": now, "end": now + 3600, "comment": "x"})["id"],
        "/api/v1/silences/": made("/api/v1/silences", {"matchers": [{"monitor": "mail.*"}], "until": now + 3600, "reason": "x"})["id"],
        "/dashboard/load/": "mail.board", "/dashboard/load_template/": "mail.board", "/dashboard/delete/": "mail.board",
        "/dashboard/delete_template/": "mail.board", "/dashboard/": "mail.board"}


def answered(server, description, method, path, who, what, unnamed):
    """Status and text, without the names or numbers that may have been asked for. `path` has a place for one."""
    made, body = description.request(method, path)
    nothing = "9999" if "/9999" in made else NAME
    answer = send(server, method, made.replace(f"/{nothing}", f"/{what}", 1), body, who)
    return answer.status, re.sub("|".join(rf"\b{re.escape(str(one))}\b" for one in unnamed), "IT", answer.text)


def test_what_is_others_is_as_if_it_were_not_there(server, root, description, theirs, foreign):
    differ, compared = [], set()
    for (method, path), words in table().items():
        begin = max((one for one in theirs if path.startswith(one) and ("{" in path or NAME in path)), key=len, default=None)
        if begin is None or path.startswith(("/dashboard/save", "/dashboard/find")):
            continue
        both = (theirs[begin], 987_654 if isinstance(theirs[begin], int) else "mail.none")
        for asker, who in foreign.items():
            if words[ASKERS.index(asker)] != "yes":
                continue
            theirs_is, none_is = (answered(server, description, method, path, who, what, both) for what in both)
            compared.add(begin)
            if theirs_is != none_is:
                differ.append(f"{method} {path} as {asker}: {theirs_is} is not {none_is}")
    assert differ == [], "\n".join(differ)
    assert compared == set(theirs), "nothing was asked of the others"
    # Nor was anything done to it.
    assert server.get("/api/v1/checks/mail.smtp", headers=root).status == 200
    incident = server.get(f"/api/v1/incidents/{theirs['/api/v1/incidents/']}", headers=root).json
    assert (incident["phase"], incident["owner"]) == ("open", None)
    for path, key in [("/api/v1/downtimes", "downtimes"), ("/api/v1/silences", "silences")]:
        assert [one["id"] for one in server.get(path, headers=root).json[key]] == [theirs[f"{path}/"]]
    assert "state" in server.get("/dashboard/load/mail.board", headers=root).text


def test_dashboards_are_changed_by_editors(server, theirs):
    """With status 200, as the original's page reads it."""
    viewer = person(server, "viewer", "viewer")
    form = {**viewer, "Content-Type": "application/x-www-form-urlencoded"}
    for place in ("save/mail.board", "save/new", "save_template/new/x"):
        answer = server.post(f"/dashboard/{place}", "state={}", headers=form)
        assert answer.status == 200 and "appropriate permissions" in answer.json["error"], answer.text
    for place in ("delete/mail.board", "delete_template/mail.board"):
        answer = server.get(f"/dashboard/{place}", headers=viewer)
        assert answer.status == 200 and "appropriate permissions" in answer.json["error"], answer.text
    found = server.get("/dashboard/find?query=", headers=viewer).json["dashboards"]
    assert [one["name"] for one in found] == ["mail.board"]


# That change something by GET, as graphite-web's page does.
CHANGE_BY_GET = ("/metrics/set-metadata", "/dashboard/delete", "/s/")


def test_no_other_sites_page_is_answered(server, root, description):
    """A browser that is signed in here, made to ask by another page: on every route. One of the same site reads, and changes nothing."""
    cookie = {"Cookie": root["Cookie"]}
    answered_them = []
    for method, path in table():
        strange = [{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, {"Origin": "https://evil.example"}, {"Origin": "null"}]
        if method != "GET" or path.startswith(CHANGE_BY_GET):
            strange += [{"Sec-Fetch-Site": "same-site"}]
        if method == "GET" and path.startswith(CHANGE_BY_GET):
            strange += [{"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"} for site in ("same-origin", "none")]
        if method != "GET":
            strange += [{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}]
        for page in strange:
            status = ask(server, description, method, path, {**cookie, **page}).status
            if status != 403:
                answered_them.append(f"{method} {path} for {page}: {status}")
    assert answered_them == [], "\n".join(answered_them)
    assert server.get("/api/v1/teams", headers=root).status == 200, "nor is anybody signed out"
    # Browsers say nothing of the page to a server that they reach over plain HTTP, but which page refers to it.
    script = lambda **said: server.get("/render?target=a&format=json&jsonp=call", headers={**cookie, **said}).status
    assert (script(), script(Referer="http://evil.example/"), script(Referer=server.url("/graph"))) == (403, 403, 200)


def test_a_password_that_a_browser_remembers_is_sent_along_as_a_cookie_is(server, root):
    """Also a token in the place of the password. Programs say of no page, and are answered."""
    token = server.cli("token", "create", "remembered", "--role", "admin").stdout.strip()
    basic = lambda name, secret: {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}
    event = {"what": "deploy"}
    for shown in (basic("x", token), basic("root", "correct horse")):
        script = lambda **said: server.get("/render?target=a&format=json&jsonp=call", headers={**shown, **said}).status
        assert (script(), script(Referer="http://evil.example/"), script(Referer=server.url("/graph"))) == (403, 403, 200)
        for page in ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, {"Origin": "https://evil.example"}):
            assert server.get("/api/v1/teams", headers={**shown, **page}).status == 403
            assert server.post("/events/", event, headers={**shown, **page}).status == 403
        neighbour = {**shown, "Sec-Fetch-Site": "same-site"}
        assert server.put("/api/v1/teams/neighbours", {"members": []}, headers=neighbour).status == 403
        assert server.get("/dashboard/delete/none", headers=shown).status == 403, "a link over plain HTTP"
        assert server.get("/api/v1/teams", headers=shown).status == 200 and server.post("/events/", event, headers=shown).status == 200
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.get("/render?target=a&format=json&jsonp=call", headers=bearer).status == 200
    assert server.get("/dashboard/delete/none", headers=bearer).status != 403
    assert server.request("DELETE", "/api/v1/teams/neighbours", headers=root).status == 404


def test_under_a_name_of_the_house_pages_of_others_get_no_more(bellwether):
    """Without sign-in, over plain HTTP: browsers say little, and programs nothing, of who asks."""
    server = bellwether('[http]\nallowed_hosts = ["metrics.office", "wall.office"]')
    here = {"Host": "metrics.office:8080"}
    script = lambda **said: server.get("/render?target=a&format=json&jsonp=call", headers=said).status
    assert (script(), script(**here), script(**here, Referer="http://evil.example/")) == (200, 403, 403)
    assert script(**here, Referer="http://metrics.office:8080/graph") == script(**here, Referer="http://wall.office/") == 200
    browser = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}
    assert script(**browser) == 403 and server.get("/dashboard/delete/none", headers=browser).status == 403
    assert server.get("/dashboard/delete/none", headers=here).status == 403
    wall = {**here, "Origin": "http://wall.office"}
    assert server.post("/events/", {"what": "deploy"}, headers=wall).status == 200
    assert server.put("/api/v1/teams/t", {"members": []}, headers=wall).status == 403
    for own in (here, {**here, "Origin": "http://metrics.office:8080"}):
        assert server.put("/api/v1/teams/t", {"members": []}, headers=own).status == 200


def test_without_sign_in_other_pages_are_not_answered_either(bellwether):
    server = bellwether()
    description = Description(server.get("/api/v1/openapi.json").json)
    answered_them = []
    for method, path in table():
        for page in ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, {"Origin": "http://localhost:1"}):
            status = ask(server, description, method, path, page).status
            if status != 403:
                answered_them.append(f"{method} {path} for {page}: {status}")
    assert answered_them == [], "\n".join(answered_them)
    for site, status in (("same-site", 403), ("same-origin", 200)):
        assert server.get("/render?target=a&format=json&jsonp=call", headers={"Sec-Fetch-Site": site}).status == status
