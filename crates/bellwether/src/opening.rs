//! State records and secret key at a start: made once, later looked at before anything works with them.
//! What is lost is told with its cure, and never made anew in silence.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use state_store::{Migrations, StateStore};

use crate::failure::Failure;

/// 32 random bytes as hex digits.
const KEY_DIGITS: usize = 64;

/// Opens both. The key is made after the database, so whoever finds a key knows that there was one.
pub fn open_state(directory: &Path, rooms: &[Migrations]) -> Result<StateStore, Failure> {
    let (database, key) = (directory.join("state/state.db"), directory.join("secret.key"));
    let was_served = directory.join("alive").exists();
    if key.exists() || was_served {
        state_store::refuse_emptied(&database).map_err(Failure::new)?;
        if !database.exists() {
            warn_of_new(&database, "people, tokens and annotations");
        }
    }
    let state = StateStore::open(&database, rooms).map_err(Failure::new)?;
    if key.exists() {
        check_key(&key)?;
    } else {
        if was_served {
            warn_of_new(&key, "secrets that were encrypted with the one before");
        }
        make_key(directory, &key).map_err(Failure::doing(format!("make {}", key.display())))?;
    }
    Ok(state)
}

fn warn_of_new(path: &Path, lost: &str) {
    tracing::warn!(
        "{} was missing and is made anew, without the {lost}; if they were to stay, stop and restore a backup",
        path.display()
    );
}

fn check_key(path: &Path) -> Result<(), Failure> {
    let doing = format!("read {}", path.display());
    let mut key = Vec::new();
    let opened = File::open(path).map_err(Failure::doing(&doing))?;
    opened.take(KEY_DIGITS as u64 + 1).read_to_end(&mut key).map_err(Failure::doing(&doing))?;
    if key.len() == KEY_DIGITS && key.iter().all(u8::is_ascii_hexdigit) {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} is damaged: it should have {KEY_DIGITS} hex digits and nothing else; copy it from a backup, or move it away to \
         go on with a new one, without the secrets that were encrypted with it",
        path.display(),
    )))
}

/// Under its name it is whole, also after a power cut.
fn make_key(directory: &Path, path: &Path) -> io::Result<()> {
    let key = http_api::accounts::random_secret().map_err(io::Error::other)?;
    let partial: PathBuf = path.with_extension("partial");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
    file.write_all(key.as_bytes())?;
    file.sync_all()?;
    // The database first, as a key says that there is one.
    File::open(directory.join("state"))?.sync_all()?;
    File::open(directory)?.sync_all()?;
    fs::rename(&partial, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &Path) -> Result<(), String> {
        let opened = open_state(directory, &[crate::alive::MIGRATIONS]);
        opened.map(|_| ()).map_err(|failure| failure.message)
    }

    #[test]
    fn what_is_damaged_is_told_with_its_cure() {
        let cut = |path: &Path| File::options().write(true).open(path)?.set_len(4_096);
        let empty = |path: &Path| fs::write(path, "");
        let shorten = |path: &Path| fs::write(path, "0123");
        let blur = |path: &Path| fs::write(path, [b'x'; KEY_DIGITS]);
        type Damage<'d> = &'d dyn Fn(&Path) -> io::Result<()>;
        let cases: [(&str, Damage<'_>, &str); 6] = [
            ("state/state.db", &empty, "is empty"),
            ("state/state.db", &cut, "malformed"),
            ("state/state.db", &shorten, "not a database"),
            ("secret.key", &empty, "64 hex digits"),
            ("secret.key", &shorten, "64 hex digits"),
            ("secret.key", &blur, "64 hex digits"),
        ];
        for (name, damage, wanted) in cases {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join(name);
            assert_eq!(open(directory.path()), Ok(()));
            damage(&path).unwrap();
            for attempt in 1..=2 {
                let error = open(directory.path()).unwrap_err();
                let has_cure = error.contains("backup") && error.contains("move");
                assert!(error.contains(wanted) && has_cure, "{name}, attempt {attempt}: {error}");
            }
            fs::remove_file(&path).unwrap();
            assert_eq!(open(directory.path()), Ok(()), "{name}: the cure");
        }
    }

    #[test]
    fn a_first_start_that_was_cut_off_is_gone_on_with() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("state")).unwrap();
        fs::write(directory.path().join("state/state.db"), "").unwrap();
        fs::write(directory.path().join("secret.partial"), "012").unwrap();
        assert_eq!(open(directory.path()), Ok(()));
        let key = fs::read_to_string(directory.path().join("secret.key")).unwrap();
        assert_eq!(open(directory.path()), Ok(()));
        assert_eq!(fs::read_to_string(directory.path().join("secret.key")).unwrap(), key);
    }
}
