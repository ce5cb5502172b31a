//! Replaces what is new with every run by names that stay: ids, times, tokens and keys.
//!
//! A value is masked as its kind where it is seen first, and as its kind and that place
//! wherever it is seen again: `<token>`, then `<token of login/auth/client_token>`. So it is still
//! compared whether two values are the same, and a field that is missing somewhere does not
//! rename everything behind it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::corpus::Request;
use crate::play::Reply;

/// Fields whose numbers run while the test does. They are compared to the minute.
const RUNNING: [&str; 2] = ["ttl", "lease_duration"];
/// Fields that hold random text of no certain form.
const RANDOM: [&str; 5] = [
    "random_bytes",
    "otp",
    "encoded_token",
    "encoded_root_token",
    "keys_base64",
];
/// Fields that count what the server does besides.
const COUNTS: [&str; 1] = ["encryptions"];
/// Fields whose text is never random, though it looks so.
const PLAIN: [&str; 2] = ["sum", "hash_function"];
/// Numbers that are times in seconds.
const TIMES: std::ops::Range<u64> = 1_500_000_000..4_000_000_000;

/// What was seen in a story.
pub(crate) struct Mask {
    seen: BTreeMap<String, String>,
    folder: String,
}

impl Mask {
    /// Starts a story whose files are in `folder`.
    pub(crate) fn new(folder: &str) -> Self {
        Self {
            seen: BTreeMap::new(),
            folder: folder.to_owned(),
        }
    }

    /// Gives `value` a name of its own.
    pub(crate) fn learn(&mut self, value: &str, name: &str) {
        self.seen.insert(value.to_owned(), format!("<{name}>"));
    }

    /// Masks the reply to `request`.
    pub(crate) fn apply(&mut self, request: &Request, mut reply: Reply) -> Reply {
        if let Some(body) = &mut reply.body {
            self.value(body, "", &request.name);
            if request.unordered {
                sort(body);
            }
        }
        reply
    }

    /// `key` is the field that holds `value`, or the list that holds it.
    fn value(&mut self, value: &mut Value, key: &str, place: &str) {
        match value {
            Value::Object(fields) => {
                let mut masked = serde_json::Map::new();
                for (name, mut value) in std::mem::take(fields) {
                    self.value(&mut value, &name, &format!("{place}/{name}"));
                    masked.insert(self.text(&name, "", place), value);
                }
                *fields = masked;
            }
            Value::Array(items) => self.items(items, key, place),
            Value::String(text) => *text = self.text(text, key, place),
            Value::Number(number) => match number.as_u64() {
                Some(time) if TIMES.contains(&time) => *value = Value::from("<time>"),
                Some(seconds) if RUNNING.contains(&key) && seconds >= 45 => {
                    *value = Value::from((seconds + 30) / 60 * 60);
                }
                Some(_) if COUNTS.contains(&key) => *value = Value::from("<count>"),
                _ => {}
            },
            _ => {}
        }
    }

    /// The order of a list of random names is random too.
    fn items(&mut self, items: &mut [Value], key: &str, place: &str) {
        for (index, item) in items.iter_mut().enumerate() {
            self.value(item, key, &format!("{place}/{index}"));
        }
        let masked = |item: &Value| item.as_str().is_some_and(|text| text.starts_with('<'));
        if items.iter().any(masked) {
            items.sort_by_key(Value::to_string);
        }
    }

    fn text(&mut self, text: &str, key: &str, place: &str) -> String {
        if is_time(text) {
            return "<time>".to_owned();
        }
        if PLAIN.contains(&key) {
            return text.to_owned();
        }
        if RANDOM.contains(&key) && !text.is_empty() {
            return format!("<{} characters>", text.len());
        }
        if let Some(masked) = transit(text, key, place) {
            return masked;
        }
        if key == "request_id" && kind(text, key).is_some() {
            return "<request>".to_owned();
        }
        let text = text.replace(&self.folder, "<folder>");
        let text = without_structure(&text);
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let mut masked = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find(is_part) {
            let (before, word) = rest.split_at(start);
            let end = word.find(|c| !is_part(c)).unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            masked.push_str(before);
            masked.push_str(&self.word(word, key, place));
            rest = after;
        }
        masked + rest
    }

