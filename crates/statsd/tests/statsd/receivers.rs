//! Several receivers, and what a flush takes from them.

use formats::statsd::read_packet;
use statsd::Shard;
use vocabulary::Timestamp;

use crate::support::{START, Server, all_points, words};

fn send(server: &Server, shard: &Shard, packet: &str) {
    read_packet(packet.as_bytes(), server.config.dialect, &mut shard.receive(START));
}

#[test]
fn receivers_add_up() {
    let mut server =
        Server::new("percentiles = []\ncalculated_timer_metrics = [\"count\", \"sum\", \"median\"]");
    let other = server.aggregator.shard();
    for packet in ["a:1|c\nb:2|ms|@0.5", "t:1|s\nt:2|s"] {
        server.send(packet);
    }
    for packet in ["b:3|ms\na:2|c", "t:2|s\nt:3|s\nb:10|ms|@0.1"] {
        send(&server, &other, packet);
    }
    let flush = server.flush();
    let sketch = flush.sketches.iter().next().expect("there is one timer").2.clone();
    assert_eq!(sketch.count(), 2.0 + 1.0 + 10.0);
    let mut points = all_points(&flush);
    points.retain(|name, _| !name.contains("statsd."));
    assert_eq!(
        words(&points),
        "stats.a=3 stats.sets.t.count=3 stats.timers.b.count=13 stats.timers.b.median=3 stats.timers.b.sum=15 \
         stats_counts.a=3"
    );
}

#[test]
fn the_gauge_that_arrived_last_holds_whoever_received_it() {
    let mut server = Server::new("");
    let other = server.aggregator.shard();
    server.send("a:1|g\nb:5|g");
    send(&server, &other, "a:2|g\nb:+3|g");
    server.send("a:3|g\nb:-1|g");
    send(&server, &other, "a:-1|g");
    assert_eq!(words(&server.points()), "stats.gauges.a=2 stats.gauges.b=7");
}

#[test]
fn a_gauge_deleted_behind_a_receivers_back_comes_back() {
    let mut server = Server::new("");
    server.send("a:1|g");
    server.admin("delgauges a");
    server.send("a:-7|g");
    assert_eq!(words(&server.points()), "stats.gauges.a=-7");
}

#[test]
fn a_receiver_that_leaves_takes_nothing_with_it() {
    let mut server = Server::new("");
    let other = server.aggregator.shard();
    send(&server, &other, "a:2|c");
    drop(other);
    assert_eq!(words(&server.points()), "stats.a=2 stats_counts.a=2");
    assert_eq!(words(&server.points()), "stats.a=0 stats_counts.a=0");
}

#[test]
fn the_cut_parts_the_intervals_for_all_receivers() {
    let server = Server::new("");
    server.send("a:1|c\ng:1|g");
    let mut calls = 0;
    let flush = server.aggregator.flush_with(START.plus(1), || calls += 1);
    server.send("a:2|c\ng:2|g");
    assert_eq!(
        (calls, all_points(&flush)["stats_counts.a"], all_points(&flush)["stats.gauges.g"]),
        (1, 1.0, 1.0)
    );
    let next = all_points(&server.aggregator.flush(START.plus(2)));
    assert_eq!((next["stats_counts.a"], next["stats.gauges.g"]), (2.0, 2.0));
}

#[test]
fn receivers_at_work_while_flushes_happen_lose_nothing() {
    const ROUNDS: usize = 2_000;
    let server = Server::new("");
    let mut flushed = 0.0;
    let shards: Vec<Shard> = (0..3).map(|_| server.aggregator.shard()).collect();
    std::thread::scope(|scope| {
        let workers: Vec<_> = shards
            .iter()
            .map(|shard| {
                scope.spawn(|| (0..ROUNDS).for_each(|_| send(&server, shard, "a:1|c\nb:1|g\nb:+1|g")))
            })
            .collect();
        let mut time = START;
        while workers.iter().any(|worker| !worker.is_finished()) {
            time = time.plus(1);
            flushed += all_points(&server.aggregator.flush(time)).get("stats_counts.a").unwrap_or(&0.0);
            server.admin("counters");
        }
    });
    flushed += all_points(&server.aggregator.flush(Timestamp(0)))["stats_counts.a"];
    assert_eq!(flushed, 3.0 * ROUNDS as f64);
}

#[test]
fn a_reload_keeps_names_and_values() {
    let mut server = Server::new("");
    server.send("a b:1|c\ng:5|g\nx;z=1;y=2:1|c");
    let config =
        "dialect = \"statsd\"\nlegacy_namespace = false\nflush_interval = \"2s\"\nprefix_stats = \"own\"";
    server.config = toml::from_str(config).expect("it reads");
    server.aggregator.reconfigure(&server.config);
    server.send("a b:3|c\na:1|h\ng:+1|g\nx;z=1;y=2:1|c");
    let mut points = server.points();
    points.retain(|name, _| !name.contains("own."));
    assert_eq!(
        words(&points),
        "stats.counters.a.count=1 stats.counters.a.rate=0.5 stats.counters.a_b.count=4 \
               stats.counters.a_b.rate=2 stats.counters.x.count;y=2;z=1=1 stats.counters.x.count;z=1;y=2=1 \
               stats.counters.x.rate;y=2;z=1=0.5 stats.counters.x.rate;z=1;y=2=0.5 stats.gauges.g=6"
    );
}
