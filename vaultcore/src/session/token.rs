//! Tokens: made, looked at, renewed, revoked.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::auth::token::{
    CreateToken, ListAccessors, LookupToken, NewToken, RenewToken, RevokeToken, Subject, TokenInfo,
    Via,
};
use crate::error::Result;
use crate::operation::Capability;
use crate::secret::SecretString;
use crate::vault::{Caller, Vault};

/// The tokens of a namespace; Vault's `auth/token/`.
///
/// ```
/// # use vaultcore::{NewSlot, NewToken, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let root = vault.login(init.root_token())?;
/// let token = root.token().create(&NewToken::new().policy("app").num_uses(1))?;
/// let app = vault.login(&token)?;
/// assert_eq!(root.token().lookup(&token)?.policies, ["app", "default"]);
/// root.token().revoke(&token)?;
/// assert!(app.token().lookup_self().is_err());
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenStore {
    vault: Vault,
    caller: Caller,
}

impl TokenStore {
    pub(super) fn new(vault: Vault, caller: Caller) -> Self {
        Self { vault, caller }
    }

    /// Makes a token, a child of the caller's own unless it is to be an orphan. Returns its secret,
    /// which exists nowhere else.
    ///
    /// # Errors
    /// `InvalidArgument` for what cannot be, or what takes `sudo`; `PermissionDenied`.
    pub fn create(&self, new: &NewToken) -> Result<SecretString> {
        let operation = CreateToken {
            new: new.clone(),
            via: Via::Create,
        };
        Ok(self.vault.run(&self.caller, &operation)?.created.secret)
    }

    /// Makes a token by a role.
    ///
    /// # Errors
    /// As [`create`](Self::create); `InvalidArgument` for a role that there is not, and for
    /// policies that it does not allow.
    pub fn create_by_role(&self, role: &str, new: &NewToken) -> Result<SecretString> {
        let operation = CreateToken {
            new: new.clone(),
            via: Via::Role(role.to_owned()),
        };
        Ok(self.vault.run(&self.caller, &operation)?.created.secret)
    }

    /// Returns what is known of a token.
    ///
    /// # Errors
    /// `PermissionDenied` if it is none, or none any more.
    pub fn lookup(&self, token: &SecretString) -> Result<TokenInfo> {
        self.look(secret(token), Capability::Update)
    }

    /// Returns what is known of the caller's own token.
    ///
    /// # Errors
    /// `PermissionDenied` if it is none any more, `InvalidArgument` for the owner, who has none.
    pub fn lookup_self(&self) -> Result<TokenInfo> {
        self.look(Subject::Own, Capability::Read)
    }

    /// Returns what is known of the token with this accessor.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub fn lookup_accessor(&self, accessor: &str) -> Result<TokenInfo> {
        self.look(Subject::Accessor(accessor.to_owned()), Capability::Update)
    }

    fn look(&self, subject: Subject, capability: Capability) -> Result<TokenInfo> {
        let lookup = LookupToken {
            subject,
            capability,
        };
        Ok(self.vault.run(&self.caller, &lookup)?.info)
    }

    /// Lets a token live for `increment` from now, or as it was made to; returns how long it does.
    ///
    /// Its maximum bounds it, and a renewal never shortens a life.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not renewable, or past its maximum.
    pub fn renew(&self, token: &SecretString, increment: Option<Duration>) -> Result<Duration> {
        self.prolong(secret(token), increment)
    }

    /// Renews the caller's own token, as [`renew`](Self::renew) does.
    ///
    /// # Errors
    /// As [`renew`](Self::renew).
    pub fn renew_self(&self, increment: Option<Duration>) -> Result<Duration> {
        self.prolong(Subject::Own, increment)
    }

    fn prolong(&self, subject: Subject, increment: Option<Duration>) -> Result<Duration> {
        let operation = RenewToken {
            subject,
            increment,
            shorten: false,
        };
        Ok(self.vault.run(&self.caller, &operation)?.ttl)
    }

    /// Revokes a token and all below it. One that is none any more is no error.
    ///
    /// From the first commit on nobody acts by the token, and what it leased is over. That is ended before
    /// this returns, as far as it can be; the rest, and what is below should the call be interrupted, is
    /// done by [`Vault::tick`].
    ///
    /// # Errors
    /// `InvalidArgument` for a batch token, which is stored nowhere; `PermissionDenied`.
    pub fn revoke(&self, token: &SecretString) -> Result<()> {
        self.end(secret(token), false)
    }

    /// Revokes the caller's own token and all below it.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    pub fn revoke_self(&self) -> Result<()> {
        self.end(Subject::Own, false)
    }

    /// Revokes the token with this accessor, and all below it.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke); `InvalidArgument` if there is none.
    pub fn revoke_accessor(&self, accessor: &str) -> Result<()> {
        self.end(Subject::Accessor(accessor.to_owned()), false)
    }

    /// Revokes a token alone: its children become orphans. Takes `sudo`.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    pub fn revoke_orphan(&self, token: &SecretString) -> Result<()> {
        self.end(secret(token), true)
    }

    fn end(&self, subject: Subject, orphan: bool) -> Result<()> {
        let operation = RevokeToken { subject, orphan };
        match self.vault.run(&self.caller, &operation)? {
            Some(rest) => self.vault.finish(&rest),
            None => Ok(()),
        }
    }

    /// Lists the accessors of all tokens of the namespace. Takes `sudo`.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn accessors(&self) -> Result<Vec<String>> {
        let found = self.vault.run(&self.caller, &ListAccessors)?;
        Ok(found.iter().map(|accessor| accessor.to_string()).collect())
    }
}

fn secret(token: &SecretString) -> Subject {
    Subject::Secret(Zeroizing::new(token.expose().to_owned()))
}

impl fmt::Debug for TokenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenStore")
    }
}
