//! Errors page as monitors do, each group for itself.

use vocabulary::Timestamp;
use vocabulary::state::State;
use vocabulary::time::HumanDuration;

use super::policies::{policy, step};
use super::{NOBODY, Story, subject};
use crate::book::{Kind, Subject};
use crate::error_groups::{Condition, ErrorTrouble};
use crate::people::Deed;

pub(super) fn trouble(group: &str, title: &str, condition: Condition) -> ErrorTrouble {
    ErrorTrouble {
        rule: "shop-errors".into(),
        group: group.into(),
        environment: Some("production".into()),
        title: title.into(),
        state: State::Critical,
        assigned: None,
        condition,
        in_common: None,
        at: Timestamp(0),
    }
}

impl Story {
    fn of_errors() -> Story {
        let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "10m")]));
        let book = &mut story.incidents.book;
        book.config.group_window = HumanDuration(std::time::Duration::from_secs(120));
        let by_policy = Subject { escalation_policy: Some("p".into()), ..subject(Kind::Errors, None, &[]) };
        book.subjects.insert((false, "shop-errors".into()), by_policy);
        let by_name = Subject { shadow: true, ..subject(Kind::Errors, None, &["ops"]) };
        book.subjects.insert((false, "tried".into()), by_name);
        story
    }

    pub(super) fn error(&mut self, trouble: &ErrorTrouble) -> Vec<String> {
        self.now += 10;
        let begins = ErrorTrouble { at: Timestamp(self.now), ..trouble.clone() }.begins();
        let pages = self.incidents.apply(&begins, Timestamp(self.now));
        self.told(pages)
    }

    pub(super) fn error_ends(&mut self, trouble: &ErrorTrouble) -> Vec<String> {
        self.now += 10;
        let pages = self.incidents.apply(&trouble.ends("resolved", Timestamp(self.now)), Timestamp(self.now));
        self.told(pages)
    }
}

#[test]
fn c132_a_spike_names_the_service_that_is_behind_it() {
    let told = |dependency: Option<&str>| {
        let dependency = dependency.map(str::to_owned);
        let spike = Condition::Spike { count: 900, usual: 3.2, within: 600, dependency };
        trouble("shop/12", "DriveError: 401", spike).begins().text.to_string()
    };
    assert!(told(None).ends_with(", where 3 are usual"));
    assert!(told(Some("api.drive.example")).ends_with("are usual; most of them name api.drive.example"));
}

#[test]
fn c140_a_new_error_pages_by_policy_until_somebody_has_it() {
    let mut story = Story::of_errors();
    let new = trouble("shop/12", "TypeError: x is not a function\n  at cart.js", Condition::New);
    assert_eq!(story.error(&new), ["problem ana by mail"]);
    let incident = &story.incidents.live[&1];
    assert_eq!(incident.title, "TypeError: x is not a function");
    assert_eq!(incident.reason, "errors:shop-errors/shop/12;environment=production");
    let spike = Condition::Spike { count: 900, usual: 3.2, within: 300, dependency: None };
    let in_common = Some("in common: drive = gdrive (97 %, normally 20 %)".to_owned());
    let spike = ErrorTrouble { condition: spike, in_common: in_common.clone(), ..new.clone() };
    assert_eq!(story.error(&spike), NOBODY, "they know");
    let (_, trouble) = story.incidents.live[&1].tellable().unwrap();
    let words: Vec<&str> = trouble.text.lines().collect();
    let told = ["TypeError: x is not a function", "900 times within 5 min, where 3 are usual"];
    assert_eq!((&words[..2], words.get(2).copied()), (&told[..], in_common.as_deref()));
    assert_eq!(story.runs(600).len(), 1, "ben, after five minutes");
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();

    // Another error later is another reason: that somebody has the first says nothing of it.
    let users = Condition::Users { count: 120, from: 100, within: 3_600 };
    let other = ErrorTrouble {
        condition: users,
        ..super::errors::trouble("shop/13", "KeyError: 'sku'", Condition::New)
    };
    assert_eq!(story.error(&other), ["problem ana by mail"]);
    assert_eq!(story.incidents.open_count(), 2);
    let mut ends = story.error_ends(&new);
    ends.sort();
    assert_eq!(ends, ["recovery ana by mail", "recovery ben by mail"]);
    assert_eq!(story.error_ends(&other), ["recovery ana by mail"]);
    assert!(story.believes.is_empty());
}

#[test]
fn c140_what_a_deploy_brings_is_one_incident() {
    let mut story = Story::of_errors();
    let all: Vec<ErrorTrouble> =
        (1..9).map(|n| trouble(&format!("shop/{n}"), &format!("Error {n}"), Condition::New)).collect();
    let told: Vec<String> = all.iter().flat_map(|one| story.error(one)).collect();
    assert_eq!(told, ["problem ana by mail"]);
    assert_eq!((story.incidents.open_count(), story.incidents.live[&1].detail.grouped), (1, 7));
    assert_eq!(story.incidents.live[&1].title, "Error 1");
    let told: Vec<String> = all.iter().flat_map(|one| story.error_ends(one)).collect();
    assert_eq!(told, ["recovery ana by mail"]);
}

#[test]
fn c140_staging_and_rules_in_shadow_wake_nobody() {
    let mut story = Story::of_errors();
    let staging = trouble("shop/12", "TypeError", Condition::New);
    assert_eq!(story.error(&ErrorTrouble { environment: Some("staging".into()), ..staging.clone() }), NOBODY);
    assert_eq!(story.error(&staging), ["problem ana by mail"], "the same in production");
    let tried = ErrorTrouble { rule: "tried".into(), ..trouble("shop/14", "TypeError", Condition::Back) };
    assert_eq!(story.error(&tried), NOBODY);
    assert_eq!(story.incidents.open_count(), 2);
}
