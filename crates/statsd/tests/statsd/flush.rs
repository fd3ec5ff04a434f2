use vocabulary::Timestamp;

use crate::support::{START, Server, all_points, words};

/// What the first flush after these packets holds.
fn check(config: &str, packets: &[&str], wanted: &str) {
    let mut server = Server::new(config);
    packets.iter().for_each(|packet| server.send(packet));
    assert_eq!(words(&server.points()), wanted, "{config} {packets:?}");
}

#[test]
fn the_four_classes() {
    check("", &["a:1|c\na:2|c|@0.5", "a:1|c"], "stats.a=6 stats_counts.a=6");
    check("flush_interval = \"10s\"", &["a:5|c"], "stats.a=0.5 stats_counts.a=5");
    check("", &["a:5|g", "a:+2|g\na:-3|g"], "stats.gauges.a=4");
    check("", &["a:-5|g"], "stats.gauges.a=-5");
    check("", &["a:x|s\na:y|s", "a:x|s"], "stats.sets.a.count=2");
    check(
        "percentiles = [50, -50]",
        &["a:1|ms\na:4|ms|@0.5"],
        "stats.timers.a.count=3 stats.timers.a.count_50=1 stats.timers.a.count_ps=3 \
         stats.timers.a.count_top50=1 stats.timers.a.lower=1 stats.timers.a.lower_top50=4 \
         stats.timers.a.mean=2.5 stats.timers.a.mean_50=1 stats.timers.a.mean_top50=4 \
         stats.timers.a.median=2.5 stats.timers.a.std=1.5 stats.timers.a.sum=5 stats.timers.a.sum_50=1 \
         stats.timers.a.sum_squares=17 stats.timers.a.sum_squares_50=1 \
         stats.timers.a.sum_squares_top50=16 stats.timers.a.sum_top50=4 stats.timers.a.upper=4 \
         stats.timers.a.upper_50=1",
    );
}

#[test]
fn our_own_numbers() {
    let mut server = Server::new("");
    server.send("a:1|c\nb:1|g\nc");
    server.send("d:1|s");
    server.flush();
    server.send("a:1|c");
    let flush = server.flush();
    let mut points = all_points(&flush);
    points.retain(|name, _| name.contains("statsd.") && !name.ends_with("time") && !name.ends_with("length"));
    assert_eq!(
        words(&points),
        "stats.gauges.statsd.timestamp_lag=0 stats.statsd.bad_lines_seen=0 \
         stats.statsd.graphiteStats.last_exception=0 \
         stats.statsd.graphiteStats.last_flush=1000000 stats.statsd.metrics_received=1 \
         stats.statsd.packets_received=1 stats_counts.statsd.bad_lines_seen=0 \
         stats_counts.statsd.metrics_received=1 stats_counts.statsd.packets_received=1 statsd.numStats=7"
    );
    assert!(flush.points.iter().all(|point| point.time == START.plus(2)));
    assert_eq!(flush.time, Timestamp(START.0 + 2));
}
