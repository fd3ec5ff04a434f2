//! The one entry of this room's parsers: takes any bytes, must not panic. See `formats::fuzzing`.

use crate::proc_text;

/// Every parser of /proc, on the same text.
pub fn proc_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let cores = proc_text::stat(&text).map_or(0, |stat| stat.cores.len());
    let things = cores
        + proc_text::disks(&text).count()
        + proc_text::interfaces(&text).count()
        + proc_text::mounts(&text).filter(|mount| mount.path.len() <= text.len()).count();
    assert!(things <= 4 * text.len(), "nothing comes of nothing");
    let _ = (proc_text::load(&text), proc_text::memory(&text), proc_text::pressure(&text));
    let _ = (proc_text::open_files(&text), proc_text::uptime(&text), proc_text::vmstat(&text, "pswpin"));
    let _ = proc_text::snmp(&text, "Tcp", "RetransSegs");
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_of_proc() {
        let samples = [
            &b"cpu  1 2 3 4 5 6 7 8\ncpu0 1 2 3 4\nintr 5 1\nctxt 6\nprocesses 7\n"[..],
            b"MemTotal: 100 kB\nSwapFree: 1 kB\npswpin 5\n0.1 0.2 0.3 1/2 3\n551 0 7\n",
            b" 8 0 sda 1 2 3 4 5 6 7 8 9 10 11\neth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
            b"some avg10=0.00 total=5\nfull total=6\nTcp: A RetransSegs\nTcp: 1 2\n",
            b"27 1 254:0 / /a\\040b rw shared:1 - ext4 /dev/vda rw\n",
        ];
        formats::fuzzing::mutate(&samples.map(<[u8]>::to_vec), 20_000, super::proc_text);
    }
}
