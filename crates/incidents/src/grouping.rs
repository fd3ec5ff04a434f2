//! What goes bad together and belongs together is one incident: whoever knows of it is not paged for each part.
//!
//! Nothing waits for it: what goes bad first opens the incident and pages at once. What follows within
//! `[incidents] group_window` of any of its members joins it, if one needs the other, both are on one host, both are of
//! one service or of services that need each other, or their names begin alike. Each member says why it is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{Notice, NoticeKind};

use crate::book::Book;
use crate::core::{Incidents, is_ours};
use crate::incident::{Entry, Incident, IncidentId, Key, Phase, Told, Trouble};
use crate::page::PageKind;

/// Names that begin alike say less than what is declared: they have to go bad at about the same time.
const ALIKE_SECONDS: i64 = 30;
/// So many nodes of two names have to be the same.
const ALIKE_NODES: usize = 2;
/// What all series of StatsD begin with tells nothing of them.
const ROOTS: [&str; 6] = ["stats", "stats_counts", "timers", "gauges", "counters", "sets"];

impl Incidents {
    /// The open incident that this belongs to for another reason than its own, and why.
    pub(crate) fn cause(&self, key: &Key, trouble: &Trouble) -> Option<(IncidentId, String)> {
        if is_ours(&key.monitor) {
            return None;
        }
        self.related_cause(key, trouble).or_else(|| self.bundle(key, trouble))
    }

    fn related_cause(&self, key: &Key, trouble: &Trouble) -> Option<(IncidentId, String)> {
        let window = i64::try_from(self.book.config.group_window.0.as_secs()).unwrap_or(i64::MAX);
        if window == 0 {
            return None;
        }
        let environment = self.not_paging(key);
        let members = self.kin_of(key, trouble.since, window).into_iter();
        let near = members.filter_map(|(id, member, bad)| {
            let apart = (bad.since - trouble.since).abs();
            let together = apart <= window && self.not_paging(member) == environment;
            let (rank, why) =
                together.then(|| self.book.related((member, bad), (key, trouble), apart)).flatten()?;
            Some(((rank, apart, id), why))
        });
        near.min_by(|(a, _), (b, _)| a.cmp(b)).map(|((.., id), why)| (id, why))
    }

