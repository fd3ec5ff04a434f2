//! What shows by its looks that it is not for others: secrets, telephone numbers, addresses, names of machines. Rather too
//! much than too little: whoever looks at the preview may `keep` what is none.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

const SECRET: &str = "[secret]";
const TELEPHONE: &str = "[telephone]";
const ADDRESS: &str = "[address]";
const INTERNAL: &str = "[internal]";

/// Between the digits of a telephone number.
const BETWEEN: &str = "(?:[ \u{a0}\u{202f}/()-]{0,2}|[.])";
/// A number that goes on from another one, or a version, is none of its own.
const ALONE: &str = "(?:^|[^0-9A-Za-z_.,:+-])";
const NAMES_OF_SECRETS: &str =
    "passw(?:or)?d|passphrase|pwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key";
/// What machines are called after, with a number.
const ROLES: &str = "web|db|database|app|api|srv|server|host|node|vm|mail|mx|smtp|imap|ns|dns|ntp|proxy|lb|haproxy|nginx|cache|redis|\
                     memcached|pg|postgres|postgresql|mysql|mariadb|sql|mongo|cassandra|clickhouse|kafka|elastic|rabbit|rabbitmq|mq|\
                     worker|queue|zk|etcd|consul|vault|master|slave|primary|secondary|replica|standby|backup|nas|san|ftp|gw|\
                     gateway|router|switch|sw|fw|firewall|vpn|bastion|jump|kube|build|ci|runner|dev|test|stage|staging|prod|box|\
                     storage|ceph|esx|auth|ldap|dc|edge|static|shard";
/// What stands before a hyphen and a number, and is no machine.
const WORDS: &str = "aes apr aug between category chapter class covid cve day dec feb figure grade http iec ieee ipv \
    iso item jan java jul jun level mar may md mid nov oct page part phase php post pre python rfc \
    sep sev severity sha stage step table tier tls top utf week";

struct Look {
    /// What is taken out is its first group, or all of it.
    pattern: Regex,
    instead: &'static str,
    /// Not what only looks so.
    is_it: fn(&str) -> bool,
}

fn look(pattern: &str, instead: &'static str, is_it: fn(&str) -> bool) -> Look {
    Look { pattern: Regex::new(pattern).expect("it is read by a test"), instead, is_it }
}

