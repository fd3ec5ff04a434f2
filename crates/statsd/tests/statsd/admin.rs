use crate::support::Server;

#[test]
fn commands() {
    let server = Server::new("");
    server.send("b.c:1|c\na:2|g\n9:3|g\nt:1|ms\nt:2|ms");
    let check = |command: &str, wanted: &str| assert_eq!(server.admin(command), wanted, "{command}");
    check("gauges", "{ '9': 3, a: 2 }\nEND\n\n");
    check("timers\n", "{ t: [ 1, 2 ] }\nEND\n\n");
    check(
        "counters",
        "{\n  'statsd.bad_lines_seen': 0,\n  'statsd.packets_received': 1,\n  'statsd.metrics_received': 5,\n  \
         'b.c': 1\n}\nEND\n\n",
    );
    check("delgauges a x", "deleted: a\nmetric x not found\nEND\n\n");
    check("gauges", "{ '9': 3 }\nEND\n\n");
    check("delcounters b.*", "deleted: b.c\nEND\n\n");
    check("health", "health: up\n");
    check("health DOWN", "health: down\n");
    check("", "ERROR\n");
    assert!(server.aggregator.admin(b"quit\r\n", crate::support::START).quit);
}
