//! What is said to the mail server (RFC 5321, 3207, 4954): one mail for one recipient, all of it within one deadline.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use outbound::connection::Target;
use outbound::{Connection, Deadline, Egress, tls};

use crate::config::{MailTls, Secret};
use crate::limits::{MAIL_ANSWER_BYTES, MAIL_TIMEOUT};
use crate::retry::Failure;

pub struct Server {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub ca_file: Option<PathBuf>,
    pub user: Option<(String, Secret)>,
}

struct Dialog {
    connection: Connection,
    deadline: Deadline,
    /// What came behind the last answer.
    rest: Vec<u8>,
}

struct Answer {
    code: u16,
    text: String,
}

impl Answer {
    /// There is no such mailbox, or it takes nothing (RFC 3463). Who may not send through this server at all is refused
    /// with other words, which say nothing of one recipient.
    fn is_of_mailbox(&self) -> bool {
        let enhanced = self.text.split_whitespace().next().unwrap_or_default();
        let of_sender = ["5.1.7", "5.1.8"].contains(&enhanced);
        (550..=553).contains(&self.code)
            && !of_sender
            && (enhanced.starts_with("5.1.") || enhanced.starts_with("5.2."))
    }
}

fn channel(why: impl Into<String>) -> Failure {
    Failure::Channel { why: why.into(), after: None }
}

const RECIPIENT: &str = "the recipient";

pub async fn deliver(
    server: &Server,
    from: &str,
    to: &str,
    mail: &[u8],
    egress: &Egress,
) -> Result<(), Failure> {
    let deadline = Deadline::after(MAIL_TIMEOUT);
    let mut dialog = Dialog::open(server, egress, deadline).await?;
    let refused = |answer: Answer, what: &str| {
        let why = format!("the mail server refuses {what}: {} {}", answer.code, answer.text);
        match answer.code {
            // Shutting down, or nobody may do anything.
            421 => channel(why),
            _ if what == RECIPIENT && answer.is_of_mailbox() => Failure::Person { why },
            500..=599 => Failure::Never { why },
            _ => Failure::Page { why, after: None },
        }
    };
    let steps = [(format!("MAIL FROM:<{from}>"), "our address"), (format!("RCPT TO:<{to}>"), RECIPIENT)];
    for (line, what) in steps {
        let answer = dialog.ask(&line).await?;
        if answer.code / 100 != 2 {
            return Err(refused(answer, what));
        }
    }
    let answer = dialog.ask("DATA").await?;
    if answer.code != 354 {
        return Err(refused(answer, "the mail"));
    }
    dialog.send(&dotted(mail)).await?;
    let answer = dialog.answer().await?;
    if answer.code / 100 != 2 {
        return Err(refused(answer, "the mail"));
    }
    // It has the mail; whether it hears us say goodbye does not matter.
    let _ = dialog.send(b"QUIT\r\n").await;
    Ok(())
}

/// A line that begins with a dot has another one before it, and a dot alone is the end.
fn dotted(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    let mut line_begins = true;
    for byte in mail {
        if line_begins && *byte == b'.' {
            out.push(b'.');
        }
        out.push(*byte);
        line_begins = *byte == b'\n';
    }
    if !out.ends_with(b"\r\n") {
        out.extend(b"\r\n");
    }
    out.extend(b".\r\n");
    out
}

impl Dialog {
    async fn open(server: &Server, egress: &Egress, deadline: Deadline) -> Result<Dialog, Failure> {
        let target = Target::new(&server.host, server.port);
        let options = tls::Options { authorities: server.ca_file.clone(), ..tls::Options::default() };
        let opened = Connection::open(egress, target, deadline).await;
        let mut connection = opened.map_err(|failure| channel(failure.message))?;
        if server.tls == MailTls::Implicit {
            connection = connection
                .encrypt(egress, &options, deadline)
                .await
                .map_err(|failure| channel(failure.message))?;
        }
        let mut dialog = Dialog { connection, deadline, rest: Vec::new() };
        dialog.expect(220, "says hello").await?;
        let mut offers = dialog.hello().await?;
        let offered = offers.lines().any(|line| line.eq_ignore_ascii_case("STARTTLS"));
        if matches!(server.tls, MailTls::Offered | MailTls::Required) && offered {
            dialog = dialog.start_tls(egress, &options).await?;
            offers = dialog.hello().await?;
        } else if server.tls == MailTls::Required {
            return Err(channel(
                "the mail server offers no encryption (STARTTLS), which `tls = \"required\"` asks for",
            ));
        }
        if let Some((user, password)) = &server.user {
            dialog.sign_in(user, password, &offers).await?;
        }
        Ok(dialog)
    }

