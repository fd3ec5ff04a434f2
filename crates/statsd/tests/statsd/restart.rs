//! What brings gauges over a restart: the changes of each flush.

use statsd::GaugeChange;

use crate::support::{Server, words};

fn changes(changes: &[GaugeChange]) -> String {
    let word = |change: &GaugeChange| match change.value {
        Some(value) => format!("{}={value}", change.name),
        None => format!("-{}", change.name),
    };
    changes.iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_flush_tells_which_gauges_were_set() {
    let mut server = Server::new("");
    server.send("a:1|g\nb:2|g");
    server.send("a:+4|g");
    assert_eq!(changes(&server.flush().changed_gauges), "a=5 b=2");
    assert_eq!(changes(&server.flush().changed_gauges), "");
    server.send("b:2|g\nc:1|g");
    server.admin("delgauges a c");
    assert_eq!(changes(&server.flush().changed_gauges), "-a -c b=2");
}

#[test]
fn a_gauge_that_is_deleted_and_set_again_is_told_in_that_order() {
    let mut server = Server::new("");
    server.send("a:1|g");
    server.admin("delgauges a");
    server.send("a:2|g");
    assert_eq!(changes(&server.flush().changed_gauges), "-a a=2");
}

#[test]
fn gauges_that_live_out_their_time_are_told() {
    let mut server = Server::new("delete_gauges = true\ngauges_max_ttl = 2");
    server.send("a:1|g");
    assert_eq!(changes(&server.flush().changed_gauges), "a=1");
    assert_eq!(changes(&server.flush().changed_gauges), "-a");
}

#[test]
fn restored_gauges_go_on() {
    let mut server = Server::new("");
    assert!(server.aggregator.restore_gauge("a;k=v", 5.0));
    assert!(server.aggregator.restore_gauge("b", 7.0));
    server.send("a:+1|g|#k:v");
    assert_eq!(server.aggregator.gauges(), [("a;k=v".to_owned(), 6.0), ("b".to_owned(), 7.0)]);
    let flush = server.flush();
    assert_eq!(changes(&flush.changed_gauges), "a;k=v=6");
    assert_eq!(words(&server.points()), "stats.gauges.a;k=v=6 stats.gauges.b=7");
}

#[test]
fn restored_gauges_have_their_time_to_live() {
    let mut server = Server::new("delete_gauges = true\ngauges_max_ttl = 2");
    server.aggregator.restore_gauge("a", 5.0);
    let lives: Vec<usize> = (0..3).map(|_| server.points().len()).collect();
    assert_eq!(lives, [1, 1, 0]);
}

#[test]
fn there_is_no_room_for_more_than_the_most_names() {
    let server = Server::new("max_names = 4");
    assert!(server.aggregator.restore_gauge("a", 1.0));
    assert!(!server.aggregator.restore_gauge("b", 1.0));
    assert!(server.aggregator.restore_gauge("a", 2.0));
}
