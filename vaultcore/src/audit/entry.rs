//! What is recorded of a request and of its response: borrowed, filled by the pipeline.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;

/// A list of texts, whatever the caller keeps them in.
pub(crate) trait Texts {
    /// Hands each text to `visit`.
    fn each(&self, visit: &mut dyn FnMut(&str));

    /// Returns whether one of the texts has these bytes.
    fn holds(&self, text: &[u8]) -> bool {
        let mut found = false;
        self.each(&mut |one| found |= one.as_bytes() == text);
        found
    }
}

impl<T: AsRef<str>> Texts for Vec<T> {
    fn each(&self, visit: &mut dyn FnMut(&str)) {
        self.iter().for_each(|text| visit(text.as_ref()));
    }
}

impl<T: AsRef<str>> Texts for &[T] {
    fn each(&self, visit: &mut dyn FnMut(&str)) {
        self.iter().for_each(|text| visit(text.as_ref()));
    }
}

impl<T: AsRef<str>, const N: usize> Texts for [T; N] {
    fn each(&self, visit: &mut dyn FnMut(&str)) {
        self.iter().for_each(|text| visit(text.as_ref()));
    }
}

impl Default for &dyn Texts {
    fn default() -> Self {
        const NONE: &[&str; 0] = &[];
        NONE
    }
}

/// Names with values, whatever the caller keeps them in.
pub(crate) trait Pairs {
    /// Hands each pair to `visit`.
    fn each(&self, visit: &mut dyn FnMut(&str, &str));
}

impl<K: AsRef<str>, V: AsRef<str>> Pairs for BTreeMap<K, V> {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        let pairs = self.iter();
        pairs.for_each(|(name, value)| visit(name.as_ref(), value.as_ref()));
    }
}

impl<K: AsRef<str>, V: AsRef<str>> Pairs for Vec<(K, V)> {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        let pairs = self.iter();
        pairs.for_each(|(name, value)| visit(name.as_ref(), value.as_ref()));
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> Pairs for [(K, V); N] {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        let pairs = self.iter();
        pairs.for_each(|(name, value)| visit(name.as_ref(), value.as_ref()));
    }
}

impl Default for &dyn Pairs {
    fn default() -> Self {
        const NONE: &[(&str, &str); 0] = &[];
        NONE
    }
}

/// A request, recorded before anything is done.
#[derive(Clone, Copy)]
pub(crate) struct RequestEntry<'a> {
    pub(crate) time: Timestamp,
    pub(crate) auth: Option<&'a AuthBlock<'a>>,
    pub(crate) request: &'a RequestBlock<'a>,
    /// Why it is refused, or empty. Errors hold no secret, so it is written as it is.
    pub(crate) error: &'a str,
}

/// What came of a request, recorded before anything is answered.
#[derive(Clone, Copy)]
pub(crate) struct ResponseEntry<'a> {
    pub(crate) time: Timestamp,
    pub(crate) auth: Option<&'a AuthBlock<'a>>,
    pub(crate) request: &'a RequestBlock<'a>,
    /// `None` if nothing but an error is answered.
    pub(crate) response: Option<&'a ResponseBlock<'a>>,
    /// Why it failed, or empty.
    pub(crate) error: &'a str,
}

/// Who asks, or who was logged in.
#[derive(Clone, Copy, Default)]
pub(crate) struct AuthBlock<'a> {
    /// Hashed, unless the device is raw.
    pub(crate) client_token: &'a str,
    /// Hashed, unless the device says otherwise.
    pub(crate) accessor: &'a str,
    pub(crate) display_name: &'a str,
    pub(crate) policies: &'a dyn Texts,
    pub(crate) token_policies: &'a dyn Texts,
    pub(crate) identity_policies: &'a dyn Texts,
    pub(crate) policy_results: Option<PolicyResults<'a>>,
    pub(crate) metadata: &'a dyn Pairs,
    pub(crate) num_uses: u64,
    pub(crate) remaining_uses: u64,
    pub(crate) entity_id: &'a str,
    /// `service` or `batch`.
    pub(crate) token_type: &'a str,
    /// Written in whole seconds.
    pub(crate) token_ttl: Duration,
    pub(crate) token_issue_time: Option<Timestamp>,
}

