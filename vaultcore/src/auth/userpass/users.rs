//! Users: written, read, removed, listed.

use zeroize::Zeroizing;

use super::lockout::Attempts;
use super::{KIND, User, api, api_path, tree};
use crate::auth::options::TokenOptions;
use crate::auth::params::TokenParams;
use crate::auth::password::Chosen;
use crate::error::{Error, Result};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::MountPath;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Page, Response};

/// Which part of a user is written; the parts have paths of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it, a new user too.
    Whole,
    Password,
    Policies,
}

impl Part {
    fn suffix(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Password => "/password",
            Self::Policies => "/policies",
        }
    }
}

/// Writes a user: what is not named stays as it is.
pub(crate) struct WriteUser<'p> {
    pub(crate) mount: &'p MountPath,
    /// In its one spelling, here and below.
    pub(crate) name: String,
    pub(crate) part: Part,
    pub(crate) password: Option<SecretString>,
    pub(crate) options: TokenOptions,
    pub(crate) chosen: Chosen,
}

impl Operation for WriteUser<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let mount = cx.mount()?;
        let new = self.part == Part::Whole && User::load(cx, mount, &self.name)?.is_none();
        let capability = match new {
            true => Capability::Create,
            false => Capability::Update,
        };
        let path = api_path(mount, &format!("users/{}{}", self.name, self.part.suffix()));
        Ok(vec![Access::new(path, capability)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mount = cx.mount()?;
        let user = User::load(cx, mount, &self.name)?;
        if user.is_none() && self.part != Part::Whole {
            return Err(Error::invalid("username does not exist"));
        }
        let context: [&[u8]; 3] = [b"password", mount.id.as_bytes(), self.name.as_bytes()];
        let hash = match &self.password {
            Some(password) => Some(self.chosen.hash(cx.txn, password, &context)?),
            None => None,
        };
        let mut user = match (user, &hash) {
            (Some(user), _) => user,
            (None, Some(hash)) => User {
                password: hash.clone(),
                params: TokenParams::default(),
            },
            (None, None) => return Err(Error::invalid("a new user takes a password")),
        };
        if let Some(hash) = hash {
            user.password = hash;
            // Whoever may set a password may also let somebody in again.
            Attempts::load(cx, mount, &self.name, true)?.clear(cx);
        }
        self.options.apply(&mut user.params)?;
        cx.txn.store(User::path(cx, mount, &self.name)?, &user)
    }

    fn input(&self) -> Json {
        let object = match &self.password {
            Some(password) => Object::new().text("password", password.expose()),
            None => Object::new(),
        };
        self.options.input(object).finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads what the tokens of a user are like.
pub(crate) struct ReadUser<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) name: String,
}

impl Operation for ReadUser<'_> {
    type Reply = Option<User>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, &format!("users/{}", self.name));
        Ok(vec![Access::new(path, Capability::Read)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<User>> {
        let mount = cx.mount()?;
        User::load(cx, mount, &self.name)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, user: &Option<User>) -> Result<Response> {
        Ok(api::user(user.as_ref()))
    }
}

/// Removes a user. Its tokens live on until they run out or are to be renewed.
pub(crate) struct DeleteUser<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) name: String,
}

impl Operation for DeleteUser<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, &format!("users/{}", self.name));
        Ok(vec![Access::new(path, Capability::Delete)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let mount = cx.mount()?;
        Attempts::load(cx, mount, &self.name, true)?.clear(cx);
        cx.txn.delete(User::path(cx, mount, &self.name)?);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Lists the names of the users.
pub(crate) struct ListUsers<'p> {
    pub(crate) mount: &'p MountPath,
    pub(crate) page: Option<Page>,
}

impl Operation for ListUsers<'_> {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::Auth(self.mount, KIND)
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = api_path(cx.mount()?, "users/");
        Ok(vec![Access::new(path, Capability::List)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let mount = cx.mount()?;
        let names = cx.txn.names(tree(mount), "")?;
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
