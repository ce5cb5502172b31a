//! Whoever holds the storage changes it. Whatever is read then is right, or `Corrupt`.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use vaultcore::kv::Cas;
use vaultcore::storage::Entry;
use vaultcore::{Error, ErrorKind, Vault};

use crate::rig::{Rig, builder};
use crate::world::{Caching, Template, key, opens_with, share, value};

type Bytes = BTreeMap<String, Vec<u8>>;
/// What each read answers: the data, or why there is none.
type Answers = BTreeMap<String, Answer>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Data(String),
    Refused(ErrorKind),
}

/// What is read: each secret and version by itself, and what lists them.
fn reads(vault: &Vault, names: &BTreeSet<(String, String, u64)>) -> Answers {
    let mut answers = Answers::new();
    let Ok(owner) = vault.owner() else {
        return answers;
    };
    for (mount, name, version) in names {
        let read = if *version == u64::MAX {
            let kv = owner.kv_v1(mount).expect("kv");
            kv.get::<Value>(name).map(|data| data.to_string())
        } else {
            let kv = owner.kv(mount).expect("kv");
            kv.get_version::<Value>(name, *version)
                .map(|secret| format!("{:?} {}", secret.created_time, secret.data))
        };
        answers.insert(format!("{mount}{name} {version}"), answer(read));
    }
    let mounts: BTreeSet<_> = names
        .iter()
        .map(|(mount, _, n)| (mount, *n == u64::MAX))
        .collect();
    for (mount, one) in mounts {
        let list = if one {
            owner.kv_v1(mount).expect("kv").list("")
        } else {
            owner.kv(mount).expect("kv").list_recursive("")
        };
        answers.insert(
            format!("list {mount}"),
            answer(list.map(|names| names.join(","))),
        );
    }
    let sys = owner.sys();
    let slots = sys.slots().map(|slots| format!("{slots:?}"));
    answers.insert("slots".into(), answer(slots));
    let mounts = sys.mounts().map(|mounts| format!("{mounts:?}"));
    answers.insert("mounts".into(), answer(mounts));
    let status = sys.key_status().map(|status| format!("{status:?}"));
    answers.insert("status".into(), answer(status));
    answers
}

fn answer(result: Result<String, Error>) -> Answer {
    match result {
        Ok(data) => Answer::Data(data),
        Err(error) => Answer::Refused(error.kind()),
    }
}

/// All that the template holds: mount, name, version; version `MAX` stands for version 1 mounts.
fn names(vault: &Vault) -> BTreeSet<(String, String, u64)> {
    let owner = vault.owner().expect("owner");
    let mut names = BTreeSet::new();
    for mount in owner.sys().mounts().expect("mounts") {
        let path = mount.path.as_str().to_owned();
        if mount.kind == "kv-v1" {
            for name in ["canary-one", "canary-folder/two"] {
                names.insert((path.clone(), name.into(), u64::MAX));
            }
            continue;
        }
        let kv = owner.kv(&path).expect("kv");
        for name in kv.list_recursive("").expect("list") {
            for version in kv.metadata(&name).expect("metadata").versions {
                names.insert((path.clone(), name.clone(), version.version));
            }
        }
    }
    names
}

fn on(rig: &Rig) -> Vault {
    builder(rig).cache_bytes(0).build().expect("builds")
}

/// The vault before anyone touches it.
struct Subject {
    rig: Rig,
    shares: Vec<String>,
    names: BTreeSet<(String, String, u64)>,
    right: Answers,
}

impl Subject {
    fn new() -> Self {
        let world = Template::new().world(Caching::Off);
        for number in 0..6 {
            let name = format!("more/{number}");
            for version in 0..=number % 3 {
                world
                    .kv()
                    .put(&name, &value(100 + version), Cas::Any)
                    .expect("puts");
            }
        }
        let names = names(&world.vault);
        let right = reads(&world.vault, &names);
        assert!(names.len() > 20 && right.values().filter(|answer| is_data(answer)).count() > 20);
        Self {
            rig: world.rig,
            shares: world.shares,
            names,
            right,
        }
    }

