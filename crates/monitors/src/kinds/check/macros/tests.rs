use super::*;

struct Estate {
    host: BTreeMap<String, String>,
    service: BTreeMap<String, String>,
}

fn standing(state: State, output: &str) -> Option<Standing> {
    Some(Standing {
        state,
        is_hard: false,
        attempt: 2,
        output: output.into(),
        last_check: Timestamp(1_700_000_000),
        last_change: Timestamp(1_700_000_000 - 90_061),
        latency: 0.25,
        ..Standing::pending(false)
    })
}

impl Lookup for Estate {
    fn host(&self, name: &str) -> Option<Facts<'_>> {
        let known =
            Facts { address: "10.0.0.1", variables: Some(&self.host), max_attempts: 5, standing: None };
        match name {
            "web1" => Some(known),
            "db" => Some(Facts { standing: standing(State::Down, "gone"), ..known }),
            _ => None,
        }
    }

    fn service(&self, host: &str, service: &str) -> Option<Facts<'_>> {
        let found = (host, service) == ("web1", "disk of root");
        let standing = standing(State::Critical, "a 'b' $(rm -rf /) `x` c;d | <e> \"f\"");
        found.then_some(Facts { address: "", variables: Some(&self.service), max_attempts: 3, standing })
    }
}

/// `expand` is called here only.
fn check(text: &str, expected: &str) {
    check_of(Some("disk of root"), text, expected);
}

fn with_context(service: Option<&str>, then: impl FnOnce(&Context<'_>)) {
    let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let lookup = Estate { host: one("RACK", "7 b"), service: one("limit", "90%") };
    let (arguments, users) = (["one two".to_owned(), "$HOSTNAME$".to_owned()], one("USER1", "/plugins"));
    then(&Context {
        lookup: &lookup,
        host: "web1",
        service,
        arguments: &arguments,
        users: &users,
        now: Timestamp(1_700_000_000),
        zone: &TimeZone::UTC,
    });
}

fn check_of(service: Option<&str>, text: &str, expected: &str) {
    with_context(service, |context| assert_eq!(expand(text, context, false), expected, "{text}"));
}

#[test]
fn values() {
    check("$USER1$/check_disk -H $HOSTADDRESS$", "/plugins/check_disk -H 10.0.0.1");
    check("$HOSTNAME$ $HOSTALIAS$ $SERVICEDESC$", "web1 web1 disk of root");
    check("$ARG1$|$ARG2$|$ARG3$|$ARG33$", "one two|$HOSTNAME$||$ARG33$");
    check("$_HOSTRACK$ $_SERVICELIMIT$ $_HOSTNONE$", "7 b 90% $_HOSTNONE$");
    check("$HOSTSTATE$ $HOSTSTATEID$ $HOSTSTATETYPE$ $HOSTATTEMPT$/$MAXHOSTATTEMPTS$", "UP 0 HARD 1/5");
    check(
        "$SERVICESTATE$ $SERVICESTATEID$ $SERVICESTATETYPE$ $SERVICEATTEMPT$/$MAXSERVICEATTEMPTS$",
        "CRITICAL 2 SOFT 2/3",
    );
    check(
        "$LASTSERVICECHECK$ $LASTHOSTCHECK$ $SERVICEDURATION$ $SERVICEDURATIONSEC$",
        "1700000000 0 1d 1h 1m 1s 90061",
    );
    check("$SERVICELATENCY$ $SERVICEDOWNTIME$ $SERVICEPERCENTCHANGE$", "0.250 0 0.00");
    check("$HOSTSTATE:db$ $HOSTOUTPUT:db$ $HOSTADDRESS:db$ $_HOSTRACK:db$", "DOWN gone 10.0.0.1 7 b");
    check(
        "$SERVICESTATE:web1:disk of root$ $SERVICESTATE::disk of root$ $HOSTSTATE:no$",
        "CRITICAL CRITICAL $HOSTSTATE:no$",
    );
    check("$TIMET$ $LONGDATETIME$", "1700000000 Tue Nov 14 22:13:20 UTC 2023");
    check("$SHORTDATETIME$ $DATE$ $TIME$", "11-14-2023 22:13:20 11-14-2023 22:13:20");
    check_of(None, "$HOSTNAME$ $SERVICEDESC$ $SERVICESTATE$", "web1 $SERVICEDESC$ $SERVICESTATE$");
}

#[test]
fn what_is_no_macro() {
    check("$$ 5$ $", "$ 5$ $");
    check("costs 5$", "costs 5$");
    check("$nonsense$ $USER9$ $USER257$ $HOSTNOPE$", "$nonsense$  $USER257$ $HOSTNOPE$");
    check("", "");
    check("ü$HOSTNAME$ü", "üweb1ü");
}

#[test]
fn a_shell_is_not_told_what_a_plugin_said() {
    let run = |command: &[&str]| {
        let mut seen = Vec::new();
        with_context(Some("disk of root"), |context| {
            seen = expand_command(&command.iter().map(|&part| part.to_owned()).collect::<Vec<_>>(), context);
        });
        seen
    };
    assert_eq!(
        run(&["/bin/sh", "-c", "mail $SERVICEOUTPUT$ $$HOME"])[2],
        "mail a b (rm -rf /) x c;d  e f $HOME"
    );
    assert_eq!(run(&["bash", "-ec", "$SERVICEOUTPUT:web1:disk of root$"])[2], "a b (rm -rf /) x c;d  e f");
    assert!(run(&["/bin/echo", "-c", "$SERVICEOUTPUT$"])[2].contains("$(rm"));
    // One argument stays one.
    assert_eq!(run(&["x", "$ARG1$", "$SERVICEDESC$"]), ["x", "one two", "disk of root"]);
}

#[test]
fn in_the_environment() {
    let mut seen = BTreeMap::new();
    with_context(Some("disk of root"), |context| seen = environment(context).into_iter().collect());
    let get = |name: &str| seen.get(name).map(String::as_str);
    assert_eq!(get("NAGIOS_HOSTNAME"), Some("web1"));
    assert_eq!(get("NAGIOS_SERVICESTATE"), Some("CRITICAL"));
    assert_eq!(get("NAGIOS_SERVICEDESC"), Some("disk of root"));
    assert_eq!(get("NAGIOS_ARG1"), Some("one two"));
    assert_eq!(get("NAGIOS__HOSTRACK"), Some("7 b"));
    assert!(seen.keys().all(|name| !name.contains("USER")), "secrets stay where they are");
}
