//! Lines over TCP.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use vocabulary::Clock;

use super::meter::{self, Meter, Row, Watch};
use super::names::{self, Texts};
use super::pace::{Next, Pace};
use super::report::{self, Report, Sent};
use crate::cli::BenchCarbon;
use crate::client::Server;
use crate::clock::SystemClock;
use crate::failure::Failure;

/// As much as a relay hands over at once.
const WRITE_BYTES: usize = 64 << 10;
/// A server that takes nothing for so long is stuck.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last point may take to be readable.
const READABLE_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Different values: with this many no two neighbours of a series are alike.
const VALUES: u64 = 1_009;

const WATCH: Watch = Watch {
    parts: &["carbon.line"],
    accepted: &[
        "bellwether.ingest.carbon_line.points.stored.count",
        "bellwether.ingest.carbon_line.points.volatile.count",
    ],
};

pub fn run(server: &Server, options: &BenchCarbon) -> Result<Report, Failure> {
    let load = &options.load;
    let lines = Lines::new(load.series, &load.prefix, options.age.0.as_secs() as i64);
    let meter = crate::commands::block_on(Meter::begin(server))?;
    let to = super::target(load, &meter.before, "carbon.line")?;
    let pace = Pace { rate: load.rate, duration: Duration::from_secs(load.seconds) };
    let begun = Instant::now();
    let (sent, last) = all_connections(&lines, to, pace, load.connections)?;
    let seconds = begun.elapsed().as_secs_f64();
    let readable = crate::commands::block_on(readable(server, &lines, last))?;
    let took = crate::commands::block_on(meter.end(server, &WATCH))?;
    let figures = Sent {
        kind: "carbon",
        to: to.to_string(),
        seconds,
        sent,
        packets: None,
        failed: 0,
        readable_after_seconds: Some(readable.as_secs_f64()),
    };
    Ok(report::load(&figures, &took))
}

/// What lines are made of.
struct Lines {
    prefix: String,
    names: Texts,
    values: Texts,
    /// Of the first round; `None`: every round carries the present second.
    first_second: Option<i64>,
}

/// A series, by number, and the second of its last point.
type Last = Option<(usize, i64)>;

impl Lines {
    fn new(series: u64, prefix: &str, age_seconds: i64) -> Lines {
        Lines {
            prefix: prefix.to_owned(),
            names: Texts::new(series, |index| names::name(prefix, index)),
            values: Texts::new(VALUES, |index| format!(" {}.{} ", index % 89, index % 10)),
            first_second: (age_seconds > 0).then(|| SystemClock.now().0 - age_seconds),
        }
    }

    /// `None`: the rounds have come up to the present.
    fn second(&self, round: u64) -> Option<i64> {
        let now = SystemClock.now().0;
        match self.first_second {
            None => Some(now),
            Some(first) => Some(first + round as i64).filter(|second| *second <= now),
        }
    }

    fn push(&self, series: usize, round: u64, second: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(self.names.get(series));
        out.extend_from_slice(self.values.get(((series as u64 * 31 + round * 17) % VALUES) as usize));
        out.extend_from_slice(second.as_bytes());
        out.push(b'\n');
    }
}

fn all_connections(lines: &Lines, to: SocketAddr, pace: Pace, count: u64) -> Result<(u64, Last), Failure> {
    let series = lines.names.len();
    let count = count.min(series as u64);
    let part = |index: u64| series * index as usize / count as usize;
    let each = super::on_threads(count, |index| {
        one_connection(lines, part(index)..part(index + 1), to, pace.share(index, count))
    })?;
    let last = each.iter().find_map(|(_, last)| *last);
    Ok((each.iter().map(|(sent, _)| sent).sum(), last))
}

