use graphite::Events;
use vocabulary::Timestamp;

use super::*;
use crate::StateEvents;

fn tags(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn new(at: f64, what: &str, words: &str, data: &str) -> NewAnnotation {
    NewAnnotation { at, what: what.into(), tags: tags(words), data: data.into() }
}

fn state() -> (tempfile::TempDir, StateStore) {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
    (directory, state)
}

#[test]
fn annotations_are_found_by_time_and_tags() {
    let (_directory, state) = state();
    let deploy = add(&state, &new(10.5, "deployed 1", "deploy web", "by ana")).unwrap();
    add(&state, &new(20.0, "flip", "flip web", "")).unwrap();
    add(&state, &new(15.0, "note", "", "")).unwrap();
    let check = |from: f64, until: f64, wanted: &str, set: TagSet, expected: &[&str]| {
        let wanted = (!wanted.is_empty()).then(|| tags(wanted));
        let found = list(&state, &Query { from, until, tags: wanted.as_deref(), set }).unwrap();
        assert_eq!(found.iter().map(|a| a.what.as_str()).collect::<Vec<_>>(), expected, "{wanted:?}");
    };
    check(0.0, 100.0, "", TagSet::All, &["deployed 1", "note", "flip"]);
    check(10.5, 15.0, "", TagSet::All, &["deployed 1", "note"]);
    check(0.0, 100.0, "web", TagSet::All, &["deployed 1", "flip"]);
    check(0.0, 100.0, "web deploy", TagSet::All, &["deployed 1"]);
    check(0.0, 100.0, "deploy flip", TagSet::Any, &["deployed 1", "flip"]);
    check(0.0, 100.0, "deploy nothing", TagSet::All, &["deployed 1"]);
    check(0.0, 100.0, "deploy nothing", TagSet::Each, &[]);
    check(0.0, 100.0, "nothing", TagSet::All, &[]);
    let one = one(&state, deploy).unwrap().unwrap();
    assert_eq!((one.tags, one.data), (tags("deploy web"), "by ana".to_owned()));
}

#[test]
fn what_is_of_projects_is_told_to_those_who_see_them() {
    let (_directory, state) = state();
    let of = |projects: &[&str]| projects.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    add_of(&state, &new(1.0, "both", "deploy shop mail", ""), &of(&["shop", "mail"])).unwrap();
    add_of(&state, &new(2.0, "theirs", "deploy mail", ""), &of(&["mail"])).unwrap();
    add(&state, &new(3.0, "everybody's", "mail", "")).unwrap();
    let told = |scope: Scope| {
        let all = Query { from: 0.0, until: 9.0, tags: None, set: TagSet::All };
        let found = seen(&scope, list(&state, &all).unwrap()).into_iter();
        found.map(|one| format!("{}: {}", one.what, one.tags.join(" "))).collect::<Vec<_>>()
    };
    let limited = Scope::prefixes(vec!["errors.shop.".to_owned()]);
    assert_eq!(told(limited.clone()), ["both: deploy shop", "everybody's: mail"]);
    assert_eq!(told(Scope::everything()).len(), 3);
    let moments = |scope: &Scope| {
        let events = StateEvents { state: &state, scope };
        events.moments(Timestamp(0), Timestamp(9), &["mail".to_owned()]).len()
    };
    assert_eq!((moments(&limited), moments(&Scope::everything())), (2, 3), "for `events` too");
    // It takes them along, and whoever is called so next has none of them.
    rename_project(&state, "mail", "post").unwrap();
    assert_eq!(told(limited), ["both: deploy shop", "everybody's: mail"]);
    assert_eq!(told(Scope::prefixes(vec!["errors.mail.".to_owned()])), ["everybody's: mail"]);
    let of_post = told(Scope::prefixes(vec!["errors.post.".to_owned()]));
    assert_eq!(of_post, ["both: deploy post", "theirs: deploy post", "everybody's: mail"]);
}

#[test]
fn words_of_tags() {
    let check = |text: &str, wanted: &[&str]| assert_eq!(tag_words(text), wanted, "{text}");
    check("b a  a", &["a", "b"]);
    check("a,b c", &["a", "b c"]);
    check("it's \"q\"", &["it's", "q"]);
    check("\"a, b\" c d", &["a, b", "c", "d"]);
    check("\"a, b\" c d, e", &["a, b", "c d", "e"]);
    check("\"open, x", &["open", "x"]);
    check("", &[]);
}

#[test]
fn any_text_has_words_without_blanks_around() {
    // xorshift: the same texts in every run.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..seed % 24 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            text.push([' ', ',', '"', 'a', 'b', '\u{e4}'][(seed % 6) as usize]);
        }
        seed = seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(1);
        let words = tag_words(&text);
        assert!(words.iter().all(|word| !word.is_empty() && word.trim() == word), "{text:?} {words:?}");
        assert!(words.is_sorted(), "{text:?} {words:?}");
    }
}

