//! What becomes of points by rule, through real listeners.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ingest::Settings;
use vocabulary::Timestamp;

use crate::support::{NOW, Running, any_port, quiet, start, wait_until};

/// Settings with Carbon's lines open and these keys of `[carbon]` and `[relay]`.
fn with(carbon: &str, relay: &str) -> Settings {
    let mut settings = quiet();
    let lists: ingest::CarbonConfig = toml::from_str(carbon).unwrap();
    (settings.carbon.blacklist, settings.carbon.whitelist) = (lists.blacklist, lists.whitelist);
    settings.carbon.forward = lists.forward;
    settings.relay = toml::from_str(relay).unwrap();
    assert_eq!(settings.relay.problems(), []);
    settings.carbon.line = any_port();
    settings
}

/// Lines received are stored, dropped, kept back by a rule, or bad: nothing disappears.
fn adds_up(running: &Running, lines: u64) {
    wait_until("all lines", || running.stats("carbon.line").totals.lines == lines);
    let totals = running.stats("carbon.line").totals;
    let points = totals.points.stored + totals.points.volatile + totals.points.dropped();
    assert_eq!(totals.lines, points + totals.sorted.sum() + totals.bad_sum(), "{totals:?}");
}

/// A Carbon that takes one connection.
struct Other {
    listener: TcpListener,
}

impl Other {
    fn open() -> (Other, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (Other { listener }, address)
    }

    fn lines(&self, count: usize) -> Vec<String> {
        let (mut stream, _) = self.listener.accept().unwrap();
        read_lines(&mut stream, count)
    }
}

fn read_lines(stream: &mut TcpStream, count: usize) -> Vec<String> {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut text = Vec::new();
    while text.iter().filter(|byte| **byte == b'\n').count() < count {
        let mut some = [0; 4096];
        let length = stream.read(&mut some).unwrap();
        assert!(length > 0, "the connection ended after {:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&some[..length]);
    }
    String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn filters_keep_names_from_the_store() {
    let running = start(with("blacklist = ['\\.secret\\.']\nwhitelist = ['^a\\.', '^b\\.']", ""));
    running.send("carbon.line", b"a.x 1 1\na.secret.y 1 1\nc.x 1 1\nb.x 1 1\nbad\nrefused 1 1\n");
    adds_up(&running, 6);
    assert_eq!(running.names(), ["a.x", "b.x"]);
    let sorted = running.stats("carbon.line").totals.sorted;
    assert_eq!((sorted.blacklisted, sorted.not_whitelisted), (1, 2));
}

#[test]
fn points_go_where_the_rules_say_and_are_stored() {
    let ((one, first), (two, second)) = (Other::open(), Other::open());
    let relay = format!(
        "method = 'rules'\nprotocol = 'line'\n\
         [[rule]]\nname = 'rest'\ndefault = true\ndestinations = ['{second}']\n\
         [[rule]]\nname = 'shop'\npattern = '^SHOP\\.'\ndestinations = ['{first}']\n\
         [[rewrite]]\nstage = 'post'\npattern = '_old$'\nreplacement = ''\n"
    );
    let running = start(with("", &relay));
    running.send("carbon.line", b"shop.a_old 1 1\nother 2 2\nshop.b 3 3\n");
    assert_eq!(one.lines(2), ["shop.a 1 1", "shop.b 3 3"]);
    assert_eq!(two.lines(1), ["other 2 2"]);
    adds_up(&running, 3);
    assert_eq!(running.names(), ["shop.a", "other", "shop.b"]);
    let stats = running.ingest.relay_stats().unwrap();
    wait_until("the counts", || {
        let stats = running.ingest.relay_stats().unwrap();
        stats.destinations.iter().map(|out| out.sent).sum::<u64>() == 3
    });
    let labels: Vec<_> = stats.destinations.iter().map(|out| out.label.clone()).collect();
    assert_eq!(labels, [second, first]);
}

#[test]
fn a_relay_alone_stores_nothing_and_counts_what_has_no_way() {
    let (other, address) = Other::open();
    let relay = format!(
        "method = 'rules'\nprotocol = 'line'\nstore = false\nforward_all = false\n\
         [[rule]]\nname = 'sums'\npattern = '^sum\\.'\ndestinations = ['{address}']\n\
         [[rule]]\nname = 'rest'\ndefault = true\ndestinations = ['{address}']\n\
         [[aggregation]]\noutput = 'sum.<app>'\nfrequency = '10s'\nmethod = 'sum'\ninput = 'host*.<app>'\n"
    );
    let running = start(with("", &relay));
    let lines = format!("host1.web 1 {NOW}\nhost2.web 2 {NOW}\nlonely 5 {NOW}\n");
    running.send("carbon.line", lines.as_bytes());
    adds_up(&running, 3);
    let sorted = running.stats("carbon.line").totals.sorted;
    assert_eq!((sorted.aggregated, sorted.unaggregated), (2, 1));
    running.ingest.tell_aggregates(Timestamp(NOW + 9));
    running.ingest.tell_aggregates(Timestamp(NOW + 10));
    assert_eq!(other.lines(1), [format!("sum.web 3 {NOW}")]);
    assert_eq!(running.names(), Vec::<String>::new());
    let stats = running.ingest.relay_stats().unwrap();
    assert_eq!((stats.buffers, stats.aggregated_values, stats.made_here.relayed), (1, 2, 1));
}

#[test]
fn a_reload_tells_what_was_gathered_and_keeps_connections() {
    let (other, address) = Other::open();
    let rules = |method: &str| {
        format!(
            "method = 'consistent-hashing'\nprotocol = 'line'\ndestinations = ['{address}']\n\
             [[aggregation]]\noutput = 'all'\nfrequency = '10s'\nmethod = '{method}'\ninput = 'host*'\n"
        )
    };
    let mut running = start(with("", &rules("sum")));
    running.send("carbon.line", format!("host1 1 {NOW}\nhost2 2 {NOW}\n").as_bytes());
    running.wait_for_stored("carbon.line", 2);
    let (mut stream, _) = other.listener.accept().unwrap();
    running.ingest.reload(with("", &rules("max"))).unwrap();
    assert_eq!(running.value("all", NOW), Some(3.0), "of the rules before");
    assert_eq!(read_lines(&mut stream, 3).last().unwrap(), &format!("all 3 {NOW}"));
    running.send("carbon.line", format!("host1 1 {NOW}\nhost2 2 {NOW}\n").as_bytes());
    running.wait_for_stored("carbon.line", 4);
    running.ingest.tell_aggregates(Timestamp(NOW + 10));
    assert_eq!(running.value("all", NOW), Some(2.0), "of the rules behind");
    assert_eq!(read_lines(&mut stream, 3).last().unwrap(), &format!("all 2 {NOW}"), "the same connection");
    // A stop tells the rest.
    running.send("carbon.line", format!("host1 7 {NOW}\n").as_bytes());
    running.wait_for_stored("carbon.line", 5);
    let memory = running.memory.clone();
    running.ingest.stop();
    assert_eq!(memory.points.lock().last().unwrap(), &("all".to_owned(), NOW, 7.0));
}

#[test]
fn copies_go_on_as_they_came() {
    let (other, address) = Other::open();
    let mut settings = with(&format!("blacklist = ['x']\nforward = [{{ address = '{address}' }}]"), "");
    settings.statsd.udp = any_port();
    let running = start(settings);
    running.send("carbon.line", b"x.refused 1 1\na 2 2\n");
    assert_eq!(other.lines(2), ["x.refused 1 1", "a 2 2"]);
    adds_up(&running, 2);
    assert_eq!(running.names(), ["a"]);
}
