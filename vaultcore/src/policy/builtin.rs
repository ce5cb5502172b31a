//! The policies that every vault has.

/// The name of the policy that grants everything; it has no text.
pub const ROOT: &str = "root";
/// The name of the policy that tokens get unless they are made without it.
pub const DEFAULT: &str = "default";
/// The name of the policy of wrapping tokens.
pub const RESPONSE_WRAPPING: &str = "response-wrapping";

/// The text that the policy `default` has at first: it may be changed, and not deleted.
///
/// ```
/// use vaultcore::policy::{Acl, Capability, DEFAULT, DEFAULT_TEXT, Policy};
/// let policy = Policy::parse(DEFAULT_TEXT)?;
/// let acl = Acl::compile([(DEFAULT, &policy)], None);
/// assert!(acl.capabilities("auth/token/lookup-self").contains(Capability::Read));
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub const DEFAULT_TEXT: &str = r#"# A token may look at itself, prolong itself and end itself.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# It may ask what it may do, and a user interface may ask for all of it at once.
path "sys/capabilities-self" {
  capabilities = ["update"]
}
path "sys/internal/ui/resultant-acl" {
  capabilities = ["read"]
}

# Who it belongs to.
path "identity/entity/id/{{identity.entity.id}}" {
  capabilities = ["read"]
}
path "identity/entity/name/{{identity.entity.name}}" {
  capabilities = ["read"]
}

# Whoever knows the id of a lease may look at it and renew it.
path "sys/leases/lookup" {
  capabilities = ["update"]
}
path "sys/leases/renew" {
  capabilities = ["update"]
}

# Its own cubbyhole.
path "cubbyhole/*" {
  capabilities = ["create", "read", "update", "delete", "list"]
}

# Response wrapping: whoever has a wrapping token may look at it and open it.
path "sys/wrapping/lookup" {
  capabilities = ["update"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}
path "sys/wrapping/wrap" {
  capabilities = ["update"]
}

# Hashing.
path "sys/tools/hash" {
  capabilities = ["update"]
}
path "sys/tools/hash/*" {
  capabilities = ["update"]
}

# Signing in to other applications with this identity.
path "identity/oidc/provider/+/authorize" {
  capabilities = ["read", "update"]
}
"#;

/// The text of the policy `response-wrapping`, which nobody can change or give to a token.
///
/// ```
/// use vaultcore::policy::{Policy, RESPONSE_WRAPPING_TEXT};
/// assert_eq!(Policy::parse(RESPONSE_WRAPPING_TEXT)?.len(), 3);
/// # Ok::<(), vaultcore::Error>(())
/// ```
pub const RESPONSE_WRAPPING_TEXT: &str = r#"# What is wrapped stands in the token's cubbyhole.
path "cubbyhole/response" {
  capabilities = ["create", "read"]
}
path "sys/wrapping/unwrap" {
  capabilities = ["update"]
}

# Whoever has no more use for it may end it.
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
"#;
