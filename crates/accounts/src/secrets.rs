//! Random secrets, and what is kept of them.

use sha2::{Digest, Sha256};

/// 256 random bits as text that survives URLs, shells and double clicks.
pub fn random_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What is kept of a random secret: a plain hash is enough, there is nothing to guess.
pub(crate) fn hashed(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}
