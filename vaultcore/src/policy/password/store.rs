//! Password policies in storage: their texts, under their names, which are hidden.

use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;
use zeroize::Zeroizing;

use super::PasswordPolicy;
use crate::barrier::{Tree, Txn};
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::path::EntryPath;
use crate::record::Record;
use crate::secret::SecretString;

/// The longest name, in bytes.
const MAX_NAME: usize = 128;

/// The password policies of one namespace.
#[derive(Clone, Copy)]
pub(crate) struct PasswordStore(Tree);

/// A password policy, as stored.
#[derive(Serialize, Deserialize)]
struct Stored {
    text: String,
}

impl Record for Stored {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "password policy";
}

impl PasswordStore {
    pub(crate) fn new(namespace: NamespaceId) -> Self {
        Self(Tree {
            namespace,
            area: "password-policy",
            mount: MountId::BUILT_IN,
        })
    }

    /// Returns the text of a policy, if there is such a one.
    pub(crate) fn text(self, txn: &mut Txn<'_>, name: &str) -> Result<Option<String>> {
        let path = self.entry(txn, name)?;
        Ok(txn.load::<Stored>(&path)?.map(|stored| stored.text))
    }

    /// Writes a policy.
    ///
    /// # Errors
    /// `InvalidArgument` for a name that cannot be, a text that is no policy, and a policy that no
    /// password, or hardly any, satisfies.
    pub(crate) fn put(self, txn: &mut Txn<'_>, name: &str, text: &str) -> Result<()> {
        let path = self.entry(txn, name)?;
        PasswordPolicy::parse(text)?.check(blocks(txn, name))?;
        let text = text.to_owned();
        txn.store(path, &Stored { text })
    }

    /// Removes a policy.
    pub(crate) fn remove(self, txn: &mut Txn<'_>, name: &str) -> Result<()> {
        let path = self.entry(txn, name)?;
        txn.delete(path);
        Ok(())
    }

    /// Lists the names, sorted.
    pub(crate) fn names(self, txn: &mut Txn<'_>) -> Result<Vec<Zeroizing<String>>> {
        txn.names(self.0, "")
    }

    /// Makes a password by a policy; by the usual one if `name` is empty. `of` is whose it will be.
    ///
    /// # Errors
    /// `NotFound` if there is no such policy.
    pub(crate) fn password(self, txn: &mut Txn<'_>, name: &str, of: &str) -> Result<SecretString> {
        let policy = match name {
            "" => PasswordPolicy::usual(),
            name => {
                let missing = || Error::not_found("policy does not exist");
                let text = self.text(txn, name)?;
                PasswordPolicy::parse(&text.ok_or_else(missing)?)?
            }
        };
        policy.generate(blocks(txn, of))
    }

    fn entry(self, txn: &Txn<'_>, name: &str) -> Result<EntryPath> {
        check_name(name)?;
        txn.hidden_entry(self.0, name)
    }
}

/// Returns the random blocks that passwords are made of. A random source that repeats itself repeats
/// none of them within one password, nor for somebody else.
fn blocks<'b>(txn: &'b Txn<'_>, of: &'b str) -> impl Fn(u64) -> Result<[u8; 16]> + 'b {
    move |number| txn.unique(&[b"password", of.as_bytes(), &number.to_be_bytes()])
}

fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| !c.is_control() && c != '/';
    let one = name == name.trim() && is_nfc(name) && name.chars().all(plain);
    if one && (1..=MAX_NAME).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::invalid(
        "the name of a password policy has 1 to 128 bytes, composed (NFC), without a slash, and \
         without spaces around it",
    ))
}
