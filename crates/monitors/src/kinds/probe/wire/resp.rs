//! What Redis says (RESP2): `+OK`, `-ERR …`, `:3`, `$5 hello`, `*2 …`.

/// Values within values; answers of the commands that we send are two deep.
const DEPTH_MAX: usize = 8;

#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Text(String),
    Error(String),
    Number(i64),
    Nothing,
    List(Vec<Reply>),
}

#[derive(Debug, PartialEq)]
pub enum Parsed {
    /// And how many bytes it took.
    Whole(Reply, usize),
    More,
    Wrong,
}

pub fn command(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

pub fn parse(bytes: &[u8]) -> Parsed {
    let mut at = 0;
    match value(bytes, &mut at, 0) {
        Ok(reply) => Parsed::Whole(reply, at),
        Err(Short::More) => Parsed::More,
        Err(Short::Wrong) => Parsed::Wrong,
    }
}

enum Short {
    More,
    Wrong,
}

fn value(bytes: &[u8], at: &mut usize, depth: usize) -> Result<Reply, Short> {
    if depth > DEPTH_MAX {
        return Err(Short::Wrong);
    }
    let line = line(bytes, at)?;
    let (kind, rest) = line.split_first().ok_or(Short::Wrong)?;
    let text = || String::from_utf8_lossy(rest).into_owned();
    let number =
        || std::str::from_utf8(rest).ok().and_then(|text| text.parse::<i64>().ok()).ok_or(Short::Wrong);
    match kind {
        b'+' => Ok(Reply::Text(text())),
        b'-' => Ok(Reply::Error(text())),
        b':' => Ok(Reply::Number(number()?)),
        b'$' => bulk(bytes, at, number()?),
        b'*' => {
            let Ok(count) = usize::try_from(number()?) else { return Ok(Reply::Nothing) };
            // Each takes three bytes at least, so a large count cannot reserve what never comes.
            let mut list = Vec::with_capacity(count.min(bytes.len() / 3));
            for _ in 0..count {
                list.push(value(bytes, at, depth + 1)?);
            }
            Ok(Reply::List(list))
        }
        _ => Err(Short::Wrong),
    }
}

fn line<'b>(bytes: &'b [u8], at: &mut usize) -> Result<&'b [u8], Short> {
    let rest = &bytes[*at..];
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(Short::More)?;
    let line = rest[..end].strip_suffix(b"\r").ok_or(Short::Wrong)?;
    *at += end + 1;
    Ok(line)
}

fn bulk(bytes: &[u8], at: &mut usize, length: i64) -> Result<Reply, Short> {
    let Ok(length) = usize::try_from(length) else { return Ok(Reply::Nothing) };
    let end = at.checked_add(length).ok_or(Short::Wrong)?;
    let text = bytes.get(*at..end).ok_or(Short::More)?;
    match bytes.get(end..end + 2) {
        Some(b"\r\n") => {}
        Some(_) => return Err(Short::Wrong),
        None => return Err(Short::More),
    }
    *at = end + 2;
    Ok(Reply::Text(String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_of_all_kinds() {
        let check = |bytes: &str, expected: Reply| {
            assert_eq!(parse(bytes.as_bytes()), Parsed::Whole(expected, bytes.len()), "{bytes}");
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes.as_bytes()[..end]), Parsed::More, "{bytes} up to {end}");
            }
        };
        check("+PONG\r\n", Reply::Text("PONG".into()));
        check("-NOAUTH x\r\n", Reply::Error("NOAUTH x".into()));
        check(":-3\r\n", Reply::Number(-3));
        check("$5\r\na\r\nbc\r\n", Reply::Text("a\r\nbc".into()));
        check("$-1\r\n", Reply::Nothing);
        check("*2\r\n:1\r\n$1\r\nx\r\n", Reply::List(vec![Reply::Number(1), Reply::Text("x".into())]));
        check("*0\r\n", Reply::List(vec![]));
    }

    #[test]
    fn what_is_no_reply() {
        for bytes in ["HTTP/1.1 400\r\n", "\r\n", "+x\n", ":x\r\n", "$1\r\nxyz"] {
            assert_eq!(parse(bytes.as_bytes()), Parsed::Wrong, "{bytes}");
        }
        assert_eq!(parse("*1\r\n".repeat(100).as_bytes()), Parsed::Wrong);
        assert_eq!(parse(b"*9223372036854775807\r\n"), Parsed::More);
    }
}
