"""Built-in checks against real servers, stand-ins, servers that mean harm, and beside Debian's plugins."""
import asyncio
import contextlib
import datetime
import gzip
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink

from support.probes import (WORDS, Authority, Prober, dns_answer, mongo, name_server, plugin, postgres, redis, sqs, tcp, web)
from support.server import free_port

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    return Prober(tmp_path_factory.mktemp("checks")).look


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def expect(outcome, status, *parts):
    assert "problems" not in outcome, outcome
    told = f"{WORDS[outcome['status']]}: {outcome['output']}"
    assert outcome["status"] == status, told
    for part in parts:
        assert part in outcome["output"], f"{part!r} is not in {told}"


# --- HTTP ------------------------------------------------------------------------------------------------------------

PAGES = {
    "/": (200, [("Content-Type", "text/plain")], b"hello world"),
    "/404": (404, [], b"no such page"),
    "/500": (500, [("Content-Type", "text/plain")], b"the database is away"),
    "/503": (503, [("Content-Type", "text/plain")], b"MAINTENANCE"),
    "/moved": (302, [("Location", "/")], b""),
    "/loop": (302, [("Location", "/loop")], b""),
    "/metadata": (302, [("Location", "http://169.254.169.254/latest/meta-data/")], b""),
    "/elsewhere": (302, [("Location", "ftp://example.org/")], b""),
    "/json": (200, [], json.dumps({"status": "ok", "queue": [1, 2, 3], "load": 0.7}).encode()),
    "/bomb": (200, [("Content-Encoding", "gzip")], gzip.compress(b"x" * 10_000_000)),
    "/health": (503, [], json.dumps({"status": "fail", "checks": {"db": {"status": "fail", "message": "no route"},
                                                                 "cache": {"status": "ok"}}}).encode()),
    "/spring": (200, [], json.dumps({"status": "UP", "components": {"db": {"status": "UP"}, "ping": {"status": "UP"}}}).encode()),
    "/hospital": (500, [], json.dumps({"status": "fail", "summary": {"total": 2, "fail": 1}, "details": [
        {"test": "Mail is sent", "status": "fail", "context": "refused"}, {"test": "DNS", "status": "pass"}]}).encode()),
}


@pytest.fixture(scope="module")
def site():
    def answer(handler):
        if handler.path == "/echo":
            told = {"method": handler.command, "headers": dict(handler.headers), "body": handler.body.decode()}
            return 200, [], json.dumps(told).encode()
        return PAGES[handler.path]

    with web(answer) as port:
        yield f"http://{HERE}:{port}"


HTTP = [
    ("/", "", 0, ["200 OK"]),
    ("/", 'contains = ["world"]\nnot_contains = ["error"]\nmatches = ["^h.*d$"]', 0, []),
    ("/", 'contains = ["moon"]', 2, ["`moon` is not in the answer: hello world"]),
    ("/", 'not_contains = ["world"]', 2, ["`world` is in the answer"]),
    ("/", 'matches = ["^w"]', 2, ["matches ^w"]),
    ("/", 'status = ["201", "300-399"]', 2, ["status 200 OK", "expected 201, 300-399"]),
    ("/404", "", 1, ["404 Not Found"]),
    ("/404", 'status = ["404"]', 0, []),
    ("/500", "", 2, ["500 Internal Server Error (the database is away)"]),
    ("/503", "", 2, ["503 Service Unavailable (MAINTENANCE)"]),
    ("/moved", "", 0, ["after 1 redirect"]),
    ("/moved", 'redirects = 0\nstatus = ["302"]', 0, []),
    ("/loop", "", 2, ["more than 5 redirects"]),
    ("/metadata", "", 3, ["redirected to http://169.254.169.254", "metadata"]),
    ("/elsewhere", "", 2, ["not followed"]),
    ("/json", 'json = ["$.status == ok", "queue.length < 4", "$.queue[0] == 1"]', 0, []),
    ("/json", 'json = ["$.queue.length < 3"]', 2, ["$.queue.length is 3, expected $.queue.length < 3"]),
    ("/json", 'values = { load = "$.load" }\nthresholds.load.warning = "> 0.5"', 1, ["load 0.7 is above 0.5"]),
    ("/", 'json = ["$.status"]', 2, ["not JSON", "hello world"]),
    ("/bomb", 'contains = ["x"]', 2, ["packed (gzip)"]),
    ("/bomb", "", 0, []),
    ("/", 'critical = "> 0"', 2, ["is above 0"]),
    ("/", 'critical = "> 10 s"\nthresholds.size.warning = "20:"', 1, ["size 11B is below 20"]),
    ("/health", "", 2, ["db is fail: no route"]),
    ("/spring", "", 0, []),
    ("/spring", "health = false", 0, []),
    ("/hospital", "", 2, ["Mail is sent is fail: refused"]),
    ("/", "health = true", 2, ["no report of sub-checks"]),
]


@pytest.mark.parametrize("path, keys, status, parts", HTTP, ids=[f"{path} {keys}" for path, keys, *_ in HTTP])
def test_http(probe, site, path, keys, status, parts):
    expect(probe(f'type = "http"\nurl = "{site}{path}"\n{keys}'), status, *parts)


