"""docs/first-page.md, as it stands there: a newcomer's telephone rings, and is answered, without a public address."""
import re
import shutil
import subprocess

import pytest

from support.providers import Providers
from support.server import ROOT, wait_for
from support.ways import code_in

TOPIC = "ana-3f7c1a9e"
# What a person types and reads; ten minutes for all of it are the promise.
STEPS_MOST = 10


def blocks():
    """The commands of each block."""
    text = (ROOT / "docs" / "first-page.md").read_text()
    return [block.strip().splitlines() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]


@pytest.mark.skipif(not shutil.which("curl"), reason="the page tells of curl")
def test_a_newcomers_telephone_rings(bellwether):
    with Providers() as providers:
        # Nothing but where the stand-in of the public ntfy server is; the page needs no configuration.
        server = bellwether(f'[[channel]]\nname = "ntfy"\ntype = "ntfy"\nurl = "{providers.url("ntfy")}"\n')

        def type_in(command, **replaced):
            assert not command.startswith("bellwether ") or command.split()[1] == "user"
            command = command.replace("127.0.0.1:8080", f"127.0.0.1:{server.ports['http']}").replace("/dev/udp/127.0.0.1/8125", f"/dev/udp/127.0.0.1/{server.ports['statsd']}")
            command = command.replace("bellwether user", f'"{server.binary}" user').replace("--role admin", f'--role admin --config "{server.config_file}"')
            for old, new in replaced.items():
                command = command.replace(old.lstrip("_"), new)
            done = subprocess.run(["bash", "-c", command], input="correct horse\n", capture_output=True, text=True, env=server.environment(), timeout=60)
            assert done.returncode == 0 and '"error"' not in done.stdout, f"{command}: {done.stdout}{done.stderr}"
            return done.stdout

        account, way, code, watch, broken, look, mended = blocks()
        assert sum(map(len, blocks())) <= STEPS_MOST
        received = lambda: [one["whole"] for one in providers.ntfy.topics[TOPIC]]
        for command in (*account, *way):
            type_in(command)
        sent = wait_for(received, what="a code")[0]
        assert '"confirmed":1' in type_in(code[0], _123456=code_in(sent["title"]))
        for command in watch:
            type_in(command)
        # StatsD's gauges stay, so that once is enough.
        wait_for(lambda: server.get("/api/v1/monitors/queue").json["instances"], what="that the queue is watched")
        type_in(broken[0])
        wait_for(lambda: received()[1:], what="that the telephone rings")
        page = providers.ntfy.topics[TOPIC][1]
        assert "CRITICAL: queue" in page["whole"]["title"] and page["whole"]["priority"] == 5
        assert "500" in page["message"] and "> 100" in page["message"] and "Restart the worker." in page["message"]
        providers.ntfy.press(page, "Acknowledge")
        wait_for(lambda: '"owner":"ana"' in type_in(look[0]), what="that it is hers", pause=0.5)
        type_in(mended[0])
        wait_for(lambda: any("over" in one.get("title", "") for one in received()), what="the end")
        assert providers.ntfy.problems() == []
