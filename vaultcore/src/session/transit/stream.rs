//! Streams of any length, encrypted in segments by a data key of their own.
//!
//! `vcstream | format 1 | length 2 | wrapped data key | segments`, numbers big endian. A segment is
//! 64 KiB of plaintext, the last one less or as much, under AES-256-GCM with its tag. Its nonce is
//! seven zeros, its number in four bytes, and whether it is the last (the STREAM construction of
//! Hoang, Reyhanitabar, Rogaway and Vizar). The key is made of the data key and the whole header, in
//! which the wrapped key never comes back, so that no key serves two streams.

use std::io::{ErrorKind as IoErrorKind, Read, Write};

use zeroize::Zeroizing;

use super::Transit;
use crate::crypto::cipher::{Cipher, CipherKey, TAG};
use crate::crypto::mac;
use crate::engine::transit::Input;
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8] = b"vcstream\x01";
const SEGMENT: usize = 65_536;
const SEALED: usize = SEGMENT + TAG;
/// The longest text of a wrapped data key: far more than there is.
const MAX_WRAPPED: usize = 4_096;

/// Whether a segment is the last one of its stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Inside,
    Last,
}

impl Transit {
    /// Encrypts all that `reader` gives, of any length, and writes it to `writer`. Returns the number
    /// of bytes read.
    ///
    /// The stream has a data key of its own, wrapped by `key`, which stands in its beginning; `with`
    /// gives context, associated data and version of the wrapping, and its data is not used. At most
    /// 128 KiB are in memory at a time.
    ///
    /// # Errors
    /// As [`data_key`](Self::data_key); `Unavailable` with its source if reading or writing fails;
    /// `TooLarge` beyond 256 TiB.
    ///
    /// ```
    /// # use vaultcore::{NewMount, NewSlot, Vault, storage::Memory};
    /// # let vault = Vault::builder(Memory::new()).build()?;
    /// # let init = vault.init([NewSlot::shamir(1, 1)])?;
    /// # for share in init.shares() { vault.unseal(share)?; }
    /// # let session = vault.owner()?;
    /// # session.sys().mount("transit", NewMount::transit())?;
    /// # let transit = session.transit("transit")?;
    /// use vaultcore::transit::{Input, NewKey};
    /// transit.create("backups", &NewKey::default())?;
    /// let (file, mut sealed, mut plain) = (vec![7; 200_000], Vec::new(), Vec::new());
    /// let with = || Input::new("").associated_data("monday");
    /// transit.encrypt_stream("backups", with(), file.as_slice(), &mut sealed)?;
    /// transit.decrypt_stream("backups", with(), sealed.as_slice(), &mut plain)?;
    /// assert_eq!(plain, file);
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    pub fn encrypt_stream(
        &self,
        key: &str,
        with: Input<'_>,
        reader: impl Read,
        mut writer: impl Write,
    ) -> Result<u64> {
        let (data_key, wrapped) = self.data_key(key, 256, with)?;
        let header = header(&wrapped)?;
        writer.write_all(&header).map_err(broken)?;
        seal(&stream_key(data_key.expose(), &header)?, reader, writer)
    }

    /// Decrypts what [`encrypt_stream`](Self::encrypt_stream) wrote. Returns the number of bytes
    /// written.
    ///
    /// Only bytes that authenticated are written, each in its place. Whether the stream is whole shows
    /// at its end: what was written belongs to a stream that was cut off if the call fails, and is to
    /// be thrown away.
    ///
    /// # Errors
    /// `InvalidArgument`, the same whatever is wrong with the stream: changed, cut off, continued, in
    /// another order, or of another key, context or associated data. `NotFound` for a key that there
    /// is not; `Unavailable` with its source if reading or writing fails.
    pub fn decrypt_stream(
        &self,
        key: &str,
        with: Input<'_>,
        mut reader: impl Read,
        writer: impl Write,
    ) -> Result<u64> {
        let header = read_header(&mut reader)?;
        let wrapped = header.get(MAGIC.len().saturating_add(2)..);
        let wrapped = wrapped.unwrap_or_default();
        let wrapped = with.with_data(wrapped);
        let data_key = self
            .decrypt(key, wrapped)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidArgument => changed(),
                _ => error,
            })?;
        if data_key.len() != 32 {
            return Err(changed());
        }
        open(&stream_key(data_key.expose(), &header)?, reader, writer)
    }
}

