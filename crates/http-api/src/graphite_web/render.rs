//! `/render`

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use graphite::{Defaults, Environment, RenderRequest};

use super::{plain, respond, respond_with};
use crate::accounts::Caller;
use crate::answers::{self, KeptAnswer, Question};
use crate::evaluate::StateEvents;
use crate::parameters::Parameters;
use crate::services::Services;

pub async fn render(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Parameters(parameters): Parameters,
) -> Response {
    let (now, budget) = (services.clock.now(), services.settings.load().http.answer_cache_bytes);
    let pictures = services.pictures.load();
    let defaults = Defaults {
        zone: services.zone.clone(),
        templates: pictures.templates.clone(),
        fonts: pictures.fonts.clone(),
    };
    let request = match RenderRequest::from_params(&parameters, now, &defaults) {
        Ok(request) => request,
        Err(refusal) => {
            services.counters.queries_failed.fetch_add(1, Ordering::Relaxed);
            return respond(Err(refusal));
        }
    };
    let parameters = Parameters(parameters);
    let now = request.question.now;
    let longest_age = answers::longest_age(&parameters).filter(|_| budget > 0);
    let question = longest_age.map(|_| Question::new(&parameters, request.question.window, &caller.scope));
    if let Some((question, longest_age)) = question.as_ref().zip(longest_age)
        && let Some(kept) = services.answers.get(question, services.source.as_ref(), now, longest_age)
    {
        return respond_with(kept);
    }
    let answered = services.query(move |services, limits| {
        let events = StateEvents { state: &services.state, scope: &caller.scope };
        let environment =
            Environment { source: services.source.as_ref(), events: &events, scope: &caller.scope, limits };
        let moment = services.source.moment().zip(question);
        let (answer, _, grounds) = graphite::render_with_grounds(&request, environment)?;
        let answer = KeptAnswer::from(answer);
        if let Some((moment, question)) = moment {
            services.answers.keep(question, answer.clone(), grounds, (moment, now), budget);
        }
        Ok(answer)
    });
    match answered.await {
        Ok(Ok(answer)) => respond_with(answer),
        Ok(Err(refusal)) => {
            services.counters.queries_failed.fetch_add(1, Ordering::Relaxed);
            respond(Err(refusal))
        }
        Err(problem) => problem.into_response(),
    }
}

/// How front ends of graphite-web ask one another to evaluate; with pickles that hold anything.
pub async fn local() -> Response {
    plain(
        StatusCode::NOT_FOUND,
        "Rendering for another graphite-web is not served. List this server in its CLUSTER_SERVERS: /render and \
         /metrics/find answer pickle and msgpack.\n",
    )
}
