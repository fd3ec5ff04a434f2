//! A program that could not be started: what was looked for, where, and what helps. It stands below Nagios's own line.

use std::path::Path;

use super::plugin::{Ending, PluginRun, found};

/// Empty: it was started.
pub fn cure(ending: &Ending, run: &PluginRun) -> String {
    let Some(program) = run.command.first() else { return String::new() };
    let file = found(program, &run.path);
    match (ending, &file) {
        (Ending::NotFound, None) => format!(
            "`{program}` is in none of the folders of [checks] path ({}): install it, or write its whole path in `command`",
            run.path
        ),
        (Ending::NotFound, Some(file)) if file.exists() => format!(
            "{} is there, but the interpreter that its first line names is not: install that, or mend the line",
            file.display()
        ),
        (Ending::NotFound, Some(file)) => format!(
            "there is no file {}{}: install it, or mend `command`",
            file.display(),
            nearest(file).map(|there| format!(", of its path only {there} is there")).unwrap_or_default()
        ),
        (Ending::NotExecutable, Some(file)) if file.is_dir() => {
            format!("{} is a folder: write the program in it in `command`", file.display())
        }
        (Ending::NotExecutable, Some(file)) => format!(
            "{} may not be run by the user of this server: chmod +x it, and let that user into its folders",
            file.display()
        ),
        _ => String::new(),
    }
}

/// How far its path goes, if not to its folder.
fn nearest(file: &Path) -> Option<String> {
    let there = file.ancestors().skip(1).find(|folder| folder.exists())?;
    (Some(there) != file.parent()).then(|| there.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_says_what_was_looked_for_where_and_what_helps() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("script");
        std::fs::write(&script, "#!/no/such/shell\n").unwrap();
        let at = folder.path().to_str().unwrap();
        let check = |program: &str, ending: Ending, wanted: &[&str]| {
            let run = PluginRun {
                command: vec![program.into()],
                path: "/usr/bin:/bin".into(),
                ..PluginRun::default()
            };
            let told = cure(&ending, &run);
            assert!(wanted.iter().all(|part| told.contains(part)), "{program}: {told}");
            assert_eq!(told.is_empty(), wanted.is_empty(), "{program}: {told}");
        };
        check("check_nothing", Ending::NotFound, &["`check_nothing`", "(/usr/bin:/bin)", "install it"]);
        check(&format!("{at}/check_x"), Ending::NotFound, &[at, "check_x: install it"]);
        check(&format!("{at}/a/b/check_x"), Ending::NotFound, &[&format!("only {at} is there")]);
        check(&format!("{at}/script"), Ending::NotFound, &["interpreter"]);
        check(&format!("{at}/script"), Ending::NotExecutable, &[at, "chmod +x"]);
        check(at, Ending::NotExecutable, &["is a folder"]);
        check("true", Ending::Exit(127), &[]);
    }
}
