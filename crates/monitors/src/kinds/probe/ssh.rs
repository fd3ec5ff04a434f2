//! `type = "ssh"`: a server says that it speaks SSH, and which one it is.

use std::time::Instant;

use super::limits::BANNER_BYTES_MAX;
use super::seen::{CRITICAL, Seen, WARNING};
use super::{Asked, Probe, Trouble, keys, tcp, text};
use crate::config::{CheckConfig, CheckType};

pub const PROBE: Probe = Probe {
    kind: CheckType::Ssh,
    name: "ssh",
    keys: &["address", "port", "contains", "not_contains", "matches"],
    required: &[],
    main: "time",
    problems,
    look: |asked| Box::pin(look(asked)),
};

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let begun = Instant::now();
    let mut connection = tcp::connect(asked, asked.check.port.unwrap_or(22), false).await?;
    let said = connection.read_until(BANNER_BYTES_MAX, asked.deadline, |got| banner(got).is_some()).await?;
    let Some(banner) = banner(&said) else {
        return Err(Trouble::critical(format!("it does not speak SSH: {}", said_or_nothing(&said))));
    };
    // Polite: a server that is left without a word writes that into its log.
    let _ = connection.send(b"SSH-2.0-bellwether\r\n", asked.deadline).await;
    let mut seen = Seen::new(text::excerpt(banner));
    seen.time(begun.elapsed().as_secs_f64());
    if !banner.starts_with(b"SSH-2.") && !banner.starts_with(b"SSH-1.99") {
        seen.problem(CRITICAL, "it speaks only the first version of SSH, which is not safe");
    }
    tcp::judge(asked.check, banner, &mut seen);
    let line = String::from_utf8_lossy(banner);
    for pattern in &asked.check.matches {
        if !keys::regex(pattern).is_ok_and(|regex| regex.is_match(&line)) {
            // As check_ssh has it: it runs, and is another one.
            seen.problem(WARNING, format!("the banner does not match {pattern}"));
        }
    }
    Ok(seen)
}

/// A server may say other lines before it.
fn banner(said: &[u8]) -> Option<&[u8]> {
    let end = said.iter().rposition(|byte| *byte == b'\n')?;
    said[..end]
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .find(|line| line.starts_with(b"SSH-"))
}

pub fn said_or_nothing(said: &[u8]) -> String {
    if said.is_empty() { "it closed without a word".into() } else { text::excerpt(said) }
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    check.matches.iter().filter_map(|pattern| Some(("matches", keys::regex(pattern).err()?))).collect()
}
