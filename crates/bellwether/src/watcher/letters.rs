//! Letters that are due: the report of the month that is over, and what was said on the status page.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::house::House;

const LOOK_EVERY: Duration = Duration::from_secs(30);

pub async fn run(house: Arc<House>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow_and_update() {
        let services = house.services.load().as_ref().clone();
        if let Some(services) = services {
            let report = http_api::mail_report(&services).await;
            let news = http_api::mail_news(&services).await;
            for (what, done) in [("the report of the month", report), ("news of the status page", news)] {
                if let Err(problem) = done {
                    tracing::warn!(what, error = problem.error, "cannot be mailed now, and is tried again");
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.changed() => {}
        }
    }
}
