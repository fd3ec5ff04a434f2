"""Built-in checks from outside: `look` runs one through crates/monitors/examples/probe.rs, and servers for them to ask."""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import shlex
import shutil
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

import bson

from .examples import example
from .server import free_port, wait_for

PLUGINS = pathlib.Path("/usr/lib/nagios/plugins")
WORDS = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}


class Prober:
    def __init__(self, folder):
        self.binary = example("probe")
        self.folder = folder
        self.count = 0

    def look(self, text, env=None, seconds=30):
        """The outcome of `[[check]]` with these keys; a key `[egress]` may follow."""
        self.count += 1
        file = self.folder / f"check{self.count}.toml"
        file.write_text('[[check]]\nname = "x"\n' + text)
        done = subprocess.run([self.binary, str(file)], capture_output=True, text=True, timeout=seconds,
                              env=dict(os.environ, **(env or {})))
        assert done.stdout, done.stderr
        outcome = json.loads(done.stdout)
        outcome["values"] = dict(item.split(";")[0].rsplit("=", 1) for item in shlex.split(outcome.get("perfdata", "")))
        return outcome


def plugin(name, *arguments):
    """The state that Debian's plugin finds."""
    return subprocess.run([PLUGINS / name, *map(str, arguments)], capture_output=True, text=True, timeout=30)


class Threaded(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # Whoever asks may go in the middle.


@contextlib.contextmanager
def tcp(talk, tls=None):
    """A port where each connection is talked to; yields its number."""
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            sock = self.request
            sock.settimeout(20)
            if tls:
                sock = tls.wrap_socket(sock, server_side=True)
            with contextlib.suppress(OSError):
                talk(sock)

    server = Threaded(("127.0.0.1", free_port()), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def web(answer, tls=None):
    """A web server: `answer(handler)` gives (status, headers, body)."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self):
            length = int(self.headers.get("Content-Length") or 0)
            self.body = self.rfile.read(length)
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_HEAD = handle_any

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
    server.handle_error = lambda *_: None
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


class Authority:
    """Certificates that the test makes: of an authority, and of itself."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                     "-subj", "/CN=Test Authority", "-keyout", folder / "ca.key", "-out", self.file)

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder)

    def context(self, name, days, start=None):
        """A server's context with a certificate for `name` that ends in so many days (negative: it has ended)."""
        stem = f"{name}{days}".replace("*", "star").replace("-", "m").replace(".", "_")
        key, request, certificate = (self.folder / f"{stem}.{end}" for end in ("key", "csr", "pem"))
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        kind = "IP" if name[0].isdigit() else "DNS"
        extension = self.folder / f"{stem}.ext"
        extension.write_text(f"subjectAltName={kind}:{name}\nbasicConstraints=CA:FALSE\n")
        now = time.time()
        moment = lambda seconds: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(seconds))
        database = self.folder / f"{stem}.db"
        database.write_text("")
        config = self.folder / f"{stem}.cnf"
        config.write_text(f"""[ca]\ndefault_ca=d\n[d]\ndatabase={database}\nnew_certs_dir={self.folder}\nrand_serial=yes\n
default_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n""")
        self.openssl("ca", "-batch", "-config", config, "-cert", self.file, "-keyfile", self.folder / "ca.key", "-in", request,
                     "-out", certificate, "-notext", "-extfile", extension,
                     "-startdate", moment(now - 86_400 * 100), "-enddate", moment(now + 86_400 * days + 3_600))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


# --- DNS -------------------------------------------------------------------------------------------------------------

def dns_answer(question, records, cut=False, code=0):
    """To one question: records are (type, data); `cut` as a server does whose answer does not fit."""
    flags = 0x8180 | code | (0x0200 if cut else 0)
    out = question[:2] + struct.pack(">HHHHH", flags, 1, 0 if cut else len(records), 0, 0) + question[12:]
    for kind, data in [] if cut else records:
        out += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data
    return out


