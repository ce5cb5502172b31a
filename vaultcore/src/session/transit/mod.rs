//! Encryption and signatures by named keys.

mod bulk;
mod data;
mod keys;
mod stream;

use std::fmt;
use std::sync::Arc;

pub use bulk::{RewrapAll, Rewrapped, ToRewrap};

use crate::error::Result;
use crate::operation::Operation;
use crate::path::MountPath;
use crate::vault::{Caller, Memory, Vault};

/// Named keys that encrypt, sign and rotate, as Vault's transit.
///
/// No call takes a nonce, and a key leaves only if it was made exportable. What is encrypted names
/// the version of the key, so that old ciphertexts still decrypt after a rotation.
///
/// ```
/// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// # let session = vault.owner()?;
/// use vaultcore::transit::{Input, KeyType, NewKey};
///
/// session.sys().mount("transit", NewMount::transit())?;
/// let transit = session.transit("transit")?;
/// transit.create("app", &NewKey::new(KeyType::Aes256Gcm96))?;
/// let card = Input::new("4111 1111 1111 1111").associated_data("row 42");
/// let ciphertext = transit.encrypt("app", card)?; // vault:v1:..
/// transit.rotate("app")?;
/// let plain = transit.decrypt("app", Input::new(&ciphertext).associated_data("row 42"))?;
/// assert_eq!(plain.expose(), b"4111 1111 1111 1111");
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct Transit {
    vault: Vault,
    caller: Caller,
    mount: MountPath,
    memory: Arc<Memory>,
}

impl Transit {
    pub(super) fn new(vault: Vault, caller: Caller, mount: MountPath) -> Self {
        Self {
            vault,
            caller,
            mount,
            memory: Arc::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    fn run<O: Operation>(&self, operation: &O) -> Result<O::Reply> {
        self.vault.run_by(&self.memory, &self.caller, operation)
    }
}

impl fmt::Debug for Transit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transit")
    }
}