#[test]
fn what_is_parted_by_commas_is_found_and_shown_as_it_came() {
    let (_directory, state) = state();
    let id = add(&state, &new(1.0, "old client", "deploy,web", "")).unwrap();
    let query = |word: &str| {
        let tags = tags(word);
        list(&state, &Query { from: 0.0, until: 9.0, tags: Some(&tags), set: TagSet::All }).unwrap().len()
    };
    assert_eq!((query("deploy"), query("web"), query("other"), query("deploy,web")), (1, 1, 0, 0));
    assert_eq!(one(&state, id).unwrap().unwrap().tags, ["deploy,web"]);
}

#[test]
fn what_is_beyond_the_limits_is_refused() {
    let (_directory, state) = state();
    let long_tag = new(1.0, "x", &"t".repeat(MAX_TAG_BYTES + 1), "");
    let beyond =
        [new(1.0, &"x".repeat(256), "", ""), long_tag, new(f64::NAN, "x", "", ""), new(1e18, "x", "", "")];
    for new in &beyond {
        assert!(matches!(add(&state, new), Err(Refused::Because(_))), "{new:?}");
    }
    let all = [&beyond[..], &[new(1.0, "fine", "", "")]].concat();
    assert_eq!(add_all(&state, &all).unwrap(), 4);
    let found = list(&state, &Query { from: 0.0, until: 9.0, tags: None, set: TagSet::All }).unwrap();
    assert_eq!(found.iter().map(|a| a.what.as_str()).collect::<Vec<_>>(), ["fine"]);
}

#[test]
fn one_answer_holds_so_much_data_and_a_mark_the_beginning_of_its_own() {
    let (_directory, state) = state();
    let data = "d".repeat(MAX_DATA);
    let most = MAX_LISTED_BYTES / MAX_DATA;
    let many: Vec<_> = (0..most + 5).map(|at| new(at as f64, "e", "", &data)).collect();
    add_all(&state, &many).unwrap();
    let all = Query { from: 0.0, until: 1e9, tags: None, set: TagSet::All };
    let found = list(&state, &all).unwrap();
    assert_eq!((found.len(), found[0].at, found[0].data.len()), (most, 5.0, MAX_DATA), "the newest");
    let found = marks(&state, &all).unwrap();
    assert_eq!((found.len(), found[0].data.len()), (most + 5, DATA_OF_MARK));
}

#[test]
fn data_of_long_ago_is_its_beginning() {
    let (_directory, state) = state();
    let first = add(&state, &new(1.0, "first", "", &"d".repeat(5_000))).unwrap();
    let sql = "UPDATE sqlite_sequence SET seq = ?1";
    state.transaction(|tx| tx.execute(sql, &[(first + KEPT_WHOLE - 2).into()])).unwrap();
    let length = || one(&state, first).unwrap().unwrap().data.len();
    add(&state, &new(2.0, "still whole", "", "")).unwrap();
    assert_eq!(length(), 5_000);
    add(&state, &new(3.0, "one more", "", "")).unwrap();
    assert_eq!(length(), DATA_OF_MARK);
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let (_directory, state) = state();
    let first = add(&state, &new(1.0, "first", "tag", "")).unwrap();
    state
        .transaction(|tx| tx.execute("UPDATE sqlite_sequence SET seq = ?1", &[(MAX_KEPT - 1).into()]))
        .unwrap();
    add(&state, &new(2.0, "still within", "", "")).unwrap();
    assert!(one(&state, first).unwrap().is_some());
    add(&state, &new(3.0, "one more", "", "")).unwrap();
    assert!(one(&state, first).unwrap().is_none());
    let tags = state.query("SELECT count(*) FROM annotation_tag", &[]).unwrap();
    assert_eq!(tags[0].integer(0), 0, "its tags go with it");
}
