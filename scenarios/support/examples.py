"""Drivers that the rooms have among their examples (`crates/*/examples`): a room alone, for tests to speak to."""
import functools
import os
import pathlib
import subprocess

from .server import ROOT


@functools.cache
def example(name):
    """The path of one, built if need be: with the features of the whole workspace, as `cargo test` builds them. For a room alone its dependencies
    would be compiled once more."""
    subprocess.run(["cargo", "build", "--quiet", "--locked", "--workspace", "--example", name], cwd=ROOT, check=True)
    return str(pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "examples" / name)
