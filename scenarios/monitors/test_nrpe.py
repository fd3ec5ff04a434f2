"""NRPE: Debian's server is asked by check_nrpe and by `bellwether check run`; both say the same."""
import json
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

import pytest

from support.nagios_original import PLUGINS
from support.server import default_binary, free_port, wait_for

SERVER = "/usr/sbin/nrpe"
CONFIG = """
pid_file={home}/{port}.pid
server_port={port}
server_address=127.0.0.1
nrpe_user={user}
nrpe_group={group}
allowed_hosts=127.0.0.1
dont_blame_nrpe=0
command_timeout=20
command[users]={plugins}/check_users -w 1000 -c 2000
command[multi]=/bin/sh -c "printf 'a;b|b=1;2;3\\nlong\\nmore|c=5\\n'; exit 1"
command[critical]=/bin/sh -c "echo broken; exit 2"
command[five]=/bin/sh -c "echo odd; exit 5"
command[quiet]=/bin/true
command[long]=/bin/sh -c "head -c 3000 /dev/zero | tr '\\0' x"
command[slow]=/bin/sleep 30
"""


@pytest.fixture
def nrpe():
    """A function that starts servers."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="bellwether-nrpe-"))
    home.chmod(0o777)
    running = []

    def start(*options, more=""):
        root = os.geteuid() == 0
        user, group = ("nobody", "nogroup") if root else (pwd.getpwuid(os.geteuid()).pw_name, str(os.getegid()))
        port = free_port()
        config = home / f"nrpe{port}.cfg"
        config.write_text(CONFIG.format(home=home, port=port, user=user, group=group, plugins=PLUGINS) + more)
        process = subprocess.Popen([SERVER, "-c", config, "-f", *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        running.append(process)
        wait_for(lambda: answers(port), what="the NRPE server")
        return port

    yield home, start
    for process in running:
        process.terminate()
        process.wait(20)
    shutil.rmtree(home, ignore_errors=True)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
        return True
    except OSError:
        return False


def original(port, *options):
    done = subprocess.run([PLUGINS / "check_nrpe", "-H", "127.0.0.1", "-p", str(port), *options], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout


def ours(home, port, keys):
    config = home / "bellwether.toml"
    config.write_text(f'[[check]]\nname = "c"\ntype = "nrpe"\naddress = "127.0.0.1"\nport = {port}\n{keys}\n')
    done = subprocess.run([default_binary(), "check", "run", "c", "--json", "--config", config], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def whole(answer):
    """As the plugin printed it, as far as parsing leaves it."""
    return answer["status"], answer["output"], answer["long_output"]


def parsed(home, status, text):
    """What check_nrpe printed, parsed as any plugin's output."""
    (home / "said").write_text(text)
    done = subprocess.run([default_binary(), "check", "run", "--json", "--", "/bin/sh", "-c", f"cat {home}/said; exit {status}"],
                          capture_output=True, text=True, timeout=30)
    return whole(json.loads(done.stdout))


@pytest.mark.parametrize("query", ["users", "multi", "critical", "five", "quiet", "long", "nope", None])
def test_plain_and_encrypted(nrpe, query):
    home, start = nrpe
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", home / "key.pem", "-out", home / "cert.pem", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    (home / "key.pem").chmod(0o644)
    plain = start("-n")
    encrypted = start(more=f"ssl_version=TLSv1.2+\nssl_use_adh=0\nssl_cert_file={home}/cert.pem\nssl_privatekey_file={home}/key.pem\n")
    asked = ["-c", query] if query else []
    key = f'query = "{query}"\n' if query else ""
    expected = parsed(home, *original(plain, "-n", *asked))
    assert whole(ours(home, plain, key + "tls = false")) == expected
    assert whole(ours(home, encrypted, key)) == expected
    assert whole(ours(home, encrypted, key + f'ca_file = "{home}/cert.pem"')) == expected
    if query != "long":
        assert whole(ours(home, plain, key + "tls = false\nnrpe_version = 2")) == expected


def test_what_goes_wrong_says_how_to_mend_it(nrpe):
    home, start = nrpe
    plain, anonymous = start("-n"), start()
    seen = ours(home, anonymous, 'query = "users"')
    assert seen["status"] == 2 and "ssl_cert_file" in seen["output"] and "tls = false" in seen["output"] and "check_nrpe" in seen["output"]
    # Debian's build closes when it is given arguments.
    status, _ = original(plain, "-n", "-c", "users", "-a", "1")
    seen = ours(home, plain, 'query = "users!1"\ntls = false')
    assert (seen["status"], "dont_blame_nrpe" in seen["output"]) == (status, True)
    status, _ = original(plain, "-n", "-c", "slow", "-t", "1")
    seen = ours(home, plain, 'query = "slow"\ntls = false\ntimeout = "1s"')
    assert (seen["status"], "within 1 s" in seen["output"]) == (status, True) and seen["seconds"] < 3
    status, _ = original(free_port(), "-n")
    seen = ours(home, free_port(), "tls = false")
    assert (seen["status"], "refused" in seen["output"]) == (status, True)
    # Not verified unless it is asked for, and then it is.
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", home / "k", "-out", home / "other.pem", "-days", "2",
                    "-subj", "/CN=other"], check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", home / "key", "-out", home / "own.pem", "-days", "2",
                    "-subj", "/CN=own"], check=True, capture_output=True)
    (home / "key").chmod(0o644)
    encrypted = start(more=f"ssl_version=TLSv1.2+\nssl_use_adh=0\nssl_cert_file={home}/own.pem\nssl_privatekey_file={home}/key\n")
    assert ours(home, encrypted, "")["status"] == 0
    assert ours(home, encrypted, f'ca_file = "{home}/other.pem"')["status"] == 2
