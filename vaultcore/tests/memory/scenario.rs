//! The child: it uses everything that a vault offers, and wipes what it holds itself.

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use vaultcore::kv::{Cas, Kv, MetadataUpdate};
use vaultcore::storage::Sqlite;
use vaultcore::{
    Argon2Params, Init, NewMount, NewSlot, OsRandom, Random, Result, SecretBytes, SecretString,
    Share, Vault, import,
};
use zeroize::{Zeroize, Zeroizing};

use crate::scan::{fill_canary, pause, role};
use crate::transit::{use_keys, use_transit};

pub(crate) const LENGTH: usize = 24;
const MASK: u8 = 0x5c;

const VALUE: u64 = 0x100;
const PATCHED: u64 = 0x101;
const PATCHED_KEY: u64 = 0x102;
const KEY_OF_DATA: u64 = 0x103;
const NAME: u64 = 0x104;
const FOLDER: u64 = 0x105;
const META_KEY: u64 = 0x106;
const META_VALUE: u64 = 0x107;
const ENV_NAME: u64 = 0x108;
const ENV_VALUE: u64 = 0x109;
const PASSPHRASE: u64 = 0x10a;
const SLOT_KEY: u64 = 0x10b;
const IN_TRANSACTION: u64 = 0x10c;
const VALUE_V1: u64 = 0x10d;
const NAME_V1: u64 = 0x10e;
const DESCRIPTION: u64 = 0x10f;
const MOUNT: u64 = 0x110;
const RAW: u64 = 0x111;
const ELSEWHERE: u64 = 0x112;
const ESCAPED: u64 = 0x115;
pub(crate) const TRANSIT_PLAIN: u64 = 0x116;
pub(crate) const HELD: u64 = 0x113;
pub(crate) const LEAKED: u64 = 0x114;

/// The canaries and what they are.
pub(crate) const NAMED: &[(u64, &str)] = &[
    (VALUE, "value"),
    (PATCHED, "patched-value"),
    (PATCHED_KEY, "patched-key"),
    (KEY_OF_DATA, "key-in-data"),
    (NAME, "name"),
    (FOLDER, "folder"),
    (META_KEY, "custom-key"),
    (META_VALUE, "custom-value"),
    (ENV_NAME, "env-name"),
    (ENV_VALUE, "env-value"),
    (PASSPHRASE, "passphrase"),
    (SLOT_KEY, "slot-key"),
    (IN_TRANSACTION, "value-in-transaction"),
    (VALUE_V1, "v1-value"),
    (NAME_V1, "v1-name"),
    (DESCRIPTION, "mount-description"),
    (MOUNT, "mount-path"),
    (RAW, "raw-json"),
    (ELSEWHERE, "value-of-another-thread"),
    (ESCAPED, "value-with-a-line-break"),
    (TRANSIT_PLAIN, "transit-plaintext"),
    (HELD, "held-by-caller"),
    (LEAKED, "leaked"),
];

#[test]
#[ignore = "run as a child by the tests of the vault"]
fn child() {
    let role = role().unwrap_or_default();
    if let Some(folder) = role.strip_prefix("vault ") {
        run(&PathBuf::from(folder)).unwrap();
    }
}

/// Randomness that tells, masked, what it gave out as keys.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<String>>);

impl Told {
    pub(crate) fn tell(&self, label: &str, secret: &[u8]) {
        let mut told = self.0.lock().unwrap();
        told.push_str(label);
        told.push(' ');
        for byte in &secret[..LENGTH] {
            told.push_str(&format!("{:02x}", byte ^ MASK));
        }
        told.push('\n');
    }
}

/// Turns what was told back into a pattern.
pub(crate) fn unmasked(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap() ^ MASK;
    (0..text.len()).step_by(2).map(byte).collect()
}

impl Random for Told {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        OsRandom.fill(buffer)?;
        if buffer.len() >= 32 {
            self.tell("random", buffer);
        }
        Ok(())
    }
}

fn run(folder: &Path) -> Result<()> {
    let told = Told::default();
    let storage = Sqlite::open(folder.join("db"))?;
    let vault = Vault::builder(storage).random(told.clone()).build()?;
    begin(&vault, &told)?;
    use_everything(&vault)?;
    with(ELSEWHERE, |text| on_other_threads(&vault, text))?;
    change_keys(&vault, &told)?;
    use_transit(&vault, &told)?;
    let held = hold(&vault)?;
    use_keys(&vault, &told)?; // last, so that they are ready for use at the pause
    std::fs::write(folder.join("needles"), &*told.0.lock().unwrap()).unwrap();
    pause("held").unwrap();
    drop(black_box(held));
    pause("unsealed").unwrap();
    vault.seal()?;
    pause("sealed").unwrap();
    let leak = with(LEAKED, |text| text.to_owned());
    pause("leaked").unwrap();
    black_box(leak);
    Ok(())
}

