//! What is encrypted and decrypted.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vaultcore::SecretBytes;
use vaultcore::transit::ToRewrap;

use super::{Batch, Transit, With, hash_of, results, texts};
use crate::error::{Progress, call, quick};
use crate::secret::Data;

/// After how many ciphertexts a rewrap tells how far it is.
const STRIDE: u64 = 100;

#[pymethods]
impl Transit {
    /// Encrypt, by the newest version of the key unless one is named, and return the ciphertext as
    /// text.
    #[pyo3(signature = (key, plaintext, *, context=None, associated_data=None, version=0))]
    fn encrypt(
        &self,
        py: Python<'_>,
        key: &str,
        plaintext: Data,
        context: Option<Data>,
        associated_data: Option<Data>,
        version: u32,
    ) -> PyResult<String> {
        let with = With {
            context,
            associated: associated_data,
            version,
        };
        call(py, || {
            self.transit.encrypt(key, with.input(plaintext.expose()))
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
    ) -> PyResult<Bound<'py, PyBytes>> {
        let with = With {
            context,
            associated: associated_data,
            version: 0,
        };
        let plain = call(py, || {
            self.transit.decrypt(key, with.input(ciphertext.as_bytes()))
        })?;
        Ok(PyBytes::new(py, plain.expose()))
    }

    /// Encrypt a ciphertext anew, by the newest version of its key unless one is named.
    #[pyo3(signature = (key, ciphertext, *, context=None, associated_data=None, version=0))]
    fn rewrap(
        &self,
        py: Python<'_>,
        key: &str,
        ciphertext: &str,
        context: Option<Data>,
        associated_data: Option<Data>,
        version: u32,
    ) -> PyResult<String> {
        let with = With {
            context,
            associated: associated_data,
            version,
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

    /// Encrypt many plaintexts at once; each result is a ciphertext, or an exception. `contexts`
    /// and `associated_data` are one for each.
    #[pyo3(signature = (key, plaintexts, *, contexts=None, associated_data=None))]
    fn encrypt_batch(
        &self,
        py: Python<'_>,
        key: &str,
        plaintexts: Vec<Data>,
        contexts: Option<Vec<Data>>,
        associated_data: Option<Vec<Data>>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let batch = Batch::new(plaintexts, contexts, associated_data)?;
        let made = call(py, || self.transit.encrypt_batch(key, &batch.inputs()))?;
        texts(py, made)
    }

    /// Decrypt many ciphertexts at once; each result is a plaintext, or an exception.
    #[pyo3(signature = (key, ciphertexts, *, contexts=None, associated_data=None))]
    fn decrypt_batch(
        &self,
        py: Python<'_>,
        key: &str,
        ciphertexts: Vec<String>,
        contexts: Option<Vec<Data>>,
        associated_data: Option<Vec<Data>>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let batch = Batch::new(ciphertexts, contexts, associated_data)?;
        let made = call(py, || self.transit.decrypt_batch(key, &batch.inputs()))?;
        let show = |plain: SecretBytes| Ok(PyBytes::new(py, plain.expose()).into_any().unbind());
        results(py, made, show)
    }

    /// Encrypt many ciphertexts anew at once; each result is a ciphertext, or an exception.
    #[pyo3(signature = (key, ciphertexts, *, contexts=None, associated_data=None))]
    fn rewrap_batch(
        &self,
        py: Python<'_>,
        key: &str,
        ciphertexts: Vec<String>,
        contexts: Option<Vec<Data>>,
        associated_data: Option<Vec<Data>>,
    ) -> PyResult<Vec<Py<PyAny>>> {
        let batch = Batch::new(ciphertexts, contexts, associated_data)?;
        let made = call(py, || self.transit.rewrap_batch(key, &batch.inputs()))?;
        texts(py, made)
    }

    /// Make a random key of 128, 256 or 512 bits for data that is encrypted elsewhere; return it,
    /// and its ciphertext, which is kept with that data.
    #[pyo3(signature = (key, bits=256, *, context=None, associated_data=None, version=0))]
    fn data_key<'py>(
        &self,
        py: Python<'py>,
        key: &str,
        bits: u64,
        context: Option<Data>,
        associated_data: Option<Data>,
        version: u32,
    ) -> PyResult<(Bound<'py, PyBytes>, String)> {
        let with = With {
            context,
            associated: associated_data,
            version,
        };
        let (plain, wrapped) = call(py, || self.transit.data_key(key, bits, with.input(&[])))?;
        Ok((PyBytes::new(py, plain.expose()), wrapped))
    }

    /// As `data_key`, and return the ciphertext only.
    #[pyo3(signature = (key, bits=256, *, context=None, associated_data=None, version=0))]
    fn wrapped_data_key(
        &self,
        py: Python<'_>,
        key: &str,
        bits: u64,
        context: Option<Data>,
        associated_data: Option<Data>,
        version: u32,
    ) -> PyResult<String> {
        let with = With {
            context,
            associated: associated_data,
            version,
        };
        call(py, || {
            self.transit.wrapped_data_key(key, bits, with.input(&[]))
        })
    }

    /// Return the hash of the data.
    #[pyo3(signature = (data, *, hash="sha2-256"))]
    fn hash<'py>(&self, py: Python<'py>, data: Data, hash: &str) -> PyResult<Bound<'py, PyBytes>> {
        let made = call(py, || self.transit.hash(hash_of(hash)?, data.expose()))?;
        Ok(PyBytes::new(py, &made))
    }

    /// Return random bytes.
    fn random<'py>(&self, py: Python<'py>, count: usize) -> PyResult<Bound<'py, PyBytes>> {
        let drawn: SecretBytes = quick(py, || self.transit.random(count))?;
        Ok(PyBytes::new(py, drawn.expose()))
    }
}
