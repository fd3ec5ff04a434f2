//! `type = "smtp"`: a mail server greets, knows EHLO and, if wanted, goes over to TLS with a certificate that will last.

use std::time::Instant;

use outbound::{Connection, Deadline};

use super::limits::BANNER_BYTES_MAX;
use super::seen::{CRITICAL, Seen, WARNING};
use super::{Asked, Probe, Trouble, keys, ssh, tcp, text, tls};
use crate::config::CheckType;

pub const PROBE: Probe = Probe {
    kind: CheckType::Smtp,
    name: "smtp",
    keys: &[
        "address",
        "port",
        "tls",
        "starttls",
        "ca_file",
        "verify",
        "tls_name",
        "contains",
        "not_contains",
    ],
    required: &[],
    main: "time",
    problems: keys::nothing,
    look: |asked| Box::pin(look(asked)),
};

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let check = asked.check;
    let begun = Instant::now();
    let encrypted = check.tls == Some(true);
    let port = check.port.unwrap_or(if encrypted { 465 } else { 25 });
    let mut connection = tcp::connect(asked, port, encrypted).await?;
    let greeting = answer(&mut connection, asked.deadline).await?.expect(220, "the greeting")?;
    let mut hello =
        ask(&mut connection, "EHLO bellwether.invalid", asked.deadline).await?.expect(250, "EHLO")?;
    let mut seen = Seen::new(text::excerpt(greeting.text.as_bytes()));
    tcp::judge(check, greeting.text.as_bytes(), &mut seen);
    if check.starttls == Some(true) {
        if !hello.text.lines().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
            // As check_smtp has it.
            seen.problem(WARNING, "it does not offer STARTTLS");
        } else {
            ask(&mut connection, "STARTTLS", asked.deadline).await?.expect(220, "STARTTLS")?;
            connection = connection.encrypt(asked.egress, &tls::options(check), asked.deadline).await?;
            hello = ask(&mut connection, "EHLO bellwether.invalid", asked.deadline)
                .await?
                .expect(250, "EHLO over TLS")?;
        }
    }
    seen.time(begun.elapsed().as_secs_f64());
    if let Some(shown) = &connection.tls {
        tls::expiry(shown, asked.now, &mut seen);
    }
    seen.details
        .push(format!("offers {}", text::line(&hello.text.lines().skip(1).collect::<Vec<_>>().join(", "))));
    let _ = connection.send(b"QUIT\r\n", asked.deadline).await;
    Ok(seen)
}

struct Answer {
    code: u16,
    text: String,
}

impl Answer {
    fn expect(self, code: u16, what: &str) -> Result<Answer, Trouble> {
        if self.code == code {
            return Ok(self);
        }
        // As check_smtp has it: somebody is there, and says no.
        let text = format!("{what} is answered {} {}", self.code, text::excerpt(self.text.as_bytes()));
        Err(Trouble { status: WARNING, text })
    }
}

async fn ask(connection: &mut Connection, command: &str, deadline: Deadline) -> Result<Answer, Trouble> {
    connection.send(format!("{command}\r\n").as_bytes(), deadline).await?;
    answer(connection, deadline).await.map_err(|trouble| trouble.while_doing(command))
}

/// Lines of one code; a space behind it marks the last.
async fn answer(connection: &mut Connection, deadline: Deadline) -> Result<Answer, Trouble> {
    let said = connection
        .read_until(BANNER_BYTES_MAX, deadline, |got| parse(got).is_some() || is_strange(got))
        .await?;
    let status = if said.is_empty() { CRITICAL } else { WARNING };
    let strange = || format!("it does not speak SMTP: {}", ssh::said_or_nothing(&said));
    parse(&said).ok_or_else(|| Trouble { status, text: strange() })
}

/// Its first line has no code: nothing that follows would make an answer of it.
fn is_strange(said: &[u8]) -> bool {
    let line = said.iter().position(|byte| *byte == b'\n').map(|end| &said[..end]);
    line.is_some_and(|line| !line.get(..3).is_some_and(|code| code.iter().all(u8::is_ascii_digit)))
}

fn parse(said: &[u8]) -> Option<Answer> {
    let said = String::from_utf8_lossy(said);
    let whole = &said[..said.rfind('\n')?];
    let mut text = Vec::new();
    for line in whole.lines() {
        let code = line.get(..3)?.parse().ok()?;
        text.push(line.get(4..).unwrap_or_default().trim_end());
        if line.as_bytes().get(3) != Some(&b'-') {
            return Some(Answer { code, text: text.join("\n") });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{is_strange, parse};

    #[test]
    fn answers_end_with_their_last_line() {
        let check = |said: &str, expected: Option<(u16, &str)>| {
            let answer = parse(said.as_bytes());
            assert_eq!(answer.as_ref().map(|answer| (answer.code, answer.text.as_str())), expected, "{said}");
        };
        check("220 mail ESMTP\r\n", Some((220, "mail ESMTP")));
        check("250-mail\r\n250-STARTTLS\r\n250 SIZE 1\r\n", Some((250, "mail\nSTARTTLS\nSIZE 1")));
        check("250-mail\r\n250-STARTTLS\r\n", None);
        check("220 mail", None);
        check("554\r\n", Some((554, "")));
        check("SSH-2.0-x\r\n", None);
        check("ü\r\n", None);
        assert!(
            is_strange(b"SSH-2.0-x\r\n")
                && is_strange(b"\n")
                && !is_strange(b"SSH")
                && !is_strange(b"250-x\r\n")
        );
    }
}
