//! A secrets vault that lives inside your process.
//!
//! Everything is encrypted before it reaches storage, and nothing can be read until enough people
//! have unsealed the vault. Several processes may share one storage.
//!
//! ```
//! use std::collections::BTreeMap;
//! use vaultcore::kv::Cas;
//! use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
//!
//! let vault = Vault::builder(Memory::new()).build()?; // or storage::Sqlite::open("app.vault")?
//! let init = vault.init([NewSlot::shamir(5, 3)])?; // five shares, any three open it
//! for share in init.shares().iter().take(3) {
//!     vault.unseal(share)?;
//! }
//! let session = vault.owner()?;
//! session.sys().mount("secret", NewMount::kv2())?;
//! let kv = session.kv("secret")?;
//! kv.put("app/db", &BTreeMap::from([("password", "s3cr3t")]), Cas::Absent)?;
//! let secret = kv.get::<BTreeMap<String, String>>("app/db")?;
//! assert_eq!(secret.data["password"], "s3cr3t");
//! vault.seal()?;
//! # Ok::<(), vaultcore::Error>(())
//! ```
//!
//! # Words
//!
//! * *barrier*: encrypts every entry between engines and storage.
//! * *seal, unseal*: a sealed vault has no key in memory and answers nothing.
//! * *slot*: the root key, wrapped once: by shares of people, a passphrase, or a key.
//! * *share*: a part of a slot's key; enough of them make it.
//! * *keyring, term*: the keys of the barrier, and the number of one of them.
//! * *mount, engine*: a path where an engine answers, and what answers there.
//! * *version, check-and-set*: secrets keep old versions, and a write may say which it expects.
//! * *lease, reaper*: the life of what was made outside, such as a database user, and who ends it.
//! * *owner*: the program that unsealed; it has full rights and no token.
//!
//! # What it is not
//!
//! A server, an HSM, or a guard against somebody with a debugger on your own process. `SECURITY.md`
//! says what is promised and what is not.
//!
//! # Features
//!
//! * `sqlite` (default): the vault in one file, for any number of processes.
//! * `passphrase` (default): key slots opened by a passphrase, by Argon2id.
//! * `postgres`: credentials of PostgreSQL, by the crates postgres and rustls (53 crates more).
//! * `mysql`: credentials of MySQL and MariaDB, by the crates mysql and rustls (76 crates more). With
//!   `tls_ca` it makes ring the process's provider of rustls, if there is none.
//! * `xchacha`: transit keys of the type xchacha20-poly1305.
//! * `crypto-ext`: transit keys of the types ecdsa-p521, ml-dsa-65 and ml-kem-768, RSA keys that are
//!   made here and encrypt, SHA-224 and SHA-3, ECDSA with any hash, and keys that come and go wrapped:
//!   aws-lc, built from C, beside ring (6 crates more).
//! * `conformance`: the public test suite for storage backends, and a wrapper that makes any of
//!   them fail.

#![forbid(unsafe_code)]

pub mod api;
mod audit;
mod auth;
mod barrier;
mod clock;
mod crypto;
mod engine;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod id;
mod identity;
pub mod import;
mod lease;
mod mount;
mod operation;
mod path;
pub mod policy;
mod record;
mod rights;
mod seal;
mod secret;
mod session;
pub mod storage;
mod token;
mod vault;
mod wire;

pub use audit::{AuditDevice, AuditFinding, AuditReport, AuditRun};
pub use auth::token::{NewToken, TokenInfo};
pub use auth::{TokenOptions, TokenSettings};
pub use clock::{BootId, Clock, ClockReading, ManualClock, SystemClock, Timestamp};
pub use crypto::rng::{OsRandom, Random};
pub use engine::sys::{
    AuditInfo, KeyStatus, LeaseInfo, LeaseState, MountInfo, MountTune, NamespaceInfo, NewMount,
    SlotInfo, SlotType,
};
pub use error::{Error, ErrorKind, Result};
pub use id::{
    AliasId, AuditId, EntityId, GroupId, LeaseKey, MountId, NamespaceId, Nonce, RunId, SlotId,
    TokenId, VaultId,
};
pub use path::{FolderPath, MAX_PATH, MAX_SEGMENTS, MountPath, SecretPath};
pub use seal::{Argon2Params, CeremonyId, NewSlot, Share, key_file};
pub use secret::{SecretBytes, SecretString};
pub use session::{LeasedSecret, Leases, NewAudit, Session, Sys, TokenStore, Userpass};
pub use vault::{
    Background, Init, Metric, MetricKind, QuorumProgress, Rekey, RekeyProgress, RootProgress,
    SealStatus, Vault, VaultBuilder,
};

/// Credentials of databases that die on time: connections, roles, drivers.
pub mod database {
    pub use crate::engine::database::{
        ChangeUser, Connection, ConnectionInfo, Database, Driver, Fake, NewUser, Purpose, Role,
        Settings, StaticCredentials, StaticRole,
    };
    pub use crate::session::{Credentials, Databases};
}

/// Key-value secrets: version 2, with versions and check-and-set, and version 1, without.
pub mod kv {
    pub use crate::engine::kv::{
        Cas, Cursor, DeleteAfter, KvConfig, KvConfigUpdate, KvMetadata, MAX_VALUE, MetadataUpdate,
        NamePage, VersionInfo,
    };
    pub use crate::session::{Kv, KvTransaction, KvV1, Secret};
}

/// Transit: named keys that encrypt, sign and rotate.
pub mod transit {
    pub use crate::engine::transit::{
        ExportType, HashType, Input, KeyInfo, KeyType, KeyUpdate, KeyVersion, MAX_BATCH,
        MAX_PLAINTEXT, MAX_RANDOM, Marshaling, NewKey, Padding, SaltLength, SignOptions, WrapHash,
    };
    pub use crate::session::{RewrapAll, Rewrapped, ToRewrap, Transit};
}

/// Identity: who somebody is, whichever way they log in.
pub mod who {
    pub use crate::engine::identity::{
        AliasInfo, AliasOptions, EntityInfo, EntityOptions, GroupInfo, GroupOptions,
    };
    pub use crate::identity::GroupKind;
    pub use crate::session::Identity;
}

/// Roles of machines that log in by a role id and a secret id.
pub mod approle {
    pub use crate::auth::approle::{
        IssuedSecretId, NewSecretId, RoleOptions, RoleSettings, SecretIdInfo,
    };
    pub use crate::session::AppRole;
}

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