    /// From now on the incident stands for this reason too.
    pub(crate) fn stands_for(&mut self, id: IncidentId, reason: &str) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        incident.detail.also.insert(reason.to_owned());
        self.by_reason.insert(reason.to_owned(), id);
    }

    /// An incident stands for the reason of others only as long as something of it is bad there, or was a moment ago.
    /// `key` is one of the reason.
    pub(crate) fn still_stands_for(
        &self,
        incident: &Incident,
        reason: &str,
        key: &Key,
        now: Timestamp,
    ) -> bool {
        if incident.reason == reason || incident.is_closed() {
            return true;
        }
        let within = i64::try_from(self.book.config.reopen_within.0.as_secs()).unwrap_or(i64::MAX);
        let recent = |trouble: &Trouble| trouble.until.is_none_or(|until| now.0 - until < within);
        // What has the same reason is of the same monitor, and those of others are not looked at: it may be thousands.
        let first = Key { instance: "".into(), ..key.clone() };
        let of_monitor = incident.troubles.range(first..);
        let mut of_monitor =
            of_monitor.take_while(|(other, _)| other.host == key.host && other.monitor == key.monitor);
        of_monitor.any(|(other, trouble)| recent(trouble) && self.reason(other) == reason)
    }

    /// Those whom no other member has told: the first page of an incident reaches each of them once.
    pub(crate) fn tell_members(&mut self, id: IncidentId, now: Timestamp) {
        let joined = self.joined.remove(&id).unwrap_or_default();
        let Some(incident) = self.live.get(&id) else { return };
        let detail = &incident.detail;
        if detail.grouped == 0 || detail.snoozed_until.is_some() {
            return;
        }
        if incident.phase != Phase::Open {
            return self.tell_owner_of(id, &joined, now);
        }
        // Whoever has heard of an end knows of nothing that is bad since.
        let mut told: BTreeSet<Arc<str>> = BTreeSet::new();
        for (name, heard) in self.told_of(incident) {
            if heard.waits() || heard.late {
                told.insert(Arc::from(name.as_str()));
            }
        }
        let mut last = None;
        let mut due = Vec::new();
        for (key, trouble) in incident.bad() {
            let severity = incident.said(trouble.state);
            let name = (key.host, &*key.monitor);
            // Members of one monitor stand together: the first that is bad enough speaks for them.
            if trouble.withheld.is_some() || last == Some(name) || !self.is_for_paging(incident, severity) {
                continue;
            }
            last = Some(name);
            let about = self.book.about(key);
            let by_policy_alone =
                about.is_none_or(|it| it.contacts.is_empty()) && self.policy_for(incident, key).is_some();
            if Incidents::tells_itself(about) || by_policy_alone {
                continue;
            }
            let untold = self.recipients(incident, key, severity, now).into_iter();
            let untold = untold.filter(|(name, _)| told.insert(name.clone()));
            let (untold, late): (Vec<_>, Vec<_>) =
                untold.partition(|(name, _)| self.may_tell(incident, name, key.host, now));
            if !untold.is_empty() || !late.is_empty() {
                due.push((untold, late, severity, self.message(incident, key, trouble, about)));
            }
        }
        for (contacts, late, severity, message) in due {
            self.tell_later(id, late.into_iter().map(|(contact, _)| contact), now);
            for (contact, channels) in contacts {
                self.tell_by_rule(id, PageKind::Problem, &contact, &channels, &message, now);
            }
            if let Some(incident) = self.live.get_mut(&id) {
                incident.detail.paged_at.get_or_insert(severity);
                incident.detail.heard_until.get_or_insert(now.0);
            }
        }
    }

    /// Somebody has it: whoever else it is to be told waits for that one, who hears of it once, and by nothing that rings.
    fn tell_owner_of(&mut self, id: IncidentId, joined: &[Key], now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let whys = joined.iter().filter_map(|key| {
            let trouble = incident.troubles.get(key).filter(|it| !it.is_over() && it.withheld.is_none())?;
            Some(format!("{key} ({})", trouble.why.as_deref()?))
        });
        let whys: Vec<String> = whys.collect();
        let Some((first, rest)) = whys.split_first() else { return };
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        self.tell_owner(id, &format!("{first}{more} joined it"), now);
    }

    /// Once for as long as it is in the same hands: there is more of it than this one knows.
    pub(crate) fn tell_owner(&mut self, id: IncidentId, what: &str, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let by_parts = incident.detail.acknowledged.as_ref().is_none_or(|said| said.of_parts);
        let Some((owner, since)) = incident.owner().filter(|_| !by_parts) else { return };
        let (Some((key, trouble)), owner) = (incident.tellable(), Arc::<str>::from(owner)) else { return };
        let channels = self.channels_of(&owner);
        let is_new = incident.detail.more_told.as_ref() != Some(&(owner.to_string(), since));
        let severity = incident.said(trouble.state);
        // What has just become worse has told the owner too.
        let is_told = self.fresh.iter().any(|page| page.incident == Some(id) && page.contact == owner);
        let wanted = self.is_for_paging(incident, severity) && self.book.is_time(&owner, key.host, now);
        if channels.is_empty() || !is_new || is_told || !wanted {
            return;
        }
        let mut message = self.message(incident, key, trouble, self.book.about(key));
        what.clone_into(&mut message.comment);
        self.tell_joined(id, &owner, &channels, &message, now);
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.more_told = Some((owner.to_string(), since));
        }
    }

    /// Does its contact know of the incident by another member, so that this word of a check is one too many?
    pub(crate) fn is_grouped_away(
        &mut self,
        id: IncidentId,
        key: &Key,
        notice: &Notice,
        now: Timestamp,
    ) -> bool {
        let Some(incident) = self.live.get_mut(&id).filter(|incident| !incident.is_closed()) else {
            return false;
        };
        if incident.detail.grouped == 0 {
            return false;
        }
        let mark = key.mark();
        let joined = incident.troubles.get(key).is_some_and(|trouble| trouble.why.is_some());
        let paged_at = incident.detail.paged_at;
        let Some(told) = incident.detail.told.get_mut(&*notice.contact).filter(|told| told.waits()) else {
            return false;
        };
        let by_page = told.by_notices_of.is_empty();
        let by_others = !by_page
            && incident.troubles.iter().any(|(other, trouble)| {
                other != key && !trouble.is_over() && told.by_notices_of.contains(&other.mark())
            });
        let away = match notice.kind {
            NoticeKind::Problem => {
                let worse = paged_at.is_some_and(|paged| paged.badness() < notice.state.badness());
                joined && !worse && (by_page || by_others)
            }
            NoticeKind::Recovery => (by_page && joined) || (by_others && told.by_notices_of.contains(&mark)),
            _ => false,
        };
        if away {
            hear(told, &mark, notice.kind, by_page);
            if notice.kind == NoticeKind::Problem && notice.number <= 1 {
                let text =
                    format!("{key}: {} knows of this incident, and is not paged again", notice.contact);
                self.write(id, Entry { at: now, kind: "grouped", who: notice.contact.to_string(), text });
            }
            self.touch(id);
        }
        away
    }
}

