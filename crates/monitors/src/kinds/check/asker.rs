//! The checks that are asked without a process: NRPE, and the built-in probes.

use std::sync::Arc;
use std::time::Duration;

use outbound::Egress;
use vocabulary::Timestamp;
use vocabulary::time::HumanDuration;

use super::checks::Prober;
use super::executor::Asking;
use super::nrpe;
use crate::config::{CheckConfig, CheckType};
use crate::kinds::probe;

#[derive(Clone)]
pub struct Asker {
    egress: Arc<Egress>,
    nrpe: Arc<nrpe::Known>,
}

impl Asker {
    pub fn new(egress: Arc<Egress>) -> Asker {
        Asker { egress, nrpe: Arc::default() }
    }
}

impl Prober for Asker {
    fn ask(&self, check: &CheckConfig, address: &str, timeout: Duration, at: Timestamp) -> Asking {
        let (all, address) = (self.clone(), address.to_owned());
        let check = CheckConfig { timeout: Some(HumanDuration(timeout)), ..check.clone() };
        Box::pin(async move {
            match check.kind {
                CheckType::Nrpe => nrpe::ask(&check, &address, &all.egress, &all.nrpe, timeout).await,
                _ => {
                    let address = (!address.is_empty()).then_some(address.as_str());
                    probe::run(&check, address, &all.egress, at).await
                }
            }
        })
    }
}
