//! What becomes of pages, and of those whom they do not reach.

use super::*;
use crate::desk::{Attempt, Desk, Failed};
use crate::last_words::LastOfChannel;
use crate::noise::{Judged, Worth};

pub(super) struct Counter {
    pub desk: Desk,
    _directory: tempfile::TempDir,
    pub now: i64,
    pub sky: Sky,
}

impl Counter {
    pub fn new() -> Counter {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(
            &directory.path().join("state.db"),
            &[crate::MIGRATIONS, crate::oncall::MIGRATIONS],
        )
        .unwrap();
        let desk = Desk::open(Arc::new(store), book(), b"secret").unwrap();
        Counter { desk, _directory: directory, now: 1_000, sky: Sky::default() }
    }

    pub fn goes(&mut self, name: &str, to: State) {
        self.now += 10;
        self.desk.take(&[change(name, to, None, self.now)], &[], Timestamp(self.now)).unwrap();
        self.desk.tick(&self.sky, Timestamp(self.now)).unwrap();
    }

    /// All that is due now by this channel comes to this.
    pub fn try_all(&mut self, channel: &str, attempt: &Attempt) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let due = self.desk.due(channel, self.now * 1_000, 100);
            if due.is_empty() {
                return told;
            }
            let attempts: Vec<_> = due.iter().map(|waiting| (waiting.page.id, attempt.clone())).collect();
            told.extend(due.iter().map(|waiting| {
                format!("{} {} {}", waiting.page.kind.word(), waiting.page.contact, waiting.page.message.name)
            }));
            self.desk.record(channel, &attempts, Timestamp(self.now)).unwrap();
        }
    }

    pub fn given_up() -> Attempt {
        Attempt::GivenUp { why: "it is refused".into() }
    }
}

#[test]
fn who_stands_in_for_a_problem_hears_of_the_end_though_all_others_know_it() {
    let mut counter = Counter::new();
    counter.goes("web/disk", State::Critical);
    let notice = |kind, state, at| Notice {
        id: id("web/disk"),
        at: Timestamp(at),
        kind,
        state,
        contact: "ana".into(),
        number: 1,
        text: "full".into(),
        author: "".into(),
        comment: "".into(),
    };
    let at = Timestamp(counter.now);
    counter.desk.take(&[], &[(notice(NoticeKind::Problem, State::Critical, at.0), false)], at).unwrap();
    let fine = change("web/disk", State::Ok, None, counter.now);
    let end = notice(NoticeKind::Recovery, State::Ok, at.0);
    counter.desk.take(&[fine], &[(end, false)], at).unwrap();
    // Her mail is refused for good: the one who is told instead was told nothing so far.
    assert_eq!(counter.try_all("mail", &Counter::given_up())[0], "problem ana web/disk");
    let told = counter.try_all("hook", &Attempt::Delivered);
    let of_disk: Vec<_> = told.iter().filter(|told| told.ends_with("web/disk")).collect();
    assert_eq!(of_disk, ["problem default web/disk", "recovery default web/disk"], "{told:?}");
}

#[test]
fn who_stands_in_while_it_is_open_hears_of_the_end_once() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &Counter::given_up());
    let told = counter.try_all("hook", &Attempt::Delivered);
    assert_eq!(
        told.iter().filter(|told| told.ends_with("ops latency")).count(),
        1,
        "she has it by this one already: {told:?}"
    );
    counter.goes("latency", State::Ok);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["recovery ops latency"]);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["recovery ops latency"]);
}

#[test]
fn why_a_page_failed_stands_with_the_page_alone() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    let why = || "550 no such mailbox ana@home.example".to_owned();
    counter.try_all("hook", &Attempt::Gone { why: why() });
    counter.try_all("mail", &Attempt::GivenUp { why: why() });
    let mut errors = 0;
    for (incident, _) in counter.desk.list(crate::Wanted::All, 100).unwrap() {
        let found = counter.desk.one(incident.id).unwrap().unwrap();
        errors += found.pages.iter().filter(|page| page.error == why()).count();
        let said = found.timeline.iter().map(|entry| entry.text.clone());
        let texts = found.incident.troubles.values().map(|trouble| trouble.text.clone());
        let all: Vec<String> = said.chain(texts).collect();
        assert!(!all.concat().contains("home.example"), "{all:?}");
        assert!(all.iter().any(|text| text.ends_with(": given up")) || incident.id > 1, "{all:?}");
    }
    assert!(errors > 1);
}

