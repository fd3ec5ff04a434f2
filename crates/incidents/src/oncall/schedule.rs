//! All layers, versions and overrides of one schedule: who is on call, shifts and gaps.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::config::ScheduleConfig;
use super::layer::Layer;
use super::leave::Away;
use super::planned::Planned;

/// Somebody stands in for whoever has the turn, from then until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub id: i64,
    pub schedule: Arc<str>,
    pub person: Arc<str>,
    /// Only while this one would be on call; none: whoever it is.
    pub in_place_of: Option<Arc<str>>,
    pub start: Timestamp,
    pub until: Timestamp,
    pub by: String,
    pub at: Timestamp,
    pub note: String,
}

/// Who is on call at a moment, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// None: nobody.
    pub person: Option<Arc<str>>,
    /// The layer that said so, from the topmost.
    pub layer: Option<usize>,
    /// The override that stands above it.
    pub override_id: Option<i64>,
    /// Whose turn it would be: of an override, and of somebody who is away or not there any more.
    pub instead_of: Option<Arc<str>>,
}

impl Duty {
    /// Do they have it, or does the list have somebody else have it since they are not there?
    pub(crate) fn is_turn_of(&self, person: &Arc<str>) -> bool {
        let is_in_list = self.override_id.is_none() && self.instead_of.as_ref() == Some(person);
        is_in_list || self.person.as_ref() == Some(person)
    }
}

/// A time in which nothing changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    pub start: Timestamp,
    pub end: Timestamp,
    pub duty: Duty,
}

/// One definition of a schedule.
#[derive(Clone, Debug)]
pub struct Version {
    pub since: Timestamp,
    layers: Vec<Layer>,
}

impl Version {
    pub fn new(since: Timestamp, config: &ScheduleConfig, usual: &TimeZone) -> Result<Version, String> {
        let zone = match config.time_zone.as_str() {
            "" => usual.clone(),
            name => super::config::zone(name)?,
        };
        let layers = config.layer.iter().map(|layer| Layer::new(layer, &zone)).collect::<Result<_, _>>()?;
        Ok(Version { since, layers })
    }

    /// Layers with calendars have the turns that those have; asked for by the layer's name.
    pub(crate) fn planned(mut self, turns: impl Fn(&str) -> Arc<[Planned]>) -> Version {
        for layer in &mut self.layers {
            layer.plan(&turns);
        }
        self
    }

    /// It was not defined from then on.
    pub fn none(since: Timestamp) -> Version {
        Version { since, layers: Vec::new() }
    }
}

/// Since when people are not there any more.
pub type Gone = BTreeMap<Arc<str>, Timestamp>;

#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// The oldest first, which holds for all that was before it too.
    pub versions: Vec<Version>,
    /// In the order in which they were made: the later ones lie on top.
    pub overrides: Vec<Override>,
    pub gone: Arc<Gone>,
    /// When people are away: somebody's word that they are on call (an override) goes before it.
    pub away: Arc<Away>,
}

impl Schedule {
    fn version(&self, at: Timestamp) -> Option<&Version> {
        let next = self.versions.partition_point(|version| version.since <= at);
        self.versions.get(next.max(1) - 1)
    }

    pub fn layer_names(&self, at: Timestamp) -> Vec<&str> {
        let layers = self.version(at).map(|version| &version.layers[..]).unwrap_or_default();
        layers.iter().map(|layer| layer.name.as_str()).collect()
    }

    /// Could this person ever be on call?
    pub fn names(&self, person: &str) -> bool {
        let mut layers = self.versions.iter().flat_map(|version| &version.layers);
        layers.any(|layer| layer.people.iter().any(|name| **name == *person))
            || self.overrides.iter().any(|over| *over.person == *person)
    }

    fn is_there(&self, person: &str, at: Timestamp) -> bool {
        self.gone.get(person).is_none_or(|since| at < *since)
    }

    fn is_away(&self, person: &str, at: Timestamp) -> bool {
        let leave = self.away.get(person).map(|leave| &leave[..]).unwrap_or_default();
        let begun = leave.partition_point(|leave| leave.from <= at);
        leave[..begun].last().is_some_and(|leave| at < leave.until)
    }

    /// In the layers alone. Where leave would leave nobody at all, it is theirs whose turn it is: somebody who is away may
    /// answer, nobody does not.
    fn turn(&self, at: Timestamp) -> Duty {
        let duty = self.topmost(at, |name| self.is_there(name, at) && !self.is_away(name, at));
        match duty.person.is_none() && !self.away.is_empty() {
            true => self.topmost(at, |name| self.is_there(name, at)),
            false => duty,
        }
    }

