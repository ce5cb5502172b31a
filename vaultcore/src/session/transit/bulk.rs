//! Encrypting anew what a caller keeps, while the caller walks over it.

use std::fmt;

use super::Transit;
use crate::engine::transit::{Fresh, Input, Items, KeyName, Rewrap};
use crate::error::{Error, Result};

/// Ciphertexts that are worked on in one call.
const PAGE: usize = 200;

/// A ciphertext of the caller's, and what belongs to it.
///
/// ```
/// use vaultcore::transit::ToRewrap;
/// let row = ToRewrap::new(42, "vault:v1:AAAA").associated_data(b"row 42");
/// # let _ = row;
/// ```
#[must_use]
pub struct ToRewrap<K> {
    id: K,
    ciphertext: String,
    context: Vec<u8>,
    associated: Vec<u8>,
}

impl<K> ToRewrap<K> {
    /// Takes a ciphertext, and what it is known by where it is kept.
    pub fn new(id: K, ciphertext: impl Into<String>) -> Self {
        Self {
            id,
            ciphertext: ciphertext.into(),
            context: Vec::new(),
            associated: Vec::new(),
        }
    }

    /// Names the context that it was encrypted for.
    pub fn context(mut self, context: &[u8]) -> Self {
        self.context = context.to_vec();
        self
    }

    /// Names the associated data that it is bound to.
    pub fn associated_data(mut self, data: &[u8]) -> Self {
        self.associated = data.to_vec();
        self
    }

    fn input(&self) -> Input<'_> {
        Input::new(&self.ciphertext)
            .context(&self.context)
            .associated_data(&self.associated)
    }
}

impl<K: fmt::Debug> fmt::Debug for ToRewrap<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToRewrap({:?}, [redacted])", self.id)
    }
}

/// What became of a ciphertext.
#[non_exhaustive]
#[derive(Debug)]
pub struct Rewrapped<K> {
    /// What it is known by.
    pub id: K,
    /// The new ciphertext; `None` if it is of the newest version already; an error if it does not
    /// decrypt, which stops nothing else.
    pub ciphertext: Result<Option<String>>,
}

/// Walks over ciphertexts and encrypts them anew, a page at a time; see
/// [`Transit::rewrap_all`].
pub struct RewrapAll<'t, K, I> {
    transit: &'t Transit,
    key: KeyName,
    source: I,
    ready: std::vec::IntoIter<Rewrapped<K>>,
    done: u64,
    failed: bool,
}

impl Transit {
    /// Encrypts all that `ciphertexts` gives anew under the newest version of the key, page by page
    /// while the result is walked over. So it can be used inside the caller's own transaction, which
    /// reads the old ones and writes the new ones.
    ///
    /// Nothing is kept between calls: what is of the newest version already is left as it is, so that
    /// after an interruption one begins again, with everything or where one was. An error ends the walk
    /// if it is of the call, such as a sealed vault; that of one ciphertext is in its result.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that cannot be.
    ///
    /// ```
    /// # use std::collections::BTreeMap;
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("transit", NewMount::transit())?;
    /// # let transit = session.transit("transit")?;
    /// use vaultcore::transit::ToRewrap;
    /// let mut table = BTreeMap::from([(1, transit.encrypt("app", b"a")?)]);
    /// transit.rotate("app")?;
    /// let rows: Vec<_> = table.iter().map(|(id, text)| ToRewrap::new(*id, text)).collect();
    /// for row in transit.rewrap_all("app", rows)? {
    ///     let row = row?;
    ///     if let Some(text) = row.ciphertext? {
    ///         table.insert(row.id, text);
    ///     }
    /// }
    /// assert!(table[&1].starts_with("vault:v2:"));
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn rewrap_all<K, I: IntoIterator<Item = ToRewrap<K>>>(
        &self,
        key: &str,
        ciphertexts: I,
    ) -> Result<RewrapAll<'_, K, I::IntoIter>> {
        Ok(RewrapAll {
            transit: self,
            key: KeyName::new(key)?,
            source: ciphertexts.into_iter(),
            ready: Vec::new().into_iter(),
            done: 0,
            failed: false,
        })
    }
}

impl<K, I: Iterator<Item = ToRewrap<K>>> RewrapAll<'_, K, I> {
    /// Returns how many ciphertexts were handed out so far.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    fn page(&mut self) -> Result<Vec<Rewrapped<K>>> {
        let page: Vec<ToRewrap<K>> = self.source.by_ref().take(PAGE).collect();
        if page.is_empty() {
            return Ok(Vec::new());
        }
        let inputs: Vec<Input<'_>> = page.iter().map(ToRewrap::input).collect();
        let sealed = self.transit.run(&Rewrap {
            mount: &self.transit.mount,
            name: self.key.clone(),
            items: Items::many(&inputs),
            fresh: Fresh::Keep,
        })?;
        drop(inputs);
        let results = page.into_iter().zip(sealed).map(|(row, sealed)| Rewrapped {
            ciphertext: sealed.map(|new| (new.text != row.ciphertext).then_some(new.text)),
            id: row.id,
        });
        Ok(results.collect())
    }
}

impl<K, I: Iterator<Item = ToRewrap<K>>> Iterator for RewrapAll<'_, K, I> {
    type Item = Result<Rewrapped<K>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if self.ready.len() == 0 {
            match self.page() {
                Ok(page) => self.ready = page.into_iter(),
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
        let next = self.ready.next()?;
        self.done = self.done.saturating_add(1);
        Some(Ok(next))
    }
}

impl<K, I> fmt::Debug for RewrapAll<'_, K, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RewrapAll({} done)", self.done)
    }
}
