//! All projects: few, and asked for with each request, so all are in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::limits::{MAX_NAME, MAX_PROJECTS};
use crate::project::{Key, Project, Settings, key_problem, keys_problem, name_problem};
use crate::store::number;

pub struct Projects {
    store: Arc<StateStore>,
    all: RwLock<BTreeMap<u64, Arc<Project>>>,
}

#[derive(Debug)]
pub enum ProjectError {
    NoSuchProject,
    /// Each problem with its key.
    Wrong(Vec<(String, String)>),
    State(StateError),
}

impl From<StateError> for ProjectError {
    fn from(error: StateError) -> ProjectError {
        ProjectError::State(error)
    }
}

impl std::fmt::Display for ProjectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ProjectError::NoSuchProject => f.write_str("there is no such project"),
            ProjectError::Wrong(problems) => {
                let problems = problems.iter().map(|(key, why)| format!("{key}: {why}"));
                f.write_str(&problems.collect::<Vec<_>>().join("; "))
            }
            ProjectError::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProjectError {}

fn wrong(key: &str, why: impl Into<String>) -> ProjectError {
    ProjectError::Wrong(vec![(key.to_owned(), why.into())])
}

/// A project to be made. What is moved from elsewhere keeps its id and key.
#[derive(Clone, Debug)]
pub struct NewProject {
    pub name: String,
    pub id: Option<u64>,
    pub public_key: String,
}

impl Projects {
    pub fn open(store: Arc<StateStore>) -> Result<Projects, StateError> {
        let rows = store.query("SELECT id, name, created, keys, settings FROM error_project", &[])?;
        let all = rows.iter().filter_map(of_row).map(|project| (project.id, Arc::new(project))).collect();
        Ok(Projects { store, all: RwLock::new(all) })
    }

    pub fn get(&self, id: u64) -> Option<Arc<Project>> {
        self.all.read().get(&id).cloned()
    }

    pub fn named(&self, name: &str) -> Option<Arc<Project>> {
        self.all.read().values().find(|project| project.name == name).cloned()
    }

    /// For the oldest path, which names no project.
    pub fn of_key(&self, key: &str) -> Option<Arc<Project>> {
        self.all.read().values().find(|project| project.public_keys.iter().any(|one| one.key == key)).cloned()
    }

    pub fn list(&self) -> Vec<Arc<Project>> {
        self.all.read().values().cloned().collect()
    }

    pub fn create(&self, new: &NewProject, now: Timestamp) -> Result<Arc<Project>, ProjectError> {
        let mut all = self.all.write();
        if let Some(why) = name_problem(&new.name) {
            return Err(wrong("name", why));
        }
        if all.values().any(|project| project.name.eq_ignore_ascii_case(&new.name)) {
            return Err(wrong("name", format!("there is a project {} already", new.name)));
        }
        if all.len() >= MAX_PROJECTS {
            return Err(wrong("name", format!("there are {MAX_PROJECTS} projects: take out one first")));
        }
        check_key(&all, &new.public_key)?;
        let id = new.id.unwrap_or_else(|| all.last_key_value().map_or(1, |(last, _)| last + 1));
        if id == 0 || id > i64::MAX.unsigned_abs() || all.contains_key(&id) {
            return Err(wrong("id", format!("{id} is taken, or is no project's number")));
        }
        let key = Key::new(&new.public_key, "", now);
        let project = Project::new(id, &new.name, vec![key], Settings::default(), now);
        self.keep(&mut all, project)
    }

    pub fn add_key(
        &self,
        id: u64,
        key: &str,
        label: &str,
        now: Timestamp,
    ) -> Result<Arc<Project>, ProjectError> {
        let mut all = self.all.write();
        check_key(&all, key)?;
        if label.len() > MAX_NAME {
            return Err(wrong("label", format!("it has {MAX_NAME} bytes at most")));
        }
        let mut project = found(&all, id)?;
        project.public_keys.push(Key::new(key, label, now));
        if let Some(why) = keys_problem(&project.public_keys) {
            return Err(wrong("key", why));
        }
        self.keep(&mut all, project)
    }

    /// A key that is not enabled stays known: its clients are told that it is off.
    pub fn enable_key(&self, id: u64, key: &str, enabled: bool) -> Result<Arc<Project>, ProjectError> {
        self.change_key(id, key, |one| one.enabled = enabled)
    }

    /// None: only what the project may send limits it.
    pub fn limit_key(&self, id: u64, key: &str, most: Option<u64>) -> Result<Arc<Project>, ProjectError> {
        self.change_key(id, key, |one| one.max_events_per_5m = most)
    }

    fn change_key(
        &self,
        id: u64,
        key: &str,
        change: impl FnOnce(&mut Key),
    ) -> Result<Arc<Project>, ProjectError> {
        let mut all = self.all.write();
        let mut project = found(&all, id)?;
        let Some(one) = project.public_keys.iter_mut().find(|one| one.key == key) else {
            return Err(wrong("key", format!("the project has no key `{key}`")));
        };
        change(one);
        self.keep(&mut all, project)
    }

    pub fn rename(&self, id: u64, name: &str) -> Result<Arc<Project>, ProjectError> {
        let mut all = self.all.write();
        if let Some(why) = name_problem(name) {
            return Err(wrong("name", why));
        }
        if all.values().any(|project| project.id != id && project.name.eq_ignore_ascii_case(name)) {
            return Err(wrong("name", format!("there is a project {name} already")));
        }
        let project = Project { name: name.to_owned(), ..found(&all, id)? };
        self.keep(&mut all, project)
    }

