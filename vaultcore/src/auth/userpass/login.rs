//! Logging in.

use super::lockout::Attempts;
use super::{KIND, USERNAME, User, api_path};
use crate::auth::outcome::LoginOutcome;
use crate::auth::params;
use crate::auth::password::{Presented, check};
use crate::auth::{name, params::TokenParams};
use crate::error::{Error, Result};
use crate::operation::{Access, Admission, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::rights::within;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Response};

/// Logs a user in.
pub(crate) struct Login<'p> {
    mount: &'p MountPath,
    name: String,
    password: Presented,
}

impl<'p> Login<'p> {
    /// Creates a login.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or password that nobody has.
    pub(crate) fn new(mount: &'p MountPath, name: &str, password: SecretString) -> Result<Self> {
        check(&password)?;
        Ok(Self {
            mount,
            name: name::canonical(name)?,
            password: Presented::new(password),
        })
    }

    fn grant(&self, cx: &mut Context<'_, '_>, params: &TokenParams) -> Result<LoginOutcome> {
        let mount = cx.mount()?;
        let source = mount.path.as_str().trim_end_matches('/').replace('/', "-");
        let login = params::Login {
            display_name: format!("{source}-{}", self.name),
            metadata: [(USERNAME.to_owned(), self.name.clone())].into(),
            role: String::new(),
            path: api_path(mount, &format!("login/{}", self.name)),
            entity: None,
        };
        LoginOutcome::grant(cx, params, &self.name, login)
    }
}

/// The one answer to whoever is not let in, whatever the reason.
pub(crate) fn refused() -> Error {
    Error::invalid("invalid username or password")
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
        let path = api_path(cx.mount()?, &format!("login/{}", self.name));
        Ok(vec![Access::new(path, Capability::Update)])
    }

    /// Does the same work for users and for nobody, and for those who are locked out.
    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<LoginOutcome> {
        let mount = cx.mount()?;
        let user = User::load(cx, mount, &self.name)?;
        let attempts = Attempts::load(cx, mount, &self.name, user.is_some())?;
        let right = self.password.is(user.as_ref().map(|user| &user.password))?;
        if attempts.locked(cx.txn.now()) {
            return Ok(LoginOutcome::Refused);
        }
        let near = |user: &User| {
            let networks = &user.params.bound_cidrs;
            networks.is_empty() || within(networks, cx.remote)
        };
        if let Some(user) = user.filter(|user| right && near(user)) {
            attempts.clear(cx);
            return self.grant(cx, &user.params);
        }
        attempts.count(cx)?;
        Ok(LoginOutcome::Refused)
    }

    fn input(&self) -> Json {
        Object::new()
            .text("password", self.password.expose())
            .finish()
    }

    fn output(&self, outcome: &LoginOutcome) -> Result<Response> {
        outcome.output(refused)
    }
}
