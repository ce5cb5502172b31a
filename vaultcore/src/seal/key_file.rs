//! Files that hold the key of a key slot.
//!
//! ```
//! use vaultcore::{NewSlot, Vault, key_file, storage::Memory};
//! # let folder = tempfile::tempdir().expect("folder");
//! # let file = folder.path().join("app.key");
//! key_file::create(&file)?; // once, 0600
//! let vault = Vault::builder(Memory::new()).build()?;
//! vault.init([NewSlot::shamir(5, 3), NewSlot::key(key_file::read(&file)?)])?;
//! assert!(!vault.unseal_key(&key_file::read(&file)?)?.sealed());
//! # Ok::<(), vaultcore::Error>(())
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use crate::crypto::rng::{OsRandom, random};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretBytes;

const KEY: usize = 32;
/// The longest file that can hold a key as text, and one byte more.
const LONGEST: u64 = 128;

/// Creates a file with 32 random bytes, which only its owner can read or write.
///
/// # Errors
/// `InvalidArgument` if the file exists, which is never overwritten; `Unavailable` if it can not be
/// written.
pub fn create(file: impl AsRef<Path>) -> Result<()> {
    let key = Zeroizing::new(random::<KEY>(&OsRandom)?);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut created = options.open(file).map_err(refused)?;
    created
        .write_all(&*key)
        .and_then(|()| created.sync_all())
        .map_err(refused)
}

/// Reads a key: 32 bytes, or their text in hex or base64 with or without a line end.
///
/// # Errors
/// `InvalidArgument` if the file holds anything else or does not exist, `Unavailable` if it can not
/// be read.
pub fn read(file: impl AsRef<Path>) -> Result<SecretBytes> {
    let file = File::open(file).map_err(refused)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
    file.take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(refused)?;
    if bytes.len() == KEY {
        return Ok(SecretBytes::copy_from(&bytes));
    }
    let text = bytes.trim_ascii();
    let decoded = HEXLOWER_PERMISSIVE
        .decode(text)
        .or_else(|_| BASE64.decode(text));
    match decoded.map(SecretBytes::from) {
        Ok(key) if key.len() == KEY => Ok(key),
        _ => Err(Error::invalid(
            "a key file holds 32 bytes, or their text in hex or base64",
        )),
    }
}

fn refused(error: io::Error) -> Error {
    let (kind, what) = match error.kind() {
        io::ErrorKind::AlreadyExists => (ErrorKind::InvalidArgument, "the key file exists already"),
        io::ErrorKind::NotFound => (ErrorKind::InvalidArgument, "there is no such key file"),
        _ => (
            ErrorKind::Unavailable,
            "the key file can not be read or written",
        ),
    };
    Error::new(kind, what).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_created_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("key");
        create(&file).expect("created");
        let key = read(&file).expect("read");
        assert_eq!(key.len(), KEY);
        assert_eq!(
            create(&file).expect_err("exists").kind(),
            ErrorKind::InvalidArgument
        );
        assert_eq!(read(&file).expect("read").expose(), key.expose());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&file)
                .expect("metadata")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn text_is_read_and_anything_else_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("key");
        let read_back = |content: &[u8]| {
            std::fs::write(&file, content).expect("written");
            read(&file).map(|key| key.expose().to_vec())
        };
        let key = vec![0xab; KEY];
        assert_eq!(read_back(&key).expect("bytes"), key);
        assert_eq!(
            read_back(format!("{}\n", "Ab".repeat(KEY)).as_bytes()).expect("hex"),
            key
        );
        assert_eq!(
            read_back(format!("{}\n", BASE64.encode(&key)).as_bytes()).expect("base64"),
            key
        );
        for bad in [
            &b""[..],
            b"abc",
            &[0; 31],
            &[0; 33],
            &[b'a'; 63],
            &[b'a'; 4_096],
        ] {
            assert_eq!(
                read_back(bad).expect_err("bad").kind(),
                ErrorKind::InvalidArgument
            );
        }
        assert!(read(folder.path().join("none")).is_err());
    }
}
