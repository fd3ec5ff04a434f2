//! What is refused or kept less exactly, and that it is counted.

use statsd::limits;

use crate::support::{Server, all_points, words};

#[test]
fn names_beyond_the_most_are_refused_and_those_held_are_not() {
    let mut server = Server::new("max_names = 6");
    server.send("a:1|c\nb:1|ms\nc:1|g");
    server.flush();
    // Three are our own counters: the table is full.
    server.send("a:1|c\nd:1|c\ne:1|ms\nf:1|g\nb:1|ms\ng:1|s\nc:2|g\nd:1|c");
    let points = all_points(&server.flush());
    assert_eq!(
        (points["stats_counts.a"], points["stats.timers.b.count"], points["stats.gauges.c"]),
        (1.0, 1.0, 2.0)
    );
    let stats = server.aggregator.stats();
    assert_eq!((stats.accepted, stats.refused_names, stats.lines), (6, 5, 11));
    server.send("a:5|c\nd:1|c");
    assert_eq!(all_points(&server.flush())["stats_counts.a"], 5.0);
}

#[test]
fn a_flood_of_names_stays_within_bounds() {
    let mut server = Server::new("max_names = 1000");
    server.send("a:1|c");
    server.flush();
    for round in 0..20 {
        let packet: String =
            (0..5_000).map(|index| format!("flood{}:1|c\n", round * 5_000 + index)).collect();
        server.send(&packet);
        server.send("a:1|c");
        assert_eq!(all_points(&server.flush())["stats_counts.a"], 1.0, "round {round}");
    }
    let stats = server.aggregator.stats();
    let held = server.aggregator.held();
    assert_eq!(held.counters + held.gauges, 1000);
    assert_eq!(stats.accepted + stats.refused_names, stats.lines);
}

#[test]
fn a_refused_name_takes_all_values_of_its_line_with_it() {
    let mut server = Server::new("max_names = 4");
    server.send("a:1|g");
    server.send("b:1:2:3|g\nc:1:2|g|T5");
    server.send(&format!("{}:1:2|c", "x".repeat(2_000)));
    let flush = server.flush();
    assert_eq!(all_points(&flush)["stats.gauges.a"], 1.0);
    let stats = server.aggregator.stats();
    assert_eq!((stats.refused_names, stats.refused_long_names, stats.dated, stats.accepted), (3, 2, 2, 3));
}

#[test]
fn long_names_are_refused() {
    let mut server = Server::new("");
    server.send(&format!("{}:1|c", "a".repeat(limits::LONGEST_NAME + 1)));
    server.send(&format!("{}:1|c|#{}", "a".repeat(60_000), "b".repeat(5_000)));
    server.send(&format!("{}:1|c", "a".repeat(limits::LONGEST_NAME)));
    assert_eq!(server.points().len(), 2);
    assert_eq!(server.aggregator.stats().refused_long_names, 2);
}

#[test]
fn a_timer_with_more_values_than_are_kept_is_within_half_a_percent() {
    let mut server =
        Server::new("percentiles = [90, -10]\nhistogram = [{ metric = \"\", bins = [1000, \"inf\"] }]");
    let count = limits::TIMER_VALUES + 40_000;
    let mut packet = String::new();
    for index in 0..count {
        packet += &format!("a:{}|ms|@0.5\n", (index * 7_919) % count);
    }
    server.send(&packet);
    let points = all_points(&server.flush());
    let count = count as f64;
    let exact = |name: &str, wanted: f64| {
        let value = points[&format!("stats.timers.a.{name}")];
        assert!((value / wanted - 1.0).abs() < 1e-9, "{name}: {value} {wanted}");
    };
    let near = |name: &str, wanted: f64| {
        let value = points[&format!("stats.timers.a.{name}")];
        assert!((value / wanted - 1.0).abs() < 0.006, "{name}: {value} {wanted}");
    };
    let sum = count * (count - 1.0) / 2.0;
    exact("count", 2.0 * count);
    exact("sum", sum);
    exact("mean", sum / count);
    exact("upper", count - 1.0);
    exact("sum_squares", (count - 1.0) * count * (2.0 * count - 1.0) / 6.0);
    exact("std", ((count * count - 1.0) / 12.0).sqrt());
    exact("count_90", (count * 0.9).round());
    near("upper_90", count * 0.9);
    near("lower_top10", count * 0.9);
    near("median", count / 2.0);
    near("sum_90", sum * 0.81);
    near("sum_top10", sum * 0.19);
    near("mean_top10", count * 0.95);
    near("histogram.bin_1000", 1000.0);
    near("histogram.bin_inf", count - 1000.0);
    assert_eq!(server.aggregator.stats().sketched_values, 40_000);
}

