//! What Telegram says of buttons that were pressed. Pure.

use incidents::What;
use serde_json::Value;

use crate::channels::{Heard, Said, Whose};

/// Telegram tells so many at once.
const UPDATES: usize = 100;

/// A button that waits for a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Pressed {
    pub query: String,
    pub chat: Value,
    pub message: Value,
}

/// What a button carries: 64 bytes at most, so the page and no token. That it was shown to this chat is checked.
pub fn data(page: i64) -> String {
    format!("a{page}")
}

/// What Telegram calls a message: numbers are those of the chat.
pub fn handle(message: &Value) -> Option<String> {
    Some(format!("{}/{}", message["chat"]["id"].as_i64()?, message["message_id"].as_i64()?))
}

/// One button for each answer, in the same order.
pub fn heard(answer: &Value) -> (Heard, Vec<Pressed>) {
    let (mut heard, mut all) = (Heard::default(), Vec::new());
    let updates = answer["result"].as_array();
    heard.is_all = updates.is_some_and(|updates| updates.len() < UPDATES);
    for update in updates.into_iter().flatten() {
        let number = update["update_id"].as_i64();
        // The next question says that all before were read.
        heard.cursor = number.map(|number| (number + 1).to_string()).or(heard.cursor);
        let query = &update["callback_query"];
        let message = &query["message"];
        let page = query["data"].as_str().and_then(|data| data.strip_prefix('a')?.parse().ok());
        let (Some(page), Some(handle)) = (page, handle(message)) else { continue };
        let by = query["from"]["first_name"].as_str().unwrap_or("somebody");
        let how = format!("in Telegram, by {by}");
        heard.said.push(Said { whose: Whose::PageCalled(page, handle), what: What::Acknowledge, how });
        all.push(Pressed {
            query: query["id"].as_str().unwrap_or_default().to_owned(),
            chat: message["chat"]["id"].clone(),
            message: message["message_id"].clone(),
        });
    }
    (heard, all)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_button_tells_its_page_and_its_message() {
        let pressed = json!({"ok": true, "result": [
            {"update_id": 7, "message": {"text": "hello"}},
            {"update_id": 8, "callback_query": {"id": "q", "data": "a12", "from": {"first_name": "Ana"},
                "message": {"message_id": 3, "chat": {"id": -5}}}},
            {"update_id": 9, "callback_query": {"id": "r", "data": "else", "message": {"message_id": 3, "chat": {"id": -5}}}},
        ]});
        let (heard, all) = heard(&pressed);
        assert_eq!(heard.cursor.as_deref(), Some("10"));
        assert!(heard.is_all && !super::heard(&json!({"result": vec![0; UPDATES]})).0.is_all);
        assert_eq!(heard.said.len(), 1);
        assert_eq!(heard.said[0].whose, Whose::PageCalled(12, "-5/3".into()));
        assert_eq!(heard.said[0].how, "in Telegram, by Ana");
        assert_eq!(all.len(), 1);
        let nonsense = super::heard(&json!("nonsense")).0;
        assert_eq!((nonsense.cursor, nonsense.is_all), (None, false));
    }
}
