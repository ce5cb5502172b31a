//! Rotation of the barrier's keys.

use std::sync::Arc;

use super::slots::{load_slots, store_with_root};
use super::{only_root, protected, shapes, sys};
use crate::barrier::{Page, Rewrap, RootKey, Term, layout};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response};

/// What the keyring holds; `sys/key-status` in Vault's words.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let sys = vault.owner()?.sys();
/// sys.rotate()?;
/// let status = sys.key_status()?;
/// assert_eq!((status.term, status.terms), (2, 2));
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    /// The number of the term that encrypts.
    pub term: u32,
    /// When it was installed.
    pub install_time: Timestamp,
    /// How many terms there are; the older ones only decrypt.
    pub terms: usize,
}

/// Adds a term, which encrypts from now on.
pub(crate) struct Rotate;

impl Operation for Rotate {
    /// The number of the new term.
    type Reply = u32;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rotate", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<u32> {
        let keys = cx.txn.keys();
        let keyring = keys.keyring.rotated(cx.txn.now(), cx.txn.source())?;
        cx.txn.store_keyring(&keyring, &keys.root)?;
        Ok(keyring.newest()?.number())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Makes every process seal itself at its next call.
pub(crate) struct SealAll;

impl Operation for SealAll {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("seal", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        cx.txn.raise_seals()
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads what the keyring holds.
pub(crate) struct ReadKeyStatus;

impl Operation for ReadKeyStatus {
    type Reply = KeyStatus;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        sys("key-status", Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<KeyStatus> {
        let keyring = cx.txn.keyring();
        let newest: &Term = keyring.newest()?;
        Ok(KeyStatus {
            term: newest.number(),
            install_time: newest.installed(),
            terms: keyring.terms().len(),
        })
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, status: &Self::Reply) -> Result<Response> {
        Ok(shapes::key_status(status))
    }
}

/// Encrypts the next entries of old terms anew.
pub(crate) struct RewrapPage;

impl Operation for RewrapPage {
    type Reply = Page;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rewrap", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Page> {
        Rewrap::load(cx.txn)?.page(cx.txn)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, page: &Self::Reply) -> Result<Response> {
        Ok(Response::data(Object::new().number("done", page.done)))
    }
}

/// Drops the terms that the finished rewrap left unused.
pub(crate) struct DropTerms;

impl Operation for DropTerms {
    /// How many terms were dropped.
    type Reply = usize;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rewrap", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<usize> {
        let Some(target) = Rewrap::finished(cx.txn)? else {
            return Ok(0);
        };
        let keys = cx.txn.keys();
        let keyring = keys.keyring.without_terms_before(target);
        let dropped = keys
            .keyring
            .terms()
            .len()
            .saturating_sub(keyring.terms().len());
        cx.txn.delete(layout::rewrap()?);
        if dropped > 0 {
            cx.txn.store_keyring(&keyring, &keys.root)?;
        }
        Ok(dropped)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, dropped: &Self::Reply) -> Result<Response> {
        Ok(Response::data(Object::new().number(
            "dropped",
            u64::try_from(*dropped).unwrap_or(u64::MAX),
        )))
    }
}

/// Replaces the root key: every slot is wrapped anew, and a term is added, in one commit.
pub(crate) struct RotateRoot {
    pub(crate) root: Arc<RootKey>,
}

impl Operation for RotateRoot {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        only_root(cx)?;
        protected("rotate/root", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let slots = load_slots(cx.txn)?;
        let keyring = cx.txn.keyring().rotated(cx.txn.now(), cx.txn.source())?;
        store_with_root(cx.txn, slots, &keyring, &self.root)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}
