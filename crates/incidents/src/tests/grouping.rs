//! What belongs together is one incident, and whoever knows of it is not paged for each part.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State, StateChange};
use vocabulary::time::HumanDuration;

use super::{NOBODY, Story, change, subject};
use crate::book::{Book, Kind, Subject};
use crate::incident::{IncidentId, Key, Trouble};
use crate::people::Deed;

impl Story {
    fn grouping() -> Story {
        let mut story = Story::new();
        let book = &mut story.incidents.book;
        book.config.group_window = HumanDuration(std::time::Duration::from_secs(120));
        let mut add =
            |host: bool, name: &str, subject: Subject| book.subjects.insert((host, name.into()), subject);
        let of = |services: &[&str], subject: Subject| Subject {
            services: services.iter().map(|name| (*name).into()).collect(),
            ..subject
        };
        add(false, "checkout", of(&["shop"], subject(Kind::Monitor, None, &["ops"])));
        add(false, "payments", of(&["shop"], subject(Kind::Monitor, None, &["ana"])));
        add(false, "queries", of(&["database"], subject(Kind::Monitor, None, &["ops"])));
        add(false, "elsewhere", of(&["blog"], subject(Kind::Monitor, None, &["ops"])));
        let master = Subject { needs: vec![(false, "web/disk".into())], ..subject(Kind::Monitor, None, &[]) };
        add(false, "reports", master);
        book.service_needs.insert("shop".into(), vec!["database".into()]);
        story
    }

    fn whys(&self, id: i64) -> Vec<String> {
        self.incidents.live[&id].troubles.values().filter_map(|trouble| trouble.why.clone()).collect()
    }
}

