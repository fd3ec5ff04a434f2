//! How long people took: until when a policy would have gone on calling for something of the past.

use std::collections::BTreeMap;

use incidents::reports::Case;
use monitors::proof::Bad;

/// A rule may notice so much sooner today than the incident did then.
const SOONER_SECONDS: i64 = 300;

/// Is it a host, and its name.
type Named = (bool, String);

#[derive(Default)]
pub struct Answered(BTreeMap<Named, OfRule>);

#[derive(Default)]
struct OfRule {
    cases: Vec<Had>,
    /// How long it usually took from when somebody could know; the middle of all.
    usual: i64,
}

/// One incident that somebody had.
struct Had {
    opened: i64,
    closed: i64,
    /// How long it took from when it opened here: of what was sent later nobody could know before.
    took: i64,
    at: i64,
}

impl Answered {
    /// `rule_of` says what a case is about: `host:NAME`, `check:NAME`, `monitor:NAME`.
    pub fn of(cases: &[Case], rule_of: impl Fn(&str) -> String) -> Answered {
        let mut all: BTreeMap<Named, OfRule> = BTreeMap::new();
        for case in cases {
            let Some((at, _)) = case.acknowledged else { continue };
            let rule = rule_of(&case.reason);
            let Some((kind, name)) = rule.split_once(':') else { continue };
            let of = all.entry((kind == "host", name.to_owned())).or_default();
            let (opened, closed) = (case.opened, case.closed.unwrap_or(i64::MAX));
            of.cases.push(Had { opened, closed, took: at - case.known, at });
        }
        for of in all.values_mut() {
            let mut took: Vec<i64> = of.cases.iter().map(|had| had.took).collect();
            took.sort_unstable();
            of.usual = took[took.len() / 2];
        }
        Answered(all)
    }

    /// When somebody had that very incident; else as long after it began as it usually took; else when it was over, for
    /// nobody ever had one of these.
    pub fn until(&self, bad: &Bad<'_>) -> i64 {
        let Some(of) = self.0.get(&(bad.host, bad.name.to_owned())) else { return bad.over };
        let same = |had: &&Had| had.opened - SOONER_SECONDS <= bad.at && bad.at <= had.closed;
        let had = of.cases.iter().find(same).map_or(bad.at + of.usual, |had| had.at);
        had.clamp(bad.at, bad.over.max(bad.at))
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::state::State;

    use super::*;

    fn case(reason: &str, opened: i64, closed: i64, had: Option<i64>) -> Case {
        Case {
            id: opened,
            reason: reason.into(),
            title: String::new(),
            opened,
            known: opened,
            closed: Some(closed),
            worst: State::Critical,
            production: true,
            acknowledged: had.map(|at| (at, "ana".into())),
            pages: 1,
            self_healed: false,
            judged: None,
        }
    }

    #[test]
    fn steps_go_on_until_somebody_had_it() {
        let cases = [
            case("monitor:api", 1_000, 2_000, Some(1_100)),
            case("monitor:api", 5_000, 9_000, Some(5_900)),
            case("monitor:api", 20_000, 21_000, Some(20_200)),
            case("monitor:never", 1_000, 2_000, None),
            case("host:api", 1_000, 9_000, Some(1_001)),
        ];
        let answered = Answered::of(&cases, ToOwned::to_owned);
        let until = |host: bool, name: &str, at: i64, over: i64| {
            let (instance, state) = ("", State::Critical);
            answered.until(&Bad { host, name, instance, state, at, over, before: 0 })
        };
        assert_eq!(until(false, "api", 1_010, 3_000), 1_100, "that very one");
        assert_eq!(until(false, "api", 4_800, 8_000), 5_900, "noticed sooner");
        assert_eq!(until(false, "api", 1_500, 3_000), 1_500, "somebody had it before");
        assert_eq!(until(false, "api", 5_000, 5_600), 5_600, "it is over before");
        assert_eq!(until(false, "api", 50_000, 60_000), 50_200, "as long as it usually takes");
        assert_eq!(until(false, "never", 1_000, 3_000), 3_000, "by its own waits");
        assert_eq!(until(false, "new", 1_000, 3_000), 3_000);
        assert_eq!(until(true, "api", 1_000, 3_000), 1_001);
    }

    #[test]
    fn nobody_could_have_what_was_not_known_yet() {
        // Two outages that were sent an hour later, and one as it happened.
        let late = |opened: i64, took: i64| Case {
            known: opened + 3_600,
            ..case("monitor:api", opened, opened + 600, Some(opened + 3_600 + took))
        };
        let cases = [late(1_000, 60), late(20_000, 90), case("monitor:api", 40_000, 41_000, Some(40_300))];
        let answered = Answered::of(&cases, ToOwned::to_owned);
        let bad = |at: i64, over: i64| Bad {
            host: false,
            name: "api",
            instance: "",
            state: State::Critical,
            at,
            over,
            before: 0,
        };
        assert_eq!(answered.until(&bad(80_000, 90_000)), 80_090, "as long as it usually takes");
        assert_eq!(answered.until(&bad(1_010, 1_600)), 1_600, "it was over when somebody could know");
    }
}
