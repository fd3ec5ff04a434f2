"""Writes crates/formats/tests/carbon_lines.tsv: what carbon 1.1.10 itself makes of many lines and datagrams.

Each line: `tcp` or `udp`, tab, hexadecimal bytes, tab, `name|bits of value|whole seconds` of each point, joined by
blanks. Needs the package `carbon`.
"""
import os
import pathlib
import random
import struct
import tempfile

os.environ.setdefault("GRAPHITE_ROOT", tempfile.mkdtemp())
from carbon import events, protocols, util  # noqa: E402
from carbon.conf import settings  # noqa: E402

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates" / "formats" / "tests" / "carbon_lines.tsv"
NOW = 1700000000

settings.MIN_TIMESTAMP_RESOLUTION = 0
protocols.time.time = lambda: NOW
seen = []
events.metricReceived = lambda metric, datapoint: seen.append((metric, datapoint))


def receiver(kind):
    made = kind()
    made.peerName = "peer"
    made.resetTimeout = lambda: None
    return made


TCP, UDP = receiver(protocols.MetricLineReceiver), receiver(protocols.MetricDatagramReceiver)


def tell(kind, data):
    seen.clear()
    try:
        if kind == "tcp":
            TCP.lineReceived(data)
        else:
            UDP.datagramReceived(data, ("peer", 1))
    except (UnicodeDecodeError, ValueError, OverflowError):
        # Text that is not UTF-8, or a timestamp that is not finite: the original loses the connection over it.
        pass
    points = [f"{name.encode().hex()}|{struct.pack('>d', value).hex()}|{int(time)}" for name, (time, value) in seen]
    return f"{kind}\t{data.hex()}\t{' '.join(points)}\n"


LINES = """a.b 1 2|a 1 -1|a 1 -1.5|a 1 -2|a 1 1e9|a 1 1_0|a 0x1 2|a nan 2|a inf 2|a -inf 2|a 1 nan|a 1 inf||a|a 1|a 1 2 3|a  1   2|\ta\t1\t2
 a 1 2 |a 1 2\r|a;b=c 1 2|a;b=c;d=e 1.5 2.5|ä.ö 1 2|a\u00a01 2 3|a\u20031\u20032|a 1 2\u2028b 1 2|a\u0085b 1 2|a 1 2\x0bb 1 2|a 1 2\x1cb 1 2
a 1 2\x1fb 1 2|a 1 2\rb 1 2|a 1 2\r\nb 1 2|a 1 2\n\nb 3 4|a 1 2\n|\u0661 \u0662 \u0663|a +1 +2|a .5 2.|a 1. .9|a 1e400 2|a 1 1e15|a - 2|a 1 - 2
a 00012 007|"quoted name" 1 2|a\x00b 1 2|a 1\x002 3|\ufeffa 1 2|a,b=c 1 2|.a..b. 1 2|a 1e-400 5|a 9007199254740993 9007199254740993""".split("|")


def inputs():
    for text in LINES:
        for line in text.split("\n") if text.count("\n") == 1 and "b" not in text else [text]:
            yield line.encode()
    yield b"\xff 1 2"
    yield b"a 1 2 \xe2\x80"
    rng = random.Random(2004)
    pieces = ["a", "b.c", " ", "  ", "\t", "1", "2.5", "-1", "nan", "inf", "1_0", "\n", "\r\n", "\r", ";k=v", "\u00a0", "\u2028", "\x85", "\x1d", "e5", "."]
    for _ in range(600):
        yield "".join(rng.choice(pieces) for _ in range(rng.randint(1, 12))).encode()
    for _ in range(200):
        name = ".".join(rng.choice("abcdef") * rng.randint(1, 9) for _ in range(rng.randint(1, 6)))
        yield f"{name} {rng.choice([repr(rng.gauss(0, 1e3)), str(rng.randint(-5, 10**12))])} {rng.choice([NOW, NOW + .5, -1])}".encode()


lines = [tell("udp", data) for data in inputs()]
lines += [tell("tcp", data) for data in inputs() if b"\n" not in data]
OUT.write_text("".join(lines), encoding="ascii")
