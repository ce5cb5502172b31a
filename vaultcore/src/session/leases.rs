//! Leases, as an operator or the holder of a lease works with them.

use std::time::Duration;

use zeroize::Zeroizing;

use crate::engine::sys::LeaseInfo;
use crate::engine::sys::leases::{
    CountLeases, ListIrrevocable, ListLeases, LookupLease, RenewLease, RevokeBelow, RevokeLease,
    Wait,
};
use crate::error::Result;
use crate::vault::{Caller, Vault};

/// The leases of a namespace: what was made for somebody, lives for a time, and is ended then.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let leases = vault.owner()?.leases();
/// assert_eq!(leases.count()?, 0);
/// assert!(leases.list("")?.is_empty());
/// leases.revoke("database/creds/readonly/abc")?; // was ended before: no error
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub struct Leases {
    vault: Vault,
    caller: Caller,
}

impl Leases {
    pub(super) fn new(vault: Vault, caller: Caller) -> Self {
        Self { vault, caller }
    }

    /// Returns what is known of a lease.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none of this id in the namespace.
    pub fn lookup(&self, id: &str) -> Result<LeaseInfo> {
        let id = Zeroizing::new(id.to_owned());
        self.vault.run(&self.caller, &LookupLease { id })
    }

    /// Returns the names in a folder of leases, sorted; subfolders end in a slash. The folder of a
    /// lease is the path of the request that made it.
    ///
    /// # Errors
    /// `PermissionDenied`, and what the storage says.
    pub fn list(&self, prefix: &str) -> Result<Vec<Zeroizing<String>>> {
        let prefix = Zeroizing::new(prefix.to_owned());
        self.vault.run(&self.caller, &ListLeases { prefix })
    }

    /// Returns how many leases there are, of whatever state.
    ///
    /// # Errors
    /// `LimitExceeded` beyond 10,000.
    pub fn count(&self) -> Result<u64> {
        let irrevocable = false;
        self.vault.run(&self.caller, &CountLeases { irrevocable })
    }

    /// Returns the leases that were given up on: what they lease could not be ended.
    ///
    /// # Errors
    /// `LimitExceeded` if there are more than 10,000 leases of whatever state.
    pub fn irrevocable(&self) -> Result<Vec<LeaseInfo>> {
        self.vault.run(&self.caller, &ListIrrevocable)
    }

    /// Lets a lease live for `increment` from now, or as long as it was made for; returns how long it
    /// does. Its maximum bounds it, and a renewal never shortens a life.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not renewable, or past its maximum; `Expired` if it is over; and what
    /// the outside system says, the lease being unchanged then.
    pub fn renew(&self, id: &str, increment: Option<Duration>) -> Result<Duration> {
        let operation = RenewLease {
            id: Zeroizing::new(id.to_owned()),
            increment,
            shorten: false,
        };
        Ok(self.vault.run(&self.caller, &operation)?.ttl)
    }

    /// Ends a lease, and what it leases. One that is over is no error.
    ///
    /// From the first commit on the lease is over. What it leases is ended before this returns.
    ///
    /// # Errors
    /// What the outside system says; whoever reaps tries again then. `Unavailable` also if what is leased
    /// is being made at this moment, or another process that ends it takes longer than 20 seconds: the
    /// lease is over, and it is seen to.
    pub fn revoke(&self, id: &str) -> Result<()> {
        let operation = RevokeLease {
            id: Zeroizing::new(id.to_owned()),
            wait: Wait::Yes,
        };
        match self.vault.run(&self.caller, &operation)? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Ends all leases below `prefix`: of a role, such as `database/creds/readonly`, or of a mount. Those
    /// made half a minute after this was called, or later, stay.
    ///
    /// Below `auth/` it revokes the tokens that run out some day and were made there, with all below
    /// them: those of a user, for instance, by `auth/userpass/login/bob`. That looks at every token of
    /// the namespace.
    ///
    /// # Errors
    /// `Unavailable` if some could not be ended: all were tried, and are tried again by whoever reaps.
    pub fn revoke_prefix(&self, prefix: &str) -> Result<()> {
        self.end_below(prefix, false)
    }

    /// Forgets all leases below `prefix`, even if what they lease cannot be ended.
    ///
    /// Dangerous: a credential that is not ended lives on, and nobody knows of it any more. It is for
    /// outside systems that are gone for good.
    ///
    /// # Errors
    /// `PermissionDenied`, and what the storage says.
    pub fn dangerous_revoke_force(&self, prefix: &str) -> Result<()> {
        self.end_below(prefix, true)
    }

    fn end_below(&self, prefix: &str, force: bool) -> Result<()> {
        let operation = RevokeBelow {
            prefix: Zeroizing::new(prefix.to_owned()),
            wait: Wait::Yes,
            force,
        };
        match self.vault.run(&self.caller, &operation)? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }
}

impl std::fmt::Debug for Leases {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leases")
    }
}
