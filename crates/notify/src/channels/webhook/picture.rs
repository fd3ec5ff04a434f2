//! Discord's webhooks take files: the graph follows its page there, as a message that makes no sound.

use serde_json::json;

use super::Format;
use crate::channels::pictures::{self, Illustrator, Opened, Shown};
use crate::channels::post::{Place, call, judge};
use crate::channels::{Post, Work};
use crate::config::ChannelConfig;
use crate::retry::Failure;

/// Discord's SUPPRESS_NOTIFICATIONS.
const SILENT: u32 = 1 << 12;

struct Discord(Place);

/// Other forms have the address of the graph, or no place for it.
pub fn open(config: &ChannelConfig) -> Opened {
    match config.format {
        Some(Format::Discord) => Ok(Some(Box::new(Discord(Place::new(config, ""))))),
        _ => Ok(None),
    }
}

impl Illustrator for Discord {
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let message = json!({"username": "Bellwether", "flags": SILENT, "allowed_mentions": {"parse": []},
                "content": pictures::caption(&shown.letter)});
            let fields = [("payload_json", message.to_string())];
            let fields = fields.each_ref().map(|(name, text)| (*name, text.as_str()));
            let request = self.0.multipart("", &fields, ("files[0]", &shown.picture))?;
            judge(&call(&request, post).await?)
        })
    }
}