/// Calls `work` with a canary, which exists in one place and is wiped.
pub(crate) fn with<T>(seed: u64, work: impl FnOnce(&str) -> T) -> T {
    let mut place = Zeroizing::new([0; LENGTH]);
    fill_canary(seed, &mut *place);
    work(std::str::from_utf8(&*place).unwrap())
}

/// Makes the vault and opens it in each way.
fn begin(vault: &Vault, told: &Told) -> Result<()> {
    let passphrase = with(PASSPHRASE, SecretString::copy_from);
    let cheap = Argon2Params::new(8_192, 1, 1)?;
    let key = |_| NewSlot::key(with_key(SecretBytes::copy_from));
    // So many that a list of them grows.
    let mut slots = vec![
        NewSlot::shamir(5, 3),
        NewSlot::passphrase_with(passphrase, cheap),
    ];
    slots.extend((0..8).map(key));
    let init = vault.init(slots)?;
    tell_shares(told, init.shares());
    open_by_shares(vault, &init)?;
    vault.seal()?;
    vault.unseal_passphrase(&with(PASSPHRASE, SecretString::copy_from))?;
    vault.seal()?;
    vault
        .unseal_key(&with_key(SecretBytes::copy_from))
        .map(drop)
}

/// Calls `work` with a slot key, which begins with a canary.
fn with_key<T>(work: impl FnOnce(&[u8]) -> T) -> T {
    let mut key = Zeroizing::new([7; 32]);
    fill_canary(SLOT_KEY, &mut key[..LENGTH]);
    work(&*key)
}

fn tell_shares(told: &Told, shares: &[Share]) {
    for share in shares {
        told.tell("share", share.expose());
        let text = share.to_text();
        let body = text.expose().splitn(4, '-').nth(3).unwrap();
        told.tell("text-of-share", body.as_bytes());
    }
}

fn open_by_shares(vault: &Vault, init: &Init) -> Result<()> {
    for share in init.shares().iter().take(3) {
        let typed = Share::parse(share.to_text().expose())?;
        vault.unseal(&typed)?;
    }
    Ok(())
}

fn use_everything(vault: &Vault) -> Result<()> {
    let session = vault.owner()?;
    let sys = session.sys();
    sys.mount("kv", NewMount::kv2())?;
    sys.mount("old", NewMount::kv1())?;
    with(MOUNT, |mount| {
        let description = with(DESCRIPTION, str::to_owned);
        sys.mount(mount, NewMount::kv2().description(description))
    })?;
    for mount in &mut sys.mounts()? {
        mount.description.zeroize();
    }
    let kv = session.kv("kv")?;
    with(NAME, |name| {
        with(FOLDER, |folder| {
            let path = Zeroizing::new(format!("{folder}/{name}"));
            versions(&kv, &path)?;
            metadata(&kv, &path)?;
            lists(&kv, folder)?;
            with(MOUNT, |mount| versions(&session.kv(mount)?, &path))
        })
    })?;
    import_env(&kv)?;
    with(NAME_V1, |name| {
        with(VALUE_V1, |value| {
            let old = session.kv_v1("old")?;
            old.put(name, &BTreeMap::from([("value", value)]))?;
            old.get::<Doc>(name)?;
            wipe(&mut old.list("")?);
            Ok(())
        })
    })
}

fn versions(kv: &Kv, path: &str) -> Result<()> {
    let put = |value: &str| {
        with(KEY_OF_DATA, |key| {
            kv.put(path, &BTreeMap::from([(key, value)]), Cas::Any)
        })
    };
    let written = with(VALUE, put)?;
    with(VALUE, put)?;
    kv.get::<Doc>(path)?;
    kv.get_version::<Doc>(path, written.version)?;
    kv.get_json(path)?;
    kv.subkeys(path, 0, 0)?;
    with(ESCAPED, |value| {
        // As long as a key in PEM: short copies in freed memory are soon written over.
        let mut lines = Zeroizing::new(String::with_capacity(4_000));
        for _ in 0..100 {
            lines.push_str(value);
            lines.push('\n');
        }
        kv.put(path, &BTreeMap::from([("key", &*lines)]), Cas::Any)
    })?;
    kv.get::<Doc>(path)?;
    with(PATCHED, |value| {
        with(PATCHED_KEY, |key| {
            kv.patch(path, &BTreeMap::from([(key, value)]), Cas::Any)
        })
    })?;
    kv.get::<Doc>(path)?;
    with(RAW, |value| {
        let json = Zeroizing::new(format!("{{\"raw\":\"{value}\"}}"));
        kv.put_json(path, json.as_bytes(), Cas::Any)
    })?;
    kv.rollback(path, written.version, Cas::Any)?;
    with(IN_TRANSACTION, |value| {
        let data = BTreeMap::from([("value", value)]);
        kv.transaction(|tx| {
            tx.put("together/a", &data, Cas::Any)?;
            tx.put("together/b", &data, Cas::Any)
        })
    })?;
    // What fails must not leave more behind.
    let wrong = with(VALUE, |value| {
        kv.put(path, &BTreeMap::from([("value", value)]), Cas::Version(99))
    });
    assert!(wrong.is_err() && kv.get::<BTreeMap<String, u64>>(path).is_err());
    kv.delete(path)?;
    kv.undelete(path, &[written.version])?;
    kv.destroy(path, &[written.version])
}

