//! No key stands in `Debug`, in an error, or in a line of audit.

use std::sync::{Arc, Mutex};

use data_encoding::{BASE64, HEXLOWER};
use vaultcore::transit::{ExportType, HashType, Input, KeyType, NewKey, SignOptions, Transit};
use vaultcore::{AuditDevice, NewAudit, NewMount, NewSlot, Result, Vault, storage::Memory};

/// Keeps the lines of audit.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl AuditDevice for Lines {
    fn write(&self, line: &[u8]) -> Result<()> {
        self.0.lock().expect("lock").extend_from_slice(line);
        Ok(())
    }

    fn may_block(&self) -> bool {
        false
    }
}

/// All types that this build has, with what is exported of them.
fn kinds() -> Vec<(KeyType, ExportType)> {
    let mut kinds = vec![
        (KeyType::Aes128Gcm96, ExportType::Encryption),
        (KeyType::Aes256Gcm96, ExportType::Encryption),
        (KeyType::ChaCha20Poly1305, ExportType::Encryption),
        (KeyType::Ed25519, ExportType::Signing),
        (KeyType::EcdsaP256, ExportType::Signing),
        (KeyType::EcdsaP384, ExportType::Signing),
        (KeyType::Hmac, ExportType::Hmac),
    ];
    if cfg!(feature = "crypto-ext") {
        kinds.extend([
            (KeyType::EcdsaP521, ExportType::Signing),
            (KeyType::Rsa2048, ExportType::Signing),
            (KeyType::MlDsa65, ExportType::Signing),
            (KeyType::MlKem768, ExportType::Encryption),
        ]);
    }
    kinds
}

/// Does all that there is with a key, and returns what `Debug` and the errors say.
fn use_up(transit: &Transit, kind: KeyType, key: &str, material: &[u8]) -> String {
    let new = NewKey::new(kind).exportable(true);
    let options = SignOptions::new().hash(HashType::Sha2_384);
    let wrong = KeyType::ALL.iter().filter(|other| **other != kind);
    let mut told = format!(
        "{transit:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        transit.read(key),
        transit.rotate(key),
        transit.encrypt(key, material),
        transit.decrypt(key, "vault:v1:AAAA"),
        transit.sign(key, options, material),
        transit.hmac(key, HashType::Sha2_256, material),
        transit.data_key(key, 256, Input::new("")),
        transit.import(key, &new, material),
    );
    for &other in wrong {
        let name = format!("{key}.{}", other.name());
        let imported = transit.import(&name, &NewKey::new(other), material);
        told += &format!("{imported:?}");
    }
    let cut = &material[..material.len() - 1];
    told += &format!("{:?}", transit.import("cut", &new, cut));
    told += &format!("{:?}", transit.export(key, ExportType::Public));
    told
}

#[test]
fn no_key_is_told_or_recorded() {
    let lines = Lines::default();
    let vault = Vault::builder(Memory::new()).audit_device("test", lines.clone());
    let vault = vault.build().expect("vault");
    let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
    vault.unseal(&init.shares()[0]).expect("unsealed");
    let owner = vault.owner().expect("owner");
    let sys = owner.sys();
    sys.enable_audit("test", NewAudit::callback("test"))
        .expect("enabled");
    sys.mount("transit", NewMount::transit()).expect("mounted");
    let transit = owner.transit("transit").expect("path");
    for (kind, what) in kinds() {
        let name = kind.name();
        let new = NewKey::new(kind)
            .exportable(true)
            .allow_plaintext_backup(true);
        transit.create(name, &new).expect("made");
        let exported = transit.export(name, what).expect("exported");
        let text = exported[0].1.expose();
        let body = text.lines().filter(|line| !line.starts_with("--"));
        let body = body.collect::<String>();
        let material = BASE64.decode(body.as_bytes()).expect("base64");
        let backup = transit.backup(name).expect("backup");
        let mut told = use_up(&transit, kind, name, &material);
        told += &format!("{exported:?} {backup:?} {vault:?}");
        told += &String::from_utf8_lossy(&lines.0.lock().expect("lock"));
        // The head of a key is the same in all of a type, and its end is secret; where a public key
        // ends it, the middle is.
        let public_ends = matches!(
            kind,
            KeyType::Ed25519 | KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521
        );
        let secret = match public_ends {
            true => &material[9..21],
            false => &material[material.len() - 12..],
        };
        let lines_of_key = text.lines().filter(|line| !line.starts_with("--"));
        let last = lines_of_key.rev().find(|line| line.len() >= 20);
        let last = last.expect("a line of the key");
        let needles = [
            BASE64.encode(&material[9..15]),
            last[last.len() - 20..].to_owned(),
            HEXLOWER.encode(secret),
            format!("{secret:?}"),
            backup.expose()[100..140].to_owned(),
        ];
        let needles = match public_ends {
            true => [&needles[..1], &needles[2..]].concat(),
            false => needles[1..].to_vec(),
        };
        let found = |told: &str| needles.iter().any(|needle| told.contains(needle.as_str()));
        assert!(!found(&told), "{name}");
        assert!(found(&[&told, text].concat()), "the search finds nothing");
    }
}
