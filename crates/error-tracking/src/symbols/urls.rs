//! By which names a file that a browser loaded may have been uploaded, and what people call what is in a map.

/// The most exact one first. `~` stands for whatever host, as sentry-cli writes it.
pub(super) fn candidates(url: &str) -> Vec<String> {
    let whole = url.split('#').next().unwrap_or_default();
    let path = whole.split('?').next().unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for one in [whole, path] {
        for name in [Some(one.to_owned()), without_host(one)].into_iter().flatten() {
            if !name.is_empty() && !found.contains(&name) {
                found.push(name);
            }
        }
    }
    found
}

/// `https://a.example/js/app.js` and `/js/app.js` are `~/js/app.js`.
fn without_host(url: &str) -> Option<String> {
    if let Some((_, rest)) = url.split_once("://") {
        return rest.find('/').map(|slash| format!("~{}", &rest[slash..]));
    }
    url.starts_with('/').then(|| format!("~{url}"))
}

/// Where `name` leads to from a file: beside it, below it, or elsewhere.
pub(super) fn beside(file: &str, name: &str) -> String {
    if name.contains("://") || name.starts_with('~') {
        return name.to_owned();
    }
    let file = file.split(['?', '#']).next().unwrap_or_default();
    if !file.contains('/') {
        return name.to_owned();
    }
    let start = file.find("://").map_or(0, |at| at + 3);
    let root = file[start..].find('/').map_or(file.len(), |slash| start + slash);
    if name.starts_with('/') {
        return format!("{}{name}", &file[..root]);
    }
    let directory = file.rfind('/').filter(|slash| *slash >= root).unwrap_or(root);
    let mut parts: Vec<&str> = file[root..directory].split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("{}/{}", &file[..root], parts.join("/"))
}

/// `webpack://shop/./src/cart.js` is the build tool's word for `./src/cart.js`.
pub(super) fn file_name(source: &str) -> &str {
    let Some((scheme, rest)) = source.split_once("://") else { return source };
    let after_host = rest.find('/').map_or(rest, |slash| &rest[slash + 1..]);
    match scheme {
        "webpack" | "webpack-internal" | "turbopack" | "ng" | "app" | "file" => after_host,
        // As clients say of what was loaded over a network.
        _ => rest.find('/').map_or(source, |slash| &rest[slash..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_looked_for_under_all_of_its_names() {
        let check = |url: &str, expected: &[&str]| assert_eq!(candidates(url), expected, "{url}");
        check("https://a.example/js/app.js", &["https://a.example/js/app.js", "~/js/app.js"]);
        check(
            "http://a.example:8080/app.js?v=1#x",
            &["http://a.example:8080/app.js?v=1", "~/app.js?v=1", "http://a.example:8080/app.js", "~/app.js"],
        );
        check("app:///main.js", &["app:///main.js", "~/main.js"]);
        check("/srv/app.js", &["/srv/app.js", "~/srv/app.js"]);
        check("app.js", &["app.js"]);
        check("http://host-only", &["http://host-only"]);
        check("", &[]);
    }

    #[test]
    fn maps_are_named_from_where_their_file_is() {
        let check = |file: &str, name: &str, expected: &str| {
            assert_eq!(beside(file, name), expected, "{file} {name}");
        };
        check("~/js/app.js", "app.js.map", "~/js/app.js.map");
        check("~/app.js", "app.js.map", "~/app.js.map");
        check("~/js/app.js", "../maps/./app.js.map", "~/maps/app.js.map");
        check("~/js/app.js", "/app.js.map", "~/app.js.map");
        check("https://a.example/js/app.js?v=1", "m/app.js.map", "https://a.example/js/m/app.js.map");
        check("https://a.example/js/app.js", "../../../x.map", "https://a.example/x.map");
        check("https://a.example", "x.map", "https://a.example/x.map");
        check("app.js", "app.js.map", "app.js.map");
        check("js/app.js", "app.js.map", "js/app.js.map");
        check("~/app.js", "https://b.example/app.js.map", "https://b.example/app.js.map");
    }

    #[test]
    fn what_build_tools_put_before_names_is_left_out() {
        let check = |source: &str, expected: &str| assert_eq!(file_name(source), expected, "{source}");
        check("webpack:///./src/cart.js", "./src/cart.js");
        check("webpack://shop/./src/cart.js", "./src/cart.js");
        check("../src/cart.ts", "../src/cart.ts");
        check("https://a.example/src/cart.ts", "/src/cart.ts");
        check("https://a.example", "https://a.example");
    }
}
