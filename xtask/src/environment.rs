//! What the tests need from outside: Debian packages, the originals from PyPI and npm, a program of somebody else.

use std::path::{Path, PathBuf};
use std::process::Command;

/// (a file that tells that it is there, the Debian package that brings it)
const PACKAGES: [(&str, &str); 18] = [
    ("/usr/bin/chromium", "chromium"),
    ("/usr/sbin/collectd", "collectd-core"),
    ("/usr/lib/nagios/plugins/check_graphite", "monitoring-plugins-contrib"),
    ("/usr/lib/nagios/plugins/check_http", "monitoring-plugins-standard"),
    // Judges the state machine.
    ("/usr/sbin/nagios4", "nagios4-core"),
    // Groups the same alerts beside us.
    ("/usr/bin/prometheus-alertmanager", "prometheus-alertmanager"),
    // Sets clocks: Nagios's, to look at its time periods, and ours.
    ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "libfaketime"),
    // What built-in checks ask.
    ("/usr/bin/redis-server", "redis-server"),
    ("/usr/lib/postgresql/15/bin/postgres", "postgresql-15"),
    // NRPE and NSCA, each with its sender and its server.
    ("/usr/sbin/nrpe", "nagios-nrpe-server"),
    ("/usr/lib/nagios/plugins/check_nrpe", "nagios-nrpe-plugin"),
    ("/usr/sbin/nsca", "nsca"),
    ("/usr/sbin/send_nsca", "nsca-client"),
    // What graphite-web draws with.
    ("/usr/share/doc/libcairo2/copyright", "libcairo2"),
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "fonts-dejavu-core"),
    // What sends errors: clients of Ruby, the present one and the one before it, and that of pages before the present one.
    ("/usr/share/doc/ruby-sentry-ruby-core/copyright", "ruby-sentry-ruby-core"),
    ("/usr/share/doc/ruby-sentry-raven/copyright", "ruby-sentry-raven"),
    ("/usr/share/nodejs/raven-js/package.json", "node-raven-js"),
];

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// Python with the originals, made once and again when the list of them changes.
pub fn python() -> PathBuf {
    root().join("target/test-env/python/bin/python")
}

pub fn prepare() -> Result<(), String> {
    debian_packages()?;
    python_packages()?;
    node_packages("scenarios")?;
    node_packages("web")?;
    rust_program()
}

fn debian_packages() -> Result<(), String> {
    let mut missing: Vec<&str> =
        PACKAGES.iter().filter(|(file, _)| !Path::new(file).exists()).map(|(_, package)| *package).collect();
    if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    println!("installing Debian packages: {}", missing.join(" "));
    run(Command::new("apt-get").args(["update", "--quiet=2"]))
        .and_then(|()| {
            let mut install = Command::new("apt-get");
            install.env("DEBIAN_FRONTEND", "noninteractive");
            run(install.args(["install", "--quiet=2", "--yes", "--no-install-recommends"]).args(&missing))
        })
        .map_err(|error| format!("{error}\nthe tests need Debian packages; as root run: {by_hand}"))
}

fn python_packages() -> Result<(), String> {
    let wanted = root().join("scenarios/requirements.txt");
    let home = root().join("target/test-env/python");
    let stamp = home.join("requirements.txt");
    if same_text(&wanted, &stamp) {
        return Ok(());
    }
    println!("installing Python packages for the tests");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    run(Command::new(python()).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&wanted))?;
    copy(&wanted, &stamp)
}

fn node_packages(folder: &str) -> Result<(), String> {
    let folder = root().join(folder);
    let lock = folder.join("package-lock.json");
    let stamp = folder.join("node_modules/.installed-lock.json");
    if same_text(&lock, &stamp) {
        return Ok(());
    }
    println!("installing npm packages in {}", folder.display());
    run(Command::new("npm").arg("ci").arg("--no-progress").current_dir(&folder))?;
    copy(&lock, &stamp)
}

/// With Sentry's client for Rust, which is no dependency of ours: it has its own lock and its own folder.
fn rust_program() -> Result<(), String> {
    let mut build = cargo();
    build.args(["build", "--locked", "--quiet", "--manifest-path"]);
    build.arg(root().join("scenarios/errors/rust-shop/Cargo.toml"));
    run(build.arg("--target-dir").arg(root().join("target/test-env/rust-shop")))
}

fn same_text(wanted: &Path, present: &Path) -> bool {
    match (std::fs::read_to_string(wanted), std::fs::read_to_string(present)) {
        (Ok(wanted), Ok(present)) => wanted == present,
        _ => false,
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    std::fs::copy(from, to).map(|_| ()).map_err(|error| format!("write {}: {error}", to.display()))
}

pub fn cargo() -> Command {
    Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
}

pub fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}
