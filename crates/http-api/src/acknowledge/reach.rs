//! `/a/reach/<question>`: is the address that pages lead to really ours? The binary asks for it by `http.public_url`, as a
//! telephone would; only this server knows the answer, which is no part of the question, so that no page of a provider and
//! no proxy that answers everything is taken for us.

use std::sync::Arc;

use accounts::random_secret;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Problem;
use crate::services::Services;

/// Do the links in pages lead here?
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Links {
    /// `http.public_url`; empty: nobody has said it, so links are of this machine only.
    pub address: String,
    /// Asked from this server itself. Null: it cannot be known, or was not asked yet.
    pub reachable: Option<bool>,
    /// Why, and how to mend it.
    pub text: String,
    /// Seconds since 1970.
    pub checked_at: Option<f64>,
}

/// What is asked now, and what became of the last time.
#[derive(Default)]
pub struct Reach {
    asked: Mutex<Option<Question>>,
    links: Mutex<Links>,
}

#[derive(Clone, Debug)]
pub struct Question {
    secret: String,
    pub answer: String,
}

impl Question {
    /// Below the address that is asked.
    pub fn path(&self) -> String {
        format!("/a/reach/{}", self.secret)
    }
}

impl Reach {
    /// Another one each time; the one before is answered no more.
    pub fn ask(&self) -> Result<Question, String> {
        let random = || random_secret().map_err(|error| format!("no random numbers: {error}"));
        let question = Question { secret: random()?, answer: random()? };
        *self.asked.lock() = Some(question.clone());
        Ok(question)
    }

    pub fn close(&self, links: Links) {
        *self.asked.lock() = None;
        *self.links.lock() = links;
    }

    pub fn links(&self) -> Links {
        self.links.lock().clone()
    }

    fn answer(&self, secret: &str) -> Option<String> {
        self.asked.lock().as_ref().filter(|asked| asked.secret == secret).map(|asked| asked.answer.clone())
    }
}

pub async fn reach(State(services): State<Arc<Services>>, Path(secret): Path<String>) -> Response {
    match services.reach.answer(&secret) {
        Some(answer) => {
            let headers =
                [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
            (headers, answer).into_response()
        }
        None => Problem::not_found("nobody has asked this").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_while_it_is_asked() {
        let reach = Reach::default();
        let first = reach.ask().unwrap();
        assert_eq!(reach.answer(&first.secret), Some(first.answer.clone()));
        assert!(!first.path().contains(&first.answer));
        let second = reach.ask().unwrap();
        assert_eq!(reach.answer(&first.secret), None, "it was another time");
        reach.close(Links { reachable: Some(true), ..Links::default() });
        assert_eq!((reach.answer(&second.secret), reach.links().reachable), (None, Some(true)));
    }
}
