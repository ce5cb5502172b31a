//! The fields of a role that have paths of their own.

use super::options::RoleOptions;
use super::role::Role;
use crate::auth::options::TokenOptions;
use crate::error::{Error, Result};
use crate::wire::{Fields, Object};

/// A field of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    RoleId,
    Policies,
    BindSecretId,
    SecretIdBoundCidrs,
    /// What `SecretIdBoundCidrs` was called before.
    BoundCidrList,
    SecretIdNumUses,
    SecretIdTtl,
    LocalSecretIds,
    Period,
    TokenNumUses,
    TokenTtl,
    TokenMaxTtl,
    TokenBoundCidrs,
}

impl Field {
    const ALL: [Self; 13] = [
        Self::RoleId,
        Self::Policies,
        Self::BindSecretId,
        Self::SecretIdBoundCidrs,
        Self::BoundCidrList,
        Self::SecretIdNumUses,
        Self::SecretIdTtl,
        Self::LocalSecretIds,
        Self::Period,
        Self::TokenNumUses,
        Self::TokenTtl,
        Self::TokenMaxTtl,
        Self::TokenBoundCidrs,
    ];

    /// Returns the last part of the path, and the name in JSON.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::RoleId => ("role-id", "role_id"),
            Self::Policies => ("policies", "token_policies"),
            Self::BindSecretId => ("bind-secret-id", "bind_secret_id"),
            Self::SecretIdBoundCidrs => ("secret-id-bound-cidrs", "secret_id_bound_cidrs"),
            Self::BoundCidrList => ("bound-cidr-list", "bound_cidr_list"),
            Self::SecretIdNumUses => ("secret-id-num-uses", "secret_id_num_uses"),
            Self::SecretIdTtl => ("secret-id-ttl", "secret_id_ttl"),
            Self::LocalSecretIds => ("local-secret-ids", "local_secret_ids"),
            Self::Period => ("period", "token_period"),
            Self::TokenNumUses => ("token-num-uses", "token_num_uses"),
            Self::TokenTtl => ("token-ttl", "token_ttl"),
            Self::TokenMaxTtl => ("token-max-ttl", "token_max_ttl"),
            Self::TokenBoundCidrs => ("token-bound-cidrs", "token_bound_cidrs"),
        }
    }

    /// Returns the last part of the path.
    pub(super) fn path(self) -> &'static str {
        self.names().0
    }

    /// Returns the field at this path.
    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.path() == path)
    }

    /// Reads what a request makes of this field.
    ///
    /// # Errors
    /// `InvalidArgument` if it is not there.
    pub(super) fn read(self, fields: &Fields<'_>) -> Result<RoleOptions> {
        let (_, name) = self.names();
        let missing = || Error::invalid(format!("missing {name}"));
        let (old, new) = (RoleOptions::new(), TokenOptions::new());
        let duration = || fields.duration(name)?.ok_or_else(missing);
        let count = || fields.count(name)?.ok_or_else(missing);
        let list = || fields.list(name)?.ok_or_else(missing);
        let flag = || fields.flag(name)?.ok_or_else(missing);
        Ok(match self {
            Self::RoleId => {
                let id = fields.text(name)?.filter(|id| !id.is_empty());
                old.role_id(id.ok_or_else(missing)?.as_str())
            }
            Self::Policies => {
                if !fields.has(name) && !fields.has("policies") {
                    return Err(missing());
                }
                old.token(TokenOptions::read(fields, super::api::OLD_NAMES)?.policies_alone())
            }
            Self::BindSecretId => old.bind_secret_id(flag()?),
            Self::SecretIdBoundCidrs | Self::BoundCidrList => old.secret_id_bound_cidrs(list()?),
            Self::SecretIdNumUses => old.secret_id_num_uses(count()?),
            Self::SecretIdTtl => old.secret_id_ttl(duration()?),
            Self::LocalSecretIds => old.local_secret_ids(flag()?),
            Self::Period => {
                let period = match fields.duration(name)? {
                    Some(period) => Some(period),
                    None => fields.duration("period")?,
                };
                old.token(new.period(period.ok_or_else(missing)?))
            }
            Self::TokenNumUses => old.token(new.num_uses(count()?)),
            Self::TokenTtl => old.token(new.ttl(duration()?)),
            Self::TokenMaxTtl => old.token(new.max_ttl(duration()?)),
            Self::TokenBoundCidrs => old.token(new.bound_cidrs(list()?)),
        })
    }

    /// Puts the field back to what it is in a new role; an id stays.
    pub(super) fn reset(self, role: &mut Role) {
        match self {
            Self::RoleId | Self::LocalSecretIds => {}
            Self::Policies => role.params.policies.clear(),
            Self::BindSecretId => role.bind_secret_id = true,
            Self::SecretIdBoundCidrs | Self::BoundCidrList => role.secret_id_bound_cidrs.clear(),
            Self::SecretIdNumUses => role.secret_id_num_uses = 0,
            Self::SecretIdTtl => role.secret_id_ttl = 0,
            Self::Period => role.params.period = 0,
            Self::TokenNumUses => role.params.num_uses = 0,
            Self::TokenTtl => role.params.ttl = 0,
            Self::TokenMaxTtl => role.params.max_ttl = 0,
            Self::TokenBoundCidrs => role.params.bound_cidrs.clear(),
        }
    }

    /// Adds the field to a reply.
    pub(super) fn output(self, role: &Role, object: Object) -> Object {
        let seconds = |micros: u64| micros / 1_000_000;
        let (_, name) = self.names();
        match self {
            Self::RoleId => object.text(name, &role.role_id),
            Self::Policies => object.list(name, &role.params.policies),
            Self::BindSecretId => object.flag(name, role.bind_secret_id),
            Self::SecretIdBoundCidrs | Self::BoundCidrList => {
                match role.secret_id_bound_cidrs.is_empty() {
                    true => object.null(name), // as in Vault
                    false => object.list(name, &role.secret_id_bound_cidrs),
                }
            }
            Self::SecretIdNumUses => object.number(name, role.secret_id_num_uses),
            Self::SecretIdTtl => object.number(name, seconds(role.secret_id_ttl)),
            Self::LocalSecretIds => object.flag(name, role.local_secret_ids),
            Self::Period => object.number(name, seconds(role.params.period)),
            Self::TokenNumUses => object.number(name, role.params.num_uses),
            Self::TokenTtl => object.number(name, seconds(role.params.ttl)),
            Self::TokenMaxTtl => object.number(name, seconds(role.params.max_ttl)),
            Self::TokenBoundCidrs => object.list(name, &role.params.bound_cidrs),
        }
    }
}
