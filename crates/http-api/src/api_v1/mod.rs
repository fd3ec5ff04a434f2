//! Bellwether's own JSON API, one file per noun. Described for people in docs/http-api.md and for
//! machines at `/api/v1/openapi.json`.

pub mod agent;
pub mod audit;
pub mod availability;
pub mod calendars;
pub mod channels;
mod check_test;
pub mod checks;
pub mod closest;
pub mod comments;
pub mod contacts;
pub mod cover;
pub mod deeds;
pub mod describe;
pub mod downtimes;
mod earlier;
pub mod errors;
mod evidence;
pub mod explain;
pub mod flags;
pub mod funnels;
pub mod grafana_alerts;
pub mod graph;
pub mod guide;
pub mod heartbeats;
pub mod home;
pub mod hosts;
pub mod incidents;
pub mod inventory;
pub mod invitations;
pub mod levels;
pub mod log_level;
pub mod monitor_test;
pub mod monitors;
pub mod moved;
pub mod moving;
pub mod nagios;
pub mod nights;
pub mod noise;
pub mod notifications;
mod oncall_defined;
pub mod oncall_making;
pub mod overrides;
pub mod own_rules;
pub mod people;
pub mod playbooks;
pub mod points;
pub mod policies;
pub mod post_mortems;
pub mod proof;
pub mod proposal;
pub mod refused;
pub mod rehearsal;
mod removing;
pub mod reports;
pub mod schedules;
pub mod search;
pub mod services;
pub mod session;
pub mod silences;
pub mod status;
pub mod status_posts;
pub mod storage;
pub mod teams;
pub mod tokens;
pub mod trial;
pub mod trust;
pub mod watched;
pub mod ways;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use utoipa::OpenApi;

use crate::answer::Problem;
use crate::services::Services;

pub use status::off_thread;

