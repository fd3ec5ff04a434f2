//! Definitions with mistakes, and what is said about them.

use super::*;

fn read(text: &str) -> Definitions {
    toml::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `key: message` of the only problem.
fn problem(text: &str) -> String {
    let found = read(text).problems();
    assert_eq!(found.len(), 1, "{text}: {found:#?}");
    format!("{}: {}", found[0].0, found[0].1)
}

const FINE: &str = r#"
[[contact]]
name = "ana"
channels = ["log"]
notification_period = "office"
[[time_period]]
name = "office"
ranges = ["monday 09:00-17:00"]
time_zone = "Europe/Berlin"
[[host]]
name = "router"
[[host]]
name = "web1"
parents = ["router"]
contacts = ["ana"]
notification_options = ["d", "r"]
[[check]]
name = "web1/ping"
host = "web1"
service = "ping"
type = "passive"
notification_period = "24x7"
contacts = ["ana"]
[[check]]
name = "web1/http"
host = "web1"
type = "passive"
[[escalation]]
check = "web1/ping"
first_notification = 2
contacts = ["ana"]
[[dependency]]
check = "web1/ping"
dependent_check = "web1/http"
notification_failure = ["w", "u", "c"]
[[downtime]]
name = "sundays"
hosts = ["web*"]
ranges = ["sunday 02:00-04:00"]
"#;

#[test]
fn what_is_fine_is_fine_and_is_written_as_it_was_read() {
    let fine = read(FINE);
    assert_eq!(fine.problems(), []);
    assert_eq!(read(&toml::to_string(&fine).unwrap()), fine);
}

#[test]
fn every_mistake_is_told_with_its_key_and_a_cure() {
    let check = |more: &str, key: &str, part: &str| {
        let told = problem(&format!("{FINE}{more}"));
        assert!(told.starts_with(&format!("{key}: ")) && told.contains(part), "{more}: {told}");
    };
    let passive = |more: &str| format!("[[check]]\nname = \"x\"\ntype = \"passive\"\n{more}");
    check(&passive("host = \"wbe1\""), "check.2.host", "there is no host `wbe1`; did you mean `web1`?");
    check(&passive("host = \"db\""), "check.2.host", "define it with [[host]]");
    check(&passive("contacts = [\"ana\", \"bob\"]"), "check.2.contacts.1", "no contact `bob`");
    check(&passive("check_period = \"offices\""), "check.2.check_period", "did you mean `office`?");
    check(
        &passive("notification_options = [\"w\", \"d\"]"),
        "check.2.notification_options.1",
        "some of \"w\"",
    );
    check(&passive("max_check_attempts = 0"), "check.2.max_check_attempts", "at least 1");
    check(&passive("stale_status = 4"), "check.2.stale_status", "3 (UNKNOWN)");
    check(&passive("high_flap_threshold = 101.0"), "check.2.high_flap_threshold", "percentage");
    check(
        &passive("low_flap_threshold = 30.0\nhigh_flap_threshold = 20.0"),
        "check.2.low_flap_threshold",
        "before it begins",
    );
    check(&passive("host = \"web1\"\nservice = \"ping\""), "check.2.service", "choose another service");
    check("[[check]]\nname = \"x\"", "check.2.name", "needs a command");
    check("[[check]]\ntype = \"passive\"", "check.2.name", "has no name");
    check("[[check]]\ntype = \"passive\"\nname = \"a \"", "check.2.name", "ends with a space");
    check(
        "[[check]]\ntype = \"passive\"\nname = \"web1/ping\"",
        "check.2.name",
        "the name of check.0 already",
    );
    let monitor = "[[monitor]]\nname = \"web1/ping\"\ntarget = \"a\"\ncritical = ";
    check(&format!("{monitor}\"> 1\""), "check.0.name", "the name of monitor.0 already");
    check("[[host]]\nname = \"router\"", "host.2.name", "given once");
    check("[[host]]\nname = \"a\"\nparents = [\"a\"]", "host.2.parents.0", "`a` has the parent `a`");
    check("[[host]]\nname = \"a\"\nstale_status = 3", "host.2.stale_status", "DOWN");
    check("[[time_period]]\nname = \"24x7\"", "time_period.1.name", "built in");
    check(
        "[[time_period]]\nname = \"a\"\ntime_zone = \"Europe/Brelin\"",
        "time_period.1.time_zone",
        "no time zone",
    );
    check("[[time_period]]\nname = \"a\"\nexclude = [\"a\"]", "time_period.1.exclude", "circle");
    check("[[escalation]]\ncontacts = [\"ana\"]", "escalation.1", "either `check` or `host`");
    check("[[escalation]]\nhost = \"web1\"", "escalation.1", "has no contacts");
    check(
        "[[escalation]]\nhost = \"web1\"\nfirst_notification = 3\nlast_notification = 2\ncontacts = [\"ana\"]",
        "escalation.1.last_notification",
        "0 for no end",
    );
    check("[[dependency]]\nhost = \"web1\"", "dependency.1", "write both keys");
    check(
        "[[dependency]]\nhost = \"router\"\ndependent_host = \"web1\"\nexecution_failure = [\"c\"]",
        "dependency.1.execution_failure.0",
        "\"d\", \"u\"",
    );
    check("[[downtime]]\nname = \"d\"\nranges = [\"monday 00:00-01:00\"]", "downtime.1", "is of nothing");
    check("[[downtime]]\nname = \"d\"\nhosts = [\"*\"]", "downtime.1", "never begins");
}

#[test]
fn a_loop_is_told_once_with_everything_in_it() {
    let hosts = |edges: &[(&str, &str)]| {
        let tables = edges
            .iter()
            .map(|(name, parent)| format!("[[host]]\nname = \"{name}\"\nparents = [\"{parent}\"]\n"));
        read(&tables.collect::<String>()).problems()
    };
    let found = hosts(&[("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].1.contains("`a` has the parent `b` has the parent `c` has the parent `a`"),
        "{found:#?}"
    );
    let checks = "[[check]]\nname = \"a\"\ntype = \"passive\"\n[[check]]\nname = \"b\"\ntype = \"passive\"\n\
                  [[dependency]]\ncheck = \"a\"\ndependent_check = \"b\"\n\
                  [[dependency]]\ncheck = \"b\"\ndependent_check = \"a\"\n";
    assert!(problem(checks).contains("depends on"), "{}", problem(checks));
    // As long as any estate's, and none of them is a loop.
    let chain: Vec<(String, String)> =
        (0..20_000).map(|n| (format!("h{n}"), format!("h{}", n + 1))).collect();
    let mut chain: Vec<(&str, &str)> = chain.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(hosts(&chain).len(), 1, "the last parent is not there");
    chain.push(("h20000", "h0"));
    assert_eq!(hosts(&chain).len(), 1);
}

#[test]
fn how_long_history_is_kept() {
    use super::MonitorsConfig;
    assert_eq!(MonitorsConfig::default().problems(), []);
    for bad in ["0s", "23h", "36501d"] {
        let config: MonitorsConfig = toml::from_str(&format!("keep_history = {bad:?}")).unwrap();
        assert_eq!(config.problems().len(), 1, "{bad}");
    }
}

#[test]
fn a_chain_as_long_as_the_list_is_followed_without_end_of_the_stack() {
    const HOSTS: usize = 20_000;
    let host = |index: usize, parent: Option<usize>| HostConfig {
        name: format!("h{index}"),
        parents: parent.map(|parent| format!("h{parent}")).into_iter().collect(),
        ..HostConfig::default()
    };
    let hosts = (0..HOSTS).map(|index| host(index, index.checked_sub(1))).collect();
    let mut all = Definitions { hosts, ..Definitions::default() };
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let look = move || {
        let mut machine = crate::machine::Machine::new(&all, jiff::tz::TimeZone::UTC).unwrap();
        let mut out = crate::machine::Happenings::default();
        let down = crate::Outcome { status: 1, ..crate::Outcome::default() };
        for name in ["h0", "h1", "h19999"] {
            machine.result(machine.host(name).unwrap(), &down, vocabulary::Timestamp(1_000), &mut out);
        }
        let states: Vec<_> = out.changes.iter().map(|change| change.to.word()).collect();
        assert_eq!(states, ["DOWN", "UNREACHABLE", "DOWN"]);
        all.hosts[0] = host(0, Some(HOSTS - 1));
        all.problems()
    };
    let found = small.spawn(look).unwrap().join().unwrap();
    assert!(found.len() == 1 && found[0].1.contains("and 19991 more"), "{found:?}");
}

#[test]
fn who_is_told_of_nothing_is_doubted() {
    let doubts = |more: &str| read(&format!("{FINE}{more}")).doubts();
    assert_eq!(doubts(""), []);
    let never =
        "[[time_period]]\nname = \"never\"\n[[contact]]\nname = \"ben\"\nnotification_period = \"never\"\n";
    let found = doubts(never);
    assert!(found.len() == 1 && found[0].0 == "contact.1.notification_period", "{found:?}");
    let deaf = "[[contact]]\nname = \"ben\"\ncheck_notification_options = [\"w\"]\n";
    let check = |contacts: &str| {
        format!("{deaf}[[check]]\nname = \"c\"\ntype = \"passive\"\ncontacts = {contacts}\n")
    };
    let found = doubts(&check("[\"ben\"]"));
    assert!(found.len() == 1 && found[0].0 == "check.2.contacts" && found[0].1.contains("`c`"), "{found:?}");
    assert_eq!(doubts(&check("[\"ben\", \"ana\"]")), []);
}
