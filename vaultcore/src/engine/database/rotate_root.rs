//! The password of the login that the vault itself uses.

use super::connections::hide_password;
use super::driver::ChangeUser;
use super::pool::Opener;
use super::rotate::is_refusal;
use super::{Databases, KIND, Name, Site, api_path, config, password};
use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::id::LeaseKey;
use crate::operation::{Access, Capability, Context, Operation, Outside, Target};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Response};

/// Makes a password for the login of a connection that nobody but the vault knows.
///
/// It is stored before it is set: after a crash between the two either is in force, and both are
/// tried. One process at a time does it. If one stood still meanwhile for so long that another one
/// began, the passwords that may be in force are kept, up to eight, until the next rotation ends.
pub(crate) struct RotateRoot<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

/// A rotation under way.
pub(crate) struct Rotating {
    site: Site,
    opener: Opener,
    claim: [u8; 16],
    password: SecretString,
    /// Whether the database refused it, and the password of before is in force.
    refused: bool,
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
        check_changeable(&config.url)?;
        // What an interrupted rotation left is set again: it may be in force.
        let policy = config.password_policy.clone();
        let username = config.username.clone();
        let fresh = |txn: &mut Txn<'_>| password::generate(txn, site, &policy, &username);
        let (claim, password) = config.begin_rotation(cx.txn, fresh)?;
        config::store(cx.txn, site, &config)?;
        Ok(Rotating {
            site,
            opener: Databases::of(cx.registry)?.opener(site, config)?,
            claim,
            password,
            refused: false,
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

/// Returns an error if the vault would go on to log in by what stands in the URL.
fn check_changeable(url: &str) -> Result<()> {
    let fixed = hide_password(url) != url;
    let other = url.contains("{{password}}") && !url.contains("{{username}}");
    if fixed || other {
        return Err(Error::invalid(
            "the login stands in the connection_url itself, where no rotation changes it: write \
             {{username}} and {{password}} there",
        ));
    }
    Ok(())
}

struct Setting<'r>(&'r mut Rotating);

impl Setting<'_> {
    /// Changes the connection, if it is still there.
    fn record(
        &self,
        txn: &mut Txn<'_>,
        change: impl FnOnce(&mut config::Config, &mut Txn<'_>) -> Result<()>,
    ) -> Result<()> {
        let (site, name) = (self.0.site, &self.0.opener.config().name);
        let Some(mut config) = config::load(txn, site, name)? else {
            return Ok(());
        };
        change(&mut config, txn)?;
        config::store(txn, site, &config)
    }
}

impl Outside for Setting<'_> {
    fn act(&mut self) -> Result<()> {
        let rotating = &*self.0;
        let config = rotating.opener.config();
        let mut change = ChangeUser::new(&config.username);
        change.password = Some(&rotating.password);
        change.statements = &config.root_statements;
        let done = rotating.opener.open()?.change(&change);
        if done.as_ref().is_err_and(is_refusal) {
            // Of several statements the first may have changed it, where none of them is undone.
            let database = self.0.opener.open_fresh()?;
            self.0.refused = database.verify().is_ok();
        }
        done
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        let (claim, password) = (self.0.claim, self.0.password.expose());
        self.record(cx.txn, |config, txn| {
            config.end_rotation(txn, claim, password)
        })
    }

    fn abandon(&mut self, txn: &mut Txn<'_>) -> Result<()> {
        let (claim, password) = (self.0.claim, self.0.password.expose());
        let refused = self.0.refused;
        self.record(txn, |config, txn| {
            config.give_up_rotation(txn, claim, (password, refused))
        })
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        None
    }
}