pub fn router() -> Router<Arc<Services>> {
    Router::new()
        .route("/status", get(status::status))
        .route("/home", get(home::home))
        .route("/services", get(services::services))
        .route("/inventory", get(inventory::inventory))
        .route("/availability", get(availability::availability))
        .route("/monitors/test", post(monitor_test::test))
        .route("/trial", post(trial::trial))
        .route("/graph", get(graph::graph).post(graph::graph_from_body))
        .route("/explain", get(explain::explain).post(explain::explain_from_body))
        .route("/trust", get(trust::trust))
        .route("/series", get(search::series))
        .route("/describe", get(describe::describe))
        .route("/health", get(status::health))
        .route("/cardinality", get(status::cardinality))
        .route("/config", get(status::configuration))
        .route("/storage/retention", get(storage::retention))
        .route("/storage/compact", post(storage::compact))
        .route("/storage/fsck", post(storage::fsck))
        .route("/storage/repolicy", post(storage::repolicy))
        .route("/backup", post(storage::backup))
        .route("/import/whisper", post(moving::import_whisper))
        .route("/export/whisper", post(moving::export_whisper))
        .route("/import/nagios-state", post(nagios::take_state))
        .route("/import/nagios-archive", get(nagios::archives).post(nagios::take_archive))
        .route("/points", post(points::store))
        .route("/agent/batch", post(agent::take))
        .route("/levels", get(levels::rules).put(levels::set_rules))
        .route("/log-level", put(log_level::set))
        .route("/session", post(session::sign_in).delete(session::sign_out))
        .route("/session/password", post(session::change_password))
        .route("/people", get(people::list).post(people::set))
        .route("/people/{name}", get(people::one).put(people::describe).delete(people::remove))
        .route("/people/{name}/role", put(people::set_role))
        .route("/people/{name}/link", post(people::links::link).delete(people::links::unlink))
        .route("/people/{name}/suspension", delete(people::links::unsuspend))
        .route("/people/{name}/ways", get(ways::of_person).delete(ways::remove_of_person))
        .route("/me/ways", get(ways::list).put(ways::set))
        .route("/me/ways/{id}/code", post(ways::send_code))
        .route("/me/ways/{id}/confirm", post(ways::confirm))
        .route("/me/ways/{id}/test", post(ways::test))
        .route("/invitations", get(invitations::list).post(invitations::invite))
        .route("/invitations/accept", post(invitations::accept))
        .route("/invitations/{id}", delete(invitations::withdraw))
        .route("/audit", get(audit::audit))
        .route("/teams", get(teams::list))
        .route("/teams/{name}", put(teams::set).delete(teams::remove))
        .route("/errors/groups", get(errors::groups::list))
        .route("/errors/groups/{id}", get(errors::groups::one).post(errors::deeds::decide))
        .route("/errors/groups/{id}/events", get(errors::events::list))
        .route("/errors/groups/{id}/facets", get(errors::facets::list))
        .route("/errors/groups/{id}/facets/{key}", get(errors::facets::one))
        .route("/errors/groups/{id}/merge", post(errors::deeds::merge))
        .route("/errors/groups/{id}/similar", get(errors::similar::list))
        .route("/errors/groups/{id}/split", post(errors::deeds::split))
        .route("/errors/attachments/{id}", get(errors::events::attachment))
        .route("/errors/feedback", get(errors::feedback::list))
        .route("/errors/projects", get(errors::projects::list).post(errors::projects::create))
        .route("/errors/projects/{name}", get(errors::projects::one).put(errors::projects::change))
        .route("/errors/projects/{name}/groups", post(errors::moving::take_over))
        .route("/errors/projects/{name}/erase", post(errors::projects::erase))
        .route("/errors/projects/{name}/try", post(errors::trial::try_settings))
        .route("/errors/releases", get(errors::releases::list))
        .route("/errors/releases/{version}", get(errors::releases::one))
        .route("/errors/series", get(errors::series::series))
        .route("/heartbeats", get(heartbeats::list))
        .route("/heartbeats/{name}", get(heartbeats::one).delete(heartbeats::remove))
        .route("/heartbeats/{name}/ping", post(heartbeats::ping))
        .route("/heartbeats/{name}/pause", post(heartbeats::pause))
        .route("/heartbeats/{name}/resume", post(heartbeats::resume))
        .route("/incidents", get(incidents::list).post(deeds::declare))
        .route("/incidents/{id}/take", post(deeds::take))
        .route("/incidents/{id}/handover", post(deeds::hand_over))
        .route("/incidents/{id}/escalate", post(deeds::escalate))
        .route("/incidents/{id}/severity", post(deeds::severity))
        .route("/incidents/{id}/reopen", post(deeds::reopen))
        .route("/incidents/{id}/merge", post(deeds::merge))
        .route("/incidents/{id}/split", post(deeds::split))
        .route("/incidents/{id}/silence", post(deeds::silencing::silence))
        .route("/incidents/{id}", get(incidents::one))
        .route("/incidents/{id}/moved", get(moved::of_incident))
        .route("/closest", get(closest::closest))
        .route("/flags", get(flags::list))
        .route("/flags/{name}", put(flags::set).delete(flags::remove))
        .route("/incidents/{id}/acknowledge", post(incidents::acknowledge))
        .route("/incidents/{id}/resolve", post(incidents::resolve))
        .route("/incidents/{id}/judge", post(incidents::judge))
        .route("/oncall", get(schedules::on_call))
        .route("/oncall/preview", post(oncall_making::preview))
        .route("/oncall/export", get(oncall_making::export))
        .route("/oncall/rehearsal", get(rehearsal::rehearse))
        .route("/oncall/calendars", get(calendars::list).post(calendars::create))
        .route("/oncall/calendars/{id}", delete(calendars::revoke))
        .route("/oncall/ical/{token}", get(calendars::read))
        .route("/schedules", get(schedules::list))
        .route("/schedules/{name}", get(schedules::one).put(schedules::define).delete(schedules::undefine))
        .route("/schedules/{name}/shifts", get(schedules::shifts))
        .route("/schedules/{name}/gaps", get(schedules::gaps_of))
        .route("/escalation-policies", get(policies::list))
        .route(
            "/escalation-policies/{name}",
            get(policies::one).put(policies::define).delete(policies::undefine),
        )
        .route("/overrides", get(overrides::list).post(overrides::create))
        .route("/overrides/{id}", delete(overrides::end))
        .route("/cover", get(cover::list).post(cover::ask))
        .route("/cover/{id}", delete(cover::withdraw))
        .route("/cover/{id}/accept", post(cover::accept))
        .route("/me/rules", get(own_rules::read).put(own_rules::write))
        .route("/channels", get(channels::list))
        .route("/contacts", get(contacts::list))
        .route("/contacts/{name}/test", get(contacts::tried).post(contacts::try_it))
        .route("/grafana/alerts", post(grafana_alerts::take))
        .route("/incidents/{id}/playbook", get(guide::guide))
        .route("/incidents/{id}/tick", post(guide::tick))
        .route("/incidents/{id}/untick", post(guide::untick))
        .route("/playbooks", get(playbooks::list))
        .route("/playbooks/{name}", get(playbooks::one).put(playbooks::write).delete(playbooks::remove))
        .route("/playbooks/{name}/versions", get(playbooks::versions))
        .route("/nights", get(nights::nights))
        .route("/noise", get(noise::noise))
        .route("/reports", get(reports::report))
        .route("/post-mortems", get(post_mortems::list).post(post_mortems::begin))
        .route("/post-mortems/{id}", get(post_mortems::one).put(post_mortems::write))
        .route("/post-mortems/{id}/versions", get(post_mortems::versions))
        .route("/post-mortems/{id}/preview", get(post_mortems::publishing::preview))
        .route(
            "/post-mortems/{id}/publish",
            post(post_mortems::publishing::publish).delete(post_mortems::publishing::withdraw),
        )
        .route("/post-mortems/{id}/follow-ups", post(post_mortems::follow_ups::add))
        .route(
            "/post-mortems/{id}/follow-ups/{follow_up}",
            put(post_mortems::follow_ups::change).delete(post_mortems::follow_ups::remove),
        )
        .route("/follow-ups", get(post_mortems::follow_ups::open))
        .route("/incidents/{id}/proposal", get(proposal::proposal))
        .route("/incidents/{id}/earlier", get(earlier::earlier))
        .route("/incidents/{id}/helped", post(earlier::helped))
        .route("/status-posts", get(status_posts::list).post(status_posts::begin))
        .route("/status-posts/{id}", delete(status_posts::withdraw))
        .route("/status-posts/{id}/updates", post(status_posts::go_on))
        .route("/proof", get(proof::list).post(proof::begin))
        .route("/proof/{id}", get(proof::one))
        .route("/funnels", get(funnels::funnels))
        .route("/incidents/{id}/note", post(incidents::note))
        .route("/incidents/{id}/snooze", post(incidents::snooze))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", delete(tokens::remove))
        .route("/monitors", get(monitors::monitors))
        .route("/monitors/export", get(monitors::export))
        .route("/monitors/diff", get(monitors::differences))
        .route("/monitors/{name}", get(monitors::monitor).put(monitors::define).delete(monitors::undefine))
        .route("/monitors/{name}/instances", delete(monitors::take_out_instance))
        .route("/monitors/{name}/versions", get(monitors::versions))
        .route("/checks/{name}", get(checks::show_check))
        .route("/checks/{name}/result", post(checks::take_check_result))
        .route("/checks/{name}/history", get(checks::check_history))
        .route("/checks/{name}/run", post(checks::run_check))
        .route(
            "/checks/{name}/ack",
            post(checks::acknowledge_check).delete(checks::remove_check_acknowledgement),
        )
        .route("/checks/{name}/notifications", put(checks::switch_check_notifications))
        .route("/checks/{name}/notify", post(checks::notify_of_check))
        .route("/checks/{name}/comments", post(checks::comment_on_check))
        .route("/hosts/{name}", get(hosts::show_host))
        .route("/hosts/{name}/result", post(hosts::take_host_result))
        .route("/hosts/{name}/history", get(hosts::host_history))
        .route("/hosts/{name}/run", post(hosts::run_host))
        .route("/hosts/{name}/ack", post(hosts::acknowledge_host).delete(hosts::remove_host_acknowledgement))
        .route("/hosts/{name}/notifications", put(hosts::switch_host_notifications))
        .route("/hosts/{name}/notify", post(hosts::notify_of_host))
        .route("/hosts/{name}/comments", post(hosts::comment_on_host))
        .route("/comments", get(comments::list).post(comments::write))
        .route("/comments/{id}", delete(comments::remove))
        .route("/downtimes", get(downtimes::downtimes).post(downtimes::plan_downtime))
        .route("/downtimes/upcoming", get(downtimes::upcoming))
        .route("/downtimes/{id}", delete(downtimes::cancel_downtime))
        .route("/silences", get(silences::list).post(silences::silence))
        .route("/silences/{id}", delete(silences::end))
        .route("/notifications", get(notifications::notifications))
        .route("/checks", get(monitors::checks))
        .route("/hosts", get(monitors::hosts))
        .route("/stream", get(crate::stream::open))
        .route("/streams/{id}", put(crate::stream::set_targets))
        .route("/openapi.json", get(openapi))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        .layer(middleware::map_request(without_a_type))
}

