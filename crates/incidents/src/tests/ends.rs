//! Whoever was told of a problem is told of its end, whatever comes in between.

use super::*;

impl Story {
    /// Its definition is gone, as after a reload.
    fn take_out(&mut self, name: &str) -> (Arc<str>, Subject) {
        let name: Arc<str> = name.split('|').next().unwrap().into();
        let mut book = self.incidents.book.clone();
        let subject = book.subjects.remove(&(false, name.clone())).unwrap();
        self.incidents.set_book(book);
        (name, subject)
    }

    fn put_back(&mut self, (name, subject): (Arc<str>, Subject)) {
        let mut book = self.incidents.book.clone();
        book.subjects.insert((false, name), subject);
        self.incidents.set_book(book);
    }
}

#[test]
fn what_is_not_defined_any_more_is_over_and_comes_back_as_it_was() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    let taken = story.take_out("latency");
    assert_eq!(story.tick(1), ["resolved ops by hook", "resolved ops by mail"]);
    assert_eq!((story.incidents.open_count(), story.incidents.counters.self_healed), (0, 0));
    assert_eq!(story.tick(3_600), NOBODY);
    story.put_back(taken);
    assert_eq!(
        story.tick(1),
        ["problem ops by mail", "problem ops by hook"],
        "nothing has changed: it is as bad"
    );
    assert_eq!(story.goes("latency", State::Ok).len(), 2);
    story.goes("latency", State::Critical);
    let taken = story.take_out("latency");
    story.tick(1);
    story.put_back(taken);
    assert_eq!(story.goes("latency", State::Ok), NOBODY, "it came back well");
    assert_eq!(story.tick(1), NOBODY);
}

#[test]
fn what_is_gone_for_long_is_forgotten() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    let taken = story.take_out("latency");
    story.tick(1);
    story.now += crate::limits::GONE_SECONDS;
    let other = story.take_out("unclaimed");
    story.tick(1);
    story.put_back(taken);
    story.put_back(other);
    assert_eq!(story.tick(1), NOBODY);
}

#[test]
fn a_contact_that_is_taken_out_hears_of_the_end_where_it_heard_of_the_problem() {
    for name in ["latency", "web/http"] {
        let mut story = Story::new();
        let ops = story.incidents.book.contacts.get_mut("ops").unwrap();
        ops.email = Some("ops@example.org".into());
        story.goes(name, State::Critical);
        if name == "web/http" {
            story.notice(name, NoticeKind::Problem, State::Critical, "ops");
        }
        story.incidents.book.contacts.remove("ops");
        story.now += 10;
        let at = Timestamp(story.now);
        let mut pages = story.incidents.apply(&change(name, State::Ok, None, story.now), at);
        pages.extend(story.incidents.tick(&story.sky, at));
        let mails: Vec<_> =
            pages.iter().map(|page| (&*page.channel, page.message.email.as_deref())).collect();
        assert_eq!(mails, [("hook", Some("ops@example.org")), ("mail", Some("ops@example.org"))], "{name}");
        story.told(pages);
        assert!(story.believes.is_empty());
    }
}

#[test]
fn a_check_that_gets_no_more_results_does_not_keep_its_contacts_waiting_for_ever() {
    let mut story = Story::new();
    story.goes("web/http", State::Critical);
    story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    story.sky.will_tell.borrow_mut().insert((key("web/http"), "ops".into()));
    story.sky.withheld.borrow_mut().insert(key("web/http"), Withheld::Downtime);
    story.goes_with("web/http", State::Ok, Some(Withheld::Downtime));
    assert_eq!(story.tick(7_200), NOBODY, "the downtime holds it back");
    story.sky.withheld.borrow_mut().clear();
    assert_eq!(story.tick(1), NOBODY, "its own rules tell it with the next result");
    assert_eq!(story.tick(crate::limits::PATIENCE_SECONDS - 10), NOBODY);
    assert_eq!(story.tick(10), ["recovery ops by hook", "recovery ops by mail"], "which does not come");
}

