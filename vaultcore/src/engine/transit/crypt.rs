//! Encrypting and decrypting under a key that is ready.

use std::sync::Arc;

use zeroize::{Zeroize, Zeroizing};

use super::asymmetric;
use super::budget::{self, Grant, Limits, NONCE, RANDOM_96, RANDOM_192, Rest, Uses};
use super::item::Input;
use super::prepared::{Prepared, Usable};
use super::text::Base64;
use super::{KeyName, entry, store, stored, text, use_entry};
use crate::crypto::cipher::{CipherKey, TAG};
use crate::crypto::{extended, sign};
use crate::error::{Error, ErrorKind, Result};
use crate::operation::Context;

/// The largest plaintext of a call: 32 MiB. Streams have no bound. A request in Vault's shape has at most
/// 1,114,112 bytes, base64 and all: that is a plaintext of 835,572 bytes.
pub const MAX_PLAINTEXT: usize = 33_554_432;

/// A ciphertext, and the version of the key that made it.
pub(crate) struct Sealed {
    pub(crate) text: String,
    pub(crate) version: u32,
}

/// Encrypts all items under the key called `name`, each by itself.
pub(super) fn encrypt(
    cx: &mut Context<'_, '_>,
    name: &KeyName,
    key: Arc<Prepared>,
    items: &[Input<'_>],
) -> Result<Vec<Result<Sealed>>> {
    check_wraps(&key)?;
    if key.kind.symmetric_length().is_none() {
        let sealed = items.iter().map(|item| by_public_key(&key, item));
        return Ok(sealed.collect());
    }
    if let [item] = items
        && let Some(sealed) = encrypt_single(cx, &key, item)?
    {
        return Ok(vec![sealed]);
    }
    let newest = items.iter().filter(|item| item.version == 0).count();
    let mut nonces = Nonces::default();
    let key = nonces.draw_newest(cx, name, key, newest)?;
    let mut results = Vec::with_capacity(items.len());
    for item in items {
        let version = check_item(&key, item).and_then(|()| key.to_use(item.version));
        let version = match version {
            Ok(version) if item.version != 0 => {
                let of_it = |other: &&Input<'_>| other.version == item.version;
                let count = || items.iter().filter(of_it).count();
                match nonces.draw_named(cx, version, count)? {
                    true => Ok(version),
                    false => Err(budget::used_up()),
                }
            }
            other => other,
        };
        results.push(version.and_then(|version| {
            let nonce = || nonces.next(version);
            encrypt_one(&key, version, item, nonce)
        }));
    }
    nonces.keep_rest(cx);
    Ok(results)
}

/// Encrypts the one item of an operation under the newest version; `None` if it cannot be, or not without
/// taking uses of that version first.
fn encrypt_single(
    cx: &Context<'_, '_>,
    key: &Prepared,
    item: &Input<'_>,
) -> Result<Option<Result<Sealed>>> {
    if item.version != 0 {
        return Ok(None);
    }
    let Ok(version) = check_item(key, item).and_then(|()| key.to_use(0)) else {
        return Ok(None); // it fails as in a batch
    };
    let mut nonce = Nonce::new(version);
    let (uses, hedge) = (version.uses(cx)?, || version.hedge());
    match uses.draw_all(nonce.parts(), cx.txn.source(), &hedge)? {
        true => Ok(Some(encrypt_one(key, version, item, || Ok(nonce)))),
        false => Ok(None),
    }
}

/// Returns an error unless keys of this type encrypt data keys, and decrypt, in this build.
pub(super) fn check_wraps(key: &Prepared) -> Result<()> {
    key.kind.check_built()?;
    if key.kind.is_rsa() && !extended::BUILT {
        return Err(sign::needs_extension("encrypting by RSA"));
    }
    if key.kind.wraps() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "keys of type {} do not encrypt",
        key.kind.name()
    )))
}

/// Returns an error unless keys of this type encrypt what they are given, in this build.
pub(super) fn check_encrypts(key: &Prepared) -> Result<()> {
    check_wraps(key)?;
    if key.kind.encrypts() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "keys of type {} encrypt data keys only",
        key.kind.name()
    )))
}

