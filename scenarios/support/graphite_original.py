"""graphite-web 1.1.10 in a process of its own, with a whisper tree that it is given: one json request a line on
stdin, one json answer a line on stdout, as crates/graphite/examples/answer.rs speaks them.

    python graphite_original.py DIRECTORY         (DIRECTORY/series.json says what to store; archives.json there, what
                                                   whisper made of it)
    python graphite_original.py DIRECTORY PORT    the same over HTTP, until the process is ended
"""
import inspect
import json
import os
import socketserver
import sys
import time
import types
import warnings
import wsgiref.simple_server

warnings.filterwarnings("ignore")


def mend_inspect():
    """Python 3.11 no longer has two functions that graphite-web describes its functions with."""
    if hasattr(inspect, "getargspec"):
        return
    inspect.getargspec = lambda function: tuple(inspect.getfullargspec(function)[:4])

    def formatargspec(names, variable=None, keywords=None, defaults=None):
        first = len(names) - len(defaults or ())
        parts = [name if index < first else f"{name}={defaults[index - first]!r}"
                 for index, name in enumerate(names)]
        parts += [f"*{variable}"] if variable else []
        parts += [f"**{keywords}"] if keywords else []
        return f"({', '.join(parts)})"

    inspect.formatargspec = formatargspec


def start_django(root, carbon=None, cluster=()):
    """`carbon` is where a carbon-cache takes queries, `cluster` are the servers that it asks beside its own files."""
    for part in ("storage/whisper", "storage/log/webapp", "conf"):
        os.makedirs(f"{root}/{part}", exist_ok=True)
    settings = types.ModuleType("settings_of_original")
    settings.SECRET_KEY = "not a secret"
    settings.GRAPHITE_ROOT = root
    settings.STORAGE_DIR = f"{root}/storage"
    settings.CONF_DIR = f"{root}/conf"
    settings.CARBONLINK_HOSTS = [carbon] if carbon else []
    settings.CLUSTER_SERVERS = list(cluster)
    settings.FIND_TIMEOUT = settings.FETCH_TIMEOUT = 30
    # Answers of the moment: what was tagged or deleted a second ago is compared.
    settings.TAGDB_CACHE_DURATION = settings.FIND_CACHE_DURATION = settings.DEFAULT_CACHE_DURATION = 0
    settings.USE_WORKER_POOL = False
    settings.STORAGE_FINDERS = ("graphite.finders.standard.StandardFinder",)
    if cluster:
        settings.STORAGE_FINDERS = ("graphite.finders.remote.RemoteFinder", *settings.STORAGE_FINDERS)
    sys.modules[settings.__name__] = settings
    os.environ["GRAPHITE_SETTINGS_MODULE"] = settings.__name__
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
    import django
    django.setup()
    from django.core.management import call_command
    call_command("migrate", run_syncdb=True, verbosity=0)
    if carbon:
        # 1.1.10 forgets to call the function that gives the connection, and answers an error whatever is asked.
        from graphite.metrics import views
        views.CarbonLink = views.CarbonLink()
    from django.test import Client
    return Client(raise_request_exception=False, HTTP_HOST="localhost")


# Not to be forgotten before the process ends.
LETTERS = []


def settle_letters():
    """cairo keeps, for as long as a typeface is in use, whether its letters are hinted: a png as the first picture
    of a process says yes, an svg or very small letters no. Here it is always a png of usual size."""
    import cairocffi as cairo
    for slant in (cairo.FONT_SLANT_NORMAL, cairo.FONT_SLANT_ITALIC):
        for weight in (cairo.FONT_WEIGHT_NORMAL, cairo.FONT_WEIGHT_BOLD):
            context = cairo.Context(cairo.ImageSurface(cairo.FORMAT_ARGB32, 10, 10))
            options = context.get_font_options()
            options.set_antialias(cairo.ANTIALIAS_NONE)
            context.set_font_options(options)
            context.select_font_face("Sans", slant, weight)
            context.set_font_size(10)
            context.text_extents("a")
            LETTERS.append(context)


def store(root, client, data):
    import whisper
    from graphite.tags.utils import TaggedSeries
    for series in data["series"]:
        name = TaggedSeries.encode(series["name"], sep="/", hash_only=True) if ";" in series["name"] \
            else series["name"].replace(".", "/")
        path = f"{root}/storage/whisper/{name}.wsp"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        archives = [(step, retention // step) for step, retention in series["archives"]]
        whisper.create(path, archives, series["x_files_factor"], series["method"])
        if series["points"]:
            whisper.update_many(path, [(time, float(value)) for time, value in series["points"]], data["now"])
        if ";" in series["name"] or data.get("tag_all"):
            client.post("/tags/tagSeries", {"path": series["name"]})
    for when, what, tags in data["events"]:
        body = json.dumps({"what": what, "tags": tags, "when": when})
        client.post("/events/", body, content_type="application/json")


def archives_of(root, data):
    """What whisper made of the points, for those who answer from the same archives."""
    import whisper
    from graphite.tags.utils import TaggedSeries
    out = []
    for series in data["series"]:
        name = TaggedSeries.encode(series["name"], sep="/", hash_only=True) if ";" in series["name"] \
            else series["name"].replace(".", "/")
        archives = []
        with open(f"{root}/storage/whisper/{name}.wsp", "rb") as file:
            header = whisper.info(file.name)
            for archive in header["archives"]:
                step, retention = archive["secondsPerPoint"], archive["retention"]
                now = data["now"]
                (start, _, _), values = whisper.__archive_fetch(file, archive, now - retention, now)
                known = [(start + index * step, value) for index, value in enumerate(values) if value is not None]
                archives.append({"archive": f"{step}s:{retention}s",
                                 "points": [(time, as_json(value)) for time, value in known]})
        out.append({"name": series["name"], "archives": archives})
    return out


def as_json(value):
    return value if value not in (float("inf"), float("-inf")) else str(value)


class Served(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


def serve(port):
    from django.core.wsgi import get_wsgi_application
    server = wsgiref.simple_server.make_server("127.0.0.1", port, get_wsgi_application(), Served, Quiet)
    server.serve_forever()


def main():
    root = sys.argv[1]
    mend_inspect()
    answers, sys.stdout = sys.stdout, sys.stderr
    with open(f"{root}/series.json") as file:
        data = json.load(file)
    client = start_django(root, data.get("carbon"), data.get("cluster", ()))
    settle_letters()
    store(root, client, data)
    if data.get("archives", True):
        with open(f"{root}/archives.json", "w") as file:
            json.dump({"series": archives_of(root, data), "events": [[e[0], e[2]] for e in data["events"]]}, file)
    print("ready", file=answers, flush=True)
    if len(sys.argv) > 2:
        serve(int(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        from django.http import QueryDict
        query = QueryDict(mutable=True)
        for name, value in request["params"]:
            query.appendlist(name, value)
        begun = time.perf_counter()
        answer = client.get(request["path"], QUERY_STRING=query.urlencode())
        seconds = time.perf_counter() - begun
        out = {"seconds": seconds, "status": answer.status_code, "content_type": answer.get("Content-Type"),
               "headers": list(answer.items()), "body": answer.content.decode("latin-1")}
        print(json.dumps(out), file=answers, flush=True)


if __name__ == "__main__":
    main()
