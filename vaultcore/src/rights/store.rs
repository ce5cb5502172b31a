//! Policies in storage: their texts, under their names, which are hidden.

use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;
use zeroize::Zeroizing;

use crate::barrier::{Tree, Txn};
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::path::EntryPath;
use crate::policy::{
    DEFAULT, DEFAULT_TEXT, Policy, RESPONSE_WRAPPING, RESPONSE_WRAPPING_TEXT, ROOT,
};
use crate::record::Record;

/// The longest name, in bytes.
const MAX_NAME: usize = 128;

/// The policies of one namespace.
#[derive(Clone, Copy)]
pub(crate) struct PolicyStore(Tree);

/// A policy, as stored.
#[derive(Serialize, Deserialize)]
struct StoredPolicy {
    text: String,
}

impl Record for StoredPolicy {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "policy";
}

impl PolicyStore {
    pub(crate) fn new(namespace: NamespaceId) -> Self {
        Self(Tree {
            namespace,
            area: "policy",
            mount: MountId::BUILT_IN,
        })
    }

    /// Returns the text of the policy, if there is such a one; that of `root` is empty.
    pub(crate) fn text(self, txn: &mut Txn<'_>, name: &str) -> Result<Option<String>> {
        let stored: Option<StoredPolicy> = txn.load_guarded(&self.entry(txn, name)?)?;
        Ok(match (stored, name) {
            (_, ROOT) => Some(String::new()),
            (Some(stored), _) => Some(stored.text),
            (None, DEFAULT) => Some(DEFAULT_TEXT.to_owned()),
            (None, RESPONSE_WRAPPING) => Some(RESPONSE_WRAPPING_TEXT.to_owned()),
            (None, _) => None,
        })
    }

    /// Returns whether there is such a policy. Those that have a text of their own always are there.
    pub(crate) fn has(self, txn: &mut Txn<'_>, name: &str) -> Result<bool> {
        match name {
            ROOT | DEFAULT | RESPONSE_WRAPPING => Ok(true),
            _ => Ok(self.text(txn, name)?.is_some()),
        }
    }

    /// Writes a policy, and the epoch with it: whoever compiled it compiles it anew.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that cannot be or is fixed, and for a text that is no policy.
    pub(crate) fn put(self, txn: &mut Txn<'_>, name: &str, text: &str) -> Result<()> {
        if matches!(name, ROOT | RESPONSE_WRAPPING) {
            return Err(Error::invalid(format!("cannot update {name:?} policy")));
        }
        Policy::parse(text)?;
        let path = self.entry(txn, name)?;
        let text = text.to_owned();
        txn.store(path, &StoredPolicy { text })?;
        txn.bump_epoch()
    }

    /// Removes a policy. Tokens keep its name, which grants nothing then.
    pub(crate) fn remove(self, txn: &mut Txn<'_>, name: &str) -> Result<()> {
        if matches!(name, ROOT | DEFAULT | RESPONSE_WRAPPING) {
            return Err(Error::invalid(format!("cannot delete {name:?} policy")));
        }
        let path = self.entry(txn, name)?;
        if txn.raw(&path)?.is_some() {
            txn.delete(path);
            txn.bump_epoch()?;
        }
        Ok(())
    }

    /// Lists the names, sorted, with those that every namespace has.
    pub(crate) fn names(self, txn: &mut Txn<'_>) -> Result<Vec<Zeroizing<String>>> {
        let mut names = txn.names(self.0, "")?;
        for fixed in [DEFAULT, ROOT] {
            if !names.iter().any(|name| name.as_str() == fixed) {
                names.push(Zeroizing::new(fixed.to_owned()));
            }
        }
        names.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
        Ok(names)
    }

    fn entry(self, txn: &Txn<'_>, name: &str) -> Result<EntryPath> {
        check_name(name)?;
        txn.hidden_entry(self.0, name)
    }
}

/// A name has one spelling: lower case, without spaces around it. Slashes are as good as any.
fn check_name(name: &str) -> Result<()> {
    let one = name == name.trim().to_lowercase() && is_nfc(name);
    let one = one && !name.chars().any(char::is_control);
    if one && (1..=MAX_NAME).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::invalid(
        "the name of a policy has 1 to 128 bytes, in lower case, composed (NFC), and without \
         spaces around it",
    ))
}
