//! TLS as a client: whom we trust, what the other side showed, and what to do when that fails.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct};
use serde::Serialize;

use crate::certificate::Certificate;
use crate::egress::Egress;
use crate::failure::{Failure, Kind};
use crate::limits::{AUTHORITIES_BYTES_MAX, CHAIN_MAX};

/// How an encrypted connection is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Trust only whom this file of PEM certificates names; default: whom the machine trusts.
    pub authorities: Option<PathBuf>,
    /// Go on with a certificate that is not trusted; what is wrong with it is in [`Shown::problem`].
    pub accept_any: bool,
    /// The name that is asked for and has to stand in the certificate; default: the host's.
    pub name: Option<String>,
    pub protocols: &'static [&'static [u8]],
}

/// What the other side showed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shown {
    /// `TLSv1.3`
    pub protocol: String,
    pub cipher: String,
    /// The server's own certificate first.
    pub chain: Vec<Certificate>,
    /// Why it is not trusted.
    pub problem: Option<String>,
}

impl Shown {
    pub(crate) fn of(connection: &ClientConnection, judge: &Judge) -> Shown {
        let protocol = connection.protocol_version().map(|version| format!("{version:?}").replace('_', "."));
        let cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
        let seen = judge.seen();
        Shown {
            protocol: protocol.unwrap_or_default(),
            cipher: cipher.unwrap_or_default(),
            chain: seen.chain,
            problem: seen.problem,
        }
    }

    /// The certificate of the chain that ends first: with it the whole chain does.
    pub fn first_to_end(&self) -> Option<&Certificate> {
        self.chain.iter().min_by_key(|certificate| certificate.valid_until)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Judges by the machine's authorities or, given a file of PEM certificates, only by those in it. `SSL_CERT_FILE` names
/// such a file too, as it does for OpenSSL's programs.
pub fn verifier(authorities: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    let variable = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let named = match authorities.map(Path::to_owned).or(variable) {
        Some(path) => certificates(&path)?,
        None => Vec::new(),
    };
    let mut roots = rustls::RootCertStore::empty();
    if named.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        roots.add_parsable_certificates(named.iter().cloned());
    }
    if roots.is_empty() {
        return Ok(Arc::new(Named { chains: None, named, provider: provider() }));
    }
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let chains = chains.map_err(|error| Failure::new(Kind::Wrong, format!("prepare TLS: {error}")))?;
    Ok(Arc::new(Named { chains: Some(chains), named, provider: provider() }))
}

/// All certificates of a PEM file; at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let wrong = |what: String| Failure::new(Kind::Wrong, format!("{}: {what}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    if !size.is_file() || size.len() > AUTHORITIES_BYTES_MAX {
        return Err(wrong(format!("is no file of at most {AUTHORITIES_BYTES_MAX} bytes")));
    }
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("holds no certificate in PEM form".into()));
    }
    Ok(found)
}

/// A server that shows just a certificate of the file is the one that is meant: what `openssl req -x509` makes is an
/// authority as well, which no chain may end with. Every other one has to have been signed by an authority.
#[derive(Debug)]
struct Named {
    /// None: the machine trusts nobody at all.
    chains: Option<Arc<WebPkiServerVerifier>>,
    named: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
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
        let Some(chains) = &self.chains else { return Err(CertificateError::UnknownIssuer.into()) };
        chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Asks a verifier, and keeps what was shown and what was wrong with it.
#[derive(Debug)]
pub(crate) struct Judge {
    verifier: Arc<dyn ServerCertVerifier>,
    accept_any: bool,
    seen: Mutex<Seen>,
}

#[derive(Clone, Debug, Default)]
struct Seen {
    chain: Vec<Certificate>,
    problem: Option<String>,
}

impl Judge {
    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a failed handshake is told as.
    pub(crate) fn failure(&self, error: &std::io::Error) -> Failure {
        let kind = match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(_) => Kind::Tls,
            None => Failure::of_io("", error).kind,
        };
        let mut failure = Failure::new(kind, format!("speak TLS: {}", explain(error)));
        failure.certificate = self.seen().chain.into_iter().next().map(Box::new);
        failure
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let judged =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let chain = std::iter::once(end_entity).chain(intermediates).take(CHAIN_MAX);
        let seen = Seen {
            chain: chain.filter_map(|der| Certificate::parse(der)).collect(),
            problem: judged.as_ref().err().map(why),
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        if self.accept_any { Ok(ServerCertVerified::assertion()) } else { judged }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // A certificate of the first X.509 version is one that rustls does not read at all.
        if self.accept_any {
            return Ok(HandshakeSignatureValid::assertion());
        }
        self.verifier.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.accept_any {
            return Ok(HandshakeSignatureValid::assertion());
        }
        self.verifier.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Every call shakes hands anew: what is remembered of the last one would hide a certificate that was changed.
pub(crate) fn client(egress: &Egress, options: &Options) -> Result<(Arc<ClientConfig>, Arc<Judge>), Failure> {
    let verifier = egress.verifier(&options.authorities)?;
    let judge = Arc::new(Judge { verifier, accept_any: options.accept_any, seen: Mutex::default() });
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(Kind::Wrong, format!("prepare TLS: {error}")))?;
    let mut config =
        builder.dangerous().with_custom_certificate_verifier(judge.clone()).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = options.protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok((Arc::new(config), judge))
}

const UNTRUSTED: &str = "nobody whom this machine trusts has signed the server's certificate: name its authority (or, \
    if it is self-signed, the certificate itself) with ca_file (of an agent: agent.ca_file), or, where the setting has no such key, start the server or the command with \
    SSL_CERT_FILE=FILE";

/// Why a handshake failed, with what helps.
pub fn explain(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => why(inner),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the connection was closed in the middle of the handshake".into()
        }
        None => error.to_string(),
    }
}

fn why(error: &rustls::Error) -> String {
    let cure = match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => UNTRUSTED,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it, or look at this machine's clock"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: look at the clocks of both machines"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the server's certificate is for another host name: write the URL with the name that it is for"
            }
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => UNTRUSTED,
            _ => return error.to_string(),
        },
        rustls::Error::InvalidMessage(_) => "is that port one that speaks TLS? It answered something else",
        rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion) => {
            "the server speaks only versions before TLS 1.2, which are not safe: update it"
        }
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired) => {
            "the server wants a certificate of its clients"
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
        let told = |path: &Path| verifier(Some(path)).map(|_| ()).unwrap_err().message;
        assert!(told(&path).contains("ca.pem"));
        std::fs::write(&path, "no certificate").unwrap();
        assert!(told(&path).contains("holds no certificate"), "{}", told(&path));
        assert!(told(directory.path()).contains("is no file"), "{}", told(directory.path()));
    }

    #[test]
    fn errors_say_what_helps() {
        let told = |problem| {
            let error = rustls::Error::InvalidCertificate(problem);
            explain(&std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        };
        assert!(told(CertificateError::UnknownIssuer).contains("ca_file"));
        assert!(told(CertificateError::Expired).contains("renew"));
        assert!(told(CertificateError::NotValidForName).contains("name"));
        assert_eq!(explain(&std::io::Error::other("x")), "x");
    }
}
