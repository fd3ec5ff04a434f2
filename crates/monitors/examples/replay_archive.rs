//! Nagios's archives replayed: `replay_archive DEFINITIONS.toml EVENTS.json UNTIL` prints who would have been told, a line of
//! JSON each. For scenarios/monitors.
use std::io::BufRead;

use monitors::Definitions;
use monitors::past::PastEvent;
use vocabulary::Timestamp;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [definitions, events, until] = arguments.as_slice() else { panic!("DEFINITIONS EVENTS UNTIL") };
    let definitions: Definitions =
        serde_json::from_reader(std::fs::File::open(definitions).expect("definitions are there"))
            .expect("they are definitions");
    let lines = std::io::BufReader::new(std::fs::File::open(events).expect("events are there")).lines();
    let events =
        lines.map(|line| serde_json::from_str::<PastEvent>(&line.expect("it is read")).expect("an event"));
    let until = Timestamp(until.parse().expect("seconds"));
    let told = monitors::replay::past::replay(&definitions, jiff::tz::TimeZone::system(), events, until);
    let told = told.unwrap_or_else(|problems| panic!("{problems:?}"));
    eprintln!("{} results, {} passed over", told.results, told.passed_over);
    for notice in told.notices {
        let kind = serde_json::to_string(&notice.kind).expect("a word");
        println!(
            "[{}, \"{}\", {kind}, \"{}\", \"{}\"]",
            notice.at.0, notice.id.monitor, notice.state, notice.contact
        );
    }
}
