//! TLS to databases: the server is always checked, by certificates that the connection names.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
#[cfg(feature = "mysql")]
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Returns a configuration that takes servers whose certificate leads to one of `ca`, as PEM, and
/// shows them the certificate and key of `identity`, if there is one.
///
/// # Errors
/// `InvalidArgument` for a text that is no PEM, or a key that does not fit.
pub(super) fn client(ca: &str, identity: Option<(&str, &str)>) -> Result<ClientConfig> {
    let refused = |what: &'static str| move || Error::invalid(what);
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca)? {
        let bad = refused("a certificate of tls_ca cannot be used");
        roots.add(certificate).map_err(|_| bad())?;
    }
    // By name: a host that links two providers has no default, and asking for it panics.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let bad = refused("TLS cannot be set up");
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| bad())?
        .with_root_certificates(roots);
    let Some((chain, key)) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let key = parsed(key)?;
    let bad = refused("tls_certificate and private_key do not fit");
    let chain = certificates(chain)?;
    builder.with_client_auth_cert(chain, key).map_err(|_| bad())
}

fn parsed(key: &str) -> Result<PrivateKeyDer<'static>> {
    let bad = |_| Error::invalid("private_key is no PEM of a key");
    PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(bad)
}

/// Returns the bytes of a key, of its PEM.
///
/// # Errors
/// `InvalidArgument` for a text that is none.
#[cfg(feature = "mysql")]
pub(super) fn key(pem: &str) -> Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(parsed(pem)?.secret_der().to_vec()))
}

/// Returns the certificates of a text, and none of its keys.
#[cfg(feature = "mysql")]
pub(super) fn without_keys(pem: &str) -> String {
    let mut kept = String::new();
    let mut inside = false;
    for line in pem.lines() {
        inside |= line.starts_with("-----BEGIN CERTIFICATE");
        if inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.starts_with("-----END");
    }
    kept
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>> {
    let bad = || Error::invalid("a certificate is no PEM");
    let found = CertificateDer::pem_slice_iter(pem.as_bytes());
    let found = found
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|_| bad())?;
    match found.is_empty() {
        true => Err(bad()),
        false => Ok(found),
    }
}
