"""A past that a test can reckon with: incidents and pages written into the state database of a server that is stopped."""
import contextlib
import json
import sqlite3


@contextlib.contextmanager
def record(server):
    """The server is stopped meanwhile; what is written is there when it runs again."""
    server.stop()
    database = sqlite3.connect(server.data_dir / "state" / "state.db")
    try:
        with database:
            yield Past(database)
    finally:
        database.close()
    server.start()


class Past:
    def __init__(self, database):
        self.database = database
        # As the server itself wrote them, so that nothing here knows what stands in them.
        detail = json.loads(self.one("SELECT detail FROM incident ORDER BY id LIMIT 1"))
        # When that one was seen bad and well is its own.
        self.detail = {key: value for key, value in detail.items() if key not in ("began", "ended")}
        self.message = self.one("SELECT message FROM page ORDER BY id LIMIT 1")

    def one(self, sql, *values):
        return self.database.execute(sql, values).fetchone()[0]

    def next(self, table):
        return self.one(f"SELECT max(id) + 1 FROM {table}")

    def incident(self, reason, opened, closed, acknowledged=None, pages=(), **detail):
        """`acknowledged`: (when, who). `pages`: (when, contact). Returns its number."""
        number = self.next("incident")
        acknowledgement = acknowledged and {"by": acknowledged[1], "at": acknowledged[0], "comment": ""}
        detail = {**self.detail, "acknowledged": acknowledgement, "self_healed": not acknowledged, "resolved_by": None, **detail}
        self.database.execute(
            "INSERT INTO incident (id, reason, title, opened, closed, phase, ending, detail) VALUES (?, ?, ?, ?, ?, 'resolved', 0, ?)",
            (number, reason, reason.partition(":")[2], opened, closed, json.dumps(detail)))
        entries = [(opened, "opened", "", reason)] + [(closed, "resolved", "", "it is over")]
        if acknowledged:
            entries.insert(1, (acknowledged[0], "acknowledged", acknowledged[1], ""))
        for at, kind, who, text in entries:
            self.database.execute("INSERT INTO incident_entry (incident, at, kind, who, text) VALUES (?, ?, ?, ?, ?)",
                                  (number, at, kind, who, text))
        for at, contact in pages:
            self.database.execute(
                "INSERT INTO page (id, incident, channel, contact, kind, at, state, tries, next_try, ended, error, message)"
                " VALUES (?, ?, 'hook', ?, 'problem', ?, 'delivered', 1, 0, ?, '', ?)",
                (self.next("page"), number, contact, at, at, self.message))
        return number
