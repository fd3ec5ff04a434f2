//! A copy of the store at one moment, without stopping it: hard links of files that never change.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{DiskError, Doing, replace_whole};
use vocabulary::ValueKind;
use vocabulary::ports::StoreError;

use crate::flush::Extent;
use crate::manifest::manifest_path;
use crate::open::{FORMAT_MAJOR, FORMAT_MINOR, FORMAT_NAME};
use crate::store::Store;

impl Store {
    /// Everything that was written before the call, as a directory that can be opened as a store: in
    /// `snapshots/`, under the time in milliseconds. It may be copied away or removed at leisure; files
    /// of later snapshots that have the same name are the same.
    pub fn snapshot(&self) -> Result<PathBuf, StoreError> {
        let _guards = self.stop_upkeep();
        self.refuse_read_only()?;
        self.make_log_durable()?;
        // The copy has no log: what it tells of batches is in its manifest. So all their sketches are in its files,
        // also those ahead of the clock.
        self.keep_marks()?;
        for place in self.places() {
            let is_sketch = place.tier.kind == ValueKind::Sketch;
            self.flush_place(place, if is_sketch { Extent::All } else { Extent::UpToNow })?;
        }
        let name = self.clock.since_epoch().as_millis().to_string();
        let target = self.directory.join("snapshots").join(name);
        Ok(self.link_all(target)?)
    }

    fn link_all(&self, target: PathBuf) -> Result<PathBuf, DiskError> {
        let io = &self.io;
        for directory in [target.join("blocks"), target.join("series"), target.join("wal")] {
            io.create_dir(&directory).doing("create", &directory)?;
        }
        // Names that come from now on are not in it, and no file of it holds their points.
        let _creating = self.creating.lock();
        let (state, image) = self.files.manifest.image();
        for meta in state.files.values() {
            let (from, to) = (meta.path(&self.files.blocks), meta.path(&target.join("blocks")));
            let directory = to.parent().unwrap_or(&target).to_owned();
            io.create_dir(&directory).doing("create", &directory)?;
            io.link(&from, &to).doing("link", &to)?;
        }
        self.copy_series_log(&target.join("series"))?;
        let manifest = manifest_path(&target, 1);
        let file = io.create(&manifest).doing("create", &manifest)?;
        file.append(&image).doing("write", &manifest)?;
        file.sync().doing("sync", &manifest)?;
        let format = format!("{FORMAT_NAME} {FORMAT_MAJOR}.{FORMAT_MINOR}\n");
        replace_whole(&**io, &target.join("FORMAT"), format.as_bytes()).doing("write FORMAT in", &target)?;
        // Last: without it the directory is no store.
        replace_whole(&**io, &target.join("CURRENT"), b"MANIFEST-000001\n")
            .doing("write CURRENT in", &target)?;
        Ok(target)
    }

    fn copy_series_log(&self, target: &std::path::Path) -> Result<(), DiskError> {
        let mut log = self.series_log.lock();
        log.write_out()?;
        let from = self.io.open(log.path()).doing("open", log.path())?;
        let path = target.join(log.path().file_name().unwrap_or_default());
        let to = self.io.create(&path).doing("create", &path)?;
        let mut buffer = vec![0; 1 << 20];
        let mut at = 0;
        while at < log.bytes {
            let part = (log.bytes - at).min(buffer.len() as u64) as usize;
            from.read_at(&mut buffer[..part], at).doing("read", log.path())?;
            to.append(&buffer[..part]).doing("write", &path)?;
            at += part as u64;
        }
        to.sync().doing("sync", &path)
    }

    /// Whether every page of every file is whole; see [`crate::fsck`].
    pub fn check(&self) -> crate::FsckReport {
        let files: Vec<_> = self.files.manifest.state(|state| state.files.values().copied().collect());
        let mut report = crate::FsckReport::default();
        for meta in files {
            // A merge may have removed it since.
            if self.files.manifest.state(|state| state.files.contains_key(&meta.number)) {
                report.check_file(&self.files.file(meta));
            }
        }
        report
    }

    /// Block files of the store, for tests and tools.
    #[doc(hidden)]
    pub fn file_paths(&self) -> Vec<PathBuf> {
        let blocks = Arc::clone(&self.files);
        self.files
            .manifest
            .state(|state| state.files.values().map(|meta| meta.path(&blocks.blocks)).collect())
    }
}
