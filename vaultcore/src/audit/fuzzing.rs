//! Properties of a log from outside, and of data on its way into one, for any bytes.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::AuditDevice;
use super::buffer::Buffer;
use super::chain::{Chain, ChainKey, Public};
use super::data::{Rules, member};
use super::entry::Texts;
use super::hash::Hasher;
use super::head::ChainHead;
use super::line::{Found, Link, read};
use super::verify::verify;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AuditId, RunId};

const SALT: [u8; 32] = [7; 32];
const RUN: RunId = RunId::from_bytes([8; 16]);

/// Reads the bytes as a log, signs what looks like a line and reads it again, and hashes the bytes
/// as the data of a request.
pub fn audit_line(bytes: &[u8]) {
    log(bytes);
    signed(bytes);
    data(bytes);
}

fn log(bytes: &[u8]) {
    let head = ChainHead {
        device: AuditId::from_bytes([9; 16]),
        run: RUN,
        seq: 3,
        mac: [0; 32],
    };
    let Ok(report) = verify(bytes, &ChainKey::new(&SALT, ""), [head].iter()) else {
        panic!("bytes in memory can be read");
    };
    let lines = bytes.split(|byte| *byte == b'\n');
    let filled = lines.filter(|line| !line.is_empty()).count();
    let ours: u64 = report.runs.iter().map(|run| run.count).sum();
    let strange = filled.saturating_sub(usize::try_from(ours).unwrap_or(usize::MAX));
    let found = report.findings.len();
    assert!(report.more > 0 || found >= strange, "a line is overlooked");
    // Nobody without the key can make a line of the run whose head is stored.
    assert!(!report.is_whole(), "a forged log");
}

/// The key's own signature under any link: only its numbers are strange.
fn signed(bytes: &[u8]) {
    let key = ChainKey::new(&SALT, "");
    let first = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let Some((_, covered)) = Link::parse(first) else {
        return;
    };
    let mac = data_encoding::HEXLOWER.encode(&key.sign(covered));
    let line = [covered, b",\"mac\":\"", mac.as_bytes(), b"\"}"].concat();
    assert!(matches!(read(&line, &key), Found::Whole(_)));
    let twice = [line.as_slice(), b"\n", &line].concat();
    let report = verify(twice.as_slice(), &key, [].iter());
    assert!(
        report.is_ok_and(|report| !report.is_whole()),
        "a repeated line"
    );
}

fn data(bytes: &[u8]) {
    let hasher = Hasher::new(&SALT);
    let text = |raw: bool, counts: bool| {
        let mut buffer = Buffer::new(raw);
        buffer.push(b"{");
        let rules = Rules {
            hasher: &hasher,
            raw,
            plain: <&dyn Texts>::default(),
            counts,
        };
        member(&mut buffer, "data", bytes, rules);
        buffer.push(b"}");
        buffer.as_bytes().to_vec()
    };
    let hashed = text(false, false);
    assert!(!hashed.contains(&b'\n'), "more than one line");
    let Ok(Value::Object(hashed)) = serde_json::from_slice(&hashed) else {
        panic!("no JSON");
    };
    let Some(hashed) = hashed.get("data") else {
        assert!(bytes.is_empty(), "data is left out");
        return;
    };
    assert!(is_hidden(hashed), "a value in clear");
    for (raw, counts) in [(true, false), (false, true)] {
        let text = text(raw, counts);
        // Of raw numbers the library refuses those past f64.
        let refused = |error: serde_json::Error| error.to_string().contains("out of range");
        let parsed = serde_json::from_slice::<Value>(&text);
        assert!(parsed.map_or_else(refused, |_| true), "no JSON");
    }
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice(bytes) {
        let small = bytes.len() <= 10_000 && depth(&value) <= 60;
        assert!(
            !small || hashed.is_object(),
            "good data is hashed as a whole"
        );
    } else if let Value::Object(_) = hashed {
        let lenient = serde_json::from_slice::<&serde_json::value::RawValue>(bytes);
        assert!(lenient.is_ok(), "taken, and not JSON");
    }
}

fn is_hidden(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.starts_with("hmac-sha256:") && text.len() == 76,
        Value::Array(items) => items.iter().all(is_hidden),
        Value::Object(members) => members.values().all(is_hidden),
    }
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    inner.unwrap_or_default().saturating_add(1)
}

/// Keeps the lines, but for those that it is told to lose.
struct Kept(Mutex<(Vec<u8>, u32)>, u32);

impl AuditDevice for Kept {
    fn write(&self, line: &[u8]) -> Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1 = kept.1.saturating_add(1);
        if kept.1 == self.1 {
            return Err(Error::new(ErrorKind::Full, "told to fail"));
        }
        kept.0.extend_from_slice(line);
        Ok(())
    }
}

/// Returns the seeds.
pub(crate) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let (whole, failed) = (run(3, 0), run(4, 2));
    let mut torn = run(1, 0);
    torn.truncate(60);
    torn.extend_from_slice(&run(1, 0));
    let last = "{\"time\":\"\",\"run\":\"08080808080808080808080808080808\",\
        \"seq\":18446744073709551615,\"prev\":null,\"failed\":18446744073709551614,\"mac\":\"";
    let last = [last, &"00".repeat(32), "\"}"].concat();
    let json = r#"{"keys":["a","\u00e9\ud83d\ude00"],"key_info":{"a":null},"n":[-1.5e+3,true]}"#;
    let deep = ["{\"a\":", &"[".repeat(64), &"]".repeat(64), "}"].concat();
    vec![
        ("audit_line", "whole", whole),
        ("audit_line", "failed", failed),
        ("audit_line", "torn", torn),
        ("audit_line", "last_number", last.into_bytes()),
        ("audit_line", "json", json.into()),
        ("audit_line", "deep", deep.into_bytes()),
        ("audit_line", "no_object", b"[1,\"a\"]".to_vec()),
    ]
}

/// Returns a run of `count` lines of another device, without the one numbered `failing`.
fn run(count: u32, failing: u32) -> Vec<u8> {
    let kept = Arc::new(Kept(Mutex::default(), failing));
    let device = Arc::clone(&kept) as Arc<dyn AuditDevice>;
    let key = ChainKey::new(&[6; 32], "");
    let mut chain = Chain::new(device, key, RUN, Arc::new(Public::default()));
    for _ in 0..count {
        let mut line = Buffer::new(false);
        line.push(b"{\"time\":\"2023-11-14T22:13:20.123456Z\"");
        line.text("type", "request");
        let _ = chain.append(line); // one fails on purpose
    }
    let kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.0.clone()
}
