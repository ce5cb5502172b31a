//! What a step comes to, on the vault and in the model, in a form that can be compared.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use vaultcore::kv::{KvConfig, KvMetadata, Secret, VersionInfo};
use vaultcore::{Error, ErrorKind, Timestamp};

/// What a step returns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    Done,
    Info(Info),
    Infos(Vec<Info>),
    Data(Data),
    Metadata(Box<Metadata>),
    Keys(Value),
    Names(Vec<String>),
    Config(KvConfig),
    Count(u64),
}

/// Why a step was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) kind: ErrorKind,
    pub(crate) versions: Option<(u64, u64)>,
}

pub(crate) type Outcome = Result<Reply, Refused>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) version: u64,
    pub(crate) created: Timestamp,
    pub(crate) deletion: Option<Timestamp>,
    /// Deleted by a call, whatever the clock says.
    pub(crate) marked: bool,
    pub(crate) destroyed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Data {
    pub(crate) data: Value,
    pub(crate) version: u64,
    pub(crate) created: Timestamp,
    pub(crate) deletion: Option<Timestamp>,
    pub(crate) custom: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metadata {
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) current: u64,
    pub(crate) oldest: u64,
    pub(crate) max_versions: u32,
    pub(crate) cas_required: bool,
    pub(crate) delete_after: Option<Duration>,
    pub(crate) custom: BTreeMap<String, String>,
    pub(crate) revision: u64,
    pub(crate) versions: Vec<Info>,
}

impl Refused {
    pub(crate) const NOT_FOUND: Self = Self::new(ErrorKind::NotFound);
    pub(crate) const INVALID: Self = Self::new(ErrorKind::InvalidArgument);

    pub(crate) const fn new(kind: ErrorKind) -> Self {
        let versions = None;
        Self { kind, versions }
    }

    pub(crate) fn conflict(expected: u64, found: u64) -> Self {
        Self {
            kind: ErrorKind::Conflict,
            versions: Some((expected, found)),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind(),
            versions: error.versions(),
        }
    }
}

impl From<VersionInfo> for Info {
    fn from(info: VersionInfo) -> Self {
        Self {
            version: info.version,
            created: info.created_time,
            deletion: info.deletion_time,
            marked: info.deleted(Timestamp::from_micros(0)),
            destroyed: info.destroyed,
        }
    }
}

impl From<Secret<Value>> for Data {
    fn from(secret: Secret<Value>) -> Self {
        Self {
            data: secret.data,
            version: secret.version,
            created: secret.created_time,
            deletion: secret.deletion_time,
            custom: secret.custom_metadata,
        }
    }
}

impl From<KvMetadata> for Metadata {
    fn from(metadata: KvMetadata) -> Self {
        Self {
            created: metadata.created_time,
            updated: metadata.updated_time,
            current: metadata.current_version,
            oldest: metadata.oldest_version,
            max_versions: metadata.max_versions,
            cas_required: metadata.cas_required,
            delete_after: metadata.delete_version_after,
            custom: metadata.custom_metadata,
            revision: metadata.current_metadata_version,
            versions: metadata.versions.into_iter().map(Info::from).collect(),
        }
    }
}
