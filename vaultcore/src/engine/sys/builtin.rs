//! The mounts that every namespace has.

use super::mounts::MountInfo;
use crate::id::NamespaceId;
use crate::mount::{Class, accessor, built_in_id};
use crate::wire::Object;

/// A mount that is part of every namespace.
pub(crate) struct BuiltIn {
    pub(super) class: Class,
    /// Where it is; for that of tokens below `auth/`.
    pub(super) path: &'static str,
    kind: &'static str,
    description: &'static str,
}

const ALL: [BuiltIn; 4] = [
    BuiltIn {
        class: Class::Secret,
        path: "cubbyhole/",
        kind: "cubbyhole",
        description: "per-token private secret storage",
    },
    BuiltIn {
        class: Class::Secret,
        path: "identity/",
        kind: "identity",
        description: "identity store",
    },
    BuiltIn {
        class: Class::Secret,
        path: "sys/",
        kind: "system",
        description: "system endpoints used for control, policy and debugging",
    },
    BuiltIn {
        class: Class::Auth,
        path: "token/",
        kind: "token",
        description: "token based credentials",
    },
];

/// Returns the mounts of one class that are built in.
pub(super) fn all(class: Class) -> impl Iterator<Item = &'static BuiltIn> {
    ALL.iter().filter(move |mount| mount.class == class)
}

impl BuiltIn {
    /// Returns it in Vault's shape, as it is in the namespace `space`.
    pub(super) fn object(&self, space: NamespaceId) -> Object {
        let id = built_in_id(space, self.kind);
        let mut config = Object::new()
            .number("default_lease_ttl", 0)
            .flag("force_no_cache", false)
            .number("max_lease_ttl", 0);
        if self.class == Class::Auth {
            config = config.text("token_type", "default-service");
        }
        Object::new()
            .text("accessor", &accessor(self.class, self.kind, id))
            .object("config", config)
            .text("description", self.description)
            .flag("external_entropy_access", false)
            .flag("local", self.kind == "cubbyhole")
            .null("options")
            .text("plugin_version", "")
            .flag("seal_wrap", self.kind == "system")
            .text("type", self.kind)
            .text("uuid", &id.to_string())
    }
}

/// What [`ListMounts`](super::ListMounts) found.
pub(crate) struct Listed {
    pub(super) space: NamespaceId,
    pub(crate) mounts: Vec<MountInfo>,
}
