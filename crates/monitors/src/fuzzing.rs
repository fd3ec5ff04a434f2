//! One entry for each reader of text that people write: any bytes, no panic. Tests run them in a seeded loop, the
//! targets under `fuzz/` with libFuzzer.

use crate::kinds::metric::grammar::parse;

/// A condition. What was read is written so that it reads as the same again; mistakes lie within the text.
pub fn condition(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let names = ["builds", "pushes", "total", "a"];
    match parse(&text, &names) {
        Ok(condition) => {
            let written = condition.to_string();
            assert_eq!(
                parse(&written, &names).as_ref(),
                Ok(&condition),
                "{text:?} is written as {written:?}"
            );
        }
        Err(mistake) => {
            let characters = text.chars().count();
            assert!(mistake.start <= mistake.end && mistake.end <= characters, "{text:?}: {mistake:?}");
        }
    }
}