#[test]
fn why_is_cut_off_what_was_written_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.db");
    let before = state_store::Migrations { room: "incidents", steps: &crate::MIGRATIONS.steps[..6] };
    let store = StateStore::open(&path, &[before]).unwrap();
    let entries = [
        (1, "page", "problem by mail: given up: 550 no ana@x", "problem by mail: given up"),
        (1, "page", "problem by sms: not delivered yet: given up: +49", "problem by sms: not delivered yet"),
        (1, "page", "problem by mail: given up", "problem by mail: given up"),
        (1, "page", "mention for ana by log", "mention for ana by log"),
        (1, "note", "it was given up: why?", "it was given up: why?"),
        (
            2,
            "opened",
            "channel:sms is CRITICAL: pages cannot be delivered by sms: no such number: +49",
            "channel:sms is CRITICAL: pages cannot be delivered by sms: its part of health says why",
        ),
        (
            2,
            "worse",
            "channel:sms is CRITICAL: sms is switched off: +49 opted out",
            "channel:sms is CRITICAL: sms is switched off: its part of health says why",
        ),
        (
            2,
            "better",
            "channel:sms is OK: pages are delivered by sms again",
            "channel:sms is OK: pages are delivered by sms again",
        ),
    ];
    let trouble =
        |text: &str| serde_json::to_string(&crate::incident::Trouble::of(State::Critical, 1, text)).unwrap();
    let troubles = [
        (
            "channel:sms",
            "pages cannot be delivered by sms: no such number: +49",
            "its part of health says why",
        ),
        ("latency", "pages cannot be delivered by sms: +49", "pages cannot be delivered by sms: +49"),
    ];
    store
        .transaction(|tx| {
            for (incident, kind, text, _) in &entries {
                tx.execute(
                    "INSERT INTO incident_entry (incident, at, kind, who, text) VALUES (?1, 1, ?2, '', ?3)",
                    &[i64::from(*incident).into(), (*kind).into(), (*text).into()],
                )?;
            }
            for (monitor, text, _) in &troubles {
                tx.execute(
                    "INSERT INTO trouble (incident, host, monitor, instance, detail) VALUES (2, 0, ?1, '', ?2)",
                    &[(*monitor).into(), trouble(text).into()],
                )?;
            }
            tx.execute(
                "INSERT INTO trouble (incident, host, monitor, instance, detail) VALUES (3, 0, 'channel:x', '', 'no JSON')",
                &[],
            )
            .map(drop)
        })
        .unwrap();
    drop(store);
    let store = StateStore::open(&path, &[crate::MIGRATIONS]).unwrap();
    let said = [1, 2].map(|incident| crate::store::timeline(&store, incident).unwrap()).concat();
    let said: Vec<&str> = said.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(said, entries.map(|(.., shown)| shown));
    let kept = crate::store::troubles(&store, 2).unwrap();
    for (monitor, _, shown) in troubles {
        assert_eq!(kept[&key(monitor)].text, shown);
    }
}

#[test]
fn a_channel_that_is_gone_is_off_at_once_and_told_of() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    let gone = Attempt::Gone { why: "it answers 410".into() };
    counter.try_all("hook", &gone);
    assert!(counter.desk.is_off("hook"));
    let failing = &counter.desk.standing().failing["hook"];
    assert!(failing.told && failing.off);
    let told = counter.try_all("mail", &Attempt::Delivered);
    assert!(told.contains(&"problem ops channel:hook".to_owned()), "{told:?}");
    counter.desk.forgive("hook", Timestamp(counter.now)).unwrap();
    assert!(!counter.desk.is_off("hook"));
    assert!(counter.try_all("mail", &Attempt::Delivered).contains(&"recovery ops channel:hook".to_owned()));
    counter.desk.forgive("hook", Timestamp(counter.now)).unwrap();
    assert!(counter.try_all("mail", &Attempt::Delivered).is_empty());
}

#[test]
fn what_nobody_tries_to_send_is_overdue() {
    let mut counter = Counter::new();
    let overdue =
        |counter: &Counter| counter.desk.overdue((counter.now + 400) * 1_000).map(|it| it.as_secs());
    assert_eq!(overdue(&counter), None);
    counter.goes("latency", State::Critical);
    assert_eq!(overdue(&counter), Some(400));
    // Tried again later, and others know: it is not forgotten.
    let later = Attempt::Later { at_ms: (counter.now + 60) * 1_000, why: "nobody is there".into() };
    let ids = |channel: &str| {
        counter.desk.due(channel, i64::MAX, 100).iter().map(|it| it.page.id).collect::<Vec<_>>()
    };
    for (channel, ids) in [("mail", ids("mail")), ("hook", ids("hook"))] {
        let attempts: Vec<_> = ids.iter().map(|id| (*id, later.clone())).collect();
        counter.desk.record(channel, &attempts, Timestamp(counter.now)).unwrap();
    }
    assert_eq!(overdue(&counter), None);
}

