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

#[test]
fn percentiles_may_differ_by_name() {
    check(
        "percentiles = [90]\ncalculated_timer_metrics = [\"upper_percent\"]\n\
         timer_percentiles = [{ metric = \"api.none\", percentiles = [] }, { metric = \"api.\", percentiles = [95, 99] }]",
        &["api.x:1|ms\napi.none:1|ms\nweb:1|ms"],
        "stats.timers.api.x.upper_95=1 stats.timers.api.x.upper_99=1 stats.timers.web.upper_90=1",
    );
}

#[test]
fn dogstatsd_has_more_classes_and_tags() {
    let timer = "percentiles = []\ncalculated_timer_metrics = [\"count\", \"sum\", \"lower\"]";
    check(
        timer,
        &["a:1:2|h\na:-3|d|@0.5"],
        "stats.timers.a.count=4 stats.timers.a.lower=-3 stats.timers.a.sum=0",
    );
    check(
        "",
        &["a:1|c|#z:1,b:2\na,b=2,z=1:1|c\na;z=1:1|c|#b:2"],
        "stats.a;b=2;z=1=3 stats_counts.a;b=2;z=1=3",
    );
    check("", &["a:1|g|#bare"], "stats.gauges.a;bare=true=1");
    check("global_suffix = \"h\"", &["a:1|s|#k:v"], "stats.sets.a.count.h;k=v=1");
}

#[test]
fn readings_with_a_time_of_their_own_go_there() {
    let mut server = Server::new("flush_interval = \"10s\"");
    // 1,000,000 is where the current interval begins.
    server.send(
        "a:1|c|T1000003\na:5|c|T999990\na:7|c|@0.5|T999990\na:1|c|T999995\ng:4|g|T999990\ng:3|g|T999990",
    );
    let flush = server.flush();
    let dated: Vec<_> = flush
        .points
        .iter()
        .filter(|point| point.time != flush.time)
        .map(|point| (String::from_utf8_lossy(point.name).into_owned(), point.time.0, point.value))
        .collect();
    let wanted = [
        ("stats.a", 999_990, 1.9),
        ("stats_counts.a", 999_990, 19.0),
        ("stats.a", 999_995, 0.1),
        ("stats_counts.a", 999_995, 1.0),
        ("stats.gauges.g", 999_990, 3.0),
    ];
    assert_eq!(dated, wanted.map(|(name, time, value)| (name.to_owned(), time, value)));
    let points = all_points(&flush);
    assert_eq!(points.get("stats.gauges.g"), Some(&3.0));
    let now = flush.points.iter().find(|point| point.name == b"stats_counts.a" && point.time == flush.time);
    assert_eq!(now.map(|point| point.value), Some(1.0));
}

#[test]
fn sketches_stand_under_the_name_that_the_numbers_share() {
    let mut server = Server::new("legacy_namespace = false\nprefix_timer = \"t\"\nglobal_suffix = \"h\"");
    server.send("a:100|ms|@0.1|#k:v\na:1|ms|#k:v\nb:3|h\nc:1|c");
    let flush = server.flush();
    let sketches: Vec<_> = flush
        .sketches
        .iter()
        .map(|(name, time, sketch)| {
            let near = |quantile| sketch.quantile(quantile).unwrap_or(0.0).round();
            (String::from_utf8_lossy(name).into_owned(), time, sketch.count(), near(0.05), near(0.5))
        })
        .collect();
    let time = flush.time;
    assert_eq!(
        sketches,
        [
            ("stats.t.a.h;k=v".to_owned(), time, 11.0, 1.0, 100.0),
            ("stats.t.b.h".to_owned(), time, 1.0, 3.0, 3.0)
        ]
    );
    assert!(server.flush().sketches.is_empty());
}

#[test]
fn events_and_service_checks_are_handed_on() {
    let mut server = Server::new("");
    server.send("_e{5,4}:title|text|#a:b\n_sc|db|1|m:slow\n_sc|my db.up|3|h:one|#zone:a,bare|d:1600000000");
    let flush = server.flush();
    let points = all_points(&flush);
    assert_eq!(points["stats.service_checks.db"], 1.0);
    assert_eq!(points["stats.service_checks.my_db.up;bare=true;host=one;zone=a"], 3.0);
    assert_eq!((flush.events[0].0, flush.events[0].1.title.as_str()), (START, "title"));
    assert_eq!(flush.service_checks[0].1.message.as_deref(), Some("slow"));
    assert!(server.flush().events.is_empty());
}

#[test]
fn what_became_of_a_flush_shows_in_the_next() {
    let mut server = Server::new("");
    server.flush();
    server.aggregator.delivered(Timestamp(7), std::time::Duration::from_millis(3), true);
    server.aggregator.delivered(Timestamp(9), std::time::Duration::from_millis(2), false);
    let points = all_points(&server.flush());
    let own = |name: &str| points[&format!("stats.statsd.graphiteStats.{name}")];
    assert_eq!((own("last_flush"), own("last_exception"), own("flush_time")), (7.0, 9.0, 2.0));
    let stats = server.admin("stats");
    assert!(stats.contains(&format!("graphite.last_flush: {}\n", START.0 + 2 - 7)), "{stats}");
}

#[test]
fn keys_are_counted_if_wanted() {
    let mut server = Server::new("key_flush = { interval = \"2s\", percent = 60, log = \"/x\" }");
    server.send("a b:1|c\na b:2|c\nc:x|c\nc:1|c:2|c\na b\nd:1|g");
    assert_eq!(server.flush().key_log, None);
    let log = server.flush().key_log.expect("two seconds are over");
    let lines: Vec<&str> = log.lines.lines().filter_map(|line| line.split(") ").nth(1)).collect();
    assert_eq!(lines, ["count=3 key=a_b", "count=2 key=c"]);
    assert_eq!(log.path.as_deref(), Some(std::path::Path::new("/x")));
    server.flush();
    assert_eq!(server.flush().key_log.map(|log| log.lines).as_deref(), Some(""));
}
