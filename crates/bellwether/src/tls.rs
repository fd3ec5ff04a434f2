//! TLS as a client, as all calls to the outside have it, for connections that are kept.

use std::path::Path;
use std::sync::Arc;

pub use outbound::tls::explain;
use rustls::pki_types::CertificateDer;

use crate::failure::Failure;

/// Trusts what the machine trusts or, given a file of PEM certificates, only those in it. `SSL_CERT_FILE` names such a
/// file too, as it does for OpenSSL's programs.
pub fn client(authorities: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, Failure> {
    let verifier = outbound::tls::verifier(authorities).map_err(|failure| Failure::new(failure.message))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Failure::doing("prepare TLS"))?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// All certificates of a PEM file; at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    outbound::tls::certificates(path).map_err(|failure| Failure::new(failure.message))
}
