use std::fmt::Write;

use vocabulary::sample::{BadSample, Dialect, Event, Reading, Sample, SampleSink, ServiceCheck};

use super::read_packet;
use crate::fuzzing;

/// Writes down what it is told, one word an item.
#[derive(Default)]
struct Notes(String);

impl SampleSink for Notes {
    fn packet(&mut self) {}

    fn line(&mut self, name: &[u8], tags: &[u8]) {
        let _ = write!(self.0, "[{}", String::from_utf8_lossy(name));
        if !tags.is_empty() {
            let _ = write!(self.0, " #{}", String::from_utf8_lossy(tags));
        }
        self.0.push_str("] ");
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        let _ = match sample.reading {
            Reading::Counter(number) => write!(self.0, "c{number}"),
            Reading::Timer(number) => write!(self.0, "ms{number}"),
            Reading::Histogram(number) => write!(self.0, "h{number}"),
            Reading::Distribution(number) => write!(self.0, "d{number}"),
            Reading::Gauge(number) => write!(self.0, "g{number}"),
            Reading::GaugeChange(number) => write!(self.0, "g+({number})"),
            Reading::Member(member) => write!(self.0, "s({})", String::from_utf8_lossy(member)),
        };
        if sample.weight != 1.0 {
            let _ = write!(self.0, "*{}", sample.weight);
        }
        if let Some(time) = sample.time {
            let _ = write!(self.0, "@{time}");
        }
        self.0.push(' ');
    }

    fn bad(&mut self, _: &[u8], why: BadSample) {
        let _ = write!(self.0, "bad:{} ", why.label());
    }

    fn event(&mut self, event: Event) {
        let _ = write!(self.0, "{event:?} ");
    }

    fn service_check(&mut self, check: ServiceCheck) {
        let _ = write!(self.0, "{check:?} ");
    }
}

fn read(packet: &[u8], dialect: Dialect) -> String {
    let mut notes = Notes::default();
    read_packet(packet, dialect, &mut notes);
    notes.0.trim_end().to_owned()
}

/// What the original reads from a line.
fn plain(line: &str, wanted: &str) {
    assert_eq!(read(line.as_bytes(), Dialect::StatsD), wanted, "{line:?} in the dialect statsd");
}

fn dog(line: &str, wanted: &str) {
    assert_eq!(read(line.as_bytes(), Dialect::DogStatsD), wanted, "{line:?} in the dialect dogstatsd");
}

fn both(line: &str, wanted: &str) {
    plain(line, wanted);
    dog(line, wanted);
}

#[test]
fn lines_that_both_dialects_know() {
    both("a.b:1|c", "[a.b] c1");
    both("a:1|c\n\nb:2|ms\n", "[a] c1 [b] ms2");
    both("a:1|c|@0.1", "[a] c1*10");
    both("a:-2.5|g", "[a] g+(-2.5)");
    both("a:+2|g", "[a] g+(2)");
    both("a:7|g", "[a] g7");
    both("a:x y|s", "[a] s(x y)");
    both("a:|s", "[a] s(0)");
    both("a:1|c|#k:v,bare", "[a #k:v,bare] c1");
    both("a:1|ms|@0.5|#k:v", "[a #k:v] ms1*2");
    both("a:1|c|#", "[a] c1");
    both("a:1|c:2|c:3|c", "[a] c1 c2 c3");
    both("a:1|c|@0.5:2|g", "[a] c1*2 g2");
    both("a:1|c:2|ms|@0.25:x|s", "[a] c1 ms2*4 s(x)");
    both("a:1|kg", "[a] c1");
    both("a:1| g ", "[a] g1");
    both("a:-1|ms ", "[a] ms-1");
    both("a|b:1|c", "[a|b] c1");
    both(":1|c", "[] c1");
    both("a:1|", "[a] c1");
    both("a:0x10|c", "[a] c16");
    both("a: 1 |c", "[a] c1");
    both("a: |c", "[a] c0");
    both("a:Infinity|g", "[a] ginf");
    both("a:1|c|@1e3", "[a] c1");
    both("a:1|c|@0", "[a] c1*inf");
    both("a:1|c|@0.5|x", "[a] c1*2");
    both("a;k=v:1|c", "[a;k=v] c1");
    both("a,k=v:1|c", "[a,k=v] c1");
}

#[test]
fn lines_that_both_dialects_refuse() {
    both("a", "[a] bad:type");
    both("a:", "[a] bad:type");
    both("a:1", "[a] bad:type");
    both("a:|c", "[a] bad:value");
    both("a:x|c", "[a] bad:value");
    both("a:1_0|c", "[a] bad:value");
    both("a:-1|ms", "[a] bad:value");
    both("a:x|s ", "[a] bad:value");
    both("a:1|c|", "[a] bad:rate");
    both("a:1|c|0.1", "[a] bad:rate");
    both("a:1|c|@", "[a] bad:rate");
    both("a:1|c|@x", "[a] bad:rate");
    both("a:1|c|@-1", "[a] bad:rate");
    both("a:1|c:x|c:3|c", "[a] c1 bad:value c3");
    // The original dies of these.
    both("a:1|c|@+1", "[a] bad:rate");
    both("a:1|c|@ 1", "[a] bad:rate");
    both("a:1|c|@Infinity", "[a] bad:rate");
}

