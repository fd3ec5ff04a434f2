//! Whose target is looked at next: that of who has used the least time of late, so that nobody waits for one who watches
//! much.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::time::Duration;

/// What is left of it is forgotten.
const FORGOTTEN: Duration = Duration::from_micros(100);

/// How much of the evaluating thread's time each person or token has used of late.
#[derive(Default)]
pub struct Used(HashMap<String, Duration>);

impl Used {
    pub fn of(&self, who: &str) -> Duration {
        self.0.get(who).copied().unwrap_or_default()
    }

    fn add(&mut self, who: &str, took: Duration) {
        *self.0.entry(who.to_owned()).or_default() += took;
    }

    /// Once a tick, so that half a minute later it counts for nothing. To close a stream and open another one changes nothing.
    pub fn fade(&mut self) {
        self.0.retain(|_, used| {
            *used = *used * 4 / 5;
            *used > FORGOTTEN
        });
    }
}

/// Each one's in their own order; until `look`, which says how long it took, has had enough.
pub fn in_turn<T>(
    mut wanted: HashMap<String, VecDeque<T>>,
    used: &mut Used,
    mut look: impl FnMut(T) -> Option<Duration>,
) {
    let all = wanted.keys().map(|who| Reverse((used.of(who), who.clone())));
    let mut next: BinaryHeap<_> = all.collect();
    while let Some(Reverse((_, who))) = next.pop() {
        let Some(one) = wanted.get_mut(&who).and_then(VecDeque::pop_front) else { continue };
        let Some(took) = look(one) else { break };
        used.add(&who, took);
        next.push(Reverse((used.of(&who), who)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of these are looked at in so many milliseconds, each of them taking what its number says.
    fn looked_at(wanted: &[(&str, &[u64])], used: &mut Used, milliseconds: u64) -> Vec<u64> {
        let queues = wanted.iter().map(|(who, all)| ((*who).to_owned(), all.iter().copied().collect()));
        let (mut seen, mut left) = (Vec::new(), milliseconds);
        in_turn(queues.collect(), used, |takes| {
            (left > 0).then(|| {
                left = left.saturating_sub(takes);
                seen.push(takes);
                Duration::from_millis(takes)
            })
        });
        seen
    }

    #[test]
    fn who_watches_much_holds_nobody_up() {
        let mut used = Used::default();
        let (eve, ana) = (("eve", &[90; 500][..]), ("ana", &[1, 2][..]));
        assert_eq!(looked_at(&[eve], &mut used, 900).len(), 10);
        assert_eq!(looked_at(&[eve, ana], &mut used, 900)[..3], [1, 2, 90]);
        used.fade();
        assert_eq!(looked_at(&[eve, ana], &mut used, 900)[..3], [1, 2, 90]);
    }

    #[test]
    fn two_who_watch_as_much_take_turns() {
        let mut used = Used::default();
        let seen = looked_at(&[("ana", &[10; 9][..]), ("ben", &[11; 9][..])], &mut used, 1_000);
        assert_eq!(seen[..6], [10, 11, 10, 11, 10, 11]);
        assert_eq!(seen.len(), 18);
    }

    #[test]
    fn what_was_used_is_forgotten() {
        let mut used = Used::default();
        used.add("eve", Duration::from_secs(1));
        (0..60).for_each(|_| used.fade());
        assert_eq!(used.of("eve"), Duration::ZERO);
    }
}
