"""Schedules of heartbeats, beside the libraries that Healthchecks works them out with (cronsim, oncalendar)."""

import datetime
import os
import random
import shutil
import subprocess
import zoneinfo

import pytest
from cronsim import CronSim, CronSimError
from oncalendar import OnCalendar, OnCalendarError

from support.examples import example

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Santiago", "Africa/Cairo"]
# cronsim steps hours of 60 minutes over Lord Howe's jump of half an hour, and passes over the runs of that evening.
CRON_ZONES = [zone for zone in ZONES if zone != "Australia/Lord_Howe"] + ["Pacific/Chatham"]
SEED = int(os.environ.get("BELLWETHER_SEED", "4"))
CASES = 20_000 if os.environ.get("BELLWETHER_LONG") else 1_500
COUNT = 8


@pytest.fixture(scope="module")
def ours():
    """Answers many questions with one process."""
    binary = example("schedules")

    def ask(questions):
        lines = "".join(f"{zone}\t{start}\t{COUNT}\t{text}\n" for zone, start, text in questions)
        done = subprocess.run([binary], input=lines, capture_output=True, text=True, timeout=300, check=True)
        return done.stdout.splitlines()

    return ask


def moments(iterator):
    found = []
    try:
        for _ in range(COUNT):
            found.append(str(int(next(iterator).timestamp())))
    except StopIteration:
        pass
    return found


def by_cronsim(zone, start, text):
    if len(text) > 100 or len(text.split()) != 5:
        return "refused"
    try:
        next(CronSim(text, datetime.datetime(2000, 1, 1)))
    except (CronSimError, StopIteration):
        return "refused"
    began = datetime.datetime.fromtimestamp(start, zoneinfo.ZoneInfo(zone))
    return " ".join(moments(CronSim(text, began)))


def by_oncalendar(zone, start, text):
    text = text.replace("\\n", "\n")
    try:
        next(OnCalendar(text, datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)))
    except (OnCalendarError, StopIteration):
        return "refused"
    began = datetime.datetime.fromtimestamp(start, zoneinfo.ZoneInfo(zone))
    return " ".join(moments(OnCalendar(text, began)))


def a_start(chance, zone):
    """Half of them close before a jump of the clock, none within an hour that comes for the second time."""
    while True:
        start = chance.randrange(1_700_000_000, 1_900_000_000)
        if chance.random() < 0.5:
            start = a_jump(zone, start) - chance.randrange(1, 30_000)
        if datetime.datetime.fromtimestamp(start, zoneinfo.ZoneInfo(zone)).fold == 0:
            return start


def a_jump(zone, start):
    zone = zoneinfo.ZoneInfo(zone)
    offset = lambda at: datetime.datetime.fromtimestamp(at, zone).utcoffset()
    for day in range(start, start + 370 * 86_400, 86_400):
        if offset(day) != offset(day + 86_400):
            low, high = day, day + 86_400
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
            return high
    return start


def a_field(chance, low, high, names=()):
    number = lambda: chance.choice(names) if names and chance.random() < 0.2 else str(chance.randint(low, high))
    kind = chance.randrange(8)
    if kind <= 1:
        return "*"
    if kind == 2:
        return f"*/{chance.randint(1, high)}"
    if kind == 3:
        first = chance.randint(low, high)
        return f"{first}-{chance.randint(first, high)}"
    if kind == 4:
        first = chance.randint(low, high)
        return f"{first}-{chance.randint(first, high)}/{chance.randint(1, 9)}"
    if kind == 5:
        return ",".join(number() for _ in range(chance.randint(2, 4)))
    if kind == 6:
        return f"{number()}/{chance.randint(1, 9)}"
    return number()


def a_cron(chance):
    days, weekdays = a_field(chance, 1, 31), a_field(chance, 0, 7, ["mon", "TUE", "Sun", "sat"])
    if chance.random() < 0.1:
        days = chance.choice(["L", "LW", "15,L", "LW/2", "L,1"])
    if chance.random() < 0.1:
        weekdays = chance.choice(["5L", "1#2", "mon#1,3", "0L,2#5", "7#3"])
    return " ".join([a_field(chance, 0, 59), a_field(chance, 0, 23), days, a_field(chance, 1, 12, ["jan", "MAR", "Oct"]), weekdays])