    /// Judges one state of the storage, seen by a vault that was open before and by a new one.
    fn judge(&self, rig: &Rig, touched: &str) -> Result<(), String> {
        let fresh = on(rig);
        let opened = unseal(&fresh, &self.shares);
        if let Err(kind) = opened {
            let fits = [
                ErrorKind::Corrupt,
                ErrorKind::UnsealFailed,
                ErrorKind::Unsupported,
                ErrorKind::NotInitialized,
            ];
            return if !touched.starts_with("sys/") && !touched.ends_with("/mounts") {
                Err(format!("{kind:?} at unseal, of which it is no part"))
            } else if fits.contains(&kind) {
                Ok(())
            } else {
                Err(format!("{kind:?} at unseal"))
            };
        }
        self.compare(&reads(&fresh, &self.names), touched)
    }

    /// No answer may be other data, and what does not rest on the entry must be right.
    fn compare(&self, found: &Answers, touched: &str) -> Result<(), String> {
        let mut refused = 0;
        for (what, right) in &self.right {
            match found.get(what) {
                Some(same) if same == right => {}
                Some(Answer::Refused(ErrorKind::Corrupt)) => refused += 1,
                // What was deleted is missing, which nothing proves yet.
                Some(Answer::Refused(ErrorKind::NotFound)) if touched.is_empty() => {}
                Some(Answer::Refused(kind)) => return Err(format!("{what}: {kind:?}")),
                Some(Answer::Data(_)) => return Err(format!("{what}: wrong data")),
                None => return Err(format!("{what}: not asked")),
            }
        }
        // One record of one version, or one secret's metadata with at most all of its versions.
        let most = match touched {
            _ if touched.contains("/kv-data/") => 1,
            _ if touched.contains("/kv-one/") => 1,
            _ if touched.contains("/kv-meta/") => 4,
            _ => usize::MAX,
        };
        if refused > most {
            return Err(format!("{refused} reads are refused"));
        }
        Ok(())
    }

    /// Overwrites the entry at `path`, judges, and puts it back.
    fn with(&self, path: &str, value: Vec<u8>, rig: &Rig) -> Result<(), String> {
        let right = self.rig.values()[path].clone();
        rig.overwrite(path, Some(value));
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge(rig, path)));
        rig.overwrite(path, Some(right));
        judged.unwrap_or_else(|_| Err("it panicked".to_owned()))
    }
}

fn is_data(answer: &Answer) -> bool {
    matches!(answer, Answer::Data(_))
}

/// Unseals with two shares.
fn unseal(vault: &Vault, shares: &[String]) -> Result<(), ErrorKind> {
    for text in shares.iter().take(2) {
        vault.unseal(&share(text)).map_err(|error| error.kind())?;
    }
    vault.owner().map(drop).map_err(|error| error.kind())
}

/// Checks that `values` is noticed at every path, and that nothing else is wrong.
fn every(
    subject: &Subject,
    values: impl Fn(&str, &[u8]) -> Vec<(String, Vec<u8>)>,
) -> (usize, Vec<String>) {
    let rig = subject.rig.copy();
    let (mut count, mut wrong) = (0, Vec::new());
    for (path, value) in subject.rig.values() {
        for (what, changed) in values(&path, &value) {
            if changed == value {
                continue;
            }
            count += 1;
            if let Err(error) = subject.with(&path, changed, &rig) {
                wrong.push(format!("{path} {what}: {error}"));
            }
        }
    }
    (count, wrong)
}

/// Returns some places in `length` bytes: a third of each record's edges, and a sample between.
/// Every bit of one record is flipped by the unit tests of the envelope.
fn places(length: usize) -> impl Iterator<Item = usize> {
    let step = (length / 12).max(1);
    (0..length).filter(move |place| {
        (*place < 36 && place.is_multiple_of(3))
            || place.is_multiple_of(step)
            || length - place <= 3
    })
}

