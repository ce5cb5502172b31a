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

use data_encoding::{BASE64, Encoding, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use crate::crypto::rng::{OsRandom, random};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretBytes;

const KEY: usize = 32;
/// The longest file that can hold a key as text, and one byte more.
const LONGEST: u64 = 128;

/// Creates a file with 32 random bytes, which only its owner can read or write.
///
/// When it returns, the file and its name are on the disk, so that a vault made with the key is not
/// left without it by a power loss.
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
    let file = file.as_ref();
    let mut created = options.open(file).map_err(refused)?;
    created
        .write_all(&*key)
        .and_then(|()| created.sync_all())
        .and_then(|()| sync_folder(file))
        .map_err(refused)
}

/// Makes the name of a new file durable; its content is so already.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    File::open(folder_of(file))?.sync_all()
}

/// Does nothing: a folder cannot be opened here, and a new name is durable with its file.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns the folder that `file` is in.
#[cfg(unix)]
fn folder_of(file: &Path) -> &Path {
    let parent = file.parent();
    let named = parent.filter(|folder| !folder.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
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
    decode(&HEXLOWER_PERMISSIVE, text)
        .or_else(|| decode(&BASE64, text))
        .ok_or_else(|| Error::invalid("a key file holds 32 bytes, or their text in hex or base64"))
}

/// Decodes a key into memory that is wiped, also if the text turns out bad half way.
fn decode(encoding: &Encoding, text: &[u8]) -> Option<SecretBytes> {
    let length = encoding.decode_len(text.len()).ok()?;
    let mut bytes = Zeroizing::new(vec![0; length]);
    let written = encoding.decode_mut(text, &mut bytes).ok()?;
    let key = bytes.get(..written)?;
    (key.len() == KEY).then(|| SecretBytes::copy_from(key))
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

    #[cfg(unix)]
    #[test]
    fn the_folder_of_a_bare_name_is_the_one_we_are_in() {
        for (file, folder) in [("key", "."), ("a/key", "a"), ("/key", "/"), ("./key", ".")] {
            assert_eq!(folder_of(Path::new(file)), Path::new(folder));
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
