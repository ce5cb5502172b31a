//! Looking at leases.

use std::collections::BTreeSet;
use std::time::Duration;

use zeroize::Zeroizing;

use super::super::{protected, sys};
use super::{api, find, places, unknown};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::lease::{self, Lease, State};
use crate::mount::{Class, MountTable};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::wire::{Json, Object, Response};

/// The most leases that one call looks through.
const MAX_LISTED: usize = 10_000;

/// Where a lease is in its life.
///
/// ```
/// use vaultcore::LeaseState;
/// assert_ne!(LeaseState::Active, LeaseState::Irrevocable);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// What it leases is being made.
    Pending,
    /// What it leases may be used.
    Active,
    /// It is over, and what it leases is being ended, or that is tried again soon.
    Revoking,
    /// What it leases could not be ended in six tries, or never can be: an operator has to look. It is
    /// tried again once a day.
    Irrevocable,
}

impl LeaseState {
    /// Returns its name: `pending`, `active`, `revoking` or `irrevocable`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Revoking => "revoking",
            Self::Irrevocable => "irrevocable",
        }
    }
}

/// A lease, as looked up.
///
/// ```
/// # use vaultcore::{ErrorKind, NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let leases = vault.owner()?.leases();
/// let unknown = leases.lookup("database/creds/readonly/abc").unwrap_err();
/// assert_eq!(unknown.kind(), ErrorKind::InvalidArgument); // as in Vault
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct LeaseInfo {
    /// What names it: the path of the request that made it, and 24 random characters.
    pub id: String,
    /// When it was made.
    pub issued: Timestamp,
    /// When it was renewed last.
    pub renewed: Option<Timestamp>,
    /// When it runs out.
    pub expires: Timestamp,
    /// How long it lives from now.
    pub ttl: Duration,
    /// Whether it can be renewed.
    pub renewable: bool,
    /// Where it is in its life.
    pub state: LeaseState,
    /// What went wrong when it was to be ended; empty if nothing did.
    pub failure: String,
}

impl std::fmt::Debug for LeaseInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LeaseInfo({:?}, until {})", self.state, self.expires)
    }
}

impl LeaseInfo {
    fn of(lease: &Lease, now: Timestamp) -> Self {
        let entry = &lease.entry;
        Self {
            id: entry.id.clone(),
            issued: entry.issued,
            renewed: entry.renewed,
            expires: entry.expires,
            ttl: entry.expires.since(now),
            renewable: entry.renewable && entry.is_live(now),
            state: match entry.state {
                State::Pending => LeaseState::Pending,
                State::Active => LeaseState::Active,
                State::Revoking { .. } | State::Cancelled => LeaseState::Revoking,
                State::Irrevocable => LeaseState::Irrevocable,
            },
            failure: entry.failure.clone(),
        }
    }
}

/// Looks a lease up.
pub(crate) struct LookupLease {
    pub(crate) id: Zeroizing<String>,
}

impl Operation for LookupLease {
    type Reply = LeaseInfo;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        sys("leases/lookup", Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<LeaseInfo> {
        let lease = find(cx, &self.id)?.ok_or_else(unknown)?;
        Ok(LeaseInfo::of(&lease, cx.txn.now()))
    }

    fn input(&self) -> Json {
        Object::new().text("lease_id", &self.id).finish()
    }

    fn output(&self, info: &LeaseInfo) -> Result<Response> {
        Ok(api::info(info))
    }
}

/// Lists the ids in a folder of leases.
pub(crate) struct ListLeases {
    pub(crate) prefix: Zeroizing<String>,
}

impl Operation for ListLeases {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("leases/lookup/{}", self.prefix.as_str());
        protected(&path, Capability::List)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let prefix = match self.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        let table = MountTable::load(cx.txn, cx.space.id, Class::Secret)?;
        if let Some(mount) = table.holding(&prefix) {
            let rest = prefix.strip_prefix(mount.path.as_str()).unwrap_or_default();
            return lease::names(cx.txn, cx.space.id, mount.id, rest);
        }
        let mut names = BTreeSet::new();
        for mount in table.iter() {
            let Some(rest) = mount.path.as_str().strip_prefix(prefix.as_str()) else {
                continue;
            };
            if !lease::names(cx.txn, cx.space.id, mount.id, "")?.is_empty() {
                let first = rest.split_inclusive('/').next().unwrap_or_default();
                names.insert(first.to_owned());
            }
        }
        Ok(names.into_iter().map(Zeroizing::new).collect())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        Ok(Response::list(
            Object::new().list("keys", names.iter().map(|name| name.as_str())),
        ))
    }
}

/// Lists the leases of the namespace that were given up on.
pub(crate) struct ListIrrevocable;

impl Operation for ListIrrevocable {
    type Reply = Vec<LeaseInfo>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        protected("leases", Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let now = cx.txn.now();
        let mut found = Vec::new();
        each(cx, |lease| {
            if lease.entry.state == State::Irrevocable {
                found.push(LeaseInfo::of(lease, now));
            }
        })?;
        Ok(found)
    }

    fn input(&self) -> Json {
        Object::new().text("type", "irrevocable").finish()
    }

    fn output(&self, found: &Self::Reply) -> Result<Response> {
        Ok(api::irrevocable(found))
    }
}

/// Counts the leases of the namespace.
pub(crate) struct CountLeases {
    /// Whether only those are counted that were given up on.
    pub(crate) irrevocable: bool,
}

impl Operation for CountLeases {
    type Reply = u64;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        protected("leases/count", Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<u64> {
        let mut count = 0u64;
        each(cx, |lease| {
            let counts = !self.irrevocable || lease.entry.state == State::Irrevocable;
            count = count.saturating_add(u64::from(counts));
        })?;
        Ok(count)
    }

    fn input(&self) -> Json {
        let kind = if self.irrevocable { "irrevocable" } else { "" };
        Object::new().text("type", kind).finish()
    }

    fn output(&self, count: &u64) -> Result<Response> {
        Ok(Response::data(
            Object::new()
                .number("lease_count", *count)
                .object("counts", Object::new()),
        ))
    }
}

/// Looks at all leases of the namespace.
fn each(cx: &mut Context<'_, '_>, mut look: impl FnMut(&Lease)) -> Result<()> {
    let mut seen = 0usize;
    for (mount, _) in places(cx, "")? {
        let folder = lease::of_mount(cx.space.id, Some(mount));
        let mut after: Option<String> = None;
        loop {
            let page = lease::page(cx.txn, &folder, after.as_deref(), 1_000)?;
            for key in page.keys {
                if let Some(lease) = lease::peek(cx.txn, key)? {
                    look(&lease);
                }
                seen = seen.saturating_add(1);
            }
            if seen > MAX_LISTED {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("there are more than {MAX_LISTED} leases: list them by prefix"),
                ));
            }
            match page.after {
                Some(last) if Some(&last) > after.as_ref() => after = Some(last),
                _ => break,
            }
        }
    }
    Ok(())
}
