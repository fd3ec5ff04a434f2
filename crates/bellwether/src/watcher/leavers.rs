//! Whoever has not come by the sign-in provider's word for long is told nothing more, and their tokens rest; and who came by
//! it under a name that means somebody here.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::house::House;

const LOOK_EVERY: Duration = Duration::from_secs(30);

pub async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow_and_update() {
        let services = house.services.load().as_ref().clone();
        if let Some(services) = services
            && let Err(problem) = http_api::look_after_people(&services).await
        {
            tracing::warn!(
                error = problem.error,
                "who has left the provider cannot be written down, and is looked at again"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.changed() => {}
        }
    }
}
