//! Puts the built web UI where it is embedded from. Cargo never calls npm: without a build there is one
//! page that says how to make it.

use std::path::{Path, PathBuf};

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Bellwether</title>\
<h1>The web UI was not built</h1><p>Run <code>make web</code> (needs Node 20.19 or newer), then build again. \
Everything else works: <a href=/render>/render</a>, <a href=/api/v1/status>/api/v1/status</a>.";

fn main() {
    let source = Path::new("../../web/dist");
    println!("cargo::rerun-if-changed={}", source.display());
    let target = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("web");
    if target.exists() {
        std::fs::remove_dir_all(&target).expect("clear the last copy of the web UI");
    }
    std::fs::create_dir_all(&target).expect("make room for the web UI");
    let built = source.join("ui");
    if built.join("index.html").exists() {
        copy(&built, &target);
    } else {
        println!("cargo::warning=the web UI is not built; run `make web` (needs Node 20.19 or newer)");
        std::fs::write(target.join("index.html"), NOT_BUILT).expect("write the page that says so");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("make a folder of the web UI");
    for entry in std::fs::read_dir(from).expect("read the built web UI") {
        let entry = entry.expect("read the built web UI");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copy the built web UI");
        }
    }
}
