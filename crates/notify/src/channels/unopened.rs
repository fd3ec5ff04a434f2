//! A channel that could not be opened, such as one whose secret's file is not there: it fails as one does whose provider is
//! away, so that its pages go other ways and people are told, and each try opens it anew.
//! So it is with what listens to it, and with what shows its graphs.

use std::time::Duration;

use incidents::Handle;

use super::pictures::{self, Illustrator, Shown};
use super::{Channel, Ear, Heard, Letter, Outcome, Post, Results, Said, Work, of};
use crate::config::ChannelConfig;
use crate::limits::LOOK_EVERY;
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

/// What would listen to such a channel.
pub struct Unheard {
    config: ChannelConfig,
    /// It could be opened since.
    ear: Option<Box<dyn Ear>>,
}

impl Unheard {
    pub fn new(config: &ChannelConfig) -> Unheard {
        Unheard { config: config.clone(), ear: None }
    }

    /// That it cannot be has been said, and what is sent says it again.
    fn open(&mut self) -> Option<&mut Box<dyn Ear>> {
        if self.ear.is_none() {
            self.ear = (of(self.config.kind).ear)(&self.config).ok().flatten();
        }
        self.ear.as_mut()
    }
}

impl Ear for Unheard {
    fn every(&self) -> Duration {
        self.ear.as_ref().map_or(LOOK_EVERY, |ear| ear.every())
    }

    /// Until it can be opened it tries that, whether anything is open or not.
    fn is_always_open(&self) -> bool {
        self.ear.as_ref().is_none_or(|ear| ear.is_always_open())
    }

    fn listen<'w>(
        &'w mut self,
        open: &'w [Handle],
        cursor: &'w str,
        post: &'w Post<'w>,
    ) -> Work<'w, Result<Heard, Failure>> {
        match self.open() {
            Some(ear) => ear.listen(open, cursor, post),
            None => Box::pin(async { Ok(Heard::default()) }),
        }
    }

    fn tell<'w>(&'w mut self, came: &'w [(Said, Outcome)], post: &'w Post<'w>) -> Work<'w, ()> {
        match &mut self.ear {
            Some(ear) => ear.tell(came, post),
            None => Box::pin(async {}),
        }
    }
}

/// What would show the graphs of such a channel: opened anew with each, of which there are few.
pub struct Undrawn {
    pub config: ChannelConfig,
    pub open: fn(&ChannelConfig) -> pictures::Opened,
}

impl Illustrator for Undrawn {
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            match (self.open)(&self.config) {
                Ok(Some(illustrator)) => illustrator.show(shown, post).await,
                Ok(None) => Ok(()),
                Err(why) => Err(Failure::Channel { why: format!("it cannot be used: {why}"), after: None }),
            }
        })
    }
}
