//! Names of what a mount keeps.

use zeroize::Zeroizing;

use super::{CONFIGS, KIND, ROLES, STATICS, Site};
use crate::error::Result;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Page, Response};

/// What is kept by names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Connections,
    Roles,
    StaticRoles,
}

impl Kept {
    fn area(self) -> &'static str {
        match self {
            Self::Connections => CONFIGS,
            Self::Roles => ROLES,
            Self::StaticRoles => STATICS,
        }
    }

    /// Returns the folder below the mount in which the names are.
    fn folder(self) -> &'static str {
        match self {
            Self::Connections => "config",
            Self::Roles => "roles",
            Self::StaticRoles => "static-roles",
        }
    }
}

/// Lists the names of what is kept.
pub(crate) struct ListNames<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) kept: Kept,
    pub(crate) page: Option<Page>,
}

impl Operation for ListNames<'_> {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}{}/", cx.mount()?.path.as_str(), self.kept.folder());
        Ok(vec![Access::new(path, Capability::List)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let tree = Site::of(cx.mount()?).tree(self.kept.area());
        let names = cx.txn.names(tree, "")?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        let none = || Object::new().finish();
        self.page.as_ref().map_or_else(none, Page::input)
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        let names = names.iter().map(|name| name.as_str());
        Ok(Response::list(Object::new().list("keys", names)))
    }
}
