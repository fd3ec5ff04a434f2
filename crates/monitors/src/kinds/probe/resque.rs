//! `type = "resque"`: how many jobs wait in each queue of Resque, without naming the queues; Sidekiq's are kept the same
//! way under another namespace.

use super::limits::QUEUES_MAX;
use super::redis::{Client, database_problems};
use super::seen::Seen;
use super::wire::resp::Reply;
use super::{Asked, Probe, Trouble, text};
use crate::config::CheckType;
use crate::services::pattern::Glob;

pub const PROBE: Probe = Probe {
    kind: CheckType::Resque,
    name: "resque",
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
        "namespace",
        "queues",
    ],
    required: &[],
    main: "pending",
    problems: database_problems,
    look: |asked| Box::pin(look(asked)),
};

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let namespace = asked.check.namespace.as_deref().unwrap_or("resque");
    let key = |name: &str| if namespace.is_empty() { name.to_owned() } else { format!("{namespace}:{name}") };
    let mut client = Client::connect(asked).await?;
    let wanted: Vec<Glob> = asked.check.queues.iter().map(|pattern| Glob::new(pattern)).collect();
    let mut names = texts(client.ask(&["SMEMBERS", &key("queues")]).await?);
    names.retain(|name| wanted.is_empty() || wanted.iter().any(|glob| glob.matches(name)));
    names.sort();
    let found = names.len();
    names.truncate(QUEUES_MAX);
    let mut seen = Seen::default();
    let (mut pending, mut longest) = (0, ("", 0));
    let mut lengths = Vec::new();
    for name in &names {
        let length = number(client.ask(&["LLEN", &key(&format!("queue:{name}"))]).await?);
        pending += length;
        longest = if length > longest.1 { (name, length) } else { longest };
        lengths.push((name, length));
    }
    seen.value("pending", pending as f64, "").min = Some(0.0);
    for (label, command, name) in [("failed", "LLEN", "failed"), ("workers", "SCARD", "workers")] {
        let count = client.ask(&[command, &key(name)]).await;
        // Sidekiq keeps these as something else.
        if let Ok(count) = count {
            seen.value(label, number(count) as f64, "").min = Some(0.0);
        }
    }
    for (name, length) in lengths {
        seen.value(format!("queue.{name}"), length as f64, "").min = Some(0.0);
    }
    seen.summary =
        format!("{} wait in {}", text::count(pending as usize, "job"), text::count(found, "queue"));
    if longest.1 > 0 {
        seen.summary.push_str(&format!(", {} of them in {}", longest.1, longest.0));
    }
    if found > QUEUES_MAX {
        seen.details.push(format!(
            "{found} queues, of which the first {QUEUES_MAX} were looked at: name some with queues"
        ));
    }
    Ok(seen)
}

fn texts(reply: Reply) -> Vec<String> {
    let Reply::List(list) = reply else { return Vec::new() };
    list.into_iter().map(Reply::text).collect()
}

fn number(reply: Reply) -> i64 {
    if let Reply::Number(number) = reply { number } else { 0 }
}
