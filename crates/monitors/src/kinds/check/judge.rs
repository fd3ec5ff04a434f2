//! What a process that ended says of a check, as Nagios 4 reads it.

use std::time::Duration;

use formats::nagios::plugin_output::{self, PluginResult, Text};
use vocabulary::Timestamp;

use super::plugin::{Ended, Ending};
use super::schedule::Subject;
use crate::Outcome;

const UNKNOWN: u8 = 3;

/// Whose result it is, for the texts that name it.
#[derive(Clone, Debug)]
pub struct About<'a> {
    pub subject: &'a Subject,
    pub host: &'a str,
    pub service: &'a str,
    /// When it started.
    pub at: Timestamp,
}

pub fn judge(ended: &Ended, about: &About<'_>) -> Outcome {
    use plugin_output::{Ended as How, Subject as Of};
    let of = match about.subject {
        Subject::Check(_) => Of::Service { host: about.host, service: about.service },
        Subject::Host(_) => Of::Host(about.host),
    };
    let result = |how| plugin_output::result(&ended.output, &ended.error_output, how, of);
    let mut result = match &ended.ending {
        Ending::Exit(code) => result(How::Exit(*code)),
        Ending::Signal(signal) => result(How::Signal(*signal)),
        Ending::TimedOut => result(How::TimedOut(ended.took.as_secs_f64())),
        // What a shell, and so Nagios, says of them.
        Ending::NotFound => result(How::Exit(127)),
        Ending::NotExecutable => result(How::Exit(126)),
        Ending::NotStarted(why) => ours(why),
    };
    // It never ran, so there is nothing of its own that this would hide.
    if !ended.cure.is_empty() {
        result.text.long_output.clone_from(&ended.cure);
    }
    outcome(result, about, ended.took)
}

/// Not the plugin's fault, so nobody should be told that the service is down.
fn ours(why: &str) -> PluginResult {
    let output = format!("(The check could not be started: {why})");
    PluginResult { status: UNKNOWN, text: Text { output, ..Text::default() } }
}

fn outcome(result: PluginResult, about: &About<'_>, took: Duration) -> Outcome {
    Outcome {
        // As the plugin said it, of a host too: the machine knows that 0 and 1 are UP.
        status: result.status,
        output: result.text.output,
        long_output: result.text.long_output,
        perfdata: result.text.perfdata,
        at: about.at,
        active: true,
        seconds: took.as_secs_f64(),
        ..Outcome::default()
    }
}
