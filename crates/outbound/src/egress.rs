//! The rules, and what all calls share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use rustls::client::danger::ServerCertVerifier;
use tokio::sync::Semaphore;

use crate::config::EgressConfig;
use crate::failure::Failure;
use crate::limits::{LOOKUPS_AT_ONCE, TRUST_AGE};
use crate::rules::Rules;
use crate::tls;

/// One for the whole process.
pub struct Egress {
    rules: RwLock<Rules>,
    pub(crate) lookups: Semaphore,
    /// Reading the machine's authorities takes milliseconds and is the same for every call.
    machine: Mutex<Option<(Instant, Arc<dyn ServerCertVerifier>)>>,
}

impl Default for Egress {
    fn default() -> Self {
        Egress::new(&EgressConfig::default())
    }
}

impl Egress {
    pub fn new(config: &EgressConfig) -> Egress {
        Egress {
            rules: RwLock::new(Rules::new(config)),
            lookups: Semaphore::new(LOOKUPS_AT_ONCE),
            machine: Mutex::new(None),
        }
    }

    /// Other rules from now on; calls that are on their way end as they began.
    pub fn set(&self, config: &EgressConfig) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Rules::new(config);
    }

    pub(crate) fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        // Nothing is done under the lock that could panic half-way.
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who judges certificates: authorities of a file, or of the machine.
    pub(crate) fn verifier(
        &self,
        authorities: &Option<PathBuf>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
        if authorities.is_some() {
            return tls::verifier(authorities.as_deref());
        }
        // Nothing is done under the lock that could panic half-way.
        let mut machine = self.machine.lock().unwrap_or_else(PoisonError::into_inner);
        match &*machine {
            Some((read, verifier)) if read.elapsed() < TRUST_AGE => Ok(verifier.clone()),
            _ => {
                let verifier = tls::verifier(None)?;
                *machine = Some((Instant::now(), verifier.clone()));
                Ok(verifier)
            }
        }
    }
}