/// Links first: what is secret in one goes with it.
static ANYWHERE: LazyLock<Vec<Look>> = LazyLock::new(|| {
    vec![
        look(r#"\b[A-Za-z][0-9A-Za-z+.-]*://[^\s<>"'`]*[^\s<>"'`()\[\]{},;:.!?]"#, ADDRESS, any),
        look("-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?", SECRET, any),
        look(r#"(?i)\bauthorization["']?[ \t]*[:=][ \t]*((?:[a-z]+[ \t]+)?[^\s"',;]+)"#, SECRET, any),
        look(r"(?i)\bbearer[ \t]+([0-9A-Za-z_.~+/=-]{8,})", SECRET, has_digit),
        look(
            &format!(
                r#"(?i)(?:{NAMES_OF_SECRETS})s?["']?[ \t]*(?:=>|[=:])[ \t]*("[^"\n]*"|'[^'\n]*'|[^\s"']+)"#
            ),
            SECRET,
            any,
        ),
        look(
            &format!(r"(?i)\b(?:{NAMES_OF_SECRETS})s?[ \t]+(?:(?:is|was|to)[ \t]+)?(\S*[0-9]\S*)"),
            SECRET,
            has_letter,
        ),
        look(
            r"\b(?:gh[a-z]_[0-9A-Za-z_]{8,}|github_pat_[0-9A-Za-z_]{8,}|glpat-[0-9A-Za-z_-]{8,}|(?:AKIA|ASIA)[0-9A-Z]{8,}|xox[a-z]-[0-9A-Za-z-]{6,}|xapp-[0-9A-Za-z-]{6,}|[a-z]k_(?:live|test)_[0-9A-Za-z]{8,}|sk-[0-9A-Za-z_-]{16,}|AIza[0-9A-Za-z_-]{16,}|npm_[0-9A-Za-z]{16,}|hvs\.[0-9A-Za-z_-]{8,}|SG\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}|eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_.-]+|whsec_[0-9A-Za-z]{8,}|[0-9a-fA-F]{32,})",
            SECRET,
            any,
        ),
        look(&format!(r"([+][ ]?\(?[0-9](?:{BETWEEN}[0-9]){{6,15}})"), TELEPHONE, any),
        look(&format!(r"{ALONE}(\(?0{{1,2}}[1-9](?:{BETWEEN}[0-9]){{7,13}})"), TELEPHONE, is_no_date),
        look(
            &format!(r"{ALONE}(\(?[2-9][0-9]{{2}}(?:[ .-]|\) ?)[0-9]{{3}}[ .-][0-9]{{4}})\b"),
            TELEPHONE,
            any,
        ),
        look(
            &format!(
                r"(?i)\b(?:tel|telephone|phone|mobile|cell|fax|call|dial|ext|extension|pager)\b[.]?:?[ \t]*([0-9](?:{BETWEEN}[0-9]){{4,14}})"
            ),
            TELEPHONE,
            any,
        ),
        look(
            r#"\b[A-Za-z]:(?:\\(?:[^\s\\/"'<>|:*?,;]+(?: [^\s\\/"'<>|:*?,;]+)*\\)*|/)(?:[^\s"'<>|:*?,;]*[^\s"'<>|:*?.,;)\]])?"#,
            ADDRESS,
            any,
        ),
        look(r#"\\\\[0-9A-Za-z_.$-]+\\[^\s"'<>|]*[^\s"'<>|.,;)\]]"#, ADDRESS, any),
        look(r"(?i)\bip-[0-9]{1,3}(?:-[0-9]{1,3}){3}(?:\.[0-9a-z-]+)*\b", ADDRESS, any),
        look(r"\barn:[a-z-]+:[^\s,;]+", ADDRESS, any),
    ]
});

/// After names that are known, of which these may be a part.
static MACHINES: LazyLock<Vec<Look>> = LazyLock::new(|| {
    vec![
        look(
            &format!(r"(?i)\b(?:[a-z][0-9a-z]*-)*(?:{ROLES})-?[0-9]{{1,4}}[a-z]?(?:-[0-9a-z]+)*\b"),
            INTERNAL,
            any,
        ),
        look(r"(?i)\b[a-z]{2,}(?:-[a-z]+)*-[0-9]{1,6}\b", INTERNAL, is_no_word),
        look(r"\b(?:i|vol|sg|vpc|subnet|eni|ami|snap|rtb|igw|nat|eipalloc)-[0-9a-f]{8,17}\b", INTERNAL, any),
        // Of people, channels and teams in Slack.
        look(r"\b[UWCGDTB][0-9A-Z]{8,11}\b", INTERNAL, has_digit),
    ]
});

pub fn without_addresses(text: &str, keep: &BTreeSet<String>, taken: &mut BTreeSet<String>) -> String {
    without(&ANYWHERE, text, keep, taken)
}

pub fn without_machines(text: &str, keep: &BTreeSet<String>, taken: &mut BTreeSet<String>) -> String {
    without(&MACHINES, text, keep, taken)
}

/// `web-3`, `db1`, all of it.
pub fn is_machine(word: &str) -> bool {
    let of = |look: &Look| {
        let found = look.pattern.find(word).filter(|found| found.len() == word.len());
        found.is_some_and(|found| (look.is_it)(found.as_str()))
    };
    MACHINES.iter().any(of)
}

fn without(looks: &[Look], text: &str, keep: &BTreeSet<String>, taken: &mut BTreeSet<String>) -> String {
    looks.iter().fold(text.to_owned(), |text, look| look.replaced(&text, keep, taken))
}

impl Look {
    fn replaced(&self, text: &str, keep: &BTreeSet<String>, taken: &mut BTreeSet<String>) -> String {
        let (mut out, mut end) = (String::with_capacity(text.len()), 0);
        for found in self.pattern.captures_iter(text) {
            let Some(part) = found.get(1).or_else(|| found.get(0)) else { continue };
            if keep.contains(part.as_str()) || !(self.is_it)(part.as_str()) {
                continue;
            }
            taken.insert(part.as_str().to_owned());
            out.push_str(&text[end..part.start()]);
            out.push_str(self.instead);
            end = part.end();
        }
        out.push_str(&text[end..]);
        out
    }
}

fn any(_: &str) -> bool {
    true
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn has_letter(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `01-12-2026`, `01.12.2026 03`
fn is_no_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).take(3).collect();
    let begins_so = text.as_bytes().get(2).copied().is_some_and(|byte| b"-./".contains(&byte));
    !(begins_so && lengths == [2, 2, 4])
}

/// `utf-8` is no machine, nor is `day-2`.
fn is_no_word(text: &str) -> bool {
    let first = text.split('-').next().unwrap_or_default();
    !WORDS.split(' ').any(|word| word.eq_ignore_ascii_case(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is taken out of it, in the order of the alphabet.
    fn check(text: &str, wanted: &str, expected: &[&str]) {
        let (keep, mut taken) = (["keep-1".to_owned()].into(), BTreeSet::new());
        let found = without_addresses(text, &keep, &mut taken);
        let found = without_machines(&found, &keep, &mut taken);
        let taken: Vec<&str> = taken.iter().map(String::as_str).collect();
        assert_eq!((found.as_str(), taken.as_slice()), (wanted, expected), "{text}");
    }

    /// One of a kind, with words around it.
    fn gone(what: &str, instead: &str) {
        check(&format!("then {what}, and so on"), &format!("then {instead}, and so on"), &[what]);
    }

    fn stays(text: &str) {
        check(text, text, &[]);
    }

    #[test]
    fn telephone_numbers_go_however_they_are_written() {
        for number in [
            "+491701234567",
            "+49 170 123 45 67",
            "+49 (0)30 12 34 56-78",
            "+1 (555) 010-0199",
            "0049 30 123456",
            "0170 1234567",
            "030/1234567",
            "(030) 123 456",
            "01 23 45 67 89",
            "555-123-4567",
            "(555) 123-4567",
            "555.123.4567",
            "+49\u{a0}170\u{a0}1234567",
        ] {
            gone(number, TELEPHONE);
        }
        check("call 555 0100 now", "call [telephone] now", &["555 0100"]);
        check("Tel.: 12345-0", "Tel.: [telephone]", &["12345-0"]);
    }

    #[test]
    fn numbers_that_reach_nobody_stay() {
        stays("at 2026-12-01 02:30 UTC, on 01.12.2026 and 01-12-2026 03:15, from 09:10 to 10:20:30");
        stays("1 200 300 orders, 0.25 of 4.2.1, 99.95 %, +5 %, +12 orders, 10000 of 20000, call 12 people");
        stays("12345678901 bytes, 0.0012345678 s, -0.5, 3/4");
    }

    #[test]
    fn secrets_go() {
        for secret in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "github_pat_11ABCDEFG0abcdefghij",
            "AKIAIOSFODNN7EXAMPLE",
            "xoxb-123456789012-abcdef",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "glpat-ABCdef123456_x",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-123",
            "9e107d9d372bb6826bd81d3542a419d6",
        ] {
            gone(secret, SECRET);
        }
        check("password=hunter2 was in it", "password=[secret] was in it", &["hunter2"]);
        check("DB_PASSWORD: hunter", "DB_PASSWORD: [secret]", &["hunter"]);
        check("{\"api_key\": \"a b\"}", "{\"api_key\": [secret]}", &["\"a b\""]);
        check("the password was hunter2", "the password was [secret]", &["hunter2"]);
        check("Authorization: Basic dXNlcg==", "Authorization: [secret]", &["Basic dXNlcg=="]);
        check("bearer abc.def-12345", "bearer [secret]", &["abc.def-12345"]);
        check("see https://x.example/?token=a1.", "see [address].", &["https://x.example/?token=a1"]);
        let key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
        check(&format!("a {key} b"), "a [secret] b", &[key]);
        stays("the password was changed, tokens had run out, a bearer of bad news, the secret is out");
    }

    #[test]
    fn addresses_and_machines_go() {
        for address in
            [r"C:\data\pg", r"D:\Program Files\pg\data", "C:/data/pg", r"\\nas\share\x", "ip-10-0-0-5"]
        {
            gone(address, ADDRESS);
        }
        gone("ip-10-0-0-5.ec2.internal", ADDRESS);
        check(r"on C:\data\pg; 10.2.0.0/16", "on [address]; 10.2.0.0/16", &[r"C:\data\pg"]);
        for machine in [
            "web-3",
            "web3",
            "DB9",
            "prod-db-12a",
            "eu-web-3-blue",
            "falcon-7",
            "i-0abcd1234ef567890",
            "U012AB3CD",
            "INC-1234",
        ] {
            gone(machine, INTERNAL);
        }
        check("<@U012AB3CD> of keep-1", "<@[internal]> of keep-1", &["U012AB3CD"]);
        stays(
            "UTF-8, sha-256, ISO-8859, day-2, mid-2026, a sub-page, CRITICAL, p99, http2, the 3 web servers",
        );
        assert!(is_machine("web-3") && is_machine("db1") && !is_machine("utf-8") && !is_machine("web"));
        assert!(!is_machine("web-3 is") && !is_machine(""));
    }
}
