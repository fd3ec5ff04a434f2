//! Job queues among the series: five counters that belong together, with what a page would show and watch of them.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use monitors::kinds::metric::funnel::{self, Stage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use vocabulary::ValueKind;
use vocabulary::ports::{FindQuery, Node};

use super::status::off_thread;
use crate::accounts::Caller;
use crate::answer::{Answer, Params};
use crate::services::Services;

/// Series that are looked through.
const MAX_SERIES: usize = 200_000;
const MAX_FUNNELS: usize = 1_000;

#[derive(Deserialize, IntoParams)]
pub struct How {
    /// Where to look; default `**`, everything.
    pattern: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Funnels {
    funnels: Vec<Funnel>,
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct Funnel {
    queue: String,
    /// The series of each stage: enqueued, taken, completed, retried, given_up; null where there is none.
    #[schema(value_type = Object)]
    stages: Value,
    /// What a dashboard would show.
    panel: Panel,
    /// A monitor that notices jobs that come and are not done, with the keys of a file.
    #[schema(value_type = Object)]
    monitor: Value,
}

#[derive(Serialize, ToSchema)]
struct Panel {
    title: String,
    /// Jobs a second, of each stage.
    rates: Vec<String>,
    /// Of a hundred jobs that came in five minutes, how many were completed.
    share: Option<String>,
}

/// Queues of jobs that are recognised by what they count.
#[utoipa::path(get, path = "/funnels", params(How), responses((status = 200, body = Funnels)))]
pub async fn funnels(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(how): Params<How>,
) -> Answer<Json<Funnels>> {
    off_thread(&services, move |services| {
        let pattern = how.pattern.as_deref().unwrap_or("**");
        let query = FindQuery { pattern, kind: ValueKind::Number, scope: &caller.scope, limit: MAX_SERIES };
        let names: Vec<Arc<str>> = services
            .source
            .find(&query)?
            .into_iter()
            .filter_map(|node| match node {
                Node::Leaf(found) => Some(found.name),
                Node::Branch { .. } => None,
            })
            .collect();
        let queues = funnel::recognise(names.iter().map(|name| &**name));
        let more = queues.len() > MAX_FUNNELS;
        let funnels = queues.into_iter().take(MAX_FUNNELS);
        Ok(Json(Funnels { funnels: funnels.map(|(queue, found)| funnel_of(queue, &found)).collect(), more }))
    })
    .await
}

fn funnel_of(queue: String, found: &funnel::Funnel) -> Funnel {
    let series = |stage: Stage| found.stages[stage as usize].as_deref();
    let stages = Stage::ALL.map(|stage| (stage.name().to_owned(), json!(series(stage))));
    let rate =
        |stage: Stage| Some(format!("alias(scaleToSeconds({}, 1), \"{}\")", series(stage)?, stage.name()));
    let sum = |name: &str| format!("movingSum({name}, \"5min\")");
    let share = series(Stage::Enqueued).zip(series(Stage::Completed)).map(|(enqueued, completed)| {
        format!("alias(asPercent({}, {}), \"completed\")", sum(completed), sum(enqueued))
    });
    let panel =
        Panel { title: queue.clone(), rates: Stage::ALL.into_iter().filter_map(rate).collect(), share };
    let target = funnel::target_of(found);
    let monitor = json!({"name": format!("jobs {queue}"), "kind": "metric", "funnel": target});
    Funnel { queue, stages: Value::Object(stages.into_iter().collect()), panel, monitor }
}
