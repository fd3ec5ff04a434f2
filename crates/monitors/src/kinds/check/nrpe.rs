//! `type = "nrpe"`: asks an NRPE server, as check_nrpe does.
//!
//! Begins with packets of version 4 and goes back to 3 and 2 when the server hangs up without an answer; which one it
//! was is remembered for the next time. Over TLS by default. As with check_nrpe a certificate is looked at only if
//! `ca_file` or `verify = true` asks for it: NRPE servers show ones that nobody signed, and who is asked is decided by
//! the address.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use formats::nagios::plugin_output::Text;
use formats::nrpe::{self, AnswerError, Version};
use outbound::connection::Target;
use outbound::{Connection, Deadline, Egress, Failure, Kind, tls};
use parking_lot::Mutex;

use super::limits;
use crate::Outcome;
use crate::config::CheckConfig;

const PORT: u16 = 5666;
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;
const OLDER: [Version; 3] = [Version::V4, Version::V3, Version::V2];
/// Asks a server for its version instead of running something.
const NO_QUERY: &str = "_NRPE_CHECK";

/// Which version each server understood.
#[derive(Debug, Default)]
pub struct Known(Mutex<HashMap<String, Version>>);

/// What is wrong with the keys of a check of this type.
pub fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    if let Some(Err(why)) = check.nrpe_version.map(Version::try_from) {
        problems.push(("nrpe_version", why));
    }
    let query = check.query.as_deref().unwrap_or(NO_QUERY);
    let version = check.nrpe_version.and_then(|number| Version::try_from(number).ok());
    let most = nrpe::query_bytes_max(version.unwrap_or(Version::V4));
    if query.is_empty() || query.len() > most || query.contains('\0') {
        let why = format!(
            "write the name of a command in the server's nrpe.cfg, at most {most} bytes with its arguments, such as \"check_load\" or \"check_disk!10%!5%\""
        );
        problems.push(("query", why));
    }
    problems
}

pub async fn ask(
    check: &CheckConfig,
    address: &str,
    egress: &Egress,
    known: &Known,
    timeout: Duration,
) -> Outcome {
    let began = Instant::now();
    let asking = Asking {
        target: Target::new(address, check.port.unwrap_or(PORT)),
        query: check.query.as_deref().unwrap_or(NO_QUERY),
        tls: (check.tls != Some(false)).then(|| tls_options(check)),
        egress,
        deadline: Deadline::after(timeout),
    };
    let asked = match check.nrpe_version.and_then(|number| Version::try_from(number).ok()) {
        Some(version) => asking.once(version).await,
        None => asking.any_version(known).await,
    };
    let outcome = match asked {
        Ok((result, text)) => said(result, &text),
        Err(trouble) => trouble.outcome(&asking, timeout),
    };
    Outcome { active: true, seconds: began.elapsed().as_secs_f64(), ..outcome }
}

fn tls_options(check: &CheckConfig) -> tls::Options {
    let verified = check.ca_file.is_some() || check.verify == Some(true);
    tls::Options {
        authorities: check.ca_file.clone(),
        accept_any: !verified || check.verify == Some(false),
        name: check.tls_name.clone(),
        protocols: &[],
    }
}

/// As check_nrpe: what is none of the four states is UNKNOWN.
fn said(result: i16, text: &[u8]) -> Outcome {
    let text = Text::of_streams(text, b"");
    Outcome {
        status: u8::try_from(result).ok().filter(|status| *status <= UNKNOWN).unwrap_or(UNKNOWN),
        output: text.output,
        long_output: text.long_output,
        perfdata: text.perfdata,
        ..Outcome::default()
    }
}

struct Asking<'a> {
    target: Target<'a>,
    query: &'a str,
    tls: Option<tls::Options>,
    egress: &'a Egress,
    deadline: Deadline,
}

#[derive(Debug)]
enum Trouble {
    /// Not reached at all.
    Connect(Failure),
    Tls(Failure),
    /// It hung up without a word: it does not know the version, the command's arguments, or us.
    HungUp,
    Answer(Failure),
    Wrong(AnswerError),
}

