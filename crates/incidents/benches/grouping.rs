//! What goes bad is looked for among all that is: `cargo bench -p incidents`. Items are what goes bad, each by itself, each an incident
//! of its own; then one more beside all of them.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use incidents::{Book, Incidents, Subject};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State, StateChange, StateType};

fn main() {
    divan::main();
}

const MEMBERS: [usize; 2] = [1_000, 10_000];
/// So many more go bad beside them.
const MORE: usize = 30;

/// Checks of many hosts, one for each, and of services that need one another in pairs.
fn book(members: usize) -> Book {
    let mut book = Book::default();
    for number in 0..members + MORE {
        let subject = Subject {
            host: Some(format!("host{number}").into()),
            services: vec![format!("service{}", number % 100).into()],
            ..Subject::default()
        };
        book.subjects.insert((false, name(number)), subject);
    }
    for pair in 0..50 {
        book.service_needs
            .insert(format!("service{pair}").into(), vec![format!("service{}", pair + 50).into()]);
    }
    book
}

fn name(number: usize) -> Arc<str> {
    format!("check{number}").into()
}

/// Ten minutes lie between two of them: they have nothing to do with each other.
fn goes_bad(number: usize) -> StateChange {
    StateChange {
        id: InstanceId { monitor: name(number), instance: "".into() },
        at: Timestamp(1_700_000_000 + 600 * i64::try_from(number).unwrap_or(0)),
        from: State::Ok,
        from_type: StateType::Hard,
        to: State::Critical,
        to_type: StateType::Hard,
        attempt: 1,
        value: None,
        text: "refused".into(),
        withheld: None,
        since: None,
        of_sender: None,
    }
}

fn all_bad(members: usize, book: Book) -> Incidents {
    let mut incidents = Incidents::default();
    incidents.set_book(book);
    for number in 0..members {
        let change = goes_bad(number);
        incidents.take(std::slice::from_ref(&change), &[], change.at);
        incidents.committed();
    }
    assert_eq!(incidents.open_count(), members);
    incidents
}

#[divan::bench(args = MEMBERS, sample_count = 3, sample_size = 1)]
fn one_after_the_other(bencher: Bencher<'_, '_>, members: usize) {
    bencher
        .counter(ItemsCount::new(members))
        .with_inputs(|| book(members))
        .bench_values(|book| all_bad(members, book));
}

#[divan::bench(args = MEMBERS, sample_count = 20, sample_size = 1)]
fn one_more(bencher: Bencher<'_, '_>, members: usize) {
    let mut incidents = all_bad(members, book(members));
    let mut more = members..members + MORE;
    bencher.bench_local(|| {
        let bad = goes_bad(more.next().expect("as many as there are samples"));
        incidents.take(std::slice::from_ref(&bad), &[], bad.at);
        incidents.committed();
    });
}
