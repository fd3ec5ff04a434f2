//! Texts that strangers wrote, before people read them: what an error is called, what a sender says of an alert, what a check
//! printed.

use crate::channels::Letter;

/// Nobody sees these, and they turn what stands behind them round, so that a text reads as another than it is. Marks and
/// isolates, which well-made Arabic and Hebrew texts have, stay.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}')
}

/// Such letters are seen, as `[U+202E]`: so the pages show them. Everything else is as it was.
pub fn readable(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for letter in text.chars() {
        match turns(letter) {
            true => seen += &format!("[U+{:04X}]", u32::from(letter)),
            false => seen.push(letter),
        }
    }
    seen
}

/// All that people read of a page. The names of what it is about stay, since it is known by them: who shows one, makes it
/// readable.
pub fn for_people(mut letter: Letter) -> Letter {
    let message = &mut letter.waiting.page.message;
    let texts = [&mut message.title, &mut message.text, &mut message.author, &mut message.comment];
    let may_be = [
        &mut message.description,
        &mut message.playbook,
        &mut message.instead_of,
        &mut letter.usual,
        &mut letter.last_time,
    ];
    let instances = message.instances.iter_mut().flat_map(|named| [&mut named.instance, &mut named.text]);
    let marks = letter.marks.iter_mut().map(|mark| &mut mark.what);
    let all = texts.into_iter().chain(may_be.into_iter().flatten()).chain(instances).chain(marks);
    for text in all.filter(|text| text.contains(turns)) {
        *text = readable(text);
    }
    letter
}

#[cfg(test)]
mod tests {
    use incidents::page::Named;
    use vocabulary::state::State;

    use super::*;
    use crate::channels::tests::letter;
    use crate::sender::Mark;

    #[test]
    fn what_turns_a_text_round_is_seen_and_nothing_else_changes() {
        let check = |text: &str, seen: &str| assert_eq!(readable(text), seen);
        check("photo_\u{202e}gpj.exe", "photo_[U+202E]gpj.exe");
        check("\u{202a}a\u{202b}b\u{202c}c\u{202d}", "[U+202A]a[U+202B]b[U+202C]c[U+202D]");
        for same in ["", "ü → 日本", "שלום\u{200f} \u{2067}a\u{2069}", "👩\u{200d}🚀", "a\nb"] {
            check(same, same);
        }
    }

    #[test]
    fn all_that_people_read_of_a_page_is_readable() {
        let wrong = || "a\u{202e}b".to_owned();
        let mut page = letter();
        page.marks = vec![Mark { at: 1, what: wrong() }];
        (page.usual, page.last_time) = (Some(wrong()), Some(wrong()));
        let message = &mut page.waiting.page.message;
        (message.title, message.text, message.name) = (wrong(), wrong(), wrong());
        (message.author, message.comment) = (wrong(), wrong());
        message.description = Some(wrong());
        message.playbook = Some(wrong());
        message.instead_of = Some(wrong());
        message.instances = vec![Named { instance: wrong(), state: State::Critical, text: wrong() }];
        let page = for_people(page);
        let message = &page.waiting.page.message;
        assert_eq!(message.name, wrong(), "by which it is known");
        let told = format!("{page:?}", page = (&page.marks[0].what, &page.usual, &page.last_time))
            + &serde_json::to_string(&incidents::page::Message { name: String::new(), ..message.clone() })
                .unwrap();
        assert!(!told.contains('\u{202e}') && !told.contains("\\u{202e}"), "{told}");
        assert_eq!(told.matches("a[U+202E]b").count(), 12, "{told}");
        assert_eq!(crate::text::subject(&page.waiting.page), "[Bellwether #12] monitor a[U+202E]b");
    }
}