def test_sub_checks_are_instances(probe, site):
    parts = probe(f'type = "http"\nurl = "{site}/health"')["parts"]
    assert {name: (part["status"], part["output"]) for name, part in parts.items()} == {
        "db": (2, "db fail: no route"), "cache": (0, "cache ok")}
    assert probe(f'type = "http"\nurl = "{site}/health"\nhealth = false')["parts"] == {}


def test_http_sends_what_was_asked_for(probe, site, tmp_path):
    (tmp_path / "password").write_text("sesame\n")
    told = probe(f'''type = "http"
url = "{site}/echo"
method = "post"
body = '{{"a": 1}}'
headers = {{ "X-Mine" = "yes", "Host" = "virtual.example" }}
user = "ana"
password_file = "{tmp_path}/password"
json = ["$.method == POST", "$.headers['X-Mine'] == yes", "$.headers.Host == virtual.example",
        "$.headers.Authorization == Basic YW5hOnNlc2FtZQ==", '$.body =~ a.. 1']''')
    expect(told, 0)
    told = probe(f'''type = "http"
url = "{site}/echo"
token = "t0ken"
json = ['$.headers.Authorization == "Bearer t0ken"', '$.method == "GET"']''')
    expect(told, 0)


def raw(bytes_, drip=b"", pause=0.05):
    def talk(sock):
        sock.recv(65536)
        sock.sendall(bytes_)
        while drip:
            sock.sendall(drip)
            time.sleep(pause)
    return talk


HOSTILE = [
    ("nothing at all", raw(b""), "closed"),
    ("a head drop by drop", raw(b"HTTP/1.1 200 OK\r\nX: ", b"y"), "no answer within 1 s"),
    ("a body drop by drop", raw(b"HTTP/1.1 200 OK\r\n\r\n", b"y"), "no answer within 1 s"),
    ("more headers than anybody has", raw(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(50_000))), "headers"),
    ("one long header", raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000), "headers"),
    ("another protocol", raw(b"SSH-2.0-OpenSSH_9\r\n"), "not HTTP"),
    ("less than it promised", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"), "closed"),
    ("bytes of no meaning", raw(bytes(range(256)) * 40), "not HTTP"),
    ("chunks that lie", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n"), "answer"),
]


@pytest.mark.parametrize("name, talk, part", HOSTILE, ids=[name for name, *_ in HOSTILE])
def test_http_with_servers_that_mean_harm(probe, name, talk, part):
    with tcp(talk) as port:
        # Time is the answer of those who are slow; the others have all that a busy machine needs for them.
        timeout = "1s" if part.endswith("within 1 s") else "20s"
        outcome = probe(f'type = "http"\nurl = "http://{HERE}:{port}/"\ntimeout = "{timeout}"')
    expect(outcome, 2, part)
    assert outcome["seconds"] < 3, outcome


def test_an_endless_body_is_cut(probe):
    def talk(sock):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)

    with tcp(talk) as port:
        outcome = probe(f'type = "http"\nurl = "http://{HERE}:{port}/"')
    expect(outcome, 0, "more than 1.0 MiB")
    assert outcome["values"]["size"] == f"{1 << 20}B"


def test_http_obeys_the_rules(probe, site):
    port = site.rsplit(":", 1)[1]
    for host in (HERE, "localhost", "[::ffff:127.0.0.1]"):
        outcome = probe(f'type = "http"\nurl = "http://{host}:{port}/"\n[egress]\ndeny = ["127.0.0.0/8", "::1/128"]')
        expect(outcome, 3, "[egress]")
    for host in ("169.254.169.254", "[fe80::1]", "0.0.0.0", "[::ffff:169.254.169.254]", "224.0.0.1"):
        expect(probe(f'type = "http"\nurl = "http://{host}/"'), 3, "[egress]")
    expect(probe(f'type = "http"\nurl = "{site}/"\n[egress]\ndeny = ["0.0.0.0/0"]\nallow = ["127.0.0.0/8"]'), 0)


# --- TLS -------------------------------------------------------------------------------------------------------------

def certificate_of(authority, name, days, keys=""):
    return authority.context(name, days), f'ca_file = "{authority.file}"\n{keys}'


def test_certificates(probe, authority):
    cases = [
        (HERE, 90, "", 0, "CRITICAL"),
        (HERE, 10, "", 1, "certificate_days 10"),
        (HERE, 2, "", 2, "certificate_days 2"),
        (HERE, 10, 'thresholds.certificate_days = { warning = "< 5", critical = "< 1" }', 0, ""),
        (HERE, -5, "", 2, "expired"),
        ("other.example", 90, "", 2, "another host name"),
        ("other.example", 90, 'tls_name = "other.example"', 0, ""),
    ]
    for name, days, keys, status, part in cases:
        context, trust = certificate_of(authority, name, days, keys)
        with web(lambda _: PAGES["/"], context) as port:
            of_http = probe(f'type = "http"\nurl = "https://{HERE}:{port}/"\n{trust}')
            of_tls = probe(f'type = "tls"\naddress = "{HERE}"\nport = {port}\n{trust}')
        for outcome in (of_http, of_tls):
            expect(outcome, status, *[part] if status else [])
        assert abs(float(of_tls["values"]["certificate_days"]) - days) < 0.1, of_tls
    assert "Test Authority" in of_tls["output"] and "TLSv1.3" in of_tls["output"], of_tls


