"""docs/access.md against the server: every route, asked by everybody."""
import http.client
import json
import re
import urllib.parse

import pytest

from support.people import person
from support.server import ROOT, Answer, Bellwether

CLOSED = '''[auth]
mode = "required"

[[team]]
name = "shop"
members = ["fay"]
prefixes = ["shop."]
'''
ASKERS = ["nobody", "viewer", "responder", "editor", "admin", "foreign token", "foreign team", "no page"]
NAME = "nothing-there"
FOLLOW_UP = {"what": NAME, "owner": NAME, "due": "2030-01-01"}
# Below which Sentry's API has releases.
SENTRYS = [f"organizations/{NAME}", f"projects/{NAME}/{NAME}"]
# Where what the description asks for does not do: what is said must be right enough to come to the question who may.
BODIES = {
    "POST /api/v1/post-mortems": {"incident": 1},
    "PUT /api/v1/post-mortems/{id}": {"version": 1, "text": {"title": "x"}},
    "POST /api/v1/session": {},
    "POST /api/v1/session/password": {"current": "correct horse", "new": "correct horse"},
    "PUT /api/v1/monitors/{name}": {"monitor": {"target": "a", "critical": "> 1"}},
    "POST /api/v1/grafana/alerts": {"alerts": []},
    "POST /api/v1/incidents/{id}/snooze": {"for": "2h"},
    "POST /api/v1/incidents/{id}/severity": {"severity": "critical"},
    "POST /api/v1/post-mortems/{id}/follow-ups": FOLLOW_UP,
    "PUT /api/v1/post-mortems/{id}/follow-ups/{follow_up}": FOLLOW_UP,
    "POST /api/v1/trial": {"name": NAME},
    "POST /api/v1/status-posts/{id}/updates": {"phase": "resolved", "text": "x"},
    "POST /events/": {"what": "x", "tags": []},
    "POST /api/v2/alerts": [],
    **{f"POST /api/0/{whose}/releases/": {"version": NAME, "projects": [NAME]} for whose in SENTRYS},
    **{f"PUT /api/0/{whose}/releases/{NAME}/": {"projects": [NAME]} for whose in SENTRYS},
    f"POST /api/0/organizations/{NAME}/releases/{NAME}/deploys/": {"environment": NAME},
    f"POST /api/0/organizations/{NAME}/artifactbundle/assemble/": {"checksum": NAME, "projects": [NAME]},
    f"POST /api/0/projects/{NAME}/{NAME}/files/difs/assemble/": {},
    **{f"PUT /api/0/{where}/": {"status": "resolved"} for where in
       (f"projects/{NAME}/{NAME}/issues", f"organizations/{NAME}/issues", f"organizations/{NAME}/issues/{NAME}", f"issues/{NAME}")},
    "POST /api/v2/silences": {"matchers": [], "startsAt": "", "endsAt": "", "createdBy": NAME, "comment": NAME},
    "POST /v2/enqueue": {"routing_key": "x", "event_action": "resolve", "dedup_key": "x"},
}


