//! TLS as a client: whom we trust, and what to do when that fails.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::CertificateError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use crate::failure::Failure;

/// Trusts what the machine trusts or, given a file of PEM certificates, only those in it. `SSL_CERT_FILE` names such a
/// file too, as it does for OpenSSL's programs.
pub fn client(authorities: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, Failure> {
    let variable = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let authorities = authorities.map(Path::to_owned).or(variable);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(Failure::doing("prepare TLS"))?;
    let mut roots = rustls::RootCertStore::empty();
    let Some(path) = &authorities else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()));
    };
    let named = certificates(path)?;
    roots.add_parsable_certificates(named.iter().cloned());
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let verifier = Arc::new(Named { chains, named });
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// All certificates of a PEM file; at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    if found.is_empty() {
        return Err(Failure::new(format!("{}: holds no certificate in PEM form", path.display())));
    }
    Ok(found)
}

/// A server that shows just a certificate of the file is the one that is meant: what `openssl req -x509` makes is an
/// authority as well, which no chain may end with. Every other one has to have been signed by one of the file.
#[derive(Debug)]
struct Named {
    chains: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.named.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        self.chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chains.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.chains.supported_verify_schemes()
    }
}

const SELF_SIGNED: &str = "nobody whom this machine trusts has signed the server's certificate: name its authority (or, \
    if it is self-signed, the certificate itself) with agent.ca_file, or for commands in SSL_CERT_FILE";

/// Why a handshake failed, with what helps.
pub fn explain(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let cure = match inner {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => SELF_SIGNED,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it, or look at this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: look at the clocks of both machines"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the server's certificate is for another host name: write the URL with the name that it is for"
            }
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => SELF_SIGNED,
            _ => return error.to_string(),
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            "is that port one that speaks TLS? It answered something else"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {cure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_without_certificates_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let told = |path: &Path| client(Some(path)).map(|_| ()).unwrap_err().message;
        assert!(told(&path).contains("ca.pem"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(told(&path).contains("holds no certificate"), "{}", told(&path));
    }

    #[test]
    fn errors_say_what_helps() {
        let told = |problem| {
            let error = rustls::Error::InvalidCertificate(problem);
            explain(&std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        };
        assert!(told(CertificateError::UnknownIssuer).contains("agent.ca_file"));
        assert!(told(CertificateError::Expired).contains("renew"));
        assert!(told(CertificateError::NotValidForName).contains("name"));
        assert_eq!(explain(&std::io::Error::other("x")), "x");
    }
}
