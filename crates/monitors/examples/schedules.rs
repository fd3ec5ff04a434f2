//! Answers when schedules of heartbeats come next, for comparison with the libraries that Healthchecks uses: lines of
//! `zone <tab> seconds <tab> count <tab> expression` in, a line of moments out, or `refused`. `\n` stands for a new line.

use std::io::BufRead;

use jiff::tz::TimeZone;
use monitors::kinds::heartbeat::schedule::Schedule;

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("stdin can be read");
        println!("{}", answer(&line).unwrap_or_else(|| "refused".into()));
    }
}

fn answer(line: &str) -> Option<String> {
    let mut parts = line.splitn(4, '\t');
    let zone = TimeZone::get(parts.next()?).ok()?;
    let start: i64 = parts.next()?.parse().ok()?;
    let count: usize = parts.next()?.parse().ok()?;
    let schedule = Schedule::parse(&parts.next()?.replace("\\n", "\n"), zone).ok()?;
    let moments = std::iter::successors(schedule.after(start * 1_000), |at| schedule.after(*at)).take(count);
    Some(moments.map(|at| (at / 1_000).to_string()).collect::<Vec<_>>().join(" "))
}
