//! From an upload to frames as people wrote them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formats::sentry::json;
use formats::sentry::zip::Source;
use formats::sentry::zip::writing::archive;
use vocabulary::Timestamp;

use super::*;
use crate::digest::Symbols;
use crate::limits::CHUNKS_KEPT_SECONDS;
use crate::project::{Project, Settings};
use crate::read::Tree;

const ID: &str = "0c5d0e2a-9a9e-5e6b-8d5d-0f6a7b8c9d0e";
const MINIFIED: &str = r#"function n(r){throw new Error("empty "+r)}function e(){n("cart")}e();"#;
const SOURCE: &str = "// the cart\nexport function checkCart(name) {\n  throw new Error(\"empty \" + name);\n}\nexport function pay() {\n  checkCart(\"cart\");\n}\npay();\n";
const MAPPINGS: &str = "AACO,SAASA,EAAUC,GACxB,MAAM,sBAED,SAASC,IACdF,UAEFE";
const NOW: Timestamp = Timestamp(1_700_000_000);

fn map(source: &str) -> serde_json::Value {
    serde_json::json!({"version": 3, "sources": [source], "sourcesContent": [SOURCE],
        "names": ["checkCart", "name", "pay"], "mappings": MAPPINGS})
}

fn bundle_of(map: &serde_json::Value) -> Vec<u8> {
    let manifest = serde_json::json!({"files": {
        "files/_/_/js/app.js": {"type": "minified_source", "url": "~/js/app.js",
            "headers": {"debug-id": ID, "sourcemap": "app.js.map"}},
        "files/_/_/js/app.js.map": {"type": "source_map", "url": "~/js/app.js.map", "headers": {"debug-id": ID}},
    }});
    archive(
        b"SYSB\x02\0\0\0",
        &[
            ("files/_/_/js/app.js", MINIFIED.as_bytes()),
            ("files/_/_/js/app.js.map", map.to_string().as_bytes()),
            ("manifest.json", manifest.to_string().as_bytes()),
        ],
    )
}

/// An installation that people upload to.
struct Shop {
    _state: tempfile::TempDir,
    files: tempfile::TempDir,
    store: Arc<StateStore>,
    artifacts: Artifacts,
}

impl Shop {
    fn new() -> Shop {
        let (state, store) = crate::tests::store();
        let files = tempfile::tempdir().unwrap();
        let artifacts = open(&store, &files);
        Shop { _state: state, files, store, artifacts }
    }

    fn restart(&mut self) {
        self.artifacts = open(&self.store, &self.files);
    }

    /// As sentry-cli does: in chunks, asked for before and after.
    fn upload(&self, bundle: &[u8], release: &str, dist: &str, now: Timestamp) -> Assembly {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let chunks: Vec<&[u8]> = bundle.chunks(300).collect();
        let wanted = Assembly {
            checksum: Sum::of(bundle),
            chunks: chunks.iter().map(|chunk| Sum::of(chunk)).collect(),
            projects: vec![1],
            release: text(release),
            dist: text(dist),
        };
        let missing = self.artifacts.assemble(&wanted, now).unwrap();
        assert_eq!(missing, Assembled::Missing(wanted.chunks.clone()));
        for chunk in chunks {
            self.artifacts.put_chunk(Sum::of(chunk), chunk, now).unwrap();
        }
        assert_eq!(self.artifacts.assemble(&wanted, now).unwrap(), Assembled::Done);
        assert_eq!(self.artifacts.assemble(&wanted, now).unwrap(), Assembled::Done, "again");
        wanted
    }

    fn resolved(&self, event: &str) -> serde_json::Value {
        let project = Project::new(1, "shop", Vec::new(), Settings::default(), NOW);
        let mut tree: Tree<'_> = json::read(event.as_bytes(), &json::Limits::default()).unwrap();
        self.artifacts.resolve(&project, &mut tree);
        serde_json::from_slice(&tree.to_bytes()).unwrap()
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.files.path()).unwrap().count()
    }
}

fn open(store: &Arc<StateStore>, files: &tempfile::TempDir) -> Artifacts {
    Artifacts::open(store.clone(), Arc::new(Directory::open(files.path()).unwrap()), NOW).unwrap()
}

