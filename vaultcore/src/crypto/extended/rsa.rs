//! RSA-OAEP (RFC 8017).

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use zeroize::Zeroizing;

use crate::crypto::hash::Oaep;
use crate::crypto::sign::{Algorithm, unfit};
use crate::error::{Error, ErrorKind, Result};

/// A private key that is ready to decrypt.
pub(crate) struct Decryptor(OaepPrivateDecryptingKey);

impl Decryptor {
    /// Makes a stored key ready: PKCS#1.
    ///
    /// # Errors
    /// `InvalidArgument` if its parts do not fit together.
    pub(crate) fn new(algorithm: Algorithm, private: &[u8]) -> Result<Self> {
        vaultcore_os::scrubbed(|| {
            let der = algorithm.to_pkcs8(private, &[]);
            let key = PrivateDecryptingKey::from_pkcs8(&der).map_err(|_| unfit())?;
            let key = OaepPrivateDecryptingKey::new(key).map_err(|_| unfit())?;
            Ok(Self(key))
        })
    }

    /// Decrypts; `None` whatever is wrong.
    pub(crate) fn decrypt(
        &self,
        hash: Oaep,
        label: &[u8],
        ciphertext: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        vaultcore_os::scrubbed(|| {
            let mut plain = Zeroizing::new(vec![0; self.0.min_output_size()]);
            let made = self
                .0
                .decrypt(of(hash), ciphertext, &mut plain, Some(label));
            let length = made.ok()?.len();
            plain.truncate(length);
            Some(plain)
        })
    }
}

/// Encrypts under a public key: PKCS#1.
///
/// # Errors
/// `TooLarge` for more than fits; `InvalidArgument` for a key that is none.
pub(crate) fn encrypt(
    algorithm: Algorithm,
    public: &[u8],
    hash: Oaep,
    label: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>> {
    let key = PublicEncryptingKey::from_der(&algorithm.to_spki(public)).map_err(|_| unusable())?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| unusable())?;
    let most = key.max_plaintext_size(of(hash));
    if plain.len() > most {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("under this RSA key a plaintext has at most {most} bytes"),
        ));
    }
    vaultcore_os::scrubbed(|| {
        let mut out = vec![0; key.ciphertext_size()];
        let made = key.encrypt(of(hash), plain, &mut out, Some(label));
        let length = made.map_err(|_| unusable())?.len();
        out.truncate(length);
        Ok(out)
    })
}

fn of(hash: Oaep) -> &'static OaepAlgorithm {
    match hash {
        Oaep::Sha1 => &OAEP_SHA1_MGF1SHA1,
        Oaep::Sha256 => &OAEP_SHA256_MGF1SHA256,
        Oaep::Sha384 => &OAEP_SHA384_MGF1SHA384,
        Oaep::Sha512 => &OAEP_SHA512_MGF1SHA512,
    }
}

fn unusable() -> Error {
    Error::invalid("the public key does not encrypt")
}
