//! Goal 4: texts that are encrypted anew, many at once, and streams.

use std::io::{Read, Write};
use std::process::Command;

use ring::aead::{Aad, Nonce};
use serde_json::{Value, json};
use vaultcore::transit::Input;

use super::crypt::Texts;
use super::raw::{Floor, key};
use super::{KEY, Keys, PEER, Setting, peer};
use crate::Result;
use crate::harness::{Race, Side, race};
use crate::report::{Goal, Row, duration};

/// Items of a batch.
const BATCH: usize = 100;
const SEGMENT: usize = 65_536;
/// Prints how many nanoseconds a rotation of a token of 1 KiB takes.
const FERNET: &str = "
import os, time
from cryptography.fernet import Fernet, MultiFernet
keys = MultiFernet([Fernet(Fernet.generate_key()) for _ in range(2)])
token = MultiFernet(keys._fernets[1:]).encrypt(os.urandom(1024))
best = 1e18
for _ in range(7):
    begun = time.perf_counter_ns()
    for _ in range(200):
        keys.rotate(token)
    best = min(best, (time.perf_counter_ns() - begun) / 200)
print(best)
";

pub(super) fn run(setting: &Setting, keys: &Keys) -> Result<Vec<Row>> {
    let mut rows = rewrap(setting, keys)?;
    rows.push(openbao(setting, keys));
    rows.push(stream(setting, keys));
    rows.push(
        Row::new(4, "transit-stream-age", "a stream, against `age`")
            .note("skipped: measured by hand only"),
    );
    Ok(rows)
}

fn rewrap(setting: &Setting, keys: &Keys) -> Result<Vec<Row>> {
    let mut texts = Texts::new(1_024);
    let old = keys
        .owner
        .encrypt(KEY, Input::new(texts.next()).version(1))?;
    let floor = Floor::new();
    let raw = floor.encrypt(texts.next());
    let ours = Side::new(|| {
        let text = keys.holder.rewrap(KEY, &old);
        std::hint::black_box(text.expect("a ciphertext"));
    });
    let both = Side::new(|| {
        let plain = floor.decrypt(&raw);
        std::hint::black_box(floor.encrypt(&plain));
    });
    let mut items = Vec::new();
    for _ in 0..BATCH {
        items.push(
            keys.owner
                .encrypt(KEY, Input::new(texts.next()).version(1))?,
        );
    }
    let inputs: Vec<Input<'_>> = items.iter().map(Input::from).collect();
    let many = Side::new(|| {
        let texts = keys.holder.rewrap_batch(KEY, &inputs).expect("a batch");
        assert_eq!(std::hint::black_box(texts).len(), BATCH);
    });
    let found = race(setting.extent, &mut [ours, both, many]);
    let limit = "decryption and encryption by the floor";
    let fernet = Row::new(4, "transit-rewrap-fernet", "rewrap 1,024 B, from Rust");
    Ok(vec![
        Row::new(
            4,
            "transit-rewrap-1k",
            "rewrap 1,024 B, a token with 200 rules",
        )
        .speed(&found, 0, (1, limit))
        .goal(Goal::AtLeast(0.8)),
        Row::new(4, "transit-rewrap-100", "rewrap 100 of 1,024 B, each")
            .times((found.nanos(2) / BATCH as f64, found.nanos(1)), limit)
            .measured(found.ratio(|round| round[1] * BATCH as f64 / round[2]))
            .goal(Goal::AtLeast(0.8)),
        match multi_fernet() {
            Ok(theirs) => fernet
                .times((found.nanos(0), theirs), "MultiFernet.rotate in Python")
                .figure(duration(found.nanos(0)), theirs / found.nanos(0))
                .goal(Goal::AtLeast(20.0))
                .note("Python ran by itself just after; a call from Python adds its own cost"),
            Err(reason) => fernet.skipped(reason),
        },
    ])
}

/// Returns the nanoseconds of `MultiFernet.rotate`.
fn multi_fernet() -> Result<f64> {
    let python = std::env::var_os("VAULTCORE_PEERS_PYTHON").unwrap_or_else(|| "python3".into());
    let told = Command::new(python).args(["-c", FERNET]).output()?;
    let text = String::from_utf8_lossy(&told.stdout);
    let missing = |_| "Python has no package `cryptography` (VAULTCORE_PEERS_PYTHON names one)";
    Ok(text.trim().parse().map_err(missing)?)
}

fn openbao(setting: &Setting, keys: &Keys) -> Row {
    let row = Row::new(
        4,
        "transit-batch-openbao",
        "encrypt 100 of 1,024 B, against OpenBao",
    )
    .goal(Goal::AtLeast(30.0));
    row.against(against_openbao(setting, keys), PEER)
}

fn against_openbao(setting: &Setting, keys: &Keys) -> Result<Race> {
    use base64::Engine;
    let (_bao, mut root) = peer()?;
    let mut texts = Texts::new(1_024);
    let plain: Vec<Vec<u8>> = (0..BATCH).map(|_| texts.next().to_vec()).collect();
    let standard = base64::engine::general_purpose::STANDARD;
    let items = plain
        .iter()
        .map(|text| json!({ "plaintext": standard.encode(text) }));
    let body = json!({ "batch_input": Value::from_iter(items) }).to_string();
    let theirs = Side::new(|| {
        let reply = root.send("POST", "transit/encrypt/app", &body);
        std::hint::black_box(reply.expect("a reply"));
    });
    let inputs: Vec<Input<'_>> = plain.iter().map(Input::from).collect();
    let ours = Side::new(|| {
        let texts = keys.holder.encrypt_batch(KEY, &inputs).expect("a batch");
        assert_eq!(std::hint::black_box(texts).len(), BATCH);
    });
    Ok(race(setting.extent, &mut [ours, theirs]))
}

fn stream(setting: &Setting, keys: &Keys) -> Row {
    let length = setting.size(4 << 20, 64 << 20) as u64;
    let ours = Side::new(|| {
        let reader = std::io::repeat(7).take(length);
        let read = keys
            .holder
            .encrypt_stream(KEY, Input::new(""), reader, std::io::sink());
        assert_eq!(read.expect("a stream"), length);
    });
    let key = key();
    let raw = Side::new(|| {
        let mut reader = std::io::repeat(7).take(length);
        let mut segment = vec![0; SEGMENT];
        for number in 0..length / SEGMENT as u64 {
            reader.read_exact(&mut segment).expect("reads");
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&number.to_be_bytes());
            let nonce = Nonce::assume_unique_for_key(nonce);
            let tag = key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut segment);
            let mut sink = std::io::sink();
            sink.write_all(&segment).expect("writes");
            sink.write_all(tag.expect("encrypts").as_ref())
                .expect("writes");
        }
    });
    let found = race(setting.extent, &mut [ours, raw]);
    let what = format!("encrypt a stream of {} MiB", length >> 20);
    Row::new(4, "transit-stream", &what)
        .speed(&found, 0, (1, "ring GCM over segments of 64 KiB"))
        .goal(Goal::AtLeast(0.8))
}
