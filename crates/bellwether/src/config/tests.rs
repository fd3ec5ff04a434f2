//! Configurations with mistakes, and what is said about them.

use super::*;

fn load(
    files: &[(&str, &str)],
    environment: &[(&str, &str)],
) -> (tempfile::TempDir, Result<Config, Vec<Problem>>) {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let origin = Origin { file: Some(directory.path().join("bellwether.toml")), data_dir: None, environment };
    let loaded = origin.load();
    (directory, loaded)
}

/// `place: message` of each problem, places without the directory.
fn problems(files: &[(&str, &str)], environment: &[(&str, &str)]) -> Vec<String> {
    let (directory, loaded) = load(files, environment);
    let prefix = format!("{}/", directory.path().display());
    let told = |problem: Problem| format!("{}: {}", problem.place.replace(&prefix, ""), problem.message);
    loaded.err().unwrap_or_default().into_iter().map(told).collect()
}

#[test]
fn every_mistake_is_told_at_its_place_with_a_cure() {
    let text = "\
data_dir = \"x\"
[statsd]
flushInterval = \"10s\"
percentiles = \"90\"
udp = \"8125\"
[carbbon]
line = \"off\"
[[storage.retention]]
name = \"a\"
pattern = \"(\"
archives = [\"10s:6h\", \"15s:1d\"]
[http]
listen = \"0.0.0.0:8080\"
";
    let found = problems(&[("bellwether.toml", text)], &[]);
    let check = |start: &str, part: &str| {
        assert!(
            found.iter().any(|line| line.starts_with(start) && line.contains(part)),
            "{start} {part}: {found:#?}"
        );
    };
    check("bellwether.toml:3:1: ", "did you mean `flush_interval`?");
    check("bellwether.toml:4:15: ", "expected a sequence");
    check("bellwether.toml:5:7: ", "write \"IP:PORT\"");
    check("bellwether.toml:6:2: ", "did you mean `carbon`?");
    check("bellwether.toml:10:11: ", "regex");
    check("bellwether.toml:11:12: ", "not a multiple");
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn what_to_write_instead_is_told() {
    let check = |text: &str, cure: &str| {
        let found = problems(&[("bellwether.toml", text)], &[]);
        assert!(found.len() == 1 && found[0].contains(cure), "{text}: {found:#?}");
    };
    check("data_dir = 3", "a path in quotes");
    check("data_dir = \"\"", "the data directory is empty");
    check("[http]\nquery_timeout = 5", "as in \"5s\"");
    check("[http]\nmax_connections = -1", "a whole number from 0");
    check("[self]\nseries = 1", "true or false");
    check("[statsd]\ndialect = \"etsy\"", "expected `dogstatsd` or `statsd`: write it as it stands");
    check("[statsd]\nallow = [\"localhost\"]", "such as \"127.0.0.0/8\"");
    check("[statsd]\nrepeater = [{ host = \"x\" }]", "add the key `port`");
    check("[statsd]\ntcp = \"127.0.0.1:8126\"", "127.0.0.1:8126 is where statsd.tcp listens");
    check("[http]\nlisten = \"127.0.0.1:2003\"", "where http.listen listens");
    check("[http]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "give each its own port");
    check("[carbon]\nblacklist = [\"(\"]", "without closing parenthesis");
    check("[carbon]\nforward = [{ address = \"127.0.0.1:2004\" }]", "where carbon.pickle listens");
    check("[relay]\ndestinations = [\"10.0.0.1\"]", "such as \"10.0.0.3:2004:a\"");
    check("[relay]\nstore = false", "every point would be lost");
    check("[http]\nmax_body_bytes = 0", "must be at least 1");
    check("[[team]]\nname = \"a\"\nprefixes = [\"\"]", "beginnings of names, such as");
    check("[http]\nquery_timeout = \"0s\"", "must be more than 0s");
    let emergency = |keys: &str| format!("[[emergency]]\nname = \"a\"\n{keys}");
    check(&emergency("key = \"short\""), "16 to 100 letters");
    check(&emergency("key_file = \"/no/such/key\""), "emergency.0.key_file: /no/such/key");
    check(&emergency(""), "such as `openssl rand -hex 16` makes");
    let twice = ["a", "b"]
        .map(|name| format!("[[emergency]]\nname = \"{name}\"\nkey = \"0123456789abcdef\"\n"))
        .concat();
    check(&twice, "another emergency has the same key");
    check(
        "[status_page]\ncomponents = [\"Shop\", \"Shop\"]",
        "status_page.components: `Shop` is there twice",
    );
    check("[http]\npublic_url = \"metrics.office\"", "such as \"https://");
    check("[reports]\ncontacts = [\"zoe\"]", "reports.contacts: there is no contact `zoe`");
    let without_mail = "[reports]\ncontacts = [\"ana\"]\n[[contact]]\nname = \"ana\"\nchannels = [\"log\"]";
    check(without_mail, "`ana` has no channel of type \"email\"");
    let no_channel = "[http]\npublic_url = \"https://bell.example\"\n[status_page]\nmail = \"news\"";
    check(no_channel, "status_page.mail: there is no channel `news` of type \"email\"");
    let news = "[[channel]]\nname = \"news\"\ntype = \"email\"\nserver = \"x\"\nfrom = \"a@example.org\"\n";
    check(&format!("{news}[status_page]\nmail = \"news\""), "set http.public_url");
    check("[http]\ntls_certificate = \"/no.pem\"\ntls_key = \"/no.key\"", "/no.pem");
}

#[test]
fn an_unknown_key_hides_nothing_else() {
    let text = "\
[statsd]
flushInterval = \"10s\"
max_names = 0
[[monitor]]
name = \"slow\"
kind = \"metric\"
tagret = \"stats.a\"
critical = \"> 5\"
zzz = 1
[[check]]
name = \"disk\"
type = \"passive\"
host = \"nowhere\"
";
    let found = problems(&[("bellwether.toml", text)], &[]);
    let wanted = [
        "2:1: unknown key `flushInterval`; did you mean `flush_interval`?",
        "7:1: unknown key `tagret`; did you mean `target`?",
        "9:1: unknown key `zzz`; known here are: ",
        "3:13: statsd.max_names: ",
        "13:8: check.0.host: there is no host `nowhere`",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (line, start) in found.iter().zip(wanted) {
        assert!(line.starts_with(&format!("bellwether.toml:{start}")), "{found:#?}");
    }
}

#[test]
fn what_misses_something_that_was_left_out_is_not_told() {
    let check = |text: &str, wanted: &[&str]| {
        let found = problems(&[("bellwether.toml", text)], &[]);
        let starts = |(line, start): (&String, &&str)| line.starts_with(&format!("bellwether.toml:{start}"));
        assert!(found.len() == wanted.len() && found.iter().zip(wanted).all(starts), "{found:#?}");
    };
    // The certificate misses its key, and zoe is a contact.
    check(
        "[http]\ntls_key = 3\ntls_certificate = \"/no.pem\"\n[statsd]\nmax_names = 0",
        &["2:11: ", "5:13: statsd.max_names"],
    );
    check("[incidents]\ncontacts = [\"zoe\"]\n[[contact]]\nname = \"zoe\"\nchannels = 3", &["5:12: "]);
    check(
        "[incidents]\ncontacts = [\"zoe\"]\n[[contcat]]\nname = \"zoe\"\nchannels = [\"log\"]",
        &["3:3: unknown key"],
    );
}

#[test]
fn no_more_are_listed_than_are_read() {
    let keys: String = (0..25).map(|n| format!("zzz{n} = 1\n")).collect();
    let problems = load(&[("bellwether.toml", &keys)], &[]).1.unwrap_err();
    let listed = told(&problems);
    assert_eq!((problems.len(), listed.matches("unknown key").count()), (25, 20), "{listed}");
    assert!(listed.ends_with("\nand 5 more"), "{listed}");
}

#[test]
fn lists_of_numbers_come_from_the_environment() {
    let environment =
        [("BELLWETHER_STATSD__PERCENTILES", "90,99.9"), ("BELLWETHER_CARBON__ALLOW", "10.0.0.0/8,::1/128")];
    let config = load(&[("bellwether.toml", "")], &environment).1.unwrap();
    assert_eq!((config.statsd.percentiles.len(), config.carbon.allow.len()), (2, 2));
}

#[test]
fn a_file_without_an_end_is_a_problem() {
    let origin = Origin { file: Some("/dev/zero".into()), ..Origin::default() };
    let problem = &origin.load().unwrap_err()[0];
    assert!(problem.message.contains("longer than"), "{problem}");
}

#[test]
fn keys_that_contradict_each_other_are_told() {
    let found =
        problems(&[("bellwether.toml", "[http]\nlisten = \"0.0.0.0:80\"\n[statsd]\nmax_names = 0\n")], &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("bellwether.toml:2:10: http.listen: 0.0.0.0:80 can be reached"),
        "{}",
        found[0]
    );
    assert!(found[1].starts_with("bellwether.toml:4:13: statsd.max_names"), "{}", found[1]);
}

#[test]
fn mistakes_in_lists_are_told_at_their_place() {
    let text = "\
[relay]
method = \"rules\"
[[relay.rule]]
name = \"a\"
default = true
destinations = [\"localhost:2003\"]
[[relay.rule]]
name = \"b\"
pattern = \"(\"
destinations = [\"h:1\"]
[[relay.rewrite]]
pattern = \"a\"
replacement = \"\\\\1\"
[[relay.aggregation]]
output = \"<x>\"
frequency = \"60s\"
method = \"sum\"
input = \"<y>\"
";
    let found = problems(&[("bellwether.toml", text)], &[]);
    let wanted = [
        "9:11: relay.rule.1.pattern: ",
        "13:15: relay.rewrite.0.replacement: ",
        "15:10: relay.aggregation.0.output: ",
        "3:1: relay.rule: localhost:2003 is where carbon.line listens",
    ];
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (line, start) in found.iter().zip(wanted) {
        assert!(line.starts_with(&format!("bellwether.toml:{start}")), "{line}");
    }
}

#[test]
fn mistakes_of_form_are_all_told() {
    let found =
        problems(&[("bellwether.toml", "data_dir = \n[statsd\nudp = \"off\"\n[http]\nlisten = off\n")], &[]);
    assert!(
        found.len() >= 3 && found.iter().any(|line| line.starts_with("bellwether.toml:1:")),
        "{found:#?}"
    );
}

#[test]
fn conf_d_and_the_environment_are_laid_over_the_file() {
    let files = [
        (
            "bellwether.toml",
            "data_dir = \"kept\"\n[statsd]\nglobal_prefix = \"a\"\n[[storage.retention]]\nname='x'\npattern='x'\narchives=['1s:1h']",
        ),
        ("conf.d/10-a.toml", "[statsd]\nglobal_prefix = \"b\"\nglobal_suffix = \"s\""),
        (
            "conf.d/20-b.toml",
            "[statsd]\nglobal_prefix = \"c\"\n[[storage.retention]]\nname='y'\npattern='y'\narchives=['1s:2h']",
        ),
        (
            "conf.d/30-checks.toml",
            "[[check]]\nname='near'\ncommand=['./near.sh','./as-is']\n[[check]]\nname='far'\ncommand=['df']",
        ),
        ("conf.d/ignored.txt", "nonsense"),
    ];
    let environment = [
        ("BELLWETHER_STATSD__FLUSH_INTERVAL", "10s"),
        ("BELLWETHER_STATSD__PERCENTILES", "[50, 99]"),
        ("BELLWETHER_STATSD__PREFIX_TIMER", "123"),
        ("BELLWETHER_CARBON__ALLOW", "10.0.0.0/8,127.0.0.0/8"),
        ("BELLWETHER_URL", "http://elsewhere"),
    ];
    let (directory, loaded) = load(&files, &environment);
    let config = loaded.unwrap();
    assert_eq!(config.data_dir.0, directory.path().join("kept"));
    let near = directory.path().join("conf.d/near.sh").display().to_string();
    assert_eq!(config.check[0].command, [near.as_str(), "./as-is"]);
    assert_eq!(config.check[1].command, ["df"]);
    assert_eq!((config.statsd.global_prefix.as_str(), config.statsd.global_suffix.as_str()), ("c", "s"));
    assert_eq!(config.storage.retention.len(), 2);
    assert_eq!(config.statsd.flush_interval.seconds(), 10.0);
    assert_eq!((config.statsd.percentiles.len(), config.statsd.prefix_timer.as_str()), (2, "123"));
    assert_eq!(config.carbon.allow.len(), 2);
}

#[test]
fn mistakes_in_other_places_name_them() {
    let files = [("bellwether.toml", ""), ("conf.d/a.toml", "\n\n  [carbon]\n  lines = \"off\"")];
    let found = problems(&files, &[("BELLWETHER_STATSD__UDP", "x"), ("BELLWETHER_STATSD__UDDP", "off")]);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(
        found[0].starts_with("conf.d/a.toml:4:3: unknown key `lines`; did you mean `line`?"),
        "{}",
        found[0]
    );
    assert!(
        found.iter().any(|line| line.starts_with("environment variable BELLWETHER_STATSD__UDP: ")),
        "{found:#?}"
    );
    assert!(
        found
            .iter()
            .any(|line| line.starts_with("environment variable BELLWETHER_STATSD__UDDP: unknown key")),
        "{found:#?}"
    );
}

#[test]
fn a_conf_d_that_cannot_be_listed_is_a_problem() {
    let directory = tempfile::tempdir().unwrap();
    let main = directory.path().join("bellwether.toml");
    std::fs::write(&main, "").unwrap();
    // A link to itself: whoever runs the test, it cannot be read.
    std::os::unix::fs::symlink("conf.d", directory.path().join("conf.d")).unwrap();
    let problems = Origin { file: Some(main), ..Origin::default() }.load().unwrap_err();
    assert!(problems.len() == 1 && problems[0].place.ends_with("conf.d"), "{problems:?}");
}

#[test]
fn a_missing_file_that_was_named_is_a_problem() {
    let origin = Origin { file: Some("/nowhere/at/all.toml".into()), ..Origin::default() };
    let problem = &origin.load().unwrap_err()[0];
    assert!(problem.place.contains("all.toml") && problem.message.contains("No such file"), "{problem}");
}

#[test]
fn people_of_the_pages_may_be_named_and_are_doubted() {
    let text = "[[monitor]]\nname = \"backup\"\nkind = \"heartbeat\"\nslug = \"backup\"\nperiod = \"1h\"\ncontacts = [\"ana\"]\n\
                [[emergency]]\nname = \"shop\"\nkey = \"0123456789abcdef\"\ncontacts = [\"ben\"]\n";
    let (_directory, config) = load(&[("bellwether.toml", text)], &[]);
    let said: Vec<String> = config.unwrap().doubts.iter().map(|one| one.message.clone()).collect();
    for name in [
        "monitor.0.contacts.0: there is no [[contact]] `ana`",
        "emergency.0.contacts: there is no [[contact]] `ben`",
    ] {
        assert!(said.iter().any(|one| one.contains(name)), "{name}: {said:#?}");
    }
}

#[test]
fn what_would_do_nothing_is_doubted() {
    let text = "[[service]]\nname = \"shop\"\navailability = [\"listed\"]\n\
                [[check]]\nname = \"alone\"\ntype = \"passive\"\nservice = \"shop\"\n\
                [[check]]\nname = \"listed\"\ntype = \"passive\"\nservice = \"shop\"\n\
                [[channel]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"https://example.org/\"\nsecret_file = \"/nowhere/at/all\"\n";
    let (_directory, config) = load(&[("bellwether.toml", text)], &[]);
    let said: Vec<String> = config.unwrap().doubts.iter().map(|one| one.message.clone()).collect();
    assert!(
        said.len() == 2
            && said
                .iter()
                .any(|one| one.starts_with("check.0.service: of a check this is what Nagios calls it")),
        "{said:#?}"
    );
    assert!(
        said.iter().any(|one| one.starts_with("channel.0.secret_file: /nowhere/at/all: No such file")),
        "{said:#?}"
    );
}

#[test]
fn an_address_that_can_be_none_is_told_at_its_key_and_not_repeated() {
    let of_contact =
        |name: &str, keys: &str| format!("[[contact]]\nname = \"{name}\"\nchannels = [\"log\"]\n{keys}");
    for (address, wrong, cure) in [
        ("email", "ana at example", "an address such as name@example.org"),
        ("phone", "030 123456", "a number such as +491701234567"),
        ("telegram", "my chat", "the number of your chat with the bot"),
        ("pushover", "short", "your user key: 30 letters and digits"),
        ("ntfy", "a b/c", "a topic that the app on your telephone subscribes to"),
    ] {
        let text = of_contact("ben", "") + &of_contact("ana", &format!("{address} = \"{wrong}\"\n"));
        let found = problems(&[("bellwether.toml", &text)], &[]);
        let told = format!("contact.1.{address}: this leads nowhere: write {cure}");
        assert!(found.len() == 1 && found[0].contains(&told), "{found:#?}");
        assert!(found[0].starts_with("bellwether.toml:7:") && !found[0].contains(wrong), "{found:#?}");
    }
    let both = of_contact("ana", "email = \"ana\"\nphone = \"12\"\n");
    assert_eq!(problems(&[("bellwether.toml", &both)], &[]).len(), 2, "each at its own key");
    let fine = format!(
        "email = \"ana@example.org\"\nphone = \"+4930123456\"\ntelegram = \"-77\"\npushover = \"{}\"\nntfy = \"ana-3f7c1a9e\"\n",
        "u".repeat(30)
    );
    assert_eq!(problems(&[("bellwether.toml", &of_contact("ana", &fine))], &[]), [""; 0]);
}

#[test]
fn a_contact_without_the_address_that_its_channel_goes_by_is_doubted() {
    let mail = "type = \"email\"\nserver = \"mail.example.org\"\nfrom = \"b@example.org\"\n";
    let twilio = format!("account = \"AC{}\"\ntoken = \"t\"\nfrom = \"+4930123456\"\n", "0".repeat(32));
    let channels = format!(
        "[[channel]]\nname = \"mail\"\n{mail}\
         [[channel]]\nname = \"desk\"\n{mail}to = [\"desk@example.org\"]\n\
         [[channel]]\nname = \"text\"\ntype = \"sms\"\n{twilio}\
         [[channel]]\nname = \"hook\"\ntype = \"webhook\"\nurl = \"https://example.org/pages\"\n"
    );
    let doubts = |contact: &str| -> Vec<String> {
        let text = format!("{channels}[[contact]]\nname = \"ana\"\n{contact}\n");
        let (_directory, config) = load(&[("bellwether.toml", &text)], &[]);
        config.unwrap().doubts.into_iter().map(|one| one.message).collect()
    };
    let found = doubts("channels = [\"mail\", \"desk\", \"text\", \"hook\", \"log\"]");
    let wanted = [
        "contact.0.channels: `ana` is not reached by `mail`: the contact has no `email`, and the channel has no `to`",
        "contact.0.channels: `ana` is not reached by `text`: the contact has no `phone`, and the channel has no `to`",
    ];
    assert_eq!(found, wanted);
    let of_text = doubts("channels = [\"mail\", \"text\"]\nemail = \"ana@example.org\"");
    assert_eq!(of_text, wanted[1..], "a mailbox is no number");
    let has_all = "channels = [\"mail\", \"text\"]\nemail = \"ana@example.org\"\nphone = \"+491701234567\"";
    assert_eq!(doubts(has_all), [""; 0]);
    assert_eq!(doubts("channels = [\"desk\", \"hook\", \"log\"]"), [""; 0], "these go elsewhere");
}

#[test]
fn what_is_watched_may_be_spread_over_files_and_is_told_where_it_is_wrong() {
    let main = "[[host]]\nname = \"web1\"\n[[check]]\nname = \"a\"\ntype = \"passive\"\nhost = \"web1\"\n";
    let one = |name: &str, more: &str| format!("[[check]]\nname = \"{name}\"\ntype = \"passive\"\n{more}");
    let (second, third) = (one("b", "host = \"web1\"\n"), one("c", "host = \"wbe1\"\ncontacts = [\"x\"]\n"));
    let fine = [("bellwether.toml", main), ("conf.d/b.toml", &second)];
    let (directory, config) = load(&fine, &[]);
    let config = config.unwrap();
    let origin = &config.origins[&("check", "b".to_owned())];
    assert_eq!(*origin, format!("{}:2", directory.path().join("conf.d/b.toml").display()));
    assert_eq!(config.origins[&("host", "web1".to_owned())].rsplit(':').next(), Some("2"));

    let found = problems(&[fine[0], fine[1], ("conf.d/c.toml", &third)], &[]);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("conf.d/c.toml:4:8: check.2.host: there is no host `wbe1`"), "{found:#?}");
    assert!(
        found[1].starts_with("conf.d/c.toml:5:13: check.2.contacts.0: there is no contact `x`"),
        "{found:#?}"
    );

    let twice = problems(&[fine[0], fine[1], ("conf.d/c.toml", &one("a", ""))], &[]);
    assert!(
        twice[0].starts_with("conf.d/c.toml:2:8: check.2.name: `a` is the name of check.0"),
        "{twice:#?}"
    );
}

#[test]
fn a_thousand_files_are_read_at_once() {
    let files: Vec<(String, String)> = (0..1_000)
        .map(|n| (format!("conf.d/{n:04}.toml"), format!("[[check]]\nname = \"c{n}\"\ntype = \"passive\"\n")))
        .collect();
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("bellwether.toml", ""));
    let config = load(&files, &[]).1.unwrap();
    assert_eq!((config.check.len(), config.origins.len()), (1_000, 1_000));
}

#[test]
fn the_environment_cannot_change_one_of_a_list() {
    let text = "[[check]]\nname = \"a\"\ntype = \"passive\"\n";
    let environment = [("BELLWETHER_CHECK__0__NAME", "b"), ("BELLWETHER_LOG__LEVEL", "warn")];
    let found = problems(&[("bellwether.toml", text)], &environment);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("environment variable BELLWETHER_CHECK__0__NAME: "), "{found:#?}");
    assert!(found[0].contains("in a file and with two brackets"), "{found:#?}");
}