#[test]
fn of_one_cause_the_first_pages_at_once_and_the_rest_joins_it() {
    let mut story = Story::grouping();
    assert_eq!(story.goes("queries", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.goes("checkout", State::Critical), NOBODY, "ops know of it");
    assert_eq!(story.goes("payments", State::Critical), ["problem ana by mail"], "ana does not, once");
    assert_eq!(story.goes("payments|b", State::Critical), NOBODY);
    assert_eq!((story.incidents.open_count(), story.incidents.live[&1].detail.grouped), (1, 3));
    let whys = story.whys(1);
    assert!(
        whys.contains(&"shop needs database".into()) && whys.contains(&"of the same service, shop".into()),
        "{whys:?}"
    );
    for name in ["queries", "checkout", "payments"] {
        assert_eq!(story.goes(name, State::Ok), NOBODY);
    }
    assert_eq!(story.goes("payments|b", State::Ok).len(), 3);
    assert!(story.believes.is_empty());
}

#[test]
fn what_is_unlike_or_later_or_in_a_window_of_none_is_another_incident() {
    let mut story = Story::grouping();
    story.goes("queries", State::Critical);
    story.goes("elsewhere", State::Critical);
    assert_eq!(story.incidents.open_count(), 2);
    story.tick(120);
    story.goes("checkout", State::Critical);
    assert_eq!(story.incidents.open_count(), 3);
    story.incidents.book.config.group_window = HumanDuration(std::time::Duration::ZERO);
    story.goes("payments", State::Critical);
    assert_eq!(story.incidents.open_count(), 4);
}

#[test]
fn what_was_seen_apart_is_apart_though_it_was_told_together() {
    let mut story = Story::grouping();
    story.tick(10_000);
    let hour_ago = story.now - 3_540;
    let seen = |name: &str, to: State, since: i64, at: i64| StateChange {
        since: Some(Timestamp(since)),
        ..change(name, to, None, at)
    };
    let now = story.now;
    let first = seen("queries", State::Critical, hour_ago, now);
    let second = seen("checkout", State::Critical, now - 5, now);
    let pages = story.incidents.take(&[first, second], &[], Timestamp(now));
    let since: Vec<i64> = pages.iter().map(|page| page.message.since).collect();
    assert_eq!(since, [hour_ago, hour_ago, now - 5, now - 5]);
    // It was found bad later, and began with the first.
    story.incidents.take(&[seen("payments", State::Critical, hour_ago + 60, now)], &[], Timestamp(now));
    assert_eq!((story.incidents.open_count(), story.whys(1).len()), (2, 1));
    let whole = &story.incidents.live[&1];
    assert_eq!((whole.since(), whole.opened.0), (hour_ago, now));
    let over = ["queries", "payments"].map(|name| seen(name, State::Ok, hour_ago + 600, now + 7));
    let pages = story.incidents.take(&over, &[], Timestamp(now + 7));
    let lasted: Vec<_> = pages.iter().map(|page| (page.message.since, page.message.until)).collect();
    assert_eq!(lasted, [(hour_ago, Some(hour_ago + 600)); 3]);
    assert_eq!(story.incidents.live[&1].closed, Some(Timestamp(now + 7)), "waits count from then");
    // Told a second later, and seen half an hour after that end: another outage.
    story.incidents.book.config.reopen_within = HumanDuration(std::time::Duration::from_secs(600));
    let again = seen("queries", State::Critical, hour_ago + 2_400, now + 8);
    story.incidents.take(&[again], &[], Timestamp(now + 8));
    assert_eq!((story.incidents.open_count(), story.incidents.live[&3].since()), (2, hour_ago + 2_400));
}

#[test]
fn the_timeline_says_when_it_was_seen() {
    let mut story = Story::grouping();
    story.incidents.book.config.reopen_within = HumanDuration(std::time::Duration::from_secs(600));
    story.tick(10_000);
    let (now, hour_ago) = (story.now, story.now - 3_600);
    // Two outages of one check, sent an hour later, one word a second.
    let words = [(State::Critical, 0), (State::Ok, 300), (State::Critical, 420), (State::Ok, 500)];
    for (told, (to, seen)) in (now..).zip(words) {
        let change =
            StateChange { since: Some(Timestamp(hour_ago + seen)), ..change("queries", to, None, told) };
        story.incidents.take(&[change], &[], Timestamp(told));
    }
    let measured = ["opened", "instance", "better", "resolved", "reopened"];
    let entries = story.incidents.unsaved.entries.iter().map(|(_, entry)| entry);
    let (seen, rest): (Vec<_>, Vec<_>) = entries.partition(|entry| measured.contains(&entry.kind));
    let at: Vec<_> = seen.iter().map(|entry| (entry.kind, entry.at.0 - hour_ago)).collect();
    assert_eq!(
        at,
        [
            ("opened", 0),
            ("instance", 0),
            ("better", 300),
            ("resolved", 300),
            ("reopened", 420),
            ("instance", 420),
            ("better", 500),
            ("resolved", 500),
        ]
    );
    assert_eq!(seen[4].text, "it is bad again, 120 s after its end");
    assert!(rest.iter().all(|entry| entry.at.0 >= now), "people are told when they are told: {rest:?}");
}

#[test]
fn a_part_that_was_over_long_ago_is_not_a_part_any_more() {
    let mut story = Story::grouping();
    story.goes("queries", State::Critical);
    story.goes("checkout", State::Critical);
    story.goes("checkout", State::Ok);
    story.tick(7_200);
    assert_eq!(story.goes("checkout", State::Critical).len(), 2);
    assert_eq!(story.incidents.open_count(), 2);
}

#[test]
fn of_checks_on_one_host_the_first_tells_the_problem_and_the_last_the_end() {
    let mut story = Story::grouping();
    let of = |kind, state| move |story: &mut Story, name: &str| story.notice(name, kind, state, "ops");
    let problem = of(NoticeKind::Problem, State::Critical);
    let recovery = of(NoticeKind::Recovery, State::Ok);
    story.goes("web/http", State::Critical);
    assert_eq!(problem(&mut story, "web/http").len(), 2);
    story.goes("web/disk", State::Critical);
    assert_eq!(problem(&mut story, "web/disk"), NOBODY);
    assert_eq!(
        story.goes("reports", State::Critical),
        ["problem default by hook"],
        "it needs web/disk, and nobody was told of it"
    );
    assert_eq!(story.incidents.open_count(), 1);
    story.goes("reports", State::Ok);
    story.goes("web/http", State::Ok);
    assert_eq!(recovery(&mut story, "web/http"), NOBODY);
    assert_eq!(problem(&mut story, "web/disk").len(), 2, "again and again, as its own rules say");
    story.goes("web/disk", State::Ok);
    let mut end = recovery(&mut story, "web/disk");
    end.extend(story.tick(1));
    assert_eq!(end.len(), 2, "{end:?}");
    assert!(story.believes.iter().all(|(_, whom)| whom.starts_with("default")), "{:?}", story.believes);
}

#[test]
fn series_whose_names_begin_alike_belong_together_if_they_go_bad_at_once() {
    let mut story = Story::grouping();
    story.goes("latency|stats.uploads.gdrive.seconds", State::Critical);
    story.goes("unclaimed|stats.uploads.gdrive.failed", State::Critical);
    assert_eq!(story.whys(1), ["their names begin with uploads.gdrive"]);
    story.goes("elsewhere|stats.uploads.box.failed", State::Critical);
    assert_eq!(story.incidents.open_count(), 2);
}

#[test]
fn what_comes_back_is_told_again_to_whoever_has_heard_of_the_end() {
    let mut story = Story::grouping();
    story.incidents.book.config.reopen_within = HumanDuration(std::time::Duration::from_secs(600));
    story.goes("queries", State::Critical);
    story.goes("payments", State::Critical);
    story.goes("queries", State::Ok);
    assert_eq!(story.goes("payments", State::Ok).len(), 3);
    assert_eq!(story.goes("payments", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.goes("queries", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.incidents.open_count(), 1);
}

#[test]
fn of_a_member_the_instance_that_is_bad_enough_tells() {
    let mut story = Story::grouping();
    story.goes("queries", State::Critical);
    assert_eq!(story.goes("payments|a", State::Warning), NOBODY);
    assert_eq!(story.goes("payments|b", State::Critical), ["problem ana by mail"]);
}

#[test]
fn a_check_that_tells_nobody_keeps_nobody_from_hearing_of_a_member() {
    let mut story = Story::grouping();
    let http = story.incidents.book.subjects.get_mut(&(false, "web/http".into())).unwrap();
    http.services = vec!["zoo".into()];
    let zoo = Subject { services: vec!["zoo".into()], ..subject(Kind::Monitor, None, &["ana"]) };
    story.incidents.book.subjects.insert((false, "zoo".into()), zoo);
    assert_eq!(story.goes("web/http", State::Critical), NOBODY, "it is not the time of its contacts");
    assert_eq!(story.goes("zoo", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.incidents.open_count(), 1);
    story.goes("web/http", State::Ok);
    assert_eq!(story.goes("zoo", State::Ok), ["recovery ana by mail"]);
}

#[test]
fn a_merger_takes_no_reason_along_that_another_incident_stands_for_since() {
    let mut story = Story::grouping();
    story.goes("queries", State::Critical);
    story.goes("checkout", State::Critical);
    story.goes("checkout", State::Ok);
    story.tick(7_200);
    story.goes("checkout", State::Critical);
    story.goes("elsewhere", State::Critical);
    story.act(1, Deed::Merge { into: 3 }).unwrap();
    story.tick(600);
    story.goes("checkout|b", State::Critical);
    assert_eq!(story.incidents.live[&2].bad().count(), 2);
}

#[test]
fn of_what_joins_what_somebody_has_the_owner_hears_once_and_quietly() {
    let mut story = Story::grouping();
    story.goes("queries", State::Critical);
    story.act_as("ana", 1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.goes("queries|b", State::Critical), NOBODY, "this is what she has");
    assert_eq!(story.goes("checkout", State::Critical), ["joined ana by mail"]);
    assert_eq!(story.goes("payments", State::Critical), NOBODY, "once");
    story.act_as("ops", 1, Deed::Take { comment: String::new() }).unwrap();
    assert_eq!(story.goes("payments|b", State::Critical), ["joined ops by mail", "joined ops by hook"]);
    for name in ["queries", "queries|b", "checkout", "payments"] {
        assert_eq!(story.goes(name, State::Ok), NOBODY);
    }
    let end = story.goes("payments|b", State::Ok);
    assert_eq!(end, ["recovery ops by hook", "recovery ops by mail"], "to ana it was no word of trouble");
    assert!(story.believes.is_empty());
}

#[test]
fn what_joins_and_is_worse_is_told_as_worse() {
    let mut story = Story::grouping();
    story.incidents.book.config.page_warnings = true;
    story.goes("queries", State::Warning);
    story.act_as("ops", 1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.goes("checkout", State::Critical), ["worse ops by mail", "worse ops by hook"]);
    // Who is nobody's contact is told by the page of the incident alone.
    story.act_as("bea", 1, Deed::Take { comment: String::new() }).unwrap();
    assert_eq!(story.goes("payments", State::Critical), NOBODY);
}

#[test]
fn members_of_several_reasons_that_are_split_off_take_their_reasons_along() {
    let mut story = Story::grouping();
    for name in ["queries", "checkout", "payments"] {
        story.goes(name, State::Critical);
    }
    let (members, now) = ([super::key("checkout"), super::key("payments")], vocabulary::Timestamp(story.now));
    story.incidents.split(1, "bea", &members, "another cause", now).unwrap();
    story.killed();
    assert_eq!((story.incidents.live[&1].bad().count(), story.incidents.live[&2].bad().count()), (1, 2));
    assert_eq!(story.whys(2), ["split off by bea together with checkout"]);
    story.tick(600);
    // Told of the whole, so of the part.
    story.believes.extend(["ops by mail", "ops by hook", "ana by mail"].map(|whom| (2, whom.to_owned())));
    let still = ["still ana by mail", "still ops by mail", "still ops by hook"];
    assert_eq!(story.goes("checkout|b", State::Critical), still, "nobody has it, and this is new");
    assert_eq!(story.goes("payments|b", State::Critical), NOBODY);
    assert_eq!(story.goes("queries|b", State::Critical), still);
    assert_eq!((story.incidents.live[&1].bad().count(), story.incidents.live[&2].bad().count()), (2, 4));
}

/// A few of each, so that much has something in common.
fn random_estate(book: &mut Book, below: &mut impl FnMut(u64) -> u64) -> Vec<String> {
    let host = |number: u64| -> Arc<str> { format!("h{number}").into() };
    let service = |number: u64| -> Arc<str> { format!("s{number}").into() };
    for number in 0..4 {
        let needs = if below(2) == 0 { vec![(true, host(below(4)))] } else { Vec::new() };
        book.subjects.insert((true, host(number)), Subject { needs, ..subject(Kind::Host, None, &[]) });
        let needs = (0..below(2)).map(|_| service(below(5))).collect();
        book.service_needs.insert(service(number), needs);
    }
    let mut names: Vec<String> = (0..4).map(|number| format!("host:h{number}")).collect();
    for number in 0..14_u64 {
        let name = format!("c{number}");
        let on = (below(3) == 0).then(|| host(below(4)));
        let needs = if below(4) == 0 { vec![(false, format!("c{}", below(14)).into())] } else { Vec::new() };
        let services = (0..below(3)).map(|_| service(below(5))).collect();
        let one = Subject { host: on, needs, services, ..subject(Kind::Monitor, None, &[]) };
        book.subjects.insert((false, name.as_str().into()), one);
        names.push(format!("{name}|stats.a{}.b{}.c", below(3), below(3)));
        names.push(name);
    }
    names
}

/// What is found by what it has in common is what comparing with everything finds.
#[test]
fn those_that_belong_together_are_found_without_looking_at_all() {
    let mut found = 0;
    for seed in 1..=20_u64 {
        let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
        let mut below = |bound: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % bound
        };
        let mut story = Story::grouping();
        let names = random_estate(&mut story.incidents.book, &mut below);
        story.incidents.tie_anew();
        for _ in 0..120 {
            let name = &names[usize::try_from(below(names.len() as u64)).unwrap()];
            story.now += i64::try_from(below(60)).unwrap();
            let at = vocabulary::Timestamp(story.now);
            let change = |state| super::change(name, state, None, story.now);
            let is_bad = story.incidents.placed_bad(&super::key(name)).is_some();
            let (fine, worse) = if name.starts_with("host:") {
                (State::Up, State::Down)
            } else {
                (State::Ok, State::Critical)
            };
            if !is_bad {
                let trouble = Trouble::new(&change(worse));
                let by_ties = story.incidents.cause(&super::key(name), &trouble);
                let by_ties = by_ties.map(|(id, _)| id);
                assert_eq!(by_ties, story.compared_with_all(&super::key(name), &trouble), "seed {seed}");
                found += usize::from(by_ties.is_some());
            }
            story.incidents.apply(&change(if is_bad { fine } else { worse }), at);
            if below(20) == 0 {
                story.killed();
            }
        }
    }
    assert!(found > 100, "{found}");
}

impl Story {
    fn compared_with_all(&self, key: &Key, trouble: &Trouble) -> Option<IncidentId> {
        let open = self.incidents.live.values().filter(|incident| !incident.is_closed());
        let all =
            open.flat_map(|incident| incident.bad().map(move |(member, bad)| (incident.id, member, bad)));
        let near = all.filter_map(|(id, member, bad)| {
            let apart = (bad.since - trouble.since).abs();
            let (rank, _) = (apart <= 120)
                .then(|| self.incidents.book.related((member, bad), (key, trouble), apart))
                .flatten()?;
            Some((rank, apart, id))
        });
        near.min().map(|(.., id)| id)
    }
}