#[test]
fn every_flip_cut_and_extension_is_noticed() {
    let subject = Subject::new();
    let (count, wrong) = every(&subject, |_, value| {
        let mut changed = Vec::new();
        for place in places(value.len()) {
            let mut flipped = value.to_vec();
            flipped[place] ^= 1 << (place % 8);
            changed.push((format!("flipped at {place}"), flipped));
            changed.push((format!("cut to {place}"), value[..place].to_vec()));
        }
        changed.push(("extended".into(), [value, &[0]].concat()));
        changed.push(("doubled".into(), [value, value].concat()));
        changed
    });
    println!("{count} flips, cuts and extensions");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(count > 2_000, "{count}");
}

#[test]
fn an_entry_in_the_place_of_another_is_noticed() {
    let subject = Subject::new();
    let all = subject.rig.values();
    let (count, wrong) = every(&subject, |_, _| {
        let moved = |(path, value): (&String, &Vec<u8>)| (format!("from {path}"), value.clone());
        all.iter().map(moved).collect()
    });
    println!("{count} moved entries");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(count > 1_000, "{count}");
}

/// Two vaults whose storage was copied go on by themselves: same keys, same paths, other records.
#[test]
fn a_record_of_a_copy_is_right_or_noticed() {
    let mut subject = Subject::new();
    let copy = subject.rig.copy();
    for (rig, number) in [(&copy, 1_000), (&subject.rig, 2_000)] {
        let vault = on(rig);
        vault.unseal_key(&key()).expect("unseals");
        let owner = vault.owner().expect("owner");
        for (mount, name, _) in subject.names.iter().filter(|(mount, ..)| mount != "old/") {
            let kv = owner.kv(mount).expect("kv");
            kv.put(name, &value(number), Cas::Any).expect("puts");
        }
        subject.right = reads(&vault, &subject.names);
    }
    let copied = copy.values();
    let (count, wrong) = every(&subject, |path, _| {
        let other = copied.get(path).filter(|_| path.contains("/kv-data/"));
        other
            .map(|value| ("of the copy".to_owned(), value.clone()))
            .into_iter()
            .collect()
    });
    println!("{count} records of a copy");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(count > 20, "{count}");
}

/// A vault that was made by itself: other keys, and another id.
#[test]
fn an_entry_of_another_vault_is_noticed() {
    let (subject, other) = (Subject::new(), Subject::new().rig.values());
    let fixed = [
        "sys/slots",
        "sys/keyring",
        "sys/epoch",
        "ns/root/sys/mounts",
    ];
    let (count, wrong) = every(&subject, |path, _| {
        let same = other.get(path).filter(|_| fixed.contains(&path));
        same.map(|value| ("of another vault".to_owned(), value.clone()))
            .into_iter()
            .collect()
    });
    assert_eq!((count, wrong), (fixed.len(), Vec::new()));
    // The header alone is in clear. That of another vault opens nothing.
    let rig = subject.rig.copy();
    rig.overwrite("sys/header", Some(other["sys/header"].clone()));
    assert_eq!(
        unseal(&on(&rig), &subject.shares),
        Err(ErrorKind::UnsealFailed)
    );
}

/// Puts every older copy of every entry back.
#[test]
fn an_older_record_of_a_version_is_noticed() {
    let template = Template::new();
    let world = template.world(Caching::Off);
    let mut history: Vec<Bytes> = Vec::new();
    for number in 10..16 {
        history.push(world.rig.values());
        world
            .kv()
            .put("canary-shrunk", &value(number), Cas::Any)
            .expect("puts");
        world
            .kv()
            .put("canary-plain", &value(number), Cas::Any)
            .expect("puts");
    }
    let names = names(&world.vault);
    let subject = Subject {
        right: reads(&world.vault, &names),
        names,
        rig: world.rig,
        shares: world.shares,
    };
    let (count, wrong) = every(&subject, |path, _| {
        let old = history.iter().filter(|_| path.contains("/kv-data/"));
        let old = old.filter_map(|bytes| bytes.get(path));
        old.map(|value| ("an older copy".to_owned(), value.clone()))
            .collect()
    });
    println!("{count} older records");
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    assert!(count > 10, "{count}");
}

