//! One entry for each parser: whatever the bytes, it must return. Tests run them in a seeded loop,
//! the targets under `fuzz/` with libFuzzer.

mod sentry;

use vocabulary::Timestamp;
use vocabulary::sample::{BadSample, Dialect, Event, Sample, SampleSink, ServiceCheck};

use crate::agent_batch::{Greeting, read_frame};
use crate::{carbon_conf, carbon_line, carbon_rules, pickle, statsd, statsd_config, whisper};

pub use sentry::*;

/// Both dialects, and what a sink may rely on.
pub fn statsd_packet(bytes: &[u8]) {
    for dialect in [Dialect::StatsD, Dialect::DogStatsD] {
        let mut seen = Seen::default();
        statsd::read_packet(bytes, dialect, &mut seen);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !matches!(line, [] | [b'\r'])).count();
        assert!(seen.lines >= lines, "every line is told of");
        assert!(seen.items >= seen.lines, "every line has an outcome");
    }
}

pub fn statsd_config(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = text.matches('\n').count() + 1;
    match statsd_config::convert(&text) {
        Ok(converted) => {
            assert!(converted.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
        }
        Err(error) => assert!((1..=lines).contains(&error.line)),
    }
}

pub fn carbon_line(input: &[u8]) {
    let now = Timestamp(1_700_000_000);
    let mut lines = carbon_line::StreamLines::new(input, now);
    let streamed: usize = lines.by_ref().map(|(_, line)| line.len() + 1).sum();
    assert!(streamed + lines.rest().len() <= input.len(), "no byte is read twice");
    assert!(carbon_line::DatagramLines::new(input, now).count() <= input.len());
}

pub fn carbon_conf(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().count();
    let schemas = carbon_conf::storage_schemas(&text, &|_| Ok(()));
    assert!(schemas.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
    assert!(carbon_conf::storage_aggregation(&text, &|_| Ok(())).rules.len() <= lines);
}

pub fn carbon_rules(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().count().max(1);
    let in_file = |line: usize| assert!((1..=lines).contains(&line));
    let relay = carbon_rules::relay_rules(&text, &|_| Ok(()));
    relay.problems.iter().for_each(|problem| in_file(problem.line));
    for destination in relay.rules.iter().flat_map(|rule| &rule.destinations) {
        assert_eq!(destination.to_string().parse().as_ref(), Ok(destination), "it reads back");
    }
    let aggregation = carbon_rules::aggregation_rules(&text);
    for rule in &aggregation.rules {
        in_file(rule.line);
        let compiled = carbon_rules::aggregation_patterns(&rule.input, &rule.output);
        let (pattern, template) = compiled.expect("a rule that was read compiles");
        drop(pattern.expand(&text, &template));
    }
    let rewriting = carbon_rules::rewrite_rules(&text);
    for rule in &rewriting.rules {
        in_file(rule.line);
        let compiled = carbon_rules::rewrite_patterns(&rule.pattern, &rule.replacement);
        let (pattern, template) = compiled.expect("a rule that was read compiles");
        drop(pattern.replace(&text, &template));
    }
    carbon_rules::pattern_list(&text).rules.iter().for_each(|listed| in_file(listed.line));
}

pub fn pickle(input: &[u8]) {
    let mut unpickler = pickle::Unpickler::default();
    if let Ok(entries) = unpickler.read(input) {
        let points = entries.points(Timestamp(1_700_000_000));
        assert!(points.len() <= input.len(), "an entry takes at least a byte");
        points.flatten().for_each(|point| assert!(!point.value.is_nan()));
    }
}

/// No more events than lines, and no more single times than are kept.
pub fn ical(input: &[u8]) {
    use crate::ical::{MAX_EVENTS, MAX_SINGLE, read};
    let text = String::from_utf8_lossy(input);
    if let Ok(calendar) = read(&text) {
        let events = calendar.events.len() + calendar.left_out;
        assert!(events <= text.lines().count() + 1 && calendar.events.len() <= MAX_EVENTS);
        assert!(calendar.events.iter().all(|event| event.also.len().max(event.left_out.len()) <= MAX_SINGLE));
    }
}

/// Read, and its variables put in.
pub fn grafana(input: &[u8]) {
    use crate::grafana::{self, variables};
    for board in grafana::read(&String::from_utf8_lossy(input)).into_iter().flatten() {
        for target in board.panels.iter().flat_map(|panel| &panel.targets) {
            let text = grafana::substituted(&target.text, &board);
            assert!(text.len() <= 20 * input.len() + (1 << 20));
            assert!(variables::unknown(&target.text, &board).len() <= target.text.len());
        }
    }
}

/// With and without passwords; types.db and names with it.
pub fn collectd(input: &[u8]) {
    use crate::collectd::{PacketError, PacketSink, Protection, Values, names::Naming, read_packet};
    use crate::collectd::{security::Security, types::Types};
    struct Seen(usize);
    impl PacketSink for Seen {
        fn values(&mut self, values: &Values<'_>) {
            assert_eq!(values.iter().count(), values.len());
            let mut name = String::new();
            Naming::default().write(values, "value", &mut name);
            assert!(!name.contains(|c: char| c.is_ascii_whitespace() || c.is_ascii_control()));
            self.0 += values.len();
        }
        fn notification(&mut self) {}
        fn bad(&mut self, _: PacketError) {}
    }
    let with = Security::with_passwords(Protection::None, "joe: secret").unwrap_or_else(|_| Security::none());
    for security in [Security::none(), with] {
        let mut seen = Seen(0);
        read_packet(input, &security, &mut seen);
        assert!(seen.0 <= input.len(), "a value takes at least a byte");
    }
    let text = String::from_utf8_lossy(input);
    let lines = text.lines().count();
    assert!(Types::default().read(&text).iter().all(|problem| (1..=lines).contains(&problem.line)));
}

/// A line of Nagios's command pipe.
pub fn nagios_command(input: &[u8]) {
    use crate::nagios::command::{LINE_BYTES_MAX, read};
    assert!(read(input).is_err() || input.len() <= LINE_BYTES_MAX);
}

/// An answer of an NRPE server.
pub fn nrpe(input: &[u8]) {
    use crate::nrpe::{AnswerError, TEXT_BYTES_MAX, answer};
    match answer(input) {
        Ok(answer) => assert!(answer.text.len() <= TEXT_BYTES_MAX && !answer.text.contains(&0)),
        Err(AnswerError::More(wanted)) => assert!(wanted > input.len() && wanted <= TEXT_BYTES_MAX + 16),
        Err(_) => {}
    }
}

/// A packet of either length, as it came and decrypted by each method.
pub fn nsca(input: &[u8]) {
    use crate::nsca::{self, IV_BYTES, OLD_PACKET_BYTES, PACKET_BYTES, crypt};
    let method = input.first().and_then(|number| crypt::Method::try_from(*number).ok());
    let mut decrypted = input.to_vec();
    let mut decryptor = crypt::Decryptor::new(method.unwrap_or(crypt::Method::Xor), "p", &[7; IV_BYTES]);
    decryptor.decrypt(&mut decrypted);
    for bytes in [input, &decrypted] {
        let Ok(packet) = nsca::read(bytes) else { continue };
        assert!(matches!(bytes.len(), OLD_PACKET_BYTES | PACKET_BYTES));
        assert!(packet.host.len() <= 64 && packet.service.len() <= 128 && !packet.output.contains(&0));
    }
}

/// A greeting and a batch, and, since checksums stop most changes, the rows alone too.
pub fn agent_batch(input: &[u8]) {
    let mut rest = input;
    if let Ok(greeting) = Greeting::read(&mut rest) {
        let mut again = Vec::new();
        greeting.write(&mut again);
        assert_eq!(Greeting::read(&mut &again[..]), Ok(greeting));
    }
    for bytes in [rest, input] {
        if let Ok(frame) = read_frame(bytes) {
            assert!(frame.bytes.len() <= bytes.len());
            // What cannot be read is told, not guessed.
            let _ = frame.rows();
        }
    }
    if let Some(rows) = crate::agent_batch::read_rows(input) {
        let count = rows.points.len() + rows.sketches.len() + rows.events.len();
        assert!(count <= input.len(), "a row takes at least a byte");
    }
}

/// A header that is believed is written as it was read, and every slot lies within the file.
pub fn whisper_file(input: &[u8]) {
    let Ok(header) = whisper::Header::read(input, input.len() as u64) else { return };
    assert_eq!(input[..16 + 12 * header.rings.len()], header_bytes(&header, input));
    for ring in &header.rings {
        let first = &input[ring.offset as usize..][..whisper::POINT_BYTES];
        let base = whisper::base(first.try_into().expect("a point's bytes"));
        let mut row = [f64::NAN; 40];
        for slot in [0, i64::from(base) / ring.step - 20, i64::from(u32::MAX) / ring.step] {
            let run = ring.run(base, slot, row.len());
            let bytes = &input[run.start as usize..run.end as usize];
            let seen = whisper::read_points(bytes, ring.step, slot, &mut row);
            assert!(seen.points + seen.others <= row.len() as u64);
        }
    }
}

/// The longest retention is not looked at by the reader, so it is taken from the input.
fn header_bytes(header: &whisper::Header, input: &[u8]) -> Vec<u8> {
    let mut bytes = header.bytes();
    bytes[4..8].copy_from_slice(&input[4..8]);
    bytes
}

/// All that Nagios reads of a plugin, and a text of its command pipe.
pub fn nagios_plugin_output(input: &[u8]) {
    use crate::nagios::{perfdata, plugin_output, range};
    let seen = plugin_output::Text::of(input);
    assert!(!seen.output.contains([';', '\n']) && !seen.perfdata.contains('\n'));
    assert!(seen.long_output.len() <= 3 * plugin_output::MAX_OUTPUT_BYTES);
    drop(plugin_output::Text::of_escaped(input));
    let parsed = perfdata::parse(&seen.perfdata);
    let most = seen.perfdata.split_whitespace().count();
    assert!(parsed.items.len() + parsed.skipped.len() <= most, "an item is at least a word");
    for item in &parsed.items {
        assert!(!item.label.is_empty() && item.value.is_none_or(f64::is_finite));
        let _ = (item.breach(), item.base_unit());
    }
    if let Some(range) = range::Range::parse(&String::from_utf8_lossy(input)) {
        assert!(range.start <= range.end);
    }
}

/// An object file and the settings that change what it means, resolved.
pub fn nagios_objects(input: &[u8]) {
    use crate::nagios::objects::{Estate, MainConfig, lines};
    let text = String::from_utf8_lossy(input);
    let main = MainConfig::read("nagios.cfg", &text);
    let file = lines::read("objects.cfg", &text);
    let count = text.split('\n').count();
    assert!(file.problems.iter().all(|problem| (1..=count).contains(&problem.place.line)));
    let written = file.definitions.len();
    let estate = Estate::resolve(&main, vec![file]);
    assert!(estate.hosts.len() + estate.contacts.len() <= written);
    for ((host, _), service) in &estate.services {
        assert!(estate.hosts.contains_key(host), "a service is on a host that is there");
        let contacts = estate.contacts_of(service);
        assert!(contacts.iter().all(|contact| estate.contacts.contains_key(contact)));
    }
}

pub fn nagios_state_file(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines = text.split('\n').count();
    let file = crate::nagios::state_file::read(&text);
    assert!(file.unreadable.iter().all(|line| (1..=lines).contains(line)));
    for block in &file.blocks {
        assert!((1..=lines).contains(&block.line));
        let _ = (block.subject(), block.lines("long_plugin_output"), block.number("last_check"));
    }
}

pub fn nagios_archive(input: &[u8]) {
    for line in String::from_utf8_lossy(input).lines() {
        if let Ok(event) = crate::nagios::archive::read_line(line) {
            assert!(event.at >= 0);
        }
    }
}

#[derive(Default)]
struct Seen {
    lines: usize,
    items: usize,
}

impl SampleSink for Seen {
    fn packet(&mut self) {}

    fn line(&mut self, _: &[u8], _: &[u8]) {
        self.lines += 1;
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        assert!(self.lines > 0, "a sample comes from a line");
        assert!(sample.weight >= 0.0 && !sample.name.contains(&b'\n'));
        self.items += 1;
    }

    fn bad(&mut self, _: &[u8], _: BadSample) {
        self.items += 1;
    }

    fn event(&mut self, _: Event) {
        self.lines += 1;
        self.items += 1;
    }

    fn service_check(&mut self, _: ServiceCheck) {
        self.lines += 1;
        self.items += 1;
    }
}

/// The seeded loop of ordinary tests, of all rooms: samples, changed at random, to the target. Twenty times as
/// many rounds with `BELLWETHER_LONG`; another `BELLWETHER_SEED` tries others.
pub fn mutate(samples: &[Vec<u8>], rounds: u32, target: impl Fn(&[u8])) {
    let variable = |name| std::env::var(name).ok();
    let seed =
        variable("BELLWETHER_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(0x9e37_79b9_7f4a_7c15u64);
    let rounds = if variable("BELLWETHER_LONG").is_some() { rounds * 20 } else { rounds };
    println!("BELLWETHER_SEED={seed}");
    let mut state = seed;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for _ in 0..rounds {
        let mut input = samples[random(samples.len())].clone();
        for _ in 0..=random(6) {
            let at = random(input.len());
            match random(5) {
                0 => input.truncate(at),
                1 => input.insert(at.min(input.len()), random(256) as u8),
                2 if !input.is_empty() => input[at] = random(256) as u8,
                3 if !input.is_empty() => drop(input.remove(at)),
                _ => {
                    let other = &samples[random(samples.len())];
                    let from = random(other.len());
                    input.extend_from_slice(&other[from..(from + random(64)).min(other.len())]);
                }
            }
        }
        target(&input);
    }
}

#[cfg(test)]
mod tests {
    use super::mutate;

    #[test]
    fn agent_batches() {
        use vocabulary::{Sketch, Timestamp};
        let mut rows = crate::agent_batch::Rows::default();
        rows.begin_part();
        rows.point(b"host.a.cpu.user_percent", Timestamp(1_700_000_000), 1.5);
        rows.point(b"host.a.cpu.system_percent", Timestamp(1_700_000_000), 2.5);
        rows.sketch(b"t", Timestamp(1_700_000_001), &Sketch::from_values([(1.0, 1.0), (2.0, 0.5)]));
        let what = "deployed".into();
        rows.event(&crate::agent_batch::Happened { what, tags: vec!["a".into()], ..Default::default() });
        let mut greeted = Vec::new();
        crate::agent_batch::Greeting { name: "web1".into(), ..Default::default() }.write(&mut greeted);
        greeted.extend(crate::agent_batch::frame::write_frame(1, &rows));
        mutate(&[greeted, rows.as_bytes().to_vec()], 30_000, super::agent_batch);
    }

    #[test]
    fn nagios_commands() {
        let samples = [
            b"[1700000000] PROCESS_SERVICE_CHECK_RESULT;web1;disk /;2;full; very|a=1;2\\nlong".to_vec(),
            b"[1] SCHEDULE_HOST_SVC_DOWNTIME;web1;10;20;0;7;5;joe;why".to_vec(),
            b"[1] ACKNOWLEDGE_SVC_PROBLEM;web1;disk /;2;1;0;joe;seen".to_vec(),
        ];
        mutate(&samples, 30_000, super::nagios_command);
    }

    #[test]
    fn nrpe() {
        let seen = b"\x00\x04\x00\x02\x9e\x9a2>\x00\x01\x00\x00\x00\x00\x00\x0ba|b=1\nlong\x00".to_vec();
        mutate(&[seen, vec![0; 1036]], 20_000, super::nrpe);
    }

    #[test]
    fn nsca() {
        use crate::nsca::{OLD_PACKET_BYTES, Packet, write};
        let packet = Packet { time: 5, status: 2, host: b"h", service: b"s", output: b"o" };
        mutate(&[write(&packet, OLD_PACKET_BYTES)], 2_000, |bytes| {
            super::nsca(bytes);
            // Checksums stop most changes: mended, what they let through is read too.
            let mut mended = bytes.to_vec();
            mended.resize(OLD_PACKET_BYTES, 0);
            mended[..2].copy_from_slice(&[0, 3]);
            crate::nsca::mend(&mut mended);
            super::nsca(&mended);
        });
    }

    #[test]
    fn carbon_lines() {
        let samples = [
            b"a.b.c 12.5 1700000000\n".to_vec(),
            b"  x;k=v\t-1e3   1700000000.5\r\n\nname nan -1\n".to_vec(),
            "zähler 1_000 \u{661}\u{662}\u{a0}\u{2028}a inf 1\u{85}".as_bytes().to_vec(),
        ];
        mutate(&samples, 30_000, super::carbon_line);
    }

    #[test]
    fn carbon_conf() {
        let samples = [
            b"[a]\npattern = ^x\nretentions = 1s:1d,\n  10s:1y\n# c\n[DEFAULT]\nxFilesFactor = %(a)s%%\n"
                .to_vec(),
            b"[b]\n\tpattern: .*\naggregationMethod = sum\nxfilesfactor: 0.5\n;\n".to_vec(),
        ];
        mutate(&samples, 10_000, super::carbon_conf);
    }

    #[test]
    fn whisper_files() {
        let policy = vocabulary::retention::Policy {
            archives: "10s:2min,60s:10min".parse().unwrap(),
            aggregation: vocabulary::retention::Aggregation::Max,
            x_files_factor: 0.5,
        };
        let header = crate::whisper::Header::of(&policy).unwrap();
        let mut file = header.bytes();
        for ring in &header.rings {
            let row: Vec<f64> = (0..ring.points).map(|at| at as f64).collect();
            crate::whisper::write_points(ring.step, 1_700_000_000 / ring.step, &row, &mut file);
        }
        mutate(&[file], 10_000, super::whisper_file);
    }

    #[test]
    fn carbon_rules() {
        let samples = [
            b"[a]\npattern = ^x\ndestinations = h:1:a, [::1]:2\ncontinue = yes\n[b]\ndefault = true\n"
                .to_vec(),
            b"<env>.all.<app> (60) = sum <env>.hosts.*.<<app>>\nx (1) = p95 a*.<b>c\n".to_vec(),
            b"[pre]\n^(\\w+)\\. = \\1.\n[post]\n(?P<n>a) = \\g<n>\n# c\n".to_vec(),
        ];
        mutate(&samples, 600, super::carbon_rules);
    }

    #[test]
    fn nagios_plugin_outputs() {
        let samples = [
            b"OK; fine | 'a b'=1.5e3MB;@10:20;~:5;0;9 x=U\nlong\r\nmore | y=2s;1;2\nz=.5%".to_vec(),
            b"\n\0|a=1,5 'it' 's'=2".to_vec(),
            br"a\n|b\\=1".to_vec(),
        ];
        mutate(&samples, 20_000, super::nagios_plugin_output);
    }

    #[test]
    fn nagios_objects() {
        let samples = [
            b"define host{\n name t\n register 0\n use u,t\n contacts +c\n}\ndefine host {\n use t\n host_name h ; c\n hostgroups +g\n _X null\n}\ndefine hostgroup{\n hostgroup_name g\n members *,!h\n hostgroup_members g\n}\n".to_vec(),
            b"use_regexp_matching=1\ndefine service{\nhost_name h.*\nhostgroup_name g,!i\nservice_description s\nservicegroups z\n}\ndefine servicegroup{\nservicegroup_name z\nmembers h,s,h\n}\n".to_vec(),
            b"define host{\nhost_name h\n}\ndefine host{\nhost_name i\n}\ndefine service{\nhost_name *\nservice_description s\n}\ndefine servicedependency{\nhost_name h\nservice_description *\ndependent_service_description s\n}\ndefine serviceescalation{\nhost_name h\nservice_description !s,s\ncontact_groups +x\n}\n".to_vec(),
            b"define timeperiod{\ntimeperiod_name t\nmonday 3 - thursday 4 00:00-24:00,1:00-2:00\nuse x\n}\n\\\n}\ninclude_file=x\n".to_vec(),
        ];
        mutate(&samples, 2_000, super::nagios_objects);
    }

    #[test]
    fn nagios_state_files() {
        let samples = [b"# c\ninfo {\ncreated=1\n\t}\n\nservicestatus {\n\thost_name=u\n\tservice_description=s\n\tlong_plugin_output=x\\ny\n\t}\n".to_vec()];
        mutate(&samples, 20_000, super::nagios_state_file);
    }

    #[test]
    fn nagios_archives() {
        let samples = [
            b"[1795270670] SERVICE ALERT: u;s 1;CRITICAL;SOFT;2;a; b\n".to_vec(),
            b"[1] HOST NOTIFICATION: me;h;CUSTOM (DOWN);c;text;joe;seen; it\n[2] EXTERNAL COMMAND: A;b\n"
                .to_vec(),
        ];
        mutate(&samples, 20_000, super::nagios_archive);
    }

    #[test]
    fn pickles() {
        let samples: Vec<Vec<u8>> = include_str!("../tests/pickles.tsv")
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(hex, _)| hex.len() < 2_000)
            .map(|(hex, _)| {
                (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                    .collect()
            })
            .collect();
        mutate(&samples, 30_000, super::pickle);
    }
}
