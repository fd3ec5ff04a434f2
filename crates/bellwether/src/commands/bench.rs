//! `bellwether bench statsd | carbon | query`

use crate::cli::{BenchCommand, Common};
use crate::failure::Failure;

pub fn run(_common: &Common, _command: &BenchCommand) -> Result<(), Failure> {
    Err(Failure::new("not yet"))
}
