//! What a stream is told at one tick, as one thing: a reader is slow when ticks wait for it, however many messages
//! each of them has.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::response::sse::Event;
use tokio::sync::mpsc;
use tokio_stream::Stream;

pub type Batch = Vec<Event>;

/// The reader's end: one event after the other.
pub struct Batches {
    receiver: mpsc::Receiver<Batch>,
    waiting: VecDeque<Event>,
}

impl Batches {
    pub fn new(receiver: mpsc::Receiver<Batch>) -> Batches {
        Batches { receiver, waiting: VecDeque::new() }
    }
}

impl Stream for Batches {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Poll::Ready(Some(event));
            }
            match ready!(self.receiver.poll_recv(context)) {
                Some(batch) => self.waiting.extend(batch),
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_stream::StreamExt;

    #[tokio::test]
    async fn a_tick_of_many_messages_is_one_that_waits() {
        let (sender, receiver) = mpsc::channel(2);
        assert!(sender.try_send(vec![Event::default(); 1_000]).is_ok());
        assert!(sender.try_send(Vec::new()).is_ok());
        assert!(sender.try_send(vec![Event::default()]).is_err(), "two ticks wait already");
        drop(sender);
        assert_eq!(Batches::new(receiver).collect::<Vec<_>>().await.len(), 1_000);
    }
}
