"""Grafana's Graphite data source: its calls, with the headers that its server adds, to graphite-web and to us; to us
with a token, as docs/grafana.md says."""
import base64
import json
import pathlib
import re
import time

import pytest

from support.graphite_pair import Pair, ask, asked, lines, parse

REQUESTS = pathlib.Path(__file__).with_name("requests") / "grafana.txt"

# Grafana's server asks on behalf of the browser, and says so.
HEADERS = {
    "Accept": "application/json, text/plain, */*", "Accept-Encoding": "gzip", "User-Agent": "Grafana/11.2.0",
    "X-Dashboard-Id": "7", "X-Panel-Id": "2", "X-Panel-Plugin-Id": "timeseries", "X-Grafana-Org-Id": "1",
    "X-Forwarded-For": "10.1.2.3", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors",
}
REQUIRED = '[auth]\nmode = "required"\ntrusted_proxies = ["127.0.0.1/32"]\n'


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    pair = Pair(tmp_path_factory.mktemp("grafana"), config=REQUIRED)
    yield pair
    pair.stop()


def basic(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def placed(line):
    return re.sub(r"\{(-?\d+)\}", lambda found: str(int(time.time()) + int(found[1])), line)


def plain(answer):
    """Without what HTTP packed it in."""
    if answer.headers.get("content-encoding") == "gzip":
        import gzip
        answer.body = gzip.decompress(answer.body)
    return answer


def test_same_answers(pair):
    different = []
    for line in lines(REQUESTS):
        method, path, body, headers = parse(placed(line))
        headers = {**HEADERS, **headers, **basic("grafana", pair.token)}
        ask_both = lambda *request: [plain(answer) for answer in pair.ask(*request)]
        found = asked(ask_both, (method, path, body, headers), {"id"})
        if found:
            different.append(f"{line}\n    {found}")
    assert not different, "\n".join(different)


def test_what_the_editor_reads(pair):
    get = lambda path: plain(ask(pair.ports[1], "GET", path, None, {**HEADERS, **basic("any", pair.token)}))
    functions = json.loads(get("/functions").body.replace(b"1e9999", b"Infinity"))
    assert functions["aliasByNode"]["group"] == "Alias" and functions["aliasByNode"]["params"][1]["multiple"]
    assert re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\n", get("/version").text)
    series = pair.ask("POST", "/render", b"target=aliasSub(servers.*.requests,%20%22(%5E.*%24)%22,%20%22%5C1%20A%22)&format=json",
                      {**HEADERS, "Content-Type": "application/x-www-form-urlencoded", **basic("x", pair.token)})
    for answer in series:
        assert all(one["target"].split(" ")[-1] == "A" for one in plain(answer).json)


@pytest.mark.parametrize("credentials, status", [
    (lambda token: {"Authorization": f"Bearer {token}"}, 200),
    (lambda token: basic("token", token), 200),
    (lambda token: basic("", token), 200),
    (lambda token: {}, 401),
    (lambda token: basic("grafana", token[:-1] + "x"), 401),
    (lambda token: {"Authorization": f"Bearer {token[:-1]}x"}, 401),
])
def test_who_may_ask(pair, credentials, status):
    headers = {**HEADERS, **credentials(pair.token)}
    assert ask(pair.ports[1], "GET", "/metrics/find?query=*", None, headers).status == status


def test_a_viewer_changes_nothing(pair):
    headers = {**HEADERS, **basic("grafana", pair.token)}
    event = json.dumps({"what": "x", "tags": "y"}).encode()
    refused = [ask(pair.ports[1], "POST", "/events/", event, headers),
               ask(pair.ports[1], "POST", "/tags/tagSeries?path=a;b=c", b"", headers),
               ask(pair.ports[1], "POST", "/tags/delSeries?path=requests;dc=ams;host=w1", b"", headers)]
    assert [answer.status for answer in refused] == [403] * 3
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    saved = plain(ask(pair.ports[1], "POST", "/dashboard/save/x", b"state={}", form))
    assert (saved.status, list(saved.json)) == (200, ["error"])


def test_without_accounts_a_proxy_is_told_what_to_do(bellwether):
    """Grafana on the same machine, and Bellwether as it comes: Grafana's own users may sit anywhere."""
    server = bellwether()
    refused = server.get("/metrics/find?query=*", headers=HEADERS)
    assert refused.status == 403
    told = refused.json
    assert "x-forwarded-for" in told["error"]
    for word in ("auth.mode", "auth.trusted_proxies", "bellwether token create"):
        assert word in told["hint"]
