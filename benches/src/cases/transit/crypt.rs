//! Goals 1 to 3: one text at a time.

use vaultcore::transit::{Input, Transit};

use super::raw::{Floor, Naive};
use super::{KEY, Keys, PEER, Setting, peer};
use crate::Result;
use crate::harness::{Dice, Race, Side, race};
use crate::report::{Goal, Row};

/// The versions that the key has.
pub(super) const VERSIONS: u32 = 3;
/// Lengths of plaintexts, what they are called, and the part of the floor that is to be reached.
const LENGTHS: [(usize, &str, Option<f64>); 4] = [
    (32, "32", Some(0.5)),
    (1_024, "1k", Some(0.8)),
    (16_384, "16k", Some(0.95)),
    (1_048_576, "1m", None),
];
const FLOOR: &str = "ring, own nonces, base64-simd";

pub(super) fn run(setting: &Setting, keys: &Keys) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (length, name, goal) in LENGTHS {
        rows.extend(encrypt(setting, keys, length, (name, goal)));
    }
    rows.extend(decrypt(setting, keys)?);
    rows.push(two_threads(setting, keys));
    rows.push(openbao(setting, keys));
    rows.push(
        Row::new(1, "transit-encrypt-tink", "the same in tink-rust")
            .note("skipped: measured once, 833 ns for 1 KiB without base64"),
    );
    Ok(rows)
}

/// Plaintexts of one length, each another one.
pub(super) struct Texts {
    bytes: Vec<u8>,
    dice: Dice,
}

impl Texts {
    pub(super) fn new(length: usize) -> Self {
        let mut bytes = vec![0; length];
        let mut dice = Dice::new(21);
        dice.fill(&mut bytes);
        Self { bytes, dice }
    }

    pub(super) fn next(&mut self) -> &[u8] {
        let fresh = self.dice.next().to_le_bytes();
        self.bytes[..8].copy_from_slice(&fresh);
        &self.bytes
    }
}

pub(super) fn encrypting(transit: &Transit, length: usize) -> Side<'_> {
    let mut texts = Texts::new(length);
    Side::new(move || {
        let text = transit.encrypt(KEY, Input::new(texts.next()));
        std::hint::black_box(text.expect("a ciphertext"));
    })
}

fn encrypt(
    setting: &Setting,
    keys: &Keys,
    length: usize,
    (name, goal): (&str, Option<f64>),
) -> Vec<Row> {
    let (floor, naive) = (Floor::new(), Naive::new());
    let mut texts = Texts::new(length);
    let lowest = Side::new(|| drop(std::hint::black_box(floor.encrypt(texts.next()))));
    let mut others = Texts::new(length);
    let simple = Side::new(|| drop(std::hint::black_box(naive.encrypt(others.next()))));
    let mut sides = [
        encrypting(&keys.holder, length),
        encrypting(&keys.owner, length),
        lowest,
        simple,
    ];
    let found = race(setting.extent, &mut sides);
    let what = format!("encrypt {length} B, a token with a policy of 200 rules");
    let row =
        |suffix: &str, what: &str| Row::new(1, &format!("transit-encrypt-{name}{suffix}"), what);
    let bound = row("", &what).speed(&found, 0, (2, FLOOR));
    let owner = format!("encrypt {length} B, the owner");
    let mut rows = vec![
        match goal {
            Some(goal) => bound.goal(Goal::AtLeast(goal)),
            None => bound,
        },
        row("-owner", &owner).speed(&found, 1, (2, FLOOR)),
    ];
    if length == 1_024 {
        let naive = row("-naive", &what).speed(&found, 0, (3, "ring, getrandom, base64"));
        rows.push(naive.goal(Goal::AtLeast(1.8)));
    }
    rows
}

fn decrypt(setting: &Setting, keys: &Keys) -> Result<Vec<Row>> {
    let mut texts = Texts::new(1_024);
    let newest = keys.owner.encrypt(KEY, Input::new(texts.next()))?;
    let oldest = keys
        .owner
        .encrypt(KEY, Input::new(texts.next()).version(1))?;
    let floor = Floor::new();
    let raw = floor.encrypt(texts.next());
    let side = |text: &str| {
        let text = text.to_owned();
        Side::new(move || {
            let plain = keys.holder.decrypt(KEY, &text).expect("decrypts");
            assert_eq!(std::hint::black_box(plain.len()), 1_024);
        })
    };
    let lowest = Side::new(|| drop(std::hint::black_box(floor.decrypt(&raw))));
    let found = race(setting.extent, &mut [side(&newest), side(&oldest), lowest]);
    let what = "decrypt 1,024 B of the newest version, a token with 200 rules";
    Ok(vec![
        Row::new(2, "transit-decrypt-1k", what)
            .speed(&found, 0, (2, FLOOR))
            .goal(Goal::AtLeast(0.8)),
        Row::new(2, "transit-decrypt-old", "the same of the oldest version")
            .times((found.nanos(1), found.nanos(0)), "the newest version")
            .measured(found.ratio(|round| round[1] / round[0]))
            .goal(Goal::AtMost(1.1)),
    ])
}

fn two_threads(setting: &Setting, keys: &Keys) -> Row {
    let threads = |count| {
        let plain = vec![b'x'; 1_024];
        Side::threads(count, move |_| {
            let text = keys.holder.encrypt(KEY, Input::new(&plain));
            std::hint::black_box(text.expect("a ciphertext"));
        })
    };
    let floor = |count| {
        let (plain, floor) = (vec![b'x'; 1_024], Floor::new());
        Side::threads(count, move |_| {
            drop(std::hint::black_box(floor.encrypt(&plain)))
        })
    };
    let mut sides = [threads(2), threads(1), floor(2), floor(1)];
    let found: Race = race(setting.extent, &mut sides);
    let limit = found.speed(2, 3).median;
    Row::new(
        3,
        "transit-2-threads",
        "encrypt 1,024 B by two threads, one key",
    )
    .speed(&found, 0, (1, "own single thread"))
    .goal(Goal::AtLeast(1.8))
    .note(format!("the floor itself scales by {limit:.2} in this run"))
}

fn openbao(setting: &Setting, keys: &Keys) -> Row {
    let row = Row::new(
        1,
        "transit-encrypt-openbao",
        "encrypt 1,024 B, against OpenBao",
    );
    row.against(against_openbao(setting, keys), PEER)
}

fn against_openbao(setting: &Setting, keys: &Keys) -> Result<Race> {
    use base64::Engine;
    let (_bao, mut root) = peer()?;
    let mut texts = Texts::new(1_024);
    let theirs = Side::new(|| {
        let plain = base64::engine::general_purpose::STANDARD.encode(texts.next());
        let body = format!("{{\"plaintext\":\"{plain}\"}}");
        let reply = root.send("POST", "transit/encrypt/app", &body);
        std::hint::black_box(reply.expect("a reply"));
    });
    let mut sides = [encrypting(&keys.holder, 1_024), theirs];
    Ok(race(setting.extent, &mut sides))
}
