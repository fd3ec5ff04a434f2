//! What CI runs, one step after the other, and one summary at the end.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::environment::{self, cargo, root, run};
use crate::{dependencies, environment::python};

/// Format, lints, the price of the dependencies.
pub fn check() -> Result<(), String> {
    run(cargo().args(["fmt", "--all", "--check"])).map_err(|_| "run `cargo fmt --all`".to_owned())?;
    dependencies::check()?;
    run(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--quiet",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Everything. Goes on after a step that failed, so that one run tells all.
pub fn test() -> Result<(), String> {
    environment::prepare()?;
    let mut tally = Tally::default();
    tally.step("format, lints, dependencies", check);
    tally.step("web: build", || run(&mut npm(&["run", "build"])));
    tally.step("binary", || run(cargo().args(["build", "--locked", "--package", "bellwether"])));
    tally.counted("rooms", cargo().args(["test", "--workspace", "--locked", "--quiet"]).envs(seeds()));
    tally.counted("web: types and units", &mut npm(&["test"]));
    tally.counted("scenarios", pytest().envs(seeds()));
    tally.counted("web: browser", &mut npm(&["run", "test:browser"]));
    tally.close()
}

/// The full lengths: `rooms`, `scenarios`, `fuzz`, or all of them.
pub fn long(arguments: &[String]) -> Result<(), String> {
    const PARTS: [&str; 3] = ["rooms", "scenarios", "fuzz"];
    if let Some(unknown) = arguments.iter().find(|name| !PARTS.contains(&name.as_str())) {
        return Err(format!("there is no long run `{unknown}`: {}", PARTS.join(", ")));
    }
    let wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    environment::prepare()?;
    let mut tally = Tally::default();
    if wanted("rooms") {
        let arguments = ["test", "--workspace", "--locked", "--release", "--quiet"];
        tally.counted("rooms, full length", cargo().args(arguments).env("BELLWETHER_LONG", "1"));
    }
    if wanted("scenarios") {
        let build = ["build", "--locked", "--release", "--package", "bellwether"];
        tally.step("binary", || run(cargo().args(build)));
        let binary = target_directory().join("release/bellwether");
        let mut pytest = pytest();
        pytest.env("BELLWETHER_LONG", "1").env("BELLWETHER_BIN", binary);
        tally.counted("scenarios, full length", &mut pytest);
    }
    if wanted("fuzz") {
        fuzz(&mut tally)?;
    }
    tally.close()
}

/// Each parser, for as long as a release wants it. Needs a nightly compiler and `cargo install cargo-fuzz`.
fn fuzz(tally: &mut Tally) -> Result<(), String> {
    const SECONDS_A_TARGET: u32 = 600;
    // One gigabyte: a parser that keeps what it is sent in proportion shows up long before.
    const LIMITS: [&str; 2] = ["-rss_limit_mb=1024", "-timeout=10"];
    let cargo_fuzz = |verb: &[&str]| {
        let mut command = Command::new("cargo");
        command.args(["+nightly", "fuzz"]).args(verb).current_dir(root());
        command
    };
    let listed = cargo_fuzz(&["list"]).output().map_err(|error| format!("cargo fuzz: {error}"))?;
    if !listed.status.success() {
        return Err("fuzzing needs a nightly compiler and `cargo install cargo-fuzz`".into());
    }
    for target in String::from_utf8_lossy(&listed.stdout).lines() {
        let seconds = format!("-max_total_time={SECONDS_A_TARGET}");
        tally.step(&format!("fuzz {target}, {SECONDS_A_TARGET} s"), || {
            run(cargo_fuzz(&["run", target, "--"]).args(LIMITS).args([&seconds, "-print_final_stats=1"]))
        });
    }
    Ok(())
}

/// Speed beside the peers'. `-- --help` tells the parts and sizes.
pub fn bench(arguments: &[String]) -> Result<(), String> {
    environment::prepare()?;
    let packages =
        ["bellwether", "ingest", "monitors", "series-store", "statsd"].map(|name| ["--package", name]);
    let build = ["build", "--locked", "--release", "--bins", "--examples"];
    run(cargo().args(build).args(packages.as_flattened()))?;
    let mut bench = Command::new(python());
    bench.args(["-m", "bench"]).args(arguments).current_dir(root().join("scenarios"));
    bench.env("CARGO_TARGET_DIR", target_directory()).env_remove("BELLWETHER_BIN");
    run(&mut bench)
}

/// The time of the commit, unless told otherwise: a commit is tried with the same random histories wherever that is
/// done, so that a failure is seen again, and the next commit with others. `long` draws new ones each time.
fn seeds() -> Vec<(&'static str, String)> {
    let time = Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()).output();
    let time =
        time.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let open = ["SEED", "STORE_SEED"].into_iter().filter(|name| std::env::var_os(name).is_none());
    open.filter(|_| !time.is_empty()).map(|name| (name, time.clone())).collect()
}

/// Two files at a time, on any machine: most scenarios wait for clocks and other processes, and what a file's tests
/// share (a Nagios that ran for a month) is made once.
fn pytest() -> Command {
    let mut command = Command::new(python());
    command.args(["-m", "pytest", "-q", "--numprocesses=2", "--dist=loadfile"]);
    command.args(["--override-ini=tmp_path_retention_policy=failed"]);
    command.current_dir(root().join("scenarios"));
    command.env("BELLWETHER_BIN", target_directory().join("debug/bellwether"));
    command
}

fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.arg("--silent").args(arguments).current_dir(root().join("web"));
    command.env("BELLWETHER_BIN", target_directory().join("debug/bellwether"));
    command
}

