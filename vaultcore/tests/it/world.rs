//! A vault with a little of everything in it, and all that can be seen of one.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use vaultcore::kv::{Cas, Kv, KvConfigUpdate, KvV1, MetadataUpdate};
use vaultcore::{
    Argon2Params, ErrorKind, NewMount, NewSlot, Nonce, Result, SecretBytes, SecretString, Share,
    Sys, Vault,
};

use crate::rig::{Dice, Rig, builder};

/// Begins every secret text: values, names, the passphrase. No error may hold it.
pub(crate) const CANARY: &str = "canary";
pub(crate) const KEY: [u8; 32] = [7; 32];
pub(crate) const PASSPHRASE: &str = "canary correct horse";

/// A storage with a vault in it, from which worlds are copied.
pub(crate) struct Template {
    pub(crate) rig: Rig,
    pub(crate) shares: Vec<String>,
}

/// One vault, open or sealed, on a storage of its own.
pub(crate) struct World {
    pub(crate) rig: Rig,
    pub(crate) dice: Dice,
    pub(crate) vault: Vault,
    pub(crate) shares: Vec<String>,
    /// What a case keeps between its preparation and its run.
    pub(crate) rekey: RefCell<Option<(Nonce, Vec<String>)>>,
}

/// How much the vault caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caching {
    Off,
    On,
}

impl Template {
    /// Makes the vault: three slots, three mounts, two terms, secrets in every state.
    pub(crate) fn new() -> Self {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init(slots()).expect("init");
        let shares = texts(init.shares());
        vault.unseal_key(&key()).expect("unseals");
        let owner = vault.owner().expect("owner");
        let sys = owner.sys();
        sys.mount("canary-secret", NewMount::kv2()).expect("mounts");
        sys.mount("other", NewMount::kv2()).expect("mounts");
        sys.mount("old", NewMount::kv1()).expect("mounts");
        fill(&owner.kv("canary-secret").expect("kv"));
        sys.rotate().expect("rotates");
        let other = owner.kv("other").expect("kv");
        other.put("canary-name", &value(9), Cas::Any).expect("puts");
        let old = owner.kv_v1("old").expect("kv");
        for name in ["canary-one", "canary-folder/two"] {
            old.put(name, &value(1)).expect("puts");
        }
        Self { rig, shares }
    }

    /// Makes the vault, with a secret of 110 versions that is too large for one commit to drop.
    pub(crate) fn large() -> Self {
        let template = Self::new();
        let world = template.world(Caching::Off);
        let update = MetadataUpdate::new().max_versions(200);
        world
            .kv()
            .put_metadata("canary-large", &update)
            .expect("metadata");
        for number in 0..110 {
            let put = world.kv().put("canary-large", &value(number), Cas::Any);
            put.expect("puts");
        }
        Self {
            rig: world.rig,
            shares: template.shares,
        }
    }

    /// Copies the storage, with an open vault upon it.
    pub(crate) fn world(&self, caching: Caching) -> World {
        let world = self.sealed(caching);
        world.vault.unseal_key(&key()).expect("unseals");
        world
    }

    /// Copies the storage, with a sealed vault upon it.
    pub(crate) fn sealed(&self, caching: Caching) -> World {
        World::on(self.rig.copy(), self.shares.clone(), caching)
    }
}

impl World {
    pub(crate) fn on(rig: Rig, shares: Vec<String>, caching: Caching) -> Self {
        let dice = Dice::default();
        let builder = builder(&rig).random(dice.clone());
        let builder = match caching {
            Caching::On => builder,
            Caching::Off => builder.cache_bytes(0),
        };
        let vault = builder.build().expect("builds");
        Self {
            rig,
            dice,
            vault,
            shares,
            rekey: RefCell::new(None),
        }
    }

    pub(crate) fn sys(&self) -> Sys {
        self.vault.owner().expect("owner").sys()
    }

    pub(crate) fn kv(&self) -> Kv {
        let owner = self.vault.owner().expect("owner");
        owner.kv("canary-secret").expect("kv")
    }

    pub(crate) fn one(&self) -> KvV1 {
        let owner = self.vault.owner().expect("owner");
        owner.kv_v1("old").expect("kv")
    }

    /// Returns all that can be seen of the storage by a vault without faults.
    pub(crate) fn view(&self) -> Vec<String> {
        let mut sets = vec![("old shares", self.shares.clone())];
        if let Some((_, new)) = &*self.rekey.borrow() {
            sets.push(("new shares", new.clone()));
        }
        view(&self.rig, &sets)
    }
}

pub(crate) fn key() -> SecretBytes {
    SecretBytes::copy_from(&KEY)
}

pub(crate) fn passphrase() -> SecretString {
    SecretString::copy_from(PASSPHRASE)
}

/// Returns the slots of every vault here: 2 of 3 shares, a cheap passphrase, a key.
pub(crate) fn slots() -> [NewSlot; 3] {
    let cheap = Argon2Params::new(8_192, 1, 1).expect("params");
    [
        NewSlot::shamir(3, 2),
        NewSlot::passphrase_with(passphrase(), cheap),
        NewSlot::key(key()),
    ]
}

