//! Who a server is on TLS, and whom a client believes: certificates and keys in PEM files.
//!
//! TLS protects the way to the server; who a user is, only the signed challenge shows. Not here: sockets.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate, a key or an authority is of no use.
#[derive(Debug, thiserror::Error)]
#[error("TLS: {0}")]
pub struct TlsError(String);

/// A server's certificate chain and key.
#[derive(Clone)]
pub struct Identity(Arc<ServerConfig>);

/// The authorities that a client believes.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl TlsError {
    /// With the words of what failed.
    pub(super) fn of(error: &dyn std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl Identity {
    /// Reads a certificate chain and its key.
    ///
    /// # Errors
    /// When a file cannot be read, or they are of no use together.
    pub fn read(certificates: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_chain(certificates)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unfit)?;
        Ok(Self(Arc::new(config)))
    }

    /// What greets those who connect.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0).into()
    }
}

impl Trust {
    /// Believes the authorities of a file, and nobody else.
    ///
    /// # Errors
    /// When it cannot be read, or holds no authority.
    pub fn read(authorities: &Path) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for authority in read_chain(authorities)? {
            roots.add(authority).map_err(unfit)?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    /// What greets a server.
    #[must_use]
    pub fn connector(&self) -> TlsConnector {
        Arc::clone(&self.0).into()
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| unreadable(path, &error))?.collect();
    let chain = chain.map_err(|error| unreadable(path, &error))?;
    if chain.is_empty() {
        return Err(TlsError(format!("`{}` holds no certificate", path.display())));
    }
    Ok(chain)
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> TlsError {
    TlsError(format!("cannot read `{}`: {error}", path.display()))
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn unfit(error: impl std::fmt::Display) -> TlsError {
    TlsError::of(&error)
}
