//! Roles: what tokens may be made, by whoever may use the role.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::api;
use crate::auth::params::{TokenParams, networks_of, policy_names};
use crate::barrier::Tree;
use crate::error::{Error, Result};
use crate::id::{MountId, NamespaceId};
use crate::operation::{Access, Capability, Context, Operation, Target};
use crate::path::SecretPath;
use crate::record::Record;
use crate::token::{DEFAULT_POLICY, ROOT_POLICY};
use crate::wire::{Fields, Json, Object, Response};

/// A role of tokens, as stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) params: TokenParams,
    pub(crate) allowed_policies: Vec<String>,
    pub(crate) disallowed_policies: Vec<String>,
    pub(crate) allowed_policies_glob: Vec<String>,
    pub(crate) disallowed_policies_glob: Vec<String>,
    pub(crate) allowed_entity_aliases: Vec<String>,
    pub(crate) orphan: bool,
    pub(crate) renewable: bool,
    pub(crate) path_suffix: String,
}

impl Record for Role {
    const FORMAT: u8 = 1;
    const NAME: &'static str = "token role";
}

impl Role {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            params: TokenParams::default(),
            allowed_policies: Vec::new(),
            disallowed_policies: Vec::new(),
            allowed_policies_glob: Vec::new(),
            disallowed_policies_glob: Vec::new(),
            allowed_entity_aliases: Vec::new(),
            orphan: false,
            renewable: true,
            path_suffix: String::new(),
        }
    }

    /// Takes over the fields that the request has.
    fn update(&mut self, fields: &Fields<'_>) -> Result<()> {
        self.params.update(fields)?;
        let lists = [
            ("allowed_policies", &mut self.allowed_policies),
            ("disallowed_policies", &mut self.disallowed_policies),
            ("allowed_policies_glob", &mut self.allowed_policies_glob),
            (
                "disallowed_policies_glob",
                &mut self.disallowed_policies_glob,
            ),
        ];
        for (name, list) in lists {
            if let Some(names) = fields.list(name)? {
                *list = policy_names(names)?;
            }
        }
        if let Some(names) = fields.list("allowed_entity_aliases")? {
            self.allowed_entity_aliases = names.iter().map(|name| name.to_lowercase()).collect();
        }
        self.orphan = fields.flag("orphan")?.unwrap_or(self.orphan);
        self.renewable = fields.flag("renewable")?.unwrap_or(self.renewable);
        if let Some(suffix) = fields.text("path_suffix")? {
            if !suffix.is_empty() && !is_suffix(&suffix) {
                return Err(Error::invalid(
                    "a path suffix is of letters, digits, `_`, `-` and `.`, and begins and ends \
                     with none of the last two",
                ));
            }
            self.path_suffix = suffix.to_string();
        }
        if let Some(networks) = fields.list("bound_cidrs")? {
            self.params.bound_cidrs = networks_of(networks)?;
            self.by_old_name("bound_cidrs");
        }
        if let Some(period) = fields.duration("period")? {
            self.params.period = crate::token::micros(period);
            self.by_old_name("period");
        }
        if let Some(max) = fields.duration("explicit_max_ttl")? {
            self.params.explicit_max_ttl = crate::token::micros(max);
            self.by_old_name("explicit_max_ttl");
        }
        if self.params.kind == "batch" && (!self.orphan || self.renewable) {
            return Err(Error::invalid(
                "a role of batch tokens is `orphan`, and not `renewable`",
            ));
        }
        Ok(())
    }

    /// Remembers that a field was written under its name of old: it is shown so, too.
    fn by_old_name(&mut self, name: &str) {
        let names = &mut self.params.old_names;
        if !names.iter().any(|old| old == name) {
            names.push(name.to_owned());
        }
    }

    /// Returns the kind of token that it makes.
    pub(crate) fn kind(&self) -> &str {
        match self.params.kind.as_str() {
            "" => "default-service",
            kind => kind,
        }
    }

    /// Returns an error unless tokens may be made for whoever `alias` names.
    pub(crate) fn check_alias(&self, alias: &str) -> Result<()> {
        let alias = alias.to_lowercase();
        let mut allowed = self.allowed_entity_aliases.iter();
        match allowed.any(|allowed| *allowed == alias || matches(allowed, &alias)) {
            true => Ok(()),
            false => Err(Error::invalid("the role does not allow this entity alias")),
        }
    }

    /// Returns an error unless the role lets tokens have these policies.
    pub(crate) fn check_policies(&self, names: &[String]) -> Result<()> {
        let allowed = |name: &String| {
            let bounded =
                !self.allowed_policies.is_empty() || !self.allowed_policies_glob.is_empty();
            let listed = self.allowed_policies.contains(name)
                || self
                    .allowed_policies_glob
                    .iter()
                    .any(|glob| matches(glob, name));
            // What the role gives without being asked may be asked for.
            let default = name == DEFAULT_POLICY && !self.params.no_default_policy;
            !bounded || listed || default
        };
        let refused = |name: &String| {
            self.disallowed_policies.contains(name)
                || self
                    .disallowed_policies_glob
                    .iter()
                    .any(|glob| matches(glob, name))
                || name == ROOT_POLICY && !self.allowed_policies.contains(name)
        };
        if names.iter().all(|name| allowed(name) && !refused(name)) {
            return Ok(());
        }
        Err(Error::invalid(
            "token policies must be among those that the role allows",
        ))
    }

    /// Returns the policies of a token that asks for none: those that the role allows, or the
    /// parent's less those that it does not allow.
    pub(crate) fn default_policies(&self, parent: Option<&[String]>) -> Vec<String> {
        if !self.allowed_policies.is_empty() {
            return self.allowed_policies.clone();
        }
        if !self.allowed_policies_glob.is_empty() {
            return Vec::new();
        }
        let parent = parent.unwrap_or_default().iter();
        parent
            .filter(|name| self.check_policies(&[(*name).clone()]).is_ok())
            .cloned()
            .collect()
    }
}

