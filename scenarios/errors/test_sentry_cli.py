"""Real sentry-cli, 2 and 3: releases, deploys, commits, source maps; and what exporters read on Sentry's paths."""
import json
import os
import subprocess
import time
import urllib.parse
import uuid

import pytest

from support.errors import MODULES, run, script
from support.server import wait_for

KEY = "0123456789abcdef0123456789abcdef"
# Any token passes where nobody has to say who they are: 64 digits, as Sentry's own have.
ANY_TOKEN = "5" * 64
ORG = "/api/0/organizations/whatever"

SOURCE = """// the cart
export function checkCart(name) {
  throw new Error("empty " + name);
}
export function pay() {
  checkCart("cart");
}
pay();
"""
MINIFIED = 'function n(r){throw new Error("empty "+r)}function e(){n("cart")}e();\n//# sourceMappingURL=app.js.map\n'
MAP = {"version": 3, "file": "app.js", "sources": ["../src/cart.js"], "sourcesContent": [SOURCE],
       "names": ["checkCart", "name", "pay"], "mappings": "AACO,SAASA,EAAUC,GACxB,MAAM,sBAED,SAASC,IACdF,UAEFE"}


@pytest.fixture(params=["@sentry/cli-linux-x64", "sentry-cli-2"])
def sentry_cli(request):
    binary = MODULES / request.param / "bin" / "sentry-cli"
    assert binary.exists(), "sentry-cli is missing: npm ci in scenarios/"

    def run(server, home, *arguments, token=ANY_TOKEN, check=True, env=None):
        env = {**(env or {}), "PATH": os.environ["PATH"], "HOME": str(home), "SENTRY_URL": server.url("/"), "SENTRY_AUTH_TOKEN": token,
               "SENTRY_ORG": "whatever", "SENTRY_PROJECT": "web", "SENTRY_DISABLE_UPDATE_CHECK": "1", "SENTRY_LOG_LEVEL": "debug"}
        done = subprocess.run([str(binary), *arguments], env=env, cwd=home, capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done
    return run


def shop(bellwether, config=""):
    server = bellwether(config)
    server.cli("project", "create", "web", "--id", "1", "--public-key", KEY)
    return server


def build(tmp_path):
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "app.js").write_text(MINIFIED)
    (dist / "app.js.map").write_text(json.dumps(MAP))
    return dist


def place(text, sought):
    """(line, column) of it, from 1 on, as browsers count."""
    before = text[:text.index(sought)]
    return before.count("\n") + 1, len(before.rsplit("\n", 1)[-1]) + 1


def event(script, release=None, debug_id=None):
    """What a browser sends of the error in the minified script."""
    url = "https://shop.example/app.js"
    frames = []
    for function, sought in [("?", "e();"), ("e", 'n("cart")'), ("n", "new Error(\"empty")]:
        line, column = place(script, sought)
        frames.append({"function": function, "abs_path": url, "filename": url, "lineno": line, "colno": column, "in_app": True})
    images = [{"type": "sourcemap", "code_file": url, "debug_id": debug_id}] if debug_id else []
    return {"event_id": uuid.uuid4().hex, "timestamp": time.time(), "platform": "javascript", "release": release,
            "debug_meta": {"images": images},
            "exception": {"values": [{"type": "Error", "value": "empty cart", "stacktrace": {"frames": frames}}]}}


def send(server, one):
    item = json.dumps(one)
    envelope = "\n".join([json.dumps({"event_id": one["event_id"]}), json.dumps({"type": "event", "length": len(item.encode())}), item])
    answer = server.post(f"/api/1/envelope/?sentry_key={KEY}&sentry_version=7", envelope)
    assert answer.status == 200, answer.text


def only_event(server):
    def events():
        groups = server.get("/api/v1/errors/groups?project=1").json
        return groups and server.get(f"/api/v1/errors/groups/{groups[0]['id']}/events").json
    one = wait_for(events, what="the event")[0]
    return one.get("data", one)


def stack(one):
    return [(frame["function"], frame["lineno"]) for frame in one["exception"]["values"][0]["stacktrace"]["frames"]]


