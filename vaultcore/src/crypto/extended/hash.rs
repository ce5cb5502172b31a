//! Hash functions that ring lacks, plain and keyed (RFC 2104).

use aws_lc_rs::digest::{self, Algorithm, Context};
use zeroize::Zeroizing;

use crate::crypto::hash::Rare;
use crate::error::Result;

/// Returns the hash of `data`.
pub(crate) fn rare_hash(hash: Rare, data: &[u8]) -> Result<Vec<u8>> {
    vaultcore_os::scrubbed(|| Ok(of(of_rare(hash), &[data]).to_vec()))
}

/// Returns the MAC of `data`. aws-lc has none of SHA-3, so it is made of the hash.
pub(crate) fn rare_hmac(hash: Rare, key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let hash = of_rare(hash);
    vaultcore_os::scrubbed(|| {
        let length = hash.block_len();
        let hashed = (key.len() > length).then(|| of(hash, &[key]));
        let key = hashed.as_ref().map_or(key, |hashed| hashed);
        let mut block = Zeroizing::new(vec![0; length]);
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        let pad = |with: u8| -> Zeroizing<Vec<u8>> {
            Zeroizing::new(block.iter().map(|byte| byte ^ with).collect())
        };
        let inner = of(hash, &[&pad(0x36), data]);
        Ok(of(hash, &[&pad(0x5c), &inner]).to_vec())
    })
}

fn of(hash: &'static Algorithm, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut context = Context::new(hash);
    for part in parts {
        context.update(part);
    }
    Zeroizing::new(context.finish().as_ref().to_vec())
}

fn of_rare(hash: Rare) -> &'static Algorithm {
    match hash {
        Rare::Sha224 => &digest::SHA224,
        Rare::Sha3_256 => &digest::SHA3_256,
        Rare::Sha3_384 => &digest::SHA3_384,
        Rare::Sha3_512 => &digest::SHA3_512,
    }
}
