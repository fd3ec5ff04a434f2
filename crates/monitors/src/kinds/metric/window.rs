//! What a measure keeps of the past: a rolling window, moved on point by point.
//!
//! A window of `w` seconds at time `t` holds the points in (t - w, t]. Windows longer than an hour are moved on in
//! steps of a 720th of their length, so that their memory is bounded; they hold up to one such step more.

use std::collections::VecDeque;

use vocabulary::Timestamp;

use super::condition::Function;
use crate::limits::{EXACT_WINDOW_SECONDS, LONG_WINDOW_PARTS, RESUM_EVERY};

/// A value, and how many slots of the finest archive it stands for: more than one where only a coarser is kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Timestamp,
    pub value: f64,
    pub weight: f64,
}

#[derive(Clone, Debug)]
pub struct Window {
    function: Function,
    seconds: i64,
    /// Points within so many seconds are one element.
    quantum: i64,
    elements: VecDeque<Element>,
    sums: Sums,
    /// Elements that went since the sums were last made anew: subtracting again and again adds up errors.
    gone: u32,
    kept: Kept,
}

/// Points of one quantum: all of them are averages over `weight`. There are many: 16 bytes, with seconds since 1970
/// until 2106, and weights that stay whole numbers.
#[derive(Clone, Copy, Debug)]
struct Element {
    at: u32,
    weight: f32,
    value: f64,
}

impl Element {
    fn new(at: i64, value: f64, weight: f64) -> Element {
        Element { at: u32::try_from(at).unwrap_or(u32::MAX), weight: weight as f32, value }
    }

    fn at(self) -> i64 {
        self.at.into()
    }

    fn weight(self) -> f64 {
        self.weight.into()
    }
}

/// Of a straight line through the points, the times counted from `base`.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    total: f64,
    weight: f64,
    base: i64,
    times: f64,
    squares: f64,
    products: f64,
    negative: i64,
}

/// What functions need besides sums.
#[derive(Clone, Debug)]
enum Kept {
    Nothing,
    /// Elements that no later one beats, best first.
    Best(VecDeque<(i64, f64)>),
    /// All values in order.
    Sorted(Vec<f64>),
    /// When the value changed, and what it is.
    Changes(VecDeque<i64>, f64),
}

impl Window {
    pub fn new(function: Function, seconds: i64) -> Window {
        let kept = match function {
            Function::Min | Function::Max => Kept::Best(VecDeque::new()),
            Function::Median | Function::Percentile(_) => Kept::Sorted(Vec::new()),
            Function::Changes => Kept::Changes(VecDeque::new(), f64::NAN),
            _ => Kept::Nothing,
        };
        Window {
            function,
            seconds,
            quantum: quantum(seconds),
            elements: VecDeque::new(),
            sums: Sums::default(),
            gone: 0,
            kept,
        }
    }

    /// Points come in order of time.
    pub fn push(&mut self, point: Point) {
        let at = point.at.0 - point.at.0.rem_euclid(self.quantum);
        match &mut self.kept {
            Kept::Best(best) => {
                let rising = self.function == Function::Max;
                let beaten = |old: f64| if rising { old <= point.value } else { old >= point.value };
                while best.back().is_some_and(|(_, old)| beaten(*old)) {
                    best.pop_back();
                }
                // Within a quantum the time of its last second counts, as when it is dropped.
                best.push_back((at, point.value));
                return;
            }
            Kept::Changes(times, last) => {
                if !last.is_nan() && *last != point.value {
                    times.push_back(at);
                }
                *last = point.value;
                return;
            }
            Kept::Sorted(_) | Kept::Nothing => {}
        }
        if self.quantum > 1
            && let Some(last) = self.elements.back_mut().filter(|last| last.at() == at)
        {
            let old = *last;
            let weight = old.weight() + point.weight;
            let value = (old.value * old.weight() + point.value * point.weight) / weight;
            let new = Element::new(at, value, weight);
            *last = new;
            self.remove(old);
            self.add(new);
            return;
        }
        let element = Element::new(at, point.value, point.weight);
        self.elements.push_back(element);
        self.add(element);
    }

    /// The time is `now`: what is too old goes.
    pub fn advance(&mut self, now: Timestamp) {
        let oldest = now.0 - self.seconds;
        let quantum = self.quantum;
        let gone = |at: i64| at + quantum - 1 <= oldest;
        match &mut self.kept {
            Kept::Best(best) => {
                while best.front().is_some_and(|(at, _)| gone(*at)) {
                    best.pop_front();
                }
                return;
            }
            Kept::Changes(times, _) => {
                while times.front().is_some_and(|at| gone(*at)) {
                    times.pop_front();
                }
                return;
            }
            Kept::Sorted(_) | Kept::Nothing => {}
        }
        while let Some(first) = self.elements.front().copied().filter(|first| gone(first.at())) {
            self.elements.pop_front();
            self.remove(first);
            self.gone += 1;
        }
        if self.gone >= RESUM_EVERY || self.elements.is_empty() && self.gone > 0 {
            self.resum();
        }
    }

