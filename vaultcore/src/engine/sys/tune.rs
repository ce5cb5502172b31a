//! What may be tuned of a mount.

use std::collections::BTreeMap;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::engine::kv;
use crate::error::{Error, Result};
use crate::lease::SYSTEM_TTL;
use crate::mount::{Class, MAX_TTL, Mount as Entry, Tuning};

/// The most names that one list of a mount holds.
const MAX_NAMES: usize = 128;

/// A change of a mount: only what is set is changed.
///
/// ```
/// use std::time::Duration;
/// use vaultcore::MountTune;
/// let tune = MountTune::new().description("moved").max_ttl(Duration::from_secs(3_600));
/// # let _ = tune;
/// ```
#[must_use]
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MountTune {
    pub(super) description: Option<String>,
    pub(super) options: Option<BTreeMap<String, String>>,
    pub(super) default_ttl: Option<Duration>,
    pub(super) max_ttl: Option<Duration>,
    pub(super) listed: Option<bool>,
    pub(super) plain_request_keys: Option<Vec<String>>,
    pub(super) plain_response_keys: Option<Vec<String>>,
    pub(super) request_headers: Option<Vec<String>>,
    pub(super) response_headers: Option<Vec<String>>,
    pub(super) token_type: Option<String>,
}

impl MountTune {
    /// Creates a change of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the text for people, at most 512 bytes.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Sets how long a lease lives unless it says so itself; zero: as the system says.
    pub fn default_ttl(mut self, ttl: Duration) -> Self {
        self.default_ttl = Some(ttl);
        self
    }

    /// Sets how long a lease may live; zero: as the system says.
    pub fn max_ttl(mut self, ttl: Duration) -> Self {
        self.max_ttl = Some(ttl);
        self
    }

    /// Sets whether people without a token may see that the mount is there; Vault's
    /// `listing_visibility`.
    pub fn listed(mut self, listed: bool) -> Self {
        self.listed = Some(listed);
        self
    }

    /// Sets the names of request fields that audit records in clear.
    pub fn audit_non_hmac_request_keys(mut self, names: Vec<String>) -> Self {
        self.plain_request_keys = Some(names);
        self
    }

    /// Sets the names of response fields that audit records in clear.
    pub fn audit_non_hmac_response_keys(mut self, names: Vec<String>) -> Self {
        self.plain_response_keys = Some(names);
        self
    }

    /// Refuses what would make another engine of the mount, or means nothing to it.
    pub(super) fn check_changes_no_engine(&self, class: Class, mount: &Entry) -> Result<()> {
        if class == Class::Secret && self.token_type.is_some() {
            return Err(Error::invalid("only auth methods have a token type"));
        }
        let wanted = self.options.as_ref().and_then(|list| list.get("version"));
        let is = match mount.kind.as_str() {
            kv::KIND_V1 => "1",
            kv::KIND_V2 => "2",
            _ => return Ok(()),
        };
        match wanted.is_none_or(|version| version == is) {
            true => Ok(()),
            false => Err(Error::invalid(
                "the version of a key-value mount stays: mount the other, and copy",
            )),
        }
    }

    pub(super) fn apply(&self, mount: &mut Entry) -> Result<()> {
        if let Some(text) = &self.description {
            check_description(text)?;
            mount.description = Zeroizing::new(text.clone());
        }
        let tuning = &mut mount.tuning;
        if let Some(ttl) = self.default_ttl {
            check_ttl(ttl)?;
            tuning.set_default_ttl(ttl);
        }
        if let Some(ttl) = self.max_ttl {
            check_ttl(ttl)?;
            tuning.set_max_ttl(ttl);
        }
        if let Some(listed) = self.listed {
            tuning.listed = listed;
        }
        let lists = [
            (&self.plain_request_keys, &mut tuning.plain_request_keys),
            (&self.plain_response_keys, &mut tuning.plain_response_keys),
            (&self.request_headers, &mut tuning.request_headers),
            (&self.response_headers, &mut tuning.response_headers),
        ];
        for (new, old) in lists {
            if let Some(names) = new {
                check_names(names)?;
                old.clone_from(names);
            }
        }
        if let Some(kind) = &self.token_type {
            check_token_type(kind)?;
            tuning.token_type.clone_from(kind);
        }
        match (tuning.default_ttl(), tuning.max_ttl()) {
            (Some(default), Some(max)) if default > max => Err(Error::invalid(
                "the default TTL of a mount is not longer than its maximum",
            )),
            _ => Ok(()),
        }
    }
}

/// Checks the default TTL of a new mount: as a mount is tuned later it may be beyond the system's.
pub(super) fn check_default(tuning: &Tuning) -> Result<()> {
    match (tuning.default_ttl(), tuning.max_ttl()) {
        (Some(default), None) if default > SYSTEM_TTL => Err(Error::invalid(
            "the default TTL of a mount is not longer than the 768 hours of the system",
        )),
        _ => Ok(()),
    }
}

fn check_description(text: &str) -> Result<()> {
    if text.len() <= 512 && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid(
        "a description has at most 512 bytes and no control characters",
    ))
}

fn check_ttl(ttl: Duration) -> Result<()> {
    if ttl > MAX_TTL || !ttl.subsec_nanos().is_multiple_of(1_000) {
        return Err(Error::invalid(
            "a TTL is whole microseconds, at most 584,942 years of them",
        ));
    }
    Ok(())
}

fn check_names(names: &[String]) -> Result<()> {
    let fits = |name: &String| (1..=128).contains(&name.len());
    if names.len() <= MAX_NAMES && names.iter().all(fits) {
        return Ok(());
    }
    Err(Error::invalid(
        "such a list of a mount has at most 128 names of 1 to 128 bytes",
    ))
}

fn check_token_type(kind: &str) -> Result<()> {
    match kind {
        "" | "service" | "batch" | "default" | "default-service" | "default-batch" => Ok(()),
        _ => Err(Error::invalid(
            "the token type of a mount is service, batch, default-service or default-batch",
        )),
    }
}

impl std::fmt::Debug for MountTune {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MountTune")
    }
}
