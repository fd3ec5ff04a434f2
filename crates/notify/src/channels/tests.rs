//! C079: whatever it is sent by, a page says what, how bad, since when, the value against the usual one, what changed,
//! what to do, and how to acknowledge.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use incidents::page::{About, Message};
use incidents::{Page, PageKind};
use vocabulary::Timestamp;
use vocabulary::state::State;

use super::*;
use crate::config::Secret;

/// A page to ana, of incident 3, that the receiver calls `k`.
pub fn handle(page: i64, at: i64) -> Handle {
    Handle { page, incident: 3, contact: "ana".into(), handle: "k".into(), at, made: at, acknowledged: false }
}

pub fn letter() -> Letter {
    let ways = [
        ("phone", "+491701234567"),
        ("telegram", "-77"),
        ("pushover", "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"),
        ("ntfy", "topic"),
        ("slack_user", "U11"),
    ];
    let message = Message {
        title: "api-latency".into(),
        state: State::Critical,
        since: 1_700_000_000,
        until: None,
        value: Some(812.0),
        warning: Some("> 300".into()),
        critical: Some("> 800".into()),
        text: "it is slow".into(),
        instances: Vec::new(),
        bad: 1,
        description: None,
        playbook: Some("https://wiki.example/latency".into()),
        about: About::Monitor,
        name: "api-latency".into(),
        instance: String::new(),
        author: String::new(),
        comment: String::new(),
        number: None,
        instead_of: None,
        email: Some("ana@example.org".into()),
        ways: ways.map(|(way, at)| (way.to_owned(), at.to_owned())).into(),
        tried: Vec::new(),
        detour: incidents::page::Detour::default(),
        rerouted: false,
        otherwise: Default::default(),
        nobodys_since: None,
        unsubscribe: None,
    };
    let page = Page {
        id: 7,
        incident: Some(12),
        kind: PageKind::Problem,
        contact: "ana".into(),
        channel: "x".into(),
        at: Timestamp(1_700_000_010),
        message,
    };
    Letter {
        waiting: Waiting { page, tries: 0, next_try: 0 },
        marks: vec![Mark { at: 1_699_999_990, what: "deploy-4.2".into() }],
        usual: Some("120 to 180".into()),
        last_time: None,
        token: Some("TOKEN".into()),
        picture: None,
        graph: Some("https://bell.example/a/graph/SEEN.png".into()),
        first: 7,
        earlier: Vec::new(),
    }
}

type Takes = fn(BufReader<TcpStream>, TcpStream) -> String;

/// Takes one request, or one mail, and returns what it said.
fn receiver(takes: Takes) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        // Whoever asked may be gone already.
        let _ = tell.send(takes(reader, stream));
    });
    (port, told)
}

fn request(reader: BufReader<TcpStream>, stream: TcpStream) -> String {
    answered(reader, stream, own_answer)
}

/// Says 200 to everything: whoever is behind it has to sign in first.
fn portal(reader: BufReader<TcpStream>, stream: TcpStream) -> String {
    answered(reader, stream, |_| ("200 OK", "<html>Please sign in</html>"))
}