#[test]
fn a_set_is_full_at_some_time() {
    let mut server = Server::new("");
    for start in (0..limits::SET_MEMBERS + 10).step_by(10_000) {
        let packet: String = (start..start + 10_000).map(|member| format!("a:{member}|s\n")).collect();
        server.send(&packet);
    }
    let sent = server.aggregator.admin(b"stats", crate::support::START);
    assert!(!sent.quit);
    assert_eq!(words(&server.points()), format!("stats.sets.a.count={}", limits::SET_MEMBERS));
    let stats = server.aggregator.stats();
    assert!(stats.refused_members > 0);
    assert_eq!(stats.accepted + stats.refused_members, stats.lines);
}

#[test]
fn notices_and_dated_readings_are_bounded() {
    let mut server = Server::new("");
    server.send(&"_e{1,1}:a|b\n_sc|c|0\n".repeat(limits::NOTICES + 5));
    server.send(&"d:1|c|T5\n".repeat(limits::DATED_READINGS + 7));
    let flush = server.flush();
    assert_eq!((flush.events.len(), flush.service_checks.len()), (limits::NOTICES, limits::NOTICES));
    assert_eq!(all_points(&flush)["stats_counts.d"], limits::DATED_READINGS as f64);
    let stats = server.aggregator.stats();
    assert_eq!((stats.dropped_events, stats.dropped_service_checks, stats.refused_dated), (5, 5, 7));
    assert_eq!((stats.events, stats.dated), (limits::NOTICES as u64 + 5, limits::DATED_READINGS as u64));
}

#[test]
fn every_reading_is_accounted_for() {
    let mut server = Server::new("");
    server.send(
        "a:1|c\nb:x|c\nc:1|c:2|c:y|c\nd:1|c|T\n_e{1,1}:a\nf:1|g\nf\n_sc|x|9\ng:1|s|@x\nh:1|ms|T5\ni:1|d",
    );
    server.flush();
    let stats = server.aggregator.stats();
    assert_eq!((stats.packets, stats.lines, stats.accepted, stats.bad_lines()), (1, 11, 6, 7));
    assert_eq!(stats.bad, [1, 2, 1, 1, 1, 1]);
    assert_eq!(stats.ignored_timestamps, 1);
    let lines = server.aggregator.bad_lines();
    assert_eq!((lines.len(), lines[0].text.as_str()), (7, "b:x|c"));
}

#[test]
fn names_gone_for_long_give_up_their_memory() {
    let mut server = Server::new("delete_idle_stats = true\nmax_names = 5000");
    let packet: String = (0..4_000).map(|index| format!("old{index}:1|c\n")).collect();
    server.send(&packet);
    for _ in 0..70 {
        server.flush();
    }
    // Room for as many others, while the places of the old ones would fill the table. One comes back just now.
    let packet: String = (0..4_000).map(|index| format!("old7:3|c\nnew{index}:1|c\n")).collect();
    server.send(&packet);
    let points = all_points(&server.flush());
    assert_eq!((points["stats_counts.new3999"], server.aggregator.stats().refused_names), (1.0, 0));
    assert_eq!(points["stats_counts.old7"], 12_000.0);
    server.send("new3999:1|c\nold1:2|c");
    let points = all_points(&server.flush());
    assert_eq!((points["stats_counts.new3999"], points["stats_counts.old1"]), (1.0, 2.0));
}
