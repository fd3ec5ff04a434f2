"""Records what graphite-web 1.1.10 answers to globs and tag expressions.

    python3 record_graphite_web.py SOURCE > ../../crates/series-store/src/names/golden/graphite-web.txt

SOURCE is an unpacked source of graphite-web 1.1.10 (`pip download --no-deps --no-binary :all: graphite-web==1.1.10`).
Its own finder and tag database run, unchanged, on a directory of empty .wsp files and on SQLite; what they import from
Django and around it is replaced by stand-ins, so that nothing else is needed. Tests of the room series-store read
the file. Recorded with Python 3.11, whose fnmatch it is.
"""

import contextlib
import os
import random
import re
import sqlite3
import sys
import tempfile
import types
from unittest import mock

SEED = 20_240_229

NAMES = """
a a.b a.b.c a.b.c.d a.b-c a.bc a.c a.c.b a-b a-b.c a.B.c A.b
x.[y].z x.[y].w x.{p,q}.z x.* x.*.y x.a*b x.a?b x.^a x.!a x.a-b x.a]b x.] x.- x.& x.~t
stats.gauges.host1.load stats.gauges.host2.load stats.gauges.host10.load stats.gauges.hosta.cpu
stats.counters.api.get.count stats.counters.api.get.rate stats.counters.api.post.count stats.counters.web.get.count
stats.timers.api.get.upper_90 stats.timers.api.get.upper_99 stats.timers.api.post.upper_90 stats.timers.api.mean
servers.web01.cpu.0.user servers.web01.cpu.1.user servers.web02.cpu.0.user servers.web02.cpu.0.system servers.db01.disk.sda.io
servers.web01.cpu servers.web01.cpu-total.user servers.web-01.cpu.0.user
caf\u00e9.m\u00fcnchen.\u6771\u4eac caf\u00e9.z\u00fcrich.x cafe.x \U0001f600.a \U0001f600\U0001f600.a
one two.three 0 00 1 10 2 -a.b +a.b %a.b =a.b a=b.c
deep.1.2.3.4.5.6.7.8.9 deep.1.2.x deep.1.2.3 deep.x.2.3
""".split()

PATTERNS = r"""
* ** *.* **.* *.** **.** a a.* a.b a.b.* a.b.c a.** a.**.c a.**.d a.**.** **.b **.c.** *.b.* a.*.c a*.b* a?b.* a[-]b.c a[!.]b.c
a.{b,c} a.{b,c}.* {a,x}.* {a,A}.b a.b{,c} a.b{-c,c,} a.{b,b*} {a.b,x} a.{b a.b} a.{} a.{,b} {a,{x,A}}.* {a,b}{-b,c} a.[a-c] a.[c-a] a.[!b] a.[!a-b]*
a.[b-] a.[-b] a.[] a.[]] a.[!] a.[!]] a.[ a.b[ [a a.[bB].c a.[^b] a.[!^b].* x.[[]y].z x.[[]*].* x.[y].z x.[*] x.[?]*b x.\* x.a\*b x.a\?b x.\[y\].z x.{p,q}.z x.\{p,q\}.z
x.[!]] x.[]-] x.[a-c]?b x.[--z] x.[a-] x.[&~] x.a[-]b x.? x.?? x.*.* x.a** x.**a** x.***
stats.gauges.host?.load stats.gauges.host[0-9]*.load stats.gauges.host{1,2}.load stats.*.api.get.* stats.*.*.*.upper_9[09] stats.{counters,timers}.api.{get,post}.*
stats.**.count stats.** **.upper_* stats.*.api.* *.*.*.* *.*.*.*.* servers.web*.cpu.*.user servers.web0[12].cpu.[0-1].{user,system} servers.*.cpu servers.*.cpu* servers.web-*.** servers.[wd]*[0-9].*
caf\u00e9.* caf?.* caf[\u00e9e].* caf[\u00e0-\u00ff].* *.m?nchen.?? \U0001f600.* ?.a ??.a [\U0001f600].a *.\u6771*
? ?? [0-9] [0-9]* {0,1}* {-,+,%,=}a.b [-+]a.b [!a-z]* deep.*.*.* deep.**.3 deep.1.**.9 deep.**.2.** deep.1.2.3.4.5.6.7.8.9 deep.1.2.3.4.5.6.7.8.9.*
a. a.* .a a..b a...c a.b. a.*. . .. ..a *. .* nothing nothing.* a.nothing stats.gauges.host3.load a.b.c.d.e one.* one two two.* two.three
a.{b,c}.{b,c,} a.{b,{c,}} {} {,} {a,}.b x.{a?b,a\*b} servers.{web01,web02}.cpu.{0,1}.* *{a,b}* {*,**} {**,a} **{,} {a,**}.c
""".replace("\\u00e9", "\u00e9").replace("\\u6771", "\u6771").replace("\\u00e0", "\u00e0").replace("\\u00ff", "\u00ff")
PATTERNS = PATTERNS.replace("\\U0001f600", "\U0001f600").split()

