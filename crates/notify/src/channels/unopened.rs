//! A channel that could not be opened, such as one whose secret's file is not there: it fails as one does whose provider is
//! away, so that its pages go other ways and people are told, and each try opens it anew.

use super::{Channel, Letter, Post, Results, Work, of};
use crate::config::ChannelConfig;
use crate::retry::Failure;

pub struct Unopened {
    config: ChannelConfig,
    /// It could be opened since.
    channel: Option<Box<dyn Channel>>,
}

impl Unopened {
    pub fn new(config: &ChannelConfig) -> Unopened {
        Unopened { config: config.clone(), channel: None }
    }

    fn open(&mut self) -> Result<&mut Box<dyn Channel>, String> {
        match &mut self.channel {
            Some(channel) => Ok(channel),
            none => Ok(none.insert((of(self.config.kind).open)(&self.config)?)),
        }
    }
}

impl Channel for Unopened {
    fn send<'w>(&'w mut self, letters: &'w [Letter], post: &'w Post<'w>) -> Work<'w, Results> {
        Box::pin(async move {
            match self.open() {
                Ok(channel) => channel.send(letters, post).await,
                Err(why) => {
                    let failure = Failure::Channel { why: format!("it cannot be used: {why}"), after: None };
                    letters.first().map(|letter| (letter.waiting.page.id, Err(failure))).into_iter().collect()
                }
            }
        })
    }
}
