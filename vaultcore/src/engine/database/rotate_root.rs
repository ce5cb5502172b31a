//! The password of the login that the vault itself uses.

use super::driver::ChangeUser;
use super::pool::Opener;
use super::{Databases, KIND, Name, Site, api_path, config, password};
use crate::error::{Error, Result};
use crate::id::LeaseKey;
use crate::operation::{Access, Capability, Context, Operation, Outside, Target};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Response};

/// Makes a password for the login of a connection that nobody but the vault knows.
///
/// It is stored before it is set: after a crash between the two either is in force, and both are
/// tried.
pub(crate) struct RotateRoot<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

/// A rotation under way.
pub(crate) struct Rotating {
    site: Site,
    opener: Opener,
    password: SecretString,
}

impl Operation for RotateRoot<'_> {
    type Reply = Rotating;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "rotate-root", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Rotating> {
        let site = Site::of(cx.mount()?);
        let mut config = config::known(cx.txn, site, self.name.as_str())?;
        if config.username.is_empty() {
            return Err(Error::invalid("the connection has no username to rotate"));
        }
        // One that an interrupted rotation left is set again: it may be in force.
        if config.pending.is_none() {
            let fresh = password::generate(cx.txn, site, &config, &config.username)?;
            config.pending = Some(fresh.expose().to_owned());
            config::store(cx.txn, site, &config)?;
        }
        let pending = config.pending.as_deref().unwrap_or_default();
        let password = SecretString::copy_from(pending);
        Ok(Rotating {
            site,
            opener: Databases::of(cx.registry)?.opener(site, config)?,
            password,
        })
    }

    fn outside<'r>(&'r self, rotating: &'r mut Rotating) -> Option<Box<dyn Outside + 'r>> {
        Some(Box::new(Setting(rotating)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Rotating) -> Result<Response> {
        Ok(Response::empty())
    }
}

struct Setting<'r>(&'r mut Rotating);

impl Outside for Setting<'_> {
    fn act(&mut self) -> Result<()> {
        let rotating = &*self.0;
        let config = rotating.opener.config();
        let mut change = ChangeUser::new(&config.username);
        change.password = Some(&rotating.password);
        change.statements = &config.root_statements;
        rotating.opener.open()?.change(&change)
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        let rotating = &*self.0;
        let name = &rotating.opener.config().name;
        let mut config = config::known(cx.txn, rotating.site, name)?;
        if config.pending.as_deref() == Some(rotating.password.expose()) {
            config.promote(cx.txn)?;
            config::store(cx.txn, rotating.site, &config)?;
        }
        Ok(())
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        None
    }
}
