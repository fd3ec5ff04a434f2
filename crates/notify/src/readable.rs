//! Texts that strangers wrote, before people read them: what an error is called, what a sender says of an alert, what a check
//! printed.

use incidents::page::readable;

use crate::channels::Letter;

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
    all.for_each(|text| *text = readable(text));
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
