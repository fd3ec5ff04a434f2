//! `bellwether user …` and `bellwether token …`

use std::io::{IsTerminal, Read};

use axum::http::Method;
use serde_json::{Value, json};
use vocabulary::Clock;
use vocabulary::settings::Listen;

use crate::cli::{Common, RoleName, TokenCommand, UserCommand, VoucherName};
use crate::client::{Server, encode, parse};
use crate::clock::SystemClock;
use crate::failure::Failure;

pub fn user(common: &Common, command: &UserCommand) -> Result<(), Failure> {
    let server = super::server(common)?;
    match command {
        UserCommand::Set { name, role } => {
            let password = read_password()?;
            let role = role.map(role_name);
            let body = json!({"name": name, "password": password, "role": role, "replace": true});
            let answer = super::block_on(server.send_json(Method::POST, "/api/v1/people", &body))?;
            let person: Value = parse(&answer)?;
            let role = person["role"].as_str().unwrap_or_default();
            said(common, json!({"user": name, "role": role}), format!("{name} may sign in as {role}"))?;
        }
        UserCommand::Invite { name, role, display_name } => {
            let body = json!({"name": name, "role": role_name(*role), "display_name": display_name});
            let answer = super::block_on(server.send_json(Method::POST, "/api/v1/invitations", &body))?;
            let mut invited: Value = parse(&answer)?;
            // Without a public_url the server does not know by what name it is reached.
            let path = invited["link"].as_str().filter(|link| link.starts_with('/')).map(str::to_owned);
            if let Some(path) = path {
                invited["link"] = format!("{}{path}", served_at(common, &server)?).into();
            }
            said(common, invited.clone(), invited["link"].as_str().unwrap_or_default().to_owned())?;
        }
        UserCommand::Role { name, role } => {
            let path = format!("/api/v1/people/{}/role", encode(name));
            let body = json!({"role": role_name(*role)});
            super::block_on(server.send_json(Method::PUT, &path, &body))?;
            said(
                common,
                json!({"user": name, "role": role_name(*role)}),
                format!("{name} has the role {}", role_name(*role)),
            )?;
        }
        UserCommand::Link { name, by } => {
            let by = voucher_name(*by);
            let path = format!("/api/v1/people/{}/link", encode(name));
            super::block_on(server.send_json(Method::POST, &path, &json!({"by": by})))?;
            let words = format!("whoever comes as {name} by the {by} within a week is {name}");
            said(common, json!({"user": name, "by": by}), words)?;
        }
        UserCommand::Unlink { name, by } => {
            let by = voucher_name(*by);
            let path = format!("/api/v1/people/{}/link?by={by}", encode(name));
            let left = super::block_on(server.send_json(Method::DELETE, &path, &json!({})))?;
            let left: Value = parse(&left)?;
            let words = format!("whoever comes as {name} by the {by} is somebody else{}", still_there(&left));
            said(common, json!({"user": name, "not_by": by, "still_there": left}), words)?;
        }
        UserCommand::List => {
            list(
                common,
                &server,
                "/api/v1/people",
                "people",
                &["name", "display_name", "role", "teams", "suspended"],
            )?;
        }
        UserCommand::Remove { name, confirmed } => {
            let path = format!("/api/v1/people/{}?confirmed={confirmed}", encode(name));
            super::block_on(server.send_json(Method::DELETE, &path, &json!({})))?;
            said(common, json!({"removed": name}), format!("{name} may not sign in any more"))?;
        }
    }
    Ok(())
}

/// What whoever was unlinked may have made.
fn still_there(left: &Value) -> String {
    let names = left["tokens"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let tokens: Vec<&str> = names.collect();
    let ways = left["ways"].as_u64().unwrap_or_default();
    match (tokens.is_empty(), ways) {
        (true, 0) => String::new(),
        (true, ways) => format!("; look through the {ways} ways by which {THEY_ARE_REACHED}"),
        (false, _) => format!(
            "; look through what stays: {ways} ways by which {THEY_ARE_REACHED}, tokens {}",
            tokens.join(", ")
        ),
    }
}

const THEY_ARE_REACHED: &str = "they are reached";

fn served_at(common: &Common, server: &Server) -> Result<String, Failure> {
    if let Server::Remote { url, .. } = server {
        return Ok(url.to_string().trim_end_matches('/').to_owned());
    }
    let http = super::load_config(common)?.http;
    let scheme = if http.uses_tls() { "https" } else { "http" };
    let listens = http.listen.iter().find_map(|listen| match listen {
        Listen::On(address) => Some(*address),
        Listen::Off => None,
    });
    Ok(match listens {
        Some(address) if address.ip().is_unspecified() => format!("{scheme}://localhost:{}", address.port()),
        Some(address) => format!("{scheme}://{address}"),
        None => String::new(),
    })
}

fn voucher_name(voucher: VoucherName) -> &'static str {
    match voucher {
        VoucherName::Provider => "provider",
        VoucherName::Proxy => "proxy",
    }
}

