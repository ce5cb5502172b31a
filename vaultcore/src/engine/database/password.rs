//! Passwords of users.

use zeroize::Zeroizing;

use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::secret::SecretString;

/// The length of a password, and the sets of which each gives at least one character; as in Vault.
const LENGTH: usize = 20;
const SETS: [&[u8]; 4] = [
    b"abcdefghijklmnopqrstuvwxyz",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    b"0123456789",
    b"-",
];
/// How often a password is drawn: about one in four has a character of every set.
const DRAWS: u32 = 1_000;

/// Returns a new password: each as likely as any other that has a character of every set.
pub(super) fn generate(txn: &Txn<'_>) -> Result<SecretString> {
    let all = SETS.concat();
    for _ in 0..DRAWS {
        let text = draw(txn, &all)?;
        let has = |set: &&[u8]| text.iter().any(|byte| set.contains(byte));
        if SETS.iter().all(has) {
            let text = String::from_utf8_lossy(&text);
            return Ok(SecretString::copy_from(&text));
        }
    }
    Err(Error::corrupt("the random source makes no password"))
}

/// Draws characters without bias: bytes past the last whole multiple are dropped.
fn draw(txn: &Txn<'_>, all: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let fair = 256 / all.len() * all.len();
    let mut text = Zeroizing::new(Vec::with_capacity(LENGTH));
    while text.len() < LENGTH {
        let bytes = Zeroizing::new(txn.unique(&[b"password", &[text.len() as u8]])?);
        for byte in bytes.iter().map(|byte| usize::from(*byte)) {
            if byte < fair && text.len() < LENGTH {
                text.extend(all.get(byte % all.len()));
            }
        }
    }
    Ok(text)
}
