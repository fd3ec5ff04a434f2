//! One series: what is known of it.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::ports::{FindQuery, Node, SeriesInfo, SeriesMatch};
use vocabulary::{SeriesRef, ValueKind};

use super::status::off_thread;
use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::guess::{self, Level, Type};
use crate::levels::Levels;
use crate::services::Services;

#[derive(Deserialize, IntoParams)]
pub struct Which {
    name: String,
}

#[derive(Serialize, ToSchema)]
pub struct Description {
    name: String,
    /// "number" or "sketch"
    kind: &'static str,
    unit: Option<&'static str>,
    /// What a value says, guessed from the name.
    r#type: Type,
    level: Level,
    policy: PolicyInEffect,
    created: i64,
    last_point: Option<i64>,
    /// Points that came after their time was sealed, since the start.
    late: u64,
    help: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct PolicyInEffect {
    archives: Vec<String>,
    #[schema(value_type = String, example = "average")]
    aggregation: vocabulary::retention::Aggregation,
    x_files_factor: f32,
}

#[utoipa::path(get, path = "/describe", params(Which),
    responses((status = 200, body = Description), (status = 404, body = Problem)))]
pub async fn describe(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<Description>> {
    off_thread(&services, move |services| {
        let missing = || Problem::not_found(format!("there is no series `{}`", which.name));
        let series = exactly(services, &caller, &which.name)?.ok_or_else(missing)?;
        let info = services.source.describe(series).ok_or_else(missing)?;
        let level = Levels::load(&services.state)?.of(&info.name);
        Ok(Json(description(services, info, level)))
    })
    .await
}

fn description(services: &Services, info: SeriesInfo, level: Level) -> Description {
    Description {
        kind: if info.kind == ValueKind::Sketch { "sketch" } else { "number" },
        unit: services
            .control
            .help(&info.name)
            .and_then(|help| help.unit)
            .or_else(|| guess::unit(&info.name)),
        r#type: guess::type_of(&info.name),
        level,
        policy: PolicyInEffect {
            archives: info.policy.archives.as_slice().iter().map(ToString::to_string).collect(),
            aggregation: info.policy.aggregation,
            x_files_factor: info.policy.x_files_factor,
        },
        created: info.created.0,
        last_point: info.last_point.map(|at| at.0),
        late: info.late,
        help: services.control.help(&info.name).map(|help| help.text.to_owned()),
        name: info.name.to_string(),
    }
}

/// The series of just this name, whatever characters of patterns are in it.
fn exactly(services: &Services, caller: &Caller, name: &str) -> Answer<Option<SeriesRef>> {
    for kind in [ValueKind::Number, ValueKind::Sketch] {
        let query = FindQuery { pattern: name, kind, scope: &caller.scope, limit: 1_000 };
        let found = services.source.find(&query)?.into_iter().find_map(|node| match node {
            Node::Leaf(SeriesMatch { series, name: found }) if *found == *name => Some(series),
            _ => None,
        });
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
