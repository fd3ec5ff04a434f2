//! How the parts are, as it is told to whoever sees a part of all names: without what names the others'.

use vocabulary::ports::Scope;

use super::{Cardinality, Doubt, Health, Part, Refused, Retention, State};
use crate::accounts::{Caller, Role};
use crate::api_v1::errors;

/// What these say of themselves is numbers, and names nobody's monitors, people or machines. By the beginning of their ids, up
/// to the dot.
const NAMELESS: [&str; 12] = [
    "carbon", "collectd", "host", "http", "journal", "nsca", "pages", "server", "statsd", "store", "threads",
    "links",
];
/// What the ids of parts begin with by which errors of one project go on to another server.
pub const COPIES_OF: &str = "errors.tee.";
/// In the place of what may name somebody.
const UNTOLD: &str = "has trouble; what it is, is told to those who see everything";
/// Of a channel, in the place of what its provider says, which may name an address or number.
const UNDELIVERED: &str = "pages are not delivered; why is for administrators to read";

impl Health {
    /// As this caller may read it.
    pub fn told_to(self, caller: &Caller) -> Health {
        let health = self.seen_by(&caller.scope);
        if caller.role == Role::Admin { health } else { health.without_why() }
    }

    fn without_why(mut self) -> Health {
        let is_channel = |id: &str| kind(id) == "channel";
        for part in self.parts.iter_mut().filter(|part| is_channel(&part.id) && part.state > State::Ok) {
            UNDELIVERED.clone_into(&mut part.text);
        }
        for doubt in self.doubts.iter_mut().filter(|doubt| is_channel(&doubt.part)) {
            doubt.text = format!("{}: {UNDELIVERED}", doubt.part);
        }
        self.sentence = sentence(&self.parts, self.state);
        self
    }

    /// Without the names that the caller may not see.
    pub fn seen_by(mut self, scope: &Scope) -> Health {
        self.refused.keep_seen(scope);
        self.widest.retain(|widest| scope.sees_below(&widest.prefix));
        self.newest.retain(|new| scope.sees(&new.name));
        if scope.is_everything() {
            return self;
        }
        // Lines that could not be read are raw text of anybody's.
        self.bad_lines.clear();
        // Machines and people have names too, and so do others' projects.
        let is_foreign = |id: &str| project_of(id).is_some_and(|project| !errors::sees(scope, project));
        let is_others = |id: &str| matches!(kind(id), "agent" | "people") || is_foreign(id);
        self.parts.retain(|part| !is_others(&part.id));
        self.doubts.retain(|doubt| !is_others(&doubt.part));
        self.parts.iter_mut().filter(|part| !is_nameless(&part.id)).for_each(untell_part);
        self.doubts.iter_mut().filter(|doubt| !is_nameless(&doubt.part)).for_each(untell_doubt);
        let state = worst(&self.parts);
        self.since = self.since.filter(|_| state == self.state);
        self.state = state;
        self.sentence = sentence(&self.parts, state);
        self
    }
}