fn by_public_key(key: &Prepared, item: &Input<'_>) -> Result<Sealed> {
    check_item(key, item)?;
    let version = key.to_use(item.version)?;
    let bytes = asymmetric::seal(version, item)?;
    Ok(Sealed {
        text: text::compose(version.number, &bytes, Base64::Standard),
        version: version.number,
    })
}

/// Returns an error unless the item has what the key asks for.
fn check_item(key: &Prepared, item: &Input<'_>) -> Result<()> {
    item.check()?;
    check_context(key, item)?;
    check_length(item)
}

fn check_length(item: &Input<'_>) -> Result<()> {
    if item.data().len() > MAX_PLAINTEXT {
        return Err(Error::new(
            ErrorKind::TooLarge,
            "a plaintext has at most 32 MiB; a stream takes any length",
        ));
    }
    Ok(())
}

/// Returns an error unless a key that is made for the item can encrypt it.
pub(super) fn check_for_new(item: &Input<'_>) -> Result<()> {
    check_length(item)?;
    match item.version {
        0 | 1 => Ok(()),
        _ => Err(Error::invalid(
            "there is no such key, so it has no such version",
        )),
    }
}

/// Returns an error unless a context is given just if the key is derived.
pub(super) fn check_context(key: &Prepared, item: &Input<'_>) -> Result<()> {
    match (key.key.rules.derived, item.context.is_empty()) {
        (true, true) => Err(Error::invalid("a derived key takes a context")),
        (false, false) => Err(Error::invalid(
            "a context is taken by derived keys only, and this one is not",
        )),
        _ => Ok(()),
    }
}

fn encrypt_one(
    key: &Prepared,
    version: Usable<'_>,
    item: &Input<'_>,
    nonce: impl FnOnce() -> Result<Nonce>,
) -> Result<Sealed> {
    let rules = &key.key.rules;
    let bytes = if rules.derived {
        let (cipher, maker) = version.derived(&item.context)?;
        let mut nonce = nonce()?;
        if rules.convergent {
            let fields = [item.data(), &item.context, &item.associated];
            let made = maker.nonce(&fields);
            let bytes = nonce.parts().as_flattened_mut();
            for (to, from) in bytes.iter_mut().zip(made.iter()) {
                *to = *from;
            }
        }
        seal(&cipher, nonce.bytes(), item)?
    } else {
        seal(version.cipher()?, nonce()?.bytes(), item)?
    };
    Ok(Sealed {
        text: text::compose(version.number, &bytes, Base64::Standard),
        version: version.number,
    })
}

/// Returns `nonce | ciphertext | tag`.
fn seal(cipher: &CipherKey, nonce: &[u8], item: &Input<'_>) -> Result<Vec<u8>> {
    let plain = item.data();
    let length = nonce.len().saturating_add(plain.len()).saturating_add(TAG);
    let mut bytes = Vec::with_capacity(length);
    bytes.extend_from_slice(nonce);
    bytes.extend_from_slice(plain);
    let body = bytes.get_mut(nonce.len()..).unwrap_or_default();
    match cipher.encrypt(nonce, &item.associated, body) {
        Ok(tag) => {
            bytes.extend_from_slice(&tag);
            Ok(bytes)
        }
        Err(error) => {
            bytes.zeroize();
            Err(error)
        }
    }
}

/// Decrypts one item. Whatever is wrong with it, the error is the same.
pub(super) fn decrypt(key: &Prepared, item: &Input<'_>) -> Result<Zeroizing<Vec<u8>>> {
    item.check()?;
    check_context(key, item)?;
    open(key, item).ok_or_else(undecryptable)
}

