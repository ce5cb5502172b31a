//! Users with passwords.
//!
//! Stored as: `userpass-user/<mount>/<hidden name>` a user; `userpass-try/<mount>/..` the logins
//! that failed of late.

mod api;
mod lockout;
mod login;
#[cfg(test)]
mod tests;
mod users;

pub(crate) use login::{Login, refused};
pub(crate) use users::{DeleteUser, ListUsers, Part, ReadUser, WriteUser};

use serde::{Deserialize, Serialize};

use super::params::TokenParams;
use super::password::PasswordHash;
use crate::barrier::Tree;
use crate::error::{Error, Result};
use crate::operation::{AuthMethod, Context, Handler, Mounted};
use crate::path::EntryPath;
use crate::record::Record;
use crate::token::Token;
use crate::wire::Route;

/// The kind under which it is enabled.
pub(crate) const KIND: &str = "userpass";
/// The note on a token that names the user, as Vault has it.
const USERNAME: &str = "username";

/// The auth method.
pub(crate) struct Userpass;

impl AuthMethod for Userpass {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn areas(&self) -> &'static [&'static str] {
        &["userpass-user", "userpass-try"]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        api::ROUTES
    }

    /// A token lives on only as long as its user would get the like of it.
    fn renew(&self, cx: &mut Context<'_, '_>, mount: Mounted<'_>, token: &Token) -> Result<()> {
        let name = token.entry.metadata.get(USERNAME);
        let user = match name {
            Some(name) => User::load(cx, mount, name)?,
            None => None,
        };
        match user {
            Some(user) if user.params.token_policies() == token.entry.policies => Ok(()),
            _ => Err(Error::invalid(
                "the user's policies have changed: log in anew instead of renewing",
            )),
        }
    }
}

/// A user, as stored.
#[derive(Serialize, Deserialize)]
pub(crate) struct User {
    password: PasswordHash,
    pub(crate) params: TokenParams,
}

impl Record for User {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "user";

    fn is_sound(&self) -> bool {
        self.password.is_sane()
    }
}

impl User {
    /// Reads the user of this name in its one spelling, if there is such a one.
    fn load(cx: &mut Context<'_, '_>, mount: Mounted<'_>, name: &str) -> Result<Option<Self>> {
        let path = Self::path(cx, mount, name)?;
        cx.txn.load(&path)
    }

    fn path(cx: &Context<'_, '_>, mount: Mounted<'_>, name: &str) -> Result<EntryPath> {
        cx.txn.hidden_entry(tree(mount), name)
    }
}

fn tree(mount: Mounted<'_>) -> Tree {
    Tree {
        namespace: mount.namespace,
        area: "userpass-user",
        mount: mount.id,
    }
}

/// Returns a path as policies name it: `auth/` `userpass/` `users/bob`.
fn api_path(mount: Mounted<'_>, path: &str) -> String {
    format!("auth/{}{path}", mount.path.as_str())
}
