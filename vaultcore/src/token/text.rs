//! How tokens and accessors look.

use zeroize::Zeroizing;

use crate::barrier::Txn;
use crate::error::Result;
use crate::id::NamespaceId;

/// The digits of tokens.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The length of the random part of tokens and accessors: 142 bits.
const LENGTH: usize = 24;
/// The largest multiple of 62 that a byte can hold: bytes beyond it would favour some digits.
const FAIR: u8 = 248;

/// Returns 24 random characters.
///
/// They are hedged: a random source that repeats itself gives other characters for another
/// `context`, and none that anybody without the vault's keys can foretell.
pub(crate) fn random_text(txn: &Txn<'_>, context: &[&[u8]]) -> Result<Zeroizing<String>> {
    text_of(|fields| txn.unique(fields), context)
}

/// Returns 24 characters of the blocks that `unique` makes for `context`.
pub(super) fn text_of(
    unique: impl Fn(&[&[u8]]) -> Result<[u8; 16]>,
    context: &[&[u8]],
) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(LENGTH));
    let mut block = 0u64;
    while text.len() < LENGTH {
        let number = block.to_be_bytes();
        let mut fields = vec![&b"text"[..], &number];
        fields.extend_from_slice(context);
        let bytes = Zeroizing::new(unique(&fields)?);
        let fair = bytes.iter().filter(|byte| **byte < FAIR);
        for byte in fair.take(LENGTH.saturating_sub(text.len())) {
            let digit = BASE62.get(usize::from(*byte % 62)).copied();
            text.push(char::from(digit.unwrap_or(b'0')));
        }
        block = block.saturating_add(1);
    }
    Ok(text)
}

/// Returns the namespace that the end of a token or accessor names, and what comes before.
///
/// Those of the root namespace name none.
pub(super) fn split_namespace(text: &str) -> (&str, NamespaceId) {
    let Some((front, last)) = text.rsplit_once('.') else {
        return (text, NamespaceId::ROOT);
    };
    let bytes = data_encoding::HEXLOWER.decode(last.as_bytes());
    match bytes.map(|bytes| <[u8; 16]>::try_from(bytes.as_slice()).map(NamespaceId::from_bytes)) {
        // The root's is never written, so that a token has one spelling.
        Ok(Ok(namespace)) if namespace != NamespaceId::ROOT => (front, namespace),
        _ => (text, NamespaceId::ROOT),
    }
}

/// Appends the name of the namespace to a token or accessor; the root's has none.
pub(super) fn with_namespace(text: &str, namespace: NamespaceId) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(text.len().saturating_add(33)));
    out.push_str(text);
    if namespace != NamespaceId::ROOT {
        out.push('.');
        out.push_str(&namespace.part());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_comes_back() {
        for namespace in [NamespaceId::ROOT, NamespaceId::from_bytes([7; 16])] {
            let text = with_namespace("hvs.abc", namespace);
            assert_eq!(split_namespace(&text), ("hvs.abc", namespace));
        }
        let zeros = format!("hvs.abc.{}", "0".repeat(32));
        for plain in ["", "hvs.abc", "hvs.", "a.zz", "hvs.abc.0123", &zeros] {
            assert_eq!(split_namespace(plain), (plain, NamespaceId::ROOT));
        }
    }
}
