"""Story S14: an import fails on some files. One error says on which, and how often on each, so that somebody can go through them; what was
mended fails no more, and what was not is counted on."""
import sys

from support.errors import Project, run

# As such commands are written: what fails is told of with the file and the line, and the rest is imported all the same.
IMPORTER = '''
import csv, os, pathlib, sentry_sdk

sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], release="import@3")

def price(row):
    return round(float(row["price"]), 2)

for path in sorted(pathlib.Path(os.environ["IMPORTED"]).glob("*.csv")):
    with open(path, newline="") as file, sentry_sdk.new_scope() as scope:
        scope.set_tag("file", path.name)
        scope.set_extra("import", {"path": str(path), "supplier": path.name.split("-")[0]})
        for line, row in enumerate(csv.DictReader(file), start=2):
            scope.set_extra("line", line)
            try:
                price(row)
            except ValueError:
                sentry_sdk.capture_exception()
sentry_sdk.flush(60)
'''
FILES = {"acme-1.csv": 0, "acme-2.csv": 3, "bolt-1.csv": 1, "bolt-2.csv": 0, "bolt-3.csv": 7, "cord-1.csv": 2}


def write(folder, name, bad):
    rows = ["article,price"] + [f"{number},n/a" for number in range(bad)] + ["99,12.50"] * 3
    (folder / name).write_text("\n".join(rows) + "\n")


def test_s14_an_import_fails_on_some_files(bellwether, tmp_path):
    server = bellwether()
    project = Project(server, "imports")
    program, folder = tmp_path / "importer.py", tmp_path / "incoming"
    program.write_text(IMPORTER)
    folder.mkdir()
    for name, bad in FILES.items():
        write(folder, name, bad)
    run([sys.executable], program, project.dsn, IMPORTED=str(folder))

    # What fails in many files is one error.
    group = project.wait_for_group("ValueError: could not convert string to float: 'n/a'")
    assert [one["id"] for one in project.groups()] == [group["id"]] and group["count"] == 13

    def by(key):
        answer = server.get(f"/api/v1/errors/groups/{group['id']}/facets/{key}")
        assert answer.status == 200, answer.text
        return answer.json

    def counts(key):
        facet = by(key)
        assert (facet["without"], facet["other"]) == (0, 0), facet
        return [(one["value"], one["count"]) for one in facet["values"]]

    failing = [("bolt-3.csv", 7), ("acme-2.csv", 3), ("cord-1.csv", 2), ("bolt-1.csv", 1)]
    assert counts("file") == failing and by("file")["exact"]
    # The page of the group lists them with it.
    [tag] = [tag for tag in server.get(f"/api/v1/errors/groups/{group['id']}").json["tags"] if tag["key"] == "file"]
    assert [(one["value"], one["count"]) for one in tag["values"]] == failing
    # So is what the program said beside its tags, each with an event to look at.
    assert counts("extra.import.path") == [(str(folder / name), count) for name, count in failing]
    assert counts("extra.import.supplier") == [("bolt", 8), ("acme", 3), ("cord", 2)]
    listed = {one["event"]: one["value"] for one in by("extra.import.path")["values"]}
    shown = {one["event_id"]: one["extra"]["import"]["path"] for one in project.events(group["id"]) if one["event_id"] in listed}
    assert shown == listed

    # Somebody has mended one of them: the others are counted on.
    write(folder, "bolt-3.csv", 0)
    run([sys.executable], program, project.dsn, IMPORTED=str(folder))
    assert counts("file") == [("bolt-3.csv", 7), ("acme-2.csv", 6), ("cord-1.csv", 4), ("bolt-1.csv", 2)]
