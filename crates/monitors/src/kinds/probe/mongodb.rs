//! `type = "mongodb"`: a replica set has a primary, its members are well, and none is far behind.

mod scram;

use std::time::Instant;

use outbound::Connection;
use serde_json::{Value, json};

use super::limits::ANSWER_BYTES_MAX;
use super::seen::{CRITICAL, OK, Seen, UNKNOWN, WARNING};
use super::wire::bson;
use super::{Asked, Probe, Trouble, keys, tcp, text};
use crate::config::{CheckConfig, CheckType, ThresholdConfig};

pub const PROBE: Probe = Probe {
    kind: CheckType::Mongodb,
    name: "mongodb",
    keys: &[
        "address",
        "port",
        "user",
        "password",
        "password_file",
        "database",
        "tls",
        "ca_file",
        "verify",
        "tls_name",
    ],
    required: &[],
    main: "lag",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// Seconds that the last secondary is behind.
const LAG_WARNING: &str = "60";
const LAG_CRITICAL: &str = "600";
const UNAUTHORIZED: i64 = 13;

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let begun = Instant::now();
    let connection =
        tcp::connect(asked, asked.check.port.unwrap_or(27017), asked.check.tls == Some(true)).await?;
    let mut client = Client { connection, asked, requests: 0 };
    let hello = client.hello().await?;
    let time = begun.elapsed().as_secs_f64();
    if let (Some(user), Some(password)) =
        (&asked.check.user, keys::secret(&asked.check.password, &asked.check.password_file)?)
    {
        let database = asked.check.database.as_deref().unwrap_or("admin");
        scram::sign_in(&mut client, user, &password, database).await?;
    }
    let mut seen = of_hello(&hello, asked)?;
    seen.time(time);
    let status = client.run(&[("replSetGetStatus", json!(1))], "admin").await;
    match status {
        Ok(status) => members(&status, &mut seen),
        Err(refused) if seen.problems.is_empty() && refused.code == UNAUTHORIZED => {
            seen.details.push(format!("members and lag are not known: {}; give user and password of somebody with the role clusterMonitor", refused.text));
            seen.value("lag", f64::NAN, "s");
        }
        Err(refused) => seen.details.push(format!("replSetGetStatus: {}", refused.text)),
    }
    Ok(seen)
}

/// What everybody is told.
fn of_hello(hello: &Value, asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let is = |name: &str| hello[name] == json!(true);
    let Some(set) = hello["setName"].as_str() else {
        let why = if is("isreplicaset") {
            "its replica set has not been begun: rs.initiate()"
        } else {
            "it is not a member of a replica set"
        };
        return Err(Trouble {
            status: if is("isreplicaset") { CRITICAL } else { UNKNOWN },
            text: why.into(),
        });
    };
    let is_primary = is("isWritablePrimary") || is("ismaster");
    let role = match () {
        () if is_primary => "PRIMARY",
        () if is("secondary") => "SECONDARY",
        () if is("arbiterOnly") => "ARBITER",
        () => "neither primary nor secondary",
    };
    let primary = hello["primary"].as_str().or(hello["me"].as_str().filter(|_| is_primary));
    let mut seen = Seen::new(format!("{} of {set} is {role}", hello["me"].as_str().unwrap_or_default()));
    match primary {
        None if !is_primary => seen.problem(CRITICAL, format!("{set} has no primary")),
        Some(primary) if !is_primary => seen.summary.push_str(&format!(", the primary is {primary}")),
        _ => {}
    }
    if role.starts_with("neither") {
        seen.problem(WARNING, format!("this member is {role}"));
    }
    // Nobody has written since: only worth a word.
    if let Some(written) = hello["lastWrite"]["lastWriteDate"].as_i64() {
        let ago = asked.now.0 as f64 - written as f64 / 1e3;
        seen.details.push(format!("last write {} ago", text::duration(ago.max(0.0))));
    }
    seen.value("primaries", f64::from(u8::from(primary.is_some() || is_primary)), "");
    Ok(seen)
}

/// As `replSetGetStatus` numbers them, and what that is worth.
const STATES: [(i64, &str, u8); 10] = [
    (0, "STARTUP", WARNING),
    (1, "PRIMARY", OK),
    (2, "SECONDARY", OK),
    (3, "RECOVERING", WARNING),
    (5, "STARTUP2", WARNING),
    (6, "UNKNOWN", CRITICAL),
    (7, "ARBITER", OK),
    (8, "DOWN", CRITICAL),
    (9, "ROLLBACK", WARNING),
    (10, "REMOVED", CRITICAL),
];

