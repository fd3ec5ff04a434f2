//! NSCA's listener. Debian's own send_nsca is sent against it in `scenarios/monitors`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use formats::nsca::crypt::{Decryptor, Method};
use formats::nsca::{self, GREETING_BYTES, IV_BYTES, OLD_PACKET_BYTES, PACKET_BYTES, Packet};
use ingest::{Ingest, Ports, SentResult, Taken};
use parking_lot::Mutex;
use vocabulary::settings::Secret;

use crate::support::*;

const ROOM: usize = 5;

struct Watched {
    running: Running,
    results: Arc<Mutex<Vec<SentResult>>>,
}

/// Takes five results and no more.
fn watched(method: u8) -> Watched {
    let mut settings = quiet();
    settings.nsca.listen = any_port();
    (settings.nsca.method, settings.nsca.password) = (method, Secret::new("pass word"));
    let (memory, clock) = (Arc::new(Memory::default()), Standing::at(NOW as u64 * 1000));
    let results: Arc<Mutex<Vec<SentResult>>> = Arc::default();
    let taken = Arc::clone(&results);
    let take = move |result: SentResult| {
        let mut taken = taken.lock();
        if result.service == "nobody" {
            return Taken::Unknown;
        }
        if taken.len() == ROOM {
            return Taken::Full;
        }
        taken.push(result);
        Taken::Yes
    };
    let ports = Ports { results: Arc::new(take), ..ports(&memory, &clock, &settings, None) };
    let ingest = Ingest::start(settings, ports).unwrap();
    Watched { running: Running { ingest, memory, clock, flushed: Arc::default() }, results }
}

impl Watched {
    fn connect(&self) -> (TcpStream, [u8; IV_BYTES]) {
        let mut stream = self.running.connect("nsca");
        let mut greeting = [0; GREETING_BYTES];
        stream.read_exact(&mut greeting).unwrap();
        assert_eq!(greeting[IV_BYTES..], (NOW as u32).to_be_bytes());
        (stream, greeting[..IV_BYTES].try_into().unwrap())
    }

    fn wait_for_bad(&self, expected: &[(&'static str, u64)]) {
        wait_until(&format!("{expected:?}"), || bad(&self.running.stats("nsca")) == expected);
    }

    fn wait_for_results(&self, count: usize) -> Vec<SentResult> {
        wait_until("the results", || self.results.lock().len() == count);
        self.results.lock().clone()
    }
}

fn result(service: &str, age: u32) -> Packet<'_> {
    Packet {
        time: NOW as u32 - age,
        status: 2,
        host: b"web1",
        service: service.as_bytes(),
        output: b"full\\nvery",
    }
}

/// By XOR, which is its own inverse.
fn encrypted(iv: &[u8; IV_BYTES], packets: &[Vec<u8>]) -> Vec<u8> {
    let mut decryptor = Decryptor::new(Method::Xor, "pass word", iv);
    let mut sent = Vec::new();
    for packet in packets {
        let mut packet = packet.clone();
        decryptor.decrypt(&mut packet);
        decryptor.packet_ended();
        sent.extend(packet);
    }
    sent
}

fn closed(mut stream: TcpStream) -> bool {
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[test]
fn several_packets_of_either_length_come_in_pieces_of_any_size() {
    for length in [PACKET_BYTES, OLD_PACKET_BYTES] {
        let watched = watched(1);
        let (mut stream, iv) = watched.connect();
        let packets = ["disk", "", "load"].map(|service| nsca::write(&result(service, 0), length));
        let sent = encrypted(&iv, &packets);
        for piece in sent.chunks(length / 3 + 7) {
            stream.write_all(piece).unwrap();
            stream.flush().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        drop(stream);
        let results = watched.wait_for_results(3);
        let services: Vec<_> = results.iter().map(|result| result.service.as_str()).collect();
        assert_eq!(services, ["disk", "", "load"], "{length}");
        assert_eq!((results[0].host.as_str(), results[0].status, results[0].at.0), ("web1", 2, NOW));
        assert_eq!(results[0].output, b"full\\nvery");
        // Results are handed on before what brought them is counted.
        wait_until("the counts", || watched.running.stats("nsca").totals.lines == 3);
        watched.wait_for_bad(&[]);
        let totals = watched.running.stats("nsca").totals;
        assert_eq!(
            (totals.lines, totals.samples, totals.packets, totals.bytes),
            (3, 3, 3, 3 * length as u64)
        );
    }
}

#[test]
fn who_cannot_be_understood_is_hung_up_on_and_counted() {
    let watched = watched(16);
    let (mut stream, _) = watched.connect();
    let garbage: Vec<u8> = (0..PACKET_BYTES * 3).map(|n| (n * 31) as u8).collect();
    // It may be closed before all of it is sent.
    let _ = stream.write_all(&garbage);
    assert!(closed(stream));
    watched.wait_for_bad(&[("security", 1)]);
    let (mut stream, _) = watched.connect();
    stream.write_all(&garbage[..100]).unwrap();
    drop(stream);
    watched.wait_for_bad(&[("unterminated", 1), ("security", 1)]);
    let told = &watched.running.stats("nsca").bad_lines;
    assert!(told[0].reason.contains("password"), "{told:?}");
    assert_eq!(watched.results.lock().len(), 0);
    wait_until("all places free", || watched.running.stats("nsca").open_connections == 0);
}

#[test]
fn old_ones_and_those_of_the_future_are_dropped_and_the_rest_goes_on() {
    let watched = watched(0);
    let (mut stream, _) = watched.connect();
    let future = Packet { time: NOW as u32 + 5, ..result("future", 0) };
    for packet in [result("old", 31), future, result("fine", 30)] {
        stream.write_all(&nsca::write(&packet, PACKET_BYTES)).unwrap();
    }
    assert_eq!(watched.wait_for_results(1)[0].service, "fine");
    watched.wait_for_bad(&[("age", 2)]);
    // A packet that is begun and never ended keeps its place as long as it could still count.
    stream.write_all(&[0, 3]).unwrap();
    watched.running.clock.set((NOW as u64 + 31) * 1000);
    stream.write_all(&[0]).unwrap();
    assert!(closed(stream));
    watched.wait_for_bad(&[("age", 3)]);
}

#[test]
fn what_nobody_takes_is_counted() {
    let watched = watched(0);
    let (mut stream, _) = watched.connect();
    for _ in 0..ROOM + 2 {
        stream.write_all(&nsca::write(&result("disk", 0), PACKET_BYTES)).unwrap();
    }
    stream.write_all(&nsca::write(&result("nobody", 0), PACKET_BYTES)).unwrap();
    watched.wait_for_bad(&[("queue_full", 2), ("no_such_check", 1)]);
    assert_eq!(watched.results.lock().len(), ROOM);
}
