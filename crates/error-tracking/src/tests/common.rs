//! What the latest events have in common.

use vocabulary::Timestamp;
use vocabulary::error::{EventKey, StoredEvent};

use super::{Story, digested_by, received};
use crate::common::Common;

impl Story {
    /// Of a failed upload to this provider, as it is kept.
    fn upload(&mut self, drive: &str) -> StoredEvent {
        self.now += 1;
        let event = format!(
            r#"{{"exception":[{{"type":"DriveError","value":"v"}}],"tags":{{"drive":"{drive}","app":"web"}},"environment":"live"}}"#
        );
        let event = digested_by(&self.project, &event, &received(self.now, self.events));
        let taken = self.take(&event).unwrap();
        let key = EventKey { project: 1, group: taken.group, at: event.at, id: event.event_id };
        StoredEvent { number: self.events, key, user: None, body: event.body }
    }
}

#[test]
fn the_provider_is_named_that_all_failed_at() {
    let mut story = Story::new();
    for drive in ["gdrive", "box", "dropbox", "box", "dropbox", "gdrive"] {
        story.upload(drive);
    }
    let latest: Vec<StoredEvent> = (0..10).map(|_| story.upload("gdrive")).collect();
    story.tracker.tick(Timestamp(story.now)).unwrap();
    let batch = story.tracker.batch();
    let found = |environment: Option<&str>, events: &[StoredEvent]| {
        story.tracker.in_common(1, environment, events, 10).unwrap()
    };
    let gdrive = Common { key: "drive".into(), value: "gdrive".into(), share: 1.0, usual: 2.0 / 6.0 };
    assert_eq!(found(Some("live"), &latest), [gdrive], "`app` is of all errors");
    assert_eq!(found(None, &latest), [], "none of them is of no environment");
    assert_eq!(found(Some("live"), &latest[..2]), [], "any two have something in common");
    drop(batch);
}

#[test]
fn where_there_is_nothing_else_nothing_is_unusual() {
    let mut story = Story::new();
    let latest: Vec<StoredEvent> = (0..10).map(|_| story.upload("gdrive")).collect();
    story.tracker.tick(Timestamp(story.now)).unwrap();
    assert_eq!(story.tracker.in_common(1, Some("live"), &latest, 10).unwrap(), []);
}
