//! An event of 100 frames, about 100 KB, in one thread: `cargo bench -p formats --bench sentry`.

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use formats::sentry::json::{self, Limits};
use formats::sentry::{Tree, envelope};

fn main() {
    divan::main();
}

const FRAMES: usize = 100;

/// As Python's SDK writes it: ten lines of source and some locals in each frame, with an escape here and there.
fn event() -> Vec<u8> {
    let line = |frame: usize, line: usize| {
        format!(
            "\"        value_{line} = self.handler_{frame}(request, timeout={}, name=\\\"x\\\")\"",
            frame * line
        )
    };
    let lines =
        |frame, from: usize| (from..from + 5).map(|at| line(frame, at)).collect::<Vec<_>>().join(", ");
    let frame = |at: usize| {
        format!(
            "{{\"filename\": \"app/module_{at}.py\", \"abs_path\": \"/srv/app/app/module_{at}.py\", \"function\": \"call_{at}\", \
             \"module\": \"app.module_{at}\", \"lineno\": {at}, \"in_app\": true, \"pre_context\": [{}], \
             \"context_line\": {}, \"post_context\": [{}], \"vars\": {{\"self\": \"<Handler at 0x{at:012x}>\", \
             \"request\": null, \"count\": \"{at}\", \"items\": [1, 2.5, {{\"a\": \"b\"}}]}}}}",
            lines(at, 0),
            line(at, 5),
            lines(at, 6)
        )
    };
    let frames = (0..FRAMES).map(frame).collect::<Vec<_>>().join(", ");
    let exception =
        format!("{{\"type\": \"ValueError\", \"value\": \"x\", \"stacktrace\": {{\"frames\": [{frames}]}}}}");
    format!("{{\"level\": \"error\", \"exception\": {{\"values\": [{exception}]}}}}").into_bytes()
}

#[divan::bench]
fn read_json(bencher: Bencher<'_, '_>) {
    let event = event();
    bencher
        .counter(ItemsCount::new(1u32))
        .counter(BytesCount::new(event.len()))
        .bench_local(|| json::read(&event, &Limits::default()).map(|tree| tree.entries().len()));
}

#[divan::bench]
fn write_json(bencher: Bencher<'_, '_>) {
    let event = event();
    let tree: Tree<'_> = json::read(&event, &Limits::default()).expect("it is JSON");
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(1u32)).counter(BytesCount::new(event.len())).bench_local(|| {
        out.clear();
        tree.write(&mut out);
        out.len()
    });
}

#[divan::bench]
fn split_envelope(bencher: Bencher<'_, '_>) {
    let event = event();
    let head = format!(
        "{{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}}\n{{\"type\":\"event\",\"length\":{}}}\n",
        event.len()
    );
    let bytes = [head.as_bytes(), &event].concat();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| envelope::read(&bytes).map(|envelope| envelope.items.len()));
}
