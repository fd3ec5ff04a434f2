//! The types of channels, one folder each.

pub mod email;
pub mod webhook;

use incidents::outbox::Waiting;
use outbound::Egress;

use crate::config::{ChannelConfig, ChannelType};
use crate::retry::Failure;
use crate::sender::{Mark, Settings};

/// A page that is to be sent, with what belongs into its text.
pub struct Letter {
    pub waiting: Waiting,
    pub marks: Vec<Mark>,
    /// What the value usually is.
    pub usual: Option<String>,
    /// Whoever has it may acknowledge the incident in the contact's name.
    pub token: Option<String>,
    /// The first page of this incident to this contact by this channel, which may be this one.
    pub first: i64,
}

/// What became of some pages: those of which nothing is said wait on.
pub type Results = Vec<(i64, Result<(), Failure>)>;

/// Ready to send.
pub enum Channel {
    Email(Box<email::Email>),
    Webhook(Box<webhook::Webhook>),
}

impl Channel {
    pub fn open(config: &ChannelConfig) -> Result<Channel, String> {
        match config.kind {
            ChannelType::Email => email::Email::open(config).map(|email| Channel::Email(Box::new(email))),
            ChannelType::Webhook => {
                webhook::Webhook::open(config).map(|webhook| Channel::Webhook(Box::new(webhook)))
            }
        }
    }

    /// Seconds after which a page is told in another way.
    pub fn give_up(&self) -> i64 {
        match self {
            Channel::Email(_) => crate::limits::MAIL_GIVE_UP_SECONDS,
            Channel::Webhook(_) => crate::limits::WEBHOOK_GIVE_UP_SECONDS,
        }
    }

    /// Some of these letters, from the first on; at least one, unless all have to wait.
    pub async fn send(
        &mut self,
        letters: &[Letter],
        settings: &Settings,
        egress: &Egress,
        now: i64,
    ) -> Results {
        match self {
            Channel::Email(email) => email.send(letters, settings, egress, now).await,
            Channel::Webhook(webhook) => webhook.send(letters, settings, egress, now).await,
        }
    }
}