TAGGED = """
disk.used;datacenter=dc1;rack=a1;server=web01 disk.used;datacenter=dc1;rack=a1;server=web02 disk.used;datacenter=dc2;rack=b1;server=web01
disk.free;datacenter=dc1;rack=a1;server=web01 disk.free;datacenter=dc2;server=web03 cpu;server=web01 cpu;server=web02;core=1 cpu;server=WEB01
mem;rack=a1b;server=xweb01 mem;rack=b mem;server=a|b net;rack=a1;name=ignored net;dc=a.b.c net;dc=aXbXc net;dc=\u00e9 up.time;server=web01 up.time up cpu disk.used.total
odd;a.b=1;a=2 odd;a=10 odd;a=2;b=x=y ~~tilde;t=1 plain.one plain.two
""".split()

EXPRESSIONS = r"""
name=cpu name=disk.used name=up.time name=nothing name=disk.* name=~disk name=~disk\..* name=~up$ name=~.* name=~ name!= name!=cpu name!=~disk name!=~.* name=tilde name=~til
server=web01 server=web server= server!= server!=web01 server=~web server=~^web0[12]$ server=~eb server=~web01|xweb server=~^zzz|eb01 server!=~web server!=~^$ server!=~.* server=~.* server=~() server=WEB01
datacenter=dc1 datacenter!=dc1 datacenter= datacenter!= datacenter=~dc[12] rack=a1 rack=~a1 rack=~a1$ rack!=a1 rack!=~a rack= server=a|b server=~a\|b
dc=a.b.c dc=~a.b.c dc=\u00e9 dc=~. a=2 a.b=1 b=x=y t=1 nothing= nothing!= nothing=x nothing!=x nothing=~.* nothing!=~.+ dc=~[ dc=~(
""".replace("\\u00e9", "\u00e9").split()


def load_graphite(source):
    """Imports graphite-web's finder and tag database, with stand-ins for what is around them."""
    sys.path.insert(0, os.path.join(source, "webapp"))
    for name in "pytz six django django.utils django.utils.timezone graphite.compat graphite.readers".split():
        sys.modules[name] = mock.MagicMock()
    sys.modules["django.conf"] = types.SimpleNamespace(settings=types.SimpleNamespace(STANDARD_DIRS=[], TAGDB_CACHE_DURATION=0))
    sys.modules["graphite.logger"] = types.SimpleNamespace(log=mock.MagicMock())
    reader = lambda supported: type("Reader", (), {"supported": supported, "__init__": lambda self, *args: None})
    sys.modules["graphite.readers"] = types.SimpleNamespace(
        WhisperReader=reader(True), GzippedWhisperReader=reader(False), RRDReader=reader(False)
    )
    sys.modules["django.db"] = types.SimpleNamespace(connection=Connection())
    from graphite.finders import standard, utils
    from graphite.tags import localdatabase

    return standard, utils, localdatabase


class Connection:
    """SQLite as Django gives it: `%s` for parameters, and REGEXP by Python's search."""

    vendor = "sqlite"

    def __init__(self):
        self.database = sqlite3.connect(":memory:")
        self.database.create_function("REGEXP", 2, lambda pattern, text: bool(re.search(pattern, str(text))))
        self.database.executescript(
            """
            CREATE TABLE tags_series (id INTEGER PRIMARY KEY, hash TEXT UNIQUE, path TEXT);
            CREATE TABLE tags_tag (id INTEGER PRIMARY KEY, tag TEXT UNIQUE);
            CREATE TABLE tags_tagvalue (id INTEGER PRIMARY KEY, value TEXT UNIQUE);
            CREATE TABLE tags_seriestag (id INTEGER PRIMARY KEY, series_id INTEGER, tag_id INTEGER, value_id INTEGER, UNIQUE (series_id, tag_id));
            """
        )

    @contextlib.contextmanager
    def cursor(self):
        cursor = self.database.cursor()
        execute = lambda sql, parameters=(): cursor.execute(sql.replace("%s", "?"), parameters)
        yield Rows(cursor, execute)


