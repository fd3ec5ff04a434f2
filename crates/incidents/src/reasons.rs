//! What is bad for one reason is one incident: which reason that is.

use crate::core::{Incidents, is_ours};
use crate::incident::Key;

impl Incidents {
    /// What it has in common with others in its incident. What pages nobody is not among what does: a monitor's series
    /// of another environment have an incident of their own, and so have those of another team, which is called by itself.
    pub(crate) fn reason(&self, key: &Key) -> String {
        match (key, self.not_paging(key)) {
            (Key { host: true, monitor, .. }, _) => format!("host:{monitor}"),
            (Key { monitor, .. }, _) if is_ours(monitor) => monitor.to_string(),
            (Key { monitor, instance, .. }, _) if self.is_of_errors(key) => {
                format!("errors:{monitor}/{instance}")
            }
            (Key { monitor, instance, .. }, _) if self.book.is_of_alerts(key) => {
                format!("monitor:{monitor}@{instance}")
            }
            (Key { monitor, .. }, None) => match self.book.team_of_series(key) {
                Some(team) => format!("monitor:{monitor}@team:{team}"),
                None => format!("monitor:{monitor}"),
            },
            (Key { monitor, .. }, Some(environment)) => format!("monitor:{monitor}@{environment}"),
        }
    }

    /// The environment, if it is one that pages nobody.
    pub(crate) fn not_paging<'k>(&'k self, key: &'k Key) -> Option<&'k str> {
        let (environment, production) = self.environment(key);
        environment.filter(|_| !production && !self.book.config.page_non_production)
    }

    pub(crate) fn environment_of(&self, host: bool, monitor: &str, instance: &str) -> (Option<String>, bool) {
        let key = Key { host, monitor: monitor.into(), instance: instance.into() };
        (self.environment(&key).0.map(str::to_owned), self.not_paging(&key).is_none())
    }

    /// A check belongs to the environment of its host, unless its own name says otherwise.
    pub(crate) fn environment<'k>(&'k self, key: &'k Key) -> (Option<&'k str>, bool) {
        let own = self.book.environments.of(&key.monitor, &key.instance);
        let host = self.book.about(key).and_then(|subject| subject.host.as_deref());
        match (own, host) {
            ((None, _), Some(host)) => self.book.environments.of(host, ""),
            (own, _) => own,
        }
    }
}
