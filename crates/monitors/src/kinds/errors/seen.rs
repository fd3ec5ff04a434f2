//! An event as rules on errors see it.

use error_tracking::{Digested, Group, Level, News, Project, Taken};
use vocabulary::Timestamp;
use vocabulary::state::State;

#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub project: u64,
    pub project_name: String,
    pub group: u64,
    /// Within its project.
    pub number: u64,
    pub title: String,
    pub level: Level,
    pub environment: Option<String>,
    pub release: Option<String>,
    pub tags: Vec<(String, String)>,
    /// A hash of who had it.
    pub user: Option<u64>,
    /// When it happened; programs that were offline tell of it later.
    pub at: Timestamp,
    pub news: Option<News>,
    /// Known, and never seen before in this environment.
    pub is_new_here: bool,
    /// Nobody has resolved it or ignores it.
    pub is_open: bool,
    /// The team or person whose the group is.
    pub assigned: Option<String>,
}

impl Seen {
    pub fn of(project: &Project, event: &Digested, taken: &Taken) -> Seen {
        Seen {
            project: project.id,
            project_name: project.name.clone(),
            group: taken.group,
            number: taken.number,
            title: event.title.clone(),
            level: event.level,
            environment: event.environment.clone(),
            release: event.release.clone(),
            tags: event.tags.clone(),
            user: event.user.as_ref().map(|user| user.hash),
            at: event.at,
            news: taken.news.clone(),
            is_new_here: taken.is_new_here,
            is_open: taken.is_open,
            assigned: taken.assigned.clone(),
        }
    }

    /// Of a group that is open, without an event.
    pub fn of_group(project_name: &str, group: &Group) -> Seen {
        Seen {
            project: group.project,
            project_name: project_name.to_owned(),
            group: group.id,
            number: group.number,
            title: group.title.clone(),
            level: group.level,
            environment: None,
            release: None,
            tags: Vec::new(),
            user: None,
            at: group.last_seen,
            news: None,
            is_new_here: false,
            is_open: true,
            assigned: group.assigned.clone(),
        }
    }

    /// As incidents know it: the same for ever.
    pub fn label(&self) -> String {
        format!("{}/{}", self.project_name, self.number)
    }

    pub fn is_new(&self) -> bool {
        self.is_new_here || self.news == Some(News::New)
    }

    /// It was resolved, or ignored until something that has come.
    pub fn is_back(&self) -> bool {
        matches!(self.news, Some(News::Regressed { .. } | News::Unignored { .. }))
    }

    /// How bad it is to have it.
    pub fn state(&self) -> State {
        if self.level >= Level::Error { State::Critical } else { State::Warning }
    }
}

/// A text, with `*` for anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern(Vec<String>);

impl Pattern {
    pub fn new(text: &str) -> Pattern {
        Pattern(text.split('*').map(str::to_owned).collect())
    }

    pub fn fits(&self, value: &str) -> bool {
        let [first, between @ .., last] = &self.0[..] else {
            return self.0.first().is_none_or(|whole| whole == value);
        };
        let Some(mut rest) = value.strip_prefix(first.as_str()) else { return false };
        for part in between {
            let Some(at) = rest.find(part.as_str()) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }

    /// No more than one text fits it.
    pub fn exact(&self) -> Option<&str> {
        match &self.0[..] {
            [whole] => Some(whole),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn stars_stand_for_anything() {
        let check = |pattern: &str, fitting: &[&str], others: &[&str]| {
            let fits = |text: &&str| Pattern::new(pattern).fits(text);
            assert!(fitting.iter().all(&fits), "{pattern}");
            assert!(!others.iter().any(&fits), "{pattern}");
        };
        check("web", &["web"], &["", "webs", "a web"]);
        check("*", &["", "web"], &[]);
        check("web@2.*", &["web@2.", "web@2.1.0"], &["web@1.2.", "web"]);
        check("a*b*c", &["abc", "a-b-b-c"], &["acb", "ab", "ac"]);
        check("ab*ba", &["abba", "abcba"], &["aba"]);
        assert_eq!((Pattern::new("web").exact(), Pattern::new("w*").exact()), (Some("web"), None));
    }
}
