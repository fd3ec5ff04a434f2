//! Rows as RFC 4180 has them.

/// The first row names the columns.
pub fn written(rows: &[Vec<String>]) -> String {
    let line = |row: &Vec<String>| {
        let fields: Vec<String> = row.iter().map(|field| quoted(field)).collect();
        format!("{}\r\n", fields.join(","))
    };
    rows.iter().map(line).collect()
}

/// A spreadsheet takes what begins so for a formula, and names are chosen by whoever makes things; numbers stay numbers.
fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
    let guard = if formula { "'" } else { "" };
    match field.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{guard}{}\"", field.replace('"', "\"\"")),
        false => format!("{guard}{field}"),
    }
}

/// What is not known is an empty field, never 0.
pub fn number(value: Option<f64>) -> String {
    value.map(|value| ((value * 1e4).round() / 1e4).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_read_as_something_else_is_quoted() {
        let row = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        let rows = [row(&["name", "x"]), row(&["a, \"b\"", ""]), row(&["two\nlines", "1"])];
        assert_eq!(written(&rows), "name,x\r\n\"a, \"\"b\"\"\",\r\n\"two\nlines\",1\r\n");
        assert_eq!(
            written(&[row(&["=cmd|' /C calc'!A0", "@a,b", "-1.5"])]),
            "'=cmd|' /C calc'!A0,\"'@a,b\",-1.5\r\n"
        );
        assert_eq!(
            (number(Some(99.95)), number(Some(3.0)), number(None)),
            ("99.95".into(), "3".into(), String::new())
        );
    }
}
