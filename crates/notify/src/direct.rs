//! A word to one person that is of no use later, such as a code: sent once, at once, beside the outbox, and whoever asked
//! for it hears what became of it.

use incidents::Page;
use incidents::outbox::Waiting;
use outbound::Egress;

use crate::channels::{self, Letter, Post};
use crate::config::ChannelConfig;
use crate::readable::for_people;
use crate::sender::Settings;

/// In order, until one is not taken; then why.
pub async fn say(
    channel: &ChannelConfig,
    pages: impl IntoIterator<Item = Page>,
    settings: &Settings,
    egress: &Egress,
    gone: &(dyn Fn(&str, &str, &str) + Send + Sync),
) -> Result<(), String> {
    let mut open = (channels::of(channel.kind).open)(channel)?;
    for page in pages {
        let post = Post { settings, egress, now: page.at.0, since: page.at.0, gone };
        let letters = [letter(page)];
        let results = open.send(&letters, &post).await;
        let (_, result) = results
            .into_iter()
            .next()
            .ok_or("the channel sends no more in this minute: try again in the next")?;
        result.map_err(|failure| failure.why().to_owned())?;
    }
    Ok(())
}

fn letter(page: Page) -> Letter {
    for_people(Letter {
        first: page.id,
        waiting: Waiting { page, tries: 0, next_try: 0 },
        marks: Vec::new(),
        usual: None,
        last_time: None,
        token: None,
        picture: None,
        graph: None,
        earlier: Vec::new(),
    })
}
