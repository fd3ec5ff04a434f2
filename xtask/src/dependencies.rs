//! What the dependencies cost: how many crates are compiled, and which never may be.

use std::process::Command;

/// A cold build on two cores stays near two minutes as long as these hold.
const MOST_CRATES: usize = 320;
const MOST_NAMES_TWICE: usize = 15;
/// Large, or in need of a C++ compiler or system headers, and each has a lean stand-in.
const FORBIDDEN: [(&str, &str); 6] = [
    ("aws-lc-sys", "rustls with the `ring` feature"),
    ("openssl-sys", "rustls"),
    ("curl-sys", "hyper"),
    ("sqlx", "rusqlite"),
    ("reqwest", "hyper's client"),
    ("cmake", "a crate that builds with cc alone"),
];

pub fn metadata(arguments: &[&str]) -> Result<serde_json::Value, String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// The names of all crates that a build for this platform compiles, each as often as it has versions.
fn compiled() -> Result<Vec<String>, String> {
    let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu", "--locked"])?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    Ok(packages.iter().filter_map(|package| package["name"].as_str()).map(str::to_owned).collect())
}

/// Fails when a limit is passed; says the figures either way.
pub fn check() -> Result<(), String> {
    let mut names = compiled()?;
    for (name, instead) in FORBIDDEN {
        if names.iter().any(|compiled| compiled == name) {
            return Err(format!("{name} is among the dependencies; take {instead}"));
        }
    }
    let total = names.len();
    names.sort();
    let twice = names.chunk_by(|a, b| a == b).filter(|same| same.len() > 1).count();
    println!(
        "dependencies: {total} crates (at most {MOST_CRATES}), {twice} names in two versions (at most {MOST_NAMES_TWICE})"
    );
    if total > MOST_CRATES || twice > MOST_NAMES_TWICE {
        return Err("too many dependencies: see `cargo tree --duplicates` and `cargo build --timings`".into());
    }
    Ok(())
}