impl Asking<'_> {
    async fn any_version(&self, known: &Known) -> Result<(i16, Vec<u8>), Trouble> {
        let name = self.target.to_string();
        let before = known.0.lock().get(&name).copied();
        let first = before.unwrap_or(Version::V4);
        let mut trouble = Trouble::HungUp;
        let fits = |version: &Version| self.query.len() <= nrpe::query_bytes_max(*version);
        for version in OLDER.into_iter().filter(|version| *version <= first).filter(fits) {
            match self.once(version).await {
                Ok(answer) => {
                    known.note(name, version);
                    return Ok(answer);
                }
                Err(why @ (Trouble::HungUp | Trouble::Wrong(AnswerError::Version(_)))) => trouble = why,
                Err(why) => return Err(why),
            }
        }
        // It may be another server by now.
        known.0.lock().remove(&name);
        Err(trouble)
    }

    async fn once(&self, version: Version) -> Result<(i16, Vec<u8>), Trouble> {
        let connection = Connection::open(self.egress, self.target, self.deadline).await;
        let mut connection = connection.map_err(Trouble::Connect)?;
        if let Some(options) = &self.tls {
            connection =
                connection.encrypt(self.egress, options, self.deadline).await.map_err(Trouble::Tls)?;
        }
        // A server that does not want us may be gone before it has read all.
        if let Err(failure) = connection.send(&nrpe::query(version, self.query), self.deadline).await {
            return Err(if failure.kind == Kind::Late { Trouble::Answer(failure) } else { Trouble::HungUp });
        }
        self.answer(&mut connection).await
    }

    async fn answer(&self, connection: &mut Connection) -> Result<(i16, Vec<u8>), Trouble> {
        let mut got = Vec::new();
        loop {
            let wanted = match nrpe::answer(&got) {
                Ok(answer) => return Ok((answer.result, answer.text.to_vec())),
                Err(AnswerError::More(wanted)) => wanted,
                Err(wrong) => return Err(Trouble::Wrong(wrong)),
            };
            let more = connection.read(wanted - got.len(), self.deadline).await;
            match more {
                Ok(more) if !more.is_empty() => got.extend(more),
                Err(failure) if failure.kind == Kind::Late => return Err(Trouble::Answer(failure)),
                _ if got.is_empty() => return Err(Trouble::HungUp),
                Ok(_) => return Err(Trouble::Wrong(AnswerError::More(wanted))),
                Err(failure) => return Err(Trouble::Answer(failure)),
            }
        }
    }
}

impl Known {
    fn note(&self, name: String, version: Version) {
        let mut known = self.0.lock();
        if known.len() >= limits::NRPE_SERVERS_MAX {
            known.clear();
        }
        known.insert(name, version);
    }
}

impl Trouble {
    fn outcome(self, asking: &Asking<'_>, timeout: Duration) -> Outcome {
        let to = asking.target;
        // check_nrpe: what is not reached, or not in time, is CRITICAL; what is not understood UNKNOWN.
        let (status, output) = match self {
            Trouble::Connect(failure) | Trouble::Answer(failure) if failure.kind == Kind::Late => {
                (CRITICAL, format!("NRPE: no answer from {to} within {} s", timeout.as_secs_f64()))
            }
            Trouble::Connect(failure) => (CRITICAL, format!("NRPE: {failure}")),
            Trouble::Tls(failure) => (CRITICAL, tls_trouble(&failure, to)),
            Trouble::HungUp => (UNKNOWN, hung_up(asking)),
            Trouble::Answer(failure) => (UNKNOWN, format!("NRPE: {to}: {failure}")),
            Trouble::Wrong(wrong) => (UNKNOWN, format!("NRPE: {to}: {wrong}")),
        };
        Outcome { status, output, ..Outcome::default() }
    }
}

/// Servers without a certificate, as Debian installs them, offer only anonymous Diffie-Hellman, which TLS libraries have
/// given up: anybody can stand in the middle of it.
fn tls_trouble(failure: &Failure, to: Target<'_>) -> String {
    format!(
        "NRPE: {to}: {failure}. A server without a certificate offers only anonymous Diffie-Hellman, which is not spoken here: \
         give it one (ssl_cert_file and ssl_privatekey_file in its nrpe.cfg), or run nrpe with -n and write tls = false \
         on a trusted network, or write type = \"plugin\" with check_nrpe as command"
    )
}

fn hung_up(asking: &Asking<'_>) -> String {
    let why = if asking.query.contains('!') {
        "does it take arguments (dont_blame_nrpe=1, and a build that allows them), and us (allowed_hosts)?"
    } else if asking.tls.is_none() {
        "does it want TLS (leave tls out), and us (allowed_hosts in its nrpe.cfg)?"
    } else {
        "does it take us (allowed_hosts in its nrpe.cfg)?"
    };
    format!("NRPE: {} hung up without an answer: {why}", asking.target)
}