def test_who_asks_is_told(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    assert "project:releases" in sentry_cli(server, tmp_path, "info").stdout
    assert "web" in sentry_cli(server, tmp_path, "projects", "list").stdout
    assert "bellwether" in sentry_cli(server, tmp_path, "organizations", "list").stdout


def test_a_release_goes_its_way(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    sentry_cli(server, tmp_path, "releases", "new", "web@1", "--url", "https://shop.example/1")
    made = server.get(f"{ORG}/releases/web%401/").json
    assert (made["version"], made["dateReleased"], made["url"]) == ("web@1", None, "https://shop.example/1")
    sentry_cli(server, tmp_path, "releases", "finalize", "web@1")
    sentry_cli(server, tmp_path, "deploys", "new", "--release", "web@1", "-e", "production")
    assert "production" in sentry_cli(server, tmp_path, "deploys", "list", "--release", "web@1").stdout
    assert "web@1" in sentry_cli(server, tmp_path, "releases", "list").stdout
    done = server.get(f"{ORG}/releases/web%401/").json
    assert done["dateReleased"] and done["deployCount"] == 1
    marks = wait_for(lambda: server.get("/events/get_data?from=-5min&tags=deploy").json, what="the mark of the deploy")
    assert [(mark["what"], mark["tags"]) for mark in marks] == [("web@1 deployed to production", ["deploy", "web"])]
    sentry_cli(server, tmp_path, "releases", "delete", "web@1")
    assert server.get(f"{ORG}/releases/web%401/").status == 404


def test_a_release_is_archived_and_comes_back(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    sentry_cli(server, tmp_path, "releases", "new", "web@1")
    status = lambda: server.get(f"{ORG}/releases/web%401/").json["status"]
    sentry_cli(server, tmp_path, "releases", "archive", "web@1")
    assert status() == "archived"
    sentry_cli(server, tmp_path, "releases", "restore", "web@1")
    assert status() == "open"
    assert sentry_cli(server, tmp_path, "releases", "archive", "web@2", check=False).returncode != 0, "there is none"
    assert server.get(f"{ORG}/releases/web%402/").status == 404


def test_a_release_that_only_events_tell_of_is_one(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    server.cli("project", "create", "other", "--id", "2")
    send(server, event(MINIFIED, release="web@7.0"))
    listed = lambda query="": [one["version"] for one in server.get(f"{ORG}/releases/{query}").json]
    wait_for(lambda: listed() == ["web@7.0"], what="the release")
    known = server.get(f"{ORG}/releases/web%407.0/").json
    assert (known["newGroups"], known["projects"][0]["slug"], known["dateReleased"]) == (1, "web", None)
    assert known["firstEvent"] and known["lastEvent"]
    assert "web@7.0" in sentry_cli(server, tmp_path, "releases", "info", "web@7.0").stdout
    sentry_cli(server, tmp_path, "deploys", "new", "--release", "web@7.0", "-e", "prod")
    sentry_cli(server, tmp_path, "releases", "archive", "web@7.0")
    sentry_cli(server, tmp_path, "releases", "restore", "web@7.0")
    assert server.post("/api/0/projects/any/other/releases/", {"version": "other@1"}).status == 201
    assert (listed("?project=1"), listed("?project=2"), listed("?query=OTHER")) == (["web@7.0"], ["other@1"], ["other@1"])
    assert (len(listed("?project=-1")), listed("?environment=nowhere")) == (2, [])
    assert server.get(f"{ORG}/releases/?sort=sessions").status == 400
    assert server.get(f"{ORG}/releases/web%408.0/").status == 404


def test_groups_are_decided_on(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    send(server, event(MINIFIED, release="web@1"))
    [group] = wait_for(lambda: server.get("/api/v1/errors/groups?project=1").json, what="the group")
    number = str(group["id"])
    assert number in sentry_cli(server, tmp_path, "issues", "list").stdout
    status = lambda: server.get(f"/api/v1/errors/groups/{number}").json["status"]
    for deed, became in (("resolve", "resolved"), ("unresolve", "unresolved"), ("mute", "ignored")):
        sentry_cli(server, tmp_path, "issues", deed, "-i", number)
        assert status() == became
    sentry_cli(server, tmp_path, "issues", "resolve", "--next-release", "-s", "muted")
    assert status() == "resolved"
    issues = "/api/0/projects/any/web/issues/"
    assert server.put(f"{issues}?id={number}", {"status": "gone"}).status == 400
    missing = server.put(f"{issues}?id=999", {"status": "resolved"})
    assert (missing.status, "no group 999" in missing.json["detail"]) == (404, True)


def test_what_a_script_decides_is_done_or_refused(bellwether):
    server = shop(bellwether)
    send(server, event(MINIFIED, release="web@1"))
    [group] = wait_for(lambda: server.get("/api/v1/errors/groups?project=1").json, what="the group")
    number = group["id"]
    whole = lambda: server.get(f"/api/v1/errors/groups/{number}").json
    ways = [f"/api/0/projects/any/web/issues/?id={number}", f"{ORG}/issues/?id={number}", f"{ORG}/issues/{number}/", f"/api/0/issues/{number}/"]
    for way in ways:
        muted = server.put(way, {"status": "ignored", "statusDetails": {"ignoreCount": 5}})
        assert (muted.status, muted.json["status"], whole()["status"]) == (200, "ignored", "ignored"), muted.text
        assert '"events": 5' in json.dumps(whole()["life"]), "until five more, not for ever"
        given = server.put(way, {"status": "unresolved", "assignedTo": "user:bob"})
        assert (given.status, given.json["assignedTo"], whole()["assigned"], whole()["status"]) == (200, "bob", "bob", "unresolved")
        for strange in {"status": "ignored", "substatus": "archived_until_escalating"}, {"status": "resolved", "statusDetails": {"inCommit": {}}}, {}:
            refused = server.put(way, strange)
            assert refused.status == 400 and refused.json["detail"], strange
        assert whole()["status"] == "unresolved", "nothing of it was done"
        assert server.put(way, {"assignedTo": None}).status == 200 and whole()["assigned"] is None
    assert server.put(ways[3], {"status": "resolved", "statusDetails": {"inRelease": "web@2.0"}}).status == 200
    assert "web@2.0" in json.dumps(whole()["life"])
    none = server.put(f"{ORG}/issues/?query=is:unresolved", {"status": "ignored"})
    assert none.status == 200 and whole()["status"] == "resolved", "none is meant"
    wrong = server.request("PATCH", ways[3])
    assert wrong.status == 405 and wrong.json["detail"]


def test_a_shell_sends_events_and_check_ins(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    dsn = {"SENTRY_DSN": f"http://{KEY}@127.0.0.1:{server.ports['http']}/1"}
    sentry_cli(server, tmp_path, "send-event", "-m", "disk %s is full", "-a", "/srv", "-t", "host:web1", env=dsn)
    [group] = wait_for(lambda: server.get("/api/v1/errors/groups?project=1").json, what="the event")
    assert group["title"] == "disk /srv is full"
    sentry_cli(server, tmp_path, "monitors", "run", "nightly", "--schedule", "0 3 * * *", "--", "true", env=dsn)
    beat = lambda: [one for one in server.get("/api/v1/heartbeats").json["heartbeats"] if one["name"] == "web/nightly"]
    wait_for(lambda: [one for one in beat() if one["status"] == "up"], what="the heartbeat of the job")
    failed = sentry_cli(server, tmp_path, "monitors", "run", "nightly", "--", "false", env=dsn, check=False)
    assert failed.returncode != 0, "it ends as its job does"
    wait_for(lambda: [one for one in beat() if one["status"] == "down"], what="the job that failed")


def test_what_there_is_is_listed(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    said = lambda n, text: {"event_id": f"{n:032x}", "timestamp": time.time() - 50 + n, "message": text, "user": {"id": 7, "email": "ana@example.com"}, "tags": {"till": "2"}}
    for n, text in enumerate(["first", "second", "first"], 1):
        send(server, said(n, text))
    job = {"status": "ok", "monitor_config": {"schedule": {"type": "crontab", "value": "0 3 * * *"}}}
    assert server.post(f"/api/1/cron/nightly/{KEY}/", json.dumps(job)).status == 202
    server.cli("project", "create", "other", "--id", "2")
    asked = lambda *arguments: sentry_cli(server, tmp_path, *arguments).stdout
    wait_for(lambda: "second" in asked("issues", "list"), what="the groups")
    lines = [line for line in asked("events", "list", "--show-user", "--show-tags").splitlines() if "ana@example.com" in line]
    assert [("first" in line, "till: 2" in line or "till:2" in line) for line in lines] == [(True, True), (False, True), (True, True)], lines
    assert "nightly" in asked("monitors", "list") and "active" in asked("monitors", "list")
    assert "web" in asked("projects", "list")
    newest = lambda query="": server.get(f"/api/0/projects/any/web/events/{query}")
    assert [int(one["eventID"], 16) for one in newest().json] == [3, 2, 1]
    page = newest("?per_page=2")
    assert len(page.json) == 2 and 'results="true"; cursor="0:2:0"' in page.headers["Link"]
    assert [int(one["eventID"], 16) for one in newest("?per_page=2&cursor=0:2:0").json] == [1]
    assert newest("?cursor=x").status == 400 and server.get("/api/0/projects/any/none/events/").status == 404
    assert server.get("/api/0/projects/any/other/events/").json == []
    [monitor] = server.get(f"{ORG}/monitors/").json
    assert (monitor["slug"], monitor["config"]["schedule"], monitor["environments"][0]["status"]) == ("nightly", "0 3 * * *", "ok")


def test_debug_files_are_refused_with_the_reason(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    done = sentry_cli(server, tmp_path, "debug-files", "upload", "/bin/true", check=False)
    assert done.returncode != 0 and "debug files are not used here" in done.stdout + done.stderr


def test_commits_of_a_release(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    git = lambda *arguments: subprocess.run(
        ["git", "-c", "user.name=Ana", "-c", "user.email=ana@shop.example", *arguments], cwd=tmp_path, check=True, capture_output=True)
    git("init", "-q", ".")
    git("commit", "-q", "--allow-empty", "-m", "first")
    sentry_cli(server, tmp_path, "releases", "new", "web@2")
    sentry_cli(server, tmp_path, "releases", "set-commits", "web@2", "--local")
    commits = server.get(f"{ORG}/releases/web%402/commits/").json
    assert [(one["message"].strip(), one["author"]["email"]) for one in commits] == [("first", "ana@shop.example")]


def test_maps_are_found_by_debug_id(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    dist = build(tmp_path)
    sentry_cli(server, tmp_path, "sourcemaps", "inject", str(dist))
    sentry_cli(server, tmp_path, "sourcemaps", "upload", str(dist))
    # The same again is there already.
    sentry_cli(server, tmp_path, "sourcemaps", "upload", str(dist))
    script = (dist / "app.js").read_text()
    debug_id = script.split("debugId=")[1].split()[0]
    send(server, event(script, debug_id=debug_id))
    one = only_event(server)
    assert stack(one) == [("?", 8), ("pay", 6), ("checkCart", 3)]
    [exception] = one["exception"]["values"]
    assert exception["stacktrace"]["frames"][-1]["context_line"] == '  throw new Error("empty " + name);'
    assert exception["raw_stacktrace"]["frames"][-1]["function"] == "n"


def test_maps_of_a_program_of_node(bellwether, sentry_cli, tmp_path):
    """Both as they are: what sentry-cli puts into the file tells Sentry's client which map is its own."""
    server = shop(bellwether)
    dist = build(tmp_path)
    sentry_cli(server, tmp_path, "sourcemaps", "inject", str(dist))
    sentry_cli(server, tmp_path, "sourcemaps", "upload", str(dist))
    program = script(tmp_path, '''
const Sentry = require("@sentry/node");
Sentry.init({ dsn: process.env.SENTRY_DSN });
try { require("./dist/app.js"); } catch (error) { Sentry.captureException(error); }
Sentry.flush(30000).then((done) => process.exit(done ? 0 : 1));
''', "program.cjs")
    run(["node"], program, f"http://{KEY}@127.0.0.1:{server.ports['http']}/1", NODE_PATH=str(MODULES))
    one = only_event(server)
    assert stack(one)[-2:] == [("pay", 6), ("checkCart", 3)]
    [exception] = one["exception"]["values"]
    assert exception["stacktrace"]["frames"][-1]["context_line"] == '  throw new Error("empty " + name);'


def test_maps_are_found_by_release_and_url_and_survive_a_kill(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    dist = build(tmp_path)
    sentry_cli(server, tmp_path, "sourcemaps", "upload", "--release", "web@3", str(dist))
    server.kill()
    server.start()
    send(server, event(MINIFIED, release="web@3"))
    assert stack(only_event(server)) == [("?", 8), ("pay", 6), ("checkCart", 3)]


def test_a_new_build_opens_no_new_group(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether)
    dist = build(tmp_path)
    sentry_cli(server, tmp_path, "sourcemaps", "upload", "--release", "a", str(dist))
    send(server, event(MINIFIED, release="a"))
    # Another build: everything is a line further down.
    shifted = "/* build 2 */\n" + MINIFIED
    (dist / "app.js").write_text(shifted)
    (dist / "app.js.map").write_text(json.dumps({**MAP, "mappings": ";" + MAP["mappings"]}))
    sentry_cli(server, tmp_path, "sourcemaps", "upload", "--release", "b", str(dist))
    send(server, event(shifted, release="b"))
    groups = wait_for(lambda: [one for one in server.get("/api/v1/errors/groups?project=1").json if one["count"] == 2],
                      what="one group with both")
    assert len(groups) == 1


def test_exporters_read_groups_and_counts(bellwether):
    server = shop(bellwether)
    send(server, event(MINIFIED, release="web@1"))
    issues = wait_for(lambda: server.get("/api/0/projects/any/web/issues/").json, what="the issue")
    [issue] = issues
    assert (issue["title"], issue["count"], issue["status"], issue["shortId"]) == ("Error: empty cart", "1", "unresolved", "WEB-1")
    assert sum(count for _, count in issue["stats"]["24h"]) == 1
    for period, slots in (("1h", 60), ("30d", 30)):
        [issue] = server.get(f"/api/0/projects/any/web/issues/?statsPeriod={period}").json
        assert (len(issue["stats"][period]), sum(count for _, count in issue["stats"][period])) == (slots, 1)
    answer = server.get(f"{ORG}/issues/?project=1&query=is:resolved")
    assert answer.json == [] and 'rel="next"; results="false"' in answer.headers["Link"]
    counts = server.get("/api/0/projects/any/1/stats/?stat=received&resolution=1h").json
    assert sum(count for _, count in counts) == 1
    endless = server.get("/api/0/projects/any/1/stats/?since=9223372036854774784&until=9300000000000000000&resolution=1m")
    assert (endless.status, "`until` is no time" in endless.json["detail"]) == (400, True)
    assert server.get(f"{ORG}/issues/?query=!has:x").status == 400
    missing = server.get("/api/0/projects/any/nothing/issues/")
    assert (missing.status, "no project `nothing`" in missing.json["detail"]) == (404, True)


def test_what_is_in_a_group_is_read_by_scripts(bellwether):
    server = shop(bellwether)
    for n in range(3):
        send(server, {**event(MINIFIED, release="web@1"), "tags": {"till": str(n % 2)}, "timestamp": time.time() - 10 + n})
    issues = wait_for(lambda: [one for one in server.get(f"{ORG}/issues/").json if one["count"] == "3"], what="the issue")
    for issue in f"/api/0/issues/{issues[0]['id']}", f"{ORG}/issues/WEB-1":
        events = server.get(f"{issue}/events/?per_page=2")
        assert len(events.json) == 2 and 'rel="next"; results="true"' in events.headers["Link"]
        latest = server.get(f"{issue}/events/latest/").json
        assert latest["eventID"] == events.json[0]["eventID"] and latest["release"] == "web@1"
        [exception] = [part["data"] for part in latest["entries"] if part["type"] == "exception"]
        assert exception["values"][0]["value"] == "empty cart"
        assert server.get(f"{issue}/events/{latest['eventID']}/").json == latest
        assert (server.get(f"{issue}/events/{'0' * 31}7/").status, server.get(f"{issue}/events/x/").status) == (404, 400)
        assert len(server.get(f"{issue}/hashes/").json) == 1
        [till] = [one for one in server.get(f"{issue}/tags/").json if one["key"] == "till"]
        assert (till["totalValues"], [(one["value"], one["count"]) for one in till["topValues"]]) == (3, [("0", 2), ("1", 1)])
    [key] = server.get("/api/0/projects/any/web/keys/").json
    assert (key["public"], key["isActive"], KEY in key["dsn"]["public"], key["rateLimit"]) == (KEY, True, True, None)
    assert server.get("/api/0/issues/999/events/").status == 404
    place = "/api/0/projects/any/web/user-feedback/"
    words = {"event_id": latest["eventID"], "name": "Ana", "email": "ana@example.com", "comments": "It broke"}
    assert server.post(place, words).json["comments"] == "It broke"
    assert [(one["eventID"], one["name"]) for one in server.get(place).json] == [(latest["eventID"], "Ana")]
    assert server.post(place, {"comments": "hm"}).status == 400 and "says nothing" in server.post(place, {}).json["detail"]


def test_groups_are_searched_or_the_search_is_refused(bellwether):
    server = shop(bellwether)
    for n in range(3):
        send(server, {**event(MINIFIED, release="web@1"), "transaction": "GET /a", "tags": {"till": "2"}, "user": {"id": "7", "email": "ana@example.com"}})
    found = lambda query: server.get(f"{ORG}/issues/?{urllib.parse.urlencode({'query': query})}")
    wait_for(lambda: [one["count"] for one in found("").json] == ["3"], what="the issue")
    for query in ('timesSeen:>2', 'has:release', 'first-release:web@1', 'message:empty', 'title:Err*', 'error.type:Error', 'error.value:"empty cart"',
                  'platform:javascript', 'user.id:7', 'transaction:"GET /a"', 'tags[till]:2 level:error', '"empty cart"', 'is:unassigned', 'age:-1h'):
        answer = found(query)
        assert answer.status == 200 and len(answer.json) == 1, f"{query}: {answer.text}"
    for query in 'timesSeen:>3', 'title:Err', 'error.type:TypeError', 'has:basket', 'is:assigned', 'age:+1h', 'till:2 level:fatal':
        assert found(query).json == [], query
    for query in 'user.email:ana@example.com', 'release:latest', 'release:web@*', 'assigned:me', 'project:web', 'event.type:error', '!till:2', 'till:[1,2]', 'a:"b':
        refused = found(query)
        assert refused.status == 400 and refused.json["detail"], query


def test_what_is_wrong_is_told_where_people_look(bellwether, sentry_cli, tmp_path):
    server = shop(bellwether, '[auth]\nmode = "required"\n')
    dist = build(tmp_path)
    bad = sentry_cli(server, tmp_path, "releases", "new", "x", check=False)
    assert bad.returncode != 0 and "401" in bad.stderr
    viewer = server.cli("token", "create", "looks", "--role", "viewer").stdout.strip()
    bad = sentry_cli(server, tmp_path, "sourcemaps", "upload", "--release", "x", str(dist), token=viewer, check=False)
    assert bad.returncode != 0 and "needs the role editor" in bad.stdout + bad.stderr
    editor = server.cli("token", "create", "ci", "--role", "editor").stdout.strip()
    sentry_cli(server, tmp_path, "sourcemaps", "upload", "--release", "x", str(dist), token=editor)


def test_an_upload_that_is_none_is_refused(bellwether):
    server = shop(bellwether)
    upload = f"{ORG}/chunk-upload/"
    empty = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    options = server.get(upload).json
    assert options["chunkSize"] & (options["chunkSize"] - 1) == 0 and options["hashAlgorithm"] == "sha1"

    def form(name, content):
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--x--\r\n' % (name.encode(), content)
        return server.post(upload, body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert form(empty, b"other").status == 400
    assert form("no-sum", b"").status == 400
    assert form(empty, b"").status == 200
    wanted = {"checksum": empty, "chunks": [empty], "projects": ["web"]}
    told = server.post(f"{ORG}/artifactbundle/assemble/", wanted).json
    assert (told["state"], "zip archive" in told["detail"]) == ("error", True)
    told = server.post(f"{ORG}/artifactbundle/assemble/", {**wanted, "chunks": ["5" * 40]}).json
    assert (told["state"], told["missingChunks"]) == ("not_found", ["5" * 40])
    difs = server.post("/api/0/projects/any/web/files/difs/assemble/", {empty: {"name": "a.out", "chunks": [empty]}}).json
    assert difs[empty]["state"] == "error" and difs[empty]["missingChunks"] == []
