//! What an event can be counted by: its own tags, and those that follow from the rest of it.

use crate::limits::{MAX_TAG_VALUE, cut};
use crate::read::{Tree, exceptions, text_at};
use crate::{dependency, facet};

/// Found directly.
const FOUND: [(&str, &[&str]); 10] = [
    ("level", &["level"]),
    ("environment", &["environment"]),
    ("release", &["release"]),
    ("dist", &["dist"]),
    ("server_name", &["server_name"]),
    ("transaction", &["transaction"]),
    ("logger", &["logger"]),
    ("url", &["request", "url"]),
    ("device", &["contexts", "device", "model"]),
    ("user", &["user", "id"]),
];
/// Contexts with a name and a version.
const NAMED: [(&str, &str); 3] = [("browser", "browser"), ("os", "os"), ("runtime", "runtime")];

/// `facets`: fields that the project has counted as tags, too.
pub(crate) fn tags(event: &Tree<'_>, facets: &[String]) -> Vec<(String, String)> {
    let own = event.get("tags").map(Tree::entries).unwrap_or_default();
    let mut tags: Vec<(String, String)> = Vec::with_capacity(own.len() + FOUND.len() + 6);
    for (key, value) in own {
        tags.extend(value.text().map(|text| (key.to_string(), text.to_owned())));
    }
    let mut add = |key: &str, value: Option<String>| {
        if let Some(value) =
            value.filter(|value| !value.is_empty() && tags.iter().all(|(there, _)| there != key))
        {
            tags.push((key.to_owned(), cut(&value, MAX_TAG_VALUE).to_owned()));
        }
    };
    for (key, path) in FOUND {
        add(key, text_at(event, path).map(|text| without_query(key, text).to_owned()));
    }
    for (key, context) in NAMED {
        add(key, named(event, context));
    }
    let mechanism = exceptions(event).last().and_then(|outermost| outermost.get("mechanism"));
    add("mechanism", mechanism.and_then(|one| text_at(one, &["type"])).map(str::to_owned));
    let handled = mechanism.and_then(|one| one.get("handled")).and_then(Tree::bool);
    add("handled", handled.map(|handled| if handled { "yes" } else { "no" }.to_owned()));
    if let Some(agent) = user_agent(event) {
        add("browser", browser(agent));
        add("client_os", system(agent).map(str::to_owned));
    }
    add(dependency::TAG, dependency::of(event));
    for path in facets {
        add(path, facet::values_at(event, path).into_iter().next());
    }
    tags
}

fn named(event: &Tree<'_>, context: &str) -> Option<String> {
    let name = text_at(event, &["contexts", context, "name"])?;
    let version = text_at(event, &["contexts", context, "version"]);
    Some(version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}")))
}

/// What comes behind `?` is another one each time.
fn without_query<'t>(key: &str, text: &'t str) -> &'t str {
    match key {
        "url" => text.split(['?', '#']).next().unwrap_or_default(),
        _ => text,
    }
}

fn user_agent<'t>(event: &'t Tree<'_>) -> Option<&'t str> {
    let headers = event.at(&["request", "headers"])?.entries();
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case("user-agent"))?.1.text()
}

/// Name and first part of the version. The order matters: each says that it is those after it.
fn browser(agent: &str) -> Option<String> {
    let known = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
    ];
    let (at, mark, name) = known.iter().find_map(|(mark, name)| Some((agent.find(mark)?, *mark, *name)))?;
    let version: String = agent[at + mark.len()..].chars().take_while(char::is_ascii_digit).take(8).collect();
    Some(if version.is_empty() { name.to_owned() } else { format!("{name} {version}") })
}

fn system(agent: &str) -> Option<&'static str> {
    let known = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ];
    known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::{browser, system};

    #[test]
    fn browsers_say_that_they_are_each_other() {
        let check = |agent: &str, name: &str, on: &str| {
            assert_eq!((browser(agent).as_deref(), system(agent)), (Some(name), Some(on)), "{agent}");
        };
        check(
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36 Edg/120.0",
            "Edge 120",
            "Windows",
        );
        check(
            "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
            "Firefox 121",
            "Linux",
        );
        check(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) Version/17.2 Mobile Safari/604.1",
            "Safari 17",
            "iOS",
        );
        assert_eq!((browser("curl/8.0"), system("curl/8.0")), (None, None));
    }
}
