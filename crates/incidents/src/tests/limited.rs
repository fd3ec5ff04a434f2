//! Whoever sees a part of all names reads no word of the rest in pages.

use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::State;

use super::{Story, change, contact};
use crate::book::Contact;
use crate::desk::Seen;
use crate::page::Page;
use crate::people::Deed;

impl Story {
    /// Eve sees what begins with `shop.`.
    fn with_eve() -> Story {
        let mut story = Story::new();
        let eve = Contact { scope: shop(), ..contact(&["mail"]) };
        story.incidents.book.contacts.insert("eve".into(), eve);
        story
    }

    fn pages_of(&mut self, deed: &Deed) -> Vec<Page> {
        self.incidents.act(1, "bea", deed, Timestamp(self.now)).unwrap();
        self.incidents.take(&[], &[], Timestamp(self.now))
    }
}

fn shop() -> Scope {
    Scope::prefixes(vec!["shop.".into()])
}

fn said(pages: &[Page], contact: &str) -> String {
    let page = pages.iter().find(|page| &*page.contact == contact).unwrap();
    serde_json::to_string(&page.message).unwrap()
}

fn calling(names: &[&str]) -> Deed {
    let to = names.iter().map(|name| (*name).to_owned()).collect();
    Deed::Escalate { to, comment: String::new() }
}

#[test]
fn whoever_is_limited_is_told_of_their_own_members() {
    let mut story = Story::with_eve();
    story.goes("latency|bank.lat", State::Critical);
    story.goes("latency|shop.lat", State::Critical);
    let mention = Deed::Note { text: "@eve @ana look".into() };
    for deed in [calling(&["eve", "ana"]), mention] {
        let pages = story.pages_of(&deed);
        let (eve, ana) = (said(&pages, "eve"), said(&pages, "ana"));
        assert!(eve.contains("shop.lat") && eve.contains("\"bad\":1") && !eve.contains("bank"), "{eve}");
        assert!(ana.contains("bank.lat") && ana.contains("\"bad\":2"), "{ana}");
        story.told(pages);
    }
    story.goes("latency|shop.lat", State::Ok);
    story.now += 10;
    let end = change("latency|bank.lat", State::Ok, None, story.now);
    let pages = story.incidents.apply(&end, Timestamp(story.now));
    let (eve, ops) = (said(&pages, "eve"), said(&pages, "ops"));
    assert!(eve.contains("shop.lat") && !eve.contains("bank"), "{eve}");
    assert!(ops.contains("bank.lat"), "{ops}");
    story.told(pages);
}

#[test]
fn whoever_is_called_to_what_is_all_others_is_told_of_it() {
    let mut story = Story::with_eve();
    story.goes("latency|bank.lat", State::Critical);
    let pages = story.pages_of(&calling(&["eve"]));
    assert!(said(&pages, "eve").contains("bank.lat"));
    story.told(pages);
}

#[test]
fn our_own_word_of_others_members_is_left_out() {
    let mut story = Story::with_eve();
    story.goes("latency|shop.lat", State::Critical);
    story.goes("latency|bank.lat", State::Critical);
    let whole = &story.incidents.live[&1];
    let (key, trouble) = whole.bad().next().unwrap();
    let mut message = story.incidents.message(whole, key, trouble, None);
    let mut comment = |author: &str| {
        (message.author, message.comment) = (author.into(), "bank.lat went bad since you were told".into());
        story.incidents.in_words_for("eve", whole, &message).unwrap().comment
    };
    assert_eq!((comment(""), comment("ana").is_empty()), (String::new(), false));
}

#[test]
fn a_check_in_parts_is_called_after_theirs() {
    let mut story = Story::with_eve();
    story.goes("web/http|bank.b", State::Critical);
    story.goes("web/http|shop.a", State::Critical);
    let whole = &story.incidents.live[&1];
    assert_eq!(whole.title, "web/http: bank.b, shop.a");
    assert_eq!(whole.clone().part(&shop()).unwrap().title, "web/http: shop.a");
    assert_eq!(Seen::of(whole).part(&shop()).unwrap().title, "web/http: shop.a");
}
