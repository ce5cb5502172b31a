//! MACs and signatures.

use pyo3::prelude::*;
use vaultcore::transit::{Marshaling, Padding, SaltLength, SignOptions};
use vaultcore::{Error, ErrorKind, Result};

use super::{Batch, Transit, With, hash_of, texts};
use crate::error::call;
use crate::secret::Data;

/// The names of how to sign.
struct Names<'n> {
    hash: &'n str,
    prehashed: bool,
    marshaling: &'n str,
    padding: &'n str,
    salt_length: &'n str,
}

impl Names<'_> {
    fn options(&self) -> Result<SignOptions> {
        let marshaling = match self.marshaling {
            "asn1" => Marshaling::Asn1,
            "jws" => Marshaling::Jws,
            _ => return Err(unknown("marshaling is asn1 or jws")),
        };
        let padding = match self.padding {
            "pss" => Padding::Pss,
            "pkcs1v15" => Padding::Pkcs1v15,
            _ => return Err(unknown("padding is pss or pkcs1v15")),
        };
        let salt_length = match self.salt_length {
            "auto" => SaltLength::Auto,
            "hash" => SaltLength::Hash,
            _ => return Err(unknown("the salt's length is auto or hash")),
        };
        Ok(SignOptions::new()
            .hash(hash_of(self.hash)?)
            .prehashed(self.prehashed)
            .marshaling(marshaling)
            .padding(padding)
            .salt_length(salt_length))
    }
}

fn unknown(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[pymethods]
impl Transit {
    /// Return a MAC of the data as text.
    #[pyo3(signature = (key, data, *, hash="sha2-256", version=0))]
    fn hmac(
        &self,
        py: Python<'_>,
        key: &str,
        data: Data,
        hash: &str,
        version: u32,
    ) -> PyResult<String> {
        let with = With {
            version,
            ..With::default()
        };
        call(py, || {
            self.transit
                .hmac(key, hash_of(hash)?, with.input(data.expose()))
        })
    }

    /// Tell whether `hmac` is the MAC of the data.
    #[pyo3(signature = (key, data, hmac, *, hash="sha2-256"))]
    fn verify_hmac(
        &self,
        py: Python<'_>,
        key: &str,
        data: Data,
        hmac: &str,
        hash: &str,
    ) -> PyResult<bool> {
        call(py, || {
            self.transit
                .verify_hmac(key, hash_of(hash)?, data.expose(), hmac)
        })
    }

    /// Sign the data, and return the signature as text.
    ///
    /// `prehashed` data is the hash of a message. `marshaling` is "asn1" or "jws"; for RSA,
    /// `padding` is "pss" or "pkcs1v15", and `salt_length` "auto" or "hash".
    #[pyo3(signature = (
        key, data, *, hash="sha2-256", prehashed=false, marshaling="asn1", padding="pss",
        salt_length="auto", context=None, version=0
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn sign(
        &self,
        py: Python<'_>,
        key: &str,
        data: Data,
        hash: &str,
        prehashed: bool,
        marshaling: &str,
        padding: &str,
        salt_length: &str,
        context: Option<Data>,
        version: u32,
    ) -> PyResult<String> {
        let names = Names {
            hash,
            prehashed,
            marshaling,
            padding,
            salt_length,
        };
        let with = With {
            context,
            version,
            ..With::default()
        };
        call(py, || {
            let options = names.options()?;
            self.transit.sign(key, options, with.input(data.expose()))
        })
    }

    /// Sign many items at once, with the options of `sign`; each result is a signature, or an
    /// exception. `contexts` are one for each.
    #[pyo3(signature = (
        key, items, *, hash="sha2-256", prehashed=false, marshaling="asn1", padding="pss",
        salt_length="auto", contexts=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn sign_batch(
        &self,
        py: Python<'_>,
        key: &str,
        items: Vec<Data>,
        hash: &str,
        prehashed: bool,
        marshaling: &str,
        padding: &str,
        salt_length: &str,
        contexts: Option<Vec<Data>>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let names = Names {
            hash,
            prehashed,
            marshaling,
            padding,
            salt_length,
        };
        let batch = Batch::new(items, contexts, None)?;
        let made = call(py, || {
            let options = names.options()?;
            self.transit.sign_batch(key, options, &batch.inputs())
        })?;
        texts(py, made)
    }

    /// Tell whether `signature` is one of the data, with the options of `sign`.
    #[pyo3(signature = (
        key, data, signature, *, hash="sha2-256", prehashed=false, marshaling="asn1",
        padding="pss", salt_length="auto", context=None
    ))]
    #[allow(clippy::too_many_arguments, reason = "all are named by the caller")]
    fn verify(
        &self,
        py: Python<'_>,
        key: &str,
        data: Data,
        signature: &str,
        hash: &str,
        prehashed: bool,
        marshaling: &str,
        padding: &str,
        salt_length: &str,
        context: Option<Data>,
    ) -> PyResult<bool> {
        let names = Names {
            hash,
            prehashed,
            marshaling,
            padding,
            salt_length,
        };
        let with = With {
            context,
            ..With::default()
        };
        call(py, || {
            let options = names.options()?;
            let input = with.input(data.expose());
            self.transit.verify(key, options, input, signature)
        })
    }
}
