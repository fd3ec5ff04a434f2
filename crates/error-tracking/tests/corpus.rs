//! The corpus of labelled pairs (`scenarios/errors/corpus`): how many of those that belong together are together, and how
//! many of the others apart. `cargo test -p error-tracking --test corpus -- --nocapture` prints the score and what is
//! wrong; with `CORPUS_SHOW=ID` why both events of that pair are grouped as they are.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use error_tracking::{Hash, NewProject, NoSymbols, Project, Projects, Received, digest};
use formats::sentry::json;
use serde_json::Value;
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::error::EventId;

/// Of each of both kinds, so that neither is bought with the other.
const WANTED: f64 = 0.98;

#[derive(Clone, Copy, Default)]
struct Score {
    right: [u32; 2],
    all: [u32; 2],
}

impl Score {
    fn note(&mut self, same: bool, is_right: bool) {
        self.all[usize::from(same)] += 1;
        self.right[usize::from(same)] += u32::from(is_right);
    }

    fn share(&self, same: bool) -> f64 {
        let kind = usize::from(same);
        f64::from(self.right[kind]) / f64::from(self.all[kind].max(1))
    }

    fn line(&self, name: &str) -> String {
        let [apart, same] = [0, 1].map(|kind| format!("{:>3} of {:>3}", self.right[kind], self.all[kind]));
        format!(
            "{name:<14} same {same} ({:.3})  different {apart} ({:.3})",
            self.share(true),
            self.share(false)
        )
    }
}

fn project() -> (tempfile::TempDir, Arc<Project>) {
    let directory = tempfile::tempdir().unwrap();
    let store = StateStore::open(&directory.path().join("state.db"), &[error_tracking::MIGRATIONS]).unwrap();
    let new = NewProject { name: "corpus".into(), id: None, public_key: "0123456789abcdef".repeat(2) };
    let project = Projects::open(Arc::new(store)).unwrap().create(&new, Timestamp(0)).unwrap();
    (directory, project)
}

fn hashes(project: &Project, event: &Value) -> Vec<Hash> {
    let event = event.to_string();
    let tree = json::read(event.as_bytes(), &json::Limits::default()).unwrap();
    let received = Received {
        at: Timestamp(1_761_300_000),
        sent_at: None,
        peer_ip: None,
        envelope_event_id: None,
        spare_id: EventId([1; 16]),
        client: None,
    };
    digest(project, tree, &received, &NoSymbols).unwrap().hashes
}

fn pairs() -> Vec<Value> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/errors/corpus");
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let texts = files.iter().map(|file| std::fs::read_to_string(file).unwrap());
    texts
        .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>())
        .collect()
}

fn show(pair: &Value, whys: [&[Hash]; 2]) {
    if std::env::var("CORPUS_SHOW").is_ok_and(|wanted| pair["id"] == *wanted) {
        for why in whys {
            println!("{}", serde_json::to_string_pretty(&why[0].why).unwrap());
        }
    }
}

#[test]
fn what_belongs_together_is_together_and_the_rest_apart() {
    let (_directory, project) = project();
    let mut whole = Score::default();
    let mut parts: BTreeMap<String, Score> = BTreeMap::new();
    let mut wrong = Vec::new();
    for pair in pairs() {
        let (a, b) = (hashes(&project, &pair["a"]), hashes(&project, &pair["b"]));
        show(&pair, [&a, &b]);
        let same = pair["same"].as_bool().unwrap();
        let is_together = b.iter().any(|hash| hash.value == a[0].value);
        let is_right = is_together == same;
        whole.note(same, is_right);
        for part in ["language", "class"] {
            let name = format!("{} {}", part, pair[part].as_str().unwrap());
            parts.entry(name).or_default().note(same, is_right);
        }
        if !is_right {
            let label = if same { "same" } else { "different" };
            wrong.push(format!("{} ({label}): {}; {}", pair["id"], pair["about"], pair["why"]));
        }
    }
    let lines = parts.iter().map(|(name, score)| score.line(name.split_once(' ').unwrap().1));
    let lines: Vec<String> = lines.chain([whole.line("all")]).chain(wrong).collect();
    println!("{}", lines.join("\n"));
    let is_enough = whole.share(true) >= WANTED && whole.share(false) >= WANTED;
    assert!(is_enough, "{}", lines.join("\n"));
}
