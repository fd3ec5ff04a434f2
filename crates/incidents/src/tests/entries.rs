//! What is written down of an incident.

use super::*;
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_WITH_DEEDS};
use crate::store;

fn note(text: &str) -> Deed {
    Deed::Note { text: text.into() }
}

#[test]
fn what_people_write_has_room_when_the_machine_has_said_enough() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.incidents.live.get_mut(&1).unwrap().detail.entries = MAX_ENTRIES;
    story.act(1, note("it is the new router")).unwrap();
    story.act(1, Deed::Acknowledge { comment: "mine".into() }).unwrap();
    story.act(1, Deed::Escalate { to: vec!["ana".into()], comment: "look".into() }).unwrap();
    let lines = store::timeline(&story.store, 1).unwrap();
    let by_bea: Vec<_> =
        lines.iter().filter(|line| line.who == "bea").map(|line| line.kind.as_str()).collect();
    assert_eq!(by_bea, ["note", "acknowledged", "escalated"]);
    assert!(!lines.iter().any(|line| line.who == "ana"), "the page is listed as a page");
    assert!(story.incidents.live[&1].detail.unlisted > 0);
    story.incidents.live.get_mut(&1).unwrap().detail.entries = MAX_ENTRIES_WITH_DEEDS;
    assert!(matches!(story.act(1, note("one more")), Err(Refusal::No(why)) if why.contains("full")));
    story.goes("latency", State::Ok);
    assert!(story.believes.is_empty());
}

#[test]
fn what_ends_and_begins_by_itself_leaves_people_their_room() {
    let mut story = Story::new();
    for name in ["latency", "unclaimed"] {
        story.goes(name, State::Critical);
    }
    for id in [1, 2] {
        story.incidents.live.get_mut(&id).unwrap().detail.entries = MAX_ENTRIES;
        story.incidents.unsaved.incident(id);
    }
    story.act(1, Deed::Resolve { comment: String::new(), helped: String::new() }).unwrap();
    story.goes("unclaimed", State::Ok);
    let ends = |id| store::timeline(&story.store, id).unwrap().iter().any(|line| line.kind == "resolved");
    assert!(ends(1), "somebody closed it");
    assert!(!ends(2), "that it went away by itself is counted: its end is known");
    assert!(story.believes.is_empty(), "{:?}", story.believes);
}
