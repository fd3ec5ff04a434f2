"""Writes crates/formats/tests/pickles.tsv: pickles as Python makes them, and what carbon 1.1.10 reads in them.

Each line: hexadecimal pickle, tab, `name|bits of value|whole seconds` of each point joined by blanks; or `-` for a
pickle that carbon refuses as a whole, `!` for an entry that is not a point.
"""
import collections
import math
import pathlib
import pickle
import pickletools
import struct

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates" / "formats" / "tests" / "pickles.tsv"
NOW = 1700000000

SAME = ("twice", (7, 8.5))
VALUES = [
    [("a.b", (1, 2.5))],
    [("a.b", (NOW, 2)), ("c;d=e", (NOW + 0.75, -3.25))],
    (("a", (1, 2)), ("b", (3, 4))),
    [["a", [1, 2]], ("b", [3, 4])],
    [],
    [SAME, SAME, SAME],
    [("a", (-1, 1))],
    [("a", (1, True)), ("b", (1, False))],
    [("a", ("1700000000", "12.5")), ("b", (" 1 ", "1_0"))],
    [("a", (1, None)), ("b", (1, "x")), ("c", ("x", 1)), ("d", (1, (2, 3)))],
    [("a", (1, float("nan"))), ("b", (1, float("inf"))), ("c", (float("inf"), 1)), ("d", (float("nan"), 1))],
    [("a", 1, 2), ("b", (1,)), "c", 5, None, ("d", (1, 2, 3))],
    [("zähler.größe", (1, 2)), ("\u20ac\U0001f600", (1, 2)), ("back\\slash'quote\"", (1, 2)), ("new\nline", (1, 2))],
    [("i", (1, n)) for n in (0, 255, 256, 65535, 65536, -1, -128, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**53 + 1, 2**63,
                             -2**63, 2**64 + 2**11 + 1, 2**127 - 1, -2**127, 2**200 + 1, -(2**200) - 1, 10**300, 10**310,
                             -(10**310), 2**1024 - 2**970, 2**1024, (2**53 + 1) * 2**300, (2**53 + 1) * 2**300 + 1)],
    [("f", (1, x)) for x in (0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1)],
    [("m%d" % (i % 10), (i, i)) for i in range(1002)],  # more than one batch of APPENDS
    [("x" * 300, (1, 2))],
]
REFUSED = [
    {"a": (1, 2)}, {1, 2}, frozenset([1]), bytearray(b"x"), 1j, collections.OrderedDict(), print, object, 5, None, 7.5,
]


def float_or_none(value):
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return None


def entry(raw):
    try:
        (metric, (timestamp, value)) = raw
    except (TypeError, ValueError):
        return "!"
    timestamp, value = float_or_none(timestamp), float_or_none(value)
    if not isinstance(metric, str) or timestamp is None or value is None:
        return "!"
    if value != value or not math.isfinite(timestamp):
        return "!"
    seconds = NOW if int(timestamp) == -1 else int(timestamp)
    return f"{metric.encode().hex()}|{struct.pack('>d', value).hex()}|{seconds}"


lines = []
for value in VALUES:
    for protocol in range(6):
        if len(value) > 1000 and protocol not in (0, 2, 4):
            continue
        for made in sorted({pickle.dumps(value, protocol), pickle._dumps(value, protocol)} if len(value) < 1000 else {pickle.dumps(value, protocol)}):
            lines.append(f"{made.hex()}\t{' '.join(map(entry, value))}")
    if len(value) < 1000:
        lines.append(f"{pickletools.optimize(pickle.dumps(value, 2)).hex()}\t{' '.join(map(entry, value))}")
# As Python 2 writes strings, in its three ways.
point = "612e62|4004000000000000|1"
lines.append(b"(lp0\n(S'a.b'\np1\n(I1\nF2.5\ntp2\ntp3\na.".hex() + "\t" + point)
lines.append(b"(lp0\n(S'a\\x2e\\'b'\np1\n(L1L\nF2.5\ntp2\ntp3\na.".hex() + "\t612e2762|4004000000000000|1")
lines.append(b"]q\x00(U\x03a.bq\x01(K\x01G@\x04\x00\x00\x00\x00\x00\x00tq\x02tq\x03a.".hex() + "\t" + point)
lines.append(b"\x80\x02]q\x00T\x03\x00\x00\x00a.bK\x01G@\x04\x00\x00\x00\x00\x00\x00\x86\x86a.".hex() + "\t" + point)
lines.append(b"((S'a.b'\n(I1\nF2.5\ntt(S'a.b'\n(I1\nF2.5\nttl.".hex() + "\t" + point + " " + point)
for value in REFUSED:
    for protocol in range(6):
        lines.append(f"{pickle.dumps(value, protocol).hex()}\t-")
for bad in (b"", b".", b"]", b"(.", b"h\x05.", b"a.", b"\x86.", b"t.", b"]X\xff\xff\xff\xff.", b"\x80\x06].", b"I\n.", b"Fx\n.",
            b"cos\nsystem\n(S'true'\ntR.", b"\xff", b"j\xff\xff\xff\x7f.", b"]r\xff\xff\xff\xff.", b"K\x01K\x02a.", b"(K\x01(]e."):
    lines.append(f"{bad.hex()}\t-")
OUT.write_text("\n".join(lines) + "\n", encoding="ascii")
