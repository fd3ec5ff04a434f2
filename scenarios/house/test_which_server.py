"""Which server a command of the shell asks: what the command says goes before what a variable said long ago."""
import subprocess

from support.server import free_port


def run(server, port, *arguments):
    env = {**server.environment(), "BELLWETHER_URL": f"http://127.0.0.1:{port}"}
    return subprocess.run([server.binary, "user", "list", *arguments], env=env, cwd=server.directory, capture_output=True, text=True, timeout=60)


def test_a_flag_goes_before_the_variable_and_the_variable_is_named(bellwether):
    server, port = bellwether(), free_port()
    for flags in (["--config", str(server.config_file)], ["--url", server.url("")]):
        done = run(server, port, *flags)
        assert done.returncode == 0, (flags, done.stderr)
    lost = run(server, port)
    assert lost.returncode == 1 and f"127.0.0.1:{port}" in lost.stderr and "BELLWETHER_URL" in lost.stderr, lost.stderr
