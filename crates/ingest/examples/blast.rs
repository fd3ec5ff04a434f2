//! The load that Bellwether and its peers are compared under, no longer than told, on this machine only.
//!
//! `blast udp ADDRESS RATE SECONDS [NAMES] [METRICS PER PACKET]`: StatsD, packets a second.
//! `blast tcp ADDRESS RATE SECONDS [NAMES]`: Carbon, lines a second; a rate of 0 is as fast as they are taken.
//! `blast rounds ADDRESS NAMES ROUNDS FROM STEP [KIND] [PAUSE]`: Carbon, each name once a round, in the same order;
//!    the first round's time is FROM, each further one is STEP seconds later and begins PAUSE seconds after the one
//!    before. KIND (`support/series.rs`) is also what the names begin with.
//! `blast file PATH NAMES ROUNDS FROM STEP [KIND]`: the same lines into a file, for a sender that costs nothing.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

#[path = "support/cpu.rs"]
mod cpu;
#[path = "support/series.rs"]
mod series;

use series::{Kind, Series};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Nobody needs to send for longer to learn something.
const SECONDS_MAX: u64 = 600;
const WRITE_BYTES: usize = 64 * 1024;
const USAGE: &str = "usage: blast udp|tcp ADDRESS RATE SECONDS [NAMES] [METRICS PER PACKET]
       blast rounds ADDRESS NAMES ROUNDS FROM STEP [KIND] [PAUSE]
       blast file PATH NAMES ROUNDS FROM STEP [KIND]";

struct Arguments(Vec<String>);

impl Arguments {
    fn at<T: FromStr>(&self, index: usize, default: Option<T>) -> Result<T, String> {
        let Some(text) = self.0.get(index) else { return default.ok_or_else(|| USAGE.to_owned()) };
        text.parse().map_err(|_| format!("`{text}` is not what is expected there\n{USAGE}"))
    }

    fn address(&self) -> Result<SocketAddr, String> {
        let address: SocketAddr = self.at(1, None)?;
        let here = address.ip().is_loopback();
        if here { Ok(address) } else { Err("only a server on this machine is loaded".into()) }
    }
}

fn main() -> Outcome {
    let arguments = Arguments(std::env::args().skip(1).collect());
    match arguments.0.first().map(String::as_str) {
        Some("udp") => udp(arguments.address()?, &Pace::new(&arguments)?, arguments.at(5, Some(1))?),
        Some("tcp") => tcp(arguments.address()?, &Pace::new(&arguments)?),
        Some("rounds") => rounds(TcpStream::connect(arguments.address()?)?, &arguments),
        Some("file") => rounds(File::create(arguments.at(1, None::<String>)?)?, &arguments),
        _ => Err(USAGE.into()),
    }
}

struct Pace {
    rate: u64,
    duration: Duration,
    names: u64,
}

impl Pace {
    fn new(arguments: &Arguments) -> Result<Pace, String> {
        Ok(Pace {
            rate: arguments.at(2, None)?,
            duration: Duration::from_secs(arguments.at::<u64>(3, None)?.min(SECONDS_MAX)),
            names: arguments.at::<u64>(4, Some(1_000))?.max(1),
        })
    }

