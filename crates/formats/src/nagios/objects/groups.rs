//! Who is in which group: by the group, by its members, by other groups in it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::lines::{Definition, Problem, items};
use super::names::{Chosen, Matching, Name};

pub type Groups = BTreeMap<Name, BTreeSet<Name>>;

/// What a list of groups and a list of members choose together. `of` says whose lists they are.
pub fn members_of(
    matching: Matching,
    (group_list, groups): (&str, &Groups),
    (member_list, members): (&str, &BTreeMap<Name, usize>),
) -> Chosen {
    let by_group = matching.choose(group_list, groups.keys());
    let mut chosen = matching.choose(member_list, members.keys());
    let all = |names: &BTreeSet<Name>| {
        names.iter().flat_map(|name| groups[name].iter().cloned()).collect::<Vec<_>>()
    };
    chosen.yes.extend(all(&by_group.yes));
    chosen.no.extend(all(&by_group.no));
    chosen.unknown.extend(by_group.unknown);
    chosen
}

/// Groups of hosts or of contacts. `joins` is the directive by which a member names its groups.
pub struct Membership<'a> {
    pub matching: Matching,
    pub groups: &'a [Definition],
    pub members: &'a [Definition],
    pub joins: &'static str,
    /// `hostgroup_members`
    pub nested: &'static str,
}

impl Membership<'_> {
    pub fn resolve(&self, problems: &mut Vec<Problem>) -> Groups {
        let mut groups = Groups::new();
        let known = self.member_names();
        for group in self.groups {
            let Some(name) = group.text(group.kind.name_key()) else { continue };
            let chosen = self.matching.choose(group.text("members").unwrap_or_default(), known.keys());
            for unknown in &chosen.unknown {
                let message = format!("member `{unknown}` of {} `{name}` is not defined", group.kind.word());
                problems.push(Problem { place: group.place_of("members"), message });
            }
            groups.entry(name.into()).or_default().extend(chosen.without_excluded());
        }
        self.joined(&mut groups, problems);
        self.within_each_other(&groups, problems)
    }

    fn member_names(&self) -> BTreeMap<Name, usize> {
        let named = self.members.iter().enumerate();
        named.filter_map(|(at, member)| Some((member.text(member.kind.name_key())?.into(), at))).collect()
    }

    fn joined(&self, groups: &mut Groups, problems: &mut Vec<Problem>) {
        for member in self.members {
            let Some(name) = member.text(member.kind.name_key()) else { continue };
            for group in member.list(self.joins) {
                match groups.get_mut(group) {
                    Some(members) => drop(members.insert(name.into())),
                    None => {
                        let message = format!(
                            "{} `{name}` is to be in group `{group}`, which is not defined",
                            member.kind.word()
                        );
                        problems.push(Problem { place: member.place_of(self.joins), message });
                    }
                }
            }
        }
    }

    /// Groups in groups in groups; a circle is gone round once.
    fn within_each_other(&self, groups: &Groups, problems: &mut Vec<Problem>) -> Groups {
        let mut inner: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for group in self.groups {
            let Some(name) = group.text(group.kind.name_key()) else { continue };
            for other in items(group.text(self.nested).unwrap_or_default()) {
                if groups.contains_key(other) {
                    inner.entry(name).or_default().push(other);
                } else {
                    let message = format!("group `{other}` in {} `{name}` is not defined", group.kind.word());
                    problems.push(Problem { place: group.place_of(self.nested), message });
                }
            }
        }
        let whole = |start: &Name| {
            let (mut seen, mut waiting) = (HashSet::from([&**start]), vec![&**start]);
            let mut members = BTreeSet::new();
            while let Some(group) = waiting.pop() {
                members.extend(groups[group].iter().cloned());
                waiting.extend(
                    inner.get(group).into_iter().flatten().copied().filter(|other| seen.insert(other)),
                );
            }
            members
        };
        groups.keys().map(|name| (name.clone(), whole(name))).collect()
    }
}