    fn word(&mut self, word: &str, key: &str, place: &str) -> String {
        if let Some(seen) = self.seen.get(word) {
            return seen.clone();
        }
        let Some(kind) = kind(word, key) else {
            return word.to_owned();
        };
        self.seen
            .insert(word.to_owned(), format!("<{kind} of {place}>"));
        format!("<{kind}>")
    }
}

/// Masks what the transit engine makes: ciphertexts, MACs and signatures by their versions, and keys
/// by their forms. Signatures in DER differ in length.
fn transit(text: &str, key: &str, place: &str) -> Option<String> {
    if let Some((version, _)) = text
        .strip_prefix("vault:")
        .and_then(|text| text.split_once(':'))
    {
        return Some(format!("<vault:{version}>"));
    }
    if let Some(label) = text.strip_prefix("-----BEGIN ") {
        let label = label.split("-----").next().unwrap_or_default();
        return Some(format!("<{label}>"));
    }
    // It holds times, which differ in length.
    if key == "backup" {
        return Some("<backup>".to_owned());
    }
    let is_version = key.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty();
    let exported = is_version && place.contains("/data/keys/");
    let drawn = key == "plaintext" && place.starts_with("datakey");
    (exported || drawn || key == "public_key").then(|| format!("<{} characters>", text.len()))
}

/// Go says of random bytes that it reads as ASN.1 where exactly they stop making sense.
fn without_structure(text: &str) -> String {
    const START: &str = "asn1: ";
    match text.split_once(START) {
        Some((before, _)) => format!("{before}{START}<what is wrong>"),
        None => text.to_owned(),
    }
}

/// Returns what kind of random value `word` is, in the field `key`.
fn kind(word: &str, key: &str) -> Option<String> {
    let alphanumeric = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
    // Tokens and their accessors end with the id of their namespace, unless that is the root.
    let (stem, namespace) = match word.rsplit_once('.') {
        Some((stem, end)) if is_namespace(end) => (stem, true),
        _ => (word, false),
    };
    let suffix = if namespace { " in a namespace" } else { "" };
    let is_id = ["id", "namespace_id"].contains(&key);
    match () {
        () if is_uuid(word) || word.len() == 32 && is_hex(word) => Some("uuid".to_owned()),
        () if word.starts_with("vcs1-") => Some("share".to_owned()),
        () if starts(stem, ["s.", "hvs."]) => Some(format!("token{suffix}")),
        () if starts(stem, ["b.", "hvb."]) => Some(format!("batch token{suffix}")),
        () if stem.len() == 24 && alphanumeric(stem) => Some(format!("accessor{suffix}")),
        () if stem.len() > 24 && is_hash(stem) => Some(format!("hash{suffix}")),
        () if is_id && word.len() == 6 && alphanumeric(word) => Some("namespace id".to_owned()),
        () => numbered(word),
    }
}

/// The id of a namespace has six characters in OpenBao, and 32 digits in vaultcore.
fn is_namespace(text: &str) -> bool {
    let short = (5..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    short || text.len() == 32 && is_hex(text)
}

/// OpenBao's prefixes are short, Vault's are long.
fn starts(word: &str, prefixes: [&str; 2]) -> bool {
    word.len() > 20 && prefixes.iter().any(|prefix| word.starts_with(prefix))
}

/// OpenBao writes hyphens into its ids.
fn is_uuid(word: &str) -> bool {
    let parts: Vec<usize> = word.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && is_hex(&word.replace('-', ""))
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
}

/// A lease's id ends with `h` and a hash.
fn is_hash(word: &str) -> bool {
    word.len() > 32 && is_hex(word.strip_prefix('h').unwrap_or(word))
}

/// Accessors of mounts, and the cluster's name, are a name and eight digits.
fn numbered(word: &str) -> Option<String> {
    let (stem, end) = word.split_once('.').unwrap_or((word, ""));
    let start = stem.len().checked_sub(9)?;
    let (name, digits) = stem.split_at_checked(start)?;
    let is_mark = digits.starts_with(['_', '-']);
    let space = if end == "root" { " of the root" } else { "" };
    (is_mark && is_hex(&digits[1..])).then(|| format!("{name} digits{space}"))
}

/// Sorts every list.
fn sort(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(sort),
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::to_string);
        }
        _ => {}
    }
}

