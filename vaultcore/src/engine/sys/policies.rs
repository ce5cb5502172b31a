//! Policies, and what they come to.

use zeroize::Zeroizing;

use super::{access, sys};
use crate::error::Result;
use crate::id::NamespaceId;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::rights::PolicyStore;
use crate::token::ROOT_POLICY;
use crate::wire::{Json, Object, Page, Response, Shape};

/// Where a policy is asked for: the two families of paths that Vault has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `sys/policy`
    Old,
    /// `sys/policies/acl`
    New,
}

impl Family {
    fn folder(self) -> &'static str {
        match self {
            Self::Old => "policy",
            Self::New => "policies/acl",
        }
    }

    fn access(self, name: &str, capability: Capability) -> Result<Vec<Access>> {
        sys(&format!("{}/{name}", self.folder()), capability)
    }
}

/// Reads a policy.
pub(crate) struct ReadPolicy {
    pub(crate) name: String,
    pub(crate) family: Family,
}

impl Operation for ReadPolicy {
    type Reply = Option<String>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.family.access(&self.name, Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<String>> {
        PolicyStore::new(cx.space.id).text(cx.txn, &self.name)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, text: &Option<String>) -> Result<Response> {
        Ok(match text {
            Some(text) => access::policy(self.family, &self.name, text),
            None => Response::empty().shaped(Shape::NotFound),
        })
    }
}

/// Writes a policy.
pub(crate) struct WritePolicy {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) family: Family,
}

impl Operation for WritePolicy {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.family.access(&self.name, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        PolicyStore::new(cx.space.id).put(cx.txn, &self.name, &self.text)
    }

    fn input(&self) -> Json {
        Object::new().text("policy", &self.text).finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Removes a policy.
pub(crate) struct DeletePolicy {
    pub(crate) name: String,
    pub(crate) family: Family,
}

impl Operation for DeletePolicy {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        self.family.access(&self.name, Capability::Delete)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        PolicyStore::new(cx.space.id).remove(cx.txn, &self.name)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Lists the policies.
pub(crate) struct ListPolicies {
    pub(crate) family: Family,
    /// Whether it was asked for by reading, as old clients do.
    pub(crate) read: bool,
    pub(crate) page: Option<Page>,
}

impl Operation for ListPolicies {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        match self.read {
            true => sys(self.family.folder(), Capability::Read),
            false => self.family.access("", Capability::List),
        }
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let mut names = PolicyStore::new(cx.space.id).names(cx.txn)?;
        if cx.space.id != NamespaceId::ROOT {
            names.retain(|name| name.as_str() != ROOT_POLICY); // no token of it has that
        }
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        match &self.page {
            Some(page) => page.input(),
            None => Object::new().finish(),
        }
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        Ok(access::policies(self.family, names))
    }
}