pub fn token(common: &Common, command: &TokenCommand) -> Result<(), Failure> {
    let server = super::server(common)?;
    match command {
        TokenCommand::Create { name, role, prefix, expires } => {
            let expires = expires.map(|after| SystemClock.now().plus(after.0.as_secs() as i64).0);
            let body =
                json!({"name": name, "role": role_name(*role), "prefixes": prefix, "expires": expires});
            let answer = super::block_on(server.send_json(Method::POST, "/api/v1/tokens", &body))?;
            let created: Value = parse(&answer)?;
            said(common, created.clone(), created["token"].as_str().unwrap_or_default().to_owned())?;
        }
        TokenCommand::List => {
            list(
                common,
                &server,
                "/api/v1/tokens",
                "tokens",
                &["id", "name", "role", "prefixes", "owner", "expires", "last_used"],
            )?;
        }
        TokenCommand::Remove { id } => {
            super::block_on(server.send_json(Method::DELETE, &format!("/api/v1/tokens/{id}"), &json!({})))?;
            said(common, json!({"removed": id}), format!("token {id} is not valid any more"))?;
        }
    }
    Ok(())
}

fn said(common: &Common, value: Value, words: String) -> Result<(), Failure> {
    if common.json { super::say(value) } else { super::say(words) }
}

fn list(common: &Common, server: &Server, path: &str, field: &str, columns: &[&str]) -> Result<(), Failure> {
    let answer: Value = super::block_on(server.get_json(path))?;
    if common.json {
        return super::say(answer);
    }
    let cell = |item: &Value, column: &str| match &item[column] {
        Value::Number(at) if TIMES.contains(&column) => moment(at.as_i64().unwrap_or_default()),
        Value::String(text) => text.clone(),
        Value::Null => "-".into(),
        Value::Array(items) if items.is_empty() => "-".into(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    let mut rows = vec![columns.iter().map(|column| column.replace('_', " ")).collect()];
    for item in answer[field].as_array().into_iter().flatten() {
        rows.push(columns.iter().map(|column| cell(item, column)).collect());
    }
    super::print(super::table(&rows))
}

/// Columns that are moments.
const TIMES: [&str; 3] = ["expires", "last_used", "suspended"];

/// To the minute, in UTC: whoever needs the seconds asks for --json.
fn moment(at: i64) -> String {
    match jiff::Timestamp::from_second(at) {
        Ok(at) => at.strftime("%Y-%m-%dT%H:%MZ").to_string(),
        Err(_) => at.to_string(),
    }
}

fn role_name(role: RoleName) -> &'static str {
    match role {
        RoleName::Viewer => "viewer",
        RoleName::Responder => "responder",
        RoleName::Editor => "editor",
        RoleName::Admin => "admin",
    }
}

/// One line of standard input; on a terminal it is asked for, and not shown.
fn read_password() -> Result<String, Failure> {
    const LONGEST: u64 = 4_096;
    let stdin = std::io::stdin();
    let _hidden = stdin.is_terminal().then(|| {
        eprint!("password: ");
        HiddenInput::new()
    });
    let mut text = String::new();
    let reading = if stdin.is_terminal() {
        stdin.read_line(&mut text)
    } else {
        stdin.take(LONGEST).read_to_string(&mut text)
    };
    reading.map_err(Failure::doing("read the password"))?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() {
        return Err(Failure::usage("give the password on standard input"));
    }
    Ok(password.to_owned())
}

/// While this lives the terminal shows nothing of what is typed.
struct HiddenInput(Option<rustix::termios::Termios>);

impl HiddenInput {
    fn new() -> HiddenInput {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_modes.remove(LocalModes::ECHO);
            // Where this fails the password is seen by whoever types it, no more.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet);
        }
        HiddenInput(before)
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ =
                rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, before);
            eprintln!();
        }
    }
}