@contextlib.contextmanager
def name_server(answer):
    """UDP and TCP on one port: `answer(question, is_tcp)` gives bytes, or None to say nothing."""
    port = free_port()
    datagrams = socket.socket(type=socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", port))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                question, who = datagrams.recvfrom(4096)
                for reply in answer(question, False) or []:
                    datagrams.sendto(reply, who)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            length = struct.unpack(">H", self.request.recv(2))[0]
            for reply in answer(self.request.recv(length), True) or []:
                self.request.sendall(struct.pack(">H", len(reply)) + reply)

    server = Threaded(("127.0.0.1", port), Handler)
    threading.Thread(target=serve, daemon=True).start()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield port
    finally:
        server.shutdown()
        server.server_close()
        datagrams.close()


# --- MongoDB ---------------------------------------------------------------------------------------------------------

def received(sock, count):
    got = b""
    while len(got) < count:
        more = sock.recv(count - len(got))
        if not more:
            raise ConnectionError
        got += more
    return got


def mongo(commands, password=None):
    """Speaks OP_MSG with pymongo's own BSON: command name -> answer. With a password, the rest is for who has signed in."""
    def talk(sock):
        state = {"in": password is None}
        while True:
            head = received(sock, 16)
            length, request, _, _ = struct.unpack("<iiii", head)
            body = received(sock, length - 16)
            command = bson.decode(body[5:])
            name = next(iter(command))
            if name in ("saslStart", "saslContinue"):
                answer = scram(command, password, state)
            elif name in ("hello", "isMaster") or state["in"]:
                answer = commands.get(name, {"ok": 0.0, "errmsg": f"no such command: '{name}'", "code": 59})
            else:
                answer = {"ok": 0.0, "errmsg": "command replSetGetStatus requires authentication", "code": 13}
            body = b"\0\0\0\0\0" + bson.encode(answer)
            sock.sendall(struct.pack("<iiii", 16 + len(body), 1, request, 2013) + body)
    return talk


def scram(command, password, state):
    """The server's side of SCRAM-SHA-256."""
    payload = bytes(command["payload"]).decode()
    if "saslStart" in command:
        state["first"] = payload.split(",,", 1)[1]
        nonce = state["first"].split("r=")[1] + "server"
        state["salt"] = os.urandom(16)
        state["challenge"] = f"r={nonce},s={base64.b64encode(state['salt']).decode()},i=15000"
        return {"ok": 1.0, "conversationId": 1, "done": False, "payload": state["challenge"].encode()}
    without_proof, proof = payload.rsplit(",p=", 1)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), state["salt"], 15000)
    mac = lambda key, text: hmac.new(key, text, "sha256").digest()
    signed = ",".join((state["first"], state["challenge"], without_proof)).encode()
    client_key = mac(salted, b"Client Key")
    expected = bytes(a ^ b for a, b in zip(client_key, mac(hashlib.sha256(client_key).digest(), signed)))
    if base64.b64decode(proof) != expected:
        return {"ok": 0.0, "errmsg": "Authentication failed.", "code": 18}
    state["in"] = True
    signature = base64.b64encode(mac(mac(salted, b"Server Key"), signed))
    return {"ok": 1.0, "conversationId": 1, "done": True, "payload": b"v=" + signature}


# --- SQS -------------------------------------------------------------------------------------------------------------

def sqs(queues, secret, port):
    """Amazon's JSON protocol for these queues; signatures are worked out anew and have to be the same."""
    def refuse(kind, message):
        return 403 if "Signature" in kind else 400, [], json.dumps({"__type": f"com.amazonaws.sqs#{kind}", "message": message}).encode()

    def answer(handler):
        if not is_signed(handler, secret):
            return refuse("InvalidSignatureException", "The request signature we calculated does not match")
        question = json.loads(handler.body)
        action = handler.headers["X-Amz-Target"].removeprefix("AmazonSQS.")
        url = lambda name: f"http://127.0.0.1:{port()}/000000000000/{name}"
        if action == "ListQueues":
            return 200, [], json.dumps({"QueueUrls": [url(name) for name in queues]}).encode()
        if action == "GetQueueUrl":
            if question["QueueName"] not in queues:
                return refuse("QueueDoesNotExist", "The specified queue does not exist.")
            return 200, [], json.dumps({"QueueUrl": url(question["QueueName"])}).encode()
        attributes = queues[question["QueueUrl"].rsplit("/", 1)[1]]
        return 200, [], json.dumps({"Attributes": attributes}).encode()
    return answer


def is_signed(handler, secret):
    told = handler.headers.get("Authorization", "")
    parts = dict(part.strip().split("=", 1) for part in told.removeprefix("AWS4-HMAC-SHA256").split(",") if "=" in part)
    scope = parts.get("Credential", "").split("/")[1:]
    signed = parts.get("SignedHeaders", "")
    headers = "".join(f"{name}:{handler.headers[name]}\n" for name in signed.split(";"))
    canonical = "\n".join((handler.command, handler.path, "", headers, signed, hashlib.sha256(handler.body).hexdigest()))
    to_sign = "\n".join(("AWS4-HMAC-SHA256", handler.headers.get("X-Amz-Date", ""), "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()))
    key = ("AWS4" + secret).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), "sha256").digest()
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest() == parts.get("Signature")


# --- processes -------------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def redis(*arguments):
    port = free_port()
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", *arguments],
                               stdout=subprocess.DEVNULL)
    ask = lambda *words: subprocess.run(["redis-cli", "-p", str(port), *words], capture_output=True, text=True).stdout
    try:
        wait_for(lambda: ask("PING"), what="Redis")
        yield port, ask
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def postgres(folder, authority):
    """A cluster of its own, over TCP with passwords and TLS. It does not run as root."""
    binaries = pathlib.Path("/usr/lib/postgresql/15/bin")
    user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    data, port = folder / "data", free_port()
    folder.chmod(0o755)
    data.mkdir()
    password = folder / "password"
    password.write_text("sesame")
    if user:
        for path in (data, password):
            shutil.chown(path, "postgres", "postgres")
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, cwd="/", **user)
    run(binaries / "initdb", "-D", data, "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync")
    authority.context("127.0.0.1", 90)
    for end, name in (("pem", "server.crt"), ("key", "server.key")):
        (data / name).write_bytes((authority.folder / f"127_0_0_190.{end}").read_bytes())
        (data / name).chmod(0o600)
        if user:
            shutil.chown(data / name, "postgres", "postgres")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {data} -c fsync=off -c max_connections=20 -c ssl=on".split()
    server = subprocess.Popen([binaries / "postgres", "-D", data, *options], cwd="/", stderr=subprocess.DEVNULL, **user)
    try:
        ready = [binaries / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        wait_for(lambda: subprocess.run(ready, capture_output=True).returncode == 0, what="PostgreSQL")
        yield port
    finally:
        # Fast: it does not wait for whoever is still signed in.
        server.send_signal(signal.SIGINT)
        server.wait(20)