    /// The turns of whom this is not so for are those of the next in the list; if that is nobody, those of the layers below.
    fn topmost(&self, at: Timestamp, has_turns: impl Fn(&str) -> bool) -> Duty {
        let layers = self.version(at).map(|version| &version.layers[..]).unwrap_or_default();
        let mut whose: Option<Arc<str>> = None;
        for (index, layer) in layers.iter().enumerate() {
            let duty = turn_in(layer, index, at, &has_turns);
            if duty.person.is_some() {
                return Duty { instead_of: whose.or(duty.instead_of), ..duty };
            }
            whose = whose.or_else(|| layer.in_order(at).next().cloned());
        }
        Duty::default()
    }

    /// Who is on call: the topmost layer that has somebody, and what lies on top of it.
    pub fn duty(&self, at: Timestamp) -> Duty {
        let overrides = self.overrides.iter();
        let on = overrides.filter(|it| it.start <= at && at < it.until && self.is_there(&it.person, at));
        on.fold(self.turn(at), |duty, over| {
            let meant = over.in_place_of.as_ref().is_none_or(|whose| duty.is_turn_of(whose));
            // Whoever is away, and called since there is nobody else, says by this that they are there.
            let is_so = duty.person.as_ref() == Some(&over.person) && !self.is_away(&over.person, at);
            if !meant || is_so {
                return duty;
            }
            let instead_of = duty.instead_of.or(duty.person).filter(|whose| *whose != over.person);
            Duty { person: Some(over.person.clone()), override_id: Some(over.id), instead_of, ..duty }
        })
    }

    /// The time between these, cut where anything changes.
    pub fn shifts(&self, from: Timestamp, until: Timestamp) -> Vec<Shift> {
        self.cut(from, until, |at| self.duty(at))
    }

    /// … of one layer alone.
    pub fn shifts_of_layer(&self, index: usize, from: Timestamp, until: Timestamp) -> Vec<Shift> {
        self.cut(from, until, |at| {
            let layer = self.version(at).and_then(|version| version.layers.get(index));
            let has_turns = |name: &str| self.is_there(name, at) && !self.is_away(name, at);
            layer.map(|layer| turn_in(layer, index, at, has_turns)).unwrap_or_default()
        })
    }

    fn cut(&self, from: Timestamp, until: Timestamp, duty: impl Fn(Timestamp) -> Duty) -> Vec<Shift> {
        let mut shifts: Vec<Shift> = Vec::new();
        let mut borders = self.borders(from, until);
        borders.push(until);
        for pair in borders.windows(2) {
            let duty = duty(pair[0]);
            match shifts.last_mut() {
                Some(last) if last.duty == duty => last.end = pair[1],
                _ => shifts.push(Shift { start: pair[0], end: pair[1], duty }),
            }
        }
        shifts
    }

    fn borders(&self, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
        let mut borders = vec![from];
        for (index, version) in self.versions.iter().enumerate() {
            let next = self.versions.get(index + 1).map_or(Timestamp(i64::MAX), |next| next.since);
            let since = if index == 0 { Timestamp(i64::MIN) } else { version.since };
            borders.push(version.since);
            let (from, until) = (from.max(since), until.min(next));
            if from < until {
                version.layers.iter().for_each(|layer| layer.borders(from, until, &mut borders));
            }
        }
        borders.extend(self.overrides.iter().flat_map(|over| [over.start, over.until]));
        borders.extend(self.gone.values().copied());
        borders.extend(self.away.values().flatten().flat_map(|leave| [leave.from, leave.until]));
        borders.retain(|at| from <= *at && *at < until);
        borders.sort_unstable();
        borders.dedup();
        borders
    }

    /// The times between these in which nobody is on call.
    pub fn gaps(&self, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let empty = self.shifts(from, until).into_iter().filter(|shift| shift.duty.person.is_none());
        empty.map(|shift| (shift.start, shift.end)).collect()
    }
}

fn turn_in(layer: &Layer, index: usize, at: Timestamp, has_turns: impl Fn(&str) -> bool) -> Duty {
    let mut in_order = layer.in_order(at);
    let whose = in_order.clone().next();
    let Some(person) = in_order.find(|name| has_turns(name)) else { return Duty::default() };
    let instead_of = whose.filter(|whose| *whose != person).cloned();
    Duty { person: Some(person.clone()), layer: Some(index), override_id: None, instead_of }
}
