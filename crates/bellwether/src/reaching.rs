//! People of accounts are reached by the ways that they have confirmed: these make them contacts.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::{Person, Role, Way};
use http_api::Services;
use http_api::control::{OfferedWay, Said, TestedWay, ToSay};
use incidents::book::{Book, Contact};
use incidents::trying;
use notify::channels::own::{self, Own};
use notify::channels::push;
use notify::{ChannelConfig, ChannelType, direct};
use state_store::{StateError, StateStore};
use tokio::runtime::Handle;

use crate::config::Config;
use crate::house::House;
use crate::telling;

pub fn offered(config: &Config) -> Vec<OfferedWay> {
    let all = config.channels();
    let names = |own: &Own| own::channels(own, &all).map(|channel| channel.name.clone()).collect();
    let offered =
        own::ALL.iter().map(|own| OfferedWay { r#type: own.word, shape: own.shape, channels: names(own) });
    offered.filter(|offered| !offered.channels.is_empty()).collect()
}

pub fn check(
    config: &Config,
    kind: &str,
    address: &str,
    channel: Option<&str>,
) -> Result<(), (&'static str, String)> {
    let offered = offered(config);
    let Some(of_type) = offered.iter().find(|offered| offered.r#type == kind) else {
        let words: Vec<&str> = offered.iter().map(|offered| offered.r#type).collect();
        let why = format!(
            "no channel reaches people by `{kind}`: write one of {}, or define a [[channel]] of that type without `to`",
            words.join(", ")
        );
        return Err(("type", why));
    };
    if let Some(name) = channel.filter(|name| of_type.channels.iter().all(|known| known != name)) {
        let why = format!(
            "`{name}` does not send to people by {kind}: write one of {}",
            of_type.channels.join(", ")
        );
        return Err(("channel", why));
    }
    if !own::of(kind).is_some_and(|own| (own.is_fine)(address)) {
        return Err(("address", format!("this is not {}", of_type.shape)));
    }
    let all = config.channels();
    let by = all.iter().find(|one| one.kind == ChannelType::Push && kind == push::WAY);
    by.map_or(Ok(()), |channel| push::check(channel, address)).map_err(|why| ("address", why))
}

/// None: there is no such channel any more.
fn channel_of<'c>(way: &Way, all: &'c [ChannelConfig]) -> Option<&'c ChannelConfig> {
    let mut channels = own::channels(own::of(&way.kind)?, all);
    match &way.channel {
        Some(name) => channels.find(|channel| channel.name == *name),
        None => channels.next(),
    }
}

/// By channel; a code that came back was a test too.
pub fn tested(config: &Config, state: &StateStore, person: &str) -> Result<Vec<TestedWay>, StateError> {
    let (all, ways) = (config.channels(), accounts::ways(state, person)?);
    let tested = |way: &Way| {
        let channel = channel_of(way, &all)?.name.clone();
        let (confirmed, tested) = (way.confirmed?, way.tested.as_ref());
        let (at, error) = tested.map_or((confirmed, ""), |tested| (tested.at, tested.error.as_str()));
        Some(TestedWay { channel, at, error: error.to_owned() })
    };
    Ok(ways.iter().filter_map(tested).collect())
}

/// Beside the outbox: nobody wants it later.
pub fn say(house: &House, way: &Way, what: ToSay) -> Said {
    let (config, egress, now) = (house.config.load_full(), house.egress.clone(), house.clock.now());
    let settings = telling::settings(house, &config, house.url.get().map_or("", String::as_str));
    let (way, services) = (way.clone(), house.services.load_full());
    Box::pin(async move {
        let all = config.channels();
        let channel = channel_of(&way, &all).ok_or("there is no channel that sends it any more")?;
        let mut pages = match &what {
            ToSay::Code(code) => vec![trying::code(&way.person, &channel.name, code, now)],
            ToSay::Test => Vec::from(trying::pages(&way.person, &channel.name, now)),
        };
        for page in &mut pages {
            let mut contact = Contact::default();
            lead_to(&mut contact, &way, channel);
            (page.message.email, page.message.ways) = (contact.email, contact.ways);
        }
        let gone = |contact: &str, kind: &str, address: &str| {
            if let Some(services) = services.as_ref() {
                lose(services, contact, kind, address);
            }
        };
        direct::say(channel, pages, &settings, &egress, &gone).await
    })
}

/// A receiver has said that this is there no more: nobody is told by it again, and whoever looks at their ways sees why.
pub fn lost(house: &House, contact: &str, kind: &str, address: &str) {
    if let Some(services) = house.services.load().as_ref() {
        lose(services, contact, kind, address);
    }
}

/// Off the threads that send, which do not wait for the disk.
fn lose(services: &Arc<Services>, contact: &str, kind: &str, address: &str) {
    let (services, now) = (services.clone(), services.clock.now());
    let [contact, kind, address] = [contact, kind, address].map(str::to_owned);
    Handle::current().spawn_blocking(move || {
        match accounts::lose_way(&services.state, &contact, &kind, &address, now) {
            Ok(true) => {
                tracing::warn!(contact, kind, "a way by which somebody was reached is there no more");
                services.control.people_changed();
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, contact, kind, "a way that is gone could not be noted"),
        }
    });
}

fn lead_to(contact: &mut Contact, way: &Way, channel: &ChannelConfig) {
    let name: Arc<str> = channel.name.as_str().into();
    if !contact.channels.contains(&name) {
        contact.channels.push(name);
    }
    match channel.kind {
        ChannelType::Email => contact.email = Some(way.address.clone()),
        // A person may have several browsers.
        _ => {
            let all = contact.ways.entry(way.kind.clone()).or_default();
            if !all.is_empty() && channel.kind == ChannelType::Push {
                *all += "\n";
            } else {
                all.clear();
            }
            *all += &way.address;
        }
    }
}

/// A contact of the files with the same name goes before what a person says, and is told what that person sees. Whoever is named is told, also if they have
/// not come by the provider's word for long: then their tokens rest, and somebody is to be reached all the same.
pub fn enter(book: &mut Book, config: &Config, state: &StateStore) -> Result<(), StateError> {
    let (people, ways, channels) =
        (accounts::people(state)?, accounts::confirmed_ways(state)?, config.channels());
    let mut contacts = Vec::new();
    // All is asked before anything is entered: the half of it would be taken for the whole.
    for person in &people {
        let written = book.contacts.get(person.name.as_str()).cloned();
        let mut contact = written.unwrap_or_else(|| contact(person, &ways, &channels));
        if !contact.channels.is_empty() {
            contact.scope = accounts::scope_of(state, &config.team, &person.name, person.role)?;
            contacts.push((person, contact));
        }
    }
    if book.config.contacts.is_empty() && book.config.escalation_policy.is_none() {
        book.config.contacts = told_by_default(&contacts);
    }
    let contacts = contacts.into_iter();
    book.contacts.extend(contacts.map(|(person, contact)| (person.name.as_str().into(), contact)));
    Ok(())
}

/// Who may act is told of what names nobody, unless the files say who is. Of whoever is limited it may be all others',
/// and whoever is suspended may have left: they are told only where nobody else is.
fn told_by_default(contacts: &[(&Person, Contact)]) -> Vec<String> {
    let mut by_rank: BTreeMap<(bool, bool), Vec<String>> = BTreeMap::new();
    let acting =
        |(person, contact): &&(&Person, Contact)| contact.of_account && person.role >= Role::Responder;
    for (person, contact) in contacts.iter().filter(acting) {
        let rank = (person.suspended.is_some(), !contact.scope.is_everything());
        by_rank.entry(rank).or_default().push(person.name.clone());
    }
    by_rank.into_values().next().unwrap_or_default()
}

fn contact(person: &Person, ways: &[Way], channels: &[ChannelConfig]) -> Contact {
    let time_zone = person.details.time_zone.clone();
    let mut contact = Contact { time_zone, of_account: true, ..Contact::default() };
    for way in ways.iter().filter(|way| way.person == person.name) {
        if let Some(channel) = channel_of(way, channels) {
            lead_to(&mut contact, way, channel);
        }
    }
    contact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_suspended_is_reached_by_name_and_else_only_where_nobody_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[accounts::MIGRATIONS]).unwrap();
        let mail =
            "[[channel]]\nname = \"mail\"\ntype = \"email\"\nserver = \"a:25\"\nfrom = \"b@example.org\"";
        let config: Config = toml::from_str(mail).unwrap();
        let run = |sql: &str| state.transaction(|tx| tx.execute(sql, &[]).map(drop)).unwrap();
        for name in ["ana", "ben"] {
            run(&format!(
                "INSERT INTO person (name, password, role, created) VALUES ('{name}', '', 'responder', 0)"
            ));
            run(&format!(
                "INSERT INTO way (person, kind, address, label, changed, confirmed, test_error)
                    VALUES ('{name}', 'email', '{name}@example.org', '', 0, 0, '')"
            ));
        }
        let entered = || {
            let mut book = Book::default();
            enter(&mut book, &config, &state).unwrap();
            let mut named: Vec<String> = book.contacts.keys().map(ToString::to_string).collect();
            named.sort();
            (named.join(" "), book.config.contacts.join(" "))
        };
        let both = || "ana ben".to_owned();
        assert_eq!(entered(), (both(), both()));
        run("UPDATE person SET suspended = 1 WHERE name = 'ana'");
        assert_eq!(entered(), (both(), "ben".to_owned()));
        run("UPDATE person SET suspended = 1");
        assert_eq!(entered(), (both(), both()), "a quiet month leaves somebody to call");
    }
}