/// Metadata put back together with its data is right by all that they prove of each other. Only
/// the integrity index will notice it; until then this is what happens.
#[test]
fn a_whole_secret_put_back_is_not_noticed_yet() {
    let world = Template::new().world(Caching::Off);
    let before = world.rig.values();
    world
        .kv()
        .put("canary-shrunk", &value(99), Cas::Any)
        .expect("puts");
    let read = || {
        let secret = on(&world.rig);
        secret.unseal_key(&key()).expect("unseals");
        let kv = secret
            .owner()
            .expect("owner")
            .kv("canary-secret")
            .expect("kv");
        kv.get::<Value>("canary-shrunk").map(|secret| secret.data)
    };
    assert_eq!(read().expect("reads"), value(99));
    world.rig.restore(&before);
    assert_eq!(
        read().expect("the old state is taken for the present one"),
        value(4)
    );
}

/// A deleted entry is missing, and nothing says yet that there was one. What is left is right.
#[test]
fn a_deleted_entry_is_missing_or_noticed() {
    let subject = Subject::new();
    for path in subject.rig.values().keys() {
        let rig = subject.rig.copy();
        rig.overwrite(path, None);
        let found = on(&rig);
        match unseal(&found, &subject.shares) {
            Ok(()) if path.contains("/kv-data/") => {
                subject
                    .compare(&reads(&found, &subject.names), path)
                    .expect(path);
            }
            Ok(()) => {
                let mut answers = reads(&found, &subject.names);
                answers.retain(|what, _| !what.starts_with("list ") && what != "mounts");
                let right = |what: &String| subject.right.get(what).cloned();
                for (what, answer) in answers {
                    let gone = Answer::Refused(ErrorKind::NotFound);
                    assert!(
                        answer == gone || Some(&answer) == right(&what).as_ref(),
                        "{what}"
                    );
                }
            }
            Err(kind) => {
                assert!(path.starts_with("sys/"), "{path}");
                let fits = [ErrorKind::Corrupt, ErrorKind::NotInitialized];
                assert!(fits.contains(&kind), "{path}: {kind:?}");
            }
        }
    }
}

/// A vault that is open all the time notices as well, with whatever it caches.
#[test]
fn an_open_vault_notices_too() {
    let subject = Subject::new();
    let rig = subject.rig.copy();
    let vault = builder(&rig).build().expect("builds");
    vault.unseal_key(&key()).expect("unseals");
    assert_eq!(reads(&vault, &subject.names), subject.right);
    let dump: BTreeMap<String, Entry> = rig.dump();
    for (path, entry) in dump.iter().filter(|(path, _)| path.starts_with("ns/")) {
        let mut flipped = entry.value.clone();
        let last = flipped.len() - 1;
        flipped[last] ^= 1;
        rig.overwrite(path, Some(flipped));
        subject
            .compare(&reads(&vault, &subject.names), path)
            .expect(path);
        rig.overwrite(path, Some(entry.value.clone()));
    }
    assert_eq!(reads(&vault, &subject.names), subject.right);
    assert!(opens_with(&rig, &subject.shares));
}

/// The control: a storage that could return other data is what these tests look for.
#[test]
fn wrong_data_would_be_caught() {
    let subject = Subject::new();
    let rig = subject.rig.copy();
    let vault = on(&rig);
    vault.unseal_key(&key()).expect("unseals");
    let kv = vault.owner().expect("owner").kv("other").expect("kv");
    kv.put("canary-name", &value(1), Cas::Any).expect("puts");
    kv.delete_metadata("canary-name").expect("deletes");
    kv.put("canary-name", &value(2), Cas::Any).expect("puts");
    let judged = subject.compare(&reads(&vault, &subject.names), "ns/root/kv-data/x");
    assert!(judged.expect_err("other data").contains("wrong data"));
}
