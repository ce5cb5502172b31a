//! Roles: written, read, removed, listed, whole or field by field.

use zeroize::Zeroizing;

use super::fields::Field;
use super::options::RoleOptions;
use super::role::{Place, Role, tree};
use super::{KIND, api, api_path, no_role};
use crate::error::Result;
use crate::mount::Wipe;
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::{EntryPath, MountPath};
use crate::wire::{Json, Object, Page, Response};

/// Returns the path of a role, or of one of its fields.
fn path(cx: &Context<'_, '_>, name: &str, field: Option<Field>) -> Result<String> {
    let mount = cx.mount()?;
    Ok(match field {
        Some(field) => api_path(mount, &format!("role/{name}/{}", field.path())),
        None => api_path(mount, &format!("role/{name}")),
    })
}

/// Writes a role, or a field of one that there is: what is not named stays as it is.
pub(crate) struct WriteRole<'p> {
    pub(crate) mount: &'p MountPath,
    /// In its one spelling, here and below.
    pub(crate) name: String,
    pub(crate) field: Option<Field>,
    pub(crate) options: RoleOptions,
}

impl Operation for WriteRole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let place = Place::of(cx)?;
        let new = self.field.is_none() && Role::load(cx, place, &self.name)?.is_none();
        let capability = match new {
            true => Capability::Create,
            false => Capability::Update,
        };
        Ok(vec![Access::new(
            path(cx, &self.name, self.field)?,
            capability,
        )])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let place = Place::of(cx)?;
        let stored = Role::load(cx, place, &self.name)?;
        let before = stored.as_ref().map(|role| role.role_id.clone());
        let mut role = match (stored, self.field) {
            (Some(role), _) => role,
            (None, None) => Role::new(cx, place, &self.name)?,
            (None, Some(_)) => return Err(no_role()),
        };
        role.update(&self.options, before.is_none())?;
        role.store(cx, place, before.as_ref().map(|id| id.as_str()))
    }

    fn input(&self) -> Json {
        api::role_options(&self.options)
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a role, or a field of it.
pub(crate) struct ReadRole<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) name: String,
    pub(crate) field: Option<Field>,
}

impl Operation for ReadRole<'_> {
    type Reply = Option<Role>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = path(cx, &self.name, self.field)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<Role>> {
        let place = Place::of(cx)?;
        Role::load(cx, place, &self.name)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, role: &Option<Role>) -> Result<Response> {
        Ok(api::role(role.as_ref(), self.field))
    }
}

/// Puts a field of a role back to what it is in a new one.
pub(crate) struct ResetField<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) name: String,
    pub(crate) field: Field,
}

impl Operation for ResetField<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = path(cx, &self.name, Some(self.field))?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let place = Place::of(cx)?;
        let Some(mut role) = Role::load(cx, place, &self.name)? else {
            return Ok(()); // as in Vault
        };
        self.field.reset(&mut role);
        role.check()?;
        let id = role.role_id.clone();
        role.store(cx, place, Some(id.as_str()))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Removes a role, with its secret ids. Its tokens live on until they run out or are to be renewed.
pub(crate) struct DeleteRole<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) name: String,
}

impl Operation for DeleteRole<'_> {
    /// The work of deleting its secret ids.
    type Reply = Option<EntryPath>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = path(cx, &self.name, None)?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let place = Place::of(cx)?;
        let Some(role) = Role::load(cx, place, &self.name)? else {
            return Ok(None);
        };
        role.delete(cx, place)?;
        let folders = [role.secret_ids(place), role.accessor_folder(cx, place)?];
        Wipe::leave(cx.txn, &role.accessors(), None, folders).map(Some)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, rest: &Self::Reply) -> Result<Response> {
        Ok(Response::empty().leaving(rest.clone()))
    }
}

/// Lists the names of the roles.
pub(crate) struct ListRoles<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) page: Option<Page>,
}

impl Operation for ListRoles<'_> {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "role/");
        Ok(vec![Access::new(path, Capability::List)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let tree = tree(Place::of(cx)?);
        let names = cx.txn.names(tree, "")?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        match &self.page {
            Some(page) => page.input(),
            None => Object::new().finish(),
        }
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        let names = names.iter().map(|name| name.as_str());
        Ok(Response::list(Object::new().list("keys", names)))
    }
}