#[test]
fn what_goes_bad_and_well_in_one_batch_is_over_and_pages_the_next_time() {
    let both = [("web/http", State::Critical, State::Ok), ("host:web", State::Down, State::Up)];
    for (name, bad, well) in both {
        let mut story = Story::new();
        let at_once = |story: &mut Story, states: &[State]| {
            let changes: Vec<_> = states.iter().map(|to| change(name, *to, None, story.now)).collect();
            let problem = story.notice_of(name, NoticeKind::Problem, bad, "ops");
            let recovery = story.notice_of(name, NoticeKind::Recovery, well, "ops");
            let notices = [(problem, false), (recovery, false)];
            let pages = story.incidents.take(&changes, &notices, Timestamp(story.now));
            story.told(pages).len()
        };
        assert_eq!(at_once(&mut story, &[bad, well]), 4, "{name}: both words by both channels");
        assert_eq!((story.incidents.open_count(), story.believes.len()), (0, 0), "{name}");
        assert_eq!(story.goes(name, bad), NOBODY);
        let told = story.notice(name, NoticeKind::Problem, bad, "ops");
        assert_eq!(told, ["problem ops by mail", "problem ops by hook"], "{name}: the next outage pages");
        assert_eq!(story.incidents.open_count(), 1, "{name}");
        // It is told again, and is well, before anybody looks.
        assert_eq!(at_once(&mut story, &[well]), 4, "{name}");
        assert_eq!((story.incidents.open_count(), story.believes.len()), (0, 0), "{name}");
        assert_eq!(story.tick(60), NOBODY);
    }
}

#[test]
fn a_host_and_a_check_of_one_name_are_two() {
    let mut story = Story::new();
    let check = subject(Kind::Check, Some("web"), &["ops"]);
    story.incidents.book.subjects.insert((false, "web".into()), check);
    story.goes("host:web", State::Down);
    story.notice("host:web", NoticeKind::Problem, State::Down, "ops");
    story.goes_with("web", State::Critical, Some(Withheld::HostDown));
    story.goes("host:web", State::Up);
    story.notice("host:web", NoticeKind::Recovery, State::Up, "ops");
    // The host is up, so that the check's own rules tell of it.
    story.notice("web", NoticeKind::Problem, State::Critical, "ops");
    story.sky.will_tell.borrow_mut().insert((key("web"), "ops".into()));
    story.goes("web", State::Ok);
    assert_eq!(story.tick(1), NOBODY);
    assert_eq!(story.notice("web", NoticeKind::Recovery, State::Ok, "ops").len(), 2);
    assert!(story.believes.is_empty());
}

#[test]
fn contacts_are_told_in_their_own_time() {
    let mut story = Story::new();
    story.office_hours = true;
    story.goes("latency", State::Critical);
    story.goes("latency", State::Ok);
    assert_eq!(story.tick(3_600), NOBODY, "it was over before their time");
    assert_eq!(story.goes("latency", State::Critical), NOBODY);
    assert_eq!(story.tick(3_600), NOBODY);
    story.office_hours = false;
    assert_eq!(story.tick(1), ["still ops by mail", "still ops by hook"]);
    story.office_hours = true;
    assert_eq!(story.goes("latency", State::Ok), NOBODY);
    assert_eq!(story.tick(3_600), NOBODY);
    story.office_hours = false;
    assert_eq!(story.tick(1), ["recovery ops by hook", "recovery ops by mail"]);
    // What somebody has in hand by then needs no more people.
    story.office_hours = true;
    story.goes("latency", State::Critical);
    story.act(3, Deed::Acknowledge { comment: String::new() }).unwrap();
    story.office_hours = false;
    assert_eq!(story.tick(1), NOBODY);
}

