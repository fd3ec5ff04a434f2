//! What arrives, by host and by the first nodes of names, gathered in one look at all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use monitors::services::inventory::{HOST_TAGS, Inventory, Place};
use parking_lot::Mutex;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use crate::control::Control;
use crate::groups::{is_not_the_site, statsd_root};

/// A new host is to be seen within a minute; a look at a million names takes some tenths of a second.
const KEPT_SECONDS: i64 = 5;
const NAMES_FOR_A_SECOND_MORE: u64 = 50_000;
/// Scopes whose inventory is kept; tokens with prefixes of their own are few.
const MAX_SCOPES: usize = 16;

/// First nodes under which machines report by name, and what brings them.
const HOST_ROOTS: [(&str, &str); 2] = [("host.", "host"), ("collectd.", "collectd")];

#[derive(Default)]
pub struct Inventories {
    kept: Mutex<BTreeMap<Vec<String>, Kept>>,
}

struct Kept {
    until: Timestamp,
    inventory: Arc<Inventory>,
}

impl Inventories {
    pub fn of(&self, control: &dyn Control, scope: &Scope, now: Timestamp) -> Arc<Inventory> {
        let key = scope.as_prefixes().to_vec();
        if let Some(kept) = self.kept.lock().get(&key).filter(|kept| now < kept.until) {
            return kept.inventory.clone();
        }
        let mut inventory = Inventory::default();
        control.for_each_series(scope, &mut |series, name| {
            inventory.names += 1;
            let places = [place(name), host_of_tags(name).map(|name| Place::Host { name, source: "tag" })];
            places.into_iter().flatten().for_each(|place| inventory.take(series, place));
        });
        let until = now.plus(KEPT_SECONDS + (inventory.names / NAMES_FOR_A_SECOND_MORE) as i64);
        let inventory = Arc::new(inventory);
        let mut kept = self.kept.lock();
        kept.retain(|_, kept| now < kept.until);
        if kept.len() < MAX_SCOPES {
            kept.insert(key, Kept { until, inventory: inventory.clone() });
        }
        inventory
    }
}

/// Where a name, or a pattern of names, belongs; nowhere if it tells of Bellwether itself.
pub fn place(name: &str) -> Option<Place<'_>> {
    let metric = vocabulary::series::split(name).0;
    for (root, source) in HOST_ROOTS {
        if let Some(rest) = metric.strip_prefix(root) {
            let name = rest.split('.').next().filter(|name| !name.is_empty())?;
            return Some(Place::Host { name, source });
        }
    }
    if is_not_the_site(metric) {
        return None;
    }
    let root = statsd_root(metric);
    let mut nodes = metric[root.len()..].split('.');
    let title = nodes.next().filter(|title| !title.is_empty())?;
    // What a timer or set ends with is a number of it, not a thing of its own.
    let things = if matches!(root, "stats.timers." | "stats.sets.") {
        nodes.next_back().and(nodes.next())
    } else {
        nodes.next()
    };
    Some(Place::Prefix { title, part: things.unwrap_or_default() })
}

/// The host that the tags of a series name.
fn host_of_tags(name: &str) -> Option<&str> {
    let tags = name.split(';').skip(1).filter_map(|tag| tag.split_once('='));
    tags.filter(|(tag, host)| HOST_TAGS.contains(tag) && !host.is_empty()).map(|(_, host)| host).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_where_they_belong() {
        let check = |name: &str, wanted: &str| {
            let told = match place(name) {
                Some(Place::Host { name, source }) => format!("{source} {name}"),
                Some(Place::Prefix { title, part }) => format!("{title}/{part}"),
                None => "nowhere".to_owned(),
            };
            assert_eq!(told, wanted, "{name}");
        };
        check("host.web1.load.1m", "host web1");
        check("host.web*.load.1m", "host web*");
        check("collectd.db1.cpu-0.cpu-idle", "collectd db1");
        check("host.", "nowhere");
        check("bellwether.store.series", "nowhere");
        check("checks.web1.disk.used_bytes", "nowhere");
        check("stats.statsd.packets_received", "nowhere");
        check("stats.uploads.box.failed", "uploads/box");
        check("stats_counts.uploads.box.failed", "uploads/box");
        check("stats.timers.uploads.box.upper_90", "uploads/box");
        check("stats.timers.login.mean", "login/");
        check("stats.timers.login.*", "login/");
        check("stats.sets.users.count", "users/");
        check("shop_orders;country=de", "shop_orders/");
        check("logins", "logins/");
        check(".", "nowhere");
    }

    #[test]
    fn tags_name_hosts() {
        assert_eq!(host_of_tags("calls;dc=a;host=api1"), Some("api1"));
        assert_eq!(host_of_tags("calls;hostname=api2"), Some("api2"));
        assert_eq!(host_of_tags("calls;ghost=x"), None);
        assert_eq!(host_of_tags("calls;host="), None);
    }
}
