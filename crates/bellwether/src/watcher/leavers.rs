//! Whoever has not come by the sign-in provider's word for long: their tokens rest, and health names those who are told of
//! pages, so that they sign in or somebody takes them off the list. And who came by it under a name that means somebody here.

use std::sync::Arc;
use std::time::Duration;

use http_api::control::{Part, State};
use tokio::sync::watch;

use crate::health::part;
use crate::house::House;

const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So many are named in health.
const NAMED: usize = 5;

pub async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow_and_update() {
        let services = house.services.load().as_ref().clone();
        if let Some(services) = services {
            match http_api::look_after_people(&services).await {
                Ok(soon) => *house.unseen.lock() = soon,
                Err(problem) => tracing::warn!(
                    error = problem.error,
                    "who has left the provider cannot be written down, and is looked at again"
                ),
            }
            // People who could not be read are those of before until something changes, which may be long.
            if house.desk.is_unread() {
                let read = tokio::task::spawn_blocking(move || services.control.people_changed());
                // A task that panicked has said so.
                let _ = read.await;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// None: everybody who is told of pages has signed in lately.
pub fn leavers_part(house: &House) -> Option<Part> {
    let mut unseen = house.unseen.lock().clone();
    unseen.retain(|name| house.desk.is_contact(name));
    (!unseen.is_empty()).then(|| Part {
        state: State::Warning,
        text: words(&unseen),
        ..part("leavers", "forward", "People not seen")
    })
}

fn words(unseen: &[String]) -> String {
    let named = unseen.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let more = unseen.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "not signed in for long: {named}{more}; their tokens rest, or do within a week, and they are told of pages that name \
         them all the same. They sign in, or whoever has left is taken out of schedules, policies and teams"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_named() {
        let names: Vec<String> = (1..=7).map(|n| format!("p{n}")).collect();
        assert!(words(&names).starts_with("not signed in for long: p1, p2, p3, p4, p5 and 2 more; "));
        assert!(words(&names[..1]).starts_with("not signed in for long: p1; "));
    }
}
