//! Changing the passwords of static roles, on demand and when they are due.
//!
//! The new password is stored before it is set, and stays the one to be set until that is known to
//! have happened: a crash leaves the vault able to set it again. The commit that stores it also says
//! that the role is due again soon, so that nobody else begins meanwhile, and somebody does if this
//! process dies.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::claim::Claim;
use super::driver::ChangeUser;
use super::pool::Opener;
use super::statics::{self, Stored};
use super::{Databases, KIND, Name, Site, api_path, config, password};
use crate::barrier::{Agenda, Txn};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{LeaseKey, MountId, NamespaceId};
use crate::operation::{Access, Capability, Context, Operation, Outside, Target};
use crate::path::{EntryPath, MountPath};
use crate::record::Record;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Response};

/// How long until a rotation that failed, or whose process died, is tried again: longer than the
/// timeout of a driver.
const AGAIN: Duration = Duration::from_secs(60);

/// Says which static role is due.
#[derive(Serialize, Deserialize)]
struct Due {
    namespace: NamespaceId,
    mount: MountId,
    name: Name,
}

impl Record for Due {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "static database role that is due";
}

/// When static roles are rotated.
const AGENDA: Agenda = Agenda("database-due");

fn due_path(stored: &Stored) -> Result<EntryPath> {
    AGENDA.entry(stored.due, &data_encoding::HEXLOWER.encode(&stored.id))
}

/// Deletes what says when a role is due.
pub(super) fn forget_due(txn: &mut Txn<'_>, stored: &Stored) -> Result<()> {
    txn.delete(due_path(stored)?);
    Ok(())
}

/// Stores a role, and when it is due.
pub(super) fn schedule(txn: &mut Txn<'_>, site: Site, name: &Name, stored: Stored) -> Result<()> {
    let due = Due {
        namespace: site.namespace,
        mount: site.mount,
        name: name.clone(),
    };
    txn.store(due_path(&stored)?, &due)?;
    statics::store(txn, site, name, &stored)
}

/// Returns what may be due at the time of the transaction, at most `limit` entries, from behind
/// `after`.
pub(crate) fn due(
    txn: &mut Txn<'_>,
    after: Option<&EntryPath>,
    limit: usize,
) -> Result<Vec<EntryPath>> {
    let now = txn.now();
    AGENDA.due(txn, now, after, limit)
}

/// A rotation under way.
pub(crate) struct Rotating {
    site: Site,
    name: Name,
    opener: Opener,
    claim: [u8; 16],
    /// Which of the users.
    user: usize,
    username: String,
    password: SecretString,
    statements: Vec<String>,
    /// Whether the database refused the password.
    refused: bool,
}

/// Stores what is to be set, and until when nobody else begins.
pub(super) fn begin(
    cx: &mut Context<'_, '_>,
    site: Site,
    name: &Name,
    mut stored: Stored,
) -> Result<Rotating> {
    let config = config::known(cx.txn, site, &stored.config)?;
    let claim = Claim::take(cx.txn, stored.claim.as_ref(), AGAIN)?;
    let repaired = stored.repaired();
    let user = repaired.unwrap_or_else(|| stored.next());
    let username = stored.usernames.get(user).cloned().unwrap_or_default();
    let password = match (repaired, &stored.pending) {
        (Some(user), _) => stored.passwords.get(user).cloned(),
        (None, Some(pending)) => Some(pending.clone()),
        (None, None) => {
            let policy = &config.password_policy;
            let fresh = password::generate(cx.txn, site, policy, &username)?;
            stored.pending = Some(fresh.expose().to_owned());
            stored.pending.clone()
        }
    };
    let password = Zeroizing::new(password.unwrap_or_default());
    stored.due = claim.until;
    let rotating = Rotating {
        site,
        name: name.clone(),
        opener: Databases::of(cx.registry)?.opener(site, config)?,
        claim: claim.id,
        user,
        username,
        password: SecretString::copy_from(&password),
        statements: stored.statements.clone(),
        refused: false,
    };
    stored.claim = Some(claim);
    schedule(cx.txn, site, name, stored)?;
    Ok(rotating)
}

/// What is done outside, and recorded after.
pub(super) struct Turning<'r>(pub(super) &'r mut Rotating);

impl Outside for Turning<'_> {
    fn act(&mut self) -> Result<()> {
        let rotating = &*self.0;
        let mut change = ChangeUser::new(&rotating.username);
        change.password = Some(&rotating.password);
        change.statements = &rotating.statements;
        let done = rotating.opener.open()?.change(&change);
        self.0.refused = done.as_ref().is_err_and(is_refusal);
        done
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        let rotating = &*self.0;
        let (site, name) = (rotating.site, &rotating.name);
        let Some(mut stored) = statics::load(cx.txn, site, name)? else {
            return Ok(()); // it was deleted meanwhile
        };
        let now = cx.txn.now();
        forget_due(cx.txn, &stored)?;
        if stored.claim.as_ref().map(|held| held.id) != Some(rotating.claim) {
            rotating.doubt(&mut stored, now);
        } else {
            rotating.promote(&mut stored, now)?;
        }
        schedule(cx.txn, site, name, stored)
    }

    fn abandon(&mut self, txn: &mut Txn<'_>) -> Result<()> {
        let rotating = &*self.0;
        let (site, name) = (rotating.site, &rotating.name);
        let Some(mut stored) = statics::load(txn, site, name)? else {
            return Ok(());
        };
        let claim = stored.claim.take_if(|held| held.id == rotating.claim);
        if claim.is_none() {
            forget_due(txn, &stored)?;
            rotating.doubt(&mut stored, txn.now());
        } else if rotating.refused {
            // It would be refused again: the next attempt makes another one, by the policy of then.
            stored.pending.zeroize();
            stored.pending = None;
        }
        schedule(txn, site, name, stored)
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        None
    }
}