/// Counts of all runners, added up.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    /// Steps that failed, by name.
    broken: Vec<String>,
}

impl Tally {
    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) {
        println!("== {name}");
        match work() {
            Ok(()) => self.passed += 1,
            Err(message) => {
                println!("{message}");
                self.failed += 1;
                self.broken.push(name.to_owned());
            }
        }
    }

    /// A test runner: its output is shown, and its summary lines are counted.
    fn counted(&mut self, name: &str, command: &mut Command) {
        println!("== {name}");
        let (passed, failed, ended_well) = count(command).unwrap_or_else(|message| {
            println!("{message}");
            (0, 0, false)
        });
        self.passed += passed;
        self.failed += failed;
        if passed + failed == 0 {
            println!("{name}: no test was executed");
        }
        if !ended_well || failed > 0 || passed == 0 {
            self.failed += u64::from(failed == 0);
            self.broken.push(name.to_owned());
        }
    }

    fn close(self) -> Result<(), String> {
        if !self.broken.is_empty() {
            println!("failed: {}", self.broken.join(", "));
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        // The line above is to stay the last one, so nothing more is said.
        if self.broken.is_empty() { Ok(()) } else { std::process::exit(1) }
    }
}

fn count(command: &mut Command) -> Result<(u64, u64, bool), String> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("{command:?}: {error}"))?;
    let (mut passed, mut failed) = (0, 0);
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines() {
            let line = line.map_err(|error| format!("{command:?}: {error}"))?;
            println!("{line}");
            if is_summary(&line) {
                passed += number_before(&line, "passed");
                failed += number_before(&line, "failed");
            }
        }
    }
    let status = child.wait().map_err(|error| format!("{command:?}: {error}"))?;
    Ok((passed, failed, status.success()))
}

/// `test result: ok. 3 passed; 0 failed`, `12 passed in 3.4s`, `Tests  40 passed (40)`, `5 passed, 0 failed`.
fn is_summary(line: &str) -> bool {
    let plain = without_colours(line);
    let plain = plain.trim().trim_matches('=').trim();
    plain.starts_with("test result:")
        || plain.starts_with("Tests ")
        || plain.split_once(' ').is_some_and(|(count, rest)| {
            count.parse::<u64>().is_ok() && (rest.starts_with("passed") || rest.starts_with("failed"))
        })
}

fn number_before(line: &str, word: &str) -> u64 {
    let plain = without_colours(line);
    let words: Vec<&str> = plain.split_whitespace().collect();
    let matches = words.windows(2).find(|pair| pair[1].trim_matches([',', ';']) == word);
    matches.and_then(|pair| pair[0].parse().ok()).unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            for code in letters.by_ref() {
                if code.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_all_runners_are_counted() {
        let check = |line: &str, passed: u64, failed: u64| {
            assert!(is_summary(line), "{line}");
            assert_eq!(
                (number_before(line, "passed"), number_before(line, "failed")),
                (passed, failed),
                "{line}"
            );
        };
        check("test result: ok. 3 passed; 0 failed; 0 ignored; finished in 0.01s", 3, 0);
        check("test result: FAILED. 3 passed; 2 failed; 0 ignored", 3, 2);
        check("12 passed in 3.41s", 12, 0);
        check("===== 1 failed, 12 passed in 3.41s =====", 12, 1);
        check("\u{1b}[32m      Tests \u{1b}[39m 40 passed (40)", 40, 0);
        check("5 passed, 0 failed", 5, 0);
        assert!(!is_summary("running 3 tests"));
    }
}
