//! Goals 1 to 5: named keys against the bare cryptography, OpenBao and MultiFernet.

mod bulk;
mod crypt;
mod raw;
mod sign;

use std::path::Path;

use serde_json::json;
use vaultcore::storage::Sqlite;
use vaultcore::transit::{KeyType, NewKey, Transit};
use vaultcore::{NewMount, NewToken, Session, Share, Vault};

use super::Setting;
use crate::Result;
use crate::bao::{Bao, Client};
use crate::report::Row;
use crate::world::Stored;

/// The key that encrypts.
const KEY: &str = "app";
/// Rules of the policy that a session is bound to.
const RULES: usize = 200;

pub(super) fn run(setting: &Setting) -> Result<Vec<Row>> {
    let vault = Keys::new()?;
    let mut rows = crypt::run(setting, &vault)?;
    rows.extend(bulk::run(setting, &vault)?);
    rows.extend(sign::run(setting, &vault)?);
    Ok(rows)
}

/// A vault with keys on disk, by the owner and by a token with a policy.
struct Keys {
    owner: Transit,
    holder: Transit,
    _stored: Stored,
}

impl Keys {
    fn new() -> Result<Self> {
        let stored = Stored::new()?;
        let [path, share] = stored.address();
        let vault = Vault::builder(Sqlite::exclusive(Path::new(&path))?).build()?;
        vault.unseal(&Share::parse(&share)?)?;
        let session = vault.owner()?;
        session.sys().mount("transit", NewMount::transit())?;
        let owner = session.transit("transit")?;
        owner.create(KEY, &NewKey::new(KeyType::Aes256Gcm96))?;
        for _ in 1..crypt::VERSIONS {
            owner.rotate(KEY)?;
        }
        Ok(Self {
            holder: bound(&vault, &session)?.transit("transit")?,
            owner,
            _stored: stored,
        })
    }
}

const PEER: &str = "OpenBao dev server, root";

/// Starts OpenBao, with the key.
fn peer() -> Result<(Bao, Client)> {
    let bao = Bao::start()?;
    let mut root = bao.root()?;
    let transit = json!({ "type": "transit" });
    root.call("POST", "sys/mounts/transit", &transit)?;
    root.call("POST", &format!("transit/keys/{KEY}"), &json!({}))?;
    Ok((bao, root))
}

/// Returns a session of a token whose policy has many rules, none of them about parameters.
fn bound(vault: &Vault, owner: &Session) -> Result<Session> {
    let mut policy = String::new();
    for number in 1..RULES {
        policy += &format!(
            "path \"secret/data/team-{number}/*\" {{ capabilities = [\"read\", \"update\"] }}\n"
        );
    }
    policy += "path \"transit/*\" { capabilities = [\"create\", \"read\", \"update\"] }\n";
    owner.sys().put_policy("bench", &policy)?;
    let new = NewToken::new().policy("bench");
    let token = owner.token().create(&new)?;
    Ok(vault.login(&token)?)
}
