//! The certificate with which this node speaks to other PCs: its own, made at first use, or one that
//! is given. Programs know its own by the fingerprint that is part of their token.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tandem_protocol::cause::Cause;

use crate::api::{ApiError, Result, error_kind};

/// Name of the file with this node's own certificate and its key, inside the data folder.
const FILE: &str = "https.pem";

/// Bytes of a file that are read: more is no certificate.
const FILE_BYTES: u64 = 1 << 20;

/// Where a certificate that is given lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenCertificate {
    /// The certificate, and those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// A certificate with its key.
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    path: PathBuf,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Certificate {
    /// This node's own; made if there is none yet. One that is damaged is not replaced: programs that
    /// know the old one would take the new one for somebody else's.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.exists() {
            let made = make().and_then(|pem| tandem_store::write_private(&path, pem.as_bytes()));
            made.map_err(|error| unusable(&path, Cause::from(error)))?;
        }
        Self::read(&path, &path)
    }

    /// One that is given.
    pub fn given(given: &GivenCertificate) -> Result<Self> {
        Self::read(&given.certificate, &given.key)
    }

    fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let text = |path: &Path| {
            let mut bytes = Vec::new();
            let read = File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_end(&mut bytes));
            read.map(|_| bytes).map_err(|error| unusable(path, Cause::from(error)))
        };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&text(certificate)?)
            .collect::<std::result::Result<_, _>>()
            .unwrap_or_default();
        if chain.is_empty() {
            return Err(unusable(certificate, Cause::new("tls_no_certificate")));
        }
        let found = PrivateKeyDer::from_pem_slice(&text(key)?);
        let found = found.map_err(|_| unusable(key, Cause::new("tls_no_key")))?;
        Ok(Self { chain, key: found, path: certificate.to_owned() })
    }

    /// SHA-256 of the certificate, in hexadecimal: what other programs call its fingerprint.
    pub fn fingerprint(&self) -> String {
        let of = self.chain.first().map_or(&[][..], |first| first.as_ref());
        data_encoding::HEXLOWER.encode(&Sha256::digest(of))
    }

    /// What a listener speaks with.
    pub fn into_config(self) -> Result<Arc<ServerConfig>> {
        let Self { chain, key, path } = self;
        let rejected = |error: rustls::Error| {
            unusable(&path, Cause::new("tls_rejected").with("said", error.to_string()))
        };
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().map_err(rejected)?;
        let mut config = config.with_no_client_auth().with_single_cert(chain, key).map_err(rejected)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn unusable(path: &Path, fault: Cause) -> ApiError {
    error_kind::tls_unusable.with("path", path.display()).with("detail", fault)
}

/// A certificate that vouches for itself, and its key, in PEM. It names the addresses that this PC has
/// now, for programs that look at names; addresses change, and the fingerprint stays.
fn make() -> io::Result<String> {
    let named = ["localhost", "tandem"].map(str::to_owned);
    let mut params = CertificateParams::new(named.to_vec()).map_err(io::Error::other)?;
    params.distinguished_name.push(rcgen::DnType::CommonName, "tandem");
    let own = if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip());
    params.subject_alt_names.extend(own.map(SanType::IpAddress));
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_own_certificate_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let made = Certificate::of_folder(folder.path()).unwrap();
        let again = Certificate::of_folder(folder.path()).unwrap();
        assert_eq!(made.fingerprint(), again.fingerprint());
        assert_eq!(made.fingerprint().len(), 64);
        assert!(made.into_config().is_ok());
        let path = folder.path().join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        // Damaged, it is not replaced without a word.
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n").unwrap();
        assert_eq!(Certificate::of_folder(folder.path()).unwrap_err().code, "tls_unusable");
    }

    #[test]
    fn what_is_given_and_is_no_certificate_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, make().unwrap()).unwrap();
            path
        });
        let none = folder.path().join("none");
        std::fs::write(&none, [0xff; 100]).unwrap();
        let code = |certificate: &Path, key: &Path| {
            let given = GivenCertificate { certificate: certificate.to_owned(), key: key.to_owned() };
            let error = Certificate::given(&given).and_then(Certificate::into_config).err()?;
            assert_eq!(error.code, "tls_unusable");
            Some(error.params["detail"].to_string())
        };
        assert_eq!(code(&one, &one), None);
        assert_eq!(code(&none, &one).as_deref(), Some("tls_no_certificate"));
        assert_eq!(code(&one, &none).as_deref(), Some("tls_no_key"));
        assert!(code(&one, &other).unwrap().starts_with("tls_rejected"), "the key of another");
        assert!(code(&folder.path().join("nowhere"), &one).is_some());
    }
}
