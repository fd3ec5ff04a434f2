"""Services and inventory: in what way something is in trouble, whether it is us or them, and what nobody watches."""
import time
import urllib.parse

from support.server import wait_for

CONFIG = """
[[host]]
name = "web1"
[[check]]
name = "web1/http"
host = "web1"
type = "passive"
max_check_attempts = 1
[[check]]
name = "shop is slow"
type = "passive"
max_check_attempts = 2
[[check]]
name = "payments api"
type = "passive"
max_check_attempts = 1
[[monitor]]
name = "uploads fail"
target = "stats.uploads.{box,gdrive}.failed"
critical = "> 1000"
[[service]]
name = "Shop"
objective = "99.9 % over 30d"
dependencies = ["Payments"]
hosts = ["web*"]
series = ["stats.uploads"]
availability = ["web*/http"]
latency = ["shop is slow"]
[[service]]
name = "Payments"
external = true
url = "https://status.example.com/"
availability = ["payments api"]
"""


def tell(server, check, status):
    place = f"/api/v1/checks/{urllib.parse.quote(check, safe='')}/result"
    answer = server.post(place, {"status": status, "output": "said so"})
    assert answer.status == 200, answer.text


def service(server, name="Shop"):
    services = server.get("/api/v1/services").json["services"]
    return next(one for one in services if one["name"] == name)


def test_a_service_says_in_what_way_it_is_in_trouble(bellwether):
    server = bellwether(CONFIG)
    assert service(server)["state"] is None, "before the first result nobody knows"
    for check in ("web1/http", "shop is slow", "payments api"):
        tell(server, check, 0)
    assert (service(server)["state"], service(server)["condition"]) == ("OK", None)
    tell(server, "shop is slow", 2)
    assert service(server)["state"] == "OK", "not confirmed yet"
    tell(server, "shop is slow", 2)
    shop = service(server)
    assert (shop["state"], shop["condition"], shop["fault"], shop["causes"]) == ("CRITICAL", "latency", "us", [])
    assert shop["conditions"]["availability"] == {"state": "OK", "members": 1}
    assert shop["conditions"]["function"] == {"state": None, "members": 0}
    tell(server, "payments api", 1)
    shop = service(server)
    assert (shop["fault"], shop["causes"]) == ("them", ["Payments"])
    tell(server, "shop is slow", 0)
    assert service(server)["fault"] is None
    answer = server.get("/api/v1/services").json
    assert answer["services"][0]["name"] == "Payments", "the worst first"
    assert answer["without_objective"] == [], "of what others run none is asked for"


def test_what_arrives_and_nobody_watches_is_listed_within_a_minute(bellwether):
    server = bellwether(CONFIG)
    now = int(time.time())
    lines = [f"host.web1.load.1m 1 {now}", f"host.stray7.load.1m 1 {now}"]
    lines += [f"stats.uploads.{one}.failed 1 {now}" for one in ("box", "gdrive", "s3")] + [f"stats.orders.placed 1 {now}", f"bellwether.mine 1 {now}"]
    server.carbon_send(("\n".join(lines) + "\n").encode())
    began = time.monotonic()

    def inventory():
        answer = server.get("/api/v1/inventory").json
        hosts = {one["name"]: one for one in answer["hosts"]["items"]}
        prefixes = {one["name"]: one for one in answer["prefixes"]["items"]}
        return (answer, hosts, prefixes) if "stray7" in hosts and "orders" in prefixes else None

    answer, hosts, prefixes = wait_for(inventory, seconds=60, what="the new host")
    assert time.monotonic() - began < 60
    assert hosts["stray7"]["watched_by"] == [] and hosts["stray7"]["sources"] == ["host"]
    assert hosts["web1"]["watched_by"] == ["web1/http"] and hosts["web1"]["services"] == ["Shop"]
    assert answer["hosts"]["items"][-1]["watched_by"] != [], "what is unwatched comes first"
    uploads = prefixes["uploads"]
    assert (uploads["parts"], uploads["watched"], uploads["unwatched_parts"]) == (3, 2, ["s3"])
    assert prefixes["orders"]["watched"] == 0 and "bellwether" not in prefixes
    coverage = service(server)["coverage"]
    assert (coverage["watched"], coverage["of"], coverage["percent"]) == (4, 5, 80)
    assert coverage["unwatched"] == ["uploads.s3"]


