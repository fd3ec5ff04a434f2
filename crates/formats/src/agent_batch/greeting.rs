//! What stands in front of the batches of one request: who sends, and how it is.

use super::bytes::{take, take_array, take_u64};

const MAGIC: [u8; 4] = *b"BWAG";
const VERSION: u8 = 1;
/// How many numbers stand behind the name; a later version may have more.
const NUMBERS: usize = 8;
pub const NAME_BYTES_MAX: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Greeting {
    /// What the machine is called.
    pub name: String,
    /// Whose sequence numbers these are: drawn once for each spool.
    pub instance: u64,
    /// No batch below this number will be sent again.
    pub settled: u64,
    /// The agent's clock, in milliseconds since 1970.
    pub now_ms: u64,
    /// How often a batch is closed.
    pub interval_ms: u64,
    /// What waits in the spool, this request's batches among it.
    pub waiting_batches: u64,
    pub waiting_points: u64,
    pub waiting_bytes: u64,
    /// Points given up since the agent started, because the spool was full or damaged.
    pub dropped_points: u64,
}

/// Why a request does not begin as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GreetingError {
    NotOne,
    /// The version of who sends it.
    Version(u8),
    Name,
}

impl std::fmt::Display for GreetingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            GreetingError::NotOne => f.write_str("the body does not begin as a Bellwether agent's does"),
            GreetingError::Version(version) => {
                write!(f, "the agent speaks version {version}, this server version {VERSION}")
            }
            GreetingError::Name => write!(
                f,
                "the agent's name is not 1 to {NAME_BYTES_MAX} bytes of text without control characters"
            ),
        }
    }
}

impl std::error::Error for GreetingError {}

/// A name that can stand in lists and logs.
pub fn is_fine_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

impl Greeting {
    pub fn write(&self, out: &mut Vec<u8>) {
        let Greeting {
            name,
            instance,
            settled,
            now_ms,
            interval_ms,
            waiting_batches,
            waiting_points,
            waiting_bytes,
            dropped_points,
        } = self;
        let numbers: [&u64; NUMBERS] = [
            instance,
            settled,
            now_ms,
            interval_ms,
            waiting_batches,
            waiting_points,
            waiting_bytes,
            dropped_points,
        ];
        let name = &name.as_bytes()[..name.len().min(255)];
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, NUMBERS as u8, name.len() as u8, 0]);
        out.extend_from_slice(name);
        for number in numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// Takes the greeting from the front of `bytes`.
    pub fn read(bytes: &mut &[u8]) -> Result<Greeting, GreetingError> {
        let [version, count, name_bytes] = head(bytes).ok_or(GreetingError::NotOne)?;
        if version != VERSION {
            return Err(GreetingError::Version(version));
        }
        let name = take(bytes, usize::from(name_bytes)).ok_or(GreetingError::NotOne)?;
        let name = std::str::from_utf8(name).ok().filter(|name| is_fine_name(name));
        let name = name.ok_or(GreetingError::Name)?.to_owned();
        let mut numbers = [0; NUMBERS];
        for index in 0..usize::from(count) {
            let number = take_u64(bytes).ok_or(GreetingError::NotOne)?;
            if let Some(place) = numbers.get_mut(index) {
                *place = number;
            }
        }
        let [
            instance,
            settled,
            now_ms,
            interval_ms,
            waiting_batches,
            waiting_points,
            waiting_bytes,
            dropped_points,
        ] = numbers;
        Ok(Greeting {
            name,
            instance,
            settled,
            now_ms,
            interval_ms,
            waiting_batches,
            waiting_points,
            waiting_bytes,
            dropped_points,
        })
    }
}

/// Version, how many numbers, length of the name.
fn head(bytes: &mut &[u8]) -> Option<[u8; 3]> {
    let magic: [u8; 4] = take_array(bytes)?;
    let [version, count, name_bytes, _] = take_array(bytes)?;
    (magic == MAGIC).then_some([version, count, name_bytes])
}
