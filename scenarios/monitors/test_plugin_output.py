"""What plugins print is taken for what Nagios takes it for: every plugin that Debian has, many options, and odd outputs, all run by nagios4.

A wrapper keeps what a plugin printed and hands it on, so that both sides are given the same bytes of one run.
"""
import http.server
import json
import os
import pathlib
import re
import subprocess
import threading
import time

import pytest

from support.nagios_original import ALWAYS, PLUGINS, Nagios, define
from support.examples import example
from support.server import free_port

HERE = pathlib.Path(__file__).parent
# They take longer than the test may, or change the machine.
PASSED_OVER = {"check_dhcp", "check_entropy", "check_apt", "utils.pm", "utils.sh", "check_mailq"}
TIMEOUT = 12

# As `sh` runs them: what no plugin of Debian's does, but others do.
ODD = r"""
printf 'OK | a=1\n'
printf '\nsecond | b=2\n'
printf '\n\n'
printf '\n|p=1\n'
printf ''
printf ' \n'
printf '|only=1\n'
printf '||\n'
printf 'a||b=1|c\n'
printf 'a|\n'
printf 'a|p=1\n|q=2'
printf 'a;b | c;d|e\nlong1\n\nlong2 | p=1\nmore q=2|x\n'
printf 'x;y\nlong;z|p;q'
printf 'x\r\ny\r\n\r\n'
printf '\r\nfoo\n'
printf 'a|p=1\r\nb\r\nc|q=2\r\nr=3\r\n'
printf '   pad   |   p=1   \n   long   \n'
printf '\ttab\there\t|\tp=1\t\n\tl\t\n'
printf 'a\nb|p=1|q=2\nc|d\ne\n'
printf 'a | b=1 \nc | d=2 \n e=3 \n\nf=4'
printf 'x\n  \n \ny\n'
printf 'a\nb\n\n\n'
printf 'a\n\n\nb\n'
printf 'a\n\n\n|q'
printf 'a\nb\n \n\t\n'
printf 'a\0b|c=1\n'
printf '\0abc\n'
printf 'a\nb\0c\nd|e'
printf 'bytes \377\376 | p=1\n'
printf '\303\251t\303\251 \342\202\254\nna\303\257ve|\302\265=1\n'
printf 'back\\slash\\n| a=1\nl\\n2\\\\\n'
printf 'percent %%s %%d $HOSTNAME$ `id` <b>&amp;</b>\n'
printf '\v\fa\v\f\n'
printf 'no newline'
echo out; echo err >&2; exit 2
echo err1 >&2; echo err2 >&2
echo 'e;1|p=1' >&2; printf 'e2|q=3\n' >&2; exit 1
printf '\nerr' >&2; exit 3
printf '   \n' >&2
exit 126
echo said; exit 126
echo said; exit 127
echo said; exit 4
printf 'a|p=1\nl|q\n'; exit 126
printf 'a|p=1\nl|q\n'; exit 127
printf 'a|p=1\nl|q\n'; exit 77
exit 128
echo err >&2; exit 9
exit 255
echo said; kill -9 $$
echo err >&2; kill -TERM $$
kill -SEGV $$
head -c 20000 /dev/zero | tr '\0' x
echo a; head -c 20000 /dev/zero | tr '\0' y
echo 'a|x=1'; for i in 1 2 3 4 5 6 7 8 9; do head -c 1000 /dev/zero | tr '\0' $i; echo; done; echo 'z|y=2'
for i in $(seq 1 2000); do echo line $i; done
printf 'OK|'; for i in $(seq 1 500); do printf "'label %s'=%s;1;2;0;100 " $i $i; done
sleep 60
echo before; sleep 60
"""


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path in ("/", "/pipe")
        body = b"a|b=1;2;3\nwhat | is; here\n" if self.path == "/pipe" else b"we are here\n"
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(body if found else b"not found\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def commands(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    files = tmp_path / "files"
    files.mkdir()
    (files / "new").write_text("x" * 100)
    (files / "old").write_text("x")
    os.utime(files / "old", (time.time() - 5000,) * 2)
    (files / "log").write_text("fine\nERROR 1 | it; broke\nERROR 2\n")
    (files / "mrtg").write_text("1700000000 10 20\n1700000000 10 20 30 40\n")
    (files / "sums").write_text("")
    (files / "statusfile").write_text("WARNING\nas written | a=1\n")
    put = {"http": server.server_port, "closed": free_port(), "dir": files}
    listed = (HERE / "plugin_commands.txt").read_text().splitlines()
    real = [f"{PLUGINS}/{line.format(**put)}" for line in listed if line and not line.startswith("#")]
    real = [line for line in real if pathlib.Path(line.split()[0]).exists()]
    bare = [str(PLUGINS / name) for name in sorted(os.listdir(PLUGINS)) if name not in PASSED_OVER and (PLUGINS / name).exists()]
    yield real + bare, ODD.strip("\n").splitlines()
    server.shutdown()


def test_every_output_is_taken_for_what_nagios_takes_it_for(commands, tmp_path):
    real, odd = commands
    assert len(real) >= 200, "Debian's plugins are installed"
    kept = tmp_path / "kept"
    kept.mkdir()
    every = [*real, *odd]
    for at, command in enumerate(every):
        (kept / f"{at}.sh").write_text(command)
    # Signals are handed on as they were. What is in the pipe beyond its first kilobytes when a plugin ends is lost to Nagios
    # now and then, so a long output is given some seconds to be read.
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f"""#!/bin/sh
cd / && exec 3>{kept}/$1.code </dev/null
PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C sh {kept}/$1.sh >{kept}/$1.out 2>{kept}/$1.err
code=$?
cat {kept}/$1.out; cat {kept}/$1.err >&2
[ $(wc -c <{kept}/$1.out) -lt 3000 ] || sleep 5
case "$(head -c 5 {kept}/$1.sh | tr -d '\\n')$code" in
*137) echo signal 9 >&3; kill -9 $$;; *139) echo signal 11 >&3; kill -SEGV $$;; *143) echo signal 15 >&3; kill -TERM $$;;
esac
echo exit $code >&3
exit $code
""")
    wrapper.chmod(0o755)
    objects = ALWAYS + define("command", command_name="run", command_line=f"{wrapper} $ARG1$")
    objects += define("contact", contact_name="nobody", host_notifications_enabled=0, service_notifications_enabled=0, host_notification_period="always",
                      service_notification_period="always", host_notification_commands="run", service_notification_commands="run")
    common = dict(max_check_attempts=1, check_interval=1000, retry_interval=1000, check_period="always", notification_period="always", contacts="nobody")
    objects += define("host", host_name="h", address="127.0.0.1", active_checks_enabled=0, **common)
    for code in (0, 1, 2, 3, 4, 126, 127):
        (kept / f"host{code}.sh").write_text(f"echo said; exit {code}")
        objects += define("host", host_name=f"host{code}", check_command=f"run!host{code}", **common)
    (kept / "hostslow.sh").write_text("sleep 60")
    objects += define("host", host_name="hostslow", check_command="run!hostslow", **common)
    for at in range(len(every)):
        objects += define("service", host_name="h", service_description=f"s{at}", check_command=f"run!{at}", **common)
    nagios = Nagios(tmp_path / "nagios", objects, service_inter_check_delay_method="n", host_inter_check_delay_method="n", max_concurrent_checks=0,
                    service_check_timeout=TIMEOUT, host_check_timeout=TIMEOUT)

    def all_checked(nagios):
        services, hosts = nagios.status("servicestatus"), nagios.status("hoststatus")
        done = [status for status in services + hosts if status["has_been_checked"] == "1" or status["host_name"] == "h" and status in hosts]
        return services and len(done) == len(services) + len(hosts) and (services, hosts)

    with nagios:
        services, hosts = nagios.wait_for(all_checked, 120)

    answers = ours([asked(kept, f"s{at}", at) for at in range(len(every))], [asked(kept, None, name["host_name"]) for name in hosts if name["host_name"] != "h"])
    seen = {int(status["service_description"][1:]): status for status in services}
    wrong = []
    for at, command in enumerate(every):
        theirs = nagios_saw(seen[at])
        own = (answers[at]["status"], answers[at]["output"], answers[at]["long_output"], answers[at]["perfdata"])
        if theirs != own:
            wrong.append(difference(command, theirs, own))
    for answer, status in zip(answers[len(every):], [status for status in hosts if status["host_name"] != "h"]):
        theirs, own = nagios_saw(status)[1:], (answer["output"], answer["long_output"], answer["perfdata"])
        if theirs != own:
            wrong.append(difference(status["host_name"], theirs, own))
    assert not wrong, f"{len(wrong)} of {len(every)} differ:\n" + "\n".join(wrong[:20])
    print(f"{len(real)} plugins, {len(odd)} odd outputs")
    assert sum(bool(answer["items"]) for answer in answers) >= 50, "performance data is read"
    for answer in answers[:len(real)]:
        for item in answer["items"]:
            assert item["label"] and (item["value"] is None or isinstance(item["value"], (int, float)))


