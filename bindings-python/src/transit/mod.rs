//! Named keys that encrypt, sign and rotate.

use pyo3::prelude::*;
use vaultcore::SecretBytes;
use vaultcore::transit::{HashType, Input, KeyType, NewKey, SignOptions, ToRewrap};

use crate::error::{Progress, call, quick, to_py_err};
use crate::secret::Data;

/// After how many ciphertexts a rewrap tells how far it is.
const STRIDE: u64 = 100;

/// The named keys of a mount.
#[pyclass(frozen, module = "vaultcore")]
pub(crate) struct Transit {
    transit: vaultcore::transit::Transit,
}

impl Transit {
    pub(crate) fn new(transit: vaultcore::transit::Transit) -> Self {
        Self { transit }
    }
}

/// What goes with an item, in memory that is wiped.
struct With {
    context: Option<Data>,
    associated: Option<Data>,
}

impl With {
    fn input<'d>(&'d self, data: &'d [u8]) -> Input<'d> {
        let mut input = Input::new(data);
        if let Some(context) = &self.context {
            input = input.context(context.0.expose());
        }
        if let Some(associated) = &self.associated {
            input = input.associated_data(associated.0.expose());
        }
        input
    }
}

fn hash_of(name: &str) -> vaultcore::Result<HashType> {
    name.parse()
}

