"""What strangers, broken clients and careless hands send: refused with words, and never a way in."""
import base64
import json
import os
import shutil
import socket
import subprocess
import time

import pytest


def raw(server, request, seconds=5):
    """The status line's number and the body of whatever answer comes to these bytes."""
    with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=seconds) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def get(line, *headers):
    return "\r\n".join([f"GET {line} HTTP/1.1", *headers, "Connection: close", "", ""]).encode("latin-1")


STRANGE = [
    get("/version", "Host: localhost", "Host: evil.example"),
    get("/version", "Host: localhost:80@evil.example"),
    get("/version", "Host: localhost:evil"),
    get("/version", "Host: l\xf6calhost"),
    get("http://evil.example/version", "Host: localhost"),
    get("/version", "Host: localhost", "X-Forwarded-Port: 80"),
    get("/version", "Host: localhost", "CF-Connecting-IP: 192.0.2.1"),
    get("/version", "Host: localhost", "Sec-Fetch-Site: Cross-Site"),
    get("/version", "Host: localhost", "Origin: http://l\xf6calhost"),
]


def test_nothing_that_looks_strange_is_taken_for_this_machine(bellwether):
    server = bellwether()
    assert raw(server, get("/version", "Host: localhost"))[0] == 200
    for request in STRANGE:
        status, body = raw(server, request)
        assert status in (400, 403) and json.loads(body)["error"], request


def test_a_token_for_a_part_cannot_make_one_for_the_whole(bellwether):
    server = bellwether('[auth]\nmode = "required"')
    secret = server.cli("token", "create", "part", "--role", "admin", "--prefix", "team.a.").stdout.strip()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert server.get("/metrics/index.json", headers=bearer).status == 200
    assert server.post("/api/v1/tokens", {"name": "all", "role": "admin"}, headers=bearer).status == 403
    person = {"name": "eve", "password": "long enough", "role": "admin"}
    assert server.post("/api/v1/people", person, headers=bearer).status == 403
    assert server.post("/api/v1/storage/compact", headers=bearer).status == 403


def test_a_password_that_a_browser_kept_is_not_for_other_sites(bellwether):
    server = bellwether('[auth]\nmode = "required"')
    server.cli("user", "set", "ana", "--role", "admin", input="correct horse\n")
    ana = {"Authorization": "Basic " + base64.b64encode(b"ana:correct horse").decode()}
    assert server.post("/events/", {"what": "a script"}, headers=ana).status == 200
    for site in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert server.post("/events/", {"what": "forged"}, headers={**ana, **site}).status == 403
    assert [event["what"] for event in server.get("/events/get_data", headers=ana).json] == ["a script"]


def test_names_that_were_lost_are_told_and_nobody_inherits_their_points(bellwether):
    server = bellwether("[collectors]\nhost = false\n[self]\nseries = false")
    for number in range(20):
        server.cli("send", f"old.{number}", "100")
    server.cli("storage", "compact")
    assert server.stop() == 0
    log = next(server.data_dir.glob("series/SERIES-*.log"))
    log.write_bytes(log.read_bytes()[:-40])
    server.start()
    for number in range(20):
        server.cli("send", f"new.{number}", "1")
    values = {value for points in server.points("new.*", **{"from": "-5min"}).values() for _, value in points}
    assert values == {1}
    health = server.get("/api/v1/health").json
    store = next(part for part in health["parts"] if part["id"] == "store")
    assert (health["state"], store["state"]) == ("warning", "warning") and "names of up to" in store["text"]


