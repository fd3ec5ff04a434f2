//! `type = "dns"`: a name server answers, with what it should.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use outbound::connection::{Target, resolve};
use outbound::{Connection, Failure};
use tokio::net::UdpSocket;

use super::seen::{CRITICAL, Seen};
use super::wire::dns::{self, Answer};
use super::{Asked, Probe, Trouble, text};
use crate::config::{CheckConfig, CheckType};

pub const PROBE: Probe = Probe {
    kind: CheckType::Dns,
    name: "dns",
    keys: &["query", "record", "server", "port", "contains", "not_contains"],
    required: &["query"],
    main: "time",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// A datagram may be lost: asked again this often within the check's time.
const TRIES: u32 = 3;
const DATAGRAM_BYTES_MAX: usize = 64 << 10;

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let check = asked.check;
    let (name, kind) = wanted(check).map_err(Trouble::unknown)?;
    let question =
        dns::question(id()?, &name, kind).ok_or_else(|| Trouble::unknown(format!("`{name}` is no name")))?;
    let begun = Instant::now();
    let (answer, server) = ask(asked, &question).await?;
    let mut seen = Seen::new(summary(check, &answer, server));
    seen.time(begun.elapsed().as_secs_f64());
    seen.value("answers", answer.records.len() as f64, "").min = Some(0.0);
    if let Some(ttl) = answer.records.iter().map(|(_, ttl)| ttl).min() {
        seen.value("ttl", f64::from(*ttl), "s");
    }
    judge(check, &answer, &mut seen);
    Ok(seen)
}

fn record(check: &CheckConfig) -> &str {
    check.record.as_deref().unwrap_or("A")
}

/// The name and the type of its record. An address is asked for by its reverse name.
fn wanted(check: &CheckConfig) -> Result<(String, u16), String> {
    let record = record(check).to_uppercase();
    let known = || dns::TYPES.map(|(name, _)| name).join(", ");
    let kind = dns::TYPES.iter().find(|(name, _)| *name == record).map(|(_, kind)| *kind);
    let kind =
        kind.ok_or_else(|| format!("`{record}` is no type of records that can be asked for: {}", known()))?;
    let query = check.query.as_deref().unwrap_or_default();
    let name = match query.parse::<IpAddr>() {
        Ok(address) if record == "PTR" => dns::reverse(address),
        _ => query.to_owned(),
    };
    if dns::question(0, &name, kind).is_none() {
        return Err(format!("`{query}` is no name such as \"example.org\""));
    }
    Ok((name, kind))
}

/// Not to be guessed by whoever would like to answer in the server's place.
fn id() -> Result<u16, Trouble> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).map_err(|error| Trouble::unknown(error.to_string()))?;
    Ok(u16::from_be_bytes(bytes))
}

async fn ask(asked: &Asked<'_>, question: &[u8]) -> Result<(Answer, SocketAddr), Trouble> {
    let host = match &asked.check.server {
        Some(server) => server.clone(),
        None => system_server()?,
    };
    let target = Target::new(&host, asked.check.port.unwrap_or(53));
    let servers = resolve(asked.egress, target, asked.deadline).await?;
    let server = *servers.first().ok_or_else(|| Trouble::critical(format!("{host} has no address")))?;
    let answer = by_datagram(asked, question, server).await?;
    if !answer.is_cut {
        return Ok((answer, server));
    }
    Ok((by_stream(asked, question, target).await?, server))
}

async fn by_datagram(asked: &Asked<'_>, question: &[u8], server: SocketAddr) -> Result<Answer, Trouble> {
    let doing = format!("ask {server}");
    let failed = |error: std::io::Error| Failure::of_io(&doing, &error);
    let any: IpAddr = if server.is_ipv4() { [0, 0, 0, 0].into() } else { [0u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    // Only what this server sends is received.
    socket.connect(server).await.map_err(failed)?;
    let each = asked.deadline.left() / TRIES;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    for _ in 0..TRIES {
        socket.send(question).await.map_err(failed)?;
        let heard = tokio::time::timeout(each, async {
            loop {
                let count = socket.recv(&mut buffer).await?;
                if let Some(answer) = dns::answer(question, &buffer[..count]) {
                    return Ok(answer);
                }
            }
        });
        if let Ok(answer) = heard.await {
            return Ok(answer.map_err(failed)?);
        }
    }
    Err(Trouble::critical(format!("{doing}: no answer, asked {TRIES} times")))
}

/// The same with its length in front.
async fn by_stream(asked: &Asked<'_>, question: &[u8], target: Target<'_>) -> Result<Answer, Trouble> {
    let mut connection = Connection::open(asked.egress, target, asked.deadline).await?;
    let mut message = (question.len() as u16).to_be_bytes().to_vec();
    message.extend(question);
    connection.send(&message, asked.deadline).await?;
    let length = connection.read_exact(2, asked.deadline).await?;
    let length = usize::from(length[0]) << 8 | usize::from(length[1]);
    let answer = connection.read_exact(length, asked.deadline).await?;
    dns::answer(question, &answer).ok_or_else(|| Trouble::critical("what came over TCP is no answer"))
}

/// The first that the machine itself asks.
fn system_server() -> Result<String, Trouble> {
    use std::io::Read;
    const ENOUGH: u64 = 64 << 10;
    let mut text = String::new();
    let read =
        std::fs::File::open("/etc/resolv.conf").and_then(|file| file.take(ENOUGH).read_to_string(&mut text));
    read.map_err(|error| Trouble::unknown(format!("/etc/resolv.conf: {error}; name a server")))?;
    let server = text.lines().find_map(|line| line.trim().strip_prefix("nameserver"));
    let server = server.map(|server| server.trim().to_owned()).filter(|server| !server.is_empty());
    server.ok_or_else(|| Trouble::unknown("/etc/resolv.conf names no server: name one with server"))
}

fn summary(check: &CheckConfig, answer: &Answer, server: SocketAddr) -> String {
    let query = check.query.as_deref().unwrap_or_default();
    let records: Vec<&str> = answer.records.iter().map(|(text, _)| text.as_str()).collect();
    text::line(&format!("{query} {} {} (says {})", record(check), records.join(", "), server.ip()))
}

fn judge(check: &CheckConfig, answer: &Answer, seen: &mut Seen) {
    if answer.code != 0 {
        seen.problem(CRITICAL, dns::code_name(answer.code));
        return;
    }
    if answer.records.is_empty() {
        seen.problem(CRITICAL, format!("the name has no {} record", record(check)));
    }
    let has = |wanted: &String| answer.records.iter().any(|(text, _)| is_same(text, wanted));
    for wanted in check.contains.iter().filter(|wanted| !has(wanted)) {
        seen.problem(CRITICAL, format!("{wanted} is not among the answers"));
    }
    for unwanted in check.not_contains.iter().filter(|unwanted| has(unwanted)) {
        seen.problem(CRITICAL, format!("{unwanted} is among the answers"));
    }
}

/// Case and the dot at the end do not count, nor does the number before a mail server.
fn is_same(answer: &str, wanted: &str) -> bool {
    let bare = |text: &str| text.trim().trim_end_matches('.').to_lowercase();
    let (answer, wanted) = (bare(answer), bare(wanted));
    let same_address = answer.parse::<IpAddr>().is_ok_and(|address| wanted.parse() == Ok(address));
    same_address || answer == wanted || answer.rsplit(' ').next() == Some(&wanted)
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let known = |name: &str| dns::TYPES.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let key = if known(record(check)) { "query" } else { "record" };
    wanted(check).err().map(|why| (key, why)).into_iter().collect()
}