fn open(key: &Prepared, item: &Input<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let parsed = text::parse_ciphertext(item.text()?)?;
    let version = key.that_made(parsed.version)?;
    let mut bytes = text::decode(parsed.body)?;
    if key.kind.symmetric_length().is_none() {
        return asymmetric::open(version, &item.associated, &bytes);
    }
    let derived;
    let cipher = if key.key.rules.derived {
        (derived, _) = version.derived(&item.context).ok()?;
        &derived
    } else {
        version.cipher().ok()?
    };
    let skip = cipher.cipher().nonce_length();
    let mut nonce = [0; 24];
    let nonce = nonce.get_mut(..skip)?;
    nonce.copy_from_slice(bytes.get(..skip)?);
    let length = cipher.decrypt(nonce, &item.associated, &mut bytes, skip)?;
    bytes.truncate(length);
    Some(bytes)
}

/// The one error of a ciphertext that does not decrypt, so that nobody learns why.
pub(super) fn undecryptable() -> Error {
    Error::invalid(
        "the ciphertext does not decrypt: key, version, context or associated data are not those \
         that made it, or it was changed",
    )
}

/// Nonces that were drawn for the items of one operation, by the versions that they are for.
#[derive(Default)]
struct Nonces {
    drawn: Vec<(u32, Vec<[u8; NONCE]>)>,
    /// Versions that items name, and whether nonces could be drawn for these items.
    named: Vec<(u32, bool)>,
    /// What is left of the blocks that this attempt took: the process's once that is committed.
    rest: Vec<(u32, Arc<Uses>, Rest)>,
}

