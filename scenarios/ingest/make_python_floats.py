"""Writes crates/formats/tests/python_floats.tsv: what Python's own float() makes of many texts."""
import pathlib
import random
import struct

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates" / "formats" / "tests" / "python_floats.tsv"

FIXED = """
0 -0 +0 1 -1 +1 00012 1. .5 . - + -. 1.5.2 1e3 1E3 1e+3 1e-3 1e e1 1e+ .e1 1.e1 --1 +-1 1- 1+1 0x10 0b1 1f 1d
1_000 _1 1_ 1__0 1_.5 1._5 1e1_0 1_0e-1_0 1_e1 1e_1 -1_0 0_0.0_1 inf -inf +inf Infinity -INFINITY infinit infinityx nan
NaN -nan +NAN nan(1) in_f 1e308 1e309 -1e309 1.7976931348623157e308 1.7976931348623159e308 4.9e-324 2.4703282292062327e-324
2.4703282292062329e-324 2.2250738585072011e-308 9007199254740993 9007199254740992 9007199254740991 9223372036854775808
18446744073709551616 123456789012345678901234567890 0.1 0.2 0.3 1.1 123.456 1e22 1e23 9e22 8.5e22 0.000001 1e-22 1e-23
5e-324 1,5 1;5 1e99999999999 1e-99999999999 0.0000000000000000000000000000000000000000000000000000001 1700000000 1700000000.5
""".split() + ["", "1 2", "\x001", "1\x00", "\t1\n", "\x1c1\x1f", "\u00a01\u2003", "\u20281\u3000", "\u200b1", "\u0661\u0662.\u0663",
               "\uff11\uff12", "\u0967_\u0968", "\u00b2", "\u2460", "\u216b", "\u0661_", "\U0001d7ce\U0001d7d9", "\u06f1e\u06f2", "1\u0661",
               "\ufeff1", "\u00bd", "\u2212" + "1"]


def escape(text):
    return "".join(c if " " < c <= "~" and c != "\\" else "\\u{%x}" % ord(c) for c in text)


def answer(text):
    try:
        value = float(text)
    except ValueError:
        return "-"
    if value != value:
        return "7ff8000000000000"
    return struct.pack(">d", value).hex()


def texts():
    yield from FIXED
    rng = random.Random(2003)
    for _ in range(250):
        yield repr(struct.unpack("<d", rng.randbytes(8))[0])
    for digits in range(1, 25):
        for point in range(0, digits + 1, 3):
            number = "".join(rng.choice("0123456789") for _ in range(digits))
            yield (rng.choice(["", "-"]) + number[:point] + "." + number[point:] + rng.choice(["", "", "e5", "e-7", "e290"]))
    for _ in range(300):
        yield "".join(rng.choice("0123456789.eE+-_ infa\u0663") for _ in range(rng.randint(1, 8)))


OUT.write_text("".join(f"{escape(text)}\t{answer(text)}\n" for text in texts()), encoding="ascii")