/// Whose notices have told of the beginning, the last of them tells the end; whom a page told, a page tells.
fn hear(told: &mut Told, mark: &str, kind: NoticeKind, by_page: bool) {
    match kind {
        NoticeKind::Problem if !by_page => drop(told.by_notices_of.insert(mark.to_owned())),
        NoticeKind::Recovery => drop(told.by_notices_of.remove(mark)),
        _ => {}
    }
}

impl Book {
    /// How strongly these two belong together, the strongest first, and why.
    pub(crate) fn related(
        &self,
        (member, bad): (&Key, &Trouble),
        (key, trouble): (&Key, &Trouble),
        apart: i64,
    ) -> Option<(u8, String)> {
        // One incident has one policy: what another one would call people for stays by itself.
        let policy = |key: &Key, trouble: &Trouble| {
            self.routes_of(key, trouble.assigned()).into_iter().next().map(|route| route.policy)
        };
        if policy(key, trouble).is_some_and(|own| policy(member, bad).is_none_or(|other| other != own)) {
            return None;
        }
        self.by_need(member, key)
            .or_else(|| self.by_errors(member, key))
            .or_else(|| self.by_alerts(member, key))
            .map(|why| (0, why))
            .or_else(|| self.by_host(member, key).map(|why| (1, why)))
            .or_else(|| self.by_service(member, key))
            .or_else(|| (apart <= ALIKE_SECONDS).then(|| alike(member, key)).flatten().map(|why| (4, why)))
    }

    fn by_need(&self, member: &Key, key: &Key) -> Option<String> {
        let needs = |one: &Key, other: &Key| {
            self.needs_of(one).any(|(host, name)| *host == other.host && *name == other.monitor)
        };
        match (needs(key, member), needs(member, key)) {
            (true, _) => Some(format!("it needs {member}")),
            (_, true) => Some(format!("{member} needs it")),
            _ => None,
        }
    }

    /// What it cannot do without, or the host that it is on.
    pub(crate) fn needs_of(&self, key: &Key) -> impl Iterator<Item = &(bool, Arc<str>)> {
        let own = self.about(key);
        let host = self.host_of(key).filter(|_| !key.host).and_then(|host| self.subject(true, &host));
        own.into_iter().chain(host).flat_map(|subject| &subject.needs)
    }

    pub(crate) fn host_of(&self, key: &Key) -> Option<Arc<str>> {
        if key.host { Some(key.monitor.clone()) } else { self.about(key)?.host.clone() }
    }

    fn by_host(&self, member: &Key, key: &Key) -> Option<String> {
        let host = self.host_of(key)?;
        (self.host_of(member)? == host).then(|| format!("on the same host, {host}"))
    }

    fn by_service(&self, member: &Key, key: &Key) -> Option<(u8, String)> {
        let of = |key: &Key| self.about(key).map(|subject| &subject.services);
        let (ones, others) = (of(key)?, of(member)?);
        if let Some(same) = ones.iter().find(|one| others.contains(one)) {
            return Some((2, format!("of the same service, {same}")));
        }
        let needs =
            |from: &Arc<str>, to: &Arc<str>| self.service_needs.get(from).is_some_and(|all| all.contains(to));
        let pairs = ones.iter().flat_map(|one| others.iter().map(move |other| (one, other)));
        let found = pairs.into_iter().find_map(|(one, other)| match (needs(one, other), needs(other, one)) {
            (true, _) => Some(format!("{one} needs {other}")),
            (_, true) => Some(format!("{other} needs {one}")),
            _ => None,
        });
        found.map(|why| (3, why))
    }
}

/// Series whose names begin alike. Names of checks are made by people, who call unlike things alike.
fn alike(member: &Key, key: &Key) -> Option<String> {
    let (one, other) = (begin(&member.instance)?, begin(&key.instance)?);
    (one == other).then(|| format!("their names begin with {}", one.join(".")))
}

pub(crate) fn begin(series: &str) -> Option<Vec<&str>> {
    let name = series.split(';').next()?;
    let nodes: Vec<&str> =
        name.split('.').skip_while(|node| ROOTS.contains(node)).take(ALIKE_NODES).collect();
    // The last node says what is measured, and is none of them.
    (nodes.len() == ALIKE_NODES && name.split('.').count() > ALIKE_NODES && !name.contains(['(', ' ']))
        .then_some(nodes)
}
