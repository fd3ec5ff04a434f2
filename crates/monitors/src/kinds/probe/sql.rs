//! `type = "sql"`: PostgreSQL answers; how close it is to its limit of connections, or a number that a query gives.

use std::time::Instant;

use outbound::Connection;
use outbound::connection::Stream;
use tokio::net::UnixStream;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_stream::StreamExt;

use super::limits::VALUES_MAX;
use super::seen::{CRITICAL, Seen};
use super::{Asked, Probe, Trouble, keys, tcp, text, tls};
use crate::config::{CheckConfig, CheckType, ThresholdConfig};

pub const PROBE: Probe = Probe {
    kind: CheckType::Sql,
    name: "sql",
    keys: &[
        "address",
        "port",
        "user",
        "password",
        "password_file",
        "database",
        "query",
        "tls",
        "ca_file",
        "verify",
        "tls_name",
        "contains",
    ],
    required: &[],
    main: "value",
    problems,
    look: |asked| Box::pin(look(asked)),
};

/// Whoever may sign in may ask this: what each session does is shown to few.
const CONNECTIONS: &str = "SELECT sum(numbackends) AS connections, current_setting('max_connections') AS max_connections, \
    current_setting('server_version') AS version FROM pg_stat_database";

/// `SSLRequest`: its length, and a version that no protocol has.
const WANTS_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

async fn look(asked: &Asked<'_>) -> Result<Seen, Trouble> {
    let begun = Instant::now();
    let mut encrypted = None;
    let stream = stream(asked, &mut encrypted).await?;
    let config = config(asked.check)?;
    let opened = config.connect_raw(stream, NoTls);
    let opened = tokio::time::timeout(asked.deadline.left(), opened).await.map_err(|_| late(asked))?;
    let (client, connection) = opened.map_err(|error| of_postgres("sign in", &error))?;
    // Its errors come out of the queries as well; it ends when the client is dropped.
    let work = tokio::spawn(async move {
        let _ = connection.await;
    });
    let looked = tokio::time::timeout(asked.deadline.left(), ask(asked, &client)).await;
    work.abort();
    let mut seen = looked.map_err(|_| late(asked))??;
    seen.time(begun.elapsed().as_secs_f64());
    if let Some(shown) = encrypted {
        tls::expiry(&shown, asked.now, &mut seen);
    }
    Ok(seen)
}

fn late(asked: &Asked<'_>) -> Trouble {
    Trouble::late(asked.check.timeout.map_or(super::limits::TIMEOUT, |timeout| timeout.0))
}

/// An address that begins with `/` is the folder of PostgreSQL's socket.
async fn stream(
    asked: &Asked<'_>,
    encrypted: &mut Option<outbound::tls::Shown>,
) -> Result<Box<dyn Stream>, Trouble> {
    let port = asked.check.port.unwrap_or(5432);
    let address = asked.address()?;
    if address.starts_with('/') {
        let path = format!("{address}/.s.PGSQL.{port}");
        let stream = UnixStream::connect(&path).await;
        let stream =
            stream.map_err(|error| outbound::Failure::of_io(&format!("connect to {path}"), &error))?;
        return Ok(Box::new(stream));
    }
    let mut connection = tcp::connect(asked, port, false).await?;
    if asked.check.tls == Some(true) {
        connection = encrypt(asked, connection).await?;
        *encrypted = connection.tls.clone();
    }
    Ok(Box::new(connection))
}

async fn encrypt(asked: &Asked<'_>, mut connection: Connection) -> Result<Connection, Trouble> {
    connection.send(&WANTS_TLS, asked.deadline).await?;
    match connection.read_exact(1, asked.deadline).await?[0] {
        b'S' => Ok(connection.encrypt(asked.egress, &tls::options(asked.check), asked.deadline).await?),
        b'N' => {
            Err(Trouble::critical("the server does not speak TLS: set ssl = on there, or tls = false here"))
        }
        _ => Err(Trouble::critical("it does not speak PostgreSQL's protocol")),
    }
}

fn config(check: &CheckConfig) -> Result<Config, Trouble> {
    let user = check.user.as_deref().unwrap_or("postgres");
    let mut config = Config::new();
    config.user(user).dbname(check.database.as_deref().unwrap_or(user)).application_name("bellwether");
    if let Some(password) = keys::secret(&check.password, &check.password_file)? {
        config.password(password.0);
    }
    Ok(config)
}