/// Times of the year 1 stand for none, and stay.
fn is_time(text: &str) -> bool {
    let form = |(index, byte): (usize, u8)| match index {
        4 | 7 => byte == b'-',
        10 => byte == b'T',
        13 | 16 => byte == b':',
        _ => byte.is_ascii_digit(),
    };
    text.len() >= 20 && text.bytes().take(19).enumerate().all(form) && !text.starts_with("0001")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(mask: &mut Mask, name: &str, body: Value) -> Value {
        let request = Request {
            name: name.to_owned(),
            ..Request::default()
        };
        let reply = Reply {
            status: 200,
            body: Some(body),
        };
        mask.apply(&request, reply).body.expect("has a body")
    }

    #[test]
    fn random_values_are_masked_and_stay_comparable() {
        let mut mask = Mask::new("/tmp/x");
        let token = "hvs.CAESIJlKzqwertyuiopasdfghjkl";
        let uuid = "81d4cc74-3187-f176-637b-f195683cc7c3";
        let first = json!({ "token": token, "id": uuid, "accessor": "kv_c6a48714" });
        assert_eq!(
            masked(&mut mask, "a", first),
            json!({ "token": "<token>", "id": "<uuid>", "accessor": "<kv digits>" })
        );
        let again = json!([
            token,
            "other 81d4cc74-3187-f176-637b-f195683cc7c3 here",
            "b.b"
        ]);
        assert_eq!(
            masked(&mut mask, "b", again),
            json!(["<token of a/token>", "b.b", "other <uuid of a/id> here"])
        );
        let another = json!({ "token": token.replace("CAES", "CAER") });
        assert_eq!(
            masked(&mut mask, "c", another),
            json!({ "token": "<token>" })
        );
    }

    #[test]
    fn what_is_wrong_with_random_bytes_is_masked() {
        let mut mask = Mask::new("/tmp/x");
        let before = "error importing key: error parsing asymmetric key: asn1: ";
        for random in [
            "structure error: length too large\n\n",
            "structure error: tags don't match (16 vs {class:2 tag:16 length:42}) pkcs8 @2\n\n",
            "syntax error: data truncated\n\n",
        ] {
            let error = json!({ "errors": [format!("{before}{random}")] });
            let expected = json!({ "errors": [format!("{before}<what is wrong>")] });
            assert_eq!(masked(&mut mask, "a", error), expected);
        }
    }

    #[test]
    fn short_forms_are_those_of_the_long_ones() {
        let mut mask = Mask::new("/tmp/x");
        for token in [
            "s.IzAd3mTVSk4XZtkaoTLfnQZL",
            "hvs.CAESIJlKzqwertyuiopasdfghjkl",
        ] {
            assert_eq!(masked(&mut mask, "a", json!(token)), json!("<token>"));
        }
        let inside = json!("s.qwhCEGpvHWrfmRzGntP0GwBJ.b7eXrX");
        assert_eq!(
            masked(&mut mask, "a", inside),
            json!("<token in a namespace>")
        );
    }

    #[test]
    fn what_is_not_random_stays() {
        let mut mask = Mask::new("/tmp/x");
        for plain in [
            json!({ "type": "kv", "path": "auth/token/create", "n": 7, "none": null, "t": "x_y" }),
            json!({ "sum": "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1" }),
            json!({ "deletion_time": "", "zero": "0001-01-01T00:00:00Z", "ttl": 40, "more": 90 }),
            json!(["b", "a"]),
        ] {
            assert_eq!(masked(&mut mask, "a", plain.clone()), plain);
        }
    }

    #[test]
    fn times_are_masked_and_running_times_rounded() {
        let mut mask = Mask::new("/tmp/x");
        let times = json!({ "at": "2026-11-27T15:33:21.5Z", "unix": 1_795_793_615, "ttl": 3_590 });
        assert_eq!(
            masked(&mut mask, "a", times),
            json!({ "at": "<time>", "unix": "<time>", "ttl": 3_600 })
        );
    }
}
