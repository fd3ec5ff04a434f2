//! A WebSocket as a client, over a connection that was judged as every other one is.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::connection::{Connection, Target};
use crate::deadline::Deadline;
use crate::egress::Egress;
use crate::failure::{Failure, Kind};
use crate::http::Request;

pub struct Websocket(WebSocketStream<Connection>);

/// What came within the time that somebody had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    /// Nothing that is said to us, but a sign of life.
    Alive,
    Nothing,
    /// The other side is gone, as it said it would be.
    Closed,
}

impl Websocket {
    /// Of the request its address, its times and whom it trusts. Messages are at most so long.
    pub async fn open(egress: &Egress, request: &Request, most: usize) -> Result<Websocket, Failure> {
        let url = &request.url;
        let deadline = Deadline::after(request.connect_timeout);
        let mut connection = Connection::open(egress, Target::new(url.host(), url.port()), deadline).await?;
        if url.is_encrypted() {
            let mut options = request.tls.clone();
            options.protocols = &[b"http/1.1"];
            connection = connection.encrypt(egress, &options, deadline).await?;
        }
        // What is encrypted is so already: the library only says whom it asks for what.
        let address = format!("ws://{}{}", url.authority(), url.path_and_query());
        let config = WebSocketConfig::default().max_message_size(Some(most)).max_frame_size(Some(most));
        let shaken = async {
            let opened = client_async_with_config(address, connection, Some(config)).await;
            opened.map_err(|error| of_websocket("open the WebSocket", error))
        };
        let (stream, _) = Deadline::after(request.timeout).within("open the WebSocket", shaken).await?;
        Ok(Websocket(stream))
    }

    /// Pings are answered along the way.
    pub async fn next(&mut self, patience: Duration) -> Result<Frame, Failure> {
        let Ok(came) = tokio::time::timeout(patience, self.0.next()).await else { return Ok(Frame::Nothing) };
        match came {
            None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => Ok(Frame::Closed),
            Some(Ok(Message::Text(text))) => Ok(Frame::Text(text.to_string())),
            Some(Ok(_)) => Ok(Frame::Alive),
            Some(Err(error)) => Err(of_websocket("read", error)),
        }
    }

    pub async fn send(&mut self, text: String, timeout: Duration) -> Result<(), Failure> {
        self.write(Message::text(text), timeout).await
    }

    pub async fn ping(&mut self, timeout: Duration) -> Result<(), Failure> {
        self.write(Message::Ping(Vec::new().into()), timeout).await
    }

    async fn write(&mut self, message: Message, timeout: Duration) -> Result<(), Failure> {
        let sent = async { self.0.send(message).await.map_err(|error| of_websocket("send", error)) };
        Deadline::after(timeout).within("send", sent).await
    }
}

fn of_websocket(doing: &str, error: Error) -> Failure {
    match error {
        Error::Io(error) => Failure::of_io(doing, &error),
        Error::Http(answer) => {
            Failure::new(Kind::Garbled, format!("{doing}: the answer is {}", answer.status()))
        }
        Error::Capacity(error) => Failure::new(Kind::TooMuch, format!("{doing}: {error}")),
        Error::ConnectionClosed | Error::AlreadyClosed => {
            Failure::new(Kind::Closed, format!("{doing}: the connection was closed"))
        }
        other => Failure::new(Kind::Garbled, format!("{doing}: {other}")),
    }
}
