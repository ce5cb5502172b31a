//! Looking at tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Subject, api};
use crate::clock::Timestamp;
use crate::error::{ErrorKind, Result};
use crate::id::EntityId;
use crate::mount::NamespaceTable;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::token::{Token, TokenEntry, TokenKind, accessors};
use crate::wire::{Json, Object, Response};

/// What is known of a token.
///
/// ```
/// # use vaultcore::{NewSlot, Vault, storage::Memory};
/// # let vault = Vault::builder(Memory::new()).build()?;
/// # let init = vault.init([NewSlot::shamir(1, 1)])?;
/// # for share in init.shares() { vault.unseal(share)?; }
/// let session = vault.login(init.root_token())?;
/// let info = session.token().lookup_self()?;
/// assert_eq!(info.policies, ["root"]);
/// assert_eq!(info.expire_time, None);
/// # Ok::<(), vaultcore::Error>(())
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// The public handle of the token.
    pub accessor: String,
    /// Its own policies; those that it has by its entity are not among them.
    pub policies: Vec<String>,
    /// The path of the request that made it.
    pub path: String,
    /// A name for people.
    pub display_name: String,
    /// The notes that it was made with.
    pub metadata: BTreeMap<String, String>,
    /// Whether it is stored nowhere.
    pub batch: bool,
    /// Whether it is nobody's child.
    pub orphan: bool,
    /// Whether it can be renewed.
    pub renewable: bool,
    /// When it was made.
    pub creation_time: Timestamp,
    /// How long it was made to live; zero: for ever.
    pub creation_ttl: Duration,
    /// When it runs out; `None`: never.
    pub expire_time: Option<Timestamp>,
    /// When it was renewed last.
    pub last_renewal: Option<Timestamp>,
    /// How long it lives from now; zero for one that lives for ever.
    pub ttl: Duration,
    /// How long it lives at most, however often it is renewed.
    pub explicit_max_ttl: Option<Duration>,
    /// How long each renewal lets it live, if it is periodic.
    pub period: Option<Duration>,
    /// The calls that it is still good for; 0: any number.
    pub num_uses: u64,
    /// The networks that it may be used from; none: anywhere.
    pub bound_cidrs: Vec<String>,
    /// The role that it was made by.
    pub role: String,
    /// Whose it is.
    pub entity: Option<EntityId>,
    /// The policies that it has by that, sorted; none if whose it is may not act.
    pub identity_policies: Vec<String>,
}

impl TokenInfo {
    pub(super) fn of(token: &Token, now: Timestamp) -> Self {
        let entry: &TokenEntry = &token.entry;
        Self {
            accessor: entry.accessor.clone(),
            policies: entry.policies.clone(),
            path: entry.path.clone(),
            display_name: entry.display_name.clone(),
            metadata: entry.metadata.clone(),
            batch: entry.kind == TokenKind::Batch,
            orphan: entry.parent.is_none(),
            renewable: entry.renewable,
            creation_time: entry.created,
            creation_ttl: entry.creation_ttl(),
            expire_time: entry.expires,
            last_renewal: entry.renewed,
            ttl: entry.ttl(now),
            explicit_max_ttl: entry.explicit_max_ttl(),
            period: entry.period(),
            num_uses: entry.uses.as_ref().map_or(0, |uses| uses.left),
            bound_cidrs: entry.bound_cidrs.clone(),
            role: entry.role.clone(),
            entity: entry.entity,
            identity_policies: Vec::new(),
        }
    }
}

impl std::fmt::Debug for TokenInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenInfo({})", self.accessor)
    }
}

/// Looks at a token.
pub(crate) struct LookupToken {
    pub(crate) subject: Subject,
    /// What it takes: to read, or to update if it is asked for by writing.
    pub(crate) capability: Capability,
}

/// A token that was looked up.
pub(crate) struct Looked {
    pub(crate) info: TokenInfo,
    /// The path of its namespace, if that is not the root.
    pub(crate) space: String,
    /// Its text, if the request had it.
    pub(crate) text: Zeroizing<String>,
}

impl Operation for LookupToken {
    type Reply = Looked;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("auth/token/lookup{}", self.subject.suffix());
        Ok(vec![Access::new(path, self.capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Looked> {
        let token = self.subject.find(cx)?;
        let text = match &self.subject {
            Subject::Own => cx.secret.map_or("", |secret| secret.expose()),
            Subject::Secret(text) => text.as_str(),
            Subject::Accessor(_) => "",
        };
        let mut info = TokenInfo::of(&token, cx.txn.now());
        info.identity_policies = match cx.judge.identity_policies(cx.txn, &token) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Vec::new(),
            found => found?,
        };
        let space = NamespaceTable::load(cx.txn)?
            .path(token.namespace)
            .map(str::to_owned);
        Ok(Looked {
            info,
            space: space.unwrap_or_default(),
            text: Zeroizing::new(text.to_owned()),
        })
    }

    fn input(&self) -> Json {
        api::subject(&self.subject).finish()
    }

    fn output(&self, looked: &Looked) -> Result<Response> {
        Ok(api::looked_up(looked))
    }
}

/// Lists the accessors of all tokens of a namespace.
pub(crate) struct ListAccessors;

impl Operation for ListAccessors {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(vec![
            Access::new("auth/token/accessors/", Capability::List).sudo(),
        ])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let mut found = accessors(cx.txn, cx.space.id)?;
        found.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
        Ok(found)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, accessors: &Self::Reply) -> Result<Response> {
        let keys = accessors.iter().map(|accessor| accessor.as_str());
        Ok(Response::list(Object::new().list("keys", keys)))
    }
}
