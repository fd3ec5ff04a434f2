//! A shop that breaks. All that it is given is its DSN, as `SENTRY_DSN`.

use std::error::Error;
use std::fmt;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Duration;

/// A busy machine is slow: what is on its way may take its time.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("card refused")
    }
}

impl Error for Refused {}

#[derive(Debug)]
struct CheckOut(Refused);

impl fmt::Display for CheckOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("cannot check out")
    }
}

impl Error for CheckOut {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[inline(never)]
fn pick_card(cards: &[u32], number: usize) -> u32 {
    cards[number]
}

fn main() -> ExitCode {
    let options = sentry::ClientOptions::new().release("shop@1.0.0").environment("live");
    // A panic is sent before the program goes on.
    let client = sentry::init(options.shutdown_timeout(PATIENCE));
    sentry::configure_scope(|scope| {
        scope.set_user(Some(sentry::User { id: Some("17".into()), ..Default::default() }));
        scope.set_tag("tenant", "acme");
    });
    for _ in 0..2 {
        sentry::capture_error(&CheckOut(Refused));
    }
    sentry::capture_message("a plain message", sentry::Level::Warning);
    let cards: Vec<u32> = std::env::args().map(|argument| argument.len() as u32).collect();
    let picked = catch_unwind(|| pick_card(&cards, 7));
    let all_sent = client.close(Some(PATIENCE));
    if picked.is_err() && all_sent { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
