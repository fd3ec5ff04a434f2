//! One entry for each format of ours: takes any bytes, must not panic. See `formats::fuzzing`.

use std::io::Write;

use crate::gauge_log;
use crate::journal::{LeftBehind, Record};

/// A segment of the journal.
pub fn journal(bytes: &[u8]) {
    with_file(bytes, |path| {
        let Ok(Some(segment)) = LeftBehind::recognise(path.to_owned()) else { return };
        let mut read = 0;
        let back = segment.read(|record| {
            let (Record::Packet(packet) | Record::Command(packet)) = record;
            read += packet.len() + 1;
        });
        let Ok(back) = back else { return };
        assert!(read as u64 + back.lost_bytes <= bytes.len() as u64, "no byte is read twice");
    });
}

/// gauges.log.
pub fn gauges(bytes: &[u8]) {
    with_file(bytes, |path| {
        let Ok(file) = std::fs::File::open(path) else { return };
        let mut read = 0;
        let lost = gauge_log::read_log(&file, |_, name, _| read += name.len() + 1);
        assert!(lost.is_ok_and(|lost| read as u64 + lost <= bytes.len() as u64), "no byte is read twice");
    });
}

/// The readers want a file. Without one there is nothing to try.
fn with_file(bytes: &[u8], read: impl Fn(&std::path::Path)) {
    let path = std::env::temp_dir().join(format!(
        "bellwether-fuzz-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    ));
    if std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).is_ok() {
        read(&path);
    }
    let _ = std::fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use formats::fuzzing::mutate;

    use crate::gauge_log::GaugeLog;
    use crate::journal::{Journal, Record, Replay, Writer};

    #[test]
    fn formats_of_ours() {
        let directory = tempfile::tempdir().unwrap();
        let journal =
            Journal::open(directory.path(), Duration::from_secs(1), Duration::ZERO, &Replay::default(), 0);
        let mut writer = Writer::new(&journal);
        for record in
            [Record::Packet(b"a:1|c"), Record::Command(b"delgauges a"), Record::Packet(&[b'x'; 300])]
        {
            writer.record(record);
            writer.write_out();
        }
        let (mut log, _) = GaugeLog::open(directory.path(), u64::MAX).unwrap();
        for sequence in 1..4 {
            log.append(sequence, [(&b"level"[..], Some(1.5)), (&b"gone"[..], None)].into_iter()).unwrap();
        }
        #[expect(clippy::disallowed_methods, reason = "small files that were written a line above")]
        let read = |name: &str| std::fs::read(directory.path().join(name)).unwrap();
        mutate(&[read("00000000000000000001.journal")], 2_000, super::journal);
        mutate(&[read("gauges.log")], 2_000, super::gauges);
    }
}