fn header(wrapped: &str) -> Result<Vec<u8>> {
    let length = u16::try_from(wrapped.len()).ok();
    let length = length.filter(|length| usize::from(*length) <= MAX_WRAPPED);
    let length = length.ok_or_else(|| Error::invalid("the wrapped data key is too long"))?;
    Ok([MAGIC, &length.to_be_bytes(), wrapped.as_bytes()].concat())
}

fn read_header(reader: &mut impl Read) -> Result<Vec<u8>> {
    let mut header = vec![0; MAGIC.len().saturating_add(2)];
    if fill(reader, &mut header)? != header.len() || !header.starts_with(MAGIC) {
        return Err(changed());
    }
    let length = header.last_chunk().copied().map_or(0, u16::from_be_bytes);
    let (start, length) = (header.len(), usize::from(length));
    if length > MAX_WRAPPED {
        return Err(changed());
    }
    header.resize(start.saturating_add(length), 0);
    let wrapped = header.get_mut(start..).unwrap_or_default();
    if fill(reader, wrapped)? != length {
        return Err(changed());
    }
    Ok(header)
}

/// Makes the key of the stream that has this header.
fn stream_key(data_key: &[u8], header: &[u8]) -> Result<CipherKey> {
    let key = mac::sign_once(data_key, &[b"vaultcore stream", header]);
    CipherKey::new(Cipher::Aes256Gcm, &*key)
}

/// Encrypts all that `reader` gives.
pub(crate) fn seal(key: &CipherKey, mut reader: impl Read, mut writer: impl Write) -> Result<u64> {
    let mut current = Zeroizing::new(vec![0; SEGMENT]);
    let mut next = Zeroizing::new(vec![0; SEGMENT]);
    let mut length = fill(&mut reader, &mut current)?;
    let (mut number, mut total) = (0u32, 0u64);
    loop {
        let behind = match length {
            SEGMENT => fill(&mut reader, &mut next)?,
            _ => 0,
        };
        let place = if behind == 0 {
            Place::Last
        } else {
            Place::Inside
        };
        let text = current.get_mut(..length).unwrap_or_default();
        let tag = key.encrypt(&nonce(number, place), &[], text)?;
        writer.write_all(text).map_err(broken)?;
        writer.write_all(&tag).map_err(broken)?;
        total = total.saturating_add(count(length));
        if place == Place::Last {
            writer.flush().map_err(broken)?;
            return Ok(total);
        }
        number = number.checked_add(1).ok_or_else(too_long)?;
        std::mem::swap(&mut current, &mut next);
        length = behind;
    }
}

/// Decrypts all that `reader` gives, which must be a whole stream.
pub(crate) fn open(key: &CipherKey, mut reader: impl Read, mut writer: impl Write) -> Result<u64> {
    let mut current = Zeroizing::new(vec![0; SEALED]);
    let mut next = Zeroizing::new(vec![0; SEALED]);
    let mut length = fill(&mut reader, &mut current)?;
    let (mut number, mut total) = (0u32, 0u64);
    loop {
        let behind = match length {
            SEALED => fill(&mut reader, &mut next)?,
            _ => 0,
        };
        let place = if behind == 0 {
            Place::Last
        } else {
            Place::Inside
        };
        let sealed = current.get_mut(..length).unwrap_or_default();
        let plain = key.decrypt(&nonce(number, place), &[], sealed, 0);
        let plain = plain.ok_or_else(changed)?;
        if plain == 0 && number > 0 {
            return Err(changed()); // whoever writes a stream writes no empty segment but the first
        }
        let text = sealed.get(..plain).unwrap_or_default();
        writer.write_all(text).map_err(broken)?;
        total = total.saturating_add(count(plain));
        if place == Place::Last {
            writer.flush().map_err(broken)?;
            return Ok(total);
        }
        number = number.checked_add(1).ok_or_else(changed)?;
        std::mem::swap(&mut current, &mut next);
        length = behind;
    }
}

fn nonce(number: u32, place: Place) -> [u8; 12] {
    let [a, b, c, d] = number.to_be_bytes();
    let last = u8::from(place == Place::Last);
    [0, 0, 0, 0, 0, 0, 0, a, b, c, d, last]
}

