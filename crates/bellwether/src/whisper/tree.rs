//! The files of a whisper tree, as graphite-web's finder sees them: links are followed, what does not end in
//! `.wsp` is none.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Names have at most so many nodes.
const DEPTH_MAX: usize = 64;

/// A file on the way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Below the tree's directory.
    pub relative: PathBuf,
    pub stamp: Stamp,
}

/// Tells whether a file is still the one that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub bytes: u64,
    /// Nanoseconds since 1970.
    pub modified: i64,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Stamp {
        let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
        Stamp { bytes: metadata.len(), modified }
    }
}

/// What cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub relative: PathBuf,
    pub why: String,
}

#[derive(Debug, Default)]
pub struct Tree {
    /// In the order of their paths.
    pub files: Vec<Found>,
    pub bad: Vec<Bad>,
}

/// All files below a directory. `go_on` is asked now and then.
pub fn walk(root: &Path, go_on: &dyn Fn() -> bool) -> std::io::Result<Tree> {
    let metadata = fs::metadata(root)?;
    let mut walk = Walk { root, tree: Tree::default(), above: vec![place(&metadata)], go_on };
    walk.directory(Path::new(""))?;
    let mut tree = walk.tree;
    tree.files.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
    tree.bad.sort_unstable_by(|a, b| a.relative.cmp(&b.relative));
    Ok(tree)
}

struct Walk<'a> {
    root: &'a Path,
    tree: Tree,
    /// Device and inode of the directories on the way here: a link to one of them leads round in a circle.
    above: Vec<(u64, u64)>,
    go_on: &'a dyn Fn() -> bool,
}

fn place(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl Walk<'_> {
    fn directory(&mut self, relative: &Path) -> std::io::Result<()> {
        for entry in fs::read_dir(self.root.join(relative))? {
            if !(self.go_on)() {
                return Ok(());
            }
            let relative = relative.join(entry?.file_name());
            if let Err(error) = self.entry(&relative) {
                self.bad(relative, error.to_string());
            }
        }
        Ok(())
    }

    fn entry(&mut self, relative: &Path) -> std::io::Result<()> {
        let name = relative.file_name().unwrap_or_default().as_encoded_bytes();
        let is_whisper = name.ends_with(b".wsp");
        let metadata = match fs::metadata(self.root.join(relative)) {
            Ok(metadata) => metadata,
            // A dangling link, or gone meanwhile: it matters only if it is one of ours.
            Err(_) if !is_whisper => return Ok(()),
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            return self.enter(relative, &metadata);
        }
        if name.ends_with(b".wsp.gz") {
            self.bad(relative.to_owned(), "it is compressed: unpack it with gunzip first".into());
        } else if is_whisper && !metadata.is_file() {
            self.bad(relative.to_owned(), "it is not a file".into());
        } else if is_whisper {
            self.tree.files.push(Found { relative: relative.to_owned(), stamp: Stamp::of(&metadata) });
        }
        Ok(())
    }

    fn enter(&mut self, relative: &Path, metadata: &Metadata) -> std::io::Result<()> {
        let here = place(metadata);
        if self.above.contains(&here) {
            self.bad(relative.to_owned(), "it is a link to a directory above it".into());
            return Ok(());
        }
        if self.above.len() > DEPTH_MAX {
            self.bad(relative.to_owned(), format!("it is more than {DEPTH_MAX} directories deep"));
            return Ok(());
        }
        self.above.push(here);
        let entered = self.directory(relative);
        self.above.pop();
        entered
    }

    fn bad(&mut self, relative: PathBuf, why: String) {
        self.tree.bad.push(Bad { relative, why });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for file in ["a/b/c.wsp", "a/d.wsp", "a/e.txt", "a/f.wsp.gz", "g.wsp"] {
            fs::write(root.join(file), b"x").unwrap();
        }
        symlink(root.join("a/b"), root.join("linked")).unwrap();
        symlink(root.join("g.wsp"), root.join("h.wsp")).unwrap();
        symlink(root, root.join("a/b/round")).unwrap();
        symlink(root.join("nothing"), root.join("dangling.wsp")).unwrap();
        symlink(root.join("nothing"), root.join("dangling.txt")).unwrap();
        symlink("/dev/null", root.join("device.wsp")).unwrap();
        let tree = walk(root, &|| true).unwrap();
        let files: Vec<_> = tree.files.iter().map(|found| found.relative.to_str().unwrap()).collect();
        assert_eq!(files, ["a/b/c.wsp", "a/d.wsp", "g.wsp", "h.wsp", "linked/c.wsp"]);
        let bad: Vec<_> = tree.bad.iter().map(|bad| bad.relative.to_str().unwrap()).collect();
        assert_eq!(bad, ["a/b/round", "a/f.wsp.gz", "dangling.wsp", "device.wsp", "linked/round"]);
        assert_eq!(tree.files[0].stamp.bytes, 1);
        assert!(walk(&root.join("nowhere"), &|| true).is_err());
        assert!(walk(root, &|| false).unwrap().files.is_empty());
    }
}
