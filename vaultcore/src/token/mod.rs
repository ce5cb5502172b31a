//! Tokens: bearer secrets, stored under a salted hash of themselves.
//!
//! A service token is an entry; a batch token carries its own, encrypted, and is stored nowhere.
//! Stored as: `token/<hash>` the entry; `token-accessor/<hash>` from the accessor to it;
//! `token-child/<parent>/<child>` the tree; `sys/token-due/<seconds>/<token>` what runs out when.

mod batch;
mod entry;
mod presented;
mod store;
mod text;
mod tree;

pub(crate) use entry::{Created, State, TokenEntry, TokenKind, Uses, micros};
pub(crate) use presented::Presented;
pub(crate) use store::{
    Lookup, accessors, authenticate, create, find, find_accessor, find_secret, first, renew, spend,
};
pub(crate) use text::random_text;
pub(crate) use tree::{RevokeStep, begin_revocation, due, expire, made_at, revoke_only, step};

use std::sync::Arc;

use crate::id::{NamespaceId, TokenId};

/// The name of the policy that may do everything.
pub(crate) const ROOT_POLICY: &str = "root";
/// The name of the policy that every token gets unless told otherwise.
pub(crate) const DEFAULT_POLICY: &str = "default";
/// The name of the policy of tokens that hold a wrapped reply.
pub(crate) const WRAPPING_POLICY: &str = "response-wrapping";

/// A token that was presented and is in force.
#[derive(Clone)]
pub(crate) struct Token {
    /// Where it is stored; batch tokens are nowhere.
    pub(crate) id: Option<TokenId>,
    pub(crate) namespace: NamespaceId,
    pub(crate) entry: Arc<TokenEntry>,
}

impl Token {
    /// Returns the token without texts that may be anything: what is kept of it outside the cache.
    pub(crate) fn without_texts(&self) -> Self {
        let mut token = self.clone();
        if !token.entry.holds_no_secret() {
            let entry = TokenEntry::clone(&token.entry);
            token.entry = Arc::new(entry.without_metadata());
        }
        token
    }

    pub(crate) fn is_root(&self) -> bool {
        self.entry.policies.iter().any(|name| name == ROOT_POLICY)
    }
}
