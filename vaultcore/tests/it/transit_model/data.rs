//! What is done with keys in the model.

use vaultcore::transit::KeyType;

use super::model::{Checked, Key, Model, REFUSED, Version, encrypts, picked, signs};
use super::reply::{Made, Outcome, Plain, Reply};
use super::rules::Planted;
use super::step::{FITTING, Item, Name, Step, Twist};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    version: u32,
    secret: u32,
    convergent: bool,
    derived: bool,
    context: u8,
    associated: u8,
    plain: Plain,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    version: u32,
    secret: u32,
    /// Whether the same is always signed the same way.
    steady: bool,
    derived: bool,
    context: u8,
    plain: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mac {
    version: u32,
    mac: u32,
    plain: u8,
}

impl Sealed {
    /// Returns what it was made of; a twist changes some of that.
    pub(super) fn item(&self) -> Item {
        let (context, associated) = (self.context, self.associated);
        Item {
            plain: 0,
            context,
            associated,
            version: 0,
        }
    }
}

impl Signed {
    pub(super) fn item(&self) -> Item {
        let (plain, context) = (self.plain, self.context);
        Item {
            plain,
            context,
            associated: 0,
            version: 0,
        }
    }
}

impl Mac {
    pub(super) fn item(&self) -> Item {
        Item {
            plain: self.plain,
            context: 0,
            associated: 0,
            version: 0,
        }
    }
}

impl Model {
    /// Returns the step with the contexts that the key asks for.
    pub(crate) fn fitted(&self, step: &Step) -> Step {
        let mut fitted = step.clone();
        match &mut fitted {
            Step::Encrypt(name, item)
            | Step::DataKey(name, _, item, _)
            | Step::Sign(name, item)
            | Step::Hmac(name, item) => self.fit(name, item),
            Step::Batch(name, items) => items.iter_mut().for_each(|item| self.fit(name, item)),
            _ => {}
        }
        fitted
    }

    fn fit(&self, name: &str, item: &mut Item) {
        if item.context == FITTING {
            let derived = self.keys.get(name).map(|key| key.new.derived);
            item.context = u8::from(derived == Some(true));
        }
    }

