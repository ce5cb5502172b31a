//! What a request may be: bounds that hold before anything of it is read.

use crate::error::{Error, ErrorKind, Result};

/// The longest body: a secret of 1 MiB, and what is around it.
pub(super) const MAX_BODY: usize = 1_048_576 + 65_536;
/// The deepest nesting of a body: that of a secret, and the object around it.
const MAX_DEPTH: usize = 34;
/// The most values of a body: those of a batch of 10,000 items with two fields each, as of texts to
/// decrypt with their contexts, and some more.
const MAX_NODES: usize = 32_000;
/// The longest path of a request, in bytes.
const MAX_PATH: usize = 2_048;

/// Checks size and nesting of a body in one pass over its text.
///
/// # Errors
/// `TooLarge` beyond the bounds.
pub(super) fn check_body(body: &[u8]) -> Result<()> {
    let too_large = |what: String| Error::new(ErrorKind::TooLarge, what);
    if body.len() > MAX_BODY {
        return Err(too_large(format!(
            "a request body has at most {MAX_BODY} bytes"
        )));
    }
    let (mut depth, mut nodes) = (0usize, 0usize);
    let (mut quoted, mut escaped) = (false, false);
    for byte in body {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                nodes = nodes.saturating_add(1);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => nodes = nodes.saturating_add(1),
            _ => {}
        }
        if depth > MAX_DEPTH || nodes > MAX_NODES {
            return Err(too_large(format!(
                "a request body is nested at most {MAX_DEPTH} deep and has at most {MAX_NODES} values"
            )));
        }
    }
    Ok(())
}

/// Checks that a path is in its one spelling, but for a slash at its end.
///
/// # Errors
/// `InvalidArgument` for another spelling, `TooLarge` beyond the bounds.
pub(super) fn check_path(path: &str) -> Result<()> {
    if path.len() > MAX_PATH {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the path of a request has at most {MAX_PATH} bytes"),
        ));
    }
    let bare = path.strip_suffix('/').unwrap_or(path);
    let wrong = |segment: &str| matches!(segment, "" | "." | "..");
    if bare.is_empty() || bare.split('/').any(wrong) || path.chars().any(char::is_control) {
        return Err(Error::invalid(
            "the path of a request has no empty segment, `.`, `..` or control character",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_bounded() {
        check_body(b"{\"a\": \"{[{[{[\", \"b\": [1, 2]}").expect("small");
        let deep = "[".repeat(MAX_DEPTH + 1);
        let wide = format!("[{}1]", "1,".repeat(MAX_NODES));
        for body in [deep.as_bytes(), wide.as_bytes(), &vec![b' '; MAX_BODY + 1]] {
            assert_eq!(
                check_body(body).expect_err("refused").kind(),
                ErrorKind::TooLarge
            );
        }
    }

    /// What `transit::MAX_BATCH` says of requests.
    #[test]
    fn a_batch_is_as_long_as_is_said() {
        let batch = |count: usize, item: &str| {
            let items = vec![item; count].join(",");
            format!("{{\"batch_input\":[{items}]}}")
        };
        let two = "{\"ciphertext\":\"x\",\"context\":\"YQ==\"}";
        let three = "{\"input\":\"\",\"signature\":\"x\",\"context\":\"YQ==\"}";
        let most = crate::engine::transit::MAX_BATCH;
        check_body(batch(most, two).as_bytes()).expect("two fields");
        check_body(batch(7_999, three).as_bytes()).expect("three fields");
        let error = check_body(batch(8_000, three).as_bytes()).expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    /// What `transit::MAX_PLAINTEXT` says of requests.
    #[test]
    fn a_plaintext_is_as_long_as_is_said() {
        let body = |bytes: usize| {
            let text = data_encoding::BASE64.encode(&vec![0; bytes]);
            format!("{{\"plaintext\":\"{text}\"}}")
        };
        check_body(body(835_572).as_bytes()).expect("fits");
        let error = check_body(body(835_573).as_bytes()).expect_err("too long");
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn paths_have_one_spelling() {
        for good in ["a", "a/b", "a/b/", "sys/mounts"] {
            check_path(good).expect(good);
        }
        for bad in ["", "/", "a//b", "a/../b", "./a", "a/\n", "a//"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }
}
