//! Logging in.

use super::lockout::Attempts;
use super::{KIND, USERNAME, User, api_path};
use crate::auth::outcome::LoginOutcome;
use crate::auth::params;
use crate::auth::password::Presented;
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
    /// Creates a login. What nobody may have as name or password is refused once it runs: whoever
    /// asks has no token, and is told so all the same.
    pub(crate) fn new(mount: &'p MountPath, name: &str, password: SecretString) -> Self {
        Self {
            mount,
            name: name.to_owned(),
            password: Presented::new(password),
        }
    }

    /// Returns the name in its one spelling.
    fn name(&self) -> Result<String> {
        name::canonical(&self.name)
    }

    fn grant(
        &self,
        cx: &mut Context<'_, '_>,
        name: &str,
        params: &TokenParams,
    ) -> Result<LoginOutcome> {
        let mount = cx.mount()?;
        let source = mount.path.as_str().trim_end_matches('/').replace('/', "-");
        let login = params::Login {
            display_name: format!("{source}-{name}"),
            metadata: [(USERNAME.to_owned(), name.to_owned())].into(),
            role: String::new(),
            path: api_path(mount, &format!("login/{name}")),
            entity: None,
            groups: Vec::new(),
        };
        LoginOutcome::grant(cx, params, name, login)
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
        let path = api_path(cx.mount()?, &format!("login/{}", self.name()?));
        Ok(vec![Access::new(path, Capability::Update)])
    }

    /// Does the same work for users and for nobody, and for those who are locked out.
    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<LoginOutcome> {
        self.password.check()?;
        let (mount, name) = (cx.mount()?, self.name()?);
        let user = User::load(cx, mount, &name)?;
        let attempts = Attempts::load(cx, mount, &name, user.is_some())?;
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
            return self.grant(cx, &name, &user.params);
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
