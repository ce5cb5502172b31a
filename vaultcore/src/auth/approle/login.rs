//! Logging in.

use super::role::{Place, Role};
use super::secret_id::{self, Found};
use super::{KIND, MAX_ID, ROLE_NAME, api_path};
use crate::auth::outcome::LoginOutcome;
use crate::auth::params;
use crate::error::{Error, Result};
use crate::operation::{Access, Admission, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::rights::{covers, within};
use crate::secret::SecretString;
use crate::wire::{Json, Object, Response};

/// Logs a machine in.
pub(crate) struct Login<'p> {
    mount: &'p MountPath,
    role_id: SecretString,
    /// Empty where the role takes none.
    secret_id: SecretString,
}

impl<'p> Login<'p> {
    /// Creates a login. Ids that nobody has are refused once it runs: whoever asks has no token,
    /// and is told so all the same.
    pub(crate) fn new(
        mount: &'p MountPath,
        role_id: SecretString,
        secret_id: SecretString,
    ) -> Self {
        Self {
            mount,
            role_id,
            secret_id,
        }
    }

    fn check(&self) -> Result<()> {
        let (role_id, secret_id) = (self.role_id.expose(), self.secret_id.expose());
        if role_id.is_empty() {
            return Err(Error::invalid("missing role_id"));
        }
        if role_id.len() > MAX_ID || secret_id.len() > MAX_ID {
            return Err(Error::invalid(
                "a role_id and a secret_id have at most 4096 bytes",
            ));
        }
        Ok(())
    }
}

/// The one answer to whoever is not let in, whatever the reason.
pub(crate) fn refused() -> Error {
    Error::invalid("invalid role or secret ID")
}

impl Operation for Login<'_> {
    type Reply = LoginOutcome;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn admission(&self) -> Admission {
        Admission::Anyone
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "login");
        Ok(vec![Access::new(path, Capability::Update)])
    }

    /// Does the same reads for a role and for none. A use of the secret id is taken when all else
    /// is right, in the commit that makes the token.
    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<LoginOutcome> {
        self.check()?;
        let place = Place::of(cx)?;
        let role = Role::with_id(cx, place, self.role_id.expose())?;
        let key = role.as_ref().map_or([0; 16], |role| role.key);
        let secret_id = secret_id::with_text(cx, place, &key, self.secret_id.expose())?;
        let Some(role) = role else {
            return Ok(LoginOutcome::Refused);
        };
        let secret_id = secret_id.filter(|_| role.bind_secret_id);
        if role.bind_secret_id && secret_id.is_none() {
            return Ok(LoginOutcome::Refused);
        }
        let Some(networks) = token_networks(cx, &role, secret_id.as_ref()) else {
            return Ok(LoginOutcome::Refused);
        };
        let mut params = role.params.clone();
        params.bound_cidrs = networks;
        let login = login(cx, &role, secret_id.as_ref())?;
        let granted = LoginOutcome::grant(cx, &params, &role.role_id, login)?;
        if let Some(secret_id) = secret_id {
            secret_id.spend(cx, place, &role)?;
        }
        Ok(granted)
    }

    fn input(&self) -> Json {
        Object::new()
            .text("role_id", self.role_id.expose())
            .text("secret_id", self.secret_id.expose())
            .finish()
    }

    fn output(&self, outcome: &LoginOutcome) -> Result<Response> {
        outcome.output(refused)
    }
}

/// Returns the networks that the token is bound to; `None` if the secret id is not in force, or
/// the caller not in every network that it has to be in.
fn token_networks(
    cx: &Context<'_, '_>,
    role: &Role,
    secret_id: Option<&Found>,
) -> Option<Vec<String>> {
    let near = |networks: &[String]| networks.is_empty() || within(networks, cx.remote);
    let mut networks = role.params.bound_cidrs.clone();
    if let Some(found) = secret_id {
        let entry = &found.entry;
        if !entry.in_force(cx.txn.now()) || !near(&entry.cidrs) {
            return None;
        }
        if !entry.token_cidrs.is_empty() {
            // What the role allows may have become less since.
            let allowed = |network: &&String| networks.is_empty() || covers(&networks, network);
            networks = entry.token_cidrs.iter().filter(allowed).cloned().collect();
            if networks.is_empty() {
                return None;
            }
        }
    }
    (near(&role.secret_id_bound_cidrs) && near(&networks)).then_some(networks)
}

fn login(cx: &Context<'_, '_>, role: &Role, secret_id: Option<&Found>) -> Result<params::Login> {
    let mount = cx.mount()?;
    let mut metadata =
        secret_id.map_or_else(Default::default, |found| found.entry.metadata.clone());
    metadata.insert(ROLE_NAME.to_owned(), role.name.clone());
    Ok(params::Login {
        display_name: mount.path.as_str().trim_end_matches('/').replace('/', "-"),
        metadata,
        role: String::new(),
        path: api_path(mount, "login"),
        entity: None,
        groups: Vec::new(),
    })
}