def table():
    """{(method, path): [word for each of ASKERS]} of the page."""
    rows = {}
    for line in (ROOT / "docs" / "access.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(ASKERS) + 1 and re.match(r"`(GET|POST|PUT|DELETE) /", cells[0]):
            method, path = cells[0].strip("`").split(" ")
            assert (method, path) not in rows, f"{method} {path} is there twice"
            rows[method, path] = cells[1:]
    return rows


class Description:
    """What the server says of its routes, and the least that each may be sent."""

    def __init__(self, described):
        self.paths = described["paths"]
        self.schemas = described.get("components", {}).get("schemas", {})

    def routes(self):
        own = {(method.upper(), "/api/v1" + path) for path, methods in self.paths.items() for method in methods}
        return own | {("GET", "/api/v1/openapi.json")}

    def example(self, schema):
        if "$ref" in schema:
            return self.example(self.schemas[schema["$ref"].rsplit("/", 1)[1]])
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return self.example(schema[several][0])
        if "allOf" in schema:
            return {key: value for part in schema["allOf"] for key, value in self.example(part).items()}
        if "enum" in schema:
            return schema["enum"][0]
        kind = schema.get("type", "object")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            wanted = schema.get("required", [])
            return {key: self.example(one) for key, one in schema.get("properties", {}).items() if key in wanted}
        return {"string": NAME, "integer": 1, "number": 1.0, "boolean": False, "array": []}[kind]

    def request(self, method, path):
        """(path with its parameters, body) that pass until the handler asks who it is."""
        about = self.paths.get(path.removeprefix("/api/v1"), {}).get(method.lower(), {})
        key, body = f"{method} {path}", None
        if key in BODIES:
            body = BODIES[key]
        elif about.get("requestBody"):
            [(kind, content)] = about["requestBody"]["content"].items()
            body = self.example(content["schema"]) if kind == "application/json" else ""
        asked = about.get("parameters", [])
        in_path = lambda one: "{" + one["name"] + "}" in path
        asked = [one for one in asked if not in_path(one) and "null" not in one["schema"].get("type", [])]
        query = urllib.parse.urlencode({one["name"]: json.dumps(self.example(one["schema"])).strip('"') for one in asked})
        numbers = [one["name"] for one in about.get("parameters", []) if one["schema"].get("type") == "integer"]
        path = re.sub(r"\{(\w+)\}", lambda part: "9999" if part[1] in numbers else NAME, path)
        return path + ("?" + query if query else ""), body


def word(status):
    return {401: "401", 403: "403"}.get(status, "yes")


def ask(server, description, method, path, who):
    return send(server, method, *description.request(method, path), who)


def send(server, method, path, body, who):
    headers = {"Content-Type": "application/json", **who} if body is not None else who
    body = body.encode() if isinstance(body, str) else None if body is None else json.dumps(body).encode()
    # A stream would not end: how it begins says enough.
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        streams = answer.headers.get_content_type() == "text/event-stream"
        return Answer(answer.status, answer.headers, b"" if streams else answer.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("server"), CLOSED)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def askers(closed):
    def token(*arguments):
        return {"Authorization": "Bearer " + closed.cli("token", "create", *arguments).stdout.strip()}

    people = {role: person(closed, f"the-{role}", role) for role in ("viewer", "responder", "editor", "admin")}
    return {"nobody": {}, **people, "foreign token": token("foreign", "--role", "admin", "--prefix", "elsewhere."),
            "foreign team": person(closed, "fay", "editor"), "no page": {"Cookie": people["admin"]["Cookie"]}}


@pytest.fixture(scope="module")
def description(closed, askers):
    return Description(closed.get("/api/v1/openapi.json", headers=askers["admin"]).json)


def test_the_page_tells_of_what_is_there(description):
    there = {row for row in table() if row[1].startswith("/api/v1/")}
    assert sorted(there - description.routes()) == [], "docs/access.md tells of routes that are not there"
    assert sorted(description.routes() - there) == [], "docs/access.md has no line for these"


# Where the router names a constant.
NAMED = {"sign_in::BEGIN": "/signin/provider", "sign_in::BACK": "/signin/callback", "status_page::PATHS[0]": "/status",
         "status_page::PATHS[1]": "/status/feed.atom", "alerts_in::pagerduty::PATH": "/v2/enqueue"}


def routed():
    """The paths beside /api/v1 that the server answers, as its routers write them."""
    source = ROOT / "crates" / "http-api" / "src"
    said = (source / "lib.rs").read_text().split("#[cfg(test)]")[0]
    named = re.findall(r"\.route\(\s*([^,]+),", said)
    graphite = (source / "graphite_web" / "mod.rs").read_text()
    quoted = re.findall(r'\.route\("(/[^"]*)"', graphite) + re.findall(r'\("(/[^"]*)", any\(', graphite)
    sentry = (source / "sentry" / "api_0" / "mod.rs").read_text()
    below = lambda path: path if path.startswith("/api/0") else "/api/0" + path
    sentry = [below(one) for one in re.findall(r'\.route\(\s*"(/[^"]*)"', sentry)]
    assert len(named) > 15 and len(quoted) > 30 and len(sentry) > 20, "the routers are written in another way: mend this"
    return {one.strip('"') if one.startswith('"') else NAMED[one] for one in map(str.strip, named)} | set(quoted) | set(sentry)


def test_the_page_tells_of_every_path_beside_the_api():
    def is_told(route):
        pattern = re.sub(r"\\\{\\\*\w+\\\}", ".+", re.escape(route.rstrip("/")))
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)
        return any(re.fullmatch(pattern + "/?", path.split("?")[0]) for path in told)

    told = {path for _, path in table()}
    untold = sorted(route for route in routed() if not is_told(route))
    assert untold == [], "docs/access.md has no line for these"


def test_everybody_is_answered_as_the_page_says(closed, askers, description):
    differ = []
    for (method, path), words in table().items():
        if (method, path) == ("DELETE", "/api/v1/session"):
            continue  # ends what the others ask with; test_people.py has it
        for asker, expected in zip(ASKERS, words):
            answer = ask(closed, description, method, path, askers[asker])
            if word(answer.status) != expected or answer.status == 500:
                differ.append(f"{method} {path} as {asker}: {answer.status}, the page says {expected}: {answer.text[:100]}")
    assert differ == [], "\n".join(differ)
