//! Groups that were elsewhere before.

use vocabulary::Timestamp;

use super::{NOW, Story, digested_by, exception, received};
use crate::deeds::{Deed, Refusal};
use crate::life::{News, Until};
use crate::moved::{MovedGroup, MovedIn};
use crate::project::Settings;

fn moved(kind: &str, deeds: &[Deed]) -> MovedGroup {
    MovedGroup {
        id: format!("OLD-{kind}"),
        title: format!("{kind}: v"),
        culprit: String::new(),
        first_seen: Some(NOW - 90_000),
        count: 5,
        deeds: deeds.to_vec(),
    }
}

impl Story {
    fn move_in(&mut self, groups: &[MovedGroup]) -> Result<MovedIn, Refusal> {
        self.tracker.move_in(1, groups, "moving", Timestamp(self.now))
    }
}

fn is_back(news: Option<News>) -> bool {
    matches!(news, Some(News::Regressed { .. }))
}

#[test]
fn what_was_known_there_is_not_new_here() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        let told = story.move_in(&[moved("A", &[Deed::Assign { to: Some("ana".into()) }])]).unwrap();
        assert_eq!(told, MovedIn { kept: 1, applied: 0 });
        let first = story.event(&exception("A", "1.0.0"));
        assert_eq!((first.news, first.is_new_here, first.is_open), (None, false, true));
        assert_eq!(story.seen("B", "1.0.0"), Some(News::New));
        let group = story.tracker.one(first.group).unwrap().unwrap();
        assert_eq!(
            (group.first_seen, group.count, group.assigned.as_deref()),
            (Timestamp(NOW - 90_000), 1, Some("ana"))
        );
        assert_eq!(group.detail.moved_from.as_deref(), Some("OLD-A"));
        let done = story.tracker.activity(first.group, 9, Timestamp(story.now)).unwrap();
        assert!(
            done.iter().any(|one| one.kind == "moved" && one.text == "OLD-A, 5 events there"),
            "{done:?}"
        );
    }
}

#[test]
fn what_was_done_there_holds_here() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        let within = Until::Events(2);
        story
            .move_in(&[
                moved("Now", &[Deed::Resolve]),
                moved("In", &[Deed::ResolveIn { release: "2.0.0".into() }]),
                moved("Next", &[Deed::ResolveInNext]),
                moved("Few", &[Deed::Ignore { until: within }]),
                moved("Ever", &[Deed::Ignore { until: Until::Forever }]),
            ])
            .unwrap();
        assert!(is_back(story.seen("Now", "1.0.0")));
        assert_eq!((story.seen("In", "1.0.0"), story.seen("Next", "1.0.0")), (None, None));
        assert_eq!([2, 3].map(|group| story.status(group)), ["resolved"; 2]);
        assert!(is_back(story.seen("In", "2.0.0")) && is_back(story.seen("Next", "1.0.1")));
        assert_eq!(story.seen("Few", "1.0.0"), None);
        assert!(matches!(story.seen("Few", "1.0.0"), Some(News::Unignored { .. })));
        assert_eq!((story.seen("Ever", "1.0.0"), story.seen("Ever", "9.0.0")), (None, None));
        assert_eq!(story.status(5), "ignored");
    }
}

#[test]
fn what_had_begun_here_is_left_alone_where_somebody_touched_it() {
    let mut story = Story::new();
    for kind in ["A", "B"] {
        story.seen(kind, "1.0.0");
    }
    story.tracker.act(2, &Deed::Assign { to: Some("bo".into()) }, "bo", Timestamp(story.now)).unwrap();
    let ignored = [Deed::Ignore { until: Until::Forever }];
    let both = [moved("A", &ignored), moved("B", &ignored)];
    assert_eq!(story.move_in(&both).unwrap(), MovedIn { kept: 2, applied: 1 });
    assert_eq!([1, 2].map(|group| story.status(group)), ["ignored", "unresolved"]);
    assert_eq!(story.move_in(&both).unwrap(), MovedIn { kept: 2, applied: 0 }, "once");
    story.restart();
    assert_eq!(story.status(1), "ignored");
}

#[test]
fn another_place_is_another_error_and_of_two_the_open_one_counts() {
    let mut story = Story::new();
    let at = |kind: &str, id: &str, culprit: &str, deeds: &[Deed]| MovedGroup {
        id: id.into(),
        culprit: culprit.into(),
        ..moved(kind, deeds)
    };
    story
        .move_in(&[
            at("A", "1", "shop.cart", &[]),
            at("B", "2", "shop.cart", &[Deed::Ignore { until: Until::Forever }]),
            at("B", "3", "shop.cart", &[]),
        ])
        .unwrap();
    let sent = |kind: &str, place: &str| {
        format!(r#"{{"exception":[{{"type":"{kind}","value":"v"}}],"transaction":"{place}"}}"#)
    };
    assert_eq!(story.event(&sent("A", "shop.till")).news, Some(News::New));
    let known = story.event(&sent("B", "shop.cart"));
    assert_eq!((known.news, known.is_open), (None, true));
}

#[test]
fn what_cannot_be_taken_over_is_told_with_its_place() {
    let mut story = Story::new();
    let refused = |story: &mut Story, group: MovedGroup| {
        story.move_in(&[moved("A", &[]), group]).unwrap_err().to_string()
    };
    let without = MovedGroup { id: String::new(), ..moved("B", &[]) };
    assert!(refused(&mut story, without).starts_with("groups[1]"));
    let past = Until::Time(NOW - 5);
    assert!(refused(&mut story, moved("B", &[Deed::Ignore { until: past }])).contains("a time to come"));
    assert_eq!(story.seen("A", "1.0.0"), Some(News::New), "nothing of it is taken over");
}

#[test]
fn what_a_kill_left_uncounted_is_no_news_before_the_baseline_is_over() {
    let mut story = Story::new();
    story.project = super::project(Settings { baseline_until: Some(NOW + 100), ..Settings::default() });
    let event = digested_by(&story.project, &exception("A", ""), &received(NOW, 0));
    let mut batch = story.tracker.batch();
    let taken = batch.recount(&story.project, &event, 1, Timestamp(NOW + 1)).unwrap();
    assert_eq!((taken.news, taken.is_new_here), (None, false));
}
