"""A simulated site that speaks the real protocols to a Bellwether which it starts itself.

    story.py    what happens when: a table of chapters, and what they do to the site
    site.py     the site in one step of time, as numbers; pure, everything from one seed
    flush.py    what StatsD writes for such a step: for the past, which StatsD cannot be told
    wire.py     the bytes: StatsD packets, Carbon lines, pickles, events, and the sockets
    play.py     the past in one go, then second after second
    server.py   the Bellwether: its binary, directory, ports, start and end
    __main__.py the command

`python3 -m demo --help`, with this directory's parent in PYTHONPATH. Only Python's own library is needed.
"""