/// What the policies said.
#[derive(Clone, Copy)]
pub(crate) struct PolicyResults<'a> {
    pub(crate) allowed: bool,
    pub(crate) granting: &'a [GrantingPolicy<'a>],
}

/// A policy that granted the request.
#[derive(Clone, Copy, Default)]
pub(crate) struct GrantingPolicy<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace_id: &'a str,
    pub(crate) namespace_path: &'a str,
    /// `acl`, as in Vault.
    pub(crate) kind: &'a str,
}

/// Which mount answers.
#[derive(Clone, Copy, Default)]
pub(crate) struct MountBlock<'a> {
    /// With its slash.
    pub(crate) point: &'a str,
    /// `kv`, `system`, `token` ..
    pub(crate) kind: &'a str,
    /// Names no token, so it is written as it is.
    pub(crate) accessor: &'a str,
    /// `secret` or `auth`.
    pub(crate) class: &'a str,
}

/// What is asked.
#[derive(Clone, Copy, Default)]
pub(crate) struct RequestBlock<'a> {
    pub(crate) id: &'a str,
    pub(crate) client_id: &'a str,
    /// `create`, `read`, `update`, `patch`, `delete`, `list`.
    pub(crate) operation: &'a str,
    pub(crate) mount: MountBlock<'a>,
    /// Hashed, unless the device is raw.
    pub(crate) client_token: &'a str,
    /// Hashed, unless the device says otherwise.
    pub(crate) client_token_accessor: &'a str,
    pub(crate) namespace_id: &'a str,
    /// Empty for the root namespace.
    pub(crate) namespace_path: &'a str,
    pub(crate) path: &'a str,
    /// A JSON object, or empty. The values are hashed.
    pub(crate) data: &'a [u8],
    /// The mount's `audit_non_hmac_request_keys`: members of the data that are written as they are.
    pub(crate) plain_keys: &'a dyn Texts,
    pub(crate) remote_address: &'a str,
    pub(crate) remote_port: u64,
    /// Written in whole seconds.
    pub(crate) wrap_ttl: Duration,
    pub(crate) headers: &'a [Header<'a>],
}

/// A header of a request that is to be recorded.
#[derive(Clone, Copy, Default)]
pub(crate) struct Header<'a> {
    pub(crate) name: &'a str,
    pub(crate) values: &'a dyn Texts,
    /// Written as it is; otherwise hashed.
    pub(crate) plain: bool,
}

/// What is answered.
#[derive(Clone, Copy, Default)]
pub(crate) struct ResponseBlock<'a> {
    /// Who was logged in, if that is the answer.
    pub(crate) auth: Option<&'a AuthBlock<'a>>,
    pub(crate) mount: MountBlock<'a>,
    pub(crate) lease_id: &'a str,
    /// A JSON object, or empty. The values are hashed.
    pub(crate) data: &'a [u8],
    /// The mount's `audit_non_hmac_response_keys`.
    pub(crate) plain_keys: &'a dyn Texts,
    pub(crate) warnings: &'a dyn Texts,
    pub(crate) wrap_info: Option<WrapBlock<'a>>,
    pub(crate) redirect: &'a str,
}

/// The wrapping token that is answered in place of the data.
#[derive(Clone, Copy, Default)]
pub(crate) struct WrapBlock<'a> {
    /// Written in whole seconds.
    pub(crate) ttl: Duration,
    /// Hashed, unless the device is raw.
    pub(crate) token: &'a str,
    /// Hashed, unless the device says otherwise.
    pub(crate) accessor: &'a str,
    pub(crate) creation_time: Option<Timestamp>,
    pub(crate) creation_path: &'a str,
    /// Hashed, unless the device says otherwise.
    pub(crate) wrapped_accessor: &'a str,
}
