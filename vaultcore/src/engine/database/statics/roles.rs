//! What is done with static roles.

use super::super::rotate::{self, Rotating, Turning, forget_due};
use super::super::{
    KIND, Name, Purpose, STATICS, Site, api, api_path, check_statements, config, role,
};
use super::{StaticRole, known, load};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Outside, Target};
use crate::path::MountPath;
use crate::wire::{Json, Object, Response};

/// Writes a static role. A new one's password is changed at once.
pub(crate) struct WriteStaticRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
    pub(crate) role: StaticRole,
}

impl Operation for WriteStaticRole<'_> {
    type Reply = Option<Rotating>;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-roles", &self.name)?;
        let site = Site::of(cx.mount()?);
        let known = load(cx.txn, site, &self.name)?.is_some();
        let capability = if known {
            Capability::Update
        } else {
            Capability::Create
        };
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<Rotating>> {
        let site = Site::of(cx.mount()?);
        if role::load(cx.txn, site, &self.name)?.is_some() {
            return Err(Error::invalid("a role that makes users has this name"));
        }
        let before = load(cx.txn, site, &self.name)?;
        let is_new = before.is_none();
        if let Some(before) = &before {
            forget_due(cx.txn, before)?;
        }
        let stored = self.role.apply(cx.txn, &self.name, before)?;
        let config = config::known(cx.txn, site, &stored.config)?;
        if !config.allows(&self.name) {
            return Err(config::not_allowed());
        }
        let statements = [(Purpose::Rotate, stored.statements.as_slice())];
        check_statements(cx, &stored.config, &statements)?;
        if is_new {
            return rotate::begin(cx, site, &self.name, stored).map(Some);
        }
        rotate::schedule(cx.txn, site, &self.name, stored)?;
        Ok(None)
    }

    fn outside<'r>(&'r self, turning: &'r mut Option<Rotating>) -> Option<Box<dyn Outside + 'r>> {
        let rotating = turning.as_mut()?;
        Some(Box::new(Turning(rotating)))
    }

    fn input(&self) -> Json {
        api::static_object(&self.role).finish()
    }

    fn output(&self, _: &Option<Rotating>) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a static role.
pub(crate) struct ReadStaticRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for ReadStaticRole<'_> {
    type Reply = (StaticRole, Option<Timestamp>);

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-roles", &self.name)?;
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let site = Site::of(cx.mount()?);
        let stored = known(cx.txn, site, &self.name)?;
        Ok((StaticRole::of(&stored), stored.rotated))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (role, rotated): &Self::Reply) -> Result<Response> {
        let object = api::static_object(role);
        Ok(Response::data(match rotated {
            Some(rotated) => object.time("last_vault_rotation", Some(*rotated)),
            None => object.null("last_vault_rotation"),
        }))
    }
}

/// Deletes a static role. Its user stays, with the last password.
pub(crate) struct DeleteStaticRole<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for DeleteStaticRole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "static-roles", &self.name)?;
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let site = Site::of(cx.mount()?);
        if let Some(stored) = load(cx.txn, site, &self.name)? {
            forget_due(cx.txn, &stored)?;
        }
        let path = site.entry(cx.txn, STATICS, &self.name)?;
        cx.txn.delete(path);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}
