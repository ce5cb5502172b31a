//! Plays a history on both.

use std::cell::RefCell;
use std::time::Duration;

use data_encoding::BASE64;
use proptest::prelude::TestCaseError;
use vaultcore::storage::{Scan, Storage};
use vaultcore::transit::{ExportType, HashType, Input, KeyType, NewKey, SignOptions, Transit};
use vaultcore::{ErrorKind, NewMount, NewSlot, Result, Vault};

use super::keys::{carried, material};
use super::model::{Model, encrypts, picked, signs};
use super::reply::{Outcome, Reply};
use super::rules::Planted;
use super::step::{Change, Item, NAMES, Name, New, Part, Step, Twist};
use super::texts::{Owned, Sealed, Texts, damaged, made};
use crate::common::SharedClock;
use crate::rig::{Effect, NOW, Plan, Rig, builder};
use crate::world::{share, texts};

/// After so many steps everything that can be seen is compared.
const LOOK_ROUND: usize = 12;

type Played = std::result::Result<(), TestCaseError>;

thread_local! {
    /// Made once: it takes longer than a history.
    static PREPARED: Prepared = Prepared::new();
}

/// A vault with a mount, to be copied, and public keys of the material with numbers.
struct Prepared {
    rig: Rig,
    share: String,
    publics: Vec<String>,
}

impl Prepared {
    fn new() -> Self {
        let rig = Rig::new();
        let vault = builder(&rig).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let owner = vault.owner().expect("owner");
        let publics = (0..4).map(|which| {
            let sys = owner.sys();
            sys.mount("other", NewMount::transit()).expect("mounts");
            let transit = owner.transit("other").expect("path");
            let new = NewKey::new(KeyType::Ed25519);
            let bytes = material(KeyType::Ed25519, which);
            transit.import("k", &new, &bytes).expect("imports");
            let public = transit.export("k", ExportType::Public).expect("exports");
            sys.unmount("other").expect("unmounts");
            public[0].1.expose().to_owned()
        });
        let publics = publics.collect();
        let sys = owner.sys();
        sys.mount("transit", NewMount::transit()).expect("mounts");
        vault.tick().expect("ticks");
        Self {
            share: texts(init.shares()).remove(0),
            rig,
            publics,
        }
    }
}

struct Play {
    rig: Rig,
    share: String,
    publics: Vec<String>,
    clock: SharedClock,
    handles: [Vault; 2],
    active: usize,
    texts: RefCell<Texts>,
    model: Model,
}

pub(crate) fn play(planted: Planted, steps: &[Step]) -> Played {
    let (rig, share, publics) = PREPARED.with(|prepared| {
        let publics = prepared.publics.clone();
        (prepared.rig.copy(), prepared.share.clone(), publics)
    });
    let clock = SharedClock::new();
    let mut play = Play {
        handles: [open(&rig, &share, &clock), open(&rig, &share, &clock)],
        rig,
        share,
        publics,
        clock,
        active: 0,
        texts: RefCell::default(),
        model: Model::new(planted, NOW.as_micros() / 1_000_000),
    };
    for (number, step) in begin().iter().chain(steps).enumerate() {
        play.step(step)?;
        if number % LOOK_ROUND == LOOK_ROUND - 1 {
            play.look_round()?;
        }
    }
    play.look_round()?;
    play.use_all()
}

/// What every history begins with: a key of three versions, a convergent one, one that signs, and a
/// public one.
fn begin() -> Vec<Step> {
    let with = |new: New, derived| New {
        derived,
        exportable: true,
        backup: true,
        ..new
    };
    let item = |context| Item {
        plain: 1,
        context,
        associated: 1,
        version: 0,
    };
    let convergent = New {
        convergent: true,
        ..with(New::of(KeyType::Aes256Gcm96), true)
    };
    let deletion = Change {
        deletion: Some(true),
        ..Change::default()
    };
    vec![
        Step::Create("a", with(New::of(KeyType::Aes256Gcm96), false)),
        Step::Encrypt("a", item(0)),
        Step::Rotate("a"),
        Step::Encrypt("a", item(0)),
        Step::Rotate("a"),
        Step::Configure("a", deletion),
        Step::Create("b", convergent),
        Step::Encrypt("b", item(1)),
        Step::Create("c", with(New::of(KeyType::Ed25519), true)),
        Step::Sign("c", item(1)),
        Step::Hmac("c", item(0)),
        Step::ImportPublic("d", New::of(KeyType::Ed25519), 1),
        Step::Configure("d", deletion),
    ]
}

