//! Targets that want to take all time or all memory: each is answered within its bounds, or refused at once.

use std::time::{Duration, Instant};

use graphite::{Defaults, Environment, NoEvents, Refusal, RenderRequest};
use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use crate::memory::{Memory, archive};

const MEGABYTE: usize = 1 << 20;

/// So many series of 360 points.
fn crowd(series: usize) -> Memory {
    let mut memory = Memory::default();
    for index in 0..series {
        let points = (1..=360).map(|slot| (slot * 10, (slot * 7 % 100) as f64)).collect();
        memory.add(&format!("crowd.server{index:05}.requests"), vec![(archive("10s:1d"), points)]);
    }
    memory
}

struct Taken {
    answer: Result<usize, Refusal>,
    time: Duration,
}

fn render(source: &Memory, target: &str, max_bytes: usize, more: &[(&str, &str)]) -> Taken {
    let mut params = vec![("from", "0"), ("until", "3600"), ("now", "3600"), ("format", "json")];
    params.extend(more);
    params.push(("target", target));
    let params: Vec<_> =
        params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let begun = Instant::now();
    let deadline = Some(begun + Duration::from_secs(20));
    let (scope, limits) =
        (Scope::everything(), QueryLimits { max_bytes, deadline, ..QueryLimits::default() });
    let environment = Environment { source, events: &NoEvents, scope: &scope, limits: &limits };
    let request = RenderRequest::from_params(&params, Timestamp(0), &Defaults::of_zone(TimeZone::UTC));
    let answer =
        request.and_then(|request| graphite::render(&request, environment)).map(|(answer, trace)| {
            assert!(trace.peak_bytes <= max_bytes, "{} bytes for {target:.60}", trace.peak_bytes);
            answer.body.len()
        });
    Taken { answer, time: begun.elapsed() }
}

#[test]
fn what_needs_too_much_memory_is_refused() {
    let crowd = crowd(400);
    let long = "x".repeat(100_000);
    let limit = 8 * MEGABYTE;
    for target in [
        "crowd.*.*|timeStack('1s',0,9999)".to_owned(),
        format!("alias(crowd.*.*,'{long}')"),
        format!("crowd.*.*|aliasSub('e','{long}')"),
        format!("crowd.*.*|aliasByNode({})", "0,".repeat(20_000) + "0"),
        "asPercent(scale(crowd.*.*,2),None,0)".to_owned(),
        "asPercent(scale(crowd.*.*,2))".to_owned(),
        "divideSeries(crowd.*.*,sumSeries(scale(crowd.*.*,2)))".to_owned(),
        "applyByNode(crowd.*.*,1,'crowd.*.*')".to_owned(),
        format!("group({})", "scale(crowd.*.*,2),".repeat(20) + "crowd.*.*"),
        format!("crowd.*.*{}", "|timeStack('1s',0,4)".repeat(20)),
        "movingMedian(crowd.*.*,1000000)|scale(2)|timeStack('1min',0,1000)".to_owned(),
        "hitcount(crowd.*.*,'1s')|timeStack('1s',0,9)".to_owned(),
    ] {
        let taken = render(&crowd, &target, limit, &[]);
        let refusal = taken.answer.expect_err(&format!("{target:.80}"));
        let says =
            format!("the query takes more than {limit} bytes of memory: narrow the pattern or the time");
        assert!(refusal.text.starts_with(&says), "{target:.80}: {}", refusal.text);
        assert_eq!(refusal.status, 400);
    }
    // Most of a good question's memory is its answer.
    assert!(render(&crowd, "crowd.*.*", limit, &[]).answer.is_ok());
    for format in ["json", "csv", "raw", "rickshaw", "dygraph", "pickle", "msgpack"] {
        let tight = 400 * 360 * 8 + 400 * 800;
        let taken = render(&crowd, "crowd.*.*", tight, &[("format", format), ("maxDataPoints", "100000")]);
        assert!(taken.answer.is_err(), "{format}");
    }
}