#[test]
fn acknowledged_checks_are_an_acknowledged_incident_as_long_as_they_are() {
    let mut story = Story::new();
    let phase = |story: &Story| story.incidents.live[&1].phase;
    story.goes("latency|a", State::Critical);
    story.goes("latency|b", State::Critical);
    let by = |name: &str| Acknowledged { by: name.into(), at: 5, comment: "mine".into(), of_parts: true };
    story.sky.acknowledged.borrow_mut().insert(key("latency|a"), by("ana"));
    story.tick(1);
    assert_eq!(phase(&story), Phase::Open, "one of two");
    story.sky.acknowledged.borrow_mut().insert(key("latency|b"), by("ana"));
    story.tick(1);
    assert_eq!(phase(&story), Phase::Acknowledged);
    story.sky.acknowledged.borrow_mut().clear();
    story.tick(1);
    assert_eq!(phase(&story), Phase::Open);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    story.tick(1);
    assert_eq!(phase(&story), Phase::Acknowledged, "the incident itself was");
}

#[test]
fn what_was_held_back_behind_a_host_is_in_its_incident_though_it_is_only_unreachable() {
    for state in [State::Down, State::Unreachable] {
        let mut story = Story::new();
        assert_eq!(story.goes_with("web/disk", State::Critical, Some(Withheld::HostDown)), NOBODY);
        assert_eq!(story.incidents.open_count(), 0);
        story.goes("host:web", state);
        assert_eq!(story.incidents.live[&1].bad().count(), 2, "{state}");
    }
}

/// Weeks of anything: at the end, when all is well and nothing is held back, everybody who was told of a problem has
/// been told of its end, and nobody of an end without a problem.
#[test]
fn whoever_was_told_is_told_of_the_end() {
    let seeds = if std::env::var_os("BELLWETHER_LONG").is_some() { 240 } else { 12 };
    for seed in 1..=seeds {
        let mut story = Story::new();
        let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed);
        let mut next = |bound: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % bound
        };
        let names = ["latency|a", "latency|b", "unclaimed", "web/http", "web/disk"];
        let mut bad: HashSet<&str> = HashSet::new();
        for _ in 0..160 {
            let name = names[next(names.len() as u64) as usize];
            let check = name.contains('/');
            match next(9) {
                0 | 1 if bad.insert(name) => {
                    let held = story.sky.withheld.borrow().get(&key(name)).copied();
                    story.goes_with(name, State::Critical, held);
                    if check && held.is_none() {
                        let contact = ["ops", "ana"][next(2) as usize];
                        story.notice(name, NoticeKind::Problem, State::Critical, contact);
                    }
                }
                2 | 3 if bad.remove(name) => {
                    let held = story.sky.withheld.borrow().get(&key(name)).copied();
                    story.goes_with(name, State::Ok, held);
                }
                4 => {
                    let silenced = story.sky.withheld.borrow_mut().remove(&key(name)).is_some();
                    if !silenced {
                        story.sky.withheld.borrow_mut().insert(key(name), Withheld::Silence);
                    }
                }
                // Its definition goes, and comes back as bad as it was.
                5 => {
                    let taken = story.take_out(name);
                    story.tick(next(60) as i64);
                    story.put_back(taken);
                }
                // A contact goes, and comes back.
                6 => {
                    let ops = story.incidents.book.contacts.remove("ops");
                    story.tick(60);
                    story.incidents.book.contacts.extend(ops.map(|ops| ("ops".into(), ops)));
                }
                7 => story.office_hours = !story.office_hours,
                _ => drop(story.tick(60)),
            }
        }
        story.sky.withheld.borrow_mut().clear();
        story.office_hours = false;
        for name in names {
            if bad.contains(name) {
                story.goes(name, State::Ok);
            }
        }
        story.tick(1);
        assert_eq!(story.incidents.open_count(), 0, "seed {seed}");
        assert!(story.believes.is_empty(), "seed {seed}: {:?}", story.believes);
    }
}
