//! What belongs together is one incident, and whoever knows of it is not paged for each part.

use vocabulary::state::{NoticeKind, State};
use vocabulary::time::HumanDuration;

use super::{NOBODY, Story, subject};
use crate::book::{Kind, Subject};
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