def test_certificates_of_nobody_we_trust(probe, authority):
    context = authority.context(HERE, 90)
    with web(lambda _: PAGES["/"], context) as port:
        expect(probe(f'type = "http"\nurl = "https://{HERE}:{port}/"'), 2, "ca_file")
        expect(probe(f'type = "http"\nurl = "https://{HERE}:{port}/"\nverify = false'), 0)
        expect(probe(f'type = "tls"\naddress = "{HERE}"\nport = {port}'), 2, "nobody whom this machine trusts")
        expect(probe(f'type = "tcp"\naddress = "{HERE}"\nport = {port}\ntls = true\nca_file = "{authority.file}"'), 0)
        expect(probe(f'type = "tcp"\naddress = "{HERE}"\nport = {port}\ntls = true\nca_file = "/nowhere.pem"'), 3, "/nowhere.pem")
    with tcp(raw(b"220 mail\r\n")) as port:
        expect(probe(f'type = "tls"\naddress = "{HERE}"\nport = {port}\ntimeout = "3s"'), 2, "speak TLS")


# --- beside Debian's plugins -------------------------------------------------------------------------------------------

def test_http_beside_check_http(probe, site):
    port = site.rsplit(":", 1)[1]
    for path, keys, arguments in [
        ("/", "", []),
        ("/404", "", []),
        ("/500", "", []),
        ("/503", "", []),
        ("/404", 'status = ["404"]', ["-e", "404"]),
        ("/", 'status = ["404"]', ["-e", "404"]),
        ("/moved", "", ["-f", "follow"]),
        ("/loop", "", ["-f", "follow"]),
        ("/", 'contains = ["world"]', ["-s", "world"]),
        ("/", 'contains = ["moon"]', ["-s", "moon"]),
        ("/", 'matches = ["w.r"]', ["-r", "w.r"]),
        ("/", 'matches = ["m..n"]', ["-r", "m..n"]),
        ("/", 'critical = "> 0"', ["-c", "0.00000001"]),
        ("/", 'thresholds.size.warning = "100:"', ["-m", "400"]),
    ]:
        theirs = plugin("check_http", "-H", HERE, "-p", port, "-u", path, *arguments)
        ours = probe(f'type = "http"\nurl = "{site}{path}"\n{keys}')
        assert ours["status"] == theirs.returncode, f"{path} {keys}: {ours['output']} / {theirs.stdout}"
    with tcp(raw(b"")) as port:
        assert plugin("check_http", "-H", HERE, "-p", port).returncode == probe(f'type = "http"\nurl = "http://{HERE}:{port}/"')["status"]
    with tcp(lambda sock: time.sleep(3)) as port:
        theirs = plugin("check_http", "-H", HERE, "-p", port, "-t", "1")
        assert theirs.returncode == probe(f'type = "http"\nurl = "http://{HERE}:{port}/"\ntimeout = "1s"')["status"]
    closed = free_port()
    assert plugin("check_http", "-H", HERE, "-p", closed).returncode == probe(f'type = "http"\nurl = "http://{HERE}:{closed}/"')["status"]


def banner(text):
    def talk(sock):
        sock.sendall(text)
        sock.recv(1024)
        time.sleep(0.2)
    return talk


def test_tcp_beside_check_tcp(probe):
    def echo(sock):
        sock.sendall(b"you said " + sock.recv(1024))

    for talk, keys, arguments in [
        (banner(b"hello\r\n"), "", []),
        (banner(b"hello\r\n"), 'contains = ["hello"]', ["-e", "hello"]),
        (banner(b"hello\r\n"), 'contains = ["moon"]\ntimeout = "2s"', ["-e", "moon", "-t", "2"]),
        (echo, 'send = "PING\\n"\ncontains = ["you said PING"]', ["-s", "PING\n", "-e", "you said PING"]),
        (lambda sock: None, 'contains = ["x"]', ["-e", "x"]),
    ]:
        with tcp(talk) as port:
            theirs = plugin("check_tcp", "-H", HERE, "-p", port, *arguments)
            ours = probe(f'type = "tcp"\naddress = "{HERE}"\nport = {port}\n{keys}')
        assert ours["status"] == theirs.returncode, f"{keys}: {ours['output']} / {theirs.stdout}"
    closed = free_port()
    ours = probe(f'type = "tcp"\naddress = "{HERE}"\nport = {closed}')
    assert ours["status"] == plugin("check_tcp", "-H", HERE, "-p", closed).returncode
    assert "Connection refused" in ours["output"] and "os error" not in ours["output"]


