//! How the copies fare: counters, gauges and the parts of the health page.

use http_api::control::{COPIES_OF, Part, State};
use http_api::sentry::tee::Passed;

use super::waiting::{MAX_BYTES, MAX_COPIES};
use crate::health::{dropped, part};
use crate::house::House;
use crate::own::Counters;

const DROPPED: &str = "Too many copies waited, or for more than a day, because the old side is slow or away; or more than 512 MiB came in five minutes; or the disk had no room.";
const REFUSED: &str = "The old side did not want them.";

/// By the project's name.
fn all(house: &House) -> Vec<(String, Passed)> {
    let queues = house.tee.all();
    let named = queues.iter().map(|queue| {
        let project = house.errors.projects.get(queue.project);
        (project.map_or_else(|| queue.project.to_string(), |project| project.name.clone()), queue.now())
    });
    named.collect()
}

fn counter(project: &str) -> String {
    format!("{COPIES_OF}{project}")
}

pub fn count(house: &House, counters: &mut Counters) {
    for (project, passed) in all(house) {
        let name = counter(&project);
        counters.add(&format!("{name}.sent"), passed.sent);
        counters.add(&format!("{name}.refused"), passed.refused);
        counters.add(&format!("{name}.dropped"), passed.dropped);
    }
}

pub fn gauges(house: &House, add: &mut impl FnMut(&str, f64)) {
    for (project, passed) in all(house) {
        add(&format!("{}.waiting", counter(&project)), passed.waiting as f64);
    }
}

pub fn parts(house: &House) -> Vec<Part> {
    all(house).iter().map(|(project, passed)| part_of(house, project, passed)).collect()
}

fn part_of(house: &House, project: &str, passed: &Passed) -> Part {
    let name = counter(project);
    let waiting = passed.waiting;
    let (state, text) = match &passed.failure {
        // Why names what answers there, and is told with the project to those who may ask any address.
        Some(_) => (
            State::Warning,
            format!("not taken: GET /api/v1/errors/projects/{project} says why; {waiting} wait"),
        ),
        None => (State::Ok, format!("{} sent, {waiting} wait", passed.sent)),
    };
    let lost = |what: &str, cause, total, help| dropped(house, &format!("{name}.{what}"), cause, total, help);
    let by_bytes = passed.waiting_bytes as f64 / MAX_BYTES as f64;
    Part {
        state,
        text,
        rate: house.history.rate(&format!("{name}.sent")),
        unit: Some("/s"),
        last_success: passed.last_sent.map(|at| at as f64),
        filled: Some(by_bytes.max(waiting as f64 / MAX_COPIES as f64)),
        dropped: vec![
            lost("dropped", "queue", passed.dropped, DROPPED),
            lost("refused", "refused", passed.refused, REFUSED),
        ],
        ..part(name.clone(), "forward", format!("Errors of {project} to their old Sentry"))
    }
}