pub(crate) fn texts(shares: &[Share]) -> Vec<String> {
    let text = |share: &Share| share.to_text().expose().to_owned();
    shares.iter().map(text).collect()
}

pub(crate) fn share(text: &str) -> Share {
    Share::parse(text).expect("share")
}

pub(crate) fn value(number: u64) -> Value {
    json!({ "password": format!("canary-value-{number}"), "n": number, "deep": { "a": [1, 2] } })
}

fn fill(kv: &Kv) {
    for number in 1..=3 {
        kv.put("canary-folder/app", &value(number), Cas::Any)
            .expect("puts");
    }
    for name in ["canary-deleted", "canary-destroyed", "canary-plain"] {
        for number in 1..=2 {
            kv.put(name, &value(number), Cas::Any).expect("puts");
        }
    }
    kv.delete("canary-deleted").expect("deletes");
    kv.destroy("canary-destroyed", &[1]).expect("destroys");
    let update = MetadataUpdate::new()
        .custom("team", "canary-team")
        .max_versions(4);
    kv.put_metadata("canary-plain", &update).expect("metadata");
    // The next write drops three versions at once.
    for number in 1..=4 {
        kv.put("canary-shrunk", &value(number), Cas::Any)
            .expect("puts");
    }
    let update = MetadataUpdate::new().max_versions(1);
    kv.put_metadata("canary-shrunk", &update).expect("metadata");
    kv.configure(&KvConfigUpdate::new().max_versions(50))
        .expect("configures");
}

/// Returns all that can be seen of a storage: what opens it, and everything in it.
pub(crate) fn view(rig: &Rig, sets: &[(&str, Vec<String>)]) -> Vec<String> {
    let vault = builder(rig).cache_bytes(0).build().expect("builds");
    let mut lines = Vec::new();
    if !vault.status().expect("status").initialized() {
        return vec!["no vault".to_owned()];
    }
    for (name, shares) in sets {
        lines.push(format!("{name}: {}", opens_with(rig, shares)));
    }
    if vault.unseal_key(&key()).is_err() {
        lines.push("the key does not open".to_owned());
        let last = sets.iter().rev().find(|(_, set)| opens_with(rig, set));
        let (_, set) = last.expect("nothing opens the vault");
        give(&vault, set).expect("unseals");
    }
    contents(&vault, &mut lines).expect("reads");
    lines
}

/// Returns whether any two of `shares` open the vault.
pub(crate) fn opens_with(rig: &Rig, shares: &[String]) -> bool {
    let vault = builder(rig).cache_bytes(0).build().expect("builds");
    give(&vault, shares).is_ok() && vault.owner().is_ok()
}

fn give(vault: &Vault, shares: &[String]) -> Result<()> {
    for text in shares.iter().take(2) {
        vault.unseal(&share(text))?;
    }
    Ok(())
}

/// Lists all of an open vault.
pub(crate) fn contents(vault: &Vault, lines: &mut Vec<String>) -> Result<()> {
    let owner = vault.owner()?;
    let sys = owner.sys();
    let status = sys.key_status()?;
    lines.push(format!("term {} of {}", status.term, status.terms));
    for slot in sys.slots()? {
        lines.push(format!("slot {:?} {}", slot.kind, slot.generation));
    }
    for mount in sys.mounts()? {
        let path = mount.path.as_str();
        lines.push(format!(
            "mount {path} {} {:?} {:?} {:?}",
            mount.kind, mount.description, mount.default_ttl, mount.max_ttl
        ));
        if mount.kind == "kv-v2" {
            secrets(&owner.kv(path)?, lines)?;
        } else {
            let kv = owner.kv_v1(path)?;
            ones(&kv, "", lines)?;
        }
    }
    Ok(())
}

fn secrets(kv: &Kv, lines: &mut Vec<String>) -> Result<()> {
    lines.push(format!("config {:?}", kv.config()?));
    for name in kv.list_recursive("")? {
        let data = kv.metadata(&name)?;
        lines.push(format!(
            "secret {name} {} {} {} {} {:?} {:?} {}",
            data.current_version,
            data.oldest_version,
            data.max_versions,
            data.cas_required,
            data.delete_version_after,
            data.custom_metadata,
            data.current_metadata_version
        ));
        let count = data.versions.len();
        for (index, version) in data.versions.into_iter().enumerate() {
            if index >= 5 && index + 5 < count {
                lines.push(format!("version {version:?}")); // of very many, those at the ends do
                continue;
            }
            let text = match kv.get_version::<Value>(&name, version.version) {
                Ok(secret) => secret.data.to_string(),
                Err(error) if error.kind() == ErrorKind::NotFound => error.to_string(),
                Err(error) => return Err(error),
            };
            lines.push(format!("version {version:?} {text}"));
        }
    }
    Ok(())
}

fn ones(kv: &KvV1, folder: &str, lines: &mut Vec<String>) -> Result<()> {
    for name in kv.list(folder)? {
        let path = format!("{folder}{name}");
        if name.ends_with('/') {
            ones(kv, &path, lines)?;
        } else {
            let data: BTreeMap<String, Value> = kv.get(&path)?;
            lines.push(format!("one {path} {data:?}"));
        }
    }
    Ok(())
}
