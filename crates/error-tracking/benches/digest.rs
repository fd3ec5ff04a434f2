//! What becomes of an event of 100 frames, about 100 KB, in one thread: `cargo bench -p error-tracking`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use error_tracking::{LINES, NoSymbols, Project, Received, Settings, digest};
use formats::sentry::json::{self, Limits};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

fn main() {
    divan::main();
}

const NOW: Timestamp = Timestamp(1_700_000_000);
const FRAMES: usize = 100;

/// As Python's SDK writes it: lines of source with escapes, and some locals in each frame.
fn event() -> Vec<u8> {
    let frames = (0..FRAMES).map(frame).collect::<Vec<_>>().join(", ");
    format!(
        r#"{{"event_id": "9ec79c33ec9942ab8353589fcb2e04dc", "timestamp": {}, "platform": "python", "level": "error",
        "release": "web@1.0.0", "environment": "production", "server_name": "web1", "user": {{"id": "17"}},
        "tags": {{"tenant": "t1"}}, "exception": {{"values": [{{"type": "ValueError", "value": "no such order",
        "stacktrace": {{"frames": [{frames}]}}}}]}}}}"#,
        NOW.0
    )
    .into_bytes()
}

fn frame(at: usize) -> String {
    format!(
        r#"{{"filename": "app/module_{at}.py", "abs_path": "/srv/app/app/module_{at}.py", "function": "call_{at}",
        "module": "app.module_{at}", "lineno": {at}, "in_app": true, "pre_context": [{}], "context_line": {},
        "post_context": [{}], "vars": {{"self": "<Handler at 0x7f00{at:08x}>", "request": null, "count": "17",
        "items": [1, 2.5, {{"a": "b"}}]}}}}"#,
        lines(at, 0..5),
        lines(at, 5..6),
        lines(at, 6..11)
    )
}

fn lines(at: usize, numbers: std::ops::Range<usize>) -> String {
    let line = |number: usize| {
        let timeout = at * number;
        format!(r#""        value_{number} = self.handler_{at}(request, timeout={timeout}, name=\"x\")""#)
    };
    numbers.map(line).collect::<Vec<_>>().join(", ")
}

#[divan::bench]
fn read_and_digest(bencher: Bencher<'_, '_>) {
    let event = event();
    let project = Project::new(1, "web", Vec::new(), Settings::default(), NOW);
    let received = Received {
        at: NOW,
        sent_at: Some(NOW),
        peer_ip: None,
        envelope_event_id: None,
        spare_id: EventId::default(),
        client: Some("sentry.python/2.0".to_owned()),
    };
    bencher.counter(ItemsCount::new(1u32)).counter(BytesCount::new(event.len())).bench_local(|| {
        let mut room = json::room_for(&event);
        let tree = json::read_but(&LINES, &event, &Limits::default(), &mut room).expect("it is JSON");
        digest(&project, tree, &received, &NoSymbols).expect("it is an event").body.len()
    });
}
