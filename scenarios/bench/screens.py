"""How soon what one person acknowledges is on every screen: from the moment the button is pressed until the last of the open screens has been
told of it by its stream."""
import time

from support.screen import Screen
from support.server import wait_for

from .figures import Line, median, number
from .pages import p99, server_with, went_bad

CONFIG = """
[[contact]]
name = "ana"
channels = ["log"]
"""


def measure(directory, sizes):
    server = server_with(directory, CONFIG, 'contacts = ["ana"]', sizes.acknowledgements)
    screens = [Screen(server) for _ in range(sizes.screens)]
    waits = [taken(server, screens, f"c{index}") for index in range(sizes.acknowledgements)]
    server.stop()
    told = f"median {number(median(waits))} s, of {len(waits)}, {len(screens)} screens"
    return [Line("An acknowledgement is on every screen, p99", told, "", p99(waits), 1, unit="s")]


def taken(server, screens, name):
    went_bad(server, name)
    incidents = lambda: server.get("/api/v1/incidents?limit=1000").json["incidents"]
    incident = wait_for(lambda: next((one for one in incidents() if one["title"] == name), None), what="the incident")
    begun = time.monotonic()
    answer = server.post(f"/api/v1/incidents/{incident['id']}/acknowledge", {"author": "ana"})
    assert answer.status == 200, answer.text
    for screen in screens:
        screen.sees(id=incident["id"], phase="acknowledged")
    return time.monotonic() - begun