/// Rounds over its own series, in their order.
fn one_connection(
    lines: &Lines,
    series: std::ops::Range<usize>,
    to: SocketAddr,
    pace: Pace,
) -> Result<(u64, Last), Failure> {
    let doing = || Failure::doing(format!("send to {to}"));
    let mut stream = TcpStream::connect(to).map_err(doing())?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(doing())?;
    let mut out: Vec<u8> = Vec::with_capacity(2 * WRITE_BYTES);
    let (mut next, mut round, mut last) = (series.start, 0, None);
    let mut second = (0, String::new());
    let sent = pace.run(|due| {
        for went in 0..due {
            if next == series.start {
                let Some(now) = lines.second(round) else { return Ok((went, Next::Done)) };
                second = (now, now.to_string());
            }
            lines.push(next, round, &second.1, &mut out);
            last = Some((next, second.0));
            next += 1;
            if next == series.end {
                (next, round) = (series.start, round + 1);
            }
        }
        // A slow load goes out at once, a fast one in large pieces.
        if pace.rate > 0 || out.len() >= WRITE_BYTES {
            stream.write_all(&out).map_err(doing())?;
            out.clear();
        }
        Ok((due, Next::More))
    })?;
    stream.write_all(&out).map_err(doing())?;
    Ok((sent, last))
}

/// Asks for the last point until it is there.
async fn readable(server: &Server, lines: &Lines, last: Last) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let Some((series, second)) = last else { return Ok(Duration::ZERO) };
    let name = names::name(&lines.prefix, series as u64);
    let mut session = server.session().await?;
    loop {
        let rows = meter::render(&mut session, &[&name], second - 1, second + 1).await?;
        if rows.iter().any(|row| holds(row, second)) {
            return Ok(begun.elapsed());
        }
        if begun.elapsed() > READABLE_PATIENCE {
            let seconds = READABLE_PATIENCE.as_secs();
            return Err(Failure::new(format!("the last point of {name} cannot be read after {seconds} s")));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Is there a value in the slot of this second? One slot may stand for many seconds.
fn holds(row: &Row, second: i64) -> bool {
    let slot = row.datapoints.iter().rev().find(|(_, start)| *start <= second);
    // A slot is asked for by the second before it, so that a coarse one may begin after the point.
    slot.or(row.datapoints.first()).is_some_and(|(value, _)| value.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn the_slot_of_a_second() {
        let check = |datapoints: &[(Option<f64>, i64)], expected: bool| {
            let row = Row { target: "a".into(), datapoints: datapoints.to_vec() };
            assert_eq!(holds(&row, 100), expected, "{datapoints:?}");
        };
        check(&[(Some(1.0), 100)], true);
        check(&[(Some(1.0), 99), (None, 100)], false);
        check(&[(None, 99), (Some(1.0), 100), (None, 101)], true);
        check(&[(Some(1.0), 90), (None, 110)], true);
        check(&[], false);
    }

    #[test]
    fn rounds_are_a_second_apart_and_end_at_the_present() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let lines = Lines::new(3, "p", 9);
        let pace = Pace { rate: 0, duration: Duration::from_secs(60) };
        let (sent, last) = all_connections(&lines, to, pace, 1).unwrap();
        let mut text = String::new();
        listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
        let seconds: Vec<i64> =
            text.lines().map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
        assert_eq!((sent as usize, seconds.len() % 3), (seconds.len(), 0));
        assert!(seconds.len() >= 30, "{text}");
        assert!(
            seconds.chunks(3).zip(lines.first_second.unwrap()..).all(|(round, second)| round == [second; 3])
        );
        assert_eq!(last, Some((2, *seconds.last().unwrap())));
        assert!(text.starts_with("p.host0.service0.metric0 "), "{text}");
    }

    #[test]
    fn connections_share_the_series() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let to = listener.local_addr().unwrap();
        let lines = Lines::new(5, "p", 0);
        let pace = Pace { rate: 1_000, duration: Duration::from_millis(100) };
        let (sent, _) = all_connections(&lines, to, pace, 2).unwrap();
        let mut names = std::collections::HashSet::new();
        let mut arrived = 0;
        for _ in 0..2 {
            let mut text = String::new();
            listener.accept().unwrap().0.read_to_string(&mut text).unwrap();
            arrived += text.lines().count() as u64;
            names.extend(text.lines().map(|line| line.split(' ').next().unwrap().to_owned()));
        }
        assert_eq!((arrived, names.len()), (sent, 5));
    }
}