/// Milliseconds in a release build; a debug build on a busy machine is given two hundred times as long.
const AT_MOST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 20_000 } else { 100 });

#[test]
fn hostile_texts_are_refused_at_once() {
    let few = crowd(3);
    let many = |part: &str, times: usize| part.repeat(times);
    let name = "a".repeat(50_000);
    let texts = [
        many("(", 100_000),
        many("scale(", 100_000),
        many("scale(", 100_000) + "a" + &many(",1)", 100_000),
        many("sumSeries(a,", 30_000),
        many("{a,b}", 50_000),
        many("{", 200_000),
        "crowd.".to_owned() + &many("{a,b}", 30),
        "crowd.".to_owned() + &many("{a,b,*}", 30) + ".requests",
        "crowd.".to_owned() + &many("*", 100_000),
        "crowd.".to_owned() + &many("**.", 100) + "x",
        "crowd.".to_owned() + &many("*a", 60) + "b",
        "crowd.".to_owned() + &many("[a-z]", 50_000),
        "a".to_owned() + &many("|scale(2)", 10_000),
        "a".to_owned() + &many("|", 100_000),
        "a".repeat(1 << 20),
        many("a.", 500_000),
        "scale(a,".to_owned() + &many("9", 200_000) + ")",
        "scale(a,1e".to_owned() + &many("9", 200_000) + ")",
        "movingAverage(crowd.*.*,99999999999999999999)".to_owned(),
        "movingAverage(crowd.*.*,9223372036854775807)".to_owned(),
        "movingAverage(crowd.*.*,'9223372036854775807s')".to_owned(),
        "timeShift(crowd.*.*,'99999999999999y')".to_owned(),
        "summarize(crowd.*.*,'9223372036854775807s')".to_owned(),
        "timeStack(crowd.*.*,'1d',-9223372036854775808,9223372036854775807)".to_owned(),
        "constantLine(1e308)|scale(1e308)".to_owned(),
        "sin('x',1,1)|timeStack('1d',0,10000)".to_owned(),
        "randomWalk('x',0)".to_owned(),
        "randomWalk('x',-1)".to_owned(),
        "time('x',0)".to_owned(),
        "crowd.*.*|grep('(a*)*b')".to_owned(),
        "crowd.*.*|grep('(.+)+\\1$(?=x)')".to_owned(),
        format!("alias(crowd.*.*,'{name}')|aliasSub('(a*)*b(?=x)','')"),
        format!("alias(crowd.*.*,'{name}')|exclude('(a|aa)+$(?<=b)')"),
        format!("alias(crowd.*.*,'{name}')|aliasSub('(a|a)*\\1\\1\\1b','')"),
        format!("crowd.*.*|grep('{}')", many("(", 10_000)),
        format!("crowd.*.*|grep('{}a')", many("(a{1,1000}){1,1000}", 3)),
        format!("seriesByTag('name=~{}')", many("(a{1,1000}){1,1000}", 3)),
        format!("crowd.*.*{}", many("|aliasSub('(.*)','\\1\\1')", 60)),
        format!("template(crowd.$a.*,{})", many("a='$a$a',", 5_000) + "b='1'"),
        "template(crowd.$a,a='$a$a$a$a',b='$b')".to_owned(),
        // No templates after all, so each level is read as a call once more.
        many("template(f(", 30),
    ];
    for text in texts {
        let taken = render(&few, &text, 64 * MEGABYTE, &[]);
        assert!(taken.time < AT_MOST, "{:?} for {text:.60} ({} bytes)", taken.time, text.len());
        if std::env::var_os("HOSTILE_TIMES").is_some() {
            let answer =
                taken.answer.map_or_else(|refusal| format!("{:.60}", refusal.text), |n| format!("{n} bytes"));
            println!("{:>10.3?}  {:>7} bytes  {text:.40}  {answer}", taken.time, text.len());
        }
    }
}
