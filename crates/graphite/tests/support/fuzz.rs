//! Mutations of good texts, by a seed that is printed: nothing panics, and everything ends.

use crate::memory::{Memory, archive};

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

const SEED: u64 = 20_240_229;

/// Pieces of the texts, joined, cut and with bytes changed.
fn mutations(texts: &[&str], rounds: usize, mut run: impl FnMut(&[u8])) {
    println!("seed {SEED}");
    let mut dice = Dice(SEED);
    for _ in 0..rounds {
        let mut bytes = Vec::new();
        for _ in 0..=dice.below(3) {
            let text = texts[dice.below(texts.len())].as_bytes();
            let (a, b) = (dice.below(text.len() + 1), dice.below(text.len() + 1));
            let part = if dice.below(3) == 0 { text } else { &text[a.min(b)..a.max(b)] };
            bytes.extend_from_slice(part);
        }
        for _ in 0..dice.below(4) {
            let at = dice.below(bytes.len() + 1);
            let odd = b"(){},.'\"\\|$;=*?[]~ \t\n\x00\xff0-+e";
            match dice.below(3) {
                0 => bytes.insert(at, odd[dice.below(odd.len())]),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ if at < bytes.len() => bytes[at] = dice.below(256) as u8,
                _ => {}
            }
        }
        run(&bytes);
    }
}

/// The targets of all cases.
fn targets() -> Vec<&'static str> {
    let files = [
        include_str!("../cases/combine.test"),
        include_str!("../cases/transform.test"),
        include_str!("../cases/calculate.test"),
        include_str!("../cases/filter.test"),
        include_str!("../cases/names.test"),
        include_str!("../cases/language.test"),
        include_str!("../cases/timers.test"),
        include_str!("../cases/own.test"),
    ];
    let lines = files.iter().flat_map(|file| file.lines());
    lines.filter_map(|line| line.strip_prefix("eval ")).collect()
}

#[test]
fn texts_of_targets() {
    mutations(&targets(), 20_000, graphite::fuzzing::target);
    let deep = "f(".repeat(100_000);
    graphite::fuzzing::target(deep.as_bytes());
    graphite::fuzzing::target("template(".repeat(20_000).as_bytes());
    graphite::fuzzing::target("f(a,b=".repeat(20_000).as_bytes());
}

#[test]
fn texts_of_times() {
    let times =
        ["now-1h", "6pm_yesterday+30min", "12:30 02/29/2024", "20240229", "jan 5", "monday", "noon-1mon2w"];
    mutations(&times, 20_000, graphite::fuzzing::time);
}

#[test]
fn regular_expressions() {
    let texts = [
        "^a.(b|c)*$\0\\1-\\g<0>\0a.bc",
        "(?P<n>[a-z\\]]{2,})(?=x)\0\\g<n>\0aabbx",
        "\\d+(?i:A)\\1\\x41\\u0041[^]-]\0\0",
    ];
    mutations(&texts, 5_000, graphite::fuzzing::regular_expression);
}

#[test]
fn names_and_tags() {
    mutations(
        &["a.b;c=d;e=f", "a{b=\"c\",d=\"e\\\"f\"}", "seriesByTag('a=~b', \"c!=d\")"],
        20_000,
        graphite::fuzzing::tags,
    );
}

#[test]
fn evaluation_of_nearly_good_targets() {
    let mut source = Memory::default();
    for (index, name) in ["a.b", "a.c", "b.x.y", "c;d=e"].iter().enumerate() {
        let points =
            (1..60).filter(|time| time % 7 > 0).map(|time| (time * 10, (time * (index as i64 + 1)) as f64));
        source.add(name, vec![(archive("10s:1h"), points.collect())]);
    }
    mutations(&targets(), 3_000, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let pairs = [("target", text.as_ref()), ("from", "0"), ("until", "600"), ("now", "600")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let _ = crate::evaluate(&source, &pairs);
    });
}

/// As deep as targets may be, on the stack that a test has.
#[test]
fn evaluation_of_deep_targets() {
    let mut source = Memory::default();
    source.add("a", vec![(archive("10s:1h"), vec![(10, 1.0), (20, 2.0)])]);
    for (head, tail) in
        [("scale(", ",1)"), ("movingAverage(", ",1)"), ("sumSeries(", ")"), ("timeShift(", ",'10s')")]
    {
        for depth in [5, 60, 63, 64, 65, 1_000] {
            let target = format!("{}a{}", head.repeat(depth), tail.repeat(depth));
            let pairs = [("target", target.as_str()), ("from", "0"), ("until", "20"), ("now", "20")];
            let answer =
                crate::evaluate(&source, &pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
            let too_deep = answer.as_ref().is_err_and(|refusal| refusal.text.contains("nested too deeply"));
            let too_often = answer.as_ref().is_err_and(|refusal| refusal.text.contains("evaluations"));
            assert!(too_deep == (depth > 63) && (too_deep || too_often || answer.is_ok()), "{head} {depth}");
        }
    }
}

#[test]
fn texts_that_would_fill_the_memory() {
    let mut source = Memory::default();
    source.add("a.b", vec![(archive("10s:1h"), vec![(10, 1.0)])]);
    let doubling: String =
        (0..40).map(|index| format!(",v{index:02}='$v{:02}$v{:02}'", index + 1, index + 1)).collect();
    let nested = format!("{}a.b{}", "aliasSub(".repeat(40), ",'','xxxxxxxx')".repeat(40));
    let percents = format!("applyByNode(a.b,0,'a.b','{}')", "%".repeat(200_000));
    let many = format!(
        "{}{}{}",
        "applyByNode(".repeat(3),
        "a.b",
        format!(",1,'a.b','{}')", "%".repeat(5_000)).repeat(3)
    );
    for target in
        [format!("template(x$v00{doubling})"), format!("template($v00.b{doubling})"), nested, percents, many]
    {
        let pairs = [("target", target.as_str()), ("from", "0"), ("until", "10"), ("now", "10")];
        let answer =
            crate::evaluate(&source, &pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let length = answer.as_ref().map_or(0, |series| series.iter().map(|one| one.name.len()).sum());
        assert!(length <= 1 << 20, "{} bytes", length);
        assert!(
            answer.is_err_and(|refusal| refusal.text.contains("becomes longer")) || length > 0,
            "{target:.100}"
        );
    }
}