    pub fn set_settings(&self, id: u64, settings: Settings) -> Result<Arc<Project>, ProjectError> {
        let mut all = self.all.write();
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(ProjectError::Wrong(problems));
        }
        let old = found(&all, id)?;
        let project = Project::new(id, &old.name, old.public_keys, settings, old.created);
        self.keep(&mut all, project)
    }

    fn keep(
        &self,
        all: &mut BTreeMap<u64, Arc<Project>>,
        project: Project,
    ) -> Result<Arc<Project>, ProjectError> {
        self.store.transaction(|tx| save(tx, &project))?;
        let project = Arc::new(project);
        all.insert(project.id, project.clone());
        Ok(project)
    }
}

fn found(all: &BTreeMap<u64, Arc<Project>>, id: u64) -> Result<Project, ProjectError> {
    all.get(&id).map(|project| Project::clone(project)).ok_or(ProjectError::NoSuchProject)
}

/// A key names one project.
fn check_key(all: &BTreeMap<u64, Arc<Project>>, key: &str) -> Result<(), ProjectError> {
    if let Some(why) = key_problem(key) {
        return Err(wrong("public_key", why));
    }
    let owner = all.values().find(|project| project.public_keys.iter().any(|one| one.key == key));
    owner.map_or(Ok(()), |owner| Err(wrong("public_key", format!("it is one of {}", owner.name))))
}

fn save(tx: &Transaction<'_>, project: &Project) -> Result<(), StateError> {
    let json = |text: Result<String, serde_json::Error>| Value::Text(text.unwrap_or_default());
    let sql = "INSERT INTO error_project (id, name, created, keys, settings) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET name = excluded.name, keys = excluded.keys, settings = excluded.settings";
    let values: [Value; 5] = [
        number(project.id),
        project.name.as_str().into(),
        project.created.0.into(),
        json(serde_json::to_string(&project.public_keys)),
        json(serde_json::to_string(&project.settings)),
    ];
    tx.execute(sql, &values).map(drop)
}

fn of_row(row: &Row) -> Option<Project> {
    let complain = |error: &serde_json::Error| tracing::warn!(%error, "a project cannot be read");
    let keys = serde_json::from_str(row.text(3)).inspect_err(complain).ok()?;
    let settings = serde_json::from_str(row.text(4)).inspect_err(complain).ok()?;
    Some(Project::new(row.integer(0).unsigned_abs(), row.text(1), keys, settings, Timestamp(row.integer(2))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    fn new(name: &str, id: Option<u64>, key: &str) -> NewProject {
        NewProject { name: name.into(), id, public_key: key.into() }
    }

    #[test]
    fn what_is_moved_keeps_its_number_and_its_key() {
        let (_directory, store) = crate::tests::store();
        let projects = Projects::open(store.clone()).unwrap();
        let made = projects.create(&new("shop", Some(42), KEY), Timestamp(5)).unwrap();
        assert_eq!((made.id, made.short(7).as_str(), made.accepts(KEY)), (42, "SHOP-7", true));
        let next = projects.create(&new("web", None, &KEY.replace('0', "f")), Timestamp(6)).unwrap();
        assert_eq!(next.id, 43);
        let refused = |new: NewProject| projects.create(&new, Timestamp(7)).unwrap_err().to_string();
        assert!(refused(new("a b", None, KEY)).starts_with("name: "));
        assert!(refused(new("Shop", None, KEY)).contains("already"));
        assert!(refused(new("c", Some(43), &KEY.replace('0', "e"))).starts_with("id: "));
        assert!(refused(new("c", None, KEY)).contains("one of shop"));
        assert!(refused(new("c", None, "XYZ")).contains("hexadecimal"));

        projects.enable_key(42, KEY, false).unwrap();
        assert_eq!(made.most_events_of(KEY), 0);
        projects.limit_key(42, KEY, Some(9)).unwrap();
        assert!(projects.limit_key(43, KEY, Some(9)).unwrap_err().to_string().contains("no key"));
        projects.set_settings(42, Settings { retention_days: Some(7), ..Settings::default() }).unwrap();
        let again = Projects::open(store).unwrap();
        let shop = again.named("shop").unwrap();
        assert!(!shop.accepts(KEY) && again.of_key(KEY).is_some());
        assert_eq!(shop.most_events_of(KEY), 9);
        assert_eq!(shop.settings.retention_days, Some(7));
    }

    #[test]
    fn settings_that_cannot_be_are_refused_with_their_place() {
        let (_directory, store) = crate::tests::store();
        let projects = Projects::open(store).unwrap();
        projects.create(&new("shop", None, KEY), Timestamp(5)).unwrap();
        let text = r#"{"scrub_rules":[{"name":"a","pattern":"("}],"retention_days":0,"grouping_version":9}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        let told = projects.set_settings(1, settings).unwrap_err().to_string();
        for key in ["scrub_rules[0].pattern: ", "retention_days: ", "grouping_version: "] {
            assert!(told.contains(key), "{told}");
        }
        assert!(serde_json::from_str::<Settings>(r#"{"scrub":true}"#).is_err());
        let tee = |dsn: &str| {
            let settings = Settings { tee: Some(dsn.into()), ..Settings::default() };
            projects.set_settings(1, settings).map(|_| ()).map_err(|error| error.to_string())
        };
        assert!(tee("https://old.example/1").unwrap_err().starts_with("tee: "));
        assert!(tee(&format!("https://{KEY}:secret@old.example/1")).unwrap_err().contains("secret"));
        assert_eq!(tee(&format!("https://{KEY}@old.example/sentry/1")), Ok(()));
        assert!(matches!(projects.rename(9, "x"), Err(ProjectError::NoSuchProject)));
    }
}