def a_calendar(chance):
    def part(low, high):
        first = chance.randint(low, high)
        return chance.choice(["*", f"{first:02}", f"{first}..{chance.randint(first, high)}", f"{first}/{chance.randint(1, 9)}",
                              f"{first},{chance.randint(low, high)}", f"{low}..{high}/{chance.randint(1, 9)}"])

    week = chance.choice(["", "", "Mon", "mon..fri", "Sat,Sun", "Tue-Thu", "friday,", "Mon..Wed,sun"])
    year = chance.choice(["", "*-", "*-", "2026..2031-", "26/2-"])
    day = chance.choice(["-" + part(1, 31), "-" + part(1, 31), "~" + part(1, 28)])
    date = chance.choice(["", year + part(1, 12) + day])
    time = chance.choice(["", f"{part(0, 23)}:{part(0, 59)}", f"{part(0, 23)}:{part(0, 59)}:{part(0, 59)}"])
    zone = chance.choice(["", "", "", "Europe/Riga", "UTC"])
    text = " ".join(piece for piece in [week, date, time, zone] if piece)
    if chance.random() < 0.1:
        text = chance.choice(["minutely", "hourly", "Daily", "weekly", "MONTHLY", "yearly", "quarterly", "semiannually", "annually"])
    if chance.random() < 0.1:
        text += "\\n" + chance.choice(["daily", "Mon 12:00", "*-*-1 Europe/Riga"])
    return text


def spoiled(chance, text):
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice("0123456789*/-,.~#LW: ") + text[at + chance.randint(0, 1):]


def differences(questions, answers, original):
    wrong = []
    for question, answer in zip(questions, answers, strict=True):
        wanted = original(*question)
        if answer != wanted:
            wrong.append(f"{question}:\n  ours {answer}\n  original {wanted}")
    return wrong


def test_cron_expressions_come_when_cronsim_says(ours):
    chance = random.Random(SEED)
    questions = []
    for number in range(CASES):
        zone = chance.choice(CRON_ZONES)
        text = a_cron(chance)
        if number % 5 == 0:
            text = spoiled(chance, text)
        if len(text.split()) == 5:
            questions.append((zone, a_start(chance, zone), text))
    wrong = differences(questions, ours(questions), by_cronsim)
    assert not wrong, f"seed {SEED}: {len(wrong)} of {len(questions)} differ\n" + "\n".join(wrong[:10])
    refused = sum(by_cronsim(*question) == "refused" for question in questions)
    assert 0 < refused < len(questions) / 4


def test_calendar_expressions_come_when_oncalendar_says(ours):
    chance = random.Random(SEED + 1)
    questions = []
    for number in range(CASES):
        zone = chance.choice(ZONES)
        text = a_calendar(chance)
        if number % 5 == 0:
            text = spoiled(chance, text or "daily")
        # What has five parts is a cron expression to Healthchecks.
        if text.strip() and len(text.replace("\\n", " ").split()) != 5 and len(text) <= 100:
            questions.append((zone, a_start(chance, zone), text))
    wrong = differences(questions, ours(questions), by_oncalendar)
    assert not wrong, f"seed {SEED}: {len(wrong)} of {len(questions)} differ\n" + "\n".join(wrong[:10])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_calendar_expressions_come_when_systemd_says(ours):
    texts = ["Mon..Fri 09:00", "*-*-* *:0/15", "*-*~01 12:00", "Sat,Sun 20:15", "*-02~03 00:00:30", "quarterly", "2028-02-29"]
    for text in texts:
        start = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        done = subprocess.run(["systemd-analyze", "calendar", "--iterations=3", f"--base-time=@{start}", text], env=os.environ | {"TZ": "UTC", "LC_ALL": "C"},
                              capture_output=True, text=True, timeout=30)
        if done.returncode:
            pytest.skip(done.stderr.strip())
        stamps = [line.split(": ", 1)[1].split(" ", 1)[1] for line in done.stdout.splitlines()
                  if line.strip().startswith(("Next elapse:", "Iter. #", "Iteration #"))]
        wanted = [str(int(datetime.datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=datetime.timezone.utc).timestamp()))
                  for stamp in stamps]
        [answer] = ours([("UTC", start, text)])
        assert wanted and answer.split()[:len(wanted)] == wanted, text