impl Rotating {
    /// Says that the password is the one in force.
    fn promote(&self, stored: &mut Stored, now: Timestamp) -> Result<()> {
        stored.claim = None;
        let user = u8::try_from(self.user).ok();
        stored.doubted.take_if(|doubted| Some(*doubted) == user);
        if stored.pending.as_deref() == Some(self.password.expose()) && self.user == stored.next() {
            let pending = stored.pending.take().unwrap_or_default();
            if let Some(password) = stored.passwords.get_mut(self.user) {
                *password = pending;
            }
            stored.active = user.unwrap_or_default();
            stored.rotated = Some(now);
        }
        match stored.pending.is_some() || stored.doubted.is_some() {
            true => stored.due = now,
            false => stored.plan(now)?,
        }
        Ok(())
    }

    /// Says that the password was set after somebody else had reason to begin: nobody knows whose came
    /// last, and the stored one is set anew. Another role may have the name by now: it is asked by the
    /// user, and left alone if that is none of its own.
    fn doubt(&self, stored: &mut Stored, now: Timestamp) {
        let mut users = stored.usernames.iter();
        let Some(user) = users.position(|user| *user == self.username) else {
            return;
        };
        stored.claim = None;
        stored.doubted = u8::try_from(user).ok();
        stored.due = now;
    }
}

/// Changes the password of a static role now.
pub(crate) struct RotateStatic<'d> {
    pub(crate) mount: &'d MountPath,
    pub(crate) name: Name,
}

impl Operation for RotateStatic<'_> {
    type Reply = Rotating;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx, "rotate-role", &self.name)?;
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Rotating> {
        let site = Site::of(cx.mount()?);
        let stored = statics::known(cx.txn, site, &self.name)?;
        let soon = |earliest: &Timestamp| *earliest > cx.txn.now();
        if stored.usernames.len() == 2 && stored.earliest().as_ref().is_some_and(soon) {
            return Err(Error::invalid(
                "the user whose turn is next may still be in use: wait until the grace is over",
            ));
        }
        forget_due(cx.txn, &stored)?;
        begin(cx, site, &self.name, stored)
    }

    fn outside<'r>(&'r self, rotating: &'r mut Rotating) -> Option<Box<dyn Outside + 'r>> {
        Some(Box::new(Turning(rotating)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Rotating) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Returns whether a database understood what it was asked for, and refused it.
pub(super) fn is_refusal(error: &Error) -> bool {
    error.kind() == ErrorKind::InvalidArgument
}

/// Returns whether a rotation cannot begin until somebody has changed something: its connection or its
/// password policy is gone.
fn lasts(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidArgument | ErrorKind::NotFound | ErrorKind::Unsupported
    )
}

/// Lets a role be due later.
fn put_off(txn: &mut Txn<'_>, site: Site, name: &Name, mut stored: Stored) -> Result<()> {
    stored.due = txn.now().saturating_add(AGAIN);
    schedule(txn, site, name, stored)
}

/// Changes the password of the static role that an entry says is due, if it is.
pub(crate) struct RotateDue {
    pub(crate) entry: EntryPath,
}

impl Operation for RotateDue {
    /// What is under way, if anything is; or why nothing can be, which is tried again later.
    type Reply = Option<Result<Rotating>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    /// It was decided when the role was written.
    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(Vec::new())
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let Some(due) = cx.txn.load::<Due>(&self.entry)? else {
            return Ok(None); // somebody else did it
        };
        let site = Site {
            namespace: due.namespace,
            mount: due.mount,
        };
        let now = cx.txn.now();
        let stored = statics::load(cx.txn, site, &due.name)?;
        if let Some(stored) = &stored
            && let Some(config) = config::load(cx.txn, site, &stored.config)?
            && !Databases::of(cx.registry)?.has(&config.plugin)
        {
            return Ok(None); // it is left to a process that has the driver
        }
        cx.txn.delete(self.entry.clone());
        match stored {
            Some(mut stored) if due_path(&stored)? == self.entry => {
                if stored.is_missed(now) {
                    stored.plan(now)?;
                }
                if stored.due > now {
                    schedule(cx.txn, site, &due.name, stored)?; // not yet, or not any more
                    return Ok(None);
                }
                let kept = stored.clone();
                match begin(cx, site, &due.name, stored) {
                    Err(error) if lasts(&error) => {
                        put_off(cx.txn, site, &due.name, kept)?;
                        Ok(Some(Err(error)))
                    }
                    begun => begun.map(|rotating| Some(Ok(rotating))),
                }
            }
            _ => Ok(None), // the entry is not true any more
        }
    }

    fn outside<'r>(&'r self, turning: &'r mut Self::Reply) -> Option<Box<dyn Outside + 'r>> {
        let rotating = turning.as_mut()?.as_mut().ok()?;
        Some(Box::new(Turning(rotating)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, _: &Self::Reply) -> Result<Response> {
        Ok(Response::empty())
    }
}
