//! Where a person is reached by each type of channel: what they say of themselves, and its shape.

use super::email::address_problem;
use crate::config::{ChannelConfig, ChannelType};

/// One type by which a person may be reached.
pub struct Own {
    pub kind: ChannelType,
    /// The type's word, by which a contact keeps the address too.
    pub word: &'static str,
    /// What it looks like, for whoever types it.
    pub shape: &'static str,
    pub is_fine: fn(&str) -> bool,
}

const fn own(kind: ChannelType, word: &'static str, shape: &'static str, is_fine: fn(&str) -> bool) -> Own {
    Own { kind, word, shape, is_fine }
}

const NUMBER: &str = "a number such as +491701234567";

pub const ALL: [Own; 7] = [
    own(
        ChannelType::Ntfy,
        "ntfy",
        "a topic that the app on your telephone subscribes to, and nobody can guess: letters, digits, - and _, 64 at most",
        super::ntfy::is_topic,
    ),
    own(
        ChannelType::Telegram,
        "telegram",
        "the number of your chat with the bot, or @name of a public one",
        super::telegram::is_chat,
    ),
    own(ChannelType::Pushover, "pushover", "your user key: 30 letters and digits", super::pushover::is_key),
    own(
        ChannelType::Push,
        super::push::WAY,
        "a browser: subscribe in the one that is to be reached",
        |text| super::push::subscription::Subscription::read(text).is_ok(),
    ),
    own(ChannelType::Sms, "sms", NUMBER, super::twilio::is_number),
    own(ChannelType::Voice, "voice", NUMBER, super::twilio::is_number),
    own(ChannelType::Email, "email", "an address such as name@example.org", |text| {
        address_problem(text).is_none()
    }),
];

pub fn of(word: &str) -> Option<&'static Own> {
    ALL.iter().find(|own| own.word == word)
}

/// The channels that send to people's own addresses of this type. Those with a `to` send there, whoever is meant.
pub fn channels<'c>(own: &Own, all: &'c [ChannelConfig]) -> impl Iterator<Item = &'c ChannelConfig> {
    let kind = own.kind;
    all.iter().filter(move |channel| channel.kind == kind && channel.to.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_its_shape() {
        let check = |word: &str, address: &str, fine: bool| {
            let own = of(word).unwrap();
            assert_eq!((own.is_fine)(address), fine, "{word} {address}");
        };
        check("ntfy", "ana-3f7c1a9e", true);
        check("ntfy", "ana's", false);
        check("telegram", "-77", true);
        check("telegram", "ana", false);
        check("pushover", &"u".repeat(30), true);
        check("sms", "+491701234567", true);
        check("voice", "01701234567", false);
        check("email", "ana@example.org", true);
        check("email", "ana", false);
        assert!(of("webhook").is_none(), "a program is nobody");
    }
}