fn event(release: &str, dist: &str, images: &str) -> String {
    let url = "https://shop.example/js/app.js?v=7";
    let frame = |function: &str, column: u32| {
        format!(
            r#"{{"function":"{function}","abs_path":"{url}","filename":"/js/app.js","lineno":1,"colno":{column},"in_app":true}}"#
        )
    };
    let frames = [frame("?", 66), frame("e", 56), frame("n", 21)].join(",");
    format!(
        r#"{{"platform":"javascript","release":"{release}","dist":"{dist}","debug_meta":{{"images":[{images}]}},
            "exception":{{"values":[{{"type":"Error","value":"empty cart","stacktrace":{{"frames":[{frames}]}}}}]}}}}"#
    )
}

fn image() -> String {
    format!(r#"{{"type":"sourcemap","code_file":"https://shop.example/js/app.js?v=7","debug_id":"{ID}"}}"#)
}

fn check_resolved(event: &serde_json::Value) {
    let exception = &event["exception"]["values"][0];
    let frames = exception["stacktrace"]["frames"].as_array().unwrap();
    let places: Vec<(&str, u64)> = frames
        .iter()
        .map(|frame| (frame["function"].as_str().unwrap(), frame["lineno"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("?", 8), ("pay", 6), ("checkCart", 3)], "{event}");
    let last = &frames[2];
    assert_eq!(last["filename"], "./src/cart.js");
    assert_eq!(last["abs_path"], "webpack:///./src/cart.js");
    assert_eq!(last["context_line"], "  throw new Error(\"empty \" + name);");
    assert_eq!(last["pre_context"], serde_json::json!(["// the cart", "export function checkCart(name) {"]));
    assert_eq!(last["post_context"].as_array().unwrap().len(), 5);
    assert!(last["in_app"].is_null(), "the path decides");
    assert_eq!(last["data"]["sourcemap"], "~/js/app.js.map");
    let raw = &exception["raw_stacktrace"]["frames"][2];
    assert_eq!((raw["function"].as_str(), raw["colno"].as_u64()), (Some("n"), Some(21)));
    assert!(event["errors"].is_null(), "{event}");
}

/// A file with its map in it, and none beside it.
fn bundle_of_one(said: &str) -> Vec<u8> {
    let manifest = serde_json::json!({"files": {
        "files/_/_/js/app.js": {"type": "minified_source", "url": "~/js/app.js",
            "headers": {"debug-id": ID, "sourcemap": format!("data:{}", (0..1_000).map(|n| n.to_string()).collect::<String>())}},
    }});
    let file = format!("{MINIFIED}\n//# sourceMappingURL={said}\n");
    archive(
        b"SYSB\x02\0\0\0",
        &[("files/_/_/js/app.js", file.as_bytes()), ("manifest.json", manifest.to_string().as_bytes())],
    )
}

#[test]
fn a_map_may_stand_in_the_file_itself() {
    let packed = STANDARD.encode(map("webpack:///./src/cart.js").to_string());
    let said = format!("data:application/json;charset=utf-8;base64,{packed}");
    for (release, image) in [("shop@1", String::new()), ("", image())] {
        let shop = Shop::new();
        shop.upload(&bundle_of_one(&said), release, "", NOW);
        let event = shop.resolved(&event(release, "", &image));
        let frames = &event["exception"]["values"][0]["stacktrace"]["frames"];
        assert_eq!(frames[1]["function"], "pay", "{event}");
        assert_eq!(frames[2]["function"], "checkCart", "{event}");
        assert_eq!(frames[2]["data"]["sourcemap"], "~/js/app.js");
    }
    let shop = Shop::new();
    shop.upload(&bundle_of_one("data:application/json,{}"), "shop@1", "", NOW);
    let told = shop.resolved(&event("shop@1", "", ""))["errors"][0]["value"].to_string();
    assert!(told.contains("not in base64"), "{told}");
}

#[test]
fn frames_are_found_by_debug_id() {
    let mut shop = Shop::new();
    shop.upload(&bundle_of(&map("webpack:///./src/cart.js")), "", "", NOW);
    check_resolved(&shop.resolved(&event("", "", &image())));
    shop.restart();
    check_resolved(&shop.resolved(&event("other", "", &image())));
    assert_eq!(shop.artifacts.stats().unwrap().bundles, 1);
    assert_eq!(shop.files(), 1, "no chunk is left");
}

#[test]
fn frames_are_found_by_release_and_url() {
    let shop = Shop::new();
    let resolved = |release: &str, dist: &str| {
        let event = shop.resolved(&event(release, dist, ""));
        event["exception"]["values"][0]["stacktrace"]["frames"][2]["abs_path"].as_str().unwrap().to_owned()
    };
    shop.upload(&bundle_of(&map("webpack:///./src/cart.js")), "web@1", "", NOW);
    check_resolved(&shop.resolved(&event("web@1", "", "")));
    shop.upload(&bundle_of(&map("webpack:///./b.js")), "web@1", "b", NOW);
    assert_eq!(resolved("web@1", "b"), "webpack:///./b.js");
    assert_eq!(resolved("web@1", "c"), "webpack:///./src/cart.js", "that of no dist");
    assert_eq!(resolved("web@2", ""), "https://shop.example/js/app.js?v=7", "another release");
}

#[test]
fn an_index_map_is_as_good() {
    let shop = Shop::new();
    let map = serde_json::json!({"version": 3, "sections": [
        {"offset": {"line": 0, "column": 0}, "map": map("webpack:///./src/cart.js")}]});
    shop.upload(&bundle_of(&map), "", "", NOW);
    check_resolved(&shop.resolved(&event("", "", &image())));
}

#[test]
fn what_cannot_be_looked_up_stays_and_is_said() {
    let shop = Shop::new();
    let check = |event: &str, why: &str| {
        let resolved = shop.resolved(event);
        let exception = &resolved["exception"]["values"][0];
        assert_eq!(exception["stacktrace"]["frames"][2]["function"], "n");
        assert!(exception["raw_stacktrace"].is_null());
        let told = resolved["errors"][0]["value"].as_str().unwrap_or_default();
        assert!(told.contains(why) && told.is_empty() == why.is_empty(), "{resolved}");
    };
    check(&event("", "", &image()), "");
    let other = image().replace("0c5d", "1c5d");
    shop.upload(&bundle_of(&serde_json::json!({"version": 3, "mappings": 5})), "r", "", NOW);
    check(&event("", "", &other), "nothing was uploaded with the debug id 1c5d0e2a");
    check(&event("", "", ""), "");
    check(&event("", "", &image()), "nvalid");
    check(&event("", "", &image()).replace("javascript", "python"), "");
    check(&event("", "", &image()).replace("lineno", "line"), "");
}

#[test]
fn what_is_wrong_with_an_upload_is_told() {
    let shop = Shop::new();
    let refused = |error: ArtifactError, why: &str| {
        assert!(matches!(error, ArtifactError::Wrong(_)) && error.to_string().contains(why), "{error}");
    };
    let of = |chunks: Vec<Sum>, checksum: Sum| Assembly {
        checksum,
        chunks,
        projects: vec![1],
        release: None,
        dist: None,
    };
    let (a, b) = (Sum::of(b"a"), Sum::of(b"b"));
    refused(shop.artifacts.put_chunk(a, b"b", NOW).unwrap_err(), "changed on its way");
    refused(shop.artifacts.assemble(&of(Vec::new(), a), NOW).unwrap_err(), "is made of chunks");
    let nobody = Assembly { projects: Vec::new(), ..of(vec![a], a) };
    refused(shop.artifacts.assemble(&nobody, NOW).unwrap_err(), "1 to 100 projects");
    shop.artifacts.put_chunk(a, b"a", NOW).unwrap();
    assert_eq!(shop.artifacts.assemble(&of(vec![a, b], a), NOW).unwrap(), Assembled::Missing(vec![b]));
    refused(shop.artifacts.assemble(&of(vec![a], b), NOW).unwrap_err(), "which is not");
    refused(shop.artifacts.assemble(&of(vec![a], a), NOW).unwrap_err(), "no zip archive");
    assert_eq!(shop.files(), 1, "nothing half is left beside the chunk");
}

#[test]
fn a_bundle_of_another_project_is_sent_before_it_is_shared() {
    let shop = Shop::new();
    let bundle = bundle_of(&map("a.js"));
    let sum = Sum::of(&bundle);
    let of = |projects: &[u64]| {
        let projects = projects.to_vec();
        let wanted = Assembly { checksum: sum, chunks: vec![sum], projects, release: None, dist: None };
        shop.artifacts.assemble(&wanted, NOW).unwrap()
    };
    shop.artifacts.put_chunk(sum, &bundle, NOW).unwrap();
    assert_eq!((of(&[1]), of(&[1])), (Assembled::Done, Assembled::Done));
    assert_eq!((of(&[2]), of(&[1, 2])), (Assembled::Missing(vec![sum]), Assembled::Missing(vec![sum])));
    shop.artifacts.put_chunk(sum, &bundle, NOW).unwrap();
    assert_eq!((of(&[2]), of(&[1, 2])), (Assembled::Done, Assembled::Done));
}

#[test]
fn a_chunk_that_a_power_cut_cut_is_asked_for_again() {
    let shop = Shop::new();
    let bundle = bundle_of(&map("a.js"));
    let sum = Sum::of(&bundle);
    let wanted = Assembly { checksum: sum, chunks: vec![sum], projects: vec![1], release: None, dist: None };
    shop.artifacts.put_chunk(sum, &bundle, NOW).unwrap();
    std::fs::write(shop.files.path().join(format!("{sum}.chunk")), b"cut").unwrap();
    assert_eq!(shop.artifacts.assemble(&wanted, NOW).unwrap(), Assembled::Missing(vec![sum]));
    shop.artifacts.put_chunk(sum, &bundle, NOW).unwrap();
    assert_eq!(shop.artifacts.assemble(&wanted, NOW).unwrap(), Assembled::Done);
}

#[test]
fn what_nobody_needs_goes() {
    let shop = Shop::new();
    shop.upload(&bundle_of(&map("webpack:///./src/cart.js")), "old", "", NOW);
    shop.upload(&bundle_of(&map("b.js")), "b", "", NOW);
    shop.artifacts.put_chunk(Sum::of(b"left"), b"left", NOW).unwrap();
    let later = NOW.plus(BUNDLES_KEPT_SECONDS - 10);
    check_resolved(&shop.resolved(&event("old", "", "")));
    assert_eq!(shop.artifacts.tend(later).unwrap(), 0);
    assert_eq!(shop.files(), 2, "the chunk is older than {CHUNKS_KEPT_SECONDS} seconds");
    assert_eq!(shop.artifacts.tend(NOW.plus(BUNDLES_KEPT_SECONDS + 10)).unwrap(), 1);
    assert_eq!(shop.files(), 1);
    check_resolved(&shop.resolved(&event("old", "", "")));
}

#[test]
fn records_and_files_agree_after_a_start() {
    let mut shop = Shop::new();
    let wanted = shop.upload(&bundle_of(&map("a.js")), "r", "", NOW);
    std::fs::remove_file(shop.files.path().join(format!("{}.bundle", wanted.checksum))).unwrap();
    std::fs::write(shop.files.path().join(format!("{}.bundle", Sum::of(b"x"))), b"x").unwrap();
    std::fs::write(shop.files.path().join(format!("{}.bundle.partial", Sum::of(b"y"))), b"y").unwrap();
    shop.restart();
    assert_eq!((shop.files(), shop.artifacts.stats().unwrap().bundles), (0, 0));
    shop.upload(&bundle_of(&map("a.js")), "r", "", NOW);
}

/// A disk that is full from a moment on.
struct Filling {
    disk: Directory,
    is_full: AtomicBool,
}

impl Filling {
    fn write(&self) -> io::Result<()> {
        let is_full = self.is_full.load(Ordering::Relaxed);
        if is_full { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl Disk for Filling {
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.write().and_then(|()| self.disk.put(name, bytes))
    }

    fn append(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.write().and_then(|()| self.disk.append(name, bytes))
    }

    fn settle(&self, name: &str, to: &str) -> io::Result<()> {
        self.disk.settle(name, to)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.disk.read(name)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn Source>> {
        self.disk.open(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        self.disk.list()
    }
}

#[test]
fn a_full_disk_costs_the_upload_only() {
    let (_state, store) = crate::tests::store();
    let files = tempfile::tempdir().unwrap();
    let disk = Directory::open(files.path()).unwrap();
    let disk = Arc::new(Filling { disk, is_full: AtomicBool::new(false) });
    let artifacts = Artifacts::open(store, disk.clone(), NOW).unwrap();
    let bundle = bundle_of(&map("a.js"));
    let sum = Sum::of(&bundle);
    let wanted = Assembly { checksum: sum, chunks: vec![sum], projects: vec![1], release: None, dist: None };
    artifacts.put_chunk(sum, &bundle, NOW).unwrap();
    disk.is_full.store(true, Ordering::Relaxed);
    assert!(matches!(artifacts.put_chunk(Sum::of(b"a"), b"a", NOW), Err(ArtifactError::Disk(_))));
    assert!(matches!(artifacts.assemble(&wanted, NOW), Err(ArtifactError::Disk(_))));
    assert_eq!(std::fs::read_dir(files.path()).unwrap().count(), 1);
    disk.is_full.store(false, Ordering::Relaxed);
    assert_eq!(artifacts.assemble(&wanted, NOW).unwrap(), Assembled::Done);
}
