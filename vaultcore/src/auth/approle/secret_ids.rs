//! Secret ids: made, listed, looked at, destroyed.

use zeroize::Zeroizing;

use super::options::{IssuedSecretId, NewSecretId, SecretIdInfo};
use super::role::{Place, Role, accessor_tree};
use super::secret_id::{self, Found, SecretId};
use super::{KIND, MAX_ID, api, api_path, no_role, uuid};
use crate::auth::params::{least, networks_of};
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::rights::covers;
use crate::secret::SecretString;
use crate::token::micros;
use crate::wire::{Json, Object, Response};

/// The most notes on a secret id, and the longest of their names and values in bytes.
const MAX_NOTES: usize = 64;
const MAX_NOTE: usize = 512;

fn load(cx: &mut Context<'_, '_>, name: &str) -> Result<(Place, Role)> {
    let place = Place::of(cx)?;
    let role = Role::load(cx, place, name)?.ok_or_else(no_role)?;
    Ok((place, role))
}

fn access(
    cx: &Context<'_, '_>,
    role: &str,
    end: &str,
    capability: Capability,
) -> Result<Vec<Access>> {
    let path = api_path(cx.mount()?, &format!("role/{role}/{end}"));
    Ok(vec![Access::new(path, capability)])
}

/// Makes a secret id.
pub(crate) struct CreateSecretId<'p> {
    pub(crate) mount: &'p MountPath,
    /// In its one spelling, here and below.
    pub(crate) role: String,
    pub(crate) new: NewSecretId,
}

impl Operation for CreateSecretId<'_> {
    type Reply = IssuedSecretId;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let end = match self.new.chosen {
            Some(_) => "custom-secret-id",
            None => "secret-id",
        };
        access(cx, &self.role, end, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<IssuedSecretId> {
        let (place, role) = load(cx, &self.role)?;
        if !role.bind_secret_id {
            return Err(Error::invalid("bind_secret_id is not set on the role"));
        }
        let text = self.text(cx, &role)?;
        let ttl = self.ttl(cx, &role)?;
        let now = cx.txn.now();
        let context: [&[u8]; 3] = [b"accessor", &role.key, text.expose().as_bytes()];
        let entry = SecretId {
            accessor: uuid(&cx.txn.unique(&context)?).to_string(),
            metadata: self.notes()?,
            uses: self.uses(&role)?,
            ttl: micros(ttl),
            created: now,
            updated: now,
            expires: (!ttl.is_zero()).then(|| now.saturating_add(ttl)),
            cidrs: subset(&self.new.cidrs, &role.secret_id_bound_cidrs)?,
            token_cidrs: subset(&self.new.token_cidrs, &role.params.bound_cidrs)?,
        };
        entry.create(cx, place, &role, text.expose())?;
        Ok(IssuedSecretId {
            secret_id: text,
            accessor: entry.accessor,
            num_uses: entry.uses,
            ttl,
        })
    }

    fn input(&self) -> Json {
        api::new_secret_id(&self.new)
    }

    fn output(&self, issued: &IssuedSecretId) -> Result<Response> {
        Ok(api::issued(issued))
    }
}

impl CreateSecretId<'_> {
    fn text(&self, cx: &Context<'_, '_>, role: &Role) -> Result<SecretString> {
        let Some(chosen) = &self.new.chosen else {
            let bytes = Zeroizing::new(cx.txn.unique(&[b"secret id", &role.key])?);
            return Ok(SecretString::copy_from(&uuid(&bytes)));
        };
        let length = chosen.expose().len();
        if length == 0 || length > MAX_ID {
            return Err(Error::invalid("a secret_id has 1 to 4096 bytes"));
        }
        Ok(SecretString::copy_from(chosen.expose()))
    }

    /// Returns how long it lives: not longer than the role and the mount say.
    fn ttl(&self, cx: &Context<'_, '_>, role: &Role) -> Result<std::time::Duration> {
        use std::time::Duration;
        let allowed = Duration::from_micros(role.secret_id_ttl);
        let wanted = self.new.ttl.unwrap_or(allowed);
        if !allowed.is_zero() && (wanted.is_zero() || wanted > allowed) {
            return Err(Error::invalid(
                "ttl cannot be longer than the role's secret_id_ttl",
            ));
        }
        let most = least(Duration::ZERO, cx.mount()?.max_ttl);
        Ok(wanted.min(most))
    }

    fn uses(&self, role: &Role) -> Result<u64> {
        let allowed = role.secret_id_num_uses;
        let wanted = self.new.num_uses.unwrap_or(allowed);
        if allowed > 0 && (wanted == 0 || wanted > allowed) {
            return Err(Error::invalid(
                "num_uses cannot be higher than the role's secret_id_num_uses",
            ));
        }
        Ok(wanted)
    }

    fn notes(&self) -> Result<std::collections::BTreeMap<String, String>> {
        let notes = &self.new.metadata;
        let long = |text: &String| text.len() > MAX_NOTE;
        if notes.len() > MAX_NOTES || notes.iter().any(|(name, value)| long(name) || long(value)) {
            return Err(Error::invalid(
                "a secret_id has at most 64 notes, with names and values of at most 512 bytes",
            ));
        }
        Ok(notes.clone())
    }
}