/// Returns whether `text` may be a part of the paths of tokens.
fn is_suffix(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let inner = |byte: u8| word(byte) || matches!(byte, b'-' | b'.');
    let bytes = text.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) => {
            (3..=128).contains(&bytes.len())
                && word(*first)
                && word(*last)
                && bytes.iter().all(|byte| inner(*byte))
        }
        _ => false,
    }
}

/// Returns whether `name` fits `glob`, in which `*` stands for any text.
pub(crate) fn matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut rest = rest;
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    true
}

fn tree(namespace: NamespaceId) -> Tree {
    Tree {
        namespace,
        area: "token-role",
        mount: MountId::BUILT_IN,
    }
}

/// Reads a role, if there is such a one.
pub(super) fn load_role(cx: &mut Context<'_, '_>, name: &str) -> Result<Option<Role>> {
    let path = cx.txn.hidden_entry(tree(cx.space.id), name)?;
    cx.txn.load(&path)
}

fn access(name: &str, capability: Capability) -> Vec<Access> {
    vec![Access::new(format!("auth/token/roles/{name}"), capability)]
}

/// Writes a role: what is not named stays as it is.
pub(crate) struct WriteRole<'f> {
    pub(crate) name: String,
    pub(crate) fields: &'f Fields<'f>,
}

impl Operation for WriteRole<'_> {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, cx: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let capability = match load_role(cx, &self.name)? {
            Some(_) => Capability::Update,
            None => Capability::Create,
        };
        Ok(access(&self.name, capability))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        SecretPath::new(&self.name)?;
        let mut role = load_role(cx, &self.name)?.unwrap_or_else(|| Role::new(&self.name));
        role.update(self.fields)?;
        let path = cx.txn.hidden_entry(tree(cx.space.id), &self.name)?;
        cx.txn.store(path, &role)
    }

    fn input(&self) -> Json {
        Zeroizing::new(self.fields.whole().to_vec())
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a role.
pub(crate) struct ReadRole {
    pub(crate) name: String,
}

impl Operation for ReadRole {
    type Reply = Option<Role>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(&self.name, Capability::Read))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Option<Role>> {
        load_role(cx, &self.name)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, role: &Option<Role>) -> Result<Response> {
        Ok(api::role(role.as_ref()))
    }
}

/// Removes a role.
pub(crate) struct DeleteRole {
    pub(crate) name: String,
}

impl Operation for DeleteRole {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access(&self.name, Capability::Delete))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        let path = cx.txn.hidden_entry(tree(cx.space.id), &self.name)?;
        cx.txn.delete(path);
        Ok(())
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Lists the roles.
pub(crate) struct ListRoles;

impl Operation for ListRoles {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        Ok(access("", Capability::List))
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        cx.txn.names(tree(cx.space.id), "")
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        let names = names.iter().map(|name| name.as_str());
        Ok(Response::list(Object::new().list("keys", names)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_vault() {
        let yes = [
            ("*", "x"),
            ("a*", "a"),
            ("*b", "ab"),
            ("a*c", "abc"),
            ("a", "a"),
            ("*b*", "abc"),
        ];
        for (glob, name) in yes {
            assert!(matches(glob, name), "{glob} {name}");
        }
        for (glob, name) in [
            ("a", "ab"),
            ("a*", "b"),
            ("*b", "ba"),
            ("a*c", "ab"),
            ("", "a"),
        ] {
            assert!(!matches(glob, name), "{glob} {name}");
        }
    }
}