def difference(command, theirs, own):
    """Each part that differs, from a little before the first character that does."""
    parts = [f"  nagios {a[max(0, at - 40):at + 40]!r} of {len(a)}\n  ours   {b[max(0, at - 40):at + 40]!r} of {len(b)}"
             for a, b in zip(map(str, theirs), map(str, own)) if a != b for at in [len(os.path.commonprefix([a, b]))]]
    return "\n".join([command, *parts])


def asked(kept, service, name):
    # On a very busy machine one of them all has not even begun when its time is over.
    read = lambda path: path.read_bytes() if path.exists() else b""
    code = read(kept / f"{name}.code").split()
    ended = {code[0].decode(): int(code[1])} if code else {"timed_out": TIMEOUT}
    return {"host": "h" if service else name, "service": service, **ended,
            "stdout": list(read(kept / f"{name}.out")), "stderr": list(read(kept / f"{name}.err"))}


def ours(services, hosts):
    lines = "".join(json.dumps(line) + "\n" for line in services + hosts)
    done = subprocess.run([example("plugin_output")], input=lines, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def nagios_saw(status):
    """status.dat has long text in one line; carriage returns at line ends, which Nagios keeps, are taken away."""
    long_output = unescaped(status["long_plugin_output"])
    long_output = "\n".join(line.rstrip("\r") for line in long_output.split("\n"))
    output = status["plugin_output"]
    # The time that it really took, on a busy machine a second more; ours is told the timeout.
    took = lambda found: f"timed out after {TIMEOUT}.00 seconds" if float(found[1]) >= TIMEOUT else found[0]
    output = re.sub(r"timed out after (\d+\.\d\d) seconds", took, output)
    return int(status["current_state"]), output, long_output, status["performance_data"].replace("\r", "")


def unescaped(text):
    return text.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