#[test]
fn what_only_the_original_does() {
    plain("a:1|h", "[a] c1");
    plain("a:1|d", "[a] c1");
    plain("a:1:2|c", "[a] bad:type c2");
    plain("a:b:c|s", "[a] bad:type s(c)");
    plain("a:1|c|#k:v|@0.1", "[a #k:v|@0.1] c1");
    plain("a:1|c|#k:v|#l:w", "[a #k:v] c1");
    plain("a|#b:1|c", "[a #b:1|c] bad:type");
    plain("a:1|c\r", "[a] c1");
    plain("a:1|c|#k:v\r", "[a #k:v\r] c1");
    plain("_e{1,1}:a|b", "[_e{1,1}] bad:value");
    plain("a:1|c|T1", "[a] bad:rate");
}

#[test]
fn what_only_dogstatsd_has() {
    dog("a:1|h", "[a] h1");
    dog("a:-1.5|d|@0.5", "[a] d-1.5*2");
    dog("a:1:2:3|ms|@0.5|#k:v", "[a #k:v] ms1*2 ms2*2 ms3*2");
    dog("a:1:x:3|c", "[a] c1 bad:value c3");
    dog("a:b:c|s", "[a] s(b:c)");
    dog("a:1|c|#k:v|@0.5", "[a #k:v] c1*2");
    dog("a:1|c|#k:v|c:ci-1234|T1656581400", "[a #k:v] c1@1656581400");
    dog("a:1|g|T5", "[a] g1@5");
    dog("a:1|c|c:ci-1|e:it-false|card:low", "[a] c1");
    dog("a:1:2|c:3|c", "[a] c1 c2 c3");
    dog("a:1|c|T", "[a] bad:timestamp");
    dog("a:1|c|T-5", "[a] bad:timestamp");
    dog("a:1|c|#k:v|@x", "[a #k:v] bad:rate");
    dog("a|#b:1|c", "[a] bad:type");
    dog("a:1|c\r\nb:x|s\r\n\r\n", "[a] c1 [b] s(x)");
    dog("a:1|c|#k:v\r", "[a #k:v] c1");
}

#[test]
fn events_and_service_checks() {
    dog("_e{5,9}:title|text\\nmore\n", "[] bad:event");
    dog(
        "_e{5,10}:title|text\\nmore|d:7|h:web1|k:key|p:low|s:src|t:error|#a:b,c|c:x",
        "Event { title: \"title\", text: \"text\\nmore\", time: Some(Timestamp(7)), host: Some(\"web1\"), \
         aggregation_key: Some(\"key\"), source: Some(\"src\"), low_priority: true, alert: Error, \
         tags: [\"a:b\", \"c\"] }",
    );
    dog(
        "_sc|db.up|2|d:7|h:web1|#a:b|m:no\\nanswer",
        "ServiceCheck { name: \"db.up\", status: Critical, time: Some(Timestamp(7)), host: Some(\"web1\"), \
         message: Some(\"no\\nanswer\"), tags: [\"a:b\"] }",
    );
    for bad in ["_e{", "_e{1,1}", "_e{1,1}:a", "_e{0,1}:|b", "_e{1,9}:a|b", "_e{1,1}:a|bc", "_e{x,1}:a|b"] {
        dog(bad, "[] bad:event");
    }
    for bad in ["_sc|", "_sc|a", "_sc||0", "_sc|a|4", "_sc|a|x"] {
        dog(bad, "[] bad:service_check");
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let samples: [&[u8]; 7] = [
        b"a.b:1|c|@0.1|#k:v,w\nc:2:3|ms",
        b"_e{5,4}:title|text|d:7|#a",
        b"_sc|n|1|h:x|m:y",
        b"a:1|c:2|g|@0.5:-3|s|T12|c:x",
        b"\xff\xfe:\xc3|s\r\n",
        b"g:+1e5|g\n:|\n::||##",
        b":|@#\n\r,;{}_Tc0-+. \xff",
    ];
    fuzzing::mutate(&samples.map(<[u8]>::to_vec), 30_000, fuzzing::statsd_packet);
}

#[test]
fn no_configuration_makes_it_panic() {
    let samples: [&[u8]; 3] = [
        b"{a: [1, 'x\\n', {b: -2e3}], // c\n graphite: {globalPrefix: `p`}, f: g(1, '}')[0], /* */ port: 8125,}",
        b"{servers: [{server: './servers/tcp', port: 1}], histogram: [{metric: 'a', bins: [1, 'inf']}], keyFlush: {}}",
        b"{}[]():,'\"`/*\\\n;0-",
    ];
    fuzzing::mutate(&samples.map(<[u8]>::to_vec), 10_000, fuzzing::statsd_config);
}
