//! Spellings of names: each is the one object, or is refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;
use vaultcore::api::Method;

use crate::door::Door;

/// Names as they were written.
const NAMES: [&str; 6] = ["app", "a b", "caf\u{e9}", "x/y", "Upper/\u{c5}", "%2e"];

/// Numbers that are the same in every run (SplitMix64).
struct Seeded(u64);

impl Seeded {
    /// Returns a number less than `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let number = (mixed ^ (mixed >> 31)) % bound as u64;
        usize::try_from(number).expect("fits")
    }
}

/// Returns how often to try: few in CI, all by `VAULTCORE_SPELLINGS=1000000`.
fn rounds() -> u32 {
    let set = std::env::var("VAULTCORE_SPELLINGS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(20_000)
}

/// Respells a name: other case, composition, slashes, escapes, spaces, dots.
fn respelled(name: &str, random: &mut Seeded) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match random.below(12) {
            0 => out.extend(c.to_uppercase()),
            1 => out.extend(c.to_lowercase()),
            2 => out.extend(std::iter::once(c).nfd()),
            3 if c == '/' => out.push_str("//"),
            4 if c == '/' => out.push_str("/./"),
            5 => write!(out, "%{:02x}", u32::from(c)).expect("writes"),
            6 if c == ' ' => out.push('\u{a0}'),
            7 => {
                out.push(c);
                out.push('\u{200d}');
            }
            _ => out.push(c),
        }
    }
    let around = [
        "", "", "", "/", "//", " ", "\t", "/.", "/../", "\u{feff}", "?", "\0", "%2f", ".",
    ];
    let mut pick = || around[random.below(around.len())];
    format!("{}{out}{}", pick(), pick())
}

/// What a name comes to if every spelling of it is taken for it, but for case.
fn meant(name: &str) -> String {
    let plain: String = name.nfc().collect();
    let parts = plain.split('/').map(str::trim);
    let parts: Vec<&str> = parts
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    parts.join("/")
}

/// A rule that denies one secret holds for every spelling of its name; what is read by a spelling
/// is the secret of that name, and none else.
#[test]
fn every_spelling_of_a_secret_is_that_secret_or_refused() {
    let door = Door::new();
    for name in NAMES {
        let body = json!({ "data": { "name": name } });
        assert_eq!(
            door.write(&door.root, &format!("secret/data/{name}"), body)
                .0,
            200,
            "{name}"
        );
    }
    let mut rules = "path \"secret/data/*\" { capabilities = [\"read\", \"create\"] }\n".to_owned();
    for denied in &NAMES[..3] {
        writeln!(
            rules,
            "path \"secret/data/{denied}\" {{ capabilities = [\"deny\"] }}"
        )
        .expect("writes");
    }
    let policy = json!({ "policy": rules });
    assert_eq!(
        door.write(&door.root, "sys/policies/acl/most", policy).0,
        204
    );
    let made = json!({ "policies": ["most"], "no_default_policy": true });
    let (_, made) = door.write(&door.root, "auth/token/create", made);
    let token = made["auth"]["client_token"]
        .as_str()
        .expect("token")
        .to_owned();
    let mut random = Seeded(41);
    let mut answers: BTreeMap<u16, u32> = BTreeMap::new();
    for _ in 0..rounds() {
        let name = NAMES[random.below(NAMES.len())];
        let spelled = respelled(name, &mut random);
        let path = format!("secret/data/{spelled}");
        let (status, body) = door.call(&token, Method::Get, &path, &Value::Null);
        *answers.entry(status).or_default() += 1;
        if status == 200 {
            let found = body["data"]["data"]["name"].as_str().expect("a name");
            assert!(
                !NAMES[..3].contains(&found),
                "{spelled:?} passes the deny of {found}"
            );
            let asked = spelled.split('?').next().unwrap_or_default();
            assert_eq!(meant(found), meant(asked), "{spelled:?}");
        } else {
            assert!([400, 403, 404].contains(&status), "{spelled:?}: {status}");
        }
    }
    let some = |status: u16| {
        answers
            .get(&status)
            .is_some_and(|count| *count > rounds() / 200)
    };
    assert!([200, 400, 403, 404].into_iter().all(some), "{answers:?}");
}

/// Names of policies are brought to one spelling, or are refused: nobody has two of one name.
#[test]
fn every_spelling_of_a_policy_is_that_policy_or_refused() {
    let door = Door::new();
    let mut random = Seeded(42);
    let names = ["ops", "caf\u{e9}", "team/ops"];
    for _ in 0..rounds() / 20 {
        let spelled = respelled(names[random.below(names.len())], &mut random);
        let path = format!("sys/policies/acl/{spelled}");
        let (status, _) = door.write(&door.root, &path, json!({ "policy": "path \"a\" {}" }));
        assert!(
            [204, 400, 403, 404, 405].contains(&status),
            "{spelled:?}: {status}"
        );
    }
    let (_, listed) = door.call(&door.root, Method::List, "sys/policies/acl", &Value::Null);
    let keys = listed["data"]["keys"].as_array().expect("keys");
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for key in keys.iter().filter_map(Value::as_str) {
        let one: String = key.trim().to_lowercase().nfc().collect();
        assert_eq!(one, key, "a name has one spelling");
        assert_eq!(seen.insert(one, key), None);
    }
    assert!(
        seen.contains_key("ops") && seen.len() > 10,
        "{} names",
        seen.len()
    );
}
