//! What people make and take out again: definitions in the UI, silences. On the disk before it is in effect.

use std::time::Duration;

use state_store::StateError;
use vocabulary::Timestamp;

use crate::limits::{MAX_GLOB_BYTES_OF_SILENCES, MAX_MADE, MAX_PATTERNS_OF_SILENCES, MAX_SILENCES};
use crate::look::Origin;
use crate::machine::Machine;
use crate::made::{self, Definition, Made, Version};
use crate::monitors::Monitors;
use crate::refused::Refused;
use crate::silence::{self, Ready, Silence, Silences};
use crate::{past, store};

/// Rows that one transaction takes out, so that nobody waits for it.
const PRUNED_AT_ONCE: usize = 2_000;

impl Monitors {
    /// Makes a monitor, or another version of it. The same again changes nothing.
    pub fn define(
        &self,
        name: &str,
        mut definition: Definition,
        author: &str,
        now: Timestamp,
    ) -> Result<Version, Refused> {
        let _alone = self.defining.lock();
        self.refuse_file(name)?;
        definition.set_name(name);
        let made = self.inner.lock().made.clone();
        // What is watched without some of its names is written with them.
        let same = made.get(name).filter(|before| before.definition.as_ref() == Some(&definition));
        if let Some(same) = same.filter(|_| !made.unfit.contains_key(name)) {
            return Ok(same.clone());
        }
        if made.get(name).is_none() && made.versions.len() >= MAX_MADE {
            return Err(Refused::Conflict(format!(
                "{MAX_MADE} monitors are made in the UI already: take some out"
            )));
        }
        self.put(made, name, Some(definition), author, now)
    }

    /// Takes a monitor out; its versions stay.
    pub fn undefine(&self, name: &str, author: &str, now: Timestamp) -> Result<Version, Refused> {
        let _alone = self.defining.lock();
        self.refuse_file(name)?;
        let made = self.inner.lock().made.clone();
        if made.get(name).is_none() && !made.unfit.contains_key(name) {
            return Err(Refused::NotFound(format!("no monitor `{name}` is made here")));
        }
        self.put(made, name, None, author, now)
    }

    fn refuse_file(&self, name: &str) -> Result<(), Refused> {
        match self.inner.lock().origin(name) {
            Origin::File(place) => Err(Refused::Conflict(format!(
                "`{name}` is defined in {place}, and what is in a file wins: change it there"
            ))),
            Origin::Ui => Ok(()),
        }
    }

    fn put(
        &self,
        made: Made,
        name: &str,
        definition: Option<Definition>,
        author: &str,
        now: Timestamp,
    ) -> Result<Version, Refused> {
        let newest = made::versions(&self.state, name)?.first().map_or(0, |version| version.version);
        let version = Version {
            name: name.to_owned(),
            version: newest + 1,
            at: now,
            author: author.to_owned(),
            definition,
        };
        let made = made.with(version.clone());
        self.refuse_problems(&made, name)?;
        self.state.transaction(|tx| made::write(tx, &version))?;
        let mut inner = self.inner.lock();
        let files = inner.files.clone();
        let told = |problems: Vec<crate::machine::Problem>| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            Refused::Wrong(told.join("; "))
        };
        inner.redefine(files, made, now).map_err(told)?;
        self.done(&mut inner, now);
        Ok(version)
    }

    /// All that is wrong with everything that would be in effect. Whoever writes one knows no place in a list of all.
    fn refuse_problems(&self, made: &Made, name: &str) -> Result<(), Refused> {
        let (files, zone) = {
            let inner = self.inner.lock();
            (inner.files.clone(), inner.zone.clone())
        };
        let all = made.merged(&files.definitions);
        let told = |(key, problem): (String, String)| match made::place(&all, &key) {
            Some((of, key)) if of == name => format!("{key}: {problem}"),
            Some((of, key)) => format!("{key} of `{of}`: {problem}"),
            None => format!("{key}: {problem}"),
        };
        let mut problems: Vec<String> = all.problems().into_iter().map(told).collect();
        if problems.is_empty() {
            let found = Machine::new(&all, zone).err().unwrap_or_default();
            problems = found.iter().map(ToString::to_string).collect();
        }
        if problems.is_empty() { Ok(()) } else { Err(Refused::Wrong(problems.join("; "))) }
    }

    /// Returns its id.
    pub fn silence(&self, mut silence: Silence, now: Timestamp) -> Result<i64, Refused> {
        if silence.matchers.is_empty() || silence.matchers.iter().any(silence::Matcher::is_empty) {
            let why = "a silence of everything would hide everything: write `monitor`, `instance` or `host` in each of `matchers`";
            return Err(Refused::Wrong(why.into()));
        }
        if let Some(why) = silence.wrong() {
            return Err(Refused::Wrong(why));
        }
        if silence.until <= now.0 || silence.until <= silence.from {
            return Err(Refused::Wrong(
                "the silence is over already: `until` lies in the past, or before its beginning".into(),
            ));
        }
        let (count, patterns, glob_bytes) = {
            let silences = &self.inner.lock().silences;
            let patterns: usize = silences.all().map(|other| other.patterns()).sum();
            (silences.all().len(), patterns, silences.glob_bytes())
        };
        if count >= MAX_SILENCES {
            return Err(Refused::Conflict(format!("there are {MAX_SILENCES} silences already: end some")));
        }
        if glob_bytes + silence.glob_bytes() > MAX_GLOB_BYTES_OF_SILENCES {
            return Err(Refused::Conflict(Silences::full()));
        }
        if silence.patterns() > 0 && patterns + silence.patterns() > MAX_PATTERNS_OF_SILENCES {
            let why = format!(
                "silences have {patterns} labels with regular expressions already, of {MAX_PATTERNS_OF_SILENCES}: end some, or name values"
            );
            return Err(Refused::Conflict(why));
        }
        silence.id = self.state.transaction(|tx| silence::write(tx, &silence))?;
        let id = silence.id;
        let ready = Ready::new(silence);
        self.inner.lock().silences.add(ready);
        Ok(id)
    }

    pub fn end_silence(&self, id: i64) -> Result<(), Refused> {
        self.state.transaction(|tx| silence::end(tx, id))?;
        match self.inner.lock().silences.remove(id) {
            true => Ok(()),
            false => Err(Refused::NotFound(format!("there is no silence {id}: it may have ended"))),
        }
    }

    /// Takes a part of what is older out of the history. Tells whether there is more.
    pub fn prune(&self, keep: Duration, now: Timestamp) -> Result<bool, StateError> {
        let keep = i64::try_from(keep.as_secs()).unwrap_or(i64::MAX);
        self.state.transaction(|tx| {
            let more = store::prune(tx, now.0.saturating_sub(keep), PRUNED_AT_ONCE)?;
            Ok(past::prune(tx, keep, PRUNED_AT_ONCE)? || more)
        })
    }
}