def test_ssh_beside_check_ssh(probe):
    for text in (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", b"SSH-1.99-old\r\n", b"220 mail\r\n", b""):
        with tcp(banner(text)) as port:
            theirs = plugin("check_ssh", "-p", port, "-t", "2", HERE)
            ours = probe(f'type = "ssh"\naddress = "{HERE}"\nport = {port}\ntimeout = "2s"')
        assert ours["status"] == theirs.returncode, f"{text}: {ours['output']} / {theirs.stdout}"
    with tcp(banner(b"welcome\r\nSSH-2.0-OpenSSH_9.2p1\r\n")) as port:
        # RFC 4253 lets a server say other lines before, which check_ssh does not know.
        expect(probe(f'type = "ssh"\naddress = "{HERE}"\nport = {port}\nmatches = ["OpenSSH_9"]'), 0, "SSH-2.0-OpenSSH_9.2p1")
        expect(probe(f'type = "ssh"\naddress = "{HERE}"\nport = {port}\nmatches = ["dropbear"]'), 1, "dropbear")


@contextlib.contextmanager
def mail_server(**options):
    controller = Controller(Sink(), hostname=HERE, port=free_port(), ready_timeout=60, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def test_smtp_beside_check_smtp(probe, authority):
    context = authority.context(HERE, 90)
    trust = f'ca_file = "{authority.file}"'
    with mail_server(tls_context=context) as port:
        for keys, arguments in [("", []), (f"starttls = true\n{trust}", ["-S"])]:
            theirs = plugin("check_smtp", "-H", HERE, "-p", port, *arguments)
            ours = probe(f'type = "smtp"\naddress = "{HERE}"\nport = {port}\n{keys}')
            assert ours["status"] == theirs.returncode == 0, f"{keys}: {ours['output']} / {theirs.stdout}"
        assert ours["values"]["certificate_days"].startswith("90")
        expect(probe(f'type = "smtp"\naddress = "{HERE}"\nport = {port}\nstarttls = true'), 2, "ca_file")
    with mail_server() as port:
        theirs = plugin("check_smtp", "-H", HERE, "-p", port, "-S")
        ours = probe(f'type = "smtp"\naddress = "{HERE}"\nport = {port}\nstarttls = true')
        assert ours["status"] == theirs.returncode, f"{ours['output']} / {theirs.stdout}"
    for text in (b"421 too busy\r\n", b"554 go away\r\n", b"SSH-2.0-x\r\n", b""):
        with tcp(banner(text)) as port:
            theirs = plugin("check_smtp", "-H", HERE, "-p", port, "-t", "2")
            ours = probe(f'type = "smtp"\naddress = "{HERE}"\nport = {port}\ntimeout = "2s"')
        assert ours["status"] == theirs.returncode, f"{text}: {ours['output']} / {theirs.stdout}"


# --- names and ping ----------------------------------------------------------------------------------------------------

def test_dns(probe):
    a = lambda text: (1, socket.inet_aton(text))
    name = b"\x02mx\x07example\x03org\x00"
    answers = {
        b"\x04good": lambda q, is_tcp: [dns_answer(q, [a("10.0.0.1"), a("10.0.0.2")])],
        b"\x04mail": lambda q, is_tcp: [dns_answer(q, [(15, b"\x00\x0a" + name)])],
        b"\x04gone": lambda q, is_tcp: [dns_answer(q, [], code=3)],
        b"\x05empty": lambda q, is_tcp: [dns_answer(q, [])],
        b"\x05large": lambda q, is_tcp: [dns_answer(q, [a(f"10.1.{n}.1") for n in range(100)], cut=not is_tcp)],
        b"\x06silent": lambda q, is_tcp: [],
        # Somebody else's answer, rubbish, and then the right one.
        b"\x07spoofed": lambda q, is_tcp: [b"\0\0" + dns_answer(q, [a("6.6.6.6")])[2:], b"rubbish", dns_answer(q, [a("10.0.0.9")])],
        b"\x04loop": lambda q, is_tcp: [dns_answer(q, [(5, b"\xc0" + bytes([len(q) + 12]))])],
    }

    def answer(question, is_tcp):
        return next((make(question, is_tcp) for begin, make in answers.items() if question[12:].startswith(begin)), [])

    with name_server(answer) as port:
        look = lambda name, keys="", timeout="20s": probe(
            f'type = "dns"\nserver = "{HERE}"\nport = {port}\nquery = "{name}.example"\ntimeout = "{timeout}"\n{keys}')
        expect(look("good", 'contains = ["10.0.0.2"]'), 0, "10.0.0.1, 10.0.0.2")
        expect(look("good", 'contains = ["10.0.0.3"]'), 2, "10.0.0.3 is not among the answers")
        expect(look("good", 'not_contains = ["10.0.0.2"]'), 2, "10.0.0.2 is among the answers")
        expect(look("mail", 'record = "mx"\ncontains = ["mx.example.org."]'), 0, "10 mx.example.org")
        expect(look("gone"), 2, "NXDOMAIN")
        expect(look("empty"), 2, "no A record")
        large = look("large", 'contains = ["10.1.99.1"]')
        expect(large, 0)
        assert large["values"]["answers"] == "100"
        expect(look("spoofed", 'contains = ["10.0.0.9"]\nnot_contains = ["6.6.6.6"]'), 0)
        silent = look("silent", timeout="1s")
        expect(silent, 2, "no answer")
        assert silent["seconds"] < 4
        assert look("loop", 'record = "CNAME"', "1s")["status"] == 2
    expect(probe(f'type = "dns"\nserver = "169.254.169.253"\nquery = "example.org"'), 3, "[egress]")


def test_ping(probe):
    outcome = probe(f'type = "icmp"\naddress = "{HERE}"\npackets = 2')
    if outcome["status"] == 3:
        assert "ping_group_range" in outcome["output"], outcome
    else:
        expect(outcome, 0, "0 % lost")
        assert outcome["values"]["pl"] == "0%" and outcome["values"]["rta"].endswith("s")
    expect(probe('type = "icmp"\naddress = "224.0.0.1"'), 3, "[egress]")


# --- processes and files -----------------------------------------------------------------------------------------------

def test_processes(probe, tmp_path):
    marker = f"--marker={tmp_path.name}"
    process = subprocess.Popen(["sleep", "600"], executable="/bin/sleep")
    # It waits for a line by itself: a child of its own would have the marker, too, before it is another program.
    shell = subprocess.Popen(["sh", "-c", "read line", "sh", marker], stdin=subprocess.PIPE)
    try:
        pidfile = tmp_path / "pid"
        pidfile.write_text(f"{process.pid}\n")
        expect(probe(f'type = "process"\npidfile = "{pidfile}"'), 0, "1 process")
        expect(probe(f'type = "process"\npidfile = "{pidfile}"\nprocess = "nginx"'), 2, "processes 0 is below 1")
        expect(probe(f'type = "process"\npattern = "{marker}$"\ncritical = "2:"'), 2, "processes 1 is below 2")
        expect(probe(f'type = "process"\npattern = "{marker}"\nprocess = "sh"\ncritical = "1:1"'), 0)
        expect(probe(f'type = "process"\npattern = "{marker}"\nuser = "{os.geteuid()}"'), 0)
        expect(probe(f'type = "process"\npattern = "{marker}"\nuser = "no-such-user"'), 3, "no user")
        expect(probe(f'type = "process"\npattern = "{marker}"\ncritical = "0"'), 2, "is above 0")
    finally:
        for child in (process, shell):
            child.kill()
            child.wait()
    expect(probe(f'type = "process"\npidfile = "{pidfile}"'), 2)
    pidfile.write_text("rubbish")
    expect(probe(f'type = "process"\npidfile = "{pidfile}"'), 3, "no number")
    expect(probe(f'type = "process"\npidfile = "{tmp_path}/nowhere"'), 2)


def test_files(probe, tmp_path):
    old, new = tmp_path / "a.dump", tmp_path / "b.dump"
    old.write_bytes(b"x" * 100)
    new.write_bytes(b"x" * 2048)
    os.utime(old, (time.time() - 90_000,) * 2)
    look = lambda path, keys="": probe(f'type = "file"\npath = "{path}"\n{keys}')
    expect(look(old, 'critical = "> 1 d"'), 2, "age", "is above 86400")
    expect(look(tmp_path / "*.dump", 'critical = "> 1 d"\nthresholds.size.critical = "< 1 KiB"'), 0, "2 files", "2.0 KiB")
    expect(look(tmp_path / "*.dump", 'thresholds.files.warning = "3:"'), 1, "files 2 is below 3")
    expect(look(tmp_path / "*.dump", 'thresholds.age_oldest.warning = "> 1 h"'), 1, "age_oldest")
    expect(look(tmp_path / "*.zip"), 2, "there is no")
    expect(look(tmp_path / "lock", "missing_ok = true"), 0, "there is no")


# --- databases -----------------------------------------------------------------------------------------------------------

def test_redis_and_resque(probe):
    with redis("--requirepass", "sesame", "--maxmemory", "100mb") as (port, plain):
        ask = lambda *words: plain("-a", "sesame", *words)
        keys = f'address = "{HERE}"\nport = {port}\n'
        expect(probe(f'type = "redis"\n{keys}'), 3, "NOAUTH")
        expect(probe(f'type = "redis"\n{keys}password = "wrong"'), 3, "AUTH")
        keys += 'password = "sesame"\n'
        ask("RPUSH", "jobs", "1", "2", "3")
        seen = probe(f'type = "redis"\n{keys}lists = ["jobs"]\nthresholds.jobs.warning = "> 2"\nthresholds.mem_not_counted_for_evict.warning = "> 1e12"')
        expect(seen, 1, "jobs 3 is above 2", "Redis")
        assert seen["values"]["connected_clients"] == "1" and "memory_percent" in seen["values"] and "mem_not_counted_for_evict" in seen["values"]
        for queue, count in (("mail", 3), ("build", 0), ("a b", 1)):
            ask("SADD", "resque:queues", queue)
            for index in range(count):
                ask("RPUSH", f"resque:queue:{queue}", json.dumps({"class": "Job", "args": [index]}))
        ask("RPUSH", "resque:failed", "x")
        seen = probe(f'type = "resque"\n{keys}')
        expect(seen, 0, "4 jobs wait in 3 queues, 3 of them in mail")
        assert "queue.mail=3;" in seen["perfdata"] and "queue.build=0;" in seen["perfdata"] and "'queue.a b'=1" in seen["perfdata"]
        assert seen["values"]["failed"] == "1" and seen["value"] == 4
        expect(probe(f'type = "resque"\n{keys}queues = ["m*"]\ncritical = "> 2"'), 2, "pending 3 is above 2")
        expect(probe(f'type = "resque"\n{keys}thresholds."queue.*".warning = "> 2"'), 1, "queue.mail 3 is above 2")
        expect(probe(f'type = "redis"\n{keys}lists = ["resque:queues"]'), 2, "LLEN", "WRONGTYPE")
    with tcp(banner(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        expect(probe(f'type = "redis"\naddress = "{HERE}"\nport = {port}'), 2, "does not speak Redis")
    with tcp(banner(b"*1000000000\r\n" + b"*1\r\n" * 1000)) as port:
        expect(probe(f'type = "redis"\naddress = "{HERE}"\nport = {port}\ntimeout = "2s"'), 2)


def test_redis_replica_without_its_master(probe):
    with redis("--replicaof", HERE, str(free_port())) as (port, _):
        expect(probe(f'type = "redis"\naddress = "{HERE}"\nport = {port}'), 2, "the link to its master")


def test_postgresql(probe, authority, tmp_path):
    with postgres(tmp_path, authority) as port:
        keys = f'type = "sql"\naddress = "{HERE}"\nport = {port}\nuser = "postgres"\npassword = "sesame"\n'
        seen = probe(keys)
        expect(seen, 0, "of 20 connections")
        assert float(seen["values"]["connections_percent"].rstrip("%")) == 100 * float(seen["values"]["connections"]) / 20
        assert seen["value"] == float(seen["values"]["connections_percent"].rstrip("%"))
        expect(probe(keys + 'query = "SELECT 7 AS jobs, 3 AS failed"\ncritical = "> 5"\nthresholds.failed.warning = "> 2"'), 2,
               "value 7 is above 5", "failed 3 is above 2", "jobs 7")
        expect(probe(keys + 'query = "SELECT 1 WHERE false"'), 3, "no row")
        expect(probe(keys + 'query = "SELECT nonsense"'), 3, "nonsense")
        expect(probe(keys + 'query = "CREATE TABLE x (a int)"'), 3, "read-only")
        slow = probe(keys + 'query = "SELECT pg_sleep(20)"\ntimeout = "1s"')
        expect(slow, 2)
        assert slow["seconds"] < 4
        expect(probe(keys + f'tls = true\nca_file = "{authority.file}"'), 0, "connections")
        expect(probe(keys + "tls = true"), 2, "ca_file")
        expect(probe(keys.replace("sesame", "wrong")), 3, "password authentication failed")
        expect(probe(f'type = "sql"\naddress = "{tmp_path}/data"\nport = {port}\nuser = "postgres"\npassword = "sesame"'), 0)
        environment = dict(os.environ, PGPASSWORD="sesame")
        open_one = ["psql", "-h", HERE, "-p", str(port), "-U", "postgres", "-c", "SELECT pg_sleep(300)"]
        sessions = [subprocess.Popen(open_one, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(17)]
        try:
            end = time.monotonic() + 60
            while (seen := probe(keys))["status"] == 0 and time.monotonic() < end:
                time.sleep(0.2)
            assert seen["status"] in (1, 2) and "connections_percent" in seen["output"], seen
        finally:
            for session in sessions:
                session.kill()
                session.wait()
    expect(probe(keys), 2, "refused")


def member(name, state, seconds, **more):
    moment = datetime.datetime(2026, 11, 21, 12, 0, 0) + datetime.timedelta(seconds=seconds)
    return {"name": name, "state": state, "health": 1.0, "optimeDate": moment, **more}


def test_mongodb(probe):
    hello = {"ok": 1.0, "setName": "rs0", "me": "a:27017", "hosts": ["a:27017", "b:27017"], "isWritablePrimary": True, "secondary": False,
             "primary": "a:27017", "lastWrite": {"lastWriteDate": datetime.datetime(2026, 1, 1)}}
    status = lambda *members: {"ok": 1.0, "set": "rs0", "members": list(members)}
    good = status(member("a:27017", 1, 0), member("b:27017", 2, -2), member("c:27017", 7, 0))

    def look(commands, keys="", **options):
        with tcp(mongo(commands, **options)) as port:
            return probe(f'type = "mongodb"\naddress = "{HERE}"\nport = {port}\ntimeout = "20s"\n{keys}')

    seen = look({"hello": hello, "replSetGetStatus": good})
    expect(seen, 0, "PRIMARY")
    assert seen["value"] == 2 and seen["values"]["members"] == "3" and seen["parts"]["b:27017"]["output"] == "b:27017 is SECONDARY, 2 s behind"
    behind = status(member("a:27017", 1, 0), member("b:27017", 2, -700))
    expect(look({"hello": hello, "replSetGetStatus": behind}), 2, "lag 700s is above 600")
    expect(look({"hello": hello, "replSetGetStatus": behind}, 'critical = "> 1 h"\nwarning = "> 5 min"'), 1, "is above 300")
    down = status(member("a:27017", 1, 0), member("b:27017", 8, -9, lastHeartbeatMessage="no route to host"))
    seen = look({"hello": hello, "replSetGetStatus": down})
    expect(seen, 1, "b:27017 is DOWN: no route to host")
    assert seen["parts"]["b:27017"]["status"] == 2
    orphan = {**hello, "isWritablePrimary": False, "secondary": True}
    del orphan["primary"]
    expect(look({"hello": orphan, "replSetGetStatus": status(member("a:27017", 2, 0), member("b:27017", 8, 0))}), 2, "rs0 has no primary")
    expect(look({"hello": {"ok": 1.0, "isWritablePrimary": True}}), 3, "not a member of a replica set")
    expect(look({"isMaster": {**hello, "ismaster": True}, "replSetGetStatus": good}), 0)
    sign_in = 'user = "watch,er"\npassword = "sesame"'
    expect(look({"hello": hello, "replSetGetStatus": good}, sign_in, password="sesame"), 0)
    expect(look({"hello": hello, "replSetGetStatus": good}, sign_in, password="other"), 3, "Authentication failed")
    seen = look({"hello": hello, "replSetGetStatus": good}, password="sesame")
    expect(seen, 0)
    assert "clusterMonitor" in seen["long_output"]
    for rubbish in (b"HTTP/1.1 400 Bad\r\n\r\n" * 4, b"\xff\xff\xff\x7f" + b"x" * 100, struct.pack("<iiii", 40, 1, 1, 2013) + b"\0" * 24):
        with tcp(banner(rubbish)) as port:
            expect(probe(f'type = "mongodb"\naddress = "{HERE}"\nport = {port}\ntimeout = "2s"'), 2)


def test_sqs(probe):
    depth = lambda visible, in_flight, age: {"ApproximateNumberOfMessages": str(visible), "ApproximateNumberOfMessagesNotVisible": str(in_flight),
                                             "ApproximateNumberOfMessagesDelayed": "0", "ApproximateAgeOfOldestMessage": str(age)}
    here = []
    with web(sqs({"orders": depth(12, 3, 600), "mail": depth(1, 0, 5)}, "s3cret", lambda: here[0])) as port:
        here.append(port)
        keys = f'type = "sqs"\nurl = "http://{HERE}:{port}/"\nregion = "eu-west-1"\naccess_key = "AKID"\n'
        good = keys + 'secret_key = "s3cret"\n'
        seen = probe(good)
        expect(seen, 0, "13 messages wait in 2 queues", "3 are being worked on")
        assert (seen["values"]["orders.visible"], seen["values"]["orders.in_flight"], seen["values"]["oldest_age"]) == ("12", "3", "600s")
        expect(probe(good + 'queues = ["mail"]\ncritical = "> 10"'), 0, "1 message ")
        expect(probe(good + 'queues = ["o*"]\nthresholds.oldest_age.critical = "> 5 min"'), 2, "oldest_age 600s is above 300")
        expect(probe(good + 'queues = ["nothing"]'), 3, "QueueDoesNotExist")
        expect(probe(keys + 'secret_key = "wrong"'), 3, "InvalidSignature")


def test_graphite(probe):
    def answer(handler):
        if "bad" in handler.path:
            return 400, [], b"no such function"
        if "none" in handler.path:
            return 200, [], b"[]"
        assert handler.path == "/graphite/render?target=sumSeries%28a.%2A%29&from=-600s&format=json", handler.path
        return 200, [], json.dumps([{"target": "a", "datapoints": [[1, 10], [5, 20], [None, 30]]}]).encode()

    with web(answer) as port:
        keys = f'type = "graphite"\nurl = "http://{HERE}:{port}/graphite/"\n'
        expect(probe(keys + 'target = "sumSeries(a.*)"\nwindow = "10min"\ncritical = "> 4"'), 2, "value 5 is above 4")
        expect(probe(keys + 'target = "sumSeries(a.*)"\nwindow = "10min"\nreduce = "avg"\ncritical = "> 4"'), 0, "3")
        expect(probe(keys + 'target = "none"'), 3, "none is no series there")
        expect(probe(keys + 'target = "bad"'), 3, "no such function")


# --- jobs ----------------------------------------------------------------------------------------------------------------

def test_jobs_over_http(probe):
    seen, state = [], {"builds": 0, "generator": 200}

    def answer(handler):
        seen.append((handler.command, handler.path, handler.headers.get("Cookie"), handler.body))
        if handler.path == "/login":
            return 302, [("Set-Cookie", "session=s3; Path=/; HttpOnly"), ("Location", "/")], b""
        if handler.path == "/builds":
            return state["generator"], [], b'{"build": {"id": 42}}'
        state["builds"] += 1
        return 200, [], json.dumps({"state": "done" if state["builds"] > 1 else "running"}).encode()

    job = lambda port, wanted: f'''type = "job"
timeout = "10s"
critical = "> 60"
[[check.steps]]
name = "sign in"
url = "http://{HERE}:{port}/login"
method = "POST"
body = "at={{now}}"
[[check.steps]]
name = "build"
url = "http://{HERE}:{port}/builds"
method = "POST"
keep = {{ id = "$.build.id" }}
generator = true
[[check.steps]]
name = "result"
url = "http://{HERE}:{port}/builds/{{id}}"
json = ["$.state == {wanted}"]
wait = "5s"
'''
    with web(answer) as port:
        done = probe(job(port, "done"))
        expect(done, 0, "3 steps")
        assert [(method, path) for method, path, *_ in seen] == [
            ("POST", "/login"), ("POST", "/builds"), ("GET", "/builds/42"), ("GET", "/builds/42")]
        assert seen[0][3].decode().startswith("at=1") and seen[-1][2] == "session=s3"
        assert "'time_sign in'=" in done["perfdata"] and float(done["values"]["time_result"].rstrip("s")) >= 1
        expect(probe(job(port, "perfect").replace('wait = "5s"', 'wait = "1s"')), 2, "result: waited in vain", "$.state is \"done\"")
        state["generator"] = 500
        expect(probe(job(port, "done")), 3, "the generator failed: build", "500")
    expect(probe(job(port, "done").split("[[check.steps]]\nname = \"build\"")[0]), 2, "sign in")
    expect(probe(job(port, "done").replace('name = "sign in"', 'name = "sign in"\ngenerator = true')), 3, "the generator failed")


@pytest.mark.parametrize("script, status, part", [
    ("echo 'built in 3 s | build=3s;5;9'", 0, "built in 3 s"),
    ("echo slow; exit 1", 1, "slow"),
    ("echo broken; exit 2", 2, "broken"),
    ("echo lost; exit 3", 3, "the generator failed: it ended with status 3; lost"),
    ("exit 77", 3, "status 77"),
    ("kill -9 $$", 3, "signal 9"),
    ("sleep 20", 3, "did not end in time"),
])
def test_jobs_of_commands(probe, script, status, part):
    seconds = 2 if script.startswith("sleep") else 20
    outcome = probe(f'type = "job"\ntimeout = "{seconds}s"\ncommand = ["sh", "-c", {json.dumps(script)}]')
    expect(outcome, status, part)
    assert outcome["values"]["time"].endswith("s")
    if status == 0:
        assert outcome["perfdata"].endswith("build=3s;5;9")


def test_a_job_without_its_program(probe):
    expect(probe('type = "job"\ncommand = ["/no/such/generator"]'), 3, "no such program")


# --- keys --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("keys, key, part", [
    ('type = "http"', "name", "needs url"),
    ('type = "http"\nurl = "example.org"', "url", "not a URL"),
    ('type = "http"\nurl = "http://u:p@example.org/"', "url", "keys of their own"),
    ('type = "http"\nurl = "http://x/"\nunit = "a.service"', "unit", 'is a key of type "systemd"'),
    ('type = "http"\nurl = "http://x/"\nstatus = ["2xx"]', "status", "no HTTP status"),
    ('type = "http"\nurl = "http://x/"\nmatches = ["("]', "matches", "not a regular expression"),
    ('type = "http"\nurl = "http://x/"\njson = ["$.a =="]', "json", "compares with nothing"),
    ('type = "http"\nurl = "http://x/"\nwarning = "a lot"', "warning", "no threshold"),
    ('type = "http"\nurl = "http://x/"\nthresholds.size.critical = "9:1"', "thresholds.size.critical", "no threshold"),
    ('type = "http"\nurl = "http://x/"\nheaders = { "a b" = "c" }', "headers", "no name of a header"),
    ('type = "http"\nurl = "http://x/"\nredirects = 99', "redirects", "at most 20"),
    ('type = "http"\nurl = "http://x/"\nuser = "a"\npassword = "(hidden)"', "password", "in place of a secret"),
    ('type = "http"\nurl = "http://x/"\nuser = "a"\npassword = "b"\npassword_file = "/x"', "password_file", "one of them"),
    ('type = "tcp"\naddress = "x"', "name", "needs port"),
    ('type = "dns"\nquery = "a..b"', "query", "no name"),
    ('type = "dns"\nquery = "a.b"\nrecord = "ANY"', "record", "no type of records"),
    ('type = "icmp"\naddress = "x"\npackets = 0', "packets", "between 1 and 100"),
    ('type = "process"', "name", "needs process, pattern or pidfile"),
    ('type = "systemd"\nunit = "--help"', "unit", "no name of a unit"),
    ('type = "file"\npath = "backups/*.gz"', "path", "not absolute"),
    ('type = "graphite"\nurl = "http://x"\ntarget = "a"\nreduce = "mean"', "reduce", "none of last"),
    ('type = "sqs"\nregion = "x"\naccess_key = "a"', "access_key", "goes with secret_key"),
    ('type = "job"', "name", "steps"),
    ('type = "job"\ncommand = ["x"]\n[[check.steps]]\nurl = "http://x/"', "command", "one or the other"),
    ('type = "job"\n[[check.steps]]\nname = "a"\nurl = "ftp://x/"', "steps", "a: `ftp://x/` is not a URL"),
    ('type = "plugin"\ncommand = ["x"]\nurl = "http://x/"', "url", 'is a key of type "http"'),
    ('type = "plugin"\ncommand = ["x"]\nwarning = "> 1"', "warning", "its plugin judges"),
])
def test_mistakes_are_told_with_a_cure(probe, keys, key, part):
    problems = probe(keys)["problems"]
    assert any(name == key and part in why for name, why in problems), problems


def test_secrets_are_not_told(probe):
    secret = "s3same"
    with tcp(raw(b"")) as port:
        for keys in (f'type = "http"\nurl = "http://{HERE}:{port}/hook/{secret}?key={secret}"\nuser = "a"\npassword = "{secret}"',
                     f'type = "redis"\naddress = "{HERE}"\nport = {port}\npassword = "{secret}"',
                     f'type = "sql"\naddress = "{HERE}"\nport = {port}\nuser = "a"\npassword = "{secret}"',
                     f'type = "mongodb"\naddress = "{HERE}"\nport = {port}\nuser = "a"\npassword = "{secret}"'):
            outcome = probe(keys)
            assert outcome["status"] == 2 and secret not in json.dumps(outcome), outcome
