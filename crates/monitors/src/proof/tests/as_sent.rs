//! What no rule can be tried on is not saved by any.

use super::*;

const MORE: &str = r#"
[[monitor]]
name = "backup"
kind = "heartbeat"
slug = "backup"
period = "1h"
contacts = ["ana"]
[[monitor]]
name = "crashes"
kind = "errors"
project = "*"
when = ["new"]
[[check]]
name = "prometheus"
host = "web"
type = "passive"
"#;

/// Five hours before the end.
const OUTAGE: i64 = BEGIN + DAYS * DAY - 5 * 3_600;

fn estate() -> Estate {
    let mut estate = Estate::new(3);
    estate.definitions = toml::from_str(&format!("{RULES}{MORE}")).unwrap();
    let rules = ["monitor:backup", "errors:crashes/7", "check:prometheus@DiskFull;host=a", "911", "declared"];
    let page = |(number, rule): (i64, &str)| Sent {
        at: OUTAGE + number * 600,
        rule: rule.to_owned(),
        contact: "eve".to_owned(),
    };
    estate.sent = (0..).zip(rules).map(page).collect();
    // What is defined no more, and a rule on numbers, send what a replay says.
    for gone in ["monitor:gone", "errors:gone/1", "host:gone", "monitor:tight"] {
        estate.sent.push(page((9, gone)));
    }
    estate
}

#[test]
fn what_cannot_be_replayed_counts_as_it_was_sent() {
    let proof = estate().prove();
    let of = |weight: &weigh::Weight| weight.contacts.get("eve").map_or(0, |of| of.pages);
    assert_eq!((of(&proof.sent), of(&proof.would), of(&proof.proposed)), (9, 5, 5));
    for rule in ["monitor:backup", "errors:crashes/7", "check:prometheus@DiskFull;host=a", "911", "declared"]
    {
        let of = proof.rules.iter().find(|one| one.rule == rule).unwrap();
        assert_eq!((of.sent, of.would), (1, 1), "{rule}");
    }
    assert!(proof.sentence.contains("5 pages of what cannot be replayed"), "{}", proof.sentence);
}

#[test]
fn an_outage_that_only_a_heartbeat_told_of_is_not_missed() {
    let mut estate = estate();
    estate.events.clear();
    estate.definitions = toml::from_str(MORE.split("[[check]]").next().unwrap()).unwrap();
    estate.labels = vec![Label { start: OUTAGE, end: OUTAGE + 60, title: "the backup is late".into() }];
    let proof = estate.prove();
    let [judged] = &proof.labels[..] else { panic!("{:?}", proof.labels) };
    assert_eq!((judged.sent, judged.with_proposals), (Some(OUTAGE), Some(OUTAGE)));
    assert_eq!(judged.verdict, Verdict::Same, "{}", proof.sentence);
}

#[test]
fn each_of_them_is_named_by_a_doubt() {
    let mut estate = estate();
    let another = estate.sent[1].clone();
    estate.sent.push(Sent { rule: "errors:crashes/8".into(), ..another });
    let proof = estate.prove();
    let said = |rule: &str| {
        let of = proof.doubts.iter().filter(|one| one.rule == rule);
        of.map(|one| one.doubt.reason.as_str()).collect::<Vec<_>>()
    };
    for rule in ["monitor:backup", "monitor:crashes", "check:prometheus", "911", "declared"] {
        assert!(matches!(said(rule)[..], [why] if why.contains("count as they were sent")), "{rule}");
    }
    assert!(said("monitor:crashes")[0].contains("(2)"), "{:?}", said("monitor:crashes"));
    assert!(said("monitor:gone").is_empty());
}

#[test]
fn a_rule_that_cannot_be_tried_is_not_changed() {
    let mut estate = estate();
    for hour in 0..100 {
        let at = BEGIN + hour * 3_600;
        estate.sent.push(Sent { at, rule: "monitor:backup".into(), contact: "eve".into() });
    }
    let proof = estate.prove();
    assert!(proof.proposals.iter().any(|one| one.rule.starts_with("check:")), "checks are replayed anew");
    assert!(proof.proposals.iter().all(|one| one.rule != "monitor:backup"));
    assert_eq!(proof.proposed.contacts["eve"].pages, proof.would.contacts["eve"].pages);
}