/// A body without a type, or with the one that `curl -d` gives, is JSON: no body here is a form. Pages of other sites,
/// which could send a form without asking, are refused before.
async fn without_a_type(mut request: Request) -> Request {
    let headers = request.headers_mut();
    let said = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if said.is_none_or(|kind| kind == b"application/x-www-form-urlencoded") {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    request
}

pub const VERSION: &str = "v1";
const WHERE_TO_LOOK: &str = "/api/v1/openapi.json lists what there is";

async fn nothing_here(uri: Uri) -> Problem {
    unknown(uri.path())
}

/// `path`: below `/api/v1`.
pub fn unknown(path: &str) -> Problem {
    Problem::not_found(format!("there is nothing at /api/v1{path}")).hint(WHERE_TO_LOOK)
}

async fn not_so(method: Method, uri: Uri) -> Problem {
    Problem::wrong_method(&method, &format!("/api/v1{}", uri.path()))
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Bellwether", description = "Points, graphs, health and settings of a Bellwether server"),
    servers((url = "/api/v1")),
    paths(
        status::status, status::health, status::cardinality, status::configuration, home::home, services::services, inventory::inventory, availability::availability, graph::graph, monitor_test::test, trial::trial,
        graph::graph_from_body, explain::explain, explain::explain_from_body, trust::trust, search::series, describe::describe, storage::retention,
        storage::compact, storage::fsck, storage::repolicy, storage::backup, moving::import_whisper,
        moving::export_whisper, nagios::take_state, nagios::take_archive, nagios::archives, points::store, agent::take, levels::rules,
        levels::set_rules, log_level::set, session::sign_in, session::sign_out, session::change_password, audit::audit,
        people::list, people::one, people::set, people::describe, people::set_role, people::links::link, people::links::unlink, people::links::unsuspend, people::remove, ways::list, ways::set, ways::send_code, ways::confirm, ways::test, ways::of_person, ways::remove_of_person,
        invitations::list, invitations::invite, invitations::accept, invitations::withdraw, teams::list, teams::set, teams::remove, tokens::list, tokens::create, tokens::remove,
        monitors::monitors, monitors::export, monitors::differences, monitors::monitor, monitors::define, monitors::undefine, monitors::take_out_instance, monitors::versions, monitors::checks, monitors::hosts,
        checks::show_check, checks::take_check_result, checks::check_history, checks::run_check, checks::acknowledge_check,
        checks::remove_check_acknowledgement, checks::switch_check_notifications, checks::notify_of_check, checks::comment_on_check,
        hosts::show_host, hosts::take_host_result, hosts::host_history, hosts::run_host, hosts::acknowledge_host,
        hosts::remove_host_acknowledgement, hosts::switch_host_notifications, hosts::notify_of_host, hosts::comment_on_host,
        comments::list, comments::write, comments::remove, downtimes::downtimes, downtimes::upcoming, downtimes::plan_downtime, downtimes::cancel_downtime, silences::list,
        silences::silence, silences::end, notifications::notifications,
        errors::groups::list, errors::groups::one, errors::deeds::decide, errors::deeds::merge, errors::deeds::split, errors::events::list, errors::events::attachment, errors::feedback::list, errors::facets::list, errors::facets::one, errors::similar::list,
        errors::projects::list, errors::projects::create, errors::projects::one, errors::projects::change, errors::projects::erase, errors::trial::try_settings, errors::releases::list, errors::releases::one, errors::series::series,
        heartbeats::list, heartbeats::one, heartbeats::remove, heartbeats::ping, heartbeats::pause, heartbeats::resume,
        schedules::on_call, rehearsal::rehearse, calendars::list, calendars::create, calendars::revoke, calendars::read, schedules::list, schedules::one, schedules::define, schedules::undefine, schedules::shifts, schedules::gaps_of, oncall_making::preview, oncall_making::export,
        overrides::list, overrides::create, overrides::end, cover::list, cover::ask, cover::accept, cover::withdraw, own_rules::read, own_rules::write, policies::list, policies::one, policies::define, policies::undefine,
        moved::of_incident, closest::closest, errors::moving::take_over, flags::list, flags::set, flags::remove,
        proposal::proposal, post_mortems::list, post_mortems::begin, post_mortems::one, post_mortems::write, post_mortems::versions, earlier::earlier, earlier::helped,
        post_mortems::publishing::preview, post_mortems::publishing::publish, post_mortems::publishing::withdraw,
        post_mortems::follow_ups::open, post_mortems::follow_ups::add, post_mortems::follow_ups::change, post_mortems::follow_ups::remove,
        status_posts::list, status_posts::begin, status_posts::go_on, status_posts::withdraw,
        incidents::list, incidents::one, deeds::declare, deeds::take, deeds::hand_over, deeds::escalate, deeds::severity, deeds::reopen, deeds::merge, deeds::split, deeds::silencing::silence, incidents::acknowledge, incidents::resolve, incidents::note, incidents::judge, nights::nights, noise::noise, proof::list, proof::begin, proof::one, reports::report, funnels::funnels, grafana_alerts::take, channels::list, contacts::list, contacts::try_it, contacts::tried, incidents::snooze,
        playbooks::list, playbooks::one, playbooks::write, playbooks::remove, playbooks::versions, guide::guide, guide::tick, guide::untick,
        crate::stream::open, crate::stream::set_targets
    )
)]
struct Description;

async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `/people/{name}` and `/people/NAME` alike.
    fn shape(path: &str) -> String {
        let is_parameter = |part: &str| part.starts_with('{') || part.chars().all(|c| c.is_ascii_uppercase());
        let parts = path.trim_matches('/').split('/');
        parts.map(|part| if is_parameter(part) { "*" } else { part }).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn people_and_machines_are_told_of_the_same_paths() {
        let text = include_str!("../../../../docs/http-api.md");
        let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/');
        let path = |rest: &str| rest.split(|c| !is_path(c)).next().unwrap_or_default().to_owned();
        let mut for_people: BTreeSet<String> =
            text.split("/api/v1/").skip(1).map(|rest| shape(&path(rest))).collect();
        for no_operation in ["*", "openapi.json"] {
            for_people.remove(no_operation);
        }
        let described = Description::openapi();
        let for_machines: BTreeSet<String> = described.paths.paths.keys().map(|path| shape(path)).collect();
        assert_eq!(for_people, for_machines, "docs/http-api.md and the code differ");
    }
}
