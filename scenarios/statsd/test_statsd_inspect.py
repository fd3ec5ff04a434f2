"""The admin interface prints as Node's `util.inspect` does: random objects of numbers and of arrays."""
import json
import os
import random
import subprocess

import pytest

from support.statsd_servers import InProcess, driver_binary

OBJECTS = 1500 * (20 if os.environ.get("BELLWETHER_LONG") else 1)
NODE = """
const util = require('util');
require('readline').createInterface({input: process.stdin}).on('line', line => {
    const object = {};
    for (const [key, value] of JSON.parse(line))
        object[key] = Array.isArray(value) ? value.map(Number) : Number(value);
    process.stdout.write(JSON.stringify(util.inspect(object)) + '\\n');
});
"""
LENGTHS = [1, 2, 5, 6, 7, 8, 10, 16, 17, 26, 27, 50, 99, 100, 101, 102, 150]


class Node:
    def __init__(self):
        self.process = subprocess.Popen(["node", "-e", NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def inspect(self, pairs):
        self.process.stdin.write(json.dumps(pairs) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def number(rnd):
    kind = rnd.random()
    if kind < 0.3:
        return str(rnd.randrange(10))
    if kind < 0.5:
        return str(rnd.randrange(100_000))
    if kind < 0.8:
        return repr(round(rnd.random() * 10 ** rnd.randrange(6), rnd.randrange(12)))
    if kind < 0.9:
        return repr(rnd.random() * 10 ** rnd.randrange(-12, 25))
    return rnd.choice(["0", "-0", "1e21", "1e-7", "123456789012345680000", "Infinity"])


def key(rnd):
    word = lambda alphabet, most: "".join(rnd.choice(alphabet) for _ in range(rnd.randrange(1, most)))
    kind = rnd.random()
    if kind < 0.1:
        return str(rnd.randrange(300))
    if kind < 0.5:
        return word("abc_ZY09", 12)
    if kind < 0.8:
        return ".".join(word("abcZY09-", 9) for _ in range(rnd.randrange(1, 6)))
    return word("ab'\"`${}\\\x01\t\x7f\x85\u00e9 ", 8)


def values(rnd):
    digits = 10 ** rnd.randrange(1, 5)
    alike = rnd.random() < 0.5
    count = rnd.choice([*LENGTHS, rnd.randrange(1, 130)])
    return [str(rnd.randrange(digits)) if alike else number(rnd) for _ in range(count)]


@pytest.mark.parametrize("command", ["gauges", "timers"])
def test_objects_are_printed_as_node_prints_them(command):
    seed = int(os.environ.get("SEED", 0)) or random.SystemRandom().randrange(1, 1 << 32)
    print(f"SEED={seed}")
    rnd = random.Random(seed)
    node, ours = Node(), InProcess(driver_binary(), "")
    try:
        for _ in range(OBJECTS // 2):
            ours.ask(config="dialect = 'statsd'\nkey_name_sanitize = false")
            pairs = {key(rnd): number(rnd) if command == "gauges" else values(rnd)
                     for _ in range(rnd.choice([1, 1, 2, 3, 5, 8, 30]))}
            ours.ask(packets=[line.encode().hex() for line in lines(pairs, command)])
            wanted = node.inspect(list(pairs.items())) + "\nEND\n\n"
            assert ours.ask(admin=command)["answer"] == wanted, pairs
    finally:
        node.stop()
        ours.stop()


def lines(pairs, command):
    for name, value in pairs.items():
        if command == "timers":
            yield "\n".join(f"{name}:{item}|ms" for item in value)
        else:
            # A value with a sign would change the gauge; from zero it is the value.
            yield f"{name}:0|g\n{name}:{value}|g"
