//! Patterns of names as Graphite's users write them: `*`, `?`, `[abc]`, `{a,b}`.

/// More alternatives than this in braces are not told apart: what they stand for is taken as any.
const MOST_ALTERNATIVES: usize = 64;
/// What is written while braces are opened, one pair at a time: sixty alternatives of a thousand letters and ten pairs. What
/// takes more is taken as any, too.
const MOST_BYTES: usize = 1 << 20;

/// A pattern without dots of its own: of a node, a host, or the whole name of a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Glob(Vec<Vec<Piece>>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Letter(char),
    One,
    Any,
    /// Ranges of letters.
    Among(Vec<(char, char)>),
}

impl Glob {
    pub fn new(pattern: &str) -> Glob {
        Glob(alternatives(pattern).iter().map(|one| pieces(one)).collect())
    }

    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pieces| matches(pieces, name))
    }

    /// The only name that it stands for.
    pub fn literal(&self) -> Option<String> {
        let [pieces] = self.0.as_slice() else { return None };
        let letter = |piece: &Piece| if let Piece::Letter(letter) = piece { Some(*letter) } else { None };
        pieces.iter().map(letter).collect()
    }
}

/// The same pattern without braces, once for each thing that they may stand for.
pub fn alternatives(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut done = Vec::new();
    let mut written = 0;
    while let Some(text) = open.pop() {
        let Some((from, to)) = inner_braces(&text) else {
            done.push(text);
            continue;
        };
        for choice in text[from + 1..to].split(',') {
            let one = format!("{}{choice}{}", &text[..from], &text[to + 1..]);
            written += one.len();
            open.push(one);
            if open.len() + done.len() > MOST_ALTERNATIVES || written > MOST_BYTES {
                return vec!["*".to_owned()];
            }
        }
    }
    done.sort_unstable();
    done
}

/// The bracket or brace that is open at the end: what was meant as a pattern would match it as a letter.
pub fn left_open(pattern: &str) -> Option<char> {
    let is_open = |from: char, to: char| pattern.rfind(from) > pattern.rfind(to);
    [('[', ']'), ('{', '}')].into_iter().find(|(from, to)| is_open(*from, *to)).map(|(from, _)| from)
}

/// The first pair of braces that holds no other.
fn inner_braces(text: &str) -> Option<(usize, usize)> {
    let to = text.find('}')?;
    Some((text[..to].rfind('{')?, to))
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '*' if pieces.last() == Some(&Piece::Any) => {}
            '*' => pieces.push(Piece::Any),
            '?' => pieces.push(Piece::One),
            '[' if rest.as_str().contains(']') => {
                let inside: Vec<char> = rest.by_ref().take_while(|letter| *letter != ']').collect();
                pieces.push(Piece::Among(ranges(&inside)));
            }
            letter => pieces.push(Piece::Letter(letter)),
        }
    }
    pieces
}

fn ranges(inside: &[char]) -> Vec<(char, char)> {
    let mut ranges = Vec::new();
    let mut rest = inside;
    while let [first, more @ ..] = rest {
        rest = match more {
            ['-', last, more @ ..] => {
                ranges.push((*first, *last));
                more
            }
            _ => {
                ranges.push((*first, *first));
                more
            }
        };
    }
    ranges
}

/// Goes back to the last star only, so that it never takes longer than pattern times name.
fn matches(pieces: &[Piece], name: &str) -> bool {
    let (mut at, mut rest) = (0, name.chars());
    let mut star: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let before = rest.clone();
        let fits = match (pieces.get(at), rest.next()) {
            (None, None) => return true,
            (Some(Piece::Any), _) => {
                star = Some((at + 1, before.clone()));
                at += 1;
                rest = before;
                continue;
            }
            (Some(Piece::Letter(wanted)), Some(letter)) => *wanted == letter,
            (Some(Piece::One), Some(_)) => true,
            (Some(Piece::Among(ranges)), Some(letter)) => {
                ranges.iter().any(|(first, last)| (first..=last).contains(&&letter))
            }
            _ => false,
        };
        if fits {
            at += 1;
            continue;
        }
        let Some((after, from)) = star.as_mut() else { return false };
        if from.next().is_none() {
            return false;
        }
        (at, rest) = (*after, from.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_closed_is_found() {
        let found = ["[bad", "a[1]{b", "web[1-3]", "{a,b}*", "a]", "a"].map(left_open);
        assert_eq!(found, [Some('['), Some('{'), None, None, None, None]);
    }

    #[test]
    fn globs() {
        let check = |pattern: &str, name: &str, wanted: bool| {
            assert_eq!(Glob::new(pattern).matches(name), wanted, "{pattern} {name}");
        };
        check("web*", "web1", true);
        check("web*", "db1", false);
        check("*b*/disk*", "web1/disk /var", true);
        check("web?", "web", false);
        check("web[1-3]", "web2", true);
        check("web[13]", "web2", false);
        check("{web,db}1", "db1", true);
        check("{web,db{a,b}}1", "dbb1", true);
        check("*", "", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-b-b-", false);
        check("web[", "web[", true);
        check("straße*", "straße 1", true);
        check("a}b", "a}b", true);
    }

    #[test]
    fn a_name_without_wildcards_is_told() {
        assert_eq!(Glob::new("web1/disk").literal().as_deref(), Some("web1/disk"));
        assert_eq!(Glob::new("web*").literal(), None);
        assert_eq!(Glob::new("{a,b}").literal(), None);
    }

    #[test]
    fn many_alternatives_and_stars_are_bounded() {
        let many = "{a,b}".repeat(40);
        assert_eq!(alternatives(&many), ["*"]);
        let sixty: Vec<String> = (0..60).map(|n| format!("a{n}")).collect();
        assert_eq!(alternatives(&format!("{{{}}}{}", sixty.join(","), "x".repeat(1_000_000))), ["*"]);
        let begun = std::time::Instant::now();
        assert_eq!(alternatives(&"{a}".repeat(400_000)), ["*"], "opened one at a time it took a minute");
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
        assert_eq!(alternatives(&"{a}".repeat(100)), ["a".repeat(100)]);
        let stars = "*a".repeat(200);
        assert!(!Glob::new(&stars).matches(&"a".repeat(150)));
    }
}
