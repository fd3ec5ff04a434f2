//! Who is in which group: by the group, by its members, by other groups in it.

use std::collections::{BTreeMap, BTreeSet};

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
        let (mut groups, mut excluded) = (Groups::new(), Groups::new());
        let known = self.member_names();
        for group in self.groups {
            let Some(name) = group.text(group.kind.name_key()) else { continue };
            let chosen = self.matching.choose(group.text("members").unwrap_or_default(), known.keys());
            for unknown in &chosen.unknown {
                let message = format!("member `{unknown}` of {} `{name}` is not defined", group.kind.word());
                problems.push(Problem { place: group.place_of("members"), message });
            }
            groups.entry(name.into()).or_default().extend(chosen.yes);
            excluded.entry(name.into()).or_default().extend(chosen.no);
        }
        self.joined(&mut groups, problems);
        self.within_each_other(groups, &excluded, problems)
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

    /// Groups in groups in groups. Whom a group excludes is not in it, whoever put him there.
    fn within_each_other(
        &self,
        mut groups: Groups,
        excluded: &Groups,
        problems: &mut Vec<Problem>,
    ) -> Groups {
        let mut inner: Vec<(Name, Name)> = Vec::new();
        for group in self.groups {
            let Some(name) = group.text(group.kind.name_key()) else { continue };
            for other in items(group.text(self.nested).unwrap_or_default()) {
                if groups.contains_key(other) {
                    inner.push((name.into(), other.into()));
                } else {
                    let message = format!("group `{other}` in {} `{name}` is not defined", group.kind.word());
                    problems.push(Problem { place: group.place_of(self.nested), message });
                }
            }
        }
        groups
            .iter_mut()
            .for_each(|(name, members)| members.retain(|member| !excluded[name].contains(member)));
        // Until nothing is added any more, so that circles end too.
        let mut has_grown = true;
        while std::mem::take(&mut has_grown) {
            for (outer, other) in &inner {
                let more: Vec<Name> = groups[other]
                    .iter()
                    .filter(|member| !groups[outer].contains(*member) && !excluded[outer].contains(*member))
                    .cloned()
                    .collect();
                has_grown |= !more.is_empty();
                groups.entry(outer.clone()).or_default().extend(more);
            }
        }
        groups
    }
}
