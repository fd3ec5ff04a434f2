//! Nagios's command lines as lists of arguments, where no shell is needed, and else for one.
//!
//! Nagios puts macros into the line and gives the line to a shell. Arguments (`$ARG1$`) are put in here. Of the other
//! macros those whose value is known and would be taken apart or read by the shell are put in too; the rest stays, and
//! is put in when the command runs, each within its own argument.

/// What is known of a macro when a configuration is imported.
pub trait Macros {
    /// Its value, if it never changes.
    fn value(&self, name: &str) -> Option<&str>;
}

/// `check_http!-p 80!/a\!b`: the command's name and its arguments.
pub fn split_command(text: &str) -> (String, Vec<String>) {
    let mut parts = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&'!') => {
                parts.last_mut().expect("there is one").extend(letters.next())
            }
            '!' => parts.push(String::new()),
            _ => parts.last_mut().expect("there is one").push(letter),
        }
    }
    let name = parts.remove(0);
    (name, parts)
}

/// The list of arguments for a command line.
pub fn argument_list(line: &str, arguments: &[String], macros: &dyn Macros) -> Vec<String> {
    let line = with_known(&with_arguments(line, arguments), macros);
    words(&line).unwrap_or_else(|| vec!["/bin/sh".into(), "-c".into(), line])
}

fn with_arguments(line: &str, arguments: &[String]) -> String {
    replaced(line, |name| {
        let number: usize = name.strip_prefix("ARG")?.parse().ok()?;
        Some(number.checked_sub(1).and_then(|at| arguments.get(at)).cloned().unwrap_or_default())
    })
}

fn with_known(line: &str, macros: &dyn Macros) -> String {
    replaced(line, |name| {
        let value = macros.value(name)?;
        let is_plain = |c: char| c.is_alphanumeric() || "/._-:@%+,=".contains(c);
        (value.is_empty() || !value.chars().all(is_plain)).then(|| value.to_owned())
    })
}

/// Names between two `$`; `$$` is no name.
fn replaced(line: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        match after.split_once('$') {
            Some((name, behind)) if is_macro_name(name) => {
                match value(name) {
                    Some(value) => out.push_str(&value),
                    None => out.extend(["$", name, "$"]),
                }
                rest = behind;
            }
            Some(("", behind)) => {
                out.push_str("$$");
                rest = behind;
            }
            _ => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

pub fn is_macro_name(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(char::is_whitespace)
        && name.chars().all(|c| c.is_alphanumeric() || "_-:.".contains(c))
}

/// As a shell splits it; nothing where it would do more than that.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().peekable();
    let mut tail = line;
    let mut quote = None;
    while let Some(letter) = rest.next() {
        tail = &tail[letter.len_utf8()..];
        match (quote, letter) {
            (_, '$') => {
                let name = tail.split_once('$').map(|(name, _)| name).filter(|name| is_macro_name(name));
                let Some(name) = name else {
                    // `$$` becomes one `$`, which within single quotes means itself.
                    if quote == Some('\'') && tail.starts_with('$') {
                        rest.next();
                        tail = &tail[1..];
                        word.get_or_insert_default().push_str("$$");
                        continue;
                    }
                    return None;
                };
                let whole = format!("${name}$");
                rest.by_ref().take(name.chars().count() + 1).for_each(drop);
                tail = &tail[name.len() + 1..];
                word.get_or_insert_default().push_str(&whole);
            }
            (Some(open), _) if letter == open => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(letter),
            (Some(_), '`') => return None,
            (Some(_), '\\') => {
                let next = rest.peek().copied()?;
                if next == '$' {
                    return None;
                }
                let escaped = matches!(next, '"' | '\\' | '`');
                let kept = word.get_or_insert_default();
                if escaped {
                    rest.next();
                    tail = &tail[next.len_utf8()..];
                    kept.push(next);
                } else {
                    kept.push('\\');
                }
            }
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => {
                let next = rest.next()?;
                if next == '$' || next == '\n' {
                    return None;
                }
                tail = &tail[next.len_utf8()..];
                word.get_or_insert_default().push(next);
            }
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' | '*' | '?' | '[' | '\n') => return None,
            (None, '~' | '#') if word.is_none() => return None,
            (None, '=') if words.is_empty() => return None,
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    let builtin = |name: &str| {
        matches!(
            name,
            "" | "."
                | ":"
                | "!"
                | "{"
                | "cd"
                | "exec"
                | "eval"
                | "if"
                | "for"
                | "while"
                | "case"
                | "set"
                | "export"
                | "exit"
                | "ulimit"
                | "umask"
        )
    };
    (quote.is_none() && words.first().is_some_and(|first| !builtin(first))).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Macros for Known {
        fn value(&self, name: &str) -> Option<&str> {
            match name {
                "HOSTADDRESS" => Some("10.0.0.1"),
                "SERVICEDESC" => Some("Disk usage"),
                "_SERVICEMORE" => Some("-w 5 -c 'a b'"),
                _ => None,
            }
        }
    }

    fn check(line: &str, arguments: &[&str], expected: &[&str]) {
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        assert_eq!(argument_list(line, &arguments, &Known), expected, "{line}");
    }

    #[test]
    fn lines_without_a_shell() {
        check(
            "$USER1$/p -H $HOSTADDRESS$ -w $ARG1$ -c $ARG2$",
            &["5", "10"],
            &["$USER1$/p", "-H", "$HOSTADDRESS$", "-w", "5", "-c", "10"],
        );
        check("/p $ARG1$ -x $ARG2$", &["-a 1 -b '2 3'"], &["/p", "-a", "1", "-b", "2 3", "-x"]);
        check("/p \"$ARG1$\" '$ARG2$' ''", &["a b", ""], &["/p", "a b", "", ""]);
        check(
            "/p $SERVICEDESC$ '$SERVICEDESC$' $_SERVICEMORE$",
            &[],
            &["/p", "Disk", "usage", "Disk usage", "-w", "5", "-c", "a b"],
        );
        check(r#"/p a\ b "c\"d\e" 'x$$y' -o='z'"#, &[], &["/p", "a b", "c\"d\\e", "x$$y", "-o=z"]);
        check("/p '$LONGDATETIME$ (x|y)' \"a;b\"", &[], &["/p", "$LONGDATETIME$ (x|y)", "a;b"]);
    }

    #[test]
    fn lines_for_a_shell() {
        for line in [
            "/p | /q",
            "/p > /dev/null 2>&1",
            "/p $(date)",
            "/p `date`",
            "A=1 /p",
            "/p *.log",
            "/p; /q",
            "/p $HOME x",
            "/p \"$$x\"",
            "/p 'open",
            "cd /x",
            "~/p",
            "/p \\$x",
        ] {
            check(line, &[], &["/bin/sh", "-c", line]);
        }
        check("/p $ARG1$", &["a; rm x"], &["/bin/sh", "-c", "/p a; rm x"]);
    }

    #[test]
    fn commands_with_arguments() {
        let split = |text| split_command(text);
        assert_eq!(
            split(r"c!a!b\!c!!d\e"),
            ("c".into(), ["a", "b!c", "", r"d\e"].map(String::from).to_vec())
        );
        assert_eq!(split("c"), ("c".into(), vec![]));
    }
}