/// Nobody defines our own parts, so no other definitions end their incidents.
#[test]
fn a_part_of_ours_is_told_to_those_who_are_told_by_default() {
    let mut counter = Counter::new();
    counter.goes("self:store", State::Critical);
    counter.desk.set_book(book());
    counter.now += 10;
    counter.desk.tick(&counter.sky, Timestamp(counter.now)).unwrap();
    assert_eq!(counter.desk.open_own(), ["store"]);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["problem default self:store"]);
    counter.goes("self:store", State::Ok);
    assert_eq!(counter.desk.open_own(), Vec::<String>::new());
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["recovery default self:store"]);
}

#[test]
fn what_was_told_and_judged_is_found_again() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    let opened = counter.now;
    counter.goes("latency", State::Ok);
    let window = (Timestamp(0), Timestamp(counter.now));
    let words = counter.desk.words(window.0, window.1).unwrap();
    let word = |contact: &str| crate::told::Word {
        at: opened,
        reason: "monitor:latency".into(),
        contact: contact.into(),
    };
    assert_eq!(words, [word("ops")], "once, though by two channels");
    assert_eq!(counter.desk.words(Timestamp(counter.now + 1), window.1).unwrap(), []);
    assert_eq!(counter.desk.verdicts(window.0, window.1).unwrap(), []);
    counter.desk.judge(1, "ana", Worth::TooLate, "", Timestamp(counter.now)).unwrap();
    let verdicts = counter.desk.verdicts(window.0, window.1).unwrap();
    assert!(verdicts[0].useful && verdicts[0].opened == opened && verdicts[0].reason == "monitor:latency");
    assert_eq!(verdicts[0].closed, Some(counter.now));
    let noise = |desk: &Desk| {
        let noise = desk.noise(Timestamp(0)).unwrap().remove("monitor:latency").unwrap();
        (noise.useful, noise.too_late, noise.useless)
    };
    assert_eq!(noise(&counter.desk), (1, 1, 0));
    let judged = counter.desk.verdict(1).unwrap();
    assert_eq!(judged, Some(Judged { worth: Worth::TooLate, who: "ana".into() }));
    counter.desk.judge(1, "ben", Worth::Useful, "", Timestamp(counter.now)).unwrap();
    assert_eq!(noise(&counter.desk), (1, 0, 0), "the last word counts");
    let said = counter.desk.one(1).unwrap().unwrap().timeline;
    assert_eq!(said.last().map(|entry| entry.text.as_str()), Some("judged useful"));
    assert_eq!(counter.desk.by_default(), (vec!["default".to_owned()], false));
}

#[test]
fn what_was_handed_over_or_merged_is_still_answered() {
    let mut counter = Counter::new();
    let taken = Attempt::Taken { handle: "their number".into() };
    counter.goes("latency", State::Critical);
    counter.goes("unclaimed", State::Critical);
    let act = |counter: &Counter, id, deed: Deed| {
        counter.desk.act(id, "bea", &deed, Timestamp(counter.now)).unwrap();
    };
    act(&counter, 1, Deed::HandOver { to: "ana".into(), comment: String::new() });
    counter.try_all("mail", &taken);
    counter.try_all("hook", &taken);
    let answerable = |counter: &Counter, channel: &str| -> Vec<(i64, String, bool)> {
        let open = counter.desk.answerable(channel).unwrap();
        open.into_iter().map(|it| (it.incident, it.contact.to_string(), it.acknowledged)).collect()
    };
    assert_eq!(answerable(&counter, "mail"), [(1, "ana".into(), true), (1, "ops".into(), true)]);
    assert_eq!(answerable(&counter, "hook"), [(2, "default".into(), false), (1, "ops".into(), true)]);
    act(&counter, 2, Deed::Merge { into: 1 });
    assert_eq!(answerable(&counter, "hook"), [(2, "default".into(), true), (1, "ops".into(), true)]);
    counter.goes("latency", State::Ok);
    counter.goes("unclaimed", State::Ok);
    assert_eq!(answerable(&counter, "hook"), [], "there is nothing more to answer");
}