fn kind(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

/// Of whose errors the part is.
fn project_of(id: &str) -> Option<&str> {
    id.strip_prefix(COPIES_OF)
}

fn is_nameless(id: &str) -> bool {
    NAMELESS.contains(&kind(id))
}

fn untell_part(part: &mut Part) {
    part.text = if part.state > State::Ok { UNTOLD.to_owned() } else { String::new() };
}

fn untell_doubt(doubt: &mut Doubt) {
    doubt.text = format!("{}: {UNTOLD}", kind(&doubt.part));
}

pub fn worst(parts: &[Part]) -> State {
    parts.iter().map(|part| part.state).max().unwrap_or(State::Ok).max(State::Ok)
}

/// The worst part says what is wrong.
pub fn sentence(parts: &[Part], state: State) -> String {
    if state <= State::Ok {
        return "Everything that was received is stored, and every part is running.".into();
    }
    let worst: Vec<&Part> = parts.iter().filter(|part| part.state == state).collect();
    let others = match worst.len() {
        0 | 1 => String::new(),
        2 => " One other part has trouble too.".into(),
        more => format!(" {} other parts have trouble too.", more - 1),
    };
    worst.first().map_or_else(String::new, |part| format!("{}: {}{others}", part.title, part.text))
}

impl Refused {
    fn keep_seen(&mut self, scope: &Scope) {
        self.prefixes.retain(|refused| scope.sees(&refused.example));
    }
}

impl Cardinality {
    /// Without the names that the caller may not see.
    pub fn seen_by(mut self, scope: &Scope) -> Cardinality {
        self.refused.keep_seen(scope);
        self.widest.retain(|widest| scope.sees_below(&widest.prefix));
        self.newest.retain(|new| scope.sees(&new.name));
        self
    }
}

impl Retention {
    /// Without rules whose patterns name what the caller may not see.
    pub fn seen_by(mut self, scope: &Scope) -> Retention {
        let before = self.rules.len();
        self.rules.retain(|rule| is_rule_shown(scope, &rule.pattern));
        if self.rules.len() < before {
            let shown = |name: &str| self.rules.iter().any(|rule| rule.name == name);
            self.differing.retain(|differing| shown(&differing.rule));
        }
        self
    }
}

/// One that names nothing is about everybody's series; else it is shown to those who see what it begins with.
fn is_rule_shown(scope: &Scope, pattern: &str) -> bool {
    let names_nothing = !pattern.chars().any(char::is_alphanumeric);
    scope.is_everything() || names_nothing || scope.sees(&literal_begin(pattern))
}

/// Of a regular expression that is bound to the beginning: what every name that it finds begins with.
fn literal_begin(pattern: &str) -> String {
    let Some(bound) = pattern.strip_prefix('^') else { return String::new() };
    let mut begin = String::new();
    let mut characters = bound.chars().peekable();
    while let Some(character) = characters.next() {
        let literal = match character {
            '\\' => characters.next().filter(char::is_ascii_punctuation),
            '.' | '(' | ')' | '[' | ']' | '{' | '}' | '*' | '+' | '?' | '|' | '^' | '$' => None,
            plain => Some(plain),
        };
        // What follows may say that the last one need not be there.
        let is_sure = !matches!(characters.peek(), Some('*' | '?' | '{'));
        match literal.filter(|_| is_sure) {
            Some(literal) => begin.push(literal),
            None => break,
        }
    }
    // An alternative begins otherwise.
    if pattern.contains('|') { String::new() } else { begin }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: &str, state: State, text: &str) -> Part {
        Part {
            id: id.into(),
            kind: "evaluator",
            title: "A part".into(),
            address: None,
            state,
            since: None,
            text: text.into(),
            rate: None,
            unit: None,
            lag: None,
            last_success: None,
            filled: None,
            dropped: Vec::new(),
        }
    }

    fn health(parts: Vec<Part>) -> Health {
        let doubt = |part: &Part| Doubt {
            part: part.id.clone(),
            state: part.state,
            text: format!("{}: {}", part.title, part.text),
            since: None,
            until: None,
            affects: "what goes through it".into(),
        };
        let state = worst(&parts);
        Health {
            state,
            sentence: sentence(&parts, state),
            since: Some(5.0),
            now: 10.0,
            doubts: parts.iter().filter(|part| part.state > State::Ok).map(doubt).collect(),
            parts,
            storage: Default::default(),
            refused: Default::default(),
            bad_lines: Vec::new(),
            widest: Vec::new(),
            newest: Vec::new(),
        }
    }

    #[test]
    fn patterns_that_name_others_are_not_shown() {
        let scope = Scope::prefixes(vec!["shop.".into()]);
        let check = |pattern: &str, shown: bool| {
            assert_eq!(is_rule_shown(&scope, pattern), shown, "{pattern}");
            assert!(is_rule_shown(&Scope::default(), pattern));
        };
        check(".*", true);
        check("", true);
        check(r"^shop\.orders\.", true);
        check(r"^shop\.(a|b)", false);
        check(r"^shop\.[ab]", true);
        check("^shop.orders", false);
        check(r"^shop\.?x", false);
        check(r"shop\.orders", false);
        check(r"^mail\.", false);
        check(r"\.count$", false);
    }

    #[test]
    fn why_a_channel_fails_is_for_administrators() {
        let all = health(vec![
            part("channel.sms", State::Critical, "3 tries in a row failed: no such number +4917"),
            part("channel.mail", State::Ok, "0 pages wait"),
            part("statsd.udp", State::Warning, "3 lines were refused"),
        ]);
        let told = |role| {
            let (scope, via) = (Scope::everything(), crate::accounts::Via::Session);
            let caller = Caller { name: "ana".into(), role, scope, via, until: None };
            serde_json::to_string(&all.clone().told_to(&caller)).unwrap()
        };
        assert!(told(Role::Admin).contains("+4917"));
        for role in [Role::Viewer, Role::Editor] {
            let said = told(role);
            assert!(!said.contains("+4917"), "{said}");
            assert!(said.contains(UNDELIVERED) && said.contains("0 pages wait"), "{said}");
            assert!(said.contains("3 lines were refused"), "{said}");
        }
    }

    #[test]
    fn others_projects_are_in_no_part() {
        let copies = |project: &str| part(&format!("{COPIES_OF}{project}"), State::Critical, "not taken");
        let all = health(vec![copies("mail"), copies("shop"), part("errors", State::Ok, "")]);
        let told = |prefix: &str| {
            let seen = all.clone().seen_by(&Scope::prefixes(vec![prefix.into()]));
            let ids: Vec<String> = seen.parts.into_iter().map(|part| part.id).collect();
            (ids, seen.state, seen.doubts.len())
        };
        let of_shop = vec!["errors.tee.shop".to_owned(), "errors".to_owned()];
        assert_eq!(told("errors.shop."), (of_shop, State::Critical, 1));
        assert_eq!(told("elsewhere."), (vec!["errors".to_owned()], State::Ok, 0));
    }

    #[test]
    fn whoever_sees_a_part_hears_of_no_others_names() {
        let named = [
            "night",
            "metrics",
            "ways",
            "contacts",
            "calendars",
            "oncall",
            "channel.sms",
            "config",
            "checks",
        ];
        let mut parts: Vec<Part> =
            named.into_iter().map(|id| part(id, State::Warning, "mail.smtp of ben")).collect();
        parts.push(part("monitors", State::Ok, "mail.smtp"));
        parts.push(part("agent.db7", State::Critical, "silent"));
        parts.push(part("statsd.udp", State::Warning, "3 lines were refused"));
        let all = health(parts);
        let limited = all.clone().seen_by(&Scope::prefixes(vec!["shop.".into()]));
        let told = serde_json::to_string(&limited).unwrap();
        for name in ["mail.smtp", "ben", "db7"] {
            assert!(!told.contains(name), "{name} is in {told}");
        }
        assert!(told.contains("3 lines were refused"));
        assert_eq!(
            (limited.state, limited.since),
            (State::Warning, None),
            "the machine's trouble is not theirs"
        );
        assert!(limited.sentence.contains(UNTOLD) && limited.sentence.contains("9 other parts"));
        assert_eq!(limited.doubts.len(), 10);
        let everything = all.clone().seen_by(&Scope::default());
        assert_eq!(serde_json::to_value(everything).unwrap(), serde_json::to_value(all).unwrap());
    }
}
