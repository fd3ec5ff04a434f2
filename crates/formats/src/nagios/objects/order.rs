//! The order in which Nagios holds the hosts that a service is for. It tells which of them the definition itself becomes;
//! the others get copies, and where a service is defined twice for one host that makes a difference (seen with 4.4.6).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::groups::Groups;
use super::lines::{Definition, items};
use super::names::{Matching, Name};

pub struct HostOrder<'a> {
    matching: Matching,
    hosts: &'a [Definition],
    groups: &'a [Definition],
    /// Who is in which group, after all.
    members: &'a Groups,
    /// In the order of definition.
    host_places: &'a BTreeMap<Name, usize>,
    group_places: BTreeMap<Name, usize>,
    firsts: RefCell<BTreeMap<Name, Option<Name>>>,
}

/// Of a group's hosts: new ones are put in front.
#[derive(Clone, Copy)]
enum End {
    First,
    Last,
}

impl<'a> HostOrder<'a> {
    pub fn new(
        matching: Matching,
        (hosts, host_places): (&'a [Definition], &'a BTreeMap<Name, usize>),
        (groups, members): (&'a [Definition], &'a Groups),
    ) -> HostOrder<'a> {
        let named = groups.iter().enumerate();
        let named = named.filter_map(|(at, group)| Some((group.text("hostgroup_name")?.into(), at)));
        let group_places = named.collect();
        HostOrder { matching, hosts, groups, members, host_places, group_places, firsts: RefCell::default() }
    }

    /// The first host of what both lists choose, if it is neither left out nor chosen a second time.
    pub fn original(&self, group_list: &str, host_list: &str) -> Option<Name> {
        let named = self.matching.choose(host_list, self.host_places.keys());
        let groups = self.groups_of(group_list);
        let Some(group) = groups.first() else {
            let first = ordered(self.matching, host_list, self.host_places).into_iter().next();
            return first.filter(|host| !named.no.contains(host));
        };
        let known = self.firsts.borrow().get(group).cloned();
        let host = known.unwrap_or_else(|| {
            let found = self.end_of(group, End::First);
            self.firsts.borrow_mut().insert(group.clone(), found.clone());
            found
        })?;
        let again = groups[1..].iter().any(|group| self.members[group].contains(&host));
        (!again && !named.yes.contains(&host)).then_some(host)
    }

    /// Groups that have members, in the order of the list.
    fn groups_of(&self, list: &str) -> Vec<Name> {
        let mut found = ordered(self.matching, list, &self.group_places);
        found.retain(|group| self.members.get(group).is_some_and(|members| !members.is_empty()));
        found
    }

    fn named_by(&self, group: &Definition) -> Vec<Name> {
        let list = group.text("members").unwrap_or_default();
        let excluded = self.matching.choose(list, self.host_places.keys()).no;
        let mut found = ordered(self.matching, list, self.host_places);
        found.retain(|host| !excluded.contains(host));
        found
    }

    /// Into a group come first those of groups in it, then those who name it, then those whom it names. The list of a
    /// group in it is read from its beginning, so it comes in the other way round.
    fn end_of(&self, group: &Name, end: End) -> Option<Name> {
        let (mut group, mut end) = (group.clone(), end);
        // Circles end too.
        for _ in 0..=self.groups.len() {
            let own = &self.groups[*self.group_places.get(&group)?];
            let named = self.named_by(own);
            let joined = || {
                let mut joined =
                    self.hosts.iter().filter(|host| host.list("hostgroups").any(|one| *one == *group));
                let host = match end {
                    End::First => joined.next_back(),
                    End::Last => joined.next(),
                };
                host.and_then(|host| host.text("host_name")).map(Name::from)
            };
            let nested = self.groups_of(own.text("hostgroup_members").unwrap_or_default());
            match end {
                End::First => match named.last().cloned().or_else(joined) {
                    Some(host) => return Some(host),
                    None => (group, end) = (nested.last()?.clone(), End::Last),
                },
                End::Last => match nested.first() {
                    Some(first) => (group, end) = (first.clone(), End::First),
                    None => return joined().or_else(|| named.first().cloned()),
                },
            }
        }
        None
    }
}

/// What a list names, each once; what an expression finds, the last defined first.
fn ordered(matching: Matching, list: &str, places: &BTreeMap<Name, usize>) -> Vec<Name> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for item in items(list).filter(|item| !item.starts_with('!')) {
        let mut chosen: Vec<Name> = matching.choose(item, places.keys()).yes.into_iter().collect();
        chosen.sort_by_key(|name| std::cmp::Reverse(places.get(name)));
        chosen.retain(|name| seen.insert(name.clone()));
        found.extend(chosen);
    }
    found
}