    /// Calls `send` for each, spread over the time in steps of a millisecond.
    fn run(&self, mut send: impl FnMut(u64)) -> u64 {
        let begun = Instant::now();
        let mut sent = 0;
        loop {
            let elapsed = begun.elapsed();
            if elapsed >= self.duration {
                return sent;
            }
            let wanted = match self.rate {
                0 => sent + 1_000,
                rate => (elapsed.as_secs_f64() * rate as f64) as u64,
            };
            while sent < wanted {
                send(sent);
                sent += 1;
            }
            if self.rate > 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}

fn udp(address: SocketAddr, pace: &Pace, metrics_per_packet: u64) -> Outcome {
    let socket = UdpSocket::bind((address.ip(), 0))?;
    socket.connect(address)?;
    let packets: Vec<Vec<u8>> = (0..pace.names)
        .map(|name| {
            let metric = |n| format!("bench.service{}.counter{}:1|c", n % 7, n % pace.names);
            let metrics: Vec<_> = (0..metrics_per_packet).map(|n| metric(name + n)).collect();
            metrics.join("\n").into_bytes()
        })
        .collect();
    let mut failed = 0;
    let sent = pace.run(|n| {
        let packet = &packets[n as usize % packets.len()];
        failed += u64::from(socket.send(packet).is_err());
    });
    let metrics = sent * metrics_per_packet;
    println!("packets {sent} metrics {metrics} failed {failed} cpu_seconds {:.3}", cpu::seconds());
    Ok(())
}

/// Lines in the order of their names, one point of each a second, as a relay or a collector sends them.
fn tcp(address: SocketAddr, pace: &Pace) -> Outcome {
    let mut lines = Lines::to(TcpStream::connect(address)?);
    let mut series = Series::new(Kind::Ramp, pace.names as usize);
    let names = names("bench", pace.names as usize);
    let mut failure = None;
    let sent = pace.run(|n| {
        let (round, name) = (n / pace.names, (n % pace.names) as usize);
        let time = 1_700_000_000 + round as i64;
        let sent = lines.push(&names[name], &mut series, name, round, &time.to_string());
        failure = sent.err().or(failure.take());
    });
    lines.finish()?;
    println!("lines {sent} failed {} cpu_seconds {:.3}", u8::from(failure.is_some()), cpu::seconds());
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}

fn rounds(out: impl Write + 'static, arguments: &Arguments) -> Outcome {
    let (count, rounds): (usize, u64) = (arguments.at(2, None)?, arguments.at(3, None)?);
    let (from, step): (i64, i64) = (arguments.at(4, None)?, arguments.at(5, None)?);
    let kind: Kind = arguments.at(6, Some(Kind::Ramp))?;
    let pause = Duration::from_secs(arguments.at(7, Some(0))?);
    let names = names(arguments.0.get(6).map_or("ramp", String::as_str), count);
    let (mut lines, mut series) = (Lines::to(out), Series::new(kind, count));
    let begun = Instant::now();
    for round in 0..rounds {
        thread::sleep((pause * round as u32).saturating_sub(begun.elapsed()));
        if begun.elapsed().as_secs() > SECONDS_MAX {
            return Err("takes too long".into());
        }
        let time = (from + round as i64 * step).to_string();
        for (index, name) in names.iter().enumerate() {
            lines.push(name, &mut series, index, round, &time)?;
        }
        if !pause.is_zero() {
            lines.flush()?;
        }
    }
    let lines = lines.finish()?;
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "lines {lines} seconds {seconds:.3} entropy {:.4} cpu_seconds {:.3}",
        series.entropy(),
        cpu::seconds()
    );
    Ok(())
}

/// As long and as deep as names usually are.
fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}.host{}.service{}.metric{n:04}", n / 70, n / 10 % 7)).collect()
}

struct Lines {
    out: Box<dyn Write>,
    text: String,
    count: u64,
}

impl Lines {
    fn to(out: impl Write + 'static) -> Lines {
        Lines { out: Box::new(out), text: String::new(), count: 0 }
    }

    fn push(
        &mut self,
        name: &str,
        series: &mut Series,
        index: usize,
        round: u64,
        time: &str,
    ) -> std::io::Result<()> {
        let before = self.text.len();
        self.text.push_str(name);
        self.text.push(' ');
        if !series.next(index, round, &mut self.text) {
            self.text.truncate(before);
            return Ok(());
        }
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, " {time}");
        self.count += 1;
        if self.text.len() > WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    /// How many were sent.
    fn finish(mut self) -> std::io::Result<u64> {
        self.flush()?;
        Ok(self.count)
    }
}
