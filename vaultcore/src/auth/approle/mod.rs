//! Roles of machines: a role id says who, a secret id proves it.
//!
//! Stored as: `approle-role/<mount>/<hidden name>` a role; `approle-role-id/<mount>/<hash>` from
//! its id to it; `approle-secret-id/<mount>/<role key>/<hash>` a secret id, which is stored nowhere
//! itself; `approle-accessor/<mount>/<hidden role key>/<hidden accessor>` from its accessor to it;
//! `sys/secret-id-due/<seconds>/<hash>` what runs out when. A role's key is random: what belonged
//! to a role that was deleted belongs to none that comes after it.

mod api;
mod fields;
mod login;
mod options;
mod role;
mod roles;
mod secret_id;
mod secret_ids;
#[cfg(test)]
mod tests;
mod tidy;

pub use options::{IssuedSecretId, NewSecretId, RoleOptions, RoleSettings, SecretIdInfo};

pub(crate) use fields::Field;
pub(crate) use login::{Login, refused};
pub(crate) use role::Role;
pub(crate) use roles::{DeleteRole, ListRoles, ReadRole, ResetField, WriteRole};
pub(crate) use secret_ids::{By, CreateSecretId, DestroySecretId, ListSecretIds, LookupSecretId};
pub(crate) use tidy::TidySecretIds;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::operation::{AuthMethod, Context, Handler, Mounted};
use crate::token::Token;
use crate::wire::Route;

/// The kind under which it is enabled.
pub(crate) const KIND: &str = "approle";
/// The note on a token that names the role, as Vault has it.
const ROLE_NAME: &str = "role_name";
/// The longest role id and secret id, in bytes.
const MAX_ID: usize = 4_096;

/// The auth method.
pub(crate) struct AppRole;

impl AuthMethod for AppRole {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn areas(&self) -> &'static [&'static str] {
        &[
            "approle-role",
            "approle-role-id",
            "approle-secret-id",
            "approle-accessor",
        ]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        api::ROUTES
    }

    /// A token lives on only as long as its role would give the like of it.
    fn renew(&self, cx: &mut Context<'_, '_>, mount: Mounted<'_>, token: &Token) -> Result<()> {
        let name = token.entry.metadata.get(ROLE_NAME);
        let role = match name {
            Some(name) => Role::load(cx, mount.into(), name)?,
            None => None,
        };
        match role {
            Some(role) if role.params.token_policies() == token.entry.policies => Ok(()),
            _ => Err(Error::invalid(
                "the role's policies have changed: log in anew instead of renewing",
            )),
        }
    }
}

/// Returns a path as policies name it: `auth/` `approle/` `role/web`.
fn api_path(mount: Mounted<'_>, path: &str) -> String {
    format!("auth/{}{path}", mount.path.as_str())
}

fn no_role() -> Error {
    Error::not_found("there is no such role")
}

/// Writes 16 bytes as Vault writes ids: `8-4-4-4-12` hex digits.
fn uuid(bytes: &[u8; 16]) -> Zeroizing<String> {
    let digits = Zeroizing::new(data_encoding::HEXLOWER.encode(bytes));
    let mut text = Zeroizing::new(String::with_capacity(36));
    for (index, digit) in digits.chars().enumerate() {
        if [8, 12, 16, 20].contains(&index) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}
