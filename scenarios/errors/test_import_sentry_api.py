"""Projects, keys and issues, asked of another installation's API."""
import json
import urllib.parse

import pytest

from support.receivers import Handling, Listening

TOKEN = "a-token"
KEYS = {"web": "0123456789abcdef0123456789abcdef", "api": "f" * 32}


class OldApi(Listening):
    """Lists one item a page. The first question is too much for it."""

    def __init__(self):
        super().__init__()
        self.asked = []
        project = lambda id, slug: {"id": id, "slug": slug, "name": slug, "organization": {"slug": "shop"}}
        issue = lambda n, status: {"id": str(n), "shortId": f"WEB-{n}", "title": f"E{n}: x", "culprit": None, "status": status, "statusDetails": {},
                                   "count": "5", "firstSeen": "2024-02-29T12:00:00Z", "project": {"id": "17"}}
        self.lists = {"projects/": [project("17", "web"), project("18", "api")],
                      "projects/shop/web/issues/": [issue(1, "resolved"), issue(2, "ignored"), issue(3, "unresolved")], "projects/shop/api/issues/": [],
                      **{f"projects/shop/{slug}/keys/": [{"public": key, "label": "Default", "isActive": True}] for slug, key in KEYS.items()}}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/old/"

    def answer(self, path, headers):
        """(status, headers, what is listed)"""
        place = urllib.parse.urlsplit(path)
        query = urllib.parse.parse_qs(place.query, keep_blank_values=True)
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {}, {}
        if len(self.asked) == 1:
            return 429, {"Retry-After": "0"}, {}
        listed = self.lists.get(place.path.removeprefix("/old/api/0/"))
        if listed is None or ("issues" in place.path and query.get("query") != [""]):
            return 404, {}, {}
        at = int(query.get("cursor", ["0:0:0"])[0].split(":")[1])
        more = str(at + 1 < len(listed)).lower()
        link = f'<{self.url}>; rel="previous"; results="false"; cursor="0:0:1", <{self.url}>; rel="next"; results="{more}"; cursor="0:{at + 1}:0"'
        return 200, {"Link": link}, listed[at:at + 1]

    def start(self):
        outer = self

        class Handler(Handling):
            def do_GET(self):
                outer.asked.append(self.path)
                status, headers, listed = outer.answer(self.path, self.headers)
                body = json.dumps(listed).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        return self.listen(Handler)


@pytest.fixture
def old():
    old = OldApi().start()
    yield old
    old.stop()


def test_everything_is_asked_for_page_by_page(bellwether, old):
    server = bellwether()
    server.env["SENTRY_AUTH_TOKEN"] = TOKEN
    assert server.cli("import", "sentry", "--from", old.url, "--dry-run").stdout == "17 web: 1 keys, 3 groups\n18 api: 1 keys, 0 groups\n"
    done = server.cli("import", "sentry", "--from", old.url, "--tee", old.url).stdout
    assert "17 web: made; 3 groups are known" in done and "18 api: made\n" in done
    projects = {one["name"]: one for one in server.get("/api/v1/errors/projects").json}
    assert {name: [key["key"] for key in one["keys"]] for name, one in projects.items()} == {name: [key] for name, key in KEYS.items()}
    assert projects["web"]["settings"]["tee"] == f"http://{KEYS['web']}@127.0.0.1:{old.port}/old/17"


def test_what_is_missing_is_said(bellwether, old):
    server = bellwether()
    run = lambda *arguments: server.cli("import", "sentry", *arguments, check=False)
    without = run("--from", old.url)
    assert without.returncode == 2 and "SENTRY_AUTH_TOKEN" in without.stderr
    server.env["SENTRY_AUTH_TOKEN"] = "another"
    refused = run("--from", old.url)
    assert refused.returncode == 1 and "answers 401" in refused.stderr and "project:read" in refused.stderr
    assert "another" not in refused.stderr + refused.stdout
    assert run("--from", "nowhere").returncode == 2
    assert run().returncode == 2
    assert server.get("/api/v1/errors/projects").json == []