#[test]
fn what_was_paged_by_a_clock_that_was_ahead_can_be_answered() {
    let mut counter = Counter::new();
    counter.now = 100_000;
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &Attempt::Taken { handle: "their number".into() });
    let at = |counter: &Counter| counter.desk.answerable("hook").unwrap()[0].at;
    assert_eq!(at(&counter), counter.now);
    counter.now -= 50_000;
    counter.desk.tick(&counter.sky, Timestamp(counter.now)).unwrap();
    assert_eq!(at(&counter), counter.now);
}

#[test]
fn a_page_that_is_given_up_goes_another_way_once_though_its_channel_is_found_to_fail_by_it() {
    let mut counter = Counter::new();
    for name in ["latency", "unclaimed", "web/http"] {
        counter.goes(name, State::Critical);
    }
    let problem = |name: &str| Notice {
        id: id(name),
        at: Timestamp(counter.now),
        kind: NoticeKind::Problem,
        state: State::Critical,
        contact: "ana".into(),
        number: 1,
        text: "text".into(),
        author: "".into(),
        comment: "".into(),
    };
    let notices = [(problem("web/http"), false), (problem("web/disk"), false)];
    counter.desk.take(&[], &notices, Timestamp(counter.now)).unwrap();
    let given_up = counter.try_all("mail", &Counter::given_up());
    assert_eq!(given_up.iter().filter(|told| told.starts_with("problem")).count(), 3, "{given_up:?}");
    let told = counter.try_all("hook", &Attempt::Delivered);
    let in_place = told.iter().filter(|told| told.starts_with("problem default web/")).count();
    assert_eq!(in_place, 2, "each once: {told:?}");
}

#[test]
fn who_stands_in_hears_of_the_end_last_whatever_came_between() {
    let mut counter = Counter::new();
    counter.goes("web/disk", State::Critical);
    let at = Timestamp(counter.now);
    let notice = |kind, state| Notice {
        id: id("web/disk"),
        at,
        kind,
        state,
        contact: "ana".into(),
        number: 1,
        text: "full".into(),
        author: "".into(),
        comment: "".into(),
    };
    let problem = notice(NoticeKind::Problem, State::Critical);
    counter.desk.take(&[], &[(problem.clone(), false), (problem, false)], at).unwrap();
    let fine = change("web/disk", State::Ok, None, counter.now);
    counter.desk.take(&[fine], &[(notice(NoticeKind::Recovery, State::Ok), false)], at).unwrap();
    counter.try_all("mail", &Counter::given_up());
    let told = counter.try_all("hook", &Attempt::Delivered);
    let of_disk: Vec<_> = told.iter().filter(|told| told.ends_with("web/disk")).collect();
    assert_eq!(
        of_disk,
        ["problem default web/disk", "problem default web/disk", "recovery default web/disk"],
        "{told:?}"
    );
}

#[test]
fn who_stands_in_hears_of_the_end_though_the_end_of_whom_it_was_for_goes_another_way() {
    let mut counter = Counter::new();
    let mut by_text = book();
    by_text.contacts.insert("default".into(), contact(&["sms"]));
    counter.desk.set_book(by_text);
    counter.goes("latency", State::Critical);
    // Her mail is refused, and is to go by the hook, where nobody answers; of the end she hears by mail.
    let first = counter.desk.due("mail", counter.now * 1_000, 1);
    counter.desk.record("mail", &[(first[0].page.id, Counter::given_up())], Timestamp(counter.now)).unwrap();
    counter.goes("latency", State::Ok);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["recovery ops latency"]);
    fails(&counter, "hook");
    let told = counter.try_all("sms", &Attempt::Delivered);
    let of_latency: Vec<_> = told.iter().filter(|told| told.ends_with("default latency")).collect();
    assert_eq!(of_latency, ["problem default latency", "recovery default latency"], "{told:?}");
}

pub(super) fn unreached() -> Attempt {
    Attempt::Unreached { why: "this browser is not subscribed any more".into() }
}

