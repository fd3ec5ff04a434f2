//! The page: how each component does, what is going on, and what was.

use vocabulary::Timestamp;

use super::StatusPageConfig;
use super::posts::{Phase, Post, Standing, Update};
use crate::plain_page::{self, escape};

pub fn of(config: &StatusPageConfig, posts: &[Post], now: Timestamp) -> String {
    let (open, over): (Vec<&Post>, Vec<&Post>) = posts.iter().partition(|post| post.ended.is_none());
    let section = |heading: &str, posts: &[&Post]| match posts {
        [] => String::new(),
        posts => format!("<h2>{heading}</h2>{}", posts.iter().map(|post| shown(post)).collect::<String>()),
    };
    let body = [
        format!("<h1>{}</h1><p><strong>{}</strong></p>", escape(&config.title), summary(&open)),
        components(config, &open),
        section("Now", &open),
        section("The last two weeks", &over),
        format!("<p>As of {}. <a href=\"/status/feed.atom\">Feed</a>{}</p>", moment(now.0), by_mail(config)),
    ];
    plain_page::page(&config.title, &body.concat())
}

fn by_mail(config: &StatusPageConfig) -> &'static str {
    if config.mail.is_some() { ". <a href=\"/status/mail\">By mail</a>" } else { "" }
}

/// By what people said, and by nothing else.
fn summary(open: &[&Post]) -> &'static str {
    let worst = open.iter().filter_map(|post| post.last()).flat_map(|last| last.components.values()).max();
    let in_trouble = |post: &&&Post| {
        let phase = post.last().map(|last| last.phase);
        !matches!(phase, Some(Phase::Planned | Phase::Notice) | None)
    };
    match worst {
        Some(Standing::Outage) => "Something does not work.",
        Some(Standing::PartialOutage) => "Something does not work for everybody.",
        Some(Standing::Degraded) => "Something does not work as well as it should.",
        _ if open.iter().any(|post| in_trouble(&post)) => "We are at work on something.",
        Some(Standing::Maintenance) => "Planned work is going on.",
        _ => "We know of no trouble.",
    }
}

/// What an open post said last; what none names works as far as we know.
fn standing(name: &str, open: &[&Post]) -> Standing {
    let said = open.iter().filter_map(|post| post.last()?.components.get(name).copied());
    said.max().unwrap_or(Standing::Operational)
}

fn components(config: &StatusPageConfig, open: &[&Post]) -> String {
    let row =
        |name: &String| format!("<tr><td>{}</td><td>{}</td></tr>", escape(name), words(standing(name, open)));
    match config.components.as_slice() {
        [] => String::new(),
        all => format!("<table>{}</table>", all.iter().map(row).collect::<String>()),
    }
}

fn words(standing: Standing) -> &'static str {
    match standing {
        Standing::Operational => "works",
        Standing::Maintenance => "planned work",
        Standing::Degraded => "works, but not well",
        Standing::PartialOutage => "does not work for everybody",
        Standing::Outage => "does not work",
    }
}

pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Investigating => "We look into it",
        Phase::Identified => "We know the cause",
        Phase::Monitoring => "It is mended, and we watch it",
        Phase::Resolved => "It is over",
        Phase::Planned => "Planned",
        Phase::Notice => "News",
    }
}

fn shown(post: &Post) -> String {
    let update = |update: &Update| {
        format!(
            "<tr><td>{}</td><td><strong>{}.</strong> {}</td></tr>",
            moment(update.at),
            phase(update.phase),
            escape(&update.text).replace('\n', "<br>")
        )
    };
    // What is said last is read first.
    let updates: String = post.updates.iter().rev().map(update).collect();
    format!("<h3 id=post-{}>{}</h3><table>{updates}</table>", post.id, escape(&post.title))
}

/// For readers anywhere.
fn moment(at: i64) -> String {
    let at = jiff::Timestamp::from_second(at).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn post(id: i64, last: Phase, standing: Standing) -> Post {
        let update = |number, phase, text: &str| Update {
            number,
            at: number * 60,
            phase,
            text: text.into(),
            components: [("Shop".to_owned(), standing)].into(),
            author: "ana".into(),
        };
        let updates = vec![update(1, Phase::Investigating, "We <look>\nat it."), update(2, last, "a & b")];
        let ended = (last == Phase::Resolved).then_some(120);
        Post { id, title: format!("Orders <{id}>"), opened: 60, ended, updates }
    }

    pub fn config() -> StatusPageConfig {
        let components = ["Shop".to_owned(), "A&B".to_owned()].into();
        StatusPageConfig { enabled: true, title: "How we <do>".into(), components, mail: None }
    }

    #[test]
    fn the_page_says_what_people_said_and_nobodys_name() {
        let posts =
            [post(2, Phase::Identified, Standing::Outage), post(1, Phase::Resolved, Standing::Degraded)];
        let page = of(&config(), &posts, Timestamp(600));
        for wanted in [
            "<h1>How we &lt;do&gt;</h1><p><strong>Something does not work.</strong></p>",
            "<tr><td>Shop</td><td>does not work</td></tr><tr><td>A&amp;B</td><td>works</td></tr>",
            "<h2>Now</h2><h3 id=post-2>Orders &lt;2&gt;</h3><table><tr><td>1970-01-01 00:02 UTC</td><td><strong>We know the cause.</strong> a &amp; b",
            "We &lt;look&gt;<br>at it.",
            "<h2>The last two weeks</h2><h3 id=post-1>",
        ] {
            assert!(page.contains(wanted), "{wanted}\n{page}");
        }
        assert!(!page.contains("ana") && !page.contains("<script"), "{page}");
    }

    #[test]
    fn the_first_line_is_as_bad_as_what_is_open() {
        let check = |posts: &[Post], expected: &str| {
            let open: Vec<&Post> = posts.iter().collect();
            assert_eq!(summary(&open), expected);
        };
        check(&[], "We know of no trouble.");
        check(&[post(1, Phase::Notice, Standing::Operational)], "We know of no trouble.");
        check(&[post(1, Phase::Planned, Standing::Maintenance)], "Planned work is going on.");
        check(&[post(1, Phase::Monitoring, Standing::Operational)], "We are at work on something.");
        let both = [
            post(1, Phase::Planned, Standing::Maintenance),
            post(2, Phase::Identified, Standing::PartialOutage),
        ];
        check(&both, "Something does not work for everybody.");
    }
}
