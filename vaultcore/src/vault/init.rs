//! Making of a new vault.

use std::ops::Range;

use super::Vault;
use crate::auth::token::root_token;
use crate::barrier::{Epoch, Keyring, RootKey, encrypt, layout};
use crate::crypto::rng::random;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{SlotId, VaultId};
use crate::record::Record;
use crate::seal::{Header, NewSlot, Share, SlotDraft, Slots};
use crate::secret::SecretString;
use crate::storage::{Batch, StorageError};
use crate::token;

/// How often an unknown outcome is asked for again.
const SETTLE_ATTEMPTS: usize = 4;

/// What [`Vault::init`] returns: the shares, which exist nowhere else.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// let vault = Vault::builder(Memory::new()).build()?;
/// let init = vault.init([NewSlot::shamir(5, 3)])?;
/// let printed: Vec<_> = init.shares().iter().map(|share| share.to_text()).collect();
/// assert!(printed.iter().all(|text| text.expose().starts_with("vcs1-")));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Debug)]
pub struct Init {
    vault: VaultId,
    root_token: SecretString,
    shares: Vec<Share>,
    slots: Vec<(SlotId, Range<usize>)>, // which of the shares
}

impl Init {
    fn new(
        vault: VaultId,
        root_token: SecretString,
        slots: impl Iterator<Item = (SlotId, Vec<Share>)>,
    ) -> Self {
        let mut init = Self {
            vault,
            root_token,
            shares: Vec::new(),
            slots: Vec::new(),
        };
        for (slot, mut shares) in slots {
            let first = init.shares.len();
            init.shares.append(&mut shares);
            init.slots.push((slot, first..init.shares.len()));
        }
        init
    }

    /// Returns the slots in the order in which they were asked for, each with its shares; a slot
    /// that is not of Shamir's kind has none.
    ///
    /// ```
    /// # use vaultcore::{NewSlot, Vault, storage::Memory};
    /// let vault = Vault::builder(Memory::new()).build()?;
    /// let init = vault.init([NewSlot::shamir(5, 3), NewSlot::shamir(2, 2)])?;
    /// let counts: Vec<usize> = init.slots().map(|(_slot, shares)| shares.len()).collect();
    /// assert_eq!(counts, [5, 2]);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn slots(&self) -> impl ExactSizeIterator<Item = (SlotId, &[Share])> {
        let shares = |range: &Range<usize>| self.shares.get(range.clone()).unwrap_or_default();
        let slots = self.slots.iter();
        slots.map(move |(slot, range)| (*slot, shares(range)))
    }

    /// Returns the shares of the Shamir slots, slot by slot; hand each to another person.
    #[must_use]
    pub fn shares(&self) -> &[Share] {
        &self.shares
    }

    /// Returns the first token, which may do everything and lives until it is revoked.
    ///
    /// Use it to set the vault up, then revoke it: a quorum of shares makes another when one is
    /// needed, and the embedding program needs none.
    #[must_use]
    pub fn root_token(&self) -> &SecretString {
        &self.root_token
    }

    /// Returns the id of the new vault.
    #[must_use]
    pub fn vault_id(&self) -> VaultId {
        self.vault
    }
}

impl Vault {
    /// Makes a new vault in the storage, with the given key slots. It stays sealed.
    ///
    /// # Errors
    /// `AlreadyInitialized` if the storage holds a vault; nothing is changed then.
    /// `InvalidArgument` without a slot, or for a slot that cannot be, `Closed`. `Indeterminate` if the storage
    /// can not say whether the vault is there: the shares are lost, so delete it if it is.
    pub fn init(&self, slots: impl IntoIterator<Item = NewSlot>) -> Result<Init> {
        self.check_process()?;
        self.check_not_closed()?;
        let slots: Vec<NewSlot> = slots.into_iter().collect();
        vaultcore_os::scrubbed(|| self.make(&slots))
    }

    fn make(&self, slots: &[NewSlot]) -> Result<Init> {
        let source = &*self.core.random;
        match self.header() {
            Ok(_) => return Err(already()),
            Err(error) if error.kind() == ErrorKind::NotInitialized => {}
            Err(error) => return Err(error),
        }
        // Never moved to a larger place, which would leave the keys in the old one.
        let mut drafts = Vec::with_capacity(slots.len());
        for slot in slots {
            drafts.push(SlotDraft::new(slot, source)?);
        }
        if drafts.is_empty() {
            return Err(Error::invalid("a vault has at least one key slot"));
        }
        let vault = VaultId::from_bytes(random(source)?);
        let (batch, root_token) = self.first_entries(vault, &drafts)?;
        self.store_first(vault, &batch)?;
        let slots = drafts.into_iter().map(|draft| (draft.id, draft.shares));
        Ok(Init::new(vault, root_token, slots))
    }

    /// Returns all that a new vault consists of, in one batch.
    fn first_entries(&self, vault: VaultId, drafts: &[SlotDraft]) -> Result<(Batch, SecretString)> {
        let (source, now) = (&*self.core.random, self.core.clock.read().wall);
        let header = Header { vault }.encode();
        let root = RootKey::generate(source)?;
        let mut keyring = Keyring::generate(vault, &header, now, source)?;
        let mut slots = Vec::new();
        for draft in drafts {
            slots.push(draft.wrap(&vault, now, &root, source)?);
            keyring = keyring.with_kek(draft.id, &draft.kek);
        }
        let slots = Slots::checked(slots)?.encode()?.to_vec();
        let stored_keyring = keyring.encrypt(&root, source)?;
        let epoch_path = layout::epoch()?;
        let epoch = encrypt(
            &vault,
            &keyring,
            &epoch_path,
            &Epoch::FIRST.encode()?,
            source,
        )?;
        let mut batch = Batch::new()
            .expect(layout::header()?, None)
            .put(layout::header()?, header)
            .put(layout::slots()?, slots)
            .put(layout::keyring()?, stored_keyring)
            .put(epoch_path, epoch);
        let mut entry = root_token();
        entry.created = now;
        let (token, entries) = token::first(&keyring, source, entry)?;
        for (path, record) in entries {
            let stored = encrypt(&vault, &keyring, &path, &record, source)?;
            batch = batch.put(path, stored);
        }
        Ok((batch, token))
    }

    /// Stores a new vault. After an unknown outcome the same batch, submitted again, decides: the
    /// shares would be lost with a wrong answer, and a vault that nobody can open would be left.
    fn store_first(&self, vault: VaultId, batch: &Batch) -> Result<()> {
        let unknown = match self.core.storage.commit(batch) {
            Ok(_) => return Ok(()),
            Err(StorageError::Conflict) => return Err(already()),
            Err(error @ StorageError::Indeterminate(..)) => error,
            Err(error) => return Err(error.into()),
        };
        for _ in 0..SETTLE_ATTEMPTS {
            match self.core.storage.commit(batch) {
                Ok(_) => return Ok(()),
                Err(StorageError::Conflict) => return self.whose(vault, unknown),
                Err(_) => {}
            }
        }
        Err(unknown.into())
    }

    /// After a conflict of the second submission: the vault is ours if the stored header is.
    fn whose(&self, vault: VaultId, unknown: StorageError) -> Result<()> {
        match self.header() {
            Ok(header) if header.vault == vault => Ok(()),
            Ok(_) => Err(already()),
            Err(_) => Err(unknown.into()),
        }
    }
}

fn already() -> Error {
    Error::new(
        ErrorKind::AlreadyInitialized,
        "the storage already holds a vault",
    )
}
