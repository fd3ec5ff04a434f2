//! Whose it is decides whom it calls.

use std::sync::Arc;

use vocabulary::state::State;

use super::errors::trouble;
use super::policies::{policy, step};
use super::{NOBODY, Story, key, subject};
use crate::book::{Kind, Owning, Subject};
use crate::error_groups::{Condition, ErrorTrouble};
use crate::oncall::store::Kept;
use crate::oncall::{PolicyConfig, Roster};
use crate::people::Deed;

fn team(name: &str, prefixes: &[&str], policy: Option<&str>) -> Owning {
    Owning {
        team: name.into(),
        prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
        projects: vec![format!("{name}-web")],
        policy: policy.map(Arc::from),
    }
}

impl Story {
    /// ana is called for the shop, ben for the mail, cyd for the rest.
    fn of_teams() -> Story {
        let named =
            |name: &str, who: &str| PolicyConfig { name: name.into(), ..policy(&[step(&[who], "5m")]) };
        let mut story = Story::of_policy(named("usual", "cyd"));
        let mut roster = Roster::clone(story.incidents.roster());
        let others =
            [("shop-p", "ana"), ("mail-p", "ben")].map(|(name, who)| (named(name, who), String::new()));
        roster.add_policies(&others, &Kept::default());
        story.incidents.set_roster(Arc::new(roster));
        let book = &mut story.incidents.book;
        book.config.escalation_policy = Some("usual".into());
        book.owning = vec![
            team("mail", &["mail.", "shop.mail."], Some("mail-p")),
            team("shop", &["shop."], Some("shop-p")),
            team("silent", &["silent."], None),
        ];
        for (name, one) in [
            ("disk", subject(Kind::Monitor, None, &[])),
            ("errors", subject(Kind::Errors, None, &[])),
            ("owned", Subject { owner: Some("mail".into()), ..subject(Kind::Check, None, &[]) }),
            ("shop.queue", subject(Kind::Check, None, &[])),
            ("by-name", Subject { owner: Some("mail".into()), ..subject(Kind::Monitor, None, &["ops"]) }),
            (
                "own",
                Subject {
                    owner: Some("mail".into()),
                    escalation_policy: Some("shop-p".into()),
                    ..subject(Kind::Monitor, None, &[])
                },
            ),
        ] {
            book.subjects.insert((false, name.into()), one);
        }
        story
    }

    fn why(&self, name: &str) -> String {
        let route = self.incidents.route(&key(name));
        route.map(|route| format!("{}: {}", route.policy, route.why)).unwrap_or_default()
    }
}

#[test]
fn who_or_what_is_not_there_is_told_of_whoever_names_it() {
    let mut book = super::book();
    let latency = book.subjects.get_mut(&(false, "latency".into())).unwrap();
    latency.escalation_policy = Some("nosuch".into());
    latency.contacts = vec!["ana".into(), "zoe".into()];
    let story = super::Story::new();
    let desk = crate::Desk::open(story.store.clone(), book, b"secret").unwrap();
    let problems = |name: &str| desk.problems_of_telling(name, vocabulary::Timestamp(1_000));
    let [contact, policy] = &problems("latency")[..] else { panic!("{:?}", problems("latency")) };
    assert!(contact.contains("no contact `zoe`") && policy.contains("no policy `nosuch`"));
    assert_eq!((problems("unclaimed"), problems("nobody")), (Vec::new(), Vec::new()));
}

