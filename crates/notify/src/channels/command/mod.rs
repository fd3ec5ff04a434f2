//! A program of yours: gets the page as JSON on its standard input, the same that a webhook gets. Which program is said in
//! files only, never by a web page.

use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::pictures::Pictures;
use super::problems::Problems;
use super::{Channel, Entry, Letter, Post, Results, Sent, Work, deaf};
use crate::channels::webhook::{body, delivery};
use crate::config::{ChannelConfig, ChannelType};
use crate::limits::{CALL_GIVE_UP_SECONDS, COMMAND_OUTPUT_BYTES, COMMAND_TIMEOUT};
use crate::retry::Failure;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Command,
    word: "command",
    keys: &["command"],
    problems,
    open,
    ear: deaf,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::None,
    follows: super::no,
    reaches: super::yes,
};

/// It says that it would never take this page (sysexits' EX_DATAERR, EX_NOUSER).
const NEVER: [i32; 2] = [65, 67];

fn problems(channel: &ChannelConfig) -> Problems {
    let cure = "write a program and its arguments, such as [\"/usr/local/bin/page\", \"--urgent\"]";
    match channel.command.as_deref() {
        None | Some([]) => vec![("command", format!("this is missing: {cure}"))],
        Some([program, ..]) if !program.starts_with('/') => {
            vec![("command", format!("`{}` is no full path: {cure}", program.escape_debug()))]
        }
        Some(_) => Problems::new(),
    }
}

struct Program(Vec<String>);

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    Ok(Box::new(Program(config.command.clone().unwrap_or_default())))
}

impl Channel for Program {
    fn send<'w>(&'w mut self, letters: &'w [Letter], post: &'w Post<'w>) -> Work<'w, Results> {
        Box::pin(async move {
            let mut results = Results::new();
            for letter in letters {
                let done = self.run(letter, post).await.map(|()| Sent::default());
                let stop = matches!(done, Err(Failure::Channel { .. }));
                results.push((letter.waiting.page.id, done));
                if stop {
                    break;
                }
            }
            results
        })
    }
}

impl Program {
    async fn run(&self, letter: &Letter, post: &Post<'_>) -> Result<(), Failure> {
        let page = &letter.waiting.page;
        let json = body::json(letter, post.settings, post.now).to_string();
        let unable = |error: std::io::Error| Failure::Channel {
            why: format!("run {}: {error}", self.0[0]),
            after: None,
        };
        let mut child = Command::new(&self.0[0])
            .args(&self.0[1..])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("BELLWETHER_EVENT", page.kind.word())
            .env("BELLWETHER_DELIVERY", delivery(page.id, &post.settings.server_id))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(unable)?;
        match tokio::time::timeout(COMMAND_TIMEOUT, speak(&mut child, json.into_bytes())).await {
            Ok(Ok((0, _))) => Ok(()),
            Ok(Ok((code, said))) => {
                let why = format!("{} ends with status {code}: {said}", self.0[0]);
                if NEVER.contains(&code) {
                    Err(Failure::Never { why })
                } else {
                    Err(Failure::Page { why, after: None })
                }
            }
            Ok(Err(error)) => Err(unable(error)),
            Err(_) => {
                let why = format!("{} has not ended within {} s", self.0[0], COMMAND_TIMEOUT.as_secs());
                Err(Failure::Page { why, after: None })
            }
        }
    }
}

/// Its status, and the first of what it complains about. A program that does not read is not waited for.
async fn speak(child: &mut Child, json: Vec<u8>) -> std::io::Result<(i32, String)> {
    if let Some(mut input) = child.stdin.take() {
        tokio::spawn(async move {
            // It may have ended without reading.
            let _ = input.write_all(&json).await;
        });
    }
    let mut said = Vec::new();
    if let Some(errors) = child.stderr.take() {
        errors.take(COMMAND_OUTPUT_BYTES).read_to_end(&mut said).await?;
    }
    let status = child.wait().await?;
    let said: String = String::from_utf8_lossy(&said).chars().filter(|c| !c.is_control()).take(200).collect();
    // Ended by a signal: as shells say it.
    Ok((status.code().unwrap_or(128), said))
}