def test_files_are_their_owners_also_in_a_directory_that_all_may_read(tmp_path, bellwether):
    server = bellwether()
    server.stop()
    shutil.rmtree(server.data_dir)
    server.data_dir.mkdir(mode=0o755)
    server.start()
    server.cli("send", "a", "1")
    server.cli("storage", "compact")
    server.cli("backup", str(tmp_path / "copy"))
    for path in [*server.data_dir.rglob("*"), tmp_path / "copy", *(tmp_path / "copy").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


QUIET_COMMANDS = [["config", "show"], ["config", "show", "--defaults"], ["token", "list"], ["user", "list"],
                  ["storage", "fsck"], ["storage", "compact"], ["query", "*"], ["query", "a.b", "--follow"]]


def run(server, *arguments, **options):
    line = [server.binary, *arguments, "--config", str(server.config_file)]
    return subprocess.run(line, cwd=server.directory, timeout=60, **{"env": server.environment(), **options})


def test_commands_survive_what_surrounds_them(bellwether):
    server = bellwether()
    server.cli("send", "a.b", "1")
    for command in QUIET_COMMANDS:
        read, write = os.pipe()
        os.close(read)
        done = run(server, *command, stdout=write, stderr=subprocess.PIPE)
        os.close(write)
        assert (done.returncode, done.stderr) == (0, b""), command
    for command in QUIET_COMMANDS[:-1]:
        with open("/dev/full", "wb") as full:
            done = run(server, *command, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1 and b"No space left" in done.stderr, command
    # Another program's variable is not UTF-8: nothing to us. One of ours is: told.
    env = {name.encode(): value.encode() for name, value in server.environment().items()}
    assert run(server, "token", "list", env={**env, b"OTHER": b"\xff"}, capture_output=True).returncode == 0
    done = run(server, "token", "list", env={**env, b"BELLWETHER_STATSD__UDP": b"\xff"}, capture_output=True)
    assert done.returncode == 2 and b"BELLWETHER_STATSD__UDP" in done.stderr
    done = run(server, "backup", b"backup\xff", capture_output=True)
    assert done.returncode == 2 and b"UTF-8" in done.stderr
    assert "panicked" not in server.log()


def test_problems_of_the_configuration_are_the_answer(bellwether, tmp_path):
    server = bellwether()
    (tmp_path / "bad.toml").write_text("[carbon]\nallow = 5\n")
    done = server.cli("config", "check", str(tmp_path / "bad.toml"), check=False)
    assert done.returncode == 2 and "bad.toml:2:9: " in done.stdout and done.stderr == "1 problem\n"


def test_what_never_ends_is_no_file_to_import(bellwether):
    server = bellwether()
    limited = ["prlimit", "--as=2000000000", server.binary]
    for command in (["config", "check"], ["import", "statsd"], ["import", "storage-schemas"]):
        done = subprocess.run([*limited, *command, "/dev/zero"], capture_output=True, timeout=60)
        assert done.returncode in (1, 2) and b"/dev/zero" in done.stdout + done.stderr, (command, done)


def test_a_backup_is_not_made_into_what_it_copies(bellwether):
    server = bellwether()
    for inside in (server.data_dir, server.data_dir / "copy", server.data_dir / "blocks" / ".." / "a" / "b"):
        done = server.cli("backup", str(inside), check=False)
        assert done.returncode == 1 and "inside the data directory" in done.stderr, (inside, done.stderr)
    assert not (server.data_dir / "copy").exists()


def test_any_other_program_is_no_new_binary(bellwether):
    done = bellwether().cli("upgrade", "check", "/bin/true", check=False)
    assert done.returncode == 1 and "/bin/true does not answer as a Bellwether does" in done.stderr


def multipart(*fields):
    parts = [f'--XX\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields]
    return "".join(parts) + "--XX--\r\n", {"Content-Type": "multipart/form-data; boundary=XX"}


def test_forms_come_in_two_ways(bellwether):
    server = bellwether()
    server.cli("send", "form.a", "1")
    plain = server.post("/metrics/find", "query=form.*", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert [node["id"] for node in plain.json] == ["form.a"]
    assert server.post("/metrics/find", *multipart(("query", "form.*"))).json == plain.json
    body, headers = multipart(("target", "form.a"), ("target", "form.b"), ("format", "json"), ("from", "-1min"))
    assert [series["target"] for series in server.post("/render", body, headers).json] == ["form.a"]
    assert server.post("/render", "no form at all", headers).status == 400


def test_wrong_paths_and_methods_of_the_api_are_told_as_json(bellwether):
    server = bellwether()
    for method, path, status in [("GET", "/nosuch", 404), ("POST", "/status", 405), ("GET", "/points", 405)]:
        answer = server.request(method, f"/api/v1{path}")
        assert answer.status == status and f"/api/v1{path}" in answer.json["error"] and answer.json["hint"]
    for method, path, allowed in [("DELETE", "/api/v2/alerts", {"GET", "HEAD", "POST"}), ("GET", "/v2/enqueue", {"POST"}), ("PUT", "/a/token", {"GET", "HEAD", "POST"})]:
        answer = server.request(method, path)
        assert answer.status == 405 and f"{path} does not know the method {method}" in answer.json["error"], (path, answer.text)
        assert set(answer.headers["Allow"].split(",")) == allowed, answer.headers["Allow"]
    graphite = server.request("DELETE", "/functions")
    assert graphite.status == 405 and graphite.headers["Allow"] == "GET, HEAD" and "GET, HEAD" in graphite.text


def test_long_bodies_are_refused_before_they_come(bellwether):
    server = bellwether("[http]\nmax_body_bytes = 1000")
    head = "POST /events/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 1001\r\n\r\n"
    status, body = raw(server, head.encode())
    assert status == 413 and "max_body_bytes" in json.loads(body)["hint"]


@pytest.mark.parametrize("path", ["/events/1", "/events/1/"])
def test_one_event_with_and_without_a_slash(bellwether, path):
    server = bellwether()
    server.post("/events/", {"what": "x"})
    assert server.get(path, headers={"Accept": "application/json"}).json["what"] == "x"


def test_clients_that_stall_within_a_body_do_not_keep_the_others_out(bellwether):
    server = bellwether("[http]\nmax_connections = 4")
    head = b"POST /events/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
    stalled = [socket.create_connection(("127.0.0.1", server.ports["http"])) for _ in range(4)]
    for connection in stalled:
        connection.sendall(head)
    time.sleep(1)
    end = time.monotonic() + 90
    while time.monotonic() < end:
        try:
            assert server.get("/healthz", timeout=5).status == 200
            return
        except OSError:
            pass
    pytest.fail("the stalled clients were never let go")
