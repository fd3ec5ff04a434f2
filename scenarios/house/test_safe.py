"""Safe from the box: who is answered, and who is not."""
import base64
import concurrent.futures
import os
import socket
import stat
import urllib.parse

import pytest

from support.server import Bellwether, wait_for, within_a_minute

LOOPBACK = [{}, {"Host": "localhost"}, {"Host": "127.0.0.1:8080"}, {"Host": "[::1]:80"}, {"Host": "a.localhost"}]
REFUSED = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"X-Forwarded-For": "192.0.2.1"},
    {"Forwarded": "for=192.0.2.1"},
    {"X-Real-IP": "192.0.2.1"},
    {"Via": "1.1 proxy"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
]
PATHS = ["/", "/api/v1/status", "/render?target=a&format=json", "/metrics/find?query=*", "/events/get_data"]


def test_without_sign_in_only_this_machine_is_answered(bellwether):
    server = bellwether()
    for path in PATHS:
        for headers in LOOPBACK:
            assert server.get(path, headers=headers).status == 200, (path, headers)
        for headers in REFUSED:
            answer = server.get(path, headers=headers)
            assert answer.status == 403, (path, headers)
            assert answer.json["error"] and answer.json["hint"]
    assert server.get("/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status == 200
    # Scripts without a cookie need no token against forgery.
    assert server.post("/events/", {"what": "deploy"}).status == 200
    assert server.post("/events/", {"what": "x"}, headers={"Origin": "https://evil.example"}).status == 403


def test_names_of_ones_own_are_answered_when_allowed(bellwether):
    server = bellwether('[http]\nallowed_hosts = ["metrics.office"]')
    assert server.get("/api/v1/status", headers={"Host": "metrics.office:8080"}).status == 200
    assert server.get("/api/v1/status", headers={"Host": "other.office"}).status == 403


def test_an_open_listener_without_sign_in_is_refused(tmp_path):
    server = Bellwether(tmp_path, '[http]\nlisten = "0.0.0.0:0"')
    del_listen = server.environment()
    del_listen.pop("BELLWETHER_HTTP__LISTEN")
    server.environment = lambda: del_listen
    server.start(ready=False)
    assert server.process.wait(60) == 2
    assert 'auth.mode' in server.log() and "bellwether.toml:2:10" in server.log()


def test_a_reload_does_not_open_what_others_reach(tmp_path):
    server = Bellwether(tmp_path)
    environment = server.environment()
    environment.pop("BELLWETHER_HTTP__LISTEN")
    server.environment = lambda: environment
    at = f'[http]\nlisten = "{{}}:{server.ports["http"]}"\n'
    server.config_file.write_text(at.format("0.0.0.0") + '[auth]\nmode = "required"')
    server.start()
    try:
        # The listener stays open to all until the next start.
        server.rewrite(at.format("127.0.0.1"))
        wait_for(lambda: "was not reloaded" in server.log() and "http.listen" in server.log(), what="the refusal")
        assert server.get("/metrics/find?query=*").status == 401
    finally:
        server.stop()


@pytest.fixture
def closed(bellwether):
    return bellwether('[auth]\nmode = "required"')


def test_required_means_a_token_or_a_sign_in(closed):
    server = closed
    for path in PATHS[1:]:
        expected = 200 if path == "/api/v1/status" else 401
        assert server.get(path).status == expected, path
    open_status = server.get("/api/v1/status").json
    assert set(open_status) == {"version", "now", "auth"} and open_status["auth"]["user"] is None
    assert server.get("/").status == 200 and server.get("/healthz").status == 200

    viewer = server.cli("token", "create", "grafana").stdout.strip()
    bearer = {"Authorization": f"Bearer {viewer}"}
    asked = server.get("/render?target=a&format=json", headers=bearer)
    assert asked.status == 200 and "private" in asked.headers["Cache-Control"], "no cache between gives it to others"
    assert server.post("/events/", {"what": "x"}, headers=bearer).status == 403
    assert server.post("/api/v1/storage/compact", headers=bearer).status == 403
    basic = "Basic " + base64.b64encode(f"x:{viewer}".encode()).decode()
    assert server.get("/render?target=a&format=json", headers={"Authorization": basic}).status == 200
    for wrong in ["Bearer bw_00", "Bearer", "Basic !!", "Digest x"]:
        assert server.get("/metrics/find?query=*", headers={"Authorization": wrong}).status in (400, 401), wrong

    token = server.cli("--json", "token", "list").stdout
    assert viewer not in token, "a secret is shown once only"
    server.cli("token", "remove", "1")
    assert server.get("/render?target=a&format=json", headers=bearer).status == 401


def test_a_token_sees_its_prefixes_only(closed):
    server = closed
    for name in ("team.a.x", "team.b.x"):
        server.cli("send", name, "1")
    token = server.cli("token", "create", "a", "--prefix", "team.a.").stdout.strip()
    bearer = {"Authorization": f"Bearer {token}"}
    render = server.get("/render?target=team.*.x&format=json&from=-1min", headers=bearer).json
    assert [series["target"] for series in render] == ["team.a.x"]
    assert server.get("/metrics/index.json", headers=bearer).json == ["team.a.x"]
    assert [node["text"] for node in server.get("/metrics/find?query=team.*", headers=bearer).json] == ["a"]
    found = server.get("/api/v1/series?q=team", headers=bearer).json["series"]
    assert [series["name"] for series in found] == ["team.a.x"]
    # Nor do the lists about names tell of others'.
    server.carbon_send(b"team.b.x heavy 1\n")
    admin = {"Authorization": "Bearer " + server.cli("token", "create", "b", "--role", "admin").stdout.strip()}
    shown = lambda: server.get("/api/v1/health", headers=admin).json["bad_lines"]
    wait_for(lambda: "team.b.x" in str(shown()), what="the line that cannot be read to be shown")
    for path in ("/api/v1/health", "/api/v1/cardinality", "/api/v1/home"):
        told = server.get(path, headers=bearer).text
        assert "team.b" not in told and "host." not in told, (path, told)
    assert [widest["prefix"] for widest in server.get("/api/v1/cardinality", headers=bearer).json["widest"]] == ["team.a"]


def test_signing_in_and_out(closed):
    server = closed
    assert server.cli("user", "set", "ana", "--role", "editor", input="correct horse\n").returncode == 0
    assert server.post("/api/v1/session", {"name": "ana", "password": "wrong horse"}).status == 401
    answer = server.post("/api/v1/session", {"name": "ana", "password": "correct horse"})
    cookie = answer.headers["Set-Cookie"]
    assert answer.status == 200 and "HttpOnly" in cookie and "SameSite" in cookie
    session = {"Cookie": cookie.split(";")[0]}
    assert server.get("/api/v1/status", headers=session).json["auth"] == {
        "mode": "required", "user": "ana", "role": "editor", "provider": None, "limited": False}
    own, other = {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "cross-site"}
    assert server.post("/events/", {"what": "x"}, headers={**session, **own}).status == 200
    assert server.post("/events/", {"what": "x"}, headers={**session, **other}).status == 403
    assert server.post("/events/", {"what": "x"}, headers=session).status == 403, "a cookie alone is no consent"
    assert server.request("DELETE", "/api/v1/session", headers={**session, **own}).status == 204
    assert server.get("/metrics/find?query=*", headers=session).status == 401
    # Twenty at once with the right password are no guesses; seven wrong ones are.
    right = {"Authorization": "Basic " + base64.b64encode(b"ana:correct horse").decode()}
    with concurrent.futures.ThreadPoolExecutor(20) as together:
        asked = [together.submit(server.get, "/metrics/find?query=*", right) for _ in range(20)]
    assert [answer.result().status for answer in asked] == [200] * 20
    # They are counted by the minute.
    within_a_minute(30)
    statuses = [server.post("/api/v1/session", {"name": "ana", "password": "x"}).status for _ in range(7)]
    assert statuses[-1] == 429


def test_secrets_are_for_the_owner_only(bellwether):
    server = bellwether()
    mode = lambda path: stat.S_IMODE(os.stat(path).st_mode)
    assert mode(server.data_dir) == 0o700
    assert mode(server.data_dir / "secret.key") == 0o600
    assert mode(server.data_dir / "control.sock") == 0o600
    token = server.cli("token", "create", "t").stdout.strip()
    for path in server.data_dir.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path
    assert token not in server.log()


def test_listeners_take_allowed_sources_only(bellwether):
    server = bellwether('[statsd]\nallow = ["192.0.2.0/24"]\n[carbon]\nallow = ["192.0.2.0/24"]')
    server.statsd_send(b"a:1|c")
    with socket.create_connection(("127.0.0.1", server.ports["line"])) as connection:
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(b"a.b 1 -1\n")
                if connection.recv(1) == b"":
                    raise ConnectionError("closed")
    refused = lambda: {
        part["id"] for part in server.get("/api/v1/health").json["parts"]
        for drop in part["dropped"] if drop["cause"] == "source"}
    wait_for(lambda: {"statsd.udp", "carbon.line"} <= refused(), what="the refusals to be counted and shown")
    assert server.points("a.b") == {}


def test_the_pages_allow_nothing_from_elsewhere(bellwether):
    answer = bellwether().get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_port_in_use_ends_the_start_and_names_the_listener(bellwether, tmp_path):
    first = bellwether()
    for listener in ("http", "statsd", "line", "pickle", "admin"):
        second = Bellwether(tmp_path / f"second-{listener}")
        second.ports[listener] = first.ports[listener]
        second.start(ready=False)
        assert second.process.wait(60) == 1, listener
        name = {"http": "http.listen", "line": "carbon.line", "pickle": "carbon.pickle"}.get(listener, "statsd.")
        assert name in second.log() and str(first.ports[listener]) in second.log(), second.log()


def test_a_second_server_on_the_same_data_is_refused(bellwether, tmp_path):
    first = bellwether()
    second = Bellwether(tmp_path / "second")
    second.data_dir = first.data_dir
    second.start(ready=False)
    assert second.process.wait(60) == 1
    assert str(first.data_dir) in second.log()
    assert first.ready()
