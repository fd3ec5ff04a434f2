"""Real clients of languages beside Python and JavaScript, unchanged: all that they are given is a DSN."""
from support.errors import Project, run, script
from support.server import ROOT

RUST_SHOP = ROOT / "target/test-env/rust-shop/debug/rust-shop"


def frames(event):
    return event["exception"]["values"][-1]["stacktrace"]["frames"]


def test_sentry_for_ruby(bellwether, tmp_path):
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
require "sentry-ruby"
Sentry.init do |config|
  config.release = "shop@1.0.0"
  config.environment = "live"
  config.background_worker_threads = 0
  # Its own two seconds may be too few for a busy machine.
  config.transport.open_timeout = config.transport.timeout = 30
end
Sentry.set_user(id: 17, email: "ana@example.com")
Sentry.set_tags(tenant: "acme")

def charge(card)
  raise ArgumentError, "card refused"
end

def check_out
  charge("none")
rescue ArgumentError
  raise IOError, "cannot check out"
end

[1, 2].each do
  check_out
rescue IOError => error
  Sentry.capture_exception(error)
end
Sentry.capture_message("a plain message", level: :warning)
''', "program.rb")
    run(["ruby"], program, project.dsn)
    group = project.wait_for_group("IOError: cannot check out")
    assert (group["platform"], group["count"], group["users"]) == ("ruby", 2, 1)
    assert (group["release_first"], group["environment"]) == ("shop@1.0.0", ["live"])
    [event, _] = project.events(group["id"])
    assert [one["type"] for one in event["exception"]["values"]] == ["ArgumentError", "IOError"], "the chain"
    thrown = frames(event)[-1]
    assert thrown["function"].endswith("check_out"), thrown
    assert thrown["context_line"] == '  raise IOError, "cannot check out"'
    assert event["tags"]["tenant"] == "acme"
    assert project.wait_for_group("a plain message")["level"] == "warning"
    client = server.get(f"/api/v1/errors/projects/{project.id}").json["client"]
    assert client.startswith("sentry-ruby/") or client.startswith("sentry.ruby"), client


def test_raven_for_ruby(bellwether, tmp_path):
    """The client before: version 5 of the protocol, to `/store/`, with a secret, gzip or not."""
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
require "raven"
Raven.configure do |config|
  config.dsn = ENV.delete("SENTRY_DSN").sub("@", ":" + "0" * 32 + "@")
  config.encoding = ARGV.fetch(0, "gzip")
  config.logger = Logger.new($stderr)
  config.open_timeout = config.timeout = 30
end
def charge(card)
  raise ArgumentError, "card refused"
end
begin
  charge("none")
rescue ArgumentError => error
  # Not in the source, which is sent too.
  Raven.capture_exception(error, extra: { password: ["hun", "ter2"].join })
end
exit 1 unless Raven.capture_message("raven speaks", level: "info")
''', "program.rb")
    run(["ruby"], program, project.dsn)
    group = project.wait_for_group("ArgumentError: card refused")
    assert (group["platform"], group["count"]) == ("ruby", 1)
    [event] = project.events(group["id"])
    assert frames(event)[-1]["function"].endswith("charge")
    assert event["extra"]["password"] and "hunter2" not in str(event), event["extra"]
    assert project.wait_for_group("raven speaks")["level"] == "info"


def test_sentry_for_rust(bellwether):
    server = bellwether()
    project = Project(server)
    assert RUST_SHOP.exists(), "the program is not built: cargo xtask prepare"
    run([], RUST_SHOP, project.dsn)
    group = project.wait_for_group("CheckOut: cannot check out")
    assert (group["platform"], group["count"], group["users"]) == ("native", 2, 1)
    assert (group["release_first"], group["environment"]) == ("shop@1.0.0", ["live"])
    [event, _] = project.events(group["id"])
    chain = [(one["type"], one["value"]) for one in event["exception"]["values"]]
    assert chain == [("Refused", "card refused"), ("CheckOut", "cannot check out")]
    assert event["tags"]["tenant"] == "acme"
    panic = project.wait_for_group("panic: index out of bounds")
    assert (panic["level"], panic["unhandled"]) == ("fatal", True)
    [event] = project.events(panic["id"])
    picked = [frame for frame in frames(event) if frame["function"].endswith("pick_card")]
    assert picked and picked[0]["in_app"], frames(event)
    assert project.wait_for_group("a plain message")["level"] == "warning"
