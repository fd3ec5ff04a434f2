"""A file system that is soon full."""
import contextlib
import subprocess

import pytest


@contextlib.contextmanager
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "none", str(place)], capture_output=True)
    if mounted.returncode != 0:
        pytest.fail(f"needs root to mount a small file system: {mounted.stderr.decode()}")
    try:
        yield place
    finally:
        # Lazy: after a failure the server still runs, and is stopped by the fixture.
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(path):
    # Without a buffer: what is left in one does not fit either when the file is closed.
    with open(path, "wb", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * (64 << 10))
        except OSError:
            pass
