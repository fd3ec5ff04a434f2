//! What reached nobody is told again, once people are reached in another way.

use super::*;

#[test]
fn a_room_that_is_taken_out_was_no_person() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["chat"]);
    all.rooms.insert("chat".into());
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("chat", &Attempt::Delivered), ["problem ana latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    all.rooms.clear();
    all.contacts.insert("ana".into(), contact(&["sms"]));
    counter.desk.set_book(all.clone());
    assert!(is_untold(&counter), "nobody has looked into that chat");
    restart(&mut counter, &all);
    assert!(is_untold(&counter));
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ana latency"]);
    goes_on(&mut counter, 1);
    assert!(!is_untold(&counter));
}
