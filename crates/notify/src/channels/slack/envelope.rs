//! What comes over the connection of Socket Mode. Pure.

use incidents::What;
use serde_json::{Value, json};

use super::WAY;
use crate::channels::{Said, Whose};
use crate::limits::SNOOZE_SECONDS;

/// The buttons, by what they are called there and what they ask for.
pub const BUTTONS: [(&str, &str, What); 3] = [
    ("acknowledge", "Acknowledge", What::Acknowledge),
    ("resolve", "Resolve", What::Resolve),
    ("snooze", "Snooze 1 h", What::Snooze(SNOOZE_SECONDS)),
];

#[derive(Debug, PartialEq)]
pub enum Frame {
    /// It is about to be closed by the other side.
    Disconnect {
        why: String,
    },
    /// A button, and whose.
    Pressed(Pressed),
    /// To be acknowledged, and of no meaning to us.
    Other {
        envelope: String,
    },
    Nothing,
}

#[derive(Debug, PartialEq)]
pub struct Pressed {
    pub envelope: String,
    /// Where it was pressed, and by whom: for a word that only they see.
    pub room: String,
    pub user: String,
    pub said: Said,
}

pub fn read(text: &str) -> Frame {
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return Frame::Nothing };
    if frame["type"] == "disconnect" {
        return Frame::Disconnect { why: frame["reason"].as_str().unwrap_or("no reason").to_owned() };
    }
    let Some(envelope) = frame["envelope_id"].as_str().map(str::to_owned) else { return Frame::Nothing };
    match pressed(&frame, &envelope) {
        Some(pressed) => Frame::Pressed(pressed),
        None => Frame::Other { envelope },
    }
}

fn pressed(frame: &Value, envelope: &str) -> Option<Pressed> {
    let payload = &frame["payload"];
    if frame["type"] != "interactive" || payload["type"] != "block_actions" {
        return None;
    }
    let action = &payload["actions"][0];
    let (_, _, what) = BUTTONS.iter().find(|(id, ..)| action["action_id"] == **id)?;
    let incident = action["value"].as_str()?.parse().ok()?;
    let user = &payload["user"];
    let at = user["id"].as_str()?;
    let by = ["username", "name"].iter().find_map(|key| user[*key].as_str()).unwrap_or(at);
    let room = payload["container"]["channel_id"].as_str().or(payload["channel"]["id"].as_str());
    Some(Pressed {
        envelope: envelope.to_owned(),
        room: room.unwrap_or_default().to_owned(),
        user: at.to_owned(),
        said: Said {
            whose: Whose::Person { incident, way: WAY, at: at.to_owned() },
            what: *what,
            how: format!("in Slack, by {by}"),
        },
    })
}

pub fn acknowledgement(envelope: &str) -> String {
    json!({"envelope_id": envelope}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(action: &str, value: &str) -> Value {
        json!({"envelope_id": "e1", "type": "interactive", "accepts_response_payload": false, "payload": {
            "type": "block_actions", "user": {"id": "U1", "username": "ana", "name": "ana", "team_id": "T1"},
            "container": {"type": "message_attachment", "message_ts": "1.2", "channel_id": "C1", "attachment_id": 1},
            "channel": {"id": "C1", "name": "ops"}, "actions": [{"action_id": action, "block_id": "b", "value": value, "type": "button"}]}})
    }

    #[test]
    fn a_button_tells_its_incident_and_who_pressed_it() {
        let check = |action: &str, value: &str, wanted: Option<What>| {
            let found = match read(&frame(action, value).to_string()) {
                Frame::Pressed(pressed) => Some(pressed),
                other => {
                    assert_eq!(other, Frame::Other { envelope: "e1".into() });
                    None
                }
            };
            assert_eq!(found.as_ref().map(|pressed| pressed.said.what), wanted, "{action} {value}");
            if let Some(Pressed { room, user, said, .. }) = found {
                assert_eq!(
                    (room.as_str(), user.as_str(), said.how.as_str()),
                    ("C1", "U1", "in Slack, by ana")
                );
                assert_eq!(said.whose, Whose::Person { incident: 12, way: WAY, at: "U1".into() });
            }
        };
        check("acknowledge", "12", Some(What::Acknowledge));
        check("resolve", "12", Some(What::Resolve));
        check("snooze", "12", Some(What::Snooze(SNOOZE_SECONDS)));
        check("else", "12", None);
        check("resolve", "twelve", None);
    }

    #[test]
    fn frames_that_are_no_envelopes() {
        let check = |text: &str, wanted: Frame| assert_eq!(read(text), wanted, "{text}");
        check(r#"{"type":"hello","num_connections":1}"#, Frame::Nothing);
        check(
            r#"{"type":"disconnect","reason":"refresh_requested"}"#,
            Frame::Disconnect { why: "refresh_requested".into() },
        );
        check(
            r#"{"type":"events_api","envelope_id":"e2","payload":{}}"#,
            Frame::Other { envelope: "e2".into() },
        );
        check("nonsense", Frame::Nothing);
    }
}