    async fn hello(&mut self) -> Result<String, Failure> {
        self.send(b"EHLO bellwether\r\n").await?;
        let answer = self.answer().await?;
        match answer.code {
            250 => Ok(answer.text),
            // Old servers know no EHLO, and offer nothing.
            500..=504 => {
                self.send(b"HELO bellwether\r\n").await?;
                self.expect(250, "takes HELO").await.map(|_| String::new())
            }
            code => Err(channel(format!("the mail server does not take EHLO: {code} {}", answer.text))),
        }
    }

    async fn start_tls(mut self, egress: &Egress, options: &tls::Options) -> Result<Dialog, Failure> {
        self.send(b"STARTTLS\r\n").await?;
        self.expect(220, "begins to encrypt").await?;
        if !self.rest.is_empty() {
            // Somebody in between would have its words taken for encrypted ones.
            return Err(channel("the mail server spoke on before the encryption began"));
        }
        let encrypted = self.connection.encrypt(egress, options, self.deadline).await;
        let connection = encrypted.map_err(|failure| channel(failure.message))?;
        Ok(Dialog { connection, deadline: self.deadline, rest: Vec::new() })
    }

    async fn sign_in(&mut self, user: &str, password: &Secret, offers: &str) -> Result<(), Failure> {
        if self.connection.tls.is_none() {
            return Err(channel(
                "the mail server offers no encryption, and a password is sent encrypted only",
            ));
        }
        let ways = offers
            .lines()
            .find_map(|line| line.strip_prefix("AUTH "))
            .unwrap_or_default()
            .to_ascii_uppercase();
        let has = |way: &str| ways.split_whitespace().any(|word| word == way);
        let password = password.reveal();
        let answer = if has("PLAIN") || !has("LOGIN") {
            self.ask(&format!("AUTH PLAIN {}", BASE64.encode(format!("\0{user}\0{password}")))).await?
        } else {
            self.ask("AUTH LOGIN").await?;
            self.ask(&BASE64.encode(user)).await?;
            self.ask(&BASE64.encode(password)).await?
        };
        match answer.code {
            235 => Ok(()),
            code => Err(channel(format!("the mail server does not let {user} in: {code} {}", answer.text))),
        }
    }

    async fn ask(&mut self, line: &str) -> Result<Answer, Failure> {
        self.send(format!("{line}\r\n").as_bytes()).await?;
        self.answer().await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.connection.send(bytes, self.deadline).await.map_err(|failure| channel(failure.message))
    }

    async fn expect(&mut self, code: u16, what: &str) -> Result<(), Failure> {
        let answer = self.answer().await?;
        match answer.code == code {
            true => Ok(()),
            false => Err(channel(format!(
                "it is not so that the mail server {what}: {} {}",
                answer.code, answer.text
            ))),
        }
    }

    /// All lines of one answer; the last one has a blank behind its code.
    async fn answer(&mut self) -> Result<Answer, Failure> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await?;
            let code = line.get(..3).and_then(|code| code.parse::<u16>().ok());
            let code =
                code.ok_or_else(|| channel(format!("this is no mail server: it says `{}`", cut(&line))))?;
            lines.push(line.get(4..).unwrap_or_default().trim().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Answer { code, text: lines.join("\n") });
            }
            if lines.iter().map(String::len).sum::<usize>() > MAIL_ANSWER_BYTES {
                return Err(channel("the mail server's answer has no end"));
            }
        }
    }

    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.rest.len() > MAIL_ANSWER_BYTES {
                return Err(channel("a line of the mail server has no end"));
            }
            let more = self
                .connection
                .read(4_096, self.deadline)
                .await
                .map_err(|failure| channel(failure.message))?;
            if more.is_empty() {
                return Err(channel("the mail server has closed the connection"));
            }
            self.rest.extend(more);
        }
    }
}

fn cut(line: &str) -> String {
    line.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mailbox_that_is_not_there_is_of_one_person() {
        let check = |code, text: &str, expected| {
            assert_eq!(Answer { code, text: text.into() }.is_of_mailbox(), expected, "{code} {text}");
        };
        check(550, "5.1.1 <ana@example.org>: no such user", true);
        check(550, "5.2.1 mailbox disabled", true);
        check(552, "5.2.2 over quota", true);
        check(553, "5.1.3 bad address", true);
        check(554, "5.7.1 relay access denied", false);
        check(550, "5.7.1 blocked by a list", false);
        check(554, "relay denied", false);
        check(550, "5.1.8 the sender's domain is not found", false);
        check(450, "4.2.1 try again", false);
    }

    #[test]
    fn dots_at_the_begin_of_lines_are_doubled() {
        assert_eq!(dotted(b".a\r\nb.\r\n..c\r\n"), b"..a\r\nb.\r\n...c\r\n.\r\n");
        assert_eq!(dotted(b"a"), b"a\r\n.\r\n");
    }
}
