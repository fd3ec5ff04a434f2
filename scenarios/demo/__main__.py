"""`make demo`: starts a Bellwether and lets a simulated site live in front of it until Ctrl-C."""
import argparse
import pathlib
import re
import shutil
import signal
import sys
import tempfile
import time

from demo.play import Player
from demo.server import Ended, Server, binary
from demo.site import Site, busy_clock
from demo.story import LENGTH, PAST, STORY, Story

# From the start of the command to that of the story; the past is written meanwhile.
LEAD_SECONDS = {"now": 90, "soon": 600, "none": 0}


def main():
    options = arguments()
    # Python leaves SIGINT ignored where it was, as in a script's background.
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, interrupt)
    given = options.data_dir is not None
    directory = pathlib.Path(options.data_dir or tempfile.mkdtemp(prefix="bellwether-demo-"))
    fresh = not (directory / "data").exists()
    server = None
    try:
        server = Server(directory, binary())
        server.start()
        play(options, server, fresh)
    except KeyboardInterrupt:
        print("\nThe site stops.", flush=True)
    except (Ended, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        # A second Ctrl-C must not leave the server behind.
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_IGN)
        if server:
            server.stop()
        if given:
            print(f"Kept: {directory}. `bellwether serve --config {directory}/bellwether.toml` shows it again.")
        else:
            shutil.rmtree(directory, ignore_errors=True)
    return 0


def play(options, server, fresh):
    now = int(time.time())
    start = now - LENGTH if options.speed > 1 else now + LEAD_SECONDS[options.story]
    story = Story(start, PAST if options.story == "none" else (*PAST, *STORY))
    site = Site(story, options.seed, busy_clock(start) if options.clock == "busy" else 0)
    player = Player(site, server.ports, tell, server.check, options.rate)
    print(f"Bellwether  {server.url}    (its files: {server.directory})", flush=True)
    begin = min(start, now)
    if options.history and fresh:
        write_past(player, begin - options.history, begin)
    if options.speed > 1:
        print(f"The story of {LENGTH // 60} minutes goes by {options.speed:g} times as fast, through Carbon with the times\n"
              "at which it would have happened (StatsD knows only now), until it has caught up.", flush=True)
    else:
        announce(story, now)
    t = player.catch_up(begin, options.speed if options.speed > 1 else float("inf"))
    tell(t, "live; Ctrl-C ends it")
    player.live(t)


def write_past(player, begin, end):
    since = time.strftime("%d %B %H:%M", time.localtime(begin))
    print(f"Writing the past since {since} through Carbon; look around meanwhile.", flush=True)
    began = time.monotonic()
    player.past(begin, end)
    took = time.monotonic() - began
    print(f"{player.wire.points_sent / 1e6:.1f} million points in {took:.0f} s.", flush=True)


def announce(story, now):
    coming = [chapter for chapter in story.chapters if story.start + chapter.at >= now]
    for chapter in coming:
        print(f"  {clock(story.start + chapter.at)}  {chapter.say}", flush=True)


def tell(t, text):
    print(f"{clock(t)}  {text}", flush=True)


def clock(t):
    return time.strftime("%H:%M:%S", time.localtime(t))


def interrupt(_signal, _frame):
    raise KeyboardInterrupt


def arguments():
    parser = argparse.ArgumentParser(prog="make demo ARGS=\"…\"", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--story", choices=LEAD_SECONDS, default="now",
        help="when things go wrong: within the next minutes, after ten calm ones, or never (%(default)s)")
    add("--speed", type=speed, default=1, metavar="N",
        help="the story N times as fast: it begins %d minutes ago and ends now" % (LENGTH // 60))
    add("--history", type=seconds, default="8d", metavar="TIME",
        help="how much past to write first, as 24h or 8d; 0 for none (%(default)s)")
    add("--seed", type=int, default=1, help="another seed, another site (%(default)s)")
    add("--rate", type=positive, default=300, metavar="N", help="at most N StatsD packets a second (%(default)s)")
    add("--clock", choices=("busy", "real"), default="busy",
        help="busy: the story begins on a Tuesday at two of the site's own time; real: UTC (%(default)s)")
    add("--data-dir", metavar="DIR", help="keep everything in DIR (the past is written once); else a temporary directory, removed at the end")
    options = parser.parse_args()
    if options.speed > 1 and options.story != "now":
        parser.error("--speed plays the story at once: leave --story away")
    return options


def seconds(text):
    match = re.fullmatch(r"(\d+)([smhd]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 24h or 8d")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def speed(text):
    if float(text) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return float(text)


def positive(text):
    if int(text) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
