"""graphite-web and we draw the same pictures: type, size, layout and pixels."""
import pathlib
import re
import urllib.parse

import pytest

from support.picture_compare import VISIBLE_SHARE, difference_of_png, difference_of_svg, pages

# Where graphite-web fails on good input and we answer; docs/graphite.md says so.
BETTER = [
    "target=single&title=2024",
    "target=servers.*.cpu.user&colorList=red,+blue",
    "target=single&format=svg&jsonp=call",
]


def requests():
    file = pathlib.Path(__file__).with_name("pictures.txt")
    for line in file.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        share, _, rest = line[2:].partition(" ") if line.startswith("~ ") else (VISIBLE_SHARE, "", line)
        yield pytest.param(rest, float(share), id=rest)


def ask(sides, request):
    request = re.sub(r"\{now-(\d+)\}", lambda match: str(sides.now - int(match[1])), request)
    params = urllib.parse.parse_qsl(request, keep_blank_values=True) + [("now", sides.now)]
    if not any(name == "from" for name, _ in params):
        params.append(("from", "-1h"))
    return sides.ask("/render", params)


@pytest.mark.parametrize("request_, share", requests())
def test_same_picture(sides, request_, share):
    theirs, ours = ask(sides, request_)
    assert ours.status == theirs.status, ours.body[:300]
    if theirs.status != 200:
        # Ours says what is wrong.
        assert 10 < len(ours.text) < 300 and "Traceback" not in ours.text
        return
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    if ours.headers["content-type"] == "image/png":
        problem = difference_of_png(theirs.body, ours.body, share)
    elif ours.headers["content-type"] == "image/svg+xml":
        problem = difference_of_svg(theirs.text, ours.text)
    else:
        theirs, ours = pages(theirs.body), pages(ours.body)
        problem = None if theirs == ours and len(ours) == 1 else f"pages {ours} instead of {theirs}"
    assert not problem, problem


@pytest.mark.parametrize("request_", BETTER)
def test_better_picture(sides, request_):
    theirs, ours = ask(sides, request_)
    assert (theirs.status, ours.status) == (500, 200), ours.text
