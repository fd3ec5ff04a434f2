//! What Bellwether itself knows of what it lacks: times at which it did not run, and names that it refused.

use serde::Deserialize;

use super::report::{Difference, Kind, time};
use crate::client::Server;
use crate::commands::grouped;

#[derive(Default)]
pub struct Hints {
    gaps: Vec<(f64, f64)>,
    refused: Vec<RefusedPrefix>,
}

#[derive(Deserialize)]
struct Health {
    storage: Storage,
    refused: Refused,
}

#[derive(Deserialize)]
struct Storage {
    gaps: Vec<(f64, f64)>,
}

#[derive(Deserialize)]
struct Refused {
    prefixes: Vec<RefusedPrefix>,
}

#[derive(Deserialize)]
struct RefusedPrefix {
    prefix: String,
    refused: u64,
}

impl Hints {
    /// Without the right to look there are none.
    pub async fn of(server: &Server) -> Hints {
        match server.get_json::<Health>("/api/v1/health").await {
            Ok(health) => Hints { gaps: health.storage.gaps, refused: health.refused.prefixes },
            Err(_) => Hints::default(),
        }
    }

    /// Adds to the cause what explains it.
    pub fn explain(&self, difference: &mut Difference) {
        if !matches!(difference.kind, Kind::SeriesMissingHere | Kind::PointsMissingHere)
            || difference.expected
        {
            return;
        }
        let below = |refused: &&RefusedPrefix| difference.subject.starts_with(&refused.prefix);
        if let Some(refused) = self.refused.iter().find(below) {
            let count = grouped(refused.refused);
            difference.cause =
                format!("{count} new names below {} were refused here: see its limits", refused.prefix);
        }
        if let Some((first, last)) = difference.times
            && let Some(gap) = self.gaps.iter().find(|gap| gap.0 <= last as f64 && first as f64 <= gap.1)
        {
            let (from, until) = (time(gap.0 as i64), time(gap.1 as i64));
            difference.cause = format!("Bellwether knows of a gap from {from} to {until}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_goes_into_the_cause() {
        let hints = Hints {
            gaps: vec![(100.0, 200.0)],
            refused: vec![RefusedPrefix { prefix: "a.b".into(), refused: 1_200 }],
        };
        let check = |subject: &str, kind, times, words: &str| {
            let mut difference = Difference { times, ..Difference::about(subject, kind, "as it was") };
            hints.explain(&mut difference);
            assert!(difference.cause.contains(words), "{}", difference.cause);
        };
        check("a.b.c", Kind::SeriesMissingHere, None, "1,200 new names below a.b were refused");
        check("x", Kind::PointsMissingHere, Some((150, 260)), "a gap from 1970-01-01T00:01:40Z");
        check("x", Kind::PointsMissingHere, Some((201, 260)), "as it was");
        check("a.b.c", Kind::Value, Some((150, 160)), "as it was");
    }
}
