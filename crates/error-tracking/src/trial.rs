//! How events that are kept would be grouped, and whose they would be, by other settings, before these are of effect. Marks that
//! rules have made on frames stay: they are kept with the event.

use std::collections::BTreeMap;

use formats::sentry::json::{self, Limits};
use vocabulary::error::StoredEvent;

use crate::event::{Hash, HashValue};
use crate::project::Project;
use crate::read::Tree;
use crate::{grouping, in_app, title};

/// Of one project, as it is and as it would be.
pub struct Trial<'p> {
    present: &'p Project,
    tried: &'p Project,
    pub events: u64,
    moves: BTreeMap<(u64, HashValue), Moved>,
    owners: BTreeMap<u64, String>,
}

/// Events of one group that would be found by another hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub from: u64,
    pub hash: Hash,
    /// Of the first of them.
    pub title: String,
    pub events: u64,
}

impl<'p> Trial<'p> {
    pub fn new(present: &'p Project, tried: &'p Project) -> Trial<'p> {
        Trial { present, tried, events: 0, moves: BTreeMap::new(), owners: BTreeMap::new() }
    }

    /// The newest of each group comes first.
    pub fn add(&mut self, stored: &StoredEvent) {
        let Ok(mut event) = json::read(&stored.body, &Limits::default()) else { return };
        let before = found_by(self.present, &event, stored);
        in_app::mark(&self.tried.made.rules, &mut event);
        let after = found_by(self.tried, &event, stored);
        let (Some(before), Some(after)) = (before, after) else { return };
        self.events += 1;
        let group = stored.key.group;
        if let Some(owner) = self.tried.made.rules.owner(&event) {
            self.owners.entry(group).or_insert_with(|| owner.to_owned());
        }
        if before.value != after.value {
            let new = || Moved { from: group, title: title::title(&event), events: 0, hash: after.clone() };
            self.moves.entry((group, after.value)).or_insert_with(new).events += 1;
        }
    }

    pub fn moves(&self) -> impl Iterator<Item = &Moved> {
        self.moves.values()
    }

    /// Who would be assigned to each group, were it new.
    pub fn owners(&self) -> impl Iterator<Item = (u64, &str)> {
        self.owners.iter().map(|(group, owner)| (*group, owner.as_str()))
    }
}

fn found_by(project: &Project, event: &Tree<'_>, stored: &StoredEvent) -> Option<Hash> {
    grouping::hashes(project, event, stored.key.at).into_iter().next()
}

#[cfg(test)]
mod tests {
    use vocabulary::Timestamp;
    use vocabulary::error::{EventId, EventKey};

    use super::*;
    use crate::project::Settings;

    fn project(settings: &str) -> Project {
        let settings: Settings = serde_json::from_str(settings).unwrap();
        assert_eq!(settings.problems(), []);
        Project::new(1, "shop", Vec::new(), settings, Timestamp(0))
    }

    fn stored(group: u64, kind: &str, function: &str) -> StoredEvent {
        let frame = format!(r#"{{"function":"{function}","module":"shop.cart","in_app":true}}"#);
        let exception =
            format!(r#"{{"type":"{kind}","value":"timeout","stacktrace":{{"frames":[{frame}]}}}}"#);
        let body = format!(r#"{{"exception":{{"values":[{exception}]}}}}"#);
        let key = EventKey { project: 1, group, at: Timestamp(5), id: EventId([group as u8; 16]) };
        StoredEvent { number: group, key, user: None, body: body.into_bytes() }
    }

    #[test]
    fn what_would_be_elsewhere_is_told_and_what_stays_is_not() {
        let present = project("{}");
        let tried = project(
            r#"{"rules":[{"when":[{"field":"value","pattern":"*timeout*"},{"field":"type","pattern":"Slow"}],
                "then":{"fingerprint":["timeouts"]}}],
                "owners":[{"when":[{"field":"type","pattern":"Slow"}],"owner":"ana"}]}"#,
        );
        let mut trial = Trial::new(&present, &tried);
        for (group, kind, function) in
            [(1, "Slow", "a"), (1, "Slow", "a"), (2, "Slow", "b"), (3, "Other", "c")]
        {
            trial.add(&stored(group, kind, function));
        }
        let moves: Vec<_> = trial.moves().map(|one| (one.from, one.events, one.title.as_str())).collect();
        assert_eq!(moves, [(1, 2, "Slow: timeout"), (2, 1, "Slow: timeout")]);
        let hashes: Vec<_> = trial.moves().map(|one| one.hash.value).collect();
        assert_eq!(hashes[0], hashes[1], "they would be one");
        assert_eq!(trial.owners().collect::<Vec<_>>(), [(1, "ana"), (2, "ana")]);
        assert_eq!(trial.events, 4);
    }

    #[test]
    fn marks_on_frames_decide_too() {
        let present = project("{}");
        let tried = project(
            r#"{"rules":[{"when":[{"field":"function","pattern":"retry*"}],"then":{"in_app":false}}]}"#,
        );
        let body = |inner: &str| {
            let frame =
                |function: &str| format!(r#"{{"function":"{function}","module":"shop","in_app":true}}"#);
            let frames = [frame("pay"), frame(inner)].join(",");
            format!(r#"{{"exception":{{"values":[{{"type":"E","stacktrace":{{"frames":[{frames}]}}}}]}}}}"#)
        };
        let mut trial = Trial::new(&present, &tried);
        trial.add(&StoredEvent { body: body("retry_once").into_bytes(), ..stored(1, "E", "x") });
        trial.add(&StoredEvent { body: body("send").into_bytes(), ..stored(2, "E", "x") });
        assert_eq!(trial.moves().map(|one| one.from).collect::<Vec<_>>(), [1]);
    }
}
