//! `type = "tls"`: whether a server shows a certificate that is trusted, is for its name, and will be for a while.

use std::time::Instant;

use outbound::tls::{Options, Shown};
use vocabulary::Timestamp;

use super::seen::{CRITICAL, Seen};
use super::{Asked, Probe, Trouble, keys, text};
use crate::config::{CheckConfig, CheckType, ThresholdConfig};

pub const PROBE: Probe = Probe {
    kind: CheckType::Tls,
    name: "tls",
    keys: &["address", "port", "ca_file", "verify", "tls_name"],
    required: &[],
    main: "certificate_days",
    problems: keys::nothing,
    look: |asked| Box::pin(look(asked)),
};

const SECONDS_A_DAY: f64 = 86_400.0;
/// Certificates of three months are renewed a month before their end; with two weeks left something is wrong with that.
const WARNING_DAYS: &str = "14:";
const CRITICAL_DAYS: &str = "3:";

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let begun = Instant::now();
    let options = Options { accept_any: true, ..options(asked.check) };
    let target = outbound::connection::Target::new(asked.address()?, asked.check.port.unwrap_or(443));
    let connection = outbound::Connection::open(asked.egress, target, asked.deadline).await?;
    let connection = connection.encrypt(asked.egress, &options, asked.deadline).await?;
    let shown = connection.tls.unwrap_or_default();
    let mut seen = Seen::new(summary(&shown));
    if let Some(problem) = shown.problem.as_ref().filter(|_| asked.check.verify != Some(false)) {
        seen.problem(CRITICAL, problem);
    }
    expiry(&shown, asked.now, &mut seen);
    seen.time(begun.elapsed().as_secs_f64());
    seen.details = shown.chain.iter().map(describe).collect();
    Ok(seen)
}

pub fn options(check: &CheckConfig) -> Options {
    Options {
        authorities: check.ca_file.clone(),
        accept_any: check.verify == Some(false),
        name: check.tls_name.clone(),
        protocols: &[],
    }
}

fn summary(shown: &Shown) -> String {
    let Some(leaf) = shown.chain.first() else {
        return format!("{}, no certificate that can be read", shown.protocol);
    };
    format!("{} for {} from {}", shown.protocol, leaf.common_name(), leaf.issuer_name())
}

fn describe(certificate: &outbound::certificate::Certificate) -> String {
    let until = date(certificate.valid_until);
    let names = certificate.names.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { String::new() } else { format!(" (for {names})") };
    text::line(&format!("{}{names}, issued by {}, until {until}", certificate.subject, certificate.issuer))
}

pub fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

/// The value `certificate_days`: of the chain's first end.
pub fn expiry(shown: &Shown, now: Timestamp, seen: &mut Seen) {
    let Some(first) = shown.first_to_end() else { return };
    let days = (first.valid_until - now.0) as f64 / SECONDS_A_DAY;
    let value = seen.value("certificate_days", (days * 100.0).round() / 100.0, "");
    value.default =
        ThresholdConfig { warning: Some(WARNING_DAYS.into()), critical: Some(CRITICAL_DAYS.into()) };
    let name = first.common_name();
    let words = if days < 0.0 { "ended" } else { "ends" };
    seen.details.push(text::line(&format!("the certificate of {name} {words} {}", date(first.valid_until))));
}