/// Reads until `buffer` is full or nothing is left; returns how much was read.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(error) if error.kind() == IoErrorKind::Interrupted => {}
            Err(error) => return Err(broken(error)),
        }
    }
    Ok(filled.min(buffer.len()))
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn changed() -> Error {
    Error::invalid(
        "the stream does not decrypt: it was changed, cut off or continued, or key, context or \
         associated data are not those that made it",
    )
}

fn broken(error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "a stream could not be read or written",
    )
    .with_source(error)
}

fn too_long() -> Error {
    Error::new(ErrorKind::TooLarge, "a stream has at most 256 TiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> CipherKey {
        stream_key(&[7; 32], b"header").expect("key")
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        seal(&key(), plain, &mut out).expect("sealed");
        out
    }

    fn opened(stream: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        open(&key(), stream, &mut out).ok().map(|_| out)
    }

    /// Gives a few bytes at a time, and is interrupted in between.
    struct Slow<'b>(&'b [u8], bool);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(IoErrorKind::Interrupted.into());
            }
            let length = buffer.len().min(9_973);
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn every_length_around_the_segments_comes_back() {
        for length in [
            0,
            1,
            SEGMENT - 1,
            SEGMENT,
            SEGMENT + 1,
            2 * SEGMENT,
            3 * SEGMENT + 5,
        ] {
            let plain: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let stream = sealed(&plain);
            let segments = length.div_ceil(SEGMENT).max(1);
            assert_eq!(stream.len(), length + segments * TAG);
            assert_eq!(opened(&stream), Some(plain.clone()));
            let mut slow = Vec::new();
            open(&key(), Slow(&stream, false), &mut slow).expect("opened");
            assert_eq!(slow, plain);
        }
    }

    #[test]
    fn cuts_extensions_and_other_orders_are_found() {
        let plain = vec![7; 3 * SEGMENT + 100];
        let stream = sealed(&plain);
        for length in [
            0,
            1,
            TAG,
            SEALED - 1,
            SEALED,
            SEALED + 1,
            2 * SEALED,
            3 * SEALED,
        ] {
            assert_eq!(opened(&stream[..length]), None, "cut to {length}");
        }
        assert_eq!(opened(&stream[..stream.len() - 1]), None);
        for behind in [
            &[0][..],
            &stream[..SEALED],
            &stream[3 * SEALED..],
            &[0; TAG],
        ] {
            assert_eq!(opened(&[stream.as_slice(), behind].concat()), None);
        }
        let part = |index: usize| &stream[index * SEALED..((index + 1) * SEALED).min(stream.len())];
        for order in [[1, 0, 2, 3], [0, 2, 1, 3], [0, 0, 2, 3], [0, 1, 3, 3]] {
            assert_eq!(opened(&order.map(part).concat()), None, "{order:?}");
        }
        assert_eq!(
            opened(&[part(0), part(1), part(3)].concat()),
            None,
            "one left out"
        );
        for index in [0, SEGMENT, SEALED, stream.len() - 1] {
            let mut changed = stream.clone();
            changed[index] ^= 1;
            assert_eq!(opened(&changed), None, "changed at {index}");
        }
    }

    #[test]
    fn failing_readers_and_writers_are_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(IoErrorKind::BrokenPipe.into())
            }
        }
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(IoErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let kind = |result: Result<u64>| result.expect_err("broken").kind();
        assert_eq!(
            kind(seal(&key(), Broken, Vec::new())),
            ErrorKind::Unavailable
        );
        assert_eq!(
            kind(seal(&key(), &b"x"[..], Broken)),
            ErrorKind::Unavailable
        );
        assert_eq!(
            kind(open(&key(), Broken, Vec::new())),
            ErrorKind::Unavailable
        );
        assert_eq!(
            kind(open(&key(), sealed(b"x").as_slice(), Broken)),
            ErrorKind::Unavailable
        );
    }

    #[test]
    fn headers_that_are_none_are_refused() {
        let good = header("vault:v1:AAAA").expect("header");
        assert_eq!(read_header(&mut good.as_slice()).expect("read"), good);
        for length in 0..good.len() {
            assert!(read_header(&mut &good[..length]).is_err());
        }
        let mut long = MAGIC.to_vec();
        long.extend_from_slice(&[0xff; 70_000]);
        assert!(read_header(&mut long.as_slice()).is_err());
    }
}