#[test]
fn one_person_who_is_not_reached_is_no_fault_of_the_channel() {
    let mut counter = Counter::new();
    let mut book = book();
    book.quiet.insert("mail".into());
    counter.desk.set_book(book.clone());
    for name in ["latency", "web/http", "unclaimed"] {
        counter.goes(name, State::Critical);
    }
    let notice = |name: &str| Notice {
        id: id(name),
        at: Timestamp(counter.now),
        kind: NoticeKind::Problem,
        state: State::Critical,
        contact: "ops".into(),
        number: 1,
        text: "text".into(),
        author: "".into(),
        comment: "".into(),
    };
    let notices = ["web/http", "web/disk", "web/http"].map(|name| (notice(name), false));
    counter.desk.take(&[], &notices, Timestamp(counter.now)).unwrap();
    let due = counter.desk.due("hook", i64::MAX, 100);
    let of_ops: Vec<(i64, Attempt)> =
        due.iter().filter(|it| &*it.page.contact == "ops").map(|it| (it.page.id, unreached())).collect();
    assert!(of_ops.len() >= 3, "{of_ops:?}");
    counter.desk.record("hook", &of_ops, Timestamp(counter.now)).unwrap();
    let standing = counter.desk.standing();
    assert!(!standing.failing.contains_key("hook"));
    let ways: Vec<_> = standing.unreached.iter().map(|way| (&*way.contact, &*way.channel)).collect();
    assert_eq!(ways, [("ops", "hook")]);
    let told = counter.try_all("mail", &Attempt::Delivered);
    assert_eq!(told.iter().filter(|told| *told == "on_call ops ops").count(), 1, "told once: {told:?}");
    assert!(!told.iter().any(|told| told.contains("channel:hook")), "{told:?}");
    // With others too, and nobody reached in between, it is the channel.
    let more = |counter: &Counter, contact: &str| {
        let due = counter.desk.due("hook", i64::MAX, 100);
        due.into_iter().find(|it| &*it.page.contact == contact).map(|it| it.page.id)
    };
    let other = more(&counter, "default").unwrap();
    counter.desk.record("hook", &[(other, unreached())], Timestamp(counter.now)).unwrap();
    assert_eq!(counter.desk.standing().failing["hook"].in_a_row, 1);
    assert!(!counter.desk.standing().failing["hook"].told);
    // Whoever is reached by it again is named no more; nor is whose way it is no more.
    counter.goes("latency", State::Ok);
    assert!(counter.try_all("hook", &Attempt::Delivered).contains(&"recovery ops latency".to_owned()));
    assert!(counter.desk.standing().unreached.iter().all(|way| &*way.contact == "default"));
    book.contacts.insert("default".into(), contact(&["mail"]));
    counter.desk.set_book(book);
    assert_eq!(counter.desk.standing().unreached, []);
}

#[test]
fn a_channel_that_reaches_none_of_those_who_use_it_is_dead_until_it_leads_elsewhere() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    counter.goes("unclaimed", State::Critical);
    let fails_for = |counter: &Counter, who: &str| {
        let due = counter.desk.due("hook", i64::MAX, 100);
        let theirs = due.iter().filter(|it| &*it.page.contact == who);
        let attempts: Vec<_> = theirs.map(|it| (it.page.id, unreached())).collect();
        counter.desk.record("hook", &attempts, Timestamp(counter.now)).unwrap();
    };
    assert!(!counter.desk.is_dead("hook") && !counter.desk.is_dead("nobodys"));
    fails_for(&counter, "ops");
    assert!(!counter.desk.is_dead("hook"), "somebody else is reached by it");
    fails_for(&counter, "default");
    assert!(counter.desk.is_dead("hook") && !counter.desk.standing().failing["hook"].told);
    let mut elsewhere = book();
    let moved = Contact { email: Some("ops@example.org".into()), ..contact(&["mail", "hook"]) };
    elsewhere.contacts.insert("ops".into(), moved);
    counter.desk.set_book(elsewhere);
    assert!(!counter.desk.is_dead("hook"));
}

#[test]
fn a_page_of_which_nothing_is_said_says_nothing_of_the_channel() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &unreached());
    counter.goes("latency", State::Ok);
    assert_eq!(counter.try_all("hook", &Attempt::Unsaid), ["recovery ops latency"]);
    let ways = |counter: &Counter| counter.desk.standing().unreached.len();
    assert_eq!((ways(&counter), counter.desk.standing().pages.delivered), (1, 0), "nobody was called");
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &Attempt::Delivered);
    assert_eq!(ways(&counter), 0);
}

