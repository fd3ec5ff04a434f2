//! Which room may name which. A new line here is a new door: the rarest kind of change, with a note in
//! `docs/decisions/`.

/// (room, rooms that it may name). What is not here is carried by the binary or passed in by it.
pub const WALLS: &[(&str, &[&str])] = &[
    ("vocabulary", &[]),
    ("state-store", &[]),
    ("formats", &["vocabulary"]),
    ("disk", &["vocabulary"]),
    ("event-store", &["vocabulary", "disk"]),
    ("statsd", &["vocabulary"]),
    ("series-store", &["vocabulary", "formats", "disk"]),
    ("graphite", &["vocabulary", "formats"]),
    ("ingest", &["vocabulary", "formats", "statsd"]),
    ("collectors", &["vocabulary", "formats"]),
    ("outbound", &["vocabulary"]),
    ("accounts", &["vocabulary", "state-store"]),
    ("incidents", &["vocabulary", "state-store"]),
    ("error-tracking", &["vocabulary", "formats", "state-store"]),
    ("monitors", &["vocabulary", "formats", "state-store", "graphite", "error-tracking", "outbound"]),
    ("notify", &["vocabulary", "incidents", "outbound"]),
    (
        "http-api",
        &[
            "vocabulary",
            "formats",
            "graphite",
            "state-store",
            "error-tracking",
            "monitors",
            "incidents",
            "accounts",
        ],
    ),
    (
        "bellwether",
        &[
            "vocabulary",
            "state-store",
            "formats",
            "disk",
            "event-store",
            "error-tracking",
            "statsd",
            "series-store",
            "graphite",
            "ingest",
            "collectors",
            "outbound",
            "accounts",
            "incidents",
            "monitors",
            "notify",
            "http-api",
        ],
    ),
    ("xtask", &[]),
];

#[cfg(test)]
mod tests {
    use super::WALLS;
    use crate::dependencies::metadata;

    /// Normal dependencies of each member on other members.
    fn doors() -> Vec<(String, Vec<String>)> {
        let metadata = metadata(&["--no-deps"]).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let rooms: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
        packages
            .iter()
            .map(|package| {
                let named = package["dependencies"].as_array().unwrap().iter();
                let named = named.filter(|dependency| dependency["kind"].is_null());
                let named = named.filter_map(|dependency| dependency["name"].as_str());
                let doors = named.filter(|name| rooms.contains(name)).map(str::to_owned).collect();
                (package["name"].as_str().unwrap().to_owned(), doors)
            })
            .collect()
    }

    #[test]
    fn rooms_keep_to_their_doors() {
        for (room, doors) in doors() {
            let Some((_, allowed)) = WALLS.iter().find(|(name, _)| *name == room) else {
                panic!("{room} is not in xtask/src/walls.rs: say there which rooms it may name");
            };
            for door in doors {
                assert!(
                    allowed.contains(&door.as_str()),
                    "{room} names {door}, but the wall between them is closed (xtask/src/walls.rs): return what \
                     happened and let the binary carry it on, or go through a port of vocabulary"
                );
            }
        }
    }

    fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    /// The table of docs/architecture.md: `| layer | room | may name | … |`.
    #[test]
    fn the_page_about_the_house_tells_of_the_same_walls() {
        let page = include_str!("../../docs/architecture.md");
        let rows = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let rows: Vec<_> = rows.filter(|cells| cells.len() == 6 && cells[1].parse::<u8>().is_ok()).collect();
        let rooms = WALLS.iter().filter(|(room, _)| *room != "xtask");
        assert_eq!(sorted(rows.iter().map(|cells| cells[2])), sorted(rooms.clone().map(|(room, _)| *room)));
        for cells in rows {
            let (_, allowed) = rooms.clone().find(|(room, _)| *room == cells[2]).unwrap();
            let told = match cells[3] {
                "–" => Vec::new(),
                "everything" => sorted(rooms.clone().map(|(room, _)| *room).filter(|room| *room != cells[2])),
                names => sorted(names.split(", ")),
            };
            assert_eq!(told, sorted(allowed.iter().copied()), "docs/architecture.md about {}", cells[2]);
        }
    }

    #[test]
    fn every_wall_is_of_a_room_that_exists() {
        let rooms: Vec<String> = doors().into_iter().map(|(room, _)| room).collect();
        for (room, _) in WALLS {
            assert!(
                rooms.iter().any(|name| name == room),
                "{room} is in xtask/src/walls.rs but does not exist"
            );
        }
    }
}