class Rows:
    def __init__(self, cursor, execute):
        self.execute, self.fetchone, self.cursor = execute, cursor.fetchone, cursor

    def __iter__(self):
        return iter(self.cursor)


def random_patterns(count):
    dice = random.Random(SEED)
    pieces = ["*", "?", "**", "{a,b}", "{web01,web02,db*}", "[a-c]", "[!a-c]", "[0-9]", "{", "}", "]", "-", "\\*", "{get,p*}", "{,x}"]
    for _ in range(count):
        nodes = dice.choice(NAMES).split(".")
        for at in range(len(nodes)):
            fate = dice.random()
            if fate < 0.25:
                nodes[at] = "*"
            elif fate < 0.32:
                nodes[at] = "**"
            elif fate < 0.6:
                cut = dice.randrange(len(nodes[at]) + 1)
                end = dice.randrange(cut, len(nodes[at]) + 1)
                nodes[at] = nodes[at][:cut] + dice.choice(pieces) + nodes[at][end:]
            elif fate < 0.65:
                nodes[at] = "{" + nodes[at] + "," + dice.choice(dice.choice(NAMES).split(".")) + "}"
        if dice.random() < 0.1:
            nodes.append(dice.choice(["*", "**", "x", ""]))
        yield ".".join(nodes)


def make_tree(directory, names):
    for name in names:
        path = os.path.join(directory, name.replace(".", os.sep) + ".wsp")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").close()


def find(finder, utils, pattern):
    nodes = finder.find_nodes(utils.FindQuery(pattern, None, None))
    # A path that is found twice is one node to graphite-web, see Store._list_nodes.
    return {("leaf" if node.is_leaf else "branch", node.path) for node in nodes}


def tree_order(answer):
    kind, path = answer
    return ([part.encode() for part in path.split(".")], kind)


def record_globs(standard, utils):
    with tempfile.TemporaryDirectory() as directory:
        make_tree(directory, NAMES)
        finder = standard.StandardFinder([directory])
        print("[names]", *NAMES, sep="\n")
        print("[globs]")
        for pattern in dict.fromkeys([*PATTERNS, *random_patterns(700)]):
            print("?", pattern)
            for kind, path in sorted(find(finder, utils, pattern), key=tree_order):
                print(kind, path)


def record_tags(localdatabase):
    database = localdatabase.LocalDatabaseTagDB(settings=None)
    for name in TAGGED:
        database.tag_series(name)
    print("[tagged]", *TAGGED, sep="\n")
    print("[expressions]")
    dice = random.Random(SEED)
    queries = [[one] for one in EXPRESSIONS]
    queries += [dice.sample(EXPRESSIONS, dice.choice([2, 2, 3])) for _ in range(500)]
    for query in queries:
        print("?", *query)
        try:
            for path in database._find_series(query):
                print("series", path)
        except ValueError:
            print("bad")
        except re.error:
            print("bad")
        except sqlite3.OperationalError:
            print("bad")
    record_lists(database)


def record_lists(database):
    print("[lists]")
    for text in [None, "a", "^d", "r|d", "er$", ".*", "zzz"]:
        print("? tags", "" if text is None else text)
        for row in database.list_tags(tagFilter=text):
            print("tag", row["tag"])
    for tag in ["name", "server", "rack", "dc", "nothing", "a.b"]:
        for text in [None, "web", "^a", "eb", "a1$", "up"]:
            print("? values", tag, "" if text is None else text)
            for row in database.list_values(tag, valueFilter=text):
                print("value", row["count"], row["value"])
    cases = [([], ""), ([], "s"), (["name=cpu"], ""), (["server=web01"], ""), (["server=web01", "name=~disk"], "r"), (["rack!="], "s")]
    for expressions, prefix in cases:
        print("? complete", prefix or "-", *expressions)
        for tag in database.auto_complete_tags(expressions, tagPrefix=prefix, limit=100):
            print("tag", tag)
        for tag in ["name", "server", "rack"]:
            print("? complete-values", tag, prefix or "-", *expressions)
            for value in database.auto_complete_values(expressions, tag, valuePrefix=prefix, limit=3):
                print("value", value)


def main():
    standard, utils, localdatabase = load_graphite(sys.argv[1])
    print("# Recorded from graphite-web 1.1.10 by scenarios/names/record_graphite_web.py")
    record_globs(standard, utils)
    record_tags(localdatabase)


if __name__ == "__main__":
    main()