#[test]
fn who_is_not_reached_is_known_after_a_restart_until_the_address_is_another() {
    let mut counter = Counter::new();
    let mut book = book();
    book.quiet.insert("mail".into());
    counter.desk.set_book(book.clone());
    let fails = |counter: &mut Counter| {
        counter.goes("latency", State::Critical);
        counter.try_all("hook", &unreached());
        counter.goes("latency", State::Ok);
        counter.try_all("hook", &Attempt::Unsaid);
    };
    let opened = |counter: &mut Counter, book: &Book| {
        counter.desk = Desk::open(counter.desk.store.clone(), book.clone(), b"secret").unwrap();
        counter.desk.standing().unreached
    };
    fails(&mut counter);
    let known = counter.desk.standing().unreached;
    assert_eq!((known.len(), &*known[0].contact, known[0].in_a_row), (1, "ops", 1));
    assert_eq!(opened(&mut counter, &book), known);
    fails(&mut counter);
    assert_eq!(opened(&mut counter, &book)[0].in_a_row, 2);
    let told = counter.try_all("mail", &Attempt::Delivered);
    assert_eq!(told.iter().filter(|told| *told == "on_call ops ops").count(), 1, "told once: {told:?}");
    opened(&mut counter, &book);
    counter.desk.forgive("mail", Timestamp(counter.now)).unwrap();
    assert_eq!(opened(&mut counter, &book).len(), 1, "another channel is defined in another way");
    let moved = Contact { email: Some("ops@example.org".into()), ..contact(&["mail", "hook"]) };
    let mut elsewhere = book.clone();
    elsewhere.contacts.insert("ops".into(), moved);
    counter.desk.set_book(elsewhere);
    assert_eq!(counter.desk.standing().unreached, []);
    counter.goes("unclaimed", State::Ok);
    assert_eq!(opened(&mut counter, &book), [], "and so it stays");
    fails(&mut counter);
    opened(&mut counter, &book);
    counter.desk.forgive("hook", Timestamp(counter.now)).unwrap();
    assert_eq!(opened(&mut counter, &book), [], "the channel is another one");
}

#[test]
fn a_telephone_is_no_way_for_what_it_does_not_say() {
    let mut counter = Counter::new();
    let mut by_phone = book();
    by_phone.contacts.insert("ana".into(), contact(&["mail", "voice"]));
    by_phone.contacts.insert("ben".into(), contact(&["voice"]));
    by_phone.calls.insert("voice".into());
    counter.desk.set_book(by_phone);
    counter.goes("latency", State::Critical);
    let note = Deed::Note { text: "@ana @ben look".into() };
    counter.desk.act(1, "bea", &note, Timestamp(counter.now)).unwrap();
    let timeline = counter.desk.one(1).unwrap().unwrap().timeline;
    assert!(timeline.iter().any(|entry| entry.text == "not paged: @ben is reached by telephone only"));
    assert!(!counter.desk.mentionable().contains(&"ben".to_owned()));
    let due = counter.desk.due("mail", i64::MAX, 100);
    let mention = due.iter().find(|it| &*it.page.contact == "ana").unwrap().page.id;
    counter.desk.record("mail", &[(mention, Counter::given_up())], Timestamp(counter.now)).unwrap();
    assert_eq!(counter.try_all("voice", &Attempt::Unsaid), [""; 0], "it would say nothing");
    let told = counter.try_all("hook", &Attempt::Delivered);
    assert!(told.contains(&"mention default latency".to_owned()), "{told:?}");
}

#[test]
fn several_people_who_are_not_reached_are_a_fault_of_the_channel() {
    let mut counter = Counter::new();
    for name in ["latency", "unclaimed"] {
        counter.goes(name, State::Critical);
    }
    let due = |counter: &Counter| -> Vec<i64> {
        counter.desk.due("hook", i64::MAX, 100).iter().map(|it| it.page.id).collect()
    };
    for _ in 0..4 {
        let attempts: Vec<_> = due(&counter).into_iter().map(|id| (id, unreached())).collect();
        counter.desk.record("hook", &attempts, Timestamp(counter.now)).unwrap();
        counter.goes("unclaimed", State::Ok);
        counter.goes("unclaimed", State::Critical);
    }
    assert!(counter.desk.standing().failing["hook"].told);
    let told = counter.try_all("mail", &Attempt::Delivered);
    assert!(told.contains(&"problem ops channel:hook".to_owned()), "{told:?}");
}

fn fails(counter: &Counter, channel: &str) {
    for _ in 0..crate::limits::FAILURES_TO_TELL {
        let waiting = counter.desk.due(channel, i64::MAX, 1);
        let later = Attempt::Later { at_ms: counter.now * 1_000 + 60_000, why: "not now".into() };
        counter.desk.record(channel, &[(waiting[0].page.id, later)], Timestamp(counter.now)).unwrap();
    }
}

