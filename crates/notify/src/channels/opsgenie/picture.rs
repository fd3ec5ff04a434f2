//! The graph of an alert as its attachment.

use super::{Opsgenie, read};
use crate::channels::pictures::{Illustrator, Opened, Shown};
use crate::channels::post::{call, judge};
use crate::channels::{Post, Work};
use crate::config::ChannelConfig;
use crate::limits::{ALERT_MADE_EVERY, ALERT_MADE_TRIES};
use crate::retry::Failure;
use crate::text;

pub fn open(config: &ChannelConfig) -> Opened {
    Ok(Some(Box::new(read(config)?)))
}

impl Illustrator for Opsgenie {
    /// An alert is made some time after it was taken; until then it has no place for files.
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let alias = text::dedup_key(&shown.letter.waiting.page, &post.settings.server_id);
            let path = format!("/v2/alerts/{}/attachments?alertIdentifierType=alias", text::encode(&alias));
            for _ in 1..ALERT_MADE_TRIES {
                match self.attach(&path, &shown.picture, post).await {
                    Err(Failure::Never { .. }) => tokio::time::sleep(ALERT_MADE_EVERY).await,
                    done => return done,
                }
            }
            self.attach(&path, &shown.picture, post).await
        })
    }
}

impl Opsgenie {
    async fn attach(&self, path: &str, picture: &[u8], post: &Post<'_>) -> Result<(), Failure> {
        let request = self.place.multipart(path, &[], ("file", picture))?;
        judge(&call(&self.signed(request)?, post).await?)
    }
}