fn open(rig: &Rig, key: &str, clock: &SharedClock) -> Vault {
    let vault = builder(rig).clock(clock.clone()).build().expect("builds");
    vault.unseal(&share(key)).expect("unseals");
    vault
}

impl Play {
    fn step(&mut self, step: &Step) -> Played {
        let step = &self.model.fitted(step);
        if let Step::Crash(inner, calls, happened) = step {
            return self.crash(inner, *calls, *happened);
        }
        let found = self.perform(step);
        let expected = self.model.apply(step);
        self.agree(step, &found, &expected)
    }

    fn agree(&self, step: &Step, found: &Outcome, expected: &Outcome) -> Played {
        if found == expected {
            return Ok(());
        }
        Err(TestCaseError::fail(format!(
            "{step:?}\n  vault: {found:?}\n  model: {expected:?}"
        )))
    }

    /// A change that a crash cuts is made or not made, whatever was told.
    fn crash(&mut self, step: &Step, calls: u64, happened: bool) -> Played {
        self.rig.arm(Plan {
            first: calls,
            last: u64::MAX,
            effect: match happened {
                true => Effect::Happened,
                false => Effect::Nothing,
            },
        });
        let found = self.perform(step);
        let struck = self.rig.disarm() > 0;
        let open = || open(&self.rig, &self.share, &self.clock);
        self.handles = [open(), open()];
        let before = self.model.clone();
        let expected = self.model.apply(step);
        self.model.crashed();
        if !struck || found.is_ok() {
            self.agree(step, &found, &expected)?;
            return self.look_round();
        }
        if self.look_round().is_err() {
            self.model = before;
            self.model.crashed();
        }
        self.look_round()
    }

    /// Compares what can be seen of all keys, and what the storage holds of them.
    fn look_round(&mut self) -> Played {
        self.step(&Step::List)?;
        for name in NAMES {
            self.step(&Step::Read(name))?;
        }
        let scan = |prefix| self.rig.scan(&Scan::new(prefix)).expect("scan");
        let keys = self.model.keys.values();
        let counted = keys.clone().filter(|key| key.counted).count();
        let mut due: Vec<_> = keys
            .clone()
            .map(|key| key.due)
            .filter(|due| *due > 0)
            .collect();
        due.sort_unstable();
        let second = |path: String| path.split('/').nth(2).map(str::to_owned);
        let found = (
            scan("ns/root/transit-key/").len(),
            scan("ns/root/transit-use/").len(),
            scan("sys/transit-due/")
                .into_iter()
                .filter_map(second)
                .collect(),
        );
        let due: Vec<String> = due.iter().map(|due| format!("{due:016x}")).collect();
        let expected = (keys.count(), counted, due);
        if found == expected {
            return Ok(());
        }
        let message = format!("the storage holds {found:?}, not {expected:?}");
        Err(TestCaseError::fail(message))
    }

    /// Gives all that was made to all keys.
    fn use_all(&mut self) -> Played {
        for name in NAMES {
            for pick in 0..self.model.sealed.len() {
                self.step(&Step::Decrypt(name, pick, Twist::Nothing))?;
            }
            for pick in 0..self.model.signed.len() {
                self.step(&Step::Verify(name, pick, Twist::Nothing))?;
            }
            for pick in 0..self.model.macs.len() {
                self.step(&Step::VerifyHmac(name, pick, Twist::Nothing))?;
            }
        }
        Ok(())
    }

    fn transit(&self) -> Transit {
        let owner = self.handles[self.active].owner().expect("unsealed");
        owner.transit("transit").expect("path")
    }