fn metadata(kv: &Kv, path: &str) -> Result<()> {
    for _ in 0..2 {
        let update = MetadataUpdate::new();
        let update = with(META_KEY, |key| {
            with(META_VALUE, |value| update.custom(key, value))
        });
        kv.patch_metadata(path, &update)?;
        wipe_map(kv.metadata(path)?.custom_metadata);
    }
    Ok(())
}

fn lists(kv: &Kv, folder: &str) -> Result<()> {
    wipe(&mut kv.list("")?);
    wipe(&mut kv.list(folder)?);
    wipe(&mut kv.list_page(folder, "", 10)?);
    wipe(&mut kv.list_recursive("")?);
    wipe(&mut kv.names(folder, None, 10)?.names);
    Ok(())
}

fn import_env(kv: &Kv) -> Result<()> {
    let text = with(ENV_NAME, |name| {
        with(ENV_VALUE, |value| {
            Zeroizing::new(format!("# text\nA{name}=\"{value}\\n\"\n"))
        })
    });
    for variable in import::parse_env(text.as_bytes())? {
        let data = BTreeMap::from([("value", variable.value().expose())]);
        kv.put(variable.name(), &data, Cas::Any)?;
        kv.get_json(variable.name())?;
    }
    Ok(())
}

/// Works on a thread that ends before the vault is sealed, and on one that stays.
fn on_other_threads(vault: &Vault, text: &str) -> Result<()> {
    let work = |vault: &Vault, text: &str| {
        let kv = vault.owner()?.kv("kv")?;
        kv.put("elsewhere", &BTreeMap::from([("value", text)]), Cas::Any)?;
        kv.get::<Doc>("elsewhere").map(drop)
    };
    thread::scope(|scope| scope.spawn(|| work(vault, text)).join().unwrap())?;
    let (done, wait) = mpsc::channel();
    let vault = vault.clone();
    thread::spawn(move || {
        done.send(with(ELSEWHERE, |text| work(&vault, text)))
            .unwrap();
        loop {
            thread::park();
        }
    });
    wait.recv().unwrap()
}

fn change_keys(vault: &Vault, told: &Told) -> Result<()> {
    let sys = vault.owner()?.sys();
    sys.rotate()?;
    sys.rewrap_all(|_| Ok(()))?;
    let rekey = sys.rekey(None, 3, 2)?;
    tell_shares(told, rekey.shares());
    for share in rekey.shares().iter().take(2) {
        sys.rekey_verify(rekey.nonce(), share)?;
    }
    sys.rotate_root()
}

/// Returns a value that the caller holds.
fn hold(vault: &Vault) -> Result<Doc> {
    let kv = vault.owner()?.kv("kv")?;
    with(HELD, |value| {
        kv.put("held", &BTreeMap::from([("value", value)]), Cas::Any)
    })?;
    Ok(kv.get("held")?.data)
}

fn wipe(names: &mut [String]) {
    assert!(!names.is_empty());
    names.iter_mut().for_each(Zeroize::zeroize);
}

fn wipe_map(map: BTreeMap<String, String>) {
    for (mut key, mut value) in map {
        key.zeroize();
        value.zeroize();
    }
}

/// The caller's own type: it wipes its texts.
struct Doc {
    _texts: Vec<(Text, Text)>,
}

struct Text {
    _text: Zeroizing<String>,
}

impl<'de> Deserialize<'de> for Doc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(DocVisitor)
    }
}

struct DocVisitor;

impl<'de> Visitor<'de> for DocVisitor {
    type Value = Doc;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Doc, A::Error> {
        let mut texts = Vec::new();
        while let Some(entry) = map.next_entry()? {
            texts.push(entry);
        }
        Ok(Doc { _texts: texts })
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Text, E> {
        let _text = Zeroizing::new(text.to_owned());
        Ok(Text { _text })
    }
}
