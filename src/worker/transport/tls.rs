//! TLS as libpq's sslmode means it: `require` encrypts, `verify-ca` checks the chain, `verify-full`
//! the name too. As in libpq, `require` with a root certificate file checks the chain.

use crate::conninfo::{Host, SslMode, Target};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where the usual systems keep their certificates, for `sslrootcert=system`.
pub const SYSTEM_BUNDLES: [&str; 4] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"];

/// A connector for one attempt.
pub(super) fn connector(target: &Target, mode: SslMode, host: &Host) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let system = target.sslrootcert.as_deref() == Some(Path::new("system"));
    let chain = match mode {
        SslMode::VerifyCa | SslMode::VerifyFull => true,
        SslMode::Require => target.sslrootcert.is_some(),
        SslMode::Disable | SslMode::Allow | SslMode::Prefer => false,
    };
    let inner = match (&target.sslrootcert, chain) {
        (None, true) => {
            let wanted = if mode == SslMode::VerifyCa { "verify-ca" } else { "verify-full" };
            return Err(format!("sslmode={wanted} needs sslrootcert, or root.crt in ~/.postgresql"));
        }
        (Some(file), true) => {
            Some(WebPkiServerVerifier::builder_with_provider(roots(file)?, provider.clone()).build().map_err(|error| error.to_string())?)
        }
        (_, false) => None,
    };
    let verifier = Verifier { inner, name: mode == SslMode::VerifyFull || (chain && system), provider };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    // A socket never speaks TLS; reading key files for it would only make errors.
    let identity = if matches!(host, Host::Unix(_)) || mode == SslMode::Disable {
        None
    } else {
        target.sslcert.as_deref().zip(target.sslkey.as_deref())
    };
    let mut config = match identity {
        Some((cert, key)) => {
            builder.with_client_auth_cert(certificates(cert)?, private_key(key)?).map_err(|error| format!("sslcert and sslkey: {error}"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

/// Why a server's certificate was refused, in words, and what helps.
pub(super) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<(String, &'static str)> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let refused = causes.find_map(|cause| {
        // An I/O error holds what made it beside its source.
        let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match cause.downcast_ref().or_else(|| inner?.downcast_ref()) {
            Some(Error::InvalidCertificate(why)) => Some(why.clone()),
            _ => None,
        }
    })?;
    Some(match refused {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "the server's certificate is for another host".to_owned(),
            "With sslmode=verify-full the host of the connection string stands in the certificate (subjectAltName): correct the one or the other.",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("the server's certificate has expired".to_owned(), "Give the replica's server a new certificate.")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("the server's certificate is not valid yet".to_owned(), "Compare both servers' clocks with the certificate's dates.")
        }
        CertificateError::UnknownIssuer => (
            "the server's certificate was not signed by an authority that is trusted here".to_owned(),
            "sslrootcert (or root.crt in ~/.postgresql of the server's user) holds the authority's certificate.",
        ),
        other => {
            (format!("the server's certificate is refused: {other}"), "Look at the certificate of the replica's server and at sslrootcert.")
        }
    })
}

fn roots(file: &Path) -> Result<Arc<RootCertStore>, String> {
    let mut store = RootCertStore::empty();
    let file = if file == Path::new("system") {
        SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.exists()).ok_or("no bundle of certificates of the system is known here")?
    } else {
        file
    };
    let (added, _) = store.add_parsable_certificates(certificates(file)?);
    if added == 0 {
        return Err(format!("sslrootcert \"{}\" holds no usable certificate", file.display()));
    }
    Ok(Arc::new(store))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let file = File::open(path).map_err(|error| format!("certificate file \"{}\" cannot be read: {error}", path.display()))?;
    rustls_pemfile::certs(&mut BufReader::new(file))
        .collect::<Result<_, _>>()
        .map_err(|error| format!("certificate file \"{}\": {error}", path.display()))
}

fn private_key(path: &Path) -> Result<rustls::pki_types::PrivateKeyDer<'static>, String> {
    use std::os::unix::fs::PermissionsExt;
    let wrong = |what: String| format!("private key file \"{}\" {what}", path.display());
    let file = File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if file.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0 && meta.permissions().mode() & 0o777 != 0o640) {
        return Err(wrong("can be read by others; permissions should be u=rw (0600) or less".to_owned()));
    }
    rustls_pemfile::private_key(&mut BufReader::new(file))
        .map_err(|error| wrong(error.to_string()))?
        .ok_or_else(|| wrong("holds no key".to_owned()))
}

/// Checks what the mode asks for, and always that the peer holds the key of its certificate.
#[derive(Debug)]
struct Verifier {
    /// Checks chain and name; none: neither is asked for.
    inner: Option<Arc<WebPkiServerVerifier>>,
    /// The name counts.
    name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }))
                if !self.name =>
            {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
