//! Whatever comes, nothing panics and everything is accounted for.

use std::cell::RefCell;

use formats::fuzzing::mutate;

use crate::support::Server;

const CONFIGS: [&str; 3] = [
    "percentiles = [90, 99.9, -10, 150, -100]\nhistogram = [{ metric = \"a\", bins = [1, \"inf\"] }]\nmax_names = 200",
    "dialect = \"statsd\"\nkey_name_sanitize = false\ndelete_idle_stats = true\ngauges_max_ttl = 2\n\
     key_flush = { interval = \"1s\" }\nmax_names = 50",
    "legacy_namespace = false\nglobal_suffix = \"h\"\ncalculated_timer_metrics = [\"count\"]",
];

const PACKETS: [&[u8]; 6] = [
    b"a.b:1|c|@0.1|#k:v,w\nc:2:3|ms\nd:-4|g\ne:x|s",
    b"_e{5,4}:title|text|d:7|#a\n_sc|n|1|h:x|m:y",
    b"a:1|c:2|g|@0.5:-3|s|T12|c:x\nt:1|ms|@0:2|ms|@3",
    b"\xff\xfe:\xc3|s\r\n:1|c\nInf:Infinity|g\nInf:-Infinity|g",
    b"g:+1e5|g\n:|\n::||##\nname;a=1;b:1|c\nx,y=z:1|h|#name:1,:,=",
    b"delcounters a.* statsd.*\ndelgauges *\ntimers",
];

#[test]
fn nothing_that_is_sent_makes_it_panic() {
    for config in CONFIGS {
        let server = RefCell::new((Server::new(config), 0));
        mutate(&PACKETS.map(<[u8]>::to_vec), 3_000, |bytes| {
            let (server, round) = &mut *server.borrow_mut();
            server.send_bytes(bytes);
            *round += 1;
            if *round % 7 == 0 {
                server.aggregator.admin(bytes, crate::support::START);
            }
            if *round % 50 == 0 {
                let flush = server.flush();
                assert!(flush.points.iter().all(|point| !point.value.is_nan()));
            }
        });
        let (server, _) = server.into_inner();
        let stats = server.aggregator.stats();
        assert!(stats.accepted > 0 && stats.bad_lines() > 0 && stats.lines > 0, "{config}");
    }
}