def availability(server, name="Shop", **window):
    query = urllib.parse.urlencode(window)
    answer = server.get(f"/api/v1/availability?{query}")
    assert answer.status == 200, answer.text
    return next(one for one in answer.json["services"] if one["name"] == name)


def test_what_a_service_attained_stands_beside_its_objective(bellwether):
    server = bellwether(CONFIG.replace("99.9 % over 30d", "80 % over 1h"))
    now = int(time.time())
    assert availability(server)["attained_percent"] is None, "nothing is known yet"

    def said(check, ago, status):
        place = f"/api/v1/checks/{urllib.parse.quote(check, safe='')}/result"
        assert server.post(place, {"status": status, "output": "said so", "at": now - ago}).status == 200

    # Known for 40 minutes: down for 10, slow (after two looks) for 8 of which 3 lie within those.
    for ago, status in ((2400, 0), (1800, 2), (1200, 0)):
        said("web1/http", ago, status)
    for ago, status in ((2400, 0), (1440, 2), (1380, 2), (900, 0)):
        said("shop is slow", ago, status)
    shop = availability(server, **{"from": now - 3600, "until": now})
    assert (shop["in_trouble_seconds"], shop["outages"], shop["planned_seconds"]) == (900, 1, 0), shop
    assert abs(shop["available_seconds"] - 1500) <= 1 and abs(shop["unknown_seconds"] - 1200) <= 1, shop
    assert abs(shop["attained_percent"] - 100 * 1500 / 2400) < 0.1 and shop["meets"] is False
    assert shop["budget_left_seconds"] == 720 - 900
    assert shop["causes"] == [{"name": "web1/http", "seconds": 600}, {"name": "shop is slow", "seconds": 480}]
    # A warning is no outage, nor is what is planned, of the host too.
    said("web1/http", 5, 1)
    planned = int(time.time())
    plan = {"host": "web1", "start": planned - 1, "end": planned + 60, "comment": "new disk"}
    identity = server.post("/api/v1/downtimes", plan).json["id"]
    wait_for(lambda: server.get("/api/v1/hosts/web1").json["in_downtime"], what="the downtime")
    # What comes from now on comes within it.
    tell(server, "web1/http", 2)
    time.sleep(3)
    later = availability(server, **{"from": now - 3600, "until": now + 60})
    assert later["in_trouble_seconds"] == 900 and later["planned_seconds"] >= 2, later
    assert service(server)["state"] == "OK", "it is planned"
    # When the downtime is cancelled what is still bad counts; what was planned stays so, over a restart too.
    assert server.request("DELETE", f"/api/v1/downtimes/{identity}").status == 204
    time.sleep(2)
    server.stop()
    server.start()
    last = availability(server, **{"from": now - 3600, "until": now + 60})
    assert last["in_trouble_seconds"] > 900 and last["planned_seconds"] >= later["planned_seconds"], last
    assert sum(last[key] for key in ("available_seconds", "in_trouble_seconds", "planned_seconds", "unknown_seconds")) == last["until"] - last["from"]
    answer = server.get("/api/v1/availability").json
    assert answer["without_objective"] == [] and answer["services"][0]["name"] == "Shop", "what missed its objective comes first"
    ages = availability(server, **{"from": -(2**63), "until": now})
    assert ages["from"] == 0 and ages["in_trouble_seconds"] == 900, "as far back as one likes"
    assert server.get(f"/api/v1/availability?until={-(2**63)}").status == 200
    wrong = server.get(f"/api/v1/availability?from={now + 500}")
    assert wrong.status == 400 and "`from` is not before `until`" in wrong.json["error"]


def test_mistakes_in_services_are_told_with_their_place(bellwether):
    server = bellwether()
    file = server.directory / "wrong.toml"
    file.write_text('[[service]]\nname = "a"\ndependencies = ["b"]\nobjective = "high"\nurl = "javascript:x"\n')
    done = server.cli("config", "check", str(file), check=False)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    for words in ("wrong.toml:3", "there is no service `b`", "is not an objective", "begin it with https://"):
        assert words in said, said