#[pymethods]
impl Transit {
    /// Make a key, of type "aes256-gcm96" unless told; one that is there stays as it is.
    #[pyo3(signature = (
        key, kind="aes256-gcm96", *, derived=false, convergent=false, exportable=false
    ))]
    fn create(
        &self,
        py: Python<'_>,
        key: &str,
        kind: &str,
        derived: bool,
        convergent: bool,
        exportable: bool,
    ) -> PyResult<()> {
        call(py, || {
            let kind: KeyType = kind.parse()?;
            let new = NewKey::new(kind).derived(derived).convergent(convergent);
            self.transit
                .create(key, &new.exportable(exportable))
                .map(drop)
        })
    }

    /// Import a key that was made elsewhere: 32 bytes, or PKCS#8 of a pair.
    #[pyo3(signature = (key, material, kind="aes256-gcm96", *, allow_rotation=true))]
    fn import_key(
        &self,
        py: Python<'_>,
        key: &str,
        material: Data,
        kind: &str,
        allow_rotation: bool,
    ) -> PyResult<()> {
        call(py, || {
            let new = NewKey::new(kind.parse()?).allow_rotation(allow_rotation);
            self.transit.import(key, &new, material.0.expose())
        })
    }

    /// List the names of the keys, sorted.
    fn list(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        call(py, || self.transit.list())
    }

    /// Return the number of a key's newest version.
    fn latest_version(&self, py: Python<'_>, key: &str) -> PyResult<u32> {
        call(py, || Ok(self.transit.read(key)?.latest_version))
    }

    /// Add a version to a key, and return its number.
    fn rotate(&self, py: Python<'_>, key: &str) -> PyResult<u32> {
        call(py, || self.transit.rotate(key))
    }

    /// Delete a key that may be deleted.
    fn delete(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        call(py, || self.transit.delete(key))
    }

    /// Encrypt, and return the ciphertext as text.
    #[pyo3(signature = (key, plaintext, *, context=None, associated_data=None))]
    fn encrypt(
        &self,
        py: Python<'_>,
        key: &str,
        plaintext: Data,
        context: Option<Data>,
        associated_data: Option<Data>,
    ) -> PyResult<String> {
        let with = With {
            context,
            associated: associated_data,
        };
        call(py, || {
            self.transit.encrypt(key, with.input(plaintext.0.expose()))
        })
    }

    /// Decrypt a ciphertext.
    #[pyo3(signature = (key, ciphertext, *, context=None, associated_data=None))]
    fn decrypt<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        ciphertext: &str,
        context: Option<Data>,
        associated_data: Option<Data>,
    ) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
        let with = With {
            context,
            associated: associated_data,
        };
        let input = || with.input(ciphertext.as_bytes());
        let plain = call(py, || self.transit.decrypt(key, input()))?;
        Ok(pyo3::types::PyBytes::new(py, plain.expose()))
    }

    /// Encrypt a ciphertext anew by the newest version of its key.
    #[pyo3(signature = (key, ciphertext, *, context=None, associated_data=None))]
    fn rewrap(
        &self,
        py: Python<'_>,
        key: &str,
        ciphertext: &str,
        context: Option<Data>,
        associated_data: Option<Data>,
    ) -> PyResult<String> {
        let with = With {
            context,
            associated: associated_data,
        };
        call(py, || {
            self.transit.rewrap(key, with.input(ciphertext.as_bytes()))
        })
    }

    /// Encrypt ciphertexts anew, and return them in their order. `progress` hears how many are
    /// done; what it raises stops the work.
    #[pyo3(signature = (key, ciphertexts, *, progress=None))]
    fn rewrap_all(
        &self,
        py: Python<'_>,
        key: &str,
        ciphertexts: Vec<String>,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<Vec<String>> {
        let mut progress = Progress::new(progress);
        let outcome = call(py, || {
            let rows = ciphertexts
                .iter()
                .map(|text| ToRewrap::new(text, text.as_str()));
            let mut made = Vec::with_capacity(ciphertexts.len());
            for row in self.transit.rewrap_all(key, rows)? {
                let row = row?;
                made.push(row.ciphertext?.unwrap_or_else(|| row.id.clone()));
                let done = u64::try_from(made.len()).unwrap_or(u64::MAX);
                if done.is_multiple_of(STRIDE) || made.len() == ciphertexts.len() {
                    progress.report(done)?;
                }
            }
            Ok(made)
        });
        progress.finish(outcome)
    }

    /// Encrypt many plaintexts at once; each result is a ciphertext, or an exception.
    fn encrypt_batch(
        &self,
        py: Python<'_>,
        key: &str,
        plaintexts: Vec<Data>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let inputs = || {
            plaintexts
                .iter()
                .map(|one| Input::new(one.0.expose()))
                .collect()
        };
        let made = call(py, || {
            let inputs: Vec<Input<'_>> = inputs();
            self.transit.encrypt_batch(key, &inputs)
        })?;
        let made = made.into_iter().map(|one| match one {
            Ok(text) => Ok(text.into_pyobject(py)?.into_any().unbind()),
            Err(error) => Ok(to_py_err(py, &error).into_value(py).into_any()),
        });
        made.collect()
    }

    /// Return a MAC of the data as text.
    #[pyo3(signature = (key, data, *, hash="sha2-256"))]
    fn hmac(&self, py: Python<'_>, key: &str, data: Data, hash: &str) -> PyResult<String> {
        call(py, || {
            self.transit.hmac(key, hash_of(hash)?, data.0.expose())
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
                .verify_hmac(key, hash_of(hash)?, data.0.expose(), hmac)
        })
    }

    /// Sign the data, and return the signature as text.
    fn sign(&self, py: Python<'_>, key: &str, data: Data) -> PyResult<String> {
        call(py, || {
            self.transit.sign(key, SignOptions::new(), data.0.expose())
        })
    }

    /// Tell whether `signature` is one of the data.
    fn verify(&self, py: Python<'_>, key: &str, data: Data, signature: &str) -> PyResult<bool> {
        let options = SignOptions::new();
        call(py, || {
            self.transit
                .verify(key, options, data.0.expose(), signature)
        })
    }

    /// Return random bytes.
    fn random<'py>(
        &self,
        py: Python<'py>,
        count: usize,
    ) -> PyResult<Bound<'py, pyo3::types::PyBytes>> {
        let drawn: SecretBytes = quick(py, || self.transit.random(count))?;
        Ok(pyo3::types::PyBytes::new(py, drawn.expose()))
    }

    fn __repr__(&self) -> &'static str {
        "Transit()"
    }
}
