//! What of a proof is told to whoever sees a part of all names: what is said of their own rules, and what might be changed about
//! these. Sums and people are of everything.

use serde_json::{Map, Value};
use vocabulary::ports::Scope;

use super::{ProofAnswer, ProofItem};

/// Said of no rule.
const OF_NOBODY: [&str; 5] = ["from", "until", "known_from", "first_report_at", "unfinished"];
/// Lists whose entries name their rule.
const BY_RULE: [&str; 3] = ["rules", "proposals", "doubts"];
/// A proposal of this kind names what the rule depends on, which may be others'.
const NAMES_ANOTHER: &str = "dependency";

pub fn item(scope: &Scope, item: ProofItem) -> ProofItem {
    match scope.is_everything() {
        true => item,
        false => ProofItem { author: String::new(), sentence: String::new(), ..item },
    }
}

pub fn of(scope: &Scope, answer: ProofAnswer) -> ProofAnswer {
    if scope.is_everything() {
        return answer;
    }
    let proof = answer.proof.and_then(|proof| match proof {
        Value::Object(proof) => Some(Value::Object(theirs(scope, proof))),
        _ => None,
    });
    // Why there is none may name what is others'.
    let error = answer.error.map(|_| "it was not made; whoever sees everything reads why".to_owned());
    ProofAnswer { item: item(scope, answer.item), error, proof }
}

fn theirs(scope: &Scope, mut proof: Map<String, Value>) -> Map<String, Value> {
    proof.retain(|key, _| OF_NOBODY.contains(&key.as_str()) || BY_RULE.contains(&key.as_str()));
    for key in BY_RULE {
        if let Some(Value::Array(list)) = proof.get_mut(key) {
            list.retain(|entry| entry["kind"] != NAMES_ANOTHER && is_theirs(scope, &entry["rule"]));
        }
    }
    proof
}

/// `monitor:`, `check:` or `host:` stands before the name.
fn is_theirs(scope: &Scope, rule: &Value) -> bool {
    rule.as_str().and_then(|rule| rule.split_once(':')).is_some_and(|(_, name)| scope.sees(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_part_is_told_of_its_own_rules() {
        let item = ProofItem {
            id: 1,
            made: 10,
            author: "root".into(),
            from: 0,
            until: 9,
            state: "done".into(),
            share: 1.0,
            sentence: "mail.smtp woke ben 7 times".into(),
        };
        let rules = json!([{"rule": "check:shop.http"}, {"rule": "check:mail.smtp"}, {"rule": "monitor:errors"}, {"rule": "host:shop.web"}, {"rule": "check:shop.http", "kind": "dependency"}, {}]);
        let proof = json!({"from": 0, "until": 9, "sentence": "x", "sent": {"pages": 7}, "slept": {"ben": {}}, "labels": [{"title": "mail"}],
            "rules": rules, "proposals": rules, "doubts": [{"rule": "mail"}], "unfinished": false});
        let told =
            of(&Scope::prefixes(vec!["shop.".into()]), ProofAnswer { item, error: None, proof: Some(proof) });
        let own = json!([{"rule": "check:shop.http"}, {"rule": "host:shop.web"}]);
        let wanted =
            json!({"from": 0, "until": 9, "rules": own, "proposals": own, "doubts": [], "unfinished": false});
        assert_eq!(told.proof, Some(wanted));
        assert_eq!((told.item.author.as_str(), told.item.sentence.as_str(), told.item.id), ("", "", 1));
    }
}
