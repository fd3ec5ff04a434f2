//! The Atom feed (RFC 4287): each update is an entry, the newest first.

use super::StatusPageConfig;
use super::page::phase;
use super::posts::{Post, Update};
use crate::plain_page::escape;

/// What readers have missed of more is on the page.
const MOST_ENTRIES: usize = 50;

/// `base` is where others reach this server, or empty where nobody has said so.
pub fn of(config: &StatusPageConfig, posts: &[Post], base: &str) -> String {
    let updates = posts.iter().flat_map(|post| post.updates.iter().map(move |update| (post, update)));
    let mut updates: Vec<(&Post, &Update)> = updates.collect();
    updates.sort_by_key(|(post, update)| std::cmp::Reverse((update.at, post.id, update.number)));
    updates.truncate(MOST_ENTRIES);
    let last = updates.first().map_or(0, |(_, update)| update.at);
    let entries: String = updates.iter().map(|(post, update)| entry(post, update, base)).collect();
    let title = escape(&config.title);
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>{title}</title><id>{}</id>\
         <updated>{}</updated><author><name>{title}</name></author><link rel=\"alternate\" href=\"{}/status\"/>\
         <link rel=\"self\" href=\"{}/status/feed.atom\"/>{entries}</feed>\n",
        identity(base, ""),
        moment(last),
        escape(base),
        escape(base),
    )
}

fn entry(post: &Post, update: &Update, base: &str) -> String {
    let of = |words: &str| escape(words);
    format!(
        "<entry><id>{}</id><title>{}: {}</title><updated>{}</updated><link href=\"{}/status#post-{}\"/><content type=\"text\">{}</content></entry>",
        identity(base, &format!("post-{}-{}", post.id, update.number)),
        of(&post.title),
        of(phase(update.phase)),
        moment(update.at),
        escape(base),
        post.id,
        of(&update.text),
    )
}

/// The same for ever, and of this server alone where its address is known.
fn identity(base: &str, part: &str) -> String {
    match (base, part) {
        ("", "") => "urn:bellwether:status".to_owned(),
        ("", part) => format!("urn:bellwether:status:{part}"),
        (base, "") => format!("{}/status", escape(base)),
        (base, part) => format!("{}/status#{part}", escape(base)),
    }
}

fn moment(at: i64) -> String {
    jiff::Timestamp::from_second(at).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::{config, post};
    use super::super::posts::{Phase, Standing};
    use super::*;

    #[test]
    fn each_update_is_an_entry_and_the_newest_is_first() {
        let posts = [post(7, Phase::Resolved, Standing::Outage)];
        let feed = of(&config(), &posts, "https://status.example");
        for wanted in [
            "<id>https://status.example/status</id><updated>1970-01-01T00:02:00Z</updated>",
            "<entry><id>https://status.example/status#post-7-2</id><title>Orders &lt;7&gt;: It is over</title>",
            "<content type=\"text\">a &amp; b</content></entry><entry><id>https://status.example/status#post-7-1</id>",
        ] {
            assert!(feed.contains(wanted), "{wanted}\n{feed}");
        }
        assert!(!feed.contains("ana"));
        assert!(of(&config(), &[], "").contains("<id>urn:bellwether:status</id>"));
    }
}
