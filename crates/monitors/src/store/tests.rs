use super::*;
use crate::machine::{KeptChanges, SavedComment};

fn store() -> (tempfile::TempDir, StateStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
    (directory, store)
}

fn a_run(began: i64, status: u8) -> Run {
    Run {
        began,
        ended: began + 50,
        count: 2,
        status,
        state: State::of_status(status),
        state_type: StateType::Soft,
        attempt: 2,
        active: true,
        text: "text".into(),
        value: Some(0.5),
    }
}

#[test]
fn objects_come_back_as_they_were_and_are_written_once() {
    let (_directory, store) = store();
    let object = |saved: &str, run| ObjectRow {
        id: 7,
        kind: "host".into(),
        name: "web1".into(),
        instance: String::new(),
        saved: saved.into(),
        run,
    };
    store.transaction(|tx| write_object(tx, &object("{}", None), 5)).unwrap();
    store.transaction(|tx| write_object(tx, &object("{\"a\":1}", Some(a_run(1, 2))), 6)).unwrap();
    let all = objects(&store).unwrap();
    assert_eq!((all.len(), all[0].saved.as_str(), all[0].id), (1, "{\"a\":1}", 7));
    assert_eq!((all[0].run.clone(), all[0].name()), (Some(a_run(1, 2)), ObjectName::Host("web1".into())));
    assert_eq!(last_id(&store, "monitor_object").unwrap(), 7);
}

#[test]
fn runs_of_a_window_begin_with_the_one_that_reaches_into_it() {
    let (_directory, store) = store();
    let write = |tx: &Transaction<'_>| {
        (0..10).try_for_each(|n| write_run(tx, 1, &a_run(n * 100, (n % 4) as u8)))?;
        write_run(tx, 2, &a_run(420, 0))
    };
    store.transaction(write).unwrap();
    let began = |from, until, limit| -> Vec<i64> {
        runs(&store, 1, from, until, limit).unwrap().iter().map(|run| run.began).collect()
    };
    assert_eq!(began(350, 600, 100), [300, 400, 500, 600]);
    assert_eq!(began(-5, 100, 100), [0, 100]);
    assert_eq!(began(350, 900, 2), [800, 900], "the newest");
    assert_eq!(runs(&store, 1, 100, 150, 9).unwrap(), [a_run(100, 1)]);
    while store.transaction(|tx| prune(tx, 500, 2)).unwrap() {}
    assert_eq!(began(0, 900, 100), [500, 600, 700, 800, 900]);
}

#[test]
fn notices_are_listed_in_order_and_all_of_them_are_kept_as_told() {
    let (_directory, store) = store();
    let notice = |id, monitor: &str| KeptNotice {
        id,
        monitor: monitor.into(),
        instance: String::new(),
        at: 100 + id,
        kind: NoticeKind::FlappingStart,
        state: State::Unreachable,
        recipient: "ana".into(),
        channels: vec!["log".into(), "mail".into()],
        number: 3,
        text: "a\nb".into(),
        author: "bob".into(),
        comment: "c".into(),
    };
    let all = [notice(1, "a"), notice(2, "b"), notice(3, "a")];
    store.transaction(|tx| all.iter().try_for_each(|notice| write_notice(tx, notice))).unwrap();
    let of = |instance: &str| Of::One(InstanceId { monitor: "a".into(), instance: instance.into() });
    assert_eq!(notices(&store, &Of::All, 10).unwrap(), all);
    assert_eq!(notices(&store, &of(""), 10).unwrap(), [all[0].clone(), all[2].clone()]);
    assert_eq!(notices(&store, &of(""), 1).unwrap(), [all[2].clone()]);
    assert_eq!(notices(&store, &of("x"), 10).unwrap(), []);
    assert_eq!(notices(&store, &Of::Monitor("b".into()), 10).unwrap(), [all[1].clone()]);
}

#[test]
fn comments_come_and_go_one_by_one_and_their_numbers_are_given_once() {
    let (_directory, store) = store();
    let comment = |id: u64, text: &str| SavedComment {
        id,
        object: ObjectName::Host("web1".into()),
        at: 5,
        author: "ana".into(),
        comment: text.into(),
        persistent: true,
        of_acknowledgement: false,
    };
    let changes = |comments: Vec<(u64, Option<SavedComment>)>| KeptChanges {
        comments,
        next_comment: 4,
        ..KeptChanges::default()
    };
    let first = changes(vec![(1, Some(comment(1, "a"))), (3, Some(comment(3, "b")))]);
    store.transaction(|tx| keep(tx, &first)).unwrap();
    let second = changes(vec![(3, None), (1, Some(comment(1, "c"))), (9, None)]);
    store.transaction(|tx| keep(tx, &second)).unwrap();
    store.transaction(|tx| tx.execute("INSERT INTO monitor_downtime VALUES (7, 'garbage')", &[])).unwrap();
    let (kept, wrong) = kept(&store).unwrap();
    assert_eq!((kept.comments, kept.next_comment), (vec![comment(1, "c")], 4));
    assert!(wrong.len() == 1 && wrong[0].starts_with("downtime 7: "), "{wrong:?}");
}