#[test]
fn what_has_gone_another_way_is_not_looked_at_again() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    counter.goes("unclaimed", State::Critical);
    // Of one of them she has heard by nothing yet.
    counter.try_all("mail", &Counter::given_up());
    let mut by_text = book();
    by_text.contacts.insert("ops".into(), contact(&["mail", "hook", "sms"]));
    counter.desk.set_book(by_text);
    let to_reroute = |counter: &Counter| counter.desk.inner.lock().outbox.to_reroute("hook").len();
    assert_eq!(to_reroute(&counter), 2);
    fails(&counter, "hook");
    assert_eq!(counter.desk.standing().pages.rerouted, 1);
    // Whoever has no other way may get one.
    assert_eq!(to_reroute(&counter), counter.desk.standing().waiting["hook"] - 1);
}

#[test]
fn a_word_goes_another_way_only_to_whom_no_other_channel_has_told_it() {
    let mut counter = Counter::new();
    let mut ways = book();
    ways.contacts.insert("ops".into(), contact(&["mail", "hook", "sms"]));
    ways.contacts.insert("default".into(), contact(&["push"]));
    ways.subjects.insert((false, "slow".into()), subject(Kind::Monitor, None, &["ops"]));
    counter.desk.set_book(ways);
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &Counter::given_up());
    counter.try_all("hook", &Counter::given_up());
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ops latency"], "once");
    assert_eq!(counter.try_all("push", &Attempt::Delivered), [""; 0]);
    counter.goes("slow", State::Critical);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ops slow"]);
    counter.try_all("mail", &Counter::given_up());
    counter.try_all("hook", &Counter::given_up());
    let told = |counter: &mut Counter, channel: &str| -> Vec<String> {
        let told = counter.try_all(channel, &Attempt::Delivered).into_iter();
        told.filter(|told| !told.contains("channel:")).collect()
    };
    assert_eq!(told(&mut counter, "sms"), [""; 0], "it was told before the others failed");
    assert_eq!(told(&mut counter, "push"), [""; 0]);
}

#[test]
fn a_room_that_has_it_and_ways_that_all_fail_leave_it_to_the_last_resort_once() {
    let mut counter = Counter::new();
    let mut ways = book();
    ways.contacts.insert("ops".into(), contact(&["room", "mail", "hook"]));
    ways.contacts.insert("default".into(), contact(&["push"]));
    ways.rooms.insert("room".into());
    counter.desk.set_book(ways);
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("room", &Attempt::Delivered), ["problem ops latency"]);
    counter.try_all("mail", &Counter::given_up());
    assert_eq!(counter.try_all("push", &Attempt::Delivered), [""; 0], "the hook may still tell her");
    counter.try_all("hook", &Counter::given_up());
    assert_eq!(counter.try_all("push", &Attempt::Delivered), ["problem default latency"]);
    assert_eq!(counter.try_all("room", &Attempt::Delivered), [""; 0]);
}

#[test]
fn what_a_channel_last_brought_and_could_not_is_known() {
    let mut counter = Counter::new();
    let last = |counter: &Counter, channel: &str| counter.desk.last_of_channel(channel).unwrap();
    assert_eq!(last(&counter, "mail"), LastOfChannel::default());
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &Attempt::Delivered);
    let delivered = Some(counter.now);
    assert_eq!(last(&counter, "mail"), LastOfChannel { delivered, given_up: None });
    counter.goes("latency", State::Ok);
    counter.try_all("mail", &Counter::given_up());
    let given_up = Some((counter.now, "it is refused".to_owned()));
    assert_eq!(last(&counter, "mail"), LastOfChannel { delivered, given_up });
    assert_eq!(last(&counter, "nowhere"), LastOfChannel::default());
}

#[test]
fn a_test_goes_by_one_channel_if_that_is_asked_for() {
    let mut counter = Counter::new();
    let try_by =
        |counter: &Counter, channel| counter.desk.try_contact("ops", channel, "ben", Timestamp(counter.now));
    let refused = try_by(&counter, Some("nowhere"));
    assert!(matches!(refused, Err(Failed::Refused(Refusal::Bad(_)))), "{refused:?}");
    try_by(&counter, Some("hook")).unwrap();
    assert!(counter.desk.due("mail", counter.now * 1_000, 100).is_empty());
    let told = counter.try_all("hook", &Attempt::Delivered);
    assert_eq!(told, ["problem ops test of ops", "recovery ops test of ops"]);
    assert_eq!(counter.desk.tests_of("ops").unwrap().len(), 2);
}