#[test]
fn c113_the_team_whose_it_is_is_called() {
    let mut story = Story::of_teams();
    assert_eq!(story.goes("owned", State::Critical), ["problem ben by mail"]);
    assert_eq!(story.goes("shop.queue", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.goes("own", State::Critical), ["problem ana by mail"], "its own goes first");
    assert_eq!(story.goes("by-name", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.goes("errors|mail-web/7", State::Critical), ["problem ben by mail"], "its project");
    assert_eq!(story.goes("errors|zoo/7", State::Critical), ["problem cyd by mail"]);
    for (name, why) in [
        ("owned", "mail-p: of team mail, its owner"),
        ("shop.queue", "shop-p: of team shop, whose prefix its name has"),
        ("disk|shop.web1.disk", "shop-p: of team shop, whose prefix the series has"),
        ("disk|shop.mail.web1.disk", "mail-p: of team mail, whose prefix the series has"),
        ("disk|silent.web1.disk", "usual: that of [incidents]"),
        ("errors|shop-web/1", "shop-p: of team shop, whose project it is"),
        ("own", "shop-p: its own"),
        ("by-name", ""),
    ] {
        assert_eq!(story.why(name), why, "{name}");
    }
}

/// Of the project of the team `shop`.
fn error(number: u64, assigned: Option<&str>, condition: Condition) -> ErrorTrouble {
    ErrorTrouble {
        rule: "errors".into(),
        assigned: assigned.map(str::to_owned),
        ..trouble(&format!("shop-web/{number}"), "PayError", condition)
    }
}

#[test]
fn c113_an_error_calls_the_team_that_it_is_assigned_to() {
    let mut story = Story::of_teams();
    story.incidents.book.config.group_window = "2min".parse().unwrap();
    let of_project = error(1, None, Condition::New);
    assert_eq!(story.error(&of_project), ["problem ana by mail"]);
    let of_mail = error(2, Some("mail"), Condition::New);
    assert_eq!(story.error(&of_mail), ["problem ben by mail"], "it is an incident of its own");
    assert_eq!(story.error(&error(3, Some("mail"), Condition::New)), NOBODY, "it joins that of its team");
    assert_eq!(story.incidents.open_count(), 2);
    assert_eq!(story.error_ends(&of_project), ["recovery ana by mail"]);
    // Another team has it meanwhile.
    assert_eq!(
        story.error(&error(1, Some("mail"), Condition::Back)),
        NOBODY,
        "ben knows of that of his team"
    );
    story.now += 3_600;
    assert_eq!(story.error(&error(4, Some("mail"), Condition::Back)), ["problem ben by mail"]);
}

#[test]
fn c113_an_error_that_is_back_calls_whose_it_is_now() {
    for reopen_within in ["0s", "10min"] {
        let mut story = Story::of_teams();
        story.incidents.book.config.reopen_within = reopen_within.parse().unwrap();
        let new = error(1, None, Condition::New);
        assert_eq!(story.error(&new), ["problem ana by mail"]);
        assert_eq!(story.error_ends(&new), ["recovery ana by mail"]);
        let back = story.error(&error(1, Some("mail"), Condition::Back));
        assert_eq!(back, ["problem ben by mail"], "{reopen_within}");
        assert_eq!(story.error_ends(&error(1, Some("mail"), Condition::Back)), ["recovery ben by mail"]);
        // It is nobody's any more: that of the project has it again.
        assert_eq!(story.error(&error(1, None, Condition::Back)), ["problem ana by mail"], "{reopen_within}");
    }
}

#[test]
fn c113_a_person_is_of_a_team_and_who_is_not_known_leaves_it_to_the_project() {
    let mut story = Story::of_teams();
    let teams = [("mail", vec!["ben", "dan"]), ("shop", vec!["ana", "dan"]), ("silent", vec!["eve"])];
    for (team, members) in teams {
        story.incidents.book.teams.insert(team.into(), members.into_iter().map(Arc::from).collect());
    }
    for (assigned, why) in [
        ("mail", "mail-p: of team mail, whose its assignee is"),
        ("ben", "mail-p: of team mail, whose its assignee is"),
        ("dan", "shop-p: of team shop, whose its assignee is"),
        ("silent", "shop-p: of team shop, whose project it is"),
        ("eve", "shop-p: of team shop, whose project it is"),
        ("nobody-known", "shop-p: of team shop, whose project it is"),
    ] {
        let routes = story.incidents.book.routes_of(&key("errors|shop-web/1"), Some(assigned));
        let first = routes.first().map(|route| format!("{}: {}", route.policy, route.why));
        assert_eq!(first.as_deref(), Some(why), "{assigned}");
    }
}

#[test]
fn c167_of_one_rule_for_all_each_team_has_its_own_incident() {
    let mut story = Story::of_teams();
    assert_eq!(story.goes("disk|shop.web1.disk", State::Critical), ["problem ana by mail"]);
    story.act_as("ana", 1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.goes("disk|shop.web2.disk", State::Critical), NOBODY);
    assert_eq!(story.goes("disk|mail.web1.disk", State::Critical), ["problem ben by mail"], "ana has hers");
    assert_eq!(story.goes("disk|zoo.web1.disk", State::Critical), ["problem cyd by mail"]);
    let reasons: Vec<&str> = story.incidents.live.values().map(|incident| incident.reason.as_str()).collect();
    assert_eq!(reasons, ["monitor:disk@team:shop", "monitor:disk@team:mail", "monitor:disk"]);
    assert_eq!(story.goes("disk|mail.web1.disk", State::Ok), ["recovery ben by mail"]);
    assert_eq!(story.incidents.open_count(), 2);
}

#[test]
fn a_policy_that_a_team_names_and_nobody_has_defined_leaves_it_to_the_usual_one() {
    let mut story = Story::of_teams();
    story.incidents.book.owning[1].policy = Some("gone".into());
    assert_eq!(story.goes("shop.queue", State::Critical), ["problem cyd by mail"]);
    let mut roster = Roster::clone(story.incidents.roster());
    roster.warn_of_policies(&story.incidents.book);
    assert!(roster.warnings.iter().any(|why| why.starts_with("team shop names the policy `gone`")));
}
