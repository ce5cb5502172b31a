//! The one entry in clear: what this storage holds, and who can read it.

use crate::error::{Error, ErrorKind, Result};
use crate::id::VaultId;

const MAGIC: &[u8; 12] = b"vaultcore\0\r\n";
/// The format that this version writes.
const FORMAT: u16 = 1;
/// The oldest format whose readers understand what this version writes.
const MINIMUM_READER: u16 = 1;
/// Feature bits by number; a set bit that is not known here is refused by name.
const FEATURES: [(u32, &str); 1] = [(0, "integrity index")];
/// Features that this version has.
const KNOWN: u64 = 0;

/// The header of a vault: `magic (12) | format (2) | minimum reader (2) | vault id (16) |
/// feature bits (8)`, numbers big endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) vault: VaultId,
}

impl Header {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(40);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.extend_from_slice(&MINIMUM_READER.to_be_bytes());
        out.extend_from_slice(self.vault.as_bytes());
        out.extend_from_slice(&0u64.to_be_bytes());
        out
    }

    /// Reads a stored header.
    ///
    /// # Errors
    /// `Corrupt` if this is none, `Unsupported` if it asks for a newer version or a feature that
    /// this one does not have.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let (_, reader, vault, features) =
            split(bytes).ok_or_else(|| Error::corrupt("the storage holds no vaultcore header"))?;
        let unsupported = |message: String| Err(Error::new(ErrorKind::Unsupported, message));
        if reader > FORMAT {
            return unsupported(format!(
                "the vault needs a version that reads format {reader}, this one reads {FORMAT}"
            ));
        }
        let unknown = features & !KNOWN;
        if unknown != 0 {
            let bit = unknown.trailing_zeros();
            let name = FEATURES
                .iter()
                .find(|(number, _)| *number == bit)
                .map(|(_, name)| *name);
            return unsupported(format!(
                "the vault uses feature {bit} ({}), which this version does not have",
                name.unwrap_or("unknown")
            ));
        }
        Ok(Self { vault })
    }
}

fn split(bytes: &[u8]) -> Option<(u16, u16, VaultId, u64)> {
    let (magic, rest) = bytes.split_first_chunk::<12>()?;
    let (format, rest) = rest.split_first_chunk()?;
    let (reader, rest) = rest.split_first_chunk()?;
    let (vault, rest) = rest.split_first_chunk()?;
    let (features, rest) = rest.split_first_chunk()?;
    (magic == MAGIC && rest.is_empty()).then(|| {
        let vault = VaultId::from_bytes(*vault);
        (
            u16::from_be_bytes(*format),
            u16::from_be_bytes(*reader),
            vault,
            u64::from_be_bytes(*features),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_nothing_else_does() {
        let header = Header {
            vault: VaultId::from_bytes([7; 16]),
        };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes).expect("header"), header);
        for length in 0..bytes.len() {
            assert_eq!(
                Header::decode(&bytes[..length]).expect_err("cut").kind(),
                ErrorKind::Corrupt
            );
        }
        let mut newer = bytes.clone();
        newer[15] = 9;
        let error = Header::decode(&newer).expect_err("newer");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("format 9"));
        let mut feature = bytes;
        feature[39] = 1;
        let error = Header::decode(&feature).expect_err("feature");
        assert!(error.to_string().contains("integrity index"));
    }
}
