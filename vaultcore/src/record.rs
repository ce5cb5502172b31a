//! The encoding of stored records: a format byte, then one frozen struct per format (postcard).

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::SecretWriter;

/// A struct that is stored. Its fields never change; a new format is a new struct and number.
pub(crate) trait Record: Serialize + DeserializeOwned {
    /// The number of the format, the first byte of every such record.
    const FORMAT: u8;
    /// What it is, for errors.
    const NAME: &'static str;

    /// Returns whether the fields fit together, so that code may rely on it.
    fn is_sound(&self) -> bool {
        true
    }

    /// Returns the stored bytes.
    fn encode(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut writer = SecretWriter::with_capacity(256);
        writer.push(&[Self::FORMAT]);
        postcard::to_io(self, &mut writer)
            .map_err(|_| Error::invalid(format!("a {} could not be encoded", Self::NAME)))?;
        Ok(writer.into_bytes())
    }

    /// Reads stored bytes, all of them.
    ///
    /// # Errors
    /// `Unsupported` for a newer format, `Corrupt` for anything else that does not parse or whose
    /// fields do not fit together.
    fn decode(bytes: &[u8]) -> Result<Self> {
        let corrupt = || Error::corrupt(format!("a stored {} does not parse", Self::NAME));
        let (format, body) = bytes.split_first().ok_or_else(corrupt)?;
        if *format > Self::FORMAT {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "a stored {} has format {format}, this version reads up to {}",
                    Self::NAME,
                    Self::FORMAT
                ),
            ));
        }
        if *format != Self::FORMAT {
            return Err(corrupt());
        }
        match postcard::take_from_bytes(body) {
            Ok((record, [])) if Self::is_sound(&record) => Ok(record),
            _ => Err(corrupt()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        number: u64,
        text: String,
    }

    impl Record for Sample {
        const FORMAT: u8 = 1;
        const NAME: &'static str = "sample";

        fn is_sound(&self) -> bool {
            self.number > 0
        }
    }

    #[test]
    fn fields_that_do_not_fit_together_are_refused() {
        let sample = Sample {
            number: 0,
            text: "abc".into(),
        };
        let bytes = sample.encode().expect("encodes");
        assert_eq!(
            Sample::decode(&bytes).expect_err("unsound").kind(),
            ErrorKind::Corrupt
        );
    }

    #[test]
    fn every_cut_and_extension_is_refused() {
        let sample = Sample {
            number: 300,
            text: "abc".into(),
        };
        let bytes = sample.encode().expect("encodes");
        assert_eq!(Sample::decode(&bytes).expect("decodes"), sample);
        for length in 0..bytes.len() {
            let error = Sample::decode(&bytes[..length]).expect_err("cut");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert_eq!(
            Sample::decode(&longer).expect_err("longer").kind(),
            ErrorKind::Corrupt
        );
    }

    #[test]
    fn a_newer_format_is_named() {
        let error = Sample::decode(&[2, 0, 0]).expect_err("newer");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("format 2"));
    }
}