    fn add(&mut self, element: Element) {
        if let Kept::Sorted(sorted) = &mut self.kept {
            let place = sorted.partition_point(|known| known.total_cmp(&element.value).is_lt());
            sorted.insert(place, element.value);
        }
        if self.sums.weight == 0.0 {
            self.sums.base = element.at();
        }
        self.sums.change(element, 1.0);
    }

    fn remove(&mut self, element: Element) {
        if let Kept::Sorted(sorted) = &mut self.kept {
            let place = sorted.partition_point(|known| known.total_cmp(&element.value).is_lt());
            sorted.remove(place);
        }
        self.sums.change(element, -1.0);
    }

    fn resum(&mut self) {
        self.gone = 0;
        self.sums = Sums { base: self.elements.front().map_or(0, |first| first.at()), ..Sums::default() };
        for element in &self.elements {
            self.sums.change(*element, 1.0);
        }
    }

    /// `None`: there is nothing to make it from.
    pub fn value(&self) -> Option<f64> {
        let sums = &self.sums;
        match (&self.kept, self.function) {
            (Kept::Best(best), _) => best.front().map(|(_, value)| *value),
            (Kept::Changes(times, last), _) => (!last.is_nan()).then_some(times.len() as f64),
            (Kept::Sorted(sorted), Function::Percentile(tenths)) => percentile(sorted, tenths),
            (Kept::Sorted(sorted), _) => percentile(sorted, 500),
            (_, Function::Total) => Some(sums.total),
            (_, Function::Count) => Some(sums.weight),
            _ if self.elements.is_empty() => None,
            (_, Function::Average) => Some(sums.total / sums.weight),
            (_, Function::Rate) => Some(sums.total / self.seconds as f64),
            (_, Function::Last) => self.elements.back().map(|last| last.value),
            (_, Function::Slope) => sums.slope(),
            _ => Some(sums.total),
        }
    }

    /// Then more points can only make a sum of them greater.
    pub fn never_negative(&self) -> bool {
        self.sums.negative == 0
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        let kept = match &self.kept {
            Kept::Nothing => 0,
            Kept::Best(best) => best.capacity() * BEST_BYTES,
            Kept::Sorted(sorted) => sorted.capacity() * SORTED_BYTES,
            Kept::Changes(times, _) => times.capacity() * CHANGE_BYTES,
        };
        kept + self.elements.capacity() * size_of::<Element>()
    }
}

const BEST_BYTES: usize = size_of::<(i64, f64)>();
const SORTED_BYTES: usize = size_of::<f64>();
const CHANGE_BYTES: usize = size_of::<i64>();

/// What a window takes once it is full of points of each second.
pub fn most_bytes(function: Function, seconds: i64) -> usize {
    let each = match function {
        Function::Min | Function::Max => BEST_BYTES,
        Function::Changes => CHANGE_BYTES,
        Function::Median | Function::Percentile(_) => size_of::<Element>() + SORTED_BYTES,
        _ => size_of::<Element>(),
    };
    // One quantum more than the window is long; what grows grows by doubling.
    let elements = seconds / quantum(seconds) + 2;
    usize::try_from(elements).unwrap_or(usize::MAX).next_power_of_two().max(4) * each
}

fn quantum(seconds: i64) -> i64 {
    if seconds <= EXACT_WINDOW_SECONDS { 1 } else { (seconds / LONG_WINDOW_PARTS).max(1) }
}

/// Nearest rank, as statsd's: the smallest value that so many of all do not exceed.
fn percentile(sorted: &[f64], tenths: u16) -> Option<f64> {
    let rank = (sorted.len() as f64 * f64::from(tenths) / 1000.0).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

impl Sums {
    fn change(&mut self, element: Element, sign: f64) {
        let weight = element.weight() * sign;
        let time = (element.at() - self.base) as f64;
        self.negative += i64::from(element.value < 0.0) * sign as i64;
        self.total += element.value * weight;
        self.weight += weight;
        self.times += time * weight;
        self.squares += time * time * weight;
        self.products += time * element.value * weight;
    }

    fn slope(&self) -> Option<f64> {
        let spread = self.weight * self.squares - self.times * self.times;
        (spread > 0.0).then(|| (self.weight * self.products - self.times * self.total) / spread)
    }
}