    pub(super) fn used(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Encrypt(name, item) => {
                let made = self.encrypt(name, std::slice::from_ref(item))?;
                Ok(Reply::Made(made.into_iter().next().ok_or(REFUSED)??))
            }
            Step::Batch(name, items) => {
                let made = self.encrypt(name, items)?;
                let failed = made.iter().any(Result::is_err);
                if failed && self.is(Planted::BatchFails) {
                    return Err(REFUSED);
                }
                Ok(Reply::Batch(made))
            }
            Step::Decrypt(name, pick, twist) => match picked(*pick, self.sealed.len()) {
                Some(index) => {
                    let key = self.encrypting(name)?;
                    let plain = self.decrypt(&key, index, *twist)?;
                    Ok(Reply::Plain(plain))
                }
                None => Ok(Reply::Done),
            },
            Step::Rewrap(name, pick, twist, version) => match picked(*pick, self.sealed.len()) {
                Some(index) => self.rewrap(name, index, *twist, *version),
                None => Ok(Reply::Done),
            },
            Step::DataKey(name, bits, item, _) => {
                let key = self.encrypting(name)?;
                let plain = Plain::DataKey(self.sealed.len(), *bits);
                let made = self.seal(name, &key, item, plain);
                if made.is_err() {
                    // Of what fails as a whole nothing is kept, uses that it took neither.
                    self.key(name)?.counted = key.counted;
                }
                made.map(Reply::Made)
            }
            Step::Sign(name, item) => self.sign(name, item),
            Step::Verify(name, pick, twist) => match picked(*pick, self.signed.len()) {
                Some(index) => self.verify(name, index, *twist),
                None => Ok(Reply::Done),
            },
            Step::Hmac(name, item) => self.mac(name, item),
            Step::VerifyHmac(name, pick, twist) => match picked(*pick, self.macs.len()) {
                Some(index) => self.verify_mac(name, index, *twist),
                None => Ok(Reply::Done),
            },
            other => panic!("{other:?} uses no key"),
        }
    }

    fn encrypting(&self, name: &str) -> Checked<Key> {
        let key = self.usable(name)?;
        match encrypts(key.new.kind) {
            true => Ok(key),
            false => Err(REFUSED),
        }
    }

    fn encrypt(&mut self, name: Name, items: &[Item]) -> Checked<Vec<Checked<Made>>> {
        let with = items.iter().filter(|item| item.context > 0).count();
        if items.is_empty() || with > 0 && with < items.len() {
            return Err(REFUSED);
        }
        if !self.keys.contains_key(name) {
            if items.iter().all(|item| item.version > 1) {
                return Err(REFUSED); // none that a new key encrypts
            }
            self.make_missing(name, with > 0)?;
        }
        let key = self.encrypting(name)?;
        let made = items
            .iter()
            .map(|item| self.seal(name, &key, item, Plain::Text(item.plain)));
        Ok(made.collect())
    }

    /// Returns the version that encrypts and signs.
    fn to_use(&self, name: &str, key: &Key, wanted: u32) -> Checked<(u32, Version)> {
        let number = match wanted {
            0 if self.is(Planted::OldVersionEncrypts) => key.first,
            0 => self.newest_known(name, key),
            number => number,
        };
        let version = key.version(number).ok_or(REFUSED)?;
        let young = number < key.min_encryption && !self.is(Planted::MinEncryptionIsIgnored);
        let old = number < key.min_decryption && !self.is(Planted::EncryptsBelowDecryption);
        match young || old {
            true => Err(REFUSED),
            false => Ok((number, *version)),
        }
    }

    /// Returns the version that made something, if the key lets it.
    fn that_made<'k>(&self, key: &'k Key, number: u32) -> Option<&'k Version> {
        let may = number >= key.min_decryption || self.is(Planted::MinDecryptionIsIgnored);
        key.version(number).filter(|_| may)
    }

    fn seal(&mut self, name: Name, key: &Key, item: &Item, plain: Plain) -> Checked<Made> {
        // Uses of the newest version are taken before the item is looked at.
        self.key(name)?.counted |= item.version == 0;
        check_context(key, item.context)?;
        let (number, version) = self.to_use(name, key, item.version)?;
        self.key(name)?.counted = true;
        let made = Sealed {
            version: number,
            secret: version.secret,
            convergent: key.new.convergent,
            derived: key.new.derived,
            context: item.context,
            associated: item.associated,
            plain,
        };
        let twin = self.sealed.iter().position(|old| self.same(old, &made));
        self.sealed.push(made);
        Ok(Made {
            version: number,
            twin,
        })
    }

    /// Returns whether two encryptions give one text.
    fn same(&self, one: &Sealed, two: &Sealed) -> bool {
        let context = one.context == two.context || self.is(Planted::ConvergentForgetsContext);
        let associated =
            one.associated == two.associated || self.is(Planted::ConvergentForgetsAssociated);
        one.convergent
            && two.convergent
            && !self.is(Planted::ConvergentIsRandom)
            && (one.version, one.secret, one.plain) == (two.version, two.secret, two.plain)
            && context
            && associated
    }

    fn decrypt(&self, key: &Key, index: usize, twist: Twist) -> Checked<Plain> {
        let made = &self.sealed[index];
        let (mut context, mut associated) = (made.context, made.associated);
        match twist {
            Twist::Context(other) => context = other,
            Twist::Associated(other) => associated = other,
            _ => {}
        }
        check_context(key, context)?;
        let version = self.that_made(key, made.version).ok_or(REFUSED)?;
        let good = (version.secret == made.secret || self.is(Planted::AnyKey))
            && key.new.derived == made.derived
            && (context == made.context || !made.derived || self.is(Planted::AnyContext))
            && (associated == made.associated || self.is(Planted::AnyAssociated))
            && twist != Twist::Damage;
        match good {
            true => Ok(made.plain),
            false => Err(REFUSED),
        }
    }

    fn rewrap(&mut self, name: Name, index: usize, twist: Twist, version: u32) -> Outcome {
        let key = self.encrypting(name)?;
        let plain = self.decrypt(&key, index, twist)?;
        let made = self.sealed[index];
        let mut item = Item {
            plain: 0,
            context: made.context,
            associated: made.associated,
            version,
        };
        if version == 0 && self.is(Planted::RewrapKeepsVersion) {
            item.version = made.version;
        }
        if self.is(Planted::RewrapLosesAssociated) {
            item.associated = 0;
        }
        self.seal(name, &key, &item, plain).map(Reply::Made)
    }

    fn signing(&self, name: &str) -> Checked<Key> {
        let key = self.usable(name)?;
        match signs(key.new.kind) {
            true => Ok(key),
            false => Err(REFUSED),
        }
    }

    fn sign(&mut self, name: Name, item: &Item) -> Outcome {
        let key = self.signing(name)?;
        check_context(&key, item.context)?;
        let (number, version) = self.to_use(name, &key, item.version)?;
        if version.public_only && !self.is(Planted::PublicSigns) {
            return Err(REFUSED);
        }
        let made = Signed {
            version: number,
            secret: version.secret,
            steady: key.new.kind == KeyType::Ed25519,
            derived: key.new.derived,
            context: item.context,
            plain: item.plain,
        };
        let twin = self.signed.iter().position(|old| {
            let same = |it: &Signed| (it.version, it.secret, it.derived, it.context, it.plain);
            made.steady && same(old) == same(&made)
        });
        self.signed.push(made);
        Ok(Reply::Made(Made {
            version: number,
            twin,
        }))
    }

    fn verify(&self, name: Name, index: usize, twist: Twist) -> Outcome {
        let key = self.signing(name)?;
        let made = self.signed[index];
        let (mut context, mut plain) = (made.context, made.plain);
        match twist {
            Twist::Context(other) => context = other,
            Twist::Plain(other) => plain = other,
            _ => {}
        }
        check_context(&key, context)?;
        let Some(version) = self.that_made(&key, made.version) else {
            return Ok(Reply::Valid(false));
        };
        let any = self.is(Planted::SignatureInAnyContext);
        Ok(Reply::Valid(
            version.secret == made.secret
                && key.new.derived == made.derived
                && (context == made.context || any)
                && plain == made.plain
                && twist != Twist::Damage,
        ))
    }

    fn mac(&mut self, name: Name, item: &Item) -> Outcome {
        let key = self.usable(name)?;
        let (number, version) = self.to_use(name, &key, item.version)?;
        let made = Mac {
            version: number,
            mac: version.mac,
            plain: item.plain,
        };
        let twin = self.macs.iter().position(|old| *old == made);
        self.macs.push(made);
        Ok(Reply::Made(Made {
            version: number,
            twin,
        }))
    }

    fn verify_mac(&self, name: Name, index: usize, twist: Twist) -> Outcome {
        let key = self.usable(name)?;
        let made = self.macs[index];
        let plain = match twist {
            Twist::Plain(other) => other,
            _ => made.plain,
        };
        let version = match self.is(Planted::OldMacs) {
            true => key.version(made.version),
            false => self.that_made(&key, made.version),
        };
        let same = version.is_some_and(|version| version.mac == made.mac);
        let good = same && plain == made.plain && twist != Twist::Damage;
        Ok(Reply::Valid(good))
    }
}

fn check_context(key: &Key, context: u8) -> Checked {
    match key.new.derived == (context > 0) {
        true => Ok(()),
        false => Err(REFUSED),
    }
}
