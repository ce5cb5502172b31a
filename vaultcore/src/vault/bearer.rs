//! Whoever presents a token, with what was worked out for it before.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::rights::Rights;
use crate::token::{Presented, Token, TokenEntry};

/// A presented token, and the rights that were last worked out for it.
pub(crate) struct Bearer {
    presented: Presented,
    rights: ArcSwapOption<Known>,
}

/// Rights, and what they follow from.
struct Known {
    entry: Arc<TokenEntry>,
    /// Tells the policies that they were compiled of from those of another epoch.
    policies: Arc<()>,
    rights: Arc<Rights>,
}

impl Bearer {
    pub(crate) fn new(text: &str) -> Self {
        Self::from(Presented::new(text))
    }

    /// Returns the rights of `token` as of `policies`, from memory if its entry and the policies are
    /// still the same ones, and `work` otherwise. Those of an entity follow from more than its entry, and an
    /// entry that the cache does not keep decoded is another one each time.
    pub(super) fn rights<E>(
        &self,
        token: &Token,
        policies: &Arc<()>,
        work: impl FnOnce() -> Result<Arc<Rights>, E>,
    ) -> Result<Arc<Rights>, E> {
        let lasting = token.id.is_some() && token.entry.holds_no_secret();
        if token.entry.entity.is_some() || !lasting {
            return work();
        }
        // Both are held: what is at one address is the same one.
        let same = |known: &&Arc<Known>| {
            Arc::ptr_eq(&known.entry, &token.entry) && Arc::ptr_eq(&known.policies, policies)
        };
        if let Some(known) = self.rights.load().as_ref().filter(same) {
            return Ok(Arc::clone(&known.rights));
        }
        let rights = work()?;
        self.rights.store(Some(Arc::new(Known {
            entry: Arc::clone(&token.entry),
            policies: Arc::clone(policies),
            rights: Arc::clone(&rights),
        })));
        Ok(rights)
    }
}

impl From<Presented> for Bearer {
    fn from(presented: Presented) -> Self {
        Self {
            presented,
            rights: ArcSwapOption::empty(),
        }
    }
}

impl Deref for Bearer {
    type Target = Presented;

    fn deref(&self) -> &Presented {
        &self.presented
    }
}