/// Status and body of the provider that has this path, in small letters.
fn own_answer(path: &str) -> (&'static str, &'static str) {
    match path {
        "/services/x" => ("200 OK", "ok"),
        "/v2/enqueue" => ("202 Accepted", r#"{"status":"success"}"#),
        path if path.starts_with("/v2/alerts") => ("202 Accepted", r#"{"requestId":"r"}"#),
        path if path.starts_with("/2010-04-01/") => ("201 Created", r#"{"sid":"SM1"}"#),
        _ => ("200 OK", r#"{"ok":true,"channel":"C1","ts":"1.2","status":1,"id":"m"}"#),
    }
}

/// Of those who speak as a provider does, in their own words.
fn alike(reader: BufReader<TcpStream>, stream: TcpStream) -> String {
    answered(reader, stream, |path| match path.starts_with("/2010-04-01/") {
        true => ("200 OK", r#"{"sid":"SM1","status":"queued"}"#),
        false => ("200 OK", r#"{"success":true,"status":"success"}"#),
    })
}

fn answered(
    mut reader: BufReader<TcpStream>,
    mut stream: TcpStream,
    answer: fn(&str) -> (&'static str, &'static str),
) -> String {
    let (mut length, mut first) = (0, String::new());
    reader.read_line(&mut first).unwrap();
    let path = first.split(' ').nth(1).unwrap_or_default().to_ascii_lowercase();
    for line in reader.by_ref().lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length: ").map_or(length, |length| length.parse().unwrap());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, answer) = answer(&path);
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{answer}", answer.len()).unwrap();
    String::from_utf8(body).unwrap()
}

fn mail(reader: BufReader<TcpStream>, mut stream: TcpStream) -> String {
    write!(stream, "220 here\r\n").unwrap();
    let (mut parts, mut in_data) = (vec![String::new()], false);
    for line in reader.lines() {
        let line = line.unwrap();
        match (in_data, line.as_str()) {
            (true, ".") => break,
            (true, "") => parts.push(String::new()),
            (true, line) => parts.last_mut().unwrap().push_str(line),
            (false, line) => {
                in_data = line == "DATA";
                write!(stream, "{} go on\r\n", if in_data { 354 } else { 250 }).unwrap();
            }
        }
    }
    write!(stream, "250 taken\r\n").unwrap();
    let texts = parts.iter().filter_map(|part| BASE64.decode(part.split("--=_").next()?).ok());
    texts.map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
}

/// As a person or a program reads it.
fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let escaped = (*first == b'%').then(|| std::str::from_utf8(more.get(..2)?).ok()).flatten();
        match escaped.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).replace("&gt;", ">").replace("&amp;", "&")
}

fn send(config: &ChannelConfig, letters: &[Letter]) -> Results {
    send_by(&mut *(of(config.kind).open)(config).unwrap(), letters)
}

fn send_by(channel: &mut dyn Channel, letters: &[Letter]) -> Results {
    with_post(|runtime, post| runtime.block_on(channel.send(letters, post)))
}

fn with_post<T>(work: impl FnOnce(&tokio::runtime::Runtime, &Post<'_>) -> T) -> T {
    let settings = Settings {
        channels: Vec::new(),
        url: "https://bell.example".into(),
        url_is_local: false,
        server_id: "s".into(),
        secret: Secret::new("secret"),
        zone: jiff::tz::TimeZone::UTC,
        push_key: Secret::default(),
    };
    let egress = Egress::default();
    let post = Post {
        settings: &settings,
        egress: &egress,
        now: 1_700_000_020,
        since: 1_700_000_000,
        gone: &|_, _, _| {},
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    work(&runtime, &post)
}

fn sent(toml: &str) -> String {
    let (port, told) = receiver(if toml.contains("type = \"email\"") { mail } else { request });
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let toml = toml.replace("PORT", &port.to_string()).replace("OUT", out.to_str().unwrap());
    let config: ChannelConfig = toml::from_str(&format!("name = \"x\"\n{toml}")).unwrap();
    assert_eq!((of(config.kind).problems)(&config), Vec::new(), "{toml}");
    let results = send(&config, &[letter()]);
    assert!(matches!(results.as_slice(), [(7, Ok(_))]), "{toml}: {results:?}");
    match std::fs::read_to_string(&out) {
        Ok(text) => text,
        Err(_) => told.recv_timeout(Duration::from_secs(60)).unwrap(),
    }
}

#[test]
fn a_telephone_does_not_ring_for_good_news_and_says_so() {
    let account = format!("AC{}", "0".repeat(32));
    let config = format!(
        "name = \"x\"\ntype = \"voice\"\naccount = \"{account}\"\ntoken = \"t\"\nfrom = \"+491701234567\""
    );
    let mut end = letter();
    end.waiting.page.kind = PageKind::Recovery;
    let results = send(&toml::from_str(&config).unwrap(), &[end]);
    assert_eq!(results, [(7, Ok(Sent { handle: None, is_unsaid: true }))]);
}

#[test]
fn a_good_answer_that_is_not_the_providers_own_tells_nobody() {
    let key = "0123456789abcdef0123456789abcdef";
    let twilio = format!("account = \"AC{key}\"\ntoken = \"t\"\nfrom = \"+4930123456\"");
    for keys in [
        format!("type = \"pagerduty\"\nrouting_key = \"{key}\""),
        "type = \"opsgenie\"\ntoken = \"t\"".into(),
        "type = \"slack\"".into(),
        "type = \"slack\"\nbot_token = \"xoxb-1\"".into(),
        "type = \"ntfy\"".into(),
        "type = \"telegram\"\ntoken = \"t\"".into(),
        format!("type = \"pushover\"\ntoken = \"{}\"", "a".repeat(30)),
        format!("type = \"sms\"\n{twilio}"),
        format!("type = \"voice\"\n{twilio}"),
    ] {
        let (port, _told) = receiver(portal);
        let toml = format!("name = \"x\"\n{keys}\nurl = \"http://127.0.0.1:{port}\"");
        let results = send(&toml::from_str(&toml).unwrap(), &[letter()]);
        let is_tried_again = matches!(results.as_slice(), [(7, Err(Failure::Channel { .. }))]);
        assert!(is_tried_again, "{keys}: {results:?}");
    }
}

#[test]
fn what_cannot_be_opened_fails_until_it_can() {
    let (port, _told) = receiver(request);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let toml = format!(
        "name = \"x\"\ntype = \"pagerduty\"\nrouting_key_file = \"{}\"\nurl = \"http://127.0.0.1:{port}\"",
        file.display()
    );
    let config: ChannelConfig = toml::from_str(&toml).unwrap();
    assert!((of(config.kind).open)(&config).is_err());
    let mut channel = unopened::Unopened::new(&config);
    let results = send_by(&mut channel, &[letter(), letter()]);
    let is_tried_again =
        matches!(results.as_slice(), [(7, Err(Failure::Channel { why, .. }))] if why.contains("key"));
    assert!(is_tried_again, "{results:?}");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
    let results = send_by(&mut channel, &[letter()]);
    assert!(matches!(results.as_slice(), [(7, Ok(_))]), "{results:?}");
}

#[test]
fn what_cannot_be_opened_is_heard_once_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    let toml = format!("name = \"x\"\ntype = \"opsgenie\"\ntoken_file = \"{}\"", file.display());
    let config: ChannelConfig = toml::from_str(&toml).unwrap();
    assert!((of(config.kind).ear)(&config).is_err());
    let mut ear = unopened::Unheard::new(&config);
    // Nothing is open, so that the provider is asked nothing.
    let listen = |ear: &mut unopened::Unheard| {
        let heard = with_post(|runtime, post| runtime.block_on(ear.listen(&[], "", post)));
        assert!(heard.is_ok_and(|heard| heard.said.is_empty()));
        ear.is_always_open()
    };
    assert!(listen(&mut ear), "it goes on trying");
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    assert!(!listen(&mut ear), "it listens as any of its type does");
    assert_eq!(ear.every(), crate::limits::ASK_EVERY);
}

#[test]
fn those_who_speak_as_a_provider_does_are_taken_at_their_word() {
    let key = "0123456789abcdef0123456789abcdef";
    for keys in [
        String::from("type = \"slack\""),
        format!("type = \"pagerduty\"\nrouting_key = \"{key}\""),
        format!("type = \"sms\"\naccount = \"AC{key}\"\ntoken = \"t\"\nfrom = \"+4930123456\""),
    ] {
        let (port, _told) = receiver(alike);
        let toml = format!("name = \"x\"\n{keys}\nurl = \"http://127.0.0.1:{port}\"");
        let results = send(&toml::from_str(&toml).unwrap(), &[letter()]);
        assert!(matches!(results.as_slice(), [(7, Ok(_))]), "{keys}: {results:?}");
    }
}

#[test]
fn c079_every_channel_says_all_of_it() {
    let check = |toml: &str, since: &str, acknowledge: &str| {
        let said = plain(&sent(toml));
        let lower = said.to_ascii_lowercase();
        for part in
            ["api-latency", "critical", since, "812", "120 to 180", "deploy-4.2", "wiki.example/latency"]
        {
            assert!(lower.contains(&part.to_ascii_lowercase()), "{toml}: no `{part}` in {said}");
        }
        assert!(said.contains(acknowledge), "{toml}: no `{acknowledge}` in {said}");
    };
    let (day, link, graph) =
        ("2023-11-14", "https://bell.example/a/TOKEN", "https://bell.example/a/graph/SEEN.png");
    check(
        "type = \"email\"\nserver = \"127.0.0.1:PORT\"\nfrom = \"b@example.org\"\ntls = \"none\"",
        day,
        link,
    );
    let hook = "type = \"webhook\"\nurl = \"http://127.0.0.1:PORT/\"";
    check(hook, "1700000000", link);
    check(hook, "1700000000", graph);
    for format in ["teams", "mattermost", "gotify"] {
        check(&format!("{hook}\nformat = \"{format}\""), day, graph);
    }
    for format in ["teams", "discord", "mattermost", "gotify", "alertmanager"] {
        check(&format!("{hook}\nformat = \"{format}\""), day, link);
    }
    let key = "0123456789abcdef0123456789abcdef";
    check(
        &format!("type = \"pagerduty\"\nrouting_key = \"{key}\"\nurl = \"http://127.0.0.1:PORT\""),
        day,
        link,
    );
    check(
        &format!("type = \"pagerduty\"\nrouting_key = \"{key}\"\nurl = \"http://127.0.0.1:PORT\""),
        day,
        graph,
    );
    check("type = \"slack\"\nurl = \"http://127.0.0.1:PORT/services/x\"", day, graph);
    check("type = \"opsgenie\"\ntoken = \"t\"\nurl = \"http://127.0.0.1:PORT\"", day, link);
    check("type = \"slack\"\nurl = \"http://127.0.0.1:PORT/services/x\"", day, link);
    let app = "type = \"slack\"\nbot_token = \"xoxb-1\"\nurl = \"http://127.0.0.1:PORT\"";
    check(app, day, link);
    check(&format!("{app}\napp_token = \"xapp-1\""), day, "\"action_id\":\"acknowledge\"");
    check("type = \"ntfy\"\nurl = \"http://127.0.0.1:PORT\"", day, "\"body\":\"TOKEN\"");
    check(
        "type = \"telegram\"\ntoken = \"t\"\nurl = \"http://127.0.0.1:PORT\"",
        day,
        "\"callback_data\":\"a7\"",
    );
    let pushover =
        format!("type = \"pushover\"\ntoken = \"{}\"\nurl = \"http://127.0.0.1:PORT\"", "a".repeat(30));
    // Acknowledged in Pushover itself: it rings until then.
    check(&pushover, day, "priority=2&retry=60");
    let twilio = format!(
        "account = \"AC{key}\"\ntoken = \"t\"\nfrom = \"+4930123456\"\nurl = \"http://127.0.0.1:PORT\""
    );
    check(&format!("type = \"sms\"\n{twilio}"), day, "Reply 12 to say that you have it");
    check("type = \"command\"\ncommand = [\"/bin/sh\", \"-c\", \"cat >OUT\"]", "1700000000", link);
}

/// Whoever is called hears what is wrong and how to say that they have it; the rest is for those who can read.
#[test]
fn c079_a_call_says_what_is_wrong_and_which_key() {
    let key = "0123456789abcdef0123456789abcdef";
    let said = plain(&sent(&format!(
        "type = \"voice\"\naccount = \"AC{key}\"\ntoken = \"t\"\nfrom = \"+4930123456\"\nurl = \"http://127.0.0.1:PORT\""
    )));
    for part in ["CRITICAL: api-latency", "Press 1 if you have it", "https://bell.example/a/TOKEN/keys"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
}

#[test]
fn what_is_done_side_by_side_waits_for_the_slowest_and_keeps_its_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel::<u8>();
    // One after the other the first would wait for ever.
    let first: Work<'_, Option<u8>> = Box::pin(async { receiver.await.ok() });
    let second: Work<'_, Option<u8>> = Box::pin(async {
        tokio::task::yield_now().await;
        sender.send(1).ok().map(|()| 2)
    });
    assert_eq!(runtime.block_on(side_by_side(vec![first, second])), [Some(1), Some(2)]);
    assert!(runtime.block_on(side_by_side::<u8>(Vec::new())).is_empty());
}

#[test]
fn what_is_wrong_with_an_address_is_a_persons_unless_the_channel_names_it() {
    let never = || Failure::Never { why: "no such number".into() };
    let person = || Failure::Person { why: "no such number".into() };
    assert_eq!((never().of_person(true), never().of_person(false)), (person(), never()));
    assert_eq!((person().of_person(true), person().of_person(false)), (person(), never()));
    let busy = Failure::Page { why: "busy".into(), after: None };
    assert_eq!(busy.clone().of_person(true), busy);
    let lost = recipients(&letter(), &[], "signal", |_| true);
    assert!(matches!(lost, Err(Failure::Person { why }) if why.contains("has no `signal`")));
}
