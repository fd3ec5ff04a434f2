//! `bellwether upgrade check NEW_BINARY`

use std::path::Path;

use crate::cli::Common;
use crate::failure::Failure;

pub fn check(_common: &Common, _new_binary: &Path) -> Result<(), Failure> {
    Err(Failure::new("not yet"))
}