#[test]
fn a_channel_that_is_taken_out_fails_no_more_though_nothing_waits_for_it() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &Attempt::Gone { why: "it answers 410".into() });
    counter.try_all("mail", &Attempt::Delivered);
    let is_open = |desk: &Desk| desk.inner.lock().incidents.failing_channels().contains(&"hook".into());
    assert!(is_open(&counter.desk));
    assert!(!counter.desk.standing().waiting.contains_key("hook"));
    // Its definition may have gone while the process was down.
    counter.desk = Desk::open(counter.desk.store.clone(), book(), b"secret").unwrap();
    assert!(counter.desk.channels_at_work().contains("hook"));
    counter.desk.abandon("hook", Timestamp(counter.now)).unwrap();
    assert!(!is_open(&counter.desk) && !counter.desk.standing().failing.contains_key("hook"));
    assert!(!counter.desk.channels_at_work().contains("hook"));
    assert!(counter.try_all("mail", &Attempt::Delivered).contains(&"recovery ops channel:hook".to_owned()));
}

/// Of those who are told by default: (name, channels).
pub(super) fn with_last_resort(counter: &Counter, last: &[(&str, &[&str])], ana: &[&str]) -> Book {
    let mut all = book();
    all.config.contacts = last.iter().map(|(name, _)| (*name).to_owned()).collect();
    for (name, channels) in last {
        all.contacts.insert((*name).into(), contact(channels));
    }
    all.contacts.insert("ana".into(), contact(ana));
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana"]));
    counter.desk.set_book(all.clone());
    all
}

/// What is due by this channel for one contact comes to this.
pub(super) fn try_for(counter: &Counter, channel: &str, who: &str, attempt: &Attempt) -> usize {
    let due = counter.desk.due(channel, i64::MAX, 100);
    let theirs = due.iter().filter(|it| &*it.page.contact == who);
    let attempts: Vec<_> = theirs.map(|it| (it.page.id, attempt.clone())).collect();
    counter.desk.record(channel, &attempts, Timestamp(counter.now)).unwrap();
    attempts.len()
}

#[test]
fn h1_a_number_that_is_wrong_leaves_the_channel_to_those_who_stand_in() {
    let mut counter = Counter::new();
    with_last_resort(&counter, &[("ben", &["sms"]), ("cyd", &["sms"])], &["sms"]);
    counter.goes("latency", State::Critical);
    assert_eq!(try_for(&counter, "sms", "ana", &unreached()), 1);
    assert_eq!(
        counter.try_all("sms", &Attempt::Delivered),
        ["problem ben latency", "problem cyd latency"],
        "all of them, by the channel that is wrong for her alone"
    );
    assert_eq!(counter.desk.standing().pages.reached_nobody, 0);
    counter.goes("latency", State::Ok);
    let ends = counter.try_all("sms", &Attempt::Delivered);
    assert!(ends.contains(&"recovery ben latency".into()) && ends.contains(&"recovery cyd latency".into()));
}

#[test]
fn h1_a_channel_that_fails_is_no_way_for_those_who_stand_in() {
    let mut counter = Counter::new();
    with_last_resort(&counter, &[("ben", &["sms", "mail"])], &["sms"]);
    counter.goes("latency", State::Critical);
    try_for(&counter, "sms", "ana", &Counter::given_up());
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ben latency"]);
}

#[test]
fn h2_the_log_stands_in_for_nobody_and_one_of_those_who_do_is_enough() {
    let mut counter = Counter::new();
    let last: [(&str, &[&str]); 3] = [("room", &["log"]), ("ben", &["mail"]), ("cyd", &["sms"])];
    with_last_resort(&counter, &last, &["hook"]);
    counter.goes("latency", State::Critical);
    try_for(&counter, "hook", "ana", &Counter::given_up());
    let lost = |counter: &Counter| counter.desk.standing().pages.reached_nobody;
    // Ben is not reached, and Cyd will be.
    assert_eq!(try_for(&counter, "mail", "ben", &unreached()), 1);
    assert_eq!(lost(&counter), 0);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem cyd latency"]);
    // The next time both are not, in one breath and one after the other.
    let mut both = Counter::new();
    with_last_resort(&both, &[("room", &["log"]), ("ben", &["mail"]), ("cyd", &["mail"])], &["hook"]);
    both.goes("latency", State::Critical);
    try_for(&both, "hook", "ana", &Counter::given_up());
    assert_eq!(both.try_all("mail", &unreached()).len(), 2);
    assert_eq!(lost(&both), 1, "told once");
    let mut log = Counter::new();
    with_last_resort(&log, &[("room", &["log"])], &["hook"]);
    log.goes("latency", State::Critical);
    try_for(&log, "hook", "ana", &Counter::given_up());
    assert_eq!(lost(&log), 1, "what is listed reaches nobody");
}
