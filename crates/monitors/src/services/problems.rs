//! What is wrong with the defined services, and how to mend it.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Objective;
use crate::config::ServiceConfig;

/// (place in the list, key, message).
pub fn problems(services: &[ServiceConfig]) -> Vec<(usize, &'static str, String)> {
    let mut problems = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (index, service) in services.iter().enumerate() {
        if service.name.trim().is_empty() {
            problems.push((index, "name", "a service needs a name".to_owned()));
        } else if places.insert(&service.name, index).is_some() {
            let why = format!("there are two services `{}`: give one another name", service.name);
            problems.push((index, "name", why));
        }
        if let Some(Err(why)) = service.objective.as_deref().map(str::parse::<Objective>) {
            problems.push((index, "objective", why));
        }
        if let Some(url) = service.url.as_deref().filter(|url| !is_web_address(url)) {
            let why = format!("`{url}` is not a web address: begin it with https:// or http://");
            problems.push((index, "url", why));
        }
    }
    for (index, service) in services.iter().enumerate() {
        let unknown = service.dependencies.iter().filter(|name| !places.contains_key(name.as_str()));
        problems.extend(unknown.map(|name| {
            let why = format!("there is no service `{name}`: define it as [[service]], with external = true if others run it");
            (index, "dependencies", why)
        }));
        if let Some(circle) = circle(services, &places, index) {
            let why = format!("{}: services cannot need each other in a circle", circle.join(" needs "));
            problems.push((index, "dependencies", why));
        }
    }
    problems
}

/// A link that a page may offer: nothing that a browser would run.
fn is_web_address(url: &str) -> bool {
    url.strip_prefix("https://").or(url.strip_prefix("http://")).is_some_and(|rest| !rest.is_empty())
}

/// The shortest way from a service back to itself; told at the first of its services only.
fn circle<'s>(
    services: &'s [ServiceConfig],
    places: &HashMap<&str, usize>,
    start: usize,
) -> Option<Vec<&'s str>> {
    let needs = |of: &usize| services[*of].dependencies.iter().filter_map(|name| places.get(name.as_str()));
    let mut ways = VecDeque::from([vec![start]]);
    let mut reached = HashSet::from([start]);
    while let Some(way) = ways.pop_front() {
        for next in way.last().into_iter().flat_map(needs) {
            let longer = [way.as_slice(), &[*next]].concat();
            if *next == start {
                let names = longer.iter().map(|index| services[*index].name.as_str()).collect();
                return (way.iter().min() == Some(&start)).then_some(names);
            }
            if reached.insert(*next) {
                ways.push_back(longer);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, dependencies: &[&str]) -> ServiceConfig {
        let dependencies = dependencies.iter().map(ToString::to_string).collect();
        ServiceConfig { name: name.into(), dependencies, ..ServiceConfig::default() }
    }

    fn told(services: &[ServiceConfig]) -> Vec<String> {
        problems(services).into_iter().map(|(index, key, why)| format!("{index} {key} {why}")).collect()
    }

    #[test]
    fn what_is_right_is_not_complained_of() {
        assert_eq!(
            told(&[service("web", &["db", "cache"]), service("db", &["cache"]), service("cache", &[])]),
            [""; 0]
        );
    }

    #[test]
    fn mistakes_are_told_with_their_cure() {
        let told = told(&[
            service("web", &["dbb"]),
            service("web", &[]),
            ServiceConfig { objective: Some("high".into()), ..service("x", &[]) },
            ServiceConfig { url: Some("javascript:alert(1)".into()), ..service("y", &[]) },
            service(" ", &[]),
        ]);
        let begins = [
            "1 name there are two",
            "2 objective `high`",
            "3 url `javascript",
            "4 name a service",
            "0 dependencies there is no",
        ];
        assert_eq!(told.len(), begins.len(), "{told:?}");
        for (told, begin) in told.iter().zip(begins) {
            assert!(told.starts_with(begin), "{told}");
        }
    }

    #[test]
    fn a_circle_is_told_once_with_its_way() {
        let three = [service("a", &["b"]), service("b", &["c"]), service("c", &["a"]), service("d", &["a"])];
        assert_eq!(
            told(&three),
            ["0 dependencies a needs b needs c needs a: services cannot need each other in a circle"]
        );
        assert_eq!(
            told(&[service("a", &["a"])]),
            ["0 dependencies a needs a: services cannot need each other in a circle"]
        );
    }
}