    fn perform(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Advance(seconds) => self.clock.advance(Duration::from_secs(*seconds)),
            Step::Switch => self.active = 1 - self.active,
            Step::SealAndUnseal => {
                let (vault, transit) = (&self.handles[self.active], self.transit());
                vault.seal().expect("seals");
                let refused = transit.encrypt("a", b"x").expect_err("sealed");
                assert_eq!(refused.kind(), ErrorKind::Sealed);
                vault.unseal(&share(&self.share)).expect("unseals");
            }
            Step::Tick => drop(self.handles[self.active].tick().map_err(kind)?),
            step => {
                let transit = self.transit();
                let reply = self.keys(&transit, step).transpose();
                return reply
                    .unwrap_or_else(|| self.uses(&transit, step))
                    .map_err(kind);
            }
        }
        Ok(Reply::Done)
    }

    /// Performs a step on keys themselves; another is left to [`Self::uses`].
    fn keys(&self, transit: &Transit, step: &Step) -> Result<Option<Reply>> {
        let mut texts = self.texts.borrow_mut();
        match step {
            Step::Create(name, new) => {
                let info = transit.create(name, &new.public())?;
                return Ok(Some(Reply::Info(info.into())));
            }
            Step::Read(name) => return Ok(Some(Reply::Info(transit.read(name)?.into()))),
            Step::Rotate(name) => return Ok(Some(Reply::Version(transit.rotate(name)?))),
            Step::List => {
                let listed = transit.list()?;
                let listed = NAMES
                    .into_iter()
                    .filter(|name| listed.contains(&(*name).into()));
                return Ok(Some(Reply::Names(listed.collect())));
            }
            Step::Export(name, part) => {
                let shown = transit.export(name, exported(*part))?.into_iter();
                let numbered =
                    shown.map(|(version, text)| (version, texts.exported.of(text.expose().into())));
                return Ok(Some(Reply::Exported(numbered.collect())));
            }
            Step::Configure(name, change) => transit.configure(name, &change.public())?,
            Step::Trim(name, first) => transit.trim(name, *first)?,
            Step::SoftDelete(name) => transit.soft_delete(name)?,
            Step::SoftRestore(name) => transit.soft_restore(name)?,
            Step::Delete(name) => transit.delete(name)?,
            Step::Import(name, new, which) => {
                transit.import(name, &new.public(), &material(new.kind, *which))?;
            }
            Step::ImportVersion(name, which) => {
                let kind = self.model.keys.get(name).map(|key| key.new.kind);
                let bytes = material(kind.unwrap_or_default(), *which);
                transit.import_version(name, &bytes)?;
            }
            Step::ImportPublic(name, new, which) => {
                let public = &self.publics[usize::from(*which)];
                transit.import_public(name, &new.public(), public)?;
            }
            Step::Carry(from, to) => carry(transit, from, to)?,
            Step::Backup(name) => texts.backups.push(transit.backup(name)?),
            Step::Restore(name, pick, force) => {
                if let Some(index) = picked(*pick, texts.backups.len()) {
                    match force {
                        true => transit.restore_over(name, &texts.backups[index])?,
                        false => transit.restore(name, &texts.backups[index])?,
                    }
                }
            }
            Step::Upsert(allowed) => transit.upsert(*allowed)?,
            _ => return Ok(None),
        }
        Ok(Some(Reply::Done))
    }

    fn uses(&self, transit: &Transit, step: &Step) -> Result<Reply> {
        let mut texts = self.texts.borrow_mut();
        match step {
            Step::Encrypt(name, item) => {
                let owned = Owned::of(item);
                let text = transit.encrypt(name, owned.input(&owned.plain))?;
                Ok(Reply::Made(texts.sealed(text, None)))
            }
            Step::Batch(name, items) => {
                let owned: Vec<Owned> = items.iter().map(Owned::of).collect();
                let inputs: Vec<Input<'_>> =
                    owned.iter().map(|item| item.input(&item.plain)).collect();
                let made = transit.encrypt_batch(name, &inputs)?.into_iter();
                let made = made.map(|text| text.map(|text| texts.sealed(text, None)).map_err(kind));
                Ok(Reply::Batch(made.collect()))
            }
            Step::Decrypt(name, pick, twist) => {
                self.decrypt(transit, &mut texts, name, *pick, *twist)
            }
            Step::Rewrap(name, pick, twist, version) => {
                self.rewrap(transit, &mut texts, name, *pick, *twist, *version)
            }
            Step::DataKey(name, bits, item, shown) => {
                let owned = Owned::of(item);
                let (plain, text) = if *shown {
                    let (plain, text) = transit.data_key(name, *bits, owned.input(b""))?;
                    (Some(plain.expose().to_vec()), text)
                } else {
                    let text = transit.wrapped_data_key(name, *bits, owned.input(b""))?;
                    (None, text)
                };
                let origin = texts.sealed.len();
                texts.learned.extend(plain.map(|plain| (origin, plain)));
                Ok(Reply::Made(texts.sealed(text, None)))
            }
            other => self.marks(transit, &mut texts, other),
        }
    }

    /// Signs, makes MACs, and verifies both.
    fn marks(&self, transit: &Transit, texts: &mut Texts, step: &Step) -> Result<Reply> {
        let hash = HashType::default();
        match step {
            Step::Sign(name, item) => {
                let owned = Owned::of(item);
                let text = transit.sign(name, self.options(name), owned.input(&owned.plain))?;
                Ok(Reply::Made(made(&mut texts.signed, text)))
            }
            Step::Hmac(name, item) => {
                let owned = Owned::of(item);
                let text = transit.hmac(name, hash, owned.input(&owned.plain))?;
                Ok(Reply::Made(made(&mut texts.macs, text)))
            }
            Step::Verify(name, pick, twist) => {
                let Some(index) = picked(*pick, texts.signed.len()) else {
                    return Ok(Reply::Done);
                };
                let owned = Owned::of(&self.model.signed[index].item()).twisted(*twist);
                let text = damaged(&texts.signed[index], *twist);
                let (options, data) = (self.options(name), owned.input(&owned.plain));
                let valid = transit.verify(name, options, data, &text)?;
                Ok(Reply::Valid(valid))
            }
            Step::VerifyHmac(name, pick, twist) => {
                let Some(index) = picked(*pick, texts.macs.len()) else {
                    return Ok(Reply::Done);
                };
                let owned = Owned::of(&self.model.macs[index].item()).twisted(*twist);
                let text = damaged(&texts.macs[index], *twist);
                let valid = transit.verify_hmac(name, hash, &owned.plain, &text)?;
                Ok(Reply::Valid(valid))
            }
            other => panic!("{other:?} is not played"),
        }
    }

    /// Returns how a key signs: ring hashes for each curve in one way.
    fn options(&self, name: &str) -> SignOptions {
        let kind = self.model.keys.get(name).map(|key| key.new.kind);
        match kind {
            Some(KeyType::EcdsaP384) => SignOptions::new().hash(HashType::Sha2_384),
            _ => SignOptions::new(),
        }
    }

    fn decrypt(
        &self,
        transit: &Transit,
        texts: &mut Texts,
        name: Name,
        pick: usize,
        twist: Twist,
    ) -> Result<Reply> {
        let Some(index) = picked(pick, texts.sealed.len()) else {
            return Ok(Reply::Done);
        };
        let owned = Owned::of(&self.model.sealed[index].item()).twisted(twist);
        let Sealed { text, origin } = &texts.sealed[index];
        let origin = *origin;
        let text = damaged(text, twist);
        let plain = transit.decrypt(name, owned.input(&text))?;
        Ok(Reply::Plain(texts.plain(origin, plain.expose())))
    }

    fn rewrap(
        &self,
        transit: &Transit,
        texts: &mut Texts,
        name: Name,
        pick: usize,
        twist: Twist,
        version: u32,
    ) -> Result<Reply> {
        let Some(index) = picked(pick, texts.sealed.len()) else {
            return Ok(Reply::Done);
        };
        let item = Item {
            version,
            ..self.model.sealed[index].item()
        };
        let owned = Owned::of(&item).twisted(twist);
        let Sealed { text, origin } = &texts.sealed[index];
        let origin = *origin;
        let text = transit.rewrap(name, owned.input(&damaged(text, twist)))?;
        Ok(Reply::Made(texts.sealed(text, Some(origin))))
    }
}

fn kind(error: vaultcore::Error) -> ErrorKind {
    error.kind()
}

fn exported(part: Part) -> ExportType {
    match part {
        Part::Encryption => ExportType::Encryption,
        Part::Signing => ExportType::Signing,
        Part::Hmac => ExportType::Hmac,
        Part::Public => ExportType::Public,
    }
}

fn carry(transit: &Transit, from: Name, to: Name) -> Result<()> {
    let info = transit.read(from)?;
    let part = match info.kind {
        kind if encrypts(kind) => Part::Encryption,
        kind if signs(kind) => Part::Signing,
        _ => Part::Hmac,
    };
    let shown = transit.export(from, exported(part))?;
    let (_, newest) = shown.last().expect("a version");
    let text = newest.expose();
    let bytes = match BASE64.decode(text.as_bytes()) {
        Ok(bytes) => bytes,
        Err(_) => text.as_bytes().to_vec(), // PEM
    };
    transit.import(to, &carried(info.kind, info.derived).public(), &bytes)
}
