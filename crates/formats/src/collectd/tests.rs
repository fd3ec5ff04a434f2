use super::security::tests::{encrypt, sign};
use super::*;

fn part(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16 + 4).to_be_bytes(), body].concat()
}

fn text_part(kind: u16, text: &str) -> Vec<u8> {
    part(kind, &[text.as_bytes(), &[0]].concat())
}

fn values_part(values: &[Value]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    let (codes, numbers): (Vec<u8>, Vec<[u8; 8]>) = values
        .iter()
        .map(|value| match *value {
            Value::Counter(n) => (0, n.to_be_bytes()),
            Value::Gauge(n) => (1, n.to_le_bytes()),
            Value::Derive(n) => (2, n.to_be_bytes()),
            Value::Absolute(n) => (3, n.to_be_bytes()),
        })
        .unzip();
    body.extend(codes);
    body.extend(numbers.concat());
    part(part::VALUES, &body)
}

fn head() -> Vec<u8> {
    [
        text_part(part::HOST, "box"),
        part(part::TIME_HR, &((1_700_000_000u64 << 30) + (1 << 29)).to_be_bytes()),
        part(part::INTERVAL_HR, &(10u64 << 30).to_be_bytes()),
        text_part(part::PLUGIN, "interface"),
        text_part(part::PLUGIN_INSTANCE, "eth0"),
        text_part(part::TYPE, "if_octets"),
    ]
    .concat()
}

/// What was read, as text.
#[derive(Default)]
struct Told(Vec<String>);

impl PacketSink for Told {
    fn values(&mut self, v: &Values<'_>) {
        let at = v.time.rounded_seconds();
        let list: Vec<Value> = v.iter().collect();
        let Values { host, plugin, plugin_instance, kind, type_instance, .. } = v;
        self.0.push(format!("{host}/{plugin}-{plugin_instance}/{kind}-{type_instance}@{at} {list:?}"));
    }

    fn notification(&mut self) {
        self.0.push("notification".into());
    }

    fn bad(&mut self, error: PacketError) {
        self.0.push(format!("{error:?}"));
    }
}

fn check(packet: &[u8], security: &Security, expected: &[&str]) {
    let mut told = Told::default();
    read_packet(packet, security, &mut told);
    assert_eq!(told.0, expected);
}

const ETH0: &str = "box/interface-eth0/if_octets-@1700000001 [Derive(5), Derive(-6)]";

fn packet() -> Vec<u8> {
    [head(), values_part(&[Value::Derive(5), Value::Derive(-6)])].concat()
}

#[test]
fn parts_stay_in_force_until_others_replace_them() {
    let more = [
        packet(),
        text_part(part::PLUGIN, "load"),
        text_part(part::PLUGIN_INSTANCE, ""),
        text_part(part::TYPE, "load"),
        part(part::TIME, &1_700_000_007u64.to_be_bytes()),
        values_part(&[Value::Gauge(0.25), Value::Counter(1), Value::Absolute(2)]),
        part(0x0101, &1u64.to_be_bytes()),
        text_part(part::MESSAGE, "disk is full"),
        part(0x7777, b"of a later version"),
    ]
    .concat();
    let load = "box/load-/load-@1700000007 [Gauge(0.25), Counter(1), Absolute(2)]";
    check(&more, &Security::none(), &[ETH0, load, "notification"]);
}

#[test]
fn what_does_not_fit_is_told_and_what_was_before_it_is_kept() {
    let after = |bytes: &[u8], expected: &str| {
        check(&[&packet()[..], bytes].concat(), &Security::none(), &[ETH0, expected]);
    };
    after(&[0], "Length");
    after(&[0, 2, 0, 3], "Length");
    after(&[0, 2, 0, 9, b'x', 0], "Length");
    after(&part(part::HOST, b"no end"), "Text");
    after(&part(part::HOST, &[]), "Text");
    after(&text_part(part::HOST, &"x".repeat(128)), "Text");
    after(&part(part::HOST, &[0xff, 0]), "Text");
    after(&part(part::TIME, &[1, 2, 3]), "Length");
    after(&part(part::VALUES, &[0, 2, 1, 1, 0]), "Length");
    after(&part(part::VALUES, &[0, 0]), "Length");
    after(&part(part::VALUES, &[0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0]), "ValueCode");
    check(&values_part(&[Value::Gauge(1.0)]), &Security::none(), &["Incomplete"]);
}

#[test]
fn protection_is_what_collectd_asks_for() {
    let (signed, sealed) = (sign("joe", "secret", &packet()), encrypt("joe", "secret", &packet()));
    let with = |least| Security::with_passwords(least, "joe: secret").unwrap();
    check(&signed, &Security::none(), &[ETH0]);
    check(&sealed, &Security::none(), &["NoPassword"]);
    for (least, plain) in [(Protection::None, ETH0), (Protection::Signed, "NotProtected")] {
        check(&packet(), &with(least), &[plain]);
        check(&signed, &with(least), &[ETH0]);
        check(&sealed, &with(least), &[ETH0]);
    }
    check(&signed, &with(Protection::Encrypted), &["NotProtected"]);
    check(&sealed, &with(Protection::Encrypted), &[ETH0]);
    let other = Security::with_passwords(Protection::None, "joe: other").unwrap();
    check(&signed, &other, &["NotVerified"]);
    check(&sealed, &other, &["NotVerified"]);
    check(&sign("jim", "secret", &packet()), &with(Protection::None), &["NotVerified"]);
    let mut changed = signed;
    *changed.last_mut().unwrap() ^= 1;
    check(&changed, &with(Protection::None), &["NotVerified"]);
    // Nested beyond measure.
    let deep = (0..6).fold(packet(), |inside, _| encrypt("joe", "secret", &inside));
    check(&deep, &with(Protection::None), &["Length"]);
}

#[test]
fn whatever_comes_is_read_or_refused() {
    let types = b"mine a:GAUGE:0:U, b:DERIVE:0:U\nbad\n".to_vec();
    let samples = [packet(), sign("joe", "secret", &packet()), encrypt("joe", "secret", &packet()), types];
    crate::fuzzing::mutate(&samples, 20_000, crate::fuzzing::collectd);
}
