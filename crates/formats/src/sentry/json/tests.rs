use super::*;

fn tree(text: &str) -> Tree<'_> {
    read(text.as_bytes(), &Limits::default()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What is read, written again.
fn check(input: &[u8], expected: &str) {
    let tree = read(input, &Limits::default()).unwrap_or_else(|error| panic!("{input:?}: {error}"));
    assert_eq!(String::from_utf8(tree.to_bytes()).unwrap(), expected, "{input:?}");
}

fn refused(input: &str, at: usize, why: &str) {
    let error = read(input.as_bytes(), &Limits::default()).expect_err(input);
    assert_eq!((error.at, error.why.contains(why)), (at, true), "{input}: {error}");
}

#[test]
fn documents_are_read_and_written() {
    check(b"null", "null");
    check(
        b" \t{ \"a\" : [ 1 , -2.50e+3 , true , false , null ] }\r\n",
        "{\"a\":[1,-2.50e+3,true,false,null]}",
    );
    check(b"[]", "[]");
    check(b"{}", "{}");
    check(b"\"\"", "\"\"");
    check(b"18446744073709551616", "18446744073709551616");
    check(b"\xef\xbb\xbf[1]", "[1]");
    check("\"zähler \u{1f600}\"".as_bytes(), "\"zähler \u{1f600}\"");
}

#[test]
fn escapes_are_undone() {
    check(br#""a\n\t\r\b\f\/\\\"\u0041\u00e4""#, "\"a\\n\\t\\r\\u0008\\u000c/\\\\\\\"Aä\"");
    check(br#""\ud83d\ude00""#, "\"\u{1f600}\"");
    // Meant as something, though nobody knows as what.
    check(br#""C:\Users\xa""#, "\"C:Usersxa\"");
}

#[test]
fn what_cannot_be_text_is_replaced_or_left_out() {
    check(br#""\ud800""#, "\"\u{fffd}\"");
    check(br#""\ude00x""#, "\"\u{fffd}x\"");
    check(br#""\ud800\u0041""#, "\"\u{fffd}A\"");
    check(br#""\ud800\ud83d\ude00""#, "\"\u{fffd}\u{1f600}\"");
    check(br#""\ud800\n""#, "\"\u{fffd}\\n\"");
    check(br#""a\u0000b""#, "\"ab\"");
    check(b"\"a\0b\"", "\"ab\"");
    check(b"{\"\xff\":\"\xc3\"}", "{\"\u{fffd}\":\"\u{fffd}\"}");
    // Line ends within a text, which strict readers refuse.
    check(b"\"a\nb\x01\"", "\"a\\nb\\u0001\"");
}

#[test]
fn numbers_that_json_does_not_have_are_null() {
    check(b"[NaN,Infinity,-Infinity,-0]", "[null,null,null,-0]");
}

#[test]
fn of_doubled_keys_the_last_holds() {
    check(br#"{"a":1,"b":2,"a":3}"#, r#"{"b":2,"a":3}"#);
    let many: String = (0..200).map(|n| format!("\"k{}\":{n},", n % 100)).collect();
    let tree_of_many = format!("{{{}\"k0\":0}}", many);
    let tree = tree(&tree_of_many);
    assert_eq!(tree.entries().len(), 100);
    assert_eq!((tree.get("k0").unwrap().count(), tree.get("k7").unwrap().count()), (Some(0), Some(107)));
}

#[test]
fn what_lies_too_deep_is_said_to() {
    let limits = Limits { depth: 2, ..Limits::default() };
    let read = |text: &'static str| read(text.as_bytes(), &limits).unwrap().to_bytes();
    assert_eq!(read(r#"[[1,[2,"]\"",{"a":[]}],3]]"#), br#"[[1,"[too deep]",3]]"#);
    assert_eq!(read(r#"{"a":{"b":{}}}"#), br#"{"a":{"b":"[too deep]"}}"#);
    // A megabyte of brackets.
    let (open, close) = ("[".repeat(500_000), "]".repeat(500_000));
    let tree = tree(Box::leak(format!("{open}{close}").into_boxed_str()));
    assert!(tree.to_bytes().len() < 200);
    refused(&open, JSON_DEPTH, "no end");
}

#[test]
fn a_caller_may_not_ask_for_any_depth() {
    let limits = Limits { depth: usize::MAX, ..Limits::default() };
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(text.as_bytes(), &limits).unwrap().to_bytes().len() < 2_000);
}

#[test]
fn too_many_values_are_refused() {
    let limits = Limits { nodes: 3, ..Limits::default() };
    assert!(read(b"[1,2]", &limits).is_ok());
    assert!(read(b"[1,2,3]", &limits).unwrap_err().why.contains("more than 3 values"));
}

#[test]
fn what_is_no_document_is_refused_with_its_place() {
    refused("", 0, "too early");
    refused("[1,", 3, "too early");
    refused("[1 2]", 3, "goes on");
    refused("{\"a\" 1}", 5, "`:`");
    refused("{a:1}", 1, "in quotes");
    refused("{\"a\":1,}", 7, "in quotes");
    refused("\"a", 0, "no end");
    refused("\"a\\", 3, "within an escape");
    refused("\"\\u12g4\"", 3, "hexadecimal");
    refused("01", 0, "no number");
    refused("1.", 0, "no number");
    refused("-", 0, "no number");
    refused("1e", 0, "no number");
    refused("nul", 0, "no value");
    refused("1 1", 2, "follows");
    refused("é", 0, "no value");
}

#[test]
fn texts_without_escapes_are_borrowed() {
    let document = tree(r#"{"a":"b","c":"\n"}"#);
    assert!(matches!(document.get("a"), Some(Tree::Text(Cow::Borrowed("b")))));
    assert!(matches!(document.get("c"), Some(Tree::Text(Cow::Owned(_)))));
}

#[test]
fn texts_with_escapes_stand_in_the_room_that_there_is() {
    let text = br#"{"a\n":"\"b\" \u00e4","c":["d","\\"]}"#;
    let check = |room: &mut [u8], borrowed: &[bool]| {
        let document = read_within(text, &Limits::default(), room).unwrap();
        let values = [&document.entries()[0].1, &document.get("c").unwrap().list()[1]];
        assert_eq!(values.map(Tree::text), [Some("\"b\" ä"), Some("\\")]);
        let is_borrowed = |value: &&Tree<'_>| matches!(value, Tree::Text(Cow::Borrowed(_)));
        assert_eq!(values.iter().map(is_borrowed).collect::<Vec<_>>(), borrowed);
        assert_eq!(document, read(text, &Limits::default()).unwrap());
    };
    check(&mut room_for(text), &[true, true]);
    // Room for the key only: what comes after has memory of its own.
    check(&mut [0; 4], &[false, false]);
    assert!(room_for(b"{\"a\":1}").is_empty());
}

#[test]
fn lists_of_texts_that_nobody_looks_into_stay_as_they_were_written() {
    let check = |list: &str, is_unread: bool| {
        let text = format!("{{\"lines\":{list},\"others\":[\"a\"]}}");
        let mut document = read_but(&["lines"], text.as_bytes(), &Limits::default(), &mut []).unwrap();
        let written = document.to_bytes();
        assert_eq!(read(&written, &Limits::default()).unwrap(), tree(&text), "{list}");
        let lines = document.get_mut("lines").unwrap();
        assert_eq!(matches!(lines, Tree::Unread(_)), is_unread, "{list}");
        assert!(!is_unread || written.windows(list.len()).any(|part| part == list.as_bytes()), "{list}");
        lines.read_through();
        assert_eq!(document, tree(&text), "{list}");
    };
    check("[]", true);
    check(r#"["a", "\"\\\t\/\u00e4", "", "\n b", "ä"]"#, true);
    // What reading changes, or whoever keeps lines.
    check(r#"["a", "\u0000"]"#, false);
    check(r#"["\ud83d\ude00"]"#, false);
    check(r#"["\x"]"#, false);
    check(r#"["a\n"]"#, false);
    check(r#"["a\r"]"#, false);
    check("[\"a\u{1}\"]", false);
    // No list of texts.
    check("[\"a\", 1]", false);
    check("\"a\"", false);
    check("null", false);
}

#[test]
fn bounds_hold_for_what_is_not_looked_into() {
    let text = br#"{"lines":["a","b"]}"#;
    let read = |depth, nodes| read_but(&["lines"], text, &Limits { depth, nodes }, &mut []);
    assert!(matches!(read(2, 4).unwrap().get("lines"), Some(Tree::Unread(_))));
    assert_eq!(read(1, 4).unwrap().get("lines").and_then(Tree::text), Some(TOO_DEEP));
    assert!(read(2, 3).unwrap_err().why.contains("more than 3 values"));
    for broken in [&br#"{"lines":["a""#[..], br#"{"lines":["a"#, br#"{"lines":["a\"#, br#"{"lines":["a";]}"#]
    {
        let all = super::read(broken, &Limits::default()).unwrap_err();
        assert_eq!(read_but(&["lines"], broken, &Limits::default(), &mut []), Err(all));
    }
}

#[test]
fn values_are_asked_for() {
    let mut document = tree(r#"{"a":{"b":[1,"2",true,null]},"n":"1.5","x":1e400,"w":7.0}"#);
    assert_eq!(document.at(&["a", "b"]).unwrap().list().len(), 4);
    let spelled = document.at(&["a", "b"]).unwrap().list().iter().map(|value| value.spelled());
    let spelled: Vec<_> = spelled.map(|text| text.map(Cow::into_owned)).collect();
    assert_eq!(spelled, [Some("1".to_owned()), Some("2".into()), Some("true".into()), None]);
    assert_eq!(document.get("n").unwrap().number(), Some(1.5));
    assert_eq!(document.get("n").unwrap().count(), None);
    assert_eq!(document.get("x").unwrap().number(), None);
    assert_eq!(document.get("w").unwrap().count(), Some(7));
    assert_eq!(document.take("n"), Some(Tree::Text("1.5".into())));
    assert_eq!(document.take("n"), None);
    document.set("w", Tree::Bool(true));
    document.set("new", Tree::owned_text("x"));
    assert_eq!(document.get("w").and_then(Tree::bool), Some(true));
    assert_eq!(document.into_owned().get("new").and_then(Tree::text), Some("x"));
}

/// What was written reads back as the same document.
#[test]
fn what_was_written_is_read_back() {
    let sample =
        br#"{"event_id":"a","x":[1,2.5e3,{"y":"\ud83d\u00e4\n"}],"x":null,"deep":[[[[1]]]]}"#.to_vec();
    let lines = br#"{"lines":["a\"","\u00e4"],"a":["b\n","\/"]}"#.to_vec();
    crate::fuzzing::mutate(
        &[sample, lines, b"[NaN,\"\xff\0\\u0000\"]".to_vec()],
        20_000,
        crate::fuzzing::sentry_json,
    );
}