fn members(status: &Value, seen: &mut Seen) {
    let members = status["members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let state_of = |member: &Value| {
        let number = member["state"].as_i64().or(member["state"].as_f64().map(|state| state as i64));
        STATES.iter().find(|(state, ..)| Some(*state) == number).copied().unwrap_or((6, "UNKNOWN", CRITICAL))
    };
    let written = |member: &Value| member["optimeDate"].as_i64();
    let newest = members.iter().filter(|member| state_of(member).0 == 1).filter_map(written).max();
    let newest = newest.or_else(|| members.iter().filter_map(written).max());
    let (mut well, mut farthest) = (0, None::<f64>);
    for member in members {
        let name = member["name"].as_str().unwrap_or("?");
        let (state, word, worth) = state_of(member);
        let lag = newest
            .zip(written(member))
            .filter(|_| state == 2)
            .map(|(newest, own)| (newest - own).max(0) as f64 / 1e3);
        farthest = lag.map(|lag| farthest.map_or(lag, |farthest| farthest.max(lag))).or(farthest);
        well += usize::from(worth == OK);
        let behind = lag.map(|lag| format!(", {lag} s behind")).unwrap_or_default();
        let said = member["lastHeartbeatMessage"].as_str().filter(|said| !said.is_empty());
        let said = said.map(|said| format!(": {}", text::excerpt(said.as_bytes()))).unwrap_or_default();
        if worth != OK {
            // The others do its work; without a primary it is told already.
            seen.problem(WARNING, format!("{name} is {word}{said}"));
        }
        seen.details.push(format!("{name} {word}{behind}{said}"));
        seen.part(name, worth, format!("{name} is {word}{behind}{said}"));
    }
    seen.value("members", members.len() as f64, "").min = Some(0.0);
    seen.value("members_well", well as f64, "").min = Some(0.0);
    let lag = seen.value("lag", farthest.unwrap_or(if members.len() == 1 { 0.0 } else { f64::NAN }), "s");
    lag.default = ThresholdConfig { warning: Some(LAG_WARNING.into()), critical: Some(LAG_CRITICAL.into()) };
    lag.min = Some(0.0);
}

pub struct Client<'a> {
    connection: Connection,
    asked: &'a Asked<'a>,
    requests: i32,
}

/// The server's own no.
pub struct Refused {
    code: i64,
    text: String,
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Trouble {
        Trouble::unknown(refused.text)
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Refused {
        Refused { code: 0, text: trouble.text }
    }
}

impl Client<'_> {
    /// Servers before 4.4 know it by its old name only.
    async fn hello(&mut self) -> Result<Value, Trouble> {
        let answer = self.exchange(&[("hello", json!(1))], "admin").await?;
        if answer["ok"].as_f64() == Some(1.0) {
            return Ok(answer);
        }
        self.exchange(&[("isMaster", json!(1))], "admin").await
    }

    pub async fn run(&mut self, command: &[(&str, Value)], database: &str) -> Result<Value, Refused> {
        let answer = self.exchange(command, database).await?;
        if answer["ok"].as_f64().or(answer["ok"].as_i64().map(|ok| ok as f64)) == Some(1.0) {
            return Ok(answer);
        }
        let told = answer["errmsg"].as_str().unwrap_or("it refuses");
        Err(Refused { code: answer["code"].as_i64().unwrap_or(0), text: text::excerpt(told.as_bytes()) })
    }

    async fn exchange(&mut self, command: &[(&str, Value)], database: &str) -> Result<Value, Trouble> {
        self.requests += 1;
        let mut command = command.to_vec();
        command.push(("$db", json!(database)));
        let deadline = self.asked.deadline;
        self.connection.send(&bson::message(self.requests, &command), deadline).await?;
        let strange = || Trouble::critical("it does not speak MongoDB's protocol (3.6 or later)");
        let head = self.connection.read_exact(4, deadline).await?;
        let length = bson::length(&head).filter(|length| *length <= ANSWER_BYTES_MAX).ok_or_else(strange)?;
        let mut message = head;
        message.extend(self.connection.read_exact(length - 4, deadline).await?);
        bson::answer(&message).ok_or_else(strange)
    }
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let has_password = check.password.is_some() || check.password_file.is_some();
    let told = match (check.user.is_some(), has_password) {
        (true, false) => Some(("user", "there is no password: add password or password_file")),
        (false, true) => Some(("user", "there is a password and no user: add user")),
        _ => None,
    };
    told.map(|(key, why)| (key, why.to_owned())).into_iter().collect()
}