impl Nonces {
    /// Draws nonces for `count` items under the newest version. Returns the key, which is rotated if
    /// that version was used as often as it should be.
    fn draw_newest(
        &mut self,
        cx: &mut Context<'_, '_>,
        name: &KeyName,
        key: Arc<Prepared>,
        count: usize,
    ) -> Result<Arc<Prepared>> {
        if count == 0 {
            return Ok(key);
        }
        let rules = &key.key.rules;
        let may_rotate = !rules.imported || rules.allow_rotation;
        if self.draw(cx, key.to_use(0)?, count, may_rotate)? == Drawn::All {
            return Ok(key);
        }
        let path = entry(cx, name)?;
        let mut changed = stored(cx, name)?;
        let due = changed.rules.due;
        match changed.rotate(cx.txn) {
            Ok(()) => {
                store(cx.txn, path, &changed, due)?;
                let rotated = Arc::new(Prepared::new(changed)?);
                self.draw(cx, rotated.to_use(0)?, count, false)?;
                Ok(rotated)
            }
            // The key is full: it goes on as long as it may.
            Err(error) if error.kind() == ErrorKind::LimitExceeded => {
                self.draw(cx, key.to_use(0)?, count, false)?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// Draws nonces for all items that name `version`, of which there are `count`, at the first of them.
    /// Returns whether there are any: a version that is used up fails no items of others.
    fn draw_named(
        &mut self,
        cx: &mut Context<'_, '_>,
        version: Usable<'_>,
        count: impl Fn() -> usize,
    ) -> Result<bool> {
        let known = self.named.iter().find(|(of, _)| *of == version.number);
        if let Some((_, drawn)) = known {
            return Ok(*drawn);
        }
        let drawn = match self.draw(cx, version, count(), false) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::LimitExceeded => false,
            Err(error) => return Err(error),
        };
        self.named.push((version.number, drawn));
        Ok(drawn)
    }

    /// Leaves what was taken and not used to later operations, if the attempt is committed.
    fn keep_rest(self, cx: &mut Context<'_, '_>) {
        for (_, uses, rest) in self.rest {
            cx.txn.after_commit(move || uses.keep(rest));
        }
    }

    /// Draws nonces for `count` items under `version`.
    fn draw(
        &mut self,
        cx: &mut Context<'_, '_>,
        version: Usable<'_>,
        count: usize,
        may_rotate: bool,
    ) -> Result<Drawn> {
        let (each, limits) = needs(version);
        let count = count.saturating_mul(each);
        let uses = version.uses(cx)?;
        let hedge = || version.hedge();
        let mut nonces = Vec::with_capacity(count);
        let taken = self.rest.iter_mut().find(|(of, ..)| *of == version.number);
        match taken {
            Some((_, _, rest)) => rest.draw(&mut nonces, count, cx.txn.source(), &hedge)?,
            None => uses.draw(&mut nonces, count, cx.txn.source(), &hedge)?,
        }
        let missing = count.saturating_sub(nonces.len());
        if missing > 0 {
            let granted = reserve(cx, version, uses, missing, limits, may_rotate)?;
            let Grant::Uses(range) = granted else {
                return Ok(Drawn::Rotate);
            };
            let mut rest = Rest::new(range);
            rest.draw(&mut nonces, count, cx.txn.source(), &hedge)?;
            self.rest.push((version.number, Arc::clone(uses), rest));
        }
        match self.of(version.number) {
            Some(known) => known.extend(nonces),
            None => self.drawn.push((version.number, nonces)),
        }
        Ok(Drawn::All)
    }

    fn of(&mut self, version: u32) -> Option<&mut Vec<[u8; NONCE]>> {
        let found = self.drawn.iter_mut().find(|(known, _)| *known == version);
        found.map(|(_, nonces)| nonces)
    }

    /// Returns a nonce that was drawn for the version.
    fn next(&mut self, version: Usable<'_>) -> Result<Nonce> {
        let missing = || Error::new(ErrorKind::Unavailable, "a nonce was not drawn");
        let nonces = self.of(version.number).ok_or_else(missing)?;
        let mut nonce = Nonce::new(version);
        for part in nonce.parts() {
            *part = nonces.pop().ok_or_else(missing)?;
        }
        Ok(nonce)
    }
}

/// A nonce of a cipher: one part that was drawn, or two.
struct Nonce {
    parts: [[u8; NONCE]; 2],
    count: usize,
}

impl Nonce {
    fn new(version: Usable<'_>) -> Self {
        let parts = [[0; NONCE]; 2];
        let count = needs(version).0.min(parts.len());
        Self { parts, count }
    }

    fn parts(&mut self) -> &mut [[u8; NONCE]] {
        self.parts.get_mut(..self.count).unwrap_or_default()
    }

    fn bytes(&self) -> &[u8] {
        self.parts
            .get(..self.count)
            .unwrap_or_default()
            .as_flattened()
    }
}

#[derive(PartialEq, Eq)]
enum Drawn {
    All,
    /// None, since the key is to be rotated first.
    Rotate,
}

/// Returns how many nonces of 96 bits one encryption takes, and how many there are.
fn needs(version: Usable<'_>) -> (usize, Limits) {
    let length = version
        .kind
        .cipher()
        .map_or(NONCE, |cipher| cipher.nonce_length());
    match length / NONCE {
        0 | 1 => (1, RANDOM_96),
        each => (each, RANDOM_192),
    }
}

/// Takes uses of the version in storage. They are this process's once that is committed.
fn reserve(
    cx: &mut Context<'_, '_>,
    version: Usable<'_>,
    uses: &Uses,
    missing: usize,
    limits: Limits,
    may_rotate: bool,
) -> Result<Grant> {
    // What is drawn at once is whole chunks.
    let missing = u64::try_from(missing).unwrap_or(u64::MAX);
    let needed = missing.checked_next_multiple_of(64).unwrap_or(u64::MAX);
    let path = use_entry(cx.mount()?, version.id())?;
    let mut given: budget::Given = cx.txn.load(&path)?.unwrap_or_default();
    let grant = given.take(
        version.number,
        needed,
        uses.wish(missing),
        limits,
        may_rotate,
    )?;
    if grant != Grant::Rotate {
        cx.txn.store(path, &given)?;
    }
    Ok(grant)
}

#[cfg(test)]
mod tests {
    use super::super::item::{Items, MAX_BATCH};
    use super::*;

    #[test]
    fn plaintexts_and_batches_are_bounded_where_it_is_said() {
        let mut plain = vec![0; MAX_PLAINTEXT];
        check_for_new(&Input::new(&plain)).expect("32 MiB");
        plain.push(0);
        let error = check_for_new(&Input::new(&plain)).expect_err("a byte more");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        let mut items = vec![Input::new(""); MAX_BATCH];
        Items::many(&items).check().expect("as many");
        items.push(Input::new(""));
        let error = Items::many(&items).check().expect_err("one more");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
}
