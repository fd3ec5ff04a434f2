//! What counts: all that was bad, since anything is known of.

use vocabulary::state::NoticeKind;

use super::*;

const RESTLESS: &str = r#"
[[monitor]]
name = "restless"
target = "restless.*"
critical = "> 5"
[[host]]
name = "web"
[[check]]
name = "web/restless"
host = "web"
command = ["check"]
max_check_attempts = 1
flap_detection = false
contacts = ["ana"]
notification_interval = "0s"
[[check]]
name = "web/calm"
host = "web"
command = ["check"]
max_check_attempts = 1
[[contact]]
name = "ana"
channels = ["log"]
"#;

/// More than ten thousand times something is bad, and what comes after all of these counts as well.
#[test]
fn what_is_bad_late_counts_after_whatever_came_before() {
    let mut estate = Estate::new(7);
    estate.definitions = toml::from_str(RESTLESS).unwrap();
    let last = BEGIN + (DAYS - 1) * DAY;
    for minute in 0..DAYS * DAY / MINUTE {
        let at = BEGIN + minute * MINUTE;
        let is_bad = if at < last { minute % 2 == 0 } else { (30..60).contains(&((at - last) / 600)) };
        for name in ["restless.one", "restless.two"] {
            estate.series.put(name, at, if is_bad { 9.0 } else { 1.0 });
        }
    }
    let states = [State::Critical, State::Ok].into_iter().cycle();
    let restless = (BEGIN..last).step_by(30).zip(states).map(|(at, state)| (at, "web/restless", state));
    let calm = [
        (BEGIN, "web/calm", State::Ok),
        (last + 3_600, "web/calm", State::Critical),
        (last + 7_200, "web/calm", State::Ok),
    ];
    let mut changes: Vec<(i64, &str, State)> = restless.chain(calm).collect();
    changes.sort_by_key(|(at, ..)| *at);
    let numbered = (0..).zip(changes);
    estate.events = numbered.map(|(line, (at, name, state))| change(line, at, name, state)).collect();

    let all = &estate.definitions;
    let (numbers, objects) = estate.on(|ground| {
        let objects = ground.objects(all, &ground::objects_of(all)).unwrap();
        (ground.monitor(&all.monitors[0], all).unwrap(), objects)
    });
    let late = |outcome: &ground::Outcome, rule: &str| {
        outcome.would.iter().filter(|page| page.rule == rule && page.at >= last).count()
    };
    assert_eq!(late(&numbers, "monitor:restless"), 1, "{:?}", numbers.would);
    assert_eq!(late(&objects, "check:web/calm"), 1);
    assert!(objects.bad["check:web/restless"].len() > crate::limits::MAX_FIRINGS);
    assert_eq!(objects.bad["check:web/calm"], [(last + 3_600, last + 7_200)]);
    assert!(numbers.untried.is_empty() && objects.untried.is_empty());
}

/// Nobody can say what the rules would have done while nothing was stored: what was sent then is no measure for them.
#[test]
fn what_was_sent_before_anything_is_known_is_not_weighed() {
    let mut estate = Estate::new(8);
    estate.definitions =
        toml::from_str("[[monitor]]\nname = \"new\"\ntarget = \"young\"\ncritical = \"> 5\"").unwrap();
    estate.events.clear();
    let begin = BEGIN + 7 * DAY;
    for at in (begin..BEGIN + DAYS * DAY).step_by(MINUTE as usize) {
        estate.series.put("young", at, if (60..120).contains(&((at - begin) / MINUTE)) { 9.0 } else { 1.0 });
    }
    let sent = |at| Sent { at, rule: "monitor:new".into(), contact: "ben".into() };
    // Each night before, and then once while something was bad.
    estate.sent = (0..7).map(|day| sent(BEGIN + day * DAY)).chain([sent(begin + 3_600)]).collect();
    let label = |start| Label { start, end: start + 3_600, title: "down".into() };
    estate.labels = vec![label(BEGIN + DAY), label(begin - 60), label(begin + 3_600)];
    let proof = estate.prove();
    assert_eq!(proof.known_from, Some(begin));
    assert_eq!((proof.sent.pages, proof.would.pages), (1, 1), "{}", proof.sentence);
    assert_eq!((proof.rules[0].sent, proof.rules[0].would), (1, 1));
    let slept = &proof.slept["ben"];
    assert_eq!(slept.sent, slept.would, "{slept:?} of {}", proof.nights);
    let verdicts: Vec<(Verdict, Option<i64>)> =
        proof.labels.iter().map(|label| (label.verdict, label.sent)).collect();
    assert_eq!(
        verdicts,
        [
            (Verdict::Unknown, Some(BEGIN + DAY)),
            (Verdict::Unknown, None),
            (Verdict::Same, Some(begin + 3_600))
        ]
    );
    assert!(
        proof.sentence.contains("0 missed") && proof.sentence.contains("2 began before"),
        "{}",
        proof.sentence
    );
}

/// A check tells ana by itself, which its incident writes down too; its policy calls others, and later ana as well.
#[test]
fn what_a_policy_called_people_for_was_sent_beside_what_a_check_told_by_itself() {
    let mut estate = Estate::new(9);
    let at = BEGIN + 3 * DAY;
    let notice = PastWhat::Notice {
        notice: NoticeKind::Problem,
        state: State::Critical,
        contact: "ana".into(),
        text: "full".into(),
        author: String::new(),
        comment: String::new(),
    };
    let told = PastEvent { at, object: "check".into(), name: "web/db".into(), line: 0, what: notice };
    estate.events = vec![change(0, BEGIN, "web/db", State::Ok), change(1, at, "web/db", State::Critical)];
    estate.events.push(PastEvent { line: 2, ..told });
    let word = |at, contact: &str| Sent { at, rule: "check:web/db".into(), contact: contact.into() };
    estate.sent = vec![word(at + 2, "ana"), word(at + 600, "dee"), word(at + 1_200, "ana")];
    let proof = estate.prove();
    let pages = |name: &str| proof.sent.contacts.get(name).map_or(0, |of| of.pages);
    assert_eq!((pages("ana"), pages("dee"), proof.sent.pages), (2, 1, 3), "{:?}", proof.sent);
}
