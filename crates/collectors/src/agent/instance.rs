//! Whose sequence numbers these are: a number drawn once for each spool and machine.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// Drawn anew on another machine: a copied disk must not pass for the original, whose batches its own would be taken
/// for.
pub fn instance(directory: &Path, name: &str) -> io::Result<u64> {
    instance_on(directory, name, &machine_id())
}

fn instance_on(directory: &Path, name: &str, machine: &str) -> io::Result<u64> {
    fs::create_dir_all(directory)?;
    let path = directory.join("instance");
    if let Some(known) = fs::read_to_string(&path).ok().and_then(|text| read(&text, name, machine)) {
        return Ok(known);
    }
    let drawn = draw()?;
    let partial = path.with_extension("partial");
    let mut file = File::create(&partial)?;
    writeln!(file, "{drawn:016x} {machine} {name}")?;
    file.sync_all()?;
    fs::rename(partial, path)?;
    Ok(drawn)
}

fn read(text: &str, name: &str, machine: &str) -> Option<u64> {
    let (number, whose) = text.trim_end().split_once(' ')?;
    (whose == format!("{machine} {name}")).then(|| u64::from_str_radix(number, 16).ok())?
}

fn machine_id() -> String {
    let text = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let id: String = text.trim().chars().filter(char::is_ascii_hexdigit).collect();
    if id.is_empty() { "-".into() } else { id }
}

pub(super) fn draw() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_on_its_machine_and_is_drawn_anew_on_another() {
        let directory = tempfile::tempdir().unwrap();
        let on = |name, machine| instance_on(directory.path(), name, machine).unwrap();
        let first = on("web1", "0123");
        assert_eq!(on("web1", "0123"), first);
        let copied = on("web2", "0123");
        assert_ne!(copied, first);
        assert_ne!(on("web2", "4567"), copied);
        fs::write(directory.path().join("instance"), "torn").unwrap();
        assert_ne!(on("web1", "0123"), first);
        assert!(instance(directory.path(), "web1").is_ok());
    }
}
