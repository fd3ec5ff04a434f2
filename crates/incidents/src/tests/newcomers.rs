//! Instances that go bad later than what people were told.

use vocabulary::state::State;

use super::policies::{policy, step};
use super::{NOBODY, Story};
use crate::people::Deed;

fn acknowledge() -> Deed {
    Deed::Acknowledge { comment: String::new() }
}

#[test]
fn c104_another_instance_days_later_is_told_to_whoever_has_the_incident() {
    let mut story = Story::new();
    story.goes("latency|a", State::Critical);
    story.act_as("ana", 1, acknowledge()).unwrap();
    assert_eq!(story.goes("latency|b", State::Critical), NOBODY, "this is what she was told of");
    story.tick(3 * 86_400);
    assert_eq!(story.goes("latency|c", State::Critical), ["joined ana by mail"]);
    for name in ["latency|d", "latency|e"] {
        story.tick(300);
        assert_eq!(story.goes(name, State::Critical), NOBODY, "not for each");
    }
    assert_eq!(story.goes("latency|d", State::Ok), NOBODY);
    let told = story.tick(3_600);
    assert_eq!(told, ["joined ana by mail"], "what came meanwhile, in one word");
    assert_eq!(story.tick(7_200), NOBODY);
    assert_eq!(story.goes("latency|c", State::Ok), NOBODY);
    assert_eq!(story.goes("latency|c", State::Critical), NOBODY, "she knows of it");
    for name in ["latency|a", "latency|b", "latency|c"] {
        assert_eq!(story.goes(name, State::Ok), NOBODY);
    }
    assert_eq!(story.goes("latency|e", State::Ok), ["recovery ops by hook", "recovery ops by mail"]);
    assert!(story.believes.is_empty());
}

#[test]
fn c104_who_is_reached_by_telephone_alone_is_called() {
    let mut story = Story::new();
    story.incidents.book.calls.insert("mail".into());
    story.goes("latency|a", State::Critical);
    story.act_as("ana", 1, acknowledge()).unwrap();
    story.tick(86_400);
    assert_eq!(story.goes("latency|b", State::Critical), ["still ana by mail"]);
    assert_eq!(story.tick(3_600), NOBODY);
}

#[test]
fn c104_if_nobody_has_it_those_are_told_again_who_were_told() {
    let mut story = Story::new();
    story.goes("latency|a", State::Critical);
    story.tick(600);
    assert_eq!(story.goes("latency|b", State::Warning), NOBODY, "nothing to page for");
    assert_eq!(story.goes("latency|b", State::Critical), ["still ops by mail", "still ops by hook"]);
    story.tick(3_600);
    // Who has it is no contact: those who were told hear of it.
    story.act_as("cyd", 1, acknowledge()).unwrap();
    story.tick(600);
    assert_eq!(story.goes("latency|c", State::Critical), ["joined ops by mail", "joined ops by hook"]);
}

#[test]
fn c104_who_was_told_of_what_was_merged_is_told_and_hears_of_more() {
    let mut story = Story::new();
    assert_eq!(story.goes("unclaimed", State::Warning), NOBODY);
    assert_eq!(story.goes("latency|a", State::Critical).len(), 2);
    assert_eq!(story.act(2, Deed::Merge { into: 1 }).unwrap(), NOBODY);
    assert_eq!(story.incidents.untold().incidents, [0; 0], "ops knows of it");
    story.tick(600);
    assert_eq!(story.goes("latency|b", State::Critical), ["still ops by mail", "still ops by hook"]);
}

#[test]
fn c104_who_is_told_in_the_morning_hears_of_all_of_it_at_once() {
    let mut story = Story::new();
    story.office_hours = true;
    assert_eq!(story.goes("latency|a", State::Critical), NOBODY);
    story.tick(3_600);
    assert_eq!(story.goes("latency|b", State::Critical), NOBODY);
    story.office_hours = false;
    assert_eq!(story.tick(3_600), ["still ops by mail", "still ops by hook"]);
    assert_eq!(story.tick(60), NOBODY, "this is what they were told of");
}

#[test]
fn c104_a_policy_that_has_come_to_its_end_begins_again() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    assert_eq!(story.goes("paged|a", State::Critical), ["problem ana by mail"]);
    story.tick(200);
    assert_eq!(story.goes("paged|b", State::Critical), NOBODY, "people are being called");
    assert_eq!(story.tick(200), ["problem ben by mail"]);
    assert_eq!(story.tick(300), ["problem default by hook"]);
    assert_eq!(story.tick(1), ["still ana by mail"], "for b");
    assert_eq!(story.tick(300), ["still ben by mail"]);
    story.act_as("ben", 1, acknowledge()).unwrap();
    assert_eq!(story.tick(86_400), NOBODY);
    assert_eq!(story.goes("paged|c", State::Critical), ["joined ben by mail"]);
}