/// Returns `networks` if they lie within those of the role.
fn subset(networks: &[String], role: &[String]) -> Result<Vec<String>> {
    let networks = networks_of(networks.to_vec())?;
    if role.is_empty() || networks.iter().all(|network| covers(role, network)) {
        return Ok(networks);
    }
    Err(Error::invalid(
        "the CIDR blocks of a secret_id lie within those of its role",
    ))
}

/// Lists the accessors of a role's secret ids.
pub(crate) struct ListSecretIds<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) role: String,
}

impl Operation for ListSecretIds<'_> {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, &self.role, "secret-id/", Capability::List)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let (place, role) = load(cx, &self.role)?;
        cx.txn.names(accessor_tree(place), &role.accessors())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, accessors: &Self::Reply) -> Result<Response> {
        let accessors = accessors.iter().map(|accessor| accessor.as_str());
        Ok(Response::list(Object::new().list("keys", accessors)))
    }
}

/// By what a secret id is named.
pub(crate) enum By {
    Text(SecretString),
    Accessor(String),
}

impl By {
    fn find(&self, cx: &mut Context<'_, '_>, place: Place, role: &Role) -> Result<Option<Found>> {
        match self {
            Self::Text(text) => secret_id::with_text(cx, place, &role.key, text.expose()),
            Self::Accessor(accessor) => secret_id::with_accessor(cx, place, role, accessor),
        }
    }

    fn path(&self, verb: &str) -> String {
        match self {
            Self::Text(_) => format!("secret-id/{verb}"),
            Self::Accessor(_) => format!("secret-id-accessor/{verb}"),
        }
    }

    fn input(&self) -> Json {
        let object = match self {
            Self::Text(text) => Object::new().text("secret_id", text.expose()),
            Self::Accessor(accessor) => Object::new().text("secret_id_accessor", accessor),
        };
        object.finish()
    }
}

/// Looks at a secret id.
pub(crate) struct LookupSecretId<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) role: String,
    pub(crate) by: By,
}

impl Operation for LookupSecretId<'_> {
    /// `None` if the role has no such secret id in force.
    type Reply = Option<SecretIdInfo>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, &self.role, &self.by.path("lookup"), Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let (place, role) = load(cx, &self.role)?;
        let found = self.by.find(cx, place, &role)?;
        let now = cx.txn.now();
        let found = found.filter(|found| found.entry.in_force(now));
        Ok(found.map(|found| found.entry.info()))
    }

    fn input(&self) -> Json {
        self.by.input()
    }

    fn output(&self, info: &Self::Reply) -> Result<Response> {
        match (info, &self.by) {
            (Some(info), _) => Ok(api::secret_id(info)),
            (None, By::Text(_)) => Ok(Response::empty()), // as in Vault
            (None, By::Accessor(_)) => Err(no_accessor()),
        }
    }
}

/// Destroys a secret id. The tokens that were got by it live on.
pub(crate) struct DestroySecretId<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) role: String,
    pub(crate) by: By,
}

impl Operation for DestroySecretId<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(cx, &self.role, &self.by.path("destroy"), Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let (place, role) = load(cx, &self.role)?;
        match (self.by.find(cx, place, &role)?, &self.by) {
            (Some(found), _) => found.delete(cx.txn, place, &role.key),
            (None, By::Text(_)) => Ok(()), // as in Vault
            (None, By::Accessor(_)) => Err(no_accessor()),
        }
    }

    fn input(&self) -> Json {
        self.by.input()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

fn no_accessor() -> Error {
    Error::not_found("the role has no secret_id with this accessor")
}
