//! Vault's paths and JSON of transit.

mod data;
mod keys;

use crate::error::Result;
use crate::operation::{Call, Erased, Handler};
use crate::wire::{Route, Verb};

use super::KeyName;

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below a mount.
pub(super) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "encrypt/{name}",
        verbs: &[(Verb::Write, data::encrypt)],
    },
    Route {
        pattern: "decrypt/{name}",
        verbs: &[(Verb::Write, data::decrypt)],
    },
    Route {
        pattern: "rewrap/{name}",
        verbs: &[(Verb::Write, data::rewrap)],
    },
    Route {
        pattern: "datakey/{show}/{name}",
        verbs: &[(Verb::Write, data::datakey)],
    },
    Route {
        pattern: "hmac/{name}",
        verbs: &[(Verb::Write, data::hmac)],
    },
    Route {
        pattern: "hmac/{name}/{algorithm}",
        verbs: &[(Verb::Write, data::hmac)],
    },
    Route {
        pattern: "sign/{name}",
        verbs: &[(Verb::Write, data::sign)],
    },
    Route {
        pattern: "sign/{name}/{algorithm}",
        verbs: &[(Verb::Write, data::sign)],
    },
    Route {
        pattern: "verify/{name}",
        verbs: &[(Verb::Write, data::verify)],
    },
    Route {
        pattern: "verify/{name}/{algorithm}",
        verbs: &[(Verb::Write, data::verify)],
    },
    Route {
        pattern: "hash",
        verbs: &[(Verb::Write, data::hash)],
    },
    Route {
        pattern: "hash/{algorithm}",
        verbs: &[(Verb::Write, data::hash)],
    },
    Route {
        pattern: "random",
        verbs: &[(Verb::Write, data::random)],
    },
    Route {
        pattern: "random/{first}",
        verbs: &[(Verb::Write, data::random)],
    },
    Route {
        pattern: "random/{first}/{second}",
        verbs: &[(Verb::Write, data::random)],
    },
    Route {
        pattern: "keys",
        verbs: &[(Verb::List, keys::list)],
    },
    Route {
        pattern: "keys/{name}",
        verbs: &[
            (Verb::Read, keys::read),
            (Verb::Write, keys::create),
            (Verb::Delete, keys::delete),
        ],
    },
    Route {
        pattern: "keys/{name}/config",
        verbs: &[(Verb::Write, keys::configure)],
    },
    Route {
        pattern: "keys/{name}/rotate",
        verbs: &[(Verb::Write, keys::rotate)],
    },
    Route {
        pattern: "keys/{name}/trim",
        verbs: &[(Verb::Write, keys::trim)],
    },
    Route {
        pattern: "keys/{name}/soft-delete",
        verbs: &[(Verb::Delete, keys::soft_delete)],
    },
    Route {
        pattern: "keys/{name}/soft-delete-restore",
        verbs: &[(Verb::Write, keys::soft_restore)],
    },
    Route {
        pattern: "keys/{name}/import",
        verbs: &[(Verb::Write, keys::import)],
    },
    Route {
        pattern: "keys/{name}/import_version",
        verbs: &[(Verb::Write, keys::import_version)],
    },
    Route {
        pattern: "export/{what}/{name}",
        verbs: &[(Verb::Read, keys::export)],
    },
    Route {
        pattern: "export/{what}/{name}/{version}",
        verbs: &[(Verb::Read, keys::export)],
    },
    Route {
        pattern: "wrapping_key",
        verbs: &[(Verb::Read, keys::wrapping_key)],
    },
    Route {
        pattern: "byok-export/{destination}/{source}",
        verbs: &[(Verb::Read, keys::export_wrapped)],
    },
    Route {
        pattern: "byok-export/{destination}/{source}/{version}",
        verbs: &[(Verb::Read, keys::export_wrapped)],
    },
    Route {
        pattern: "backup/{name}",
        verbs: &[(Verb::Read, keys::backup)],
    },
    Route {
        pattern: "restore",
        verbs: &[(Verb::Write, keys::restore)],
    },
    Route {
        pattern: "restore/{name}",
        verbs: &[(Verb::Write, keys::restore)],
    },
    Route {
        pattern: "config/keys",
        verbs: &[
            (Verb::Read, keys::read_config),
            (Verb::Write, keys::write_config),
        ],
    },
];

fn name(call: &Call<'_>) -> Result<KeyName> {
    KeyName::new(call.captures.get("name"))
}