/// In a transaction that writes nothing and has an end of its own, also when a pool stands between.
async fn ask(asked: &Asked<'_>, client: &Client) -> Result<Seen, Trouble> {
    let check = asked.check;
    let patience = asked.deadline.left().as_millis().max(1);
    let begin = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {patience}");
    client.batch_execute(&begin).await.map_err(|error| of_postgres("begin", &error))?;
    let query = check.query.as_deref();
    let row = first_row(client, query.unwrap_or(CONNECTIONS)).await?;
    let mut seen = match query {
        Some(_) => of_query(&row)?,
        None => of_connections(&row)?,
    };
    let shown: Vec<&str> = row.iter().filter_map(|(_, value)| value.as_deref()).collect();
    tcp::judge(check, shown.join(" ").as_bytes(), &mut seen);
    Ok(seen)
}

type Row = Vec<(String, Option<String>)>;

/// Further rows are not waited for.
async fn first_row(client: &Client, query: &str) -> Result<Row, Trouble> {
    let failed = |error: tokio_postgres::Error| of_postgres("query", &error);
    let messages = client.simple_query_raw(query).await.map_err(failed)?;
    tokio::pin!(messages);
    while let Some(message) = messages.next().await {
        if let SimpleQueryMessage::Row(row) = message.map_err(failed)? {
            let names = row.columns().iter().map(|column| column.name().to_owned()).enumerate();
            return Ok(names
                .take(VALUES_MAX)
                .map(|(at, name)| (name, row.get(at).map(str::to_owned)))
                .collect());
        }
    }
    Ok(Row::new())
}

fn number(row: &Row, name: &str) -> Option<f64> {
    row.iter().find(|(column, _)| column == name)?.1.as_ref()?.parse().ok()
}

fn of_connections(row: &Row) -> Result<Seen, Trouble> {
    let nothing = || Trouble::unknown("the server does not say how many connections it has");
    let connections = number(row, "connections").ok_or_else(nothing)?;
    let most = number(row, "max_connections").ok_or_else(nothing)?;
    let percent = 100.0 * connections / most;
    let mut seen = Seen::new(format!("{connections} of {most} connections are taken ({percent:.0} %)"));
    let value = seen.value("connections_percent", percent, "%");
    value.default = ThresholdConfig { warning: Some("80".into()), critical: Some("90".into()) };
    (value.min, value.max) = (Some(0.0), Some(100.0));
    let value = seen.value("connections", connections, "");
    (value.min, value.max) = (Some(0.0), Some(most));
    seen.main = Some("connections_percent");
    Ok(seen)
}

/// Each column that is a number is a value by its name; the first is the one that thresholds are of.
fn of_query(row: &Row) -> Result<Seen, Trouble> {
    if row.is_empty() {
        return Err(Trouble::unknown("the query gives no row"));
    }
    let mut seen = Seen::default();
    let mut told = Vec::new();
    for (at, (name, value)) in row.iter().enumerate() {
        let number = value.as_ref().and_then(|value| value.parse::<f64>().ok());
        told.push(format!("{name} {}", value.as_deref().unwrap_or("null")));
        let label = if at == 0 { "value" } else { name };
        if number.is_some() || at == 0 {
            seen.value(label, number.unwrap_or(f64::NAN), "");
        }
    }
    seen.summary = text::excerpt(told.join(", ").as_bytes());
    Ok(seen)
}

/// A server that has no place left for us, or is not ready, is in trouble; not being let in and a query that is wrong are
/// ours to mend.
fn of_postgres(doing: &str, error: &tokio_postgres::Error) -> Trouble {
    let Some(database) = error.as_db_error() else {
        let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
        return Trouble { status: CRITICAL, text: text::line(&format!("{doing}: {error}{source}")) };
    };
    let told = text::line(&format!("{doing}: {} ({})", database.message(), database.code().code()));
    let is_server = [
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::QUERY_CANCELED,
    ];
    let class = &database.code().code()[..2];
    let is_server = is_server.contains(database.code()) || matches!(class, "53" | "57" | "58" | "XX");
    if is_server { Trouble::critical(told) } else { Trouble::unknown(told) }
}

fn problems(check: &CheckConfig) -> Vec<(&'static str, String)> {
    let lonely = (check.password.is_some() || check.password_file.is_some()) && check.user.is_none();
    lonely.then(|| ("user", "there is a password and no user: add user".to_owned())).into_iter().collect()
}
