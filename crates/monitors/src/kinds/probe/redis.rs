//! `type = "redis"`: it answers, its numbers, the lengths of lists.

use std::time::Instant;

use outbound::{Connection, Deadline};

use super::limits::ANSWER_BYTES_MAX;
use super::seen::{CRITICAL, Seen, UNKNOWN};
use super::wire::resp::{self, Parsed, Reply};
use super::{Asked, Probe, Trouble, keys, tcp, text};
use crate::config::CheckType;

pub const PROBE: Probe = Probe {
    kind: CheckType::Redis,
    name: "redis",
    keys: &[
        "address",
        "port",
        "tls",
        "ca_file",
        "verify",
        "tls_name",
        "user",
        "password",
        "password_file",
        "database",
        "lists",
    ],
    required: &[],
    main: "time",
    problems: database_problems,
    look: |asked| Box::pin(look(asked)),
};

/// Fields of INFO that are values without being asked for; any other one is when it has a threshold.
const FIELDS: [(&str, &str); 14] = [
    ("connected_clients", ""),
    ("blocked_clients", ""),
    ("used_memory", "B"),
    ("maxmemory", "B"),
    ("mem_fragmentation_ratio", ""),
    ("instantaneous_ops_per_sec", ""),
    ("rejected_connections", "c"),
    ("evicted_keys", "c"),
    ("expired_keys", "c"),
    ("keyspace_hits", "c"),
    ("keyspace_misses", "c"),
    ("connected_slaves", ""),
    ("master_last_io_seconds_ago", "s"),
    ("uptime_in_seconds", "s"),
];

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let begun = Instant::now();
    let mut client = Client::connect(asked).await?;
    client.ask(&["PING"]).await?;
    let time = begun.elapsed().as_secs_f64();
    let info = client.ask(&["INFO"]).await?.text();
    let fields: Vec<(&str, &str)> = info.lines().filter_map(|line| line.split_once(':')).collect();
    let of = |name: &str| {
        fields.iter().find(|(key, _)| *key == name).map(|(_, value)| value.trim()).unwrap_or_default()
    };
    let mut seen = Seen::new(format!("Redis {}, {}", of("redis_version"), of("role")));
    seen.time(time);
    for (name, value) in &fields {
        let unit = FIELDS.iter().find(|(known, _)| known == name).map(|(_, unit)| *unit);
        let unit = unit.or_else(|| asked.check.thresholds.contains_key(*name).then_some(""));
        if let (Some(unit), Ok(number)) = (unit, value.trim().parse::<f64>()) {
            seen.value(*name, number, unit);
        }
    }
    share_of_memory(of("used_memory"), of("maxmemory"), &mut seen);
    state(&of, &mut seen);
    for list in &asked.check.lists {
        match client.ask(&["LLEN", list]).await? {
            Reply::Number(length) => {
                seen.value(list, length as f64, "").min = Some(0.0);
            }
            other => seen.problem(UNKNOWN, format!("LLEN {list}: {other:?}")),
        }
    }
    Ok(seen)
}

fn share_of_memory(used: &str, most: &str, seen: &mut Seen) {
    if let (Ok(used), Ok(most)) = (used.parse::<f64>(), most.parse::<f64>())
        && most > 0.0
    {
        seen.value("memory_percent", 100.0 * used / most, "%");
    }
}

/// What is bad whatever the numbers are.
fn state<'i>(of: &impl Fn(&str) -> &'i str, seen: &mut Seen) {
    if of("loading") == "1" {
        seen.problem(CRITICAL, "it is still loading its data");
    }
    if of("role") == "slave" && of("master_link_status") != "up" {
        let since = of("master_link_down_since_seconds");
        seen.problem(
            CRITICAL,
            format!("the link to its master {} has been down for {since} s", of("master_host")),
        );
    }
    if of("rdb_last_bgsave_status") == "err" {
        seen.problem(CRITICAL, "its last snapshot could not be written");
    }
    if of("aof_last_write_status") == "err" {
        seen.problem(CRITICAL, "its log of changes could not be written");
    }
}

pub struct Client {
    connection: Connection,
    deadline: Deadline,
    unread: Vec<u8>,
}

impl Client {
    pub async fn connect(asked: &Asked<'_>) -> Result<Client, Trouble> {
        let check = asked.check;
        let connection = tcp::connect(asked, check.port.unwrap_or(6379), check.tls == Some(true)).await?;
        let mut client = Client { connection, deadline: asked.deadline, unread: Vec::new() };
        if let Some(password) = keys::secret(&check.password, &check.password_file)? {
            match check.user.as_deref() {
                Some(user) => client.ask(&["AUTH", user, &password.0]).await?,
                None => client.ask(&["AUTH", &password.0]).await?,
            };
        }
        if let Some(database) = &check.database {
            client.ask(&["SELECT", database]).await?;
        }
        Ok(client)
    }

    /// An error that it answers is one; the message holds the command's name, since words may be secrets.
    pub async fn ask(&mut self, words: &[&str]) -> Result<Reply, Trouble> {
        self.connection.send(&resp::command(words), self.deadline).await?;
        let reply = self.reply().await.map_err(|trouble| trouble.while_doing(words[0]))?;
        match reply {
            Reply::Error(error) => Err(of_error(words[0], &error)),
            reply => Ok(reply),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Trouble> {
        loop {
            match resp::parse(&self.unread) {
                Parsed::Whole(reply, length) => {
                    self.unread.drain(..length);
                    return Ok(reply);
                }
                Parsed::Wrong => {
                    return Err(Trouble::critical(format!(
                        "it does not speak Redis: {}",
                        text::excerpt(&self.unread)
                    )));
                }
                Parsed::More if self.unread.len() > ANSWER_BYTES_MAX => {
                    return Err(Trouble::critical(format!(
                        "the answer is longer than {ANSWER_BYTES_MAX} bytes"
                    )));
                }
                Parsed::More => {}
            }
            let more = self.connection.read(64 << 10, self.deadline).await?;
            if more.is_empty() {
                return Err(Trouble::critical("it closed the connection"));
            }
            self.unread.extend(more);
        }
    }
}

/// Not being let in is ours to mend, and says nothing of how it is.
fn of_error(command: &str, error: &str) -> Trouble {
    let told = text::line(&format!("{command}: {error}"));
    let is_ours =
        ["NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password", "ERR unknown command"];
    if is_ours.iter().any(|ours| error.starts_with(ours)) {
        Trouble::unknown(told)
    } else {
        Trouble::critical(told)
    }
}

impl Reply {
    pub fn text(self) -> String {
        if let Reply::Text(text) = self { text } else { String::new() }
    }
}

pub fn database_problems(check: &crate::config::CheckConfig) -> Vec<(&'static str, String)> {
    let bad = check.database.as_ref().filter(|database| database.parse::<u16>().is_err());
    let told =
        bad.map(|database| ("database", format!("`{database}` is no number of a database such as \"0\"")));
    let lonely = check.user.is_some() && check.password.is_none() && check.password_file.is_none();
    let lonely = lonely.then(|| ("user", "there is no password: add password or password_file".to_owned()));
    told.into_iter().chain(lonely).collect()
}
