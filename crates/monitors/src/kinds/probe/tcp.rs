//! `type = "tcp"`: a port takes connections and, if asked, says what it should.

use std::time::Instant;

use outbound::Connection;
use outbound::connection::Target;

use super::limits::BANNER_BYTES_MAX;
use super::seen::{CRITICAL, Seen};
use super::{Asked, Probe, Trouble, keys, text, tls};
use crate::config::{CheckConfig, CheckType};

pub const PROBE: Probe = Probe {
    kind: CheckType::Tcp,
    name: "tcp",
    keys: &["address", "port", "tls", "ca_file", "verify", "tls_name", "send", "contains", "not_contains"],
    required: &["port"],
    main: "time",
    problems: keys::nothing,
    look: |asked| Box::pin(look(asked)),
};

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let check = asked.check;
    let begun = Instant::now();
    let mut connection = connect(asked, check.port.unwrap_or_default(), check.tls == Some(true)).await?;
    if let Some(send) = &check.send {
        connection.send(unescaped(send).as_bytes(), asked.deadline).await?;
    }
    let said = if is_waiting(check) { read(&mut connection, asked).await? } else { Vec::new() };
    let mut seen =
        Seen::new(format!("{} answers on port {}", connection.address.ip(), connection.address.port()));
    seen.time(begun.elapsed().as_secs_f64());
    judge(check, &said, &mut seen);
    if let Some(shown) = &connection.tls {
        tls::expiry(shown, asked.now, &mut seen);
    }
    Ok(seen)
}

/// The port of an address, encrypted if wanted.
pub async fn connect(asked: &Asked<'_>, port: u16, encrypted: bool) -> Result<Connection, Trouble> {
    let target = Target::new(asked.address()?, port);
    let connection = Connection::open(asked.egress, target, asked.deadline).await?;
    if !encrypted {
        return Ok(connection);
    }
    Ok(connection.encrypt(asked.egress, &tls::options(asked.check), asked.deadline).await?)
}

fn is_waiting(check: &CheckConfig) -> bool {
    !check.contains.is_empty() || !check.not_contains.is_empty()
}

/// Until it said all that it should, it closes, or it has said nothing more for a second.
async fn read(connection: &mut Connection, asked: &Asked<'_>) -> Result<Vec<u8>, Trouble> {
    let wanted = &asked.check.contains;
    let has_all = |got: &[u8]| !wanted.is_empty() && wanted.iter().all(|wanted| holds(got, wanted));
    let mut said = Vec::new();
    while said.len() < BANNER_BYTES_MAX && !has_all(&said) {
        match connection.read(4096, asked.deadline).await {
            Ok(more) if more.is_empty() => break,
            Ok(more) => said.extend(more),
            // What it said so far tells more than that it went on waiting for us.
            Err(_) if !said.is_empty() => break,
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(said)
}

pub fn holds(bytes: &[u8], wanted: &str) -> bool {
    wanted.is_empty() || bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

/// What should be in it, and what should not.
pub fn judge(check: &CheckConfig, said: &[u8], seen: &mut Seen) {
    for wanted in check.contains.iter().filter(|wanted| !holds(said, wanted)) {
        seen.problem(
            CRITICAL,
            format!("`{}` is not in the answer: {}", text::excerpt(wanted.as_bytes()), text::excerpt(said)),
        );
    }
    for unwanted in check.not_contains.iter().filter(|unwanted| holds(said, unwanted)) {
        seen.problem(CRITICAL, format!("`{}` is in the answer", text::excerpt(unwanted.as_bytes())));
    }
}

/// `\r\n` as people write it in single quotes, where TOML takes it literally.
fn unescaped(text: &str) -> String {
    text.replace("\\r", "\r").replace("\\n", "\n").replace("\\t", "\t")
}
