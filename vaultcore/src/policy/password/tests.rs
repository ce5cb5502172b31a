//! Password policies: what they say, and what they make.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::PasswordPolicy;
use crate::crypto::hash::{Hash, hash};
use crate::error::{ErrorKind, Result};

const READABLE: &str = r#"
# Vault's example, shorter.
length = 8
rule "charset" {
  charset = "abcdefghij"
  min-chars = 2
}
rule "charset" { charset = "0123456789" }
rule "charset" { charset = "!@#\"\\ " min-chars = 1 }
"#;

/// Blocks that look random, and are the same in each run.
fn blocks(seed: &str) -> impl Fn(u64) -> Result<[u8; 16]> {
    move |number| {
        let block = hash(Hash::Sha256, format!("{seed} {number}").as_bytes());
        Ok(std::array::from_fn(|index| block[index]))
    }
}

#[test]
fn both_spellings_say_the_same() {
    let hcl = PasswordPolicy::parse(READABLE).expect("HCL");
    assert_eq!((hcl.length, hcl.rules.len(), hcl.all.len()), (8, 3, 26));
    for json in [
        r#"{"length": 8, "rule": [{"charset": {"charset": "abcdefghij", "min-chars": 2}},
            {"charset": {"charset": "9876543210"}},
            {"charset": {"charset": " !@#\"\\", "min-chars": 1}}]}"#,
        r#"{"length": 8, "rule": {"charset": [{"charset": "abcdefghij", "min-chars": 2},
            {"charset": "0123456789"}, {"charset": " !@#\"\\", "min-chars": 1}]}}"#,
    ] {
        assert_eq!(PasswordPolicy::parse(json).expect("JSON"), hcl, "{json}");
    }
}

#[test]
fn what_is_no_policy_or_cannot_be_satisfied_is_refused() {
    let rule = r#"rule "charset" { charset = "ab" }"#;
    let many: String = ('\u{4e00}'..'\u{4f01}').collect();
    for text in [
        "".to_owned(),
        "length = 20".to_owned(),
        rule.to_owned(),
        format!("length = 3\n{rule}"),
        format!("length = 101\n{rule}"),
        format!("length = -8\n{rule}"),
        format!("length = 8.5\n{rule}"),
        format!("length = \"8\"\n{rule}"),
        format!("length = 8\nlength = 9\n{rule}"),
        format!("length = 8\nwidth = 9\n{rule}"),
        "length = 8\nrule \"words\" { charset = \"ab\" }".to_owned(),
        "length = 8\nrule \"charset\" { }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"\" }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"ab\" min_chars = 1 }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"ab\" min-chars = \"1\" }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"ab\" min-chars = 9 }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"a\\tb\" }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"a\u{200b}\" }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"a\u{301}\" }".to_owned(),
        "length = 8\nrule \"charset\" { charset = \"a\u{a0}\" }".to_owned(),
        format!("length = 8\nrule \"charset\" {{ charset = \"{many}\" }}"),
        format!("length = 8\n{}", rule.repeat(101)),
        r#"{"length": 8, "rule": 1}"#.to_owned(),
        r#"{"length": 8, "rule": {"charset": "ab"}}"#.to_owned(),
        "path \"x\" { capabilities = [\"read\"] }".to_owned(),
    ] {
        let error = PasswordPolicy::parse(&text).expect_err(&text);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
    }
    let two = r#"length = 8
        rule "charset" { charset = "ab" min-chars = 5 }
        rule "charset" { charset = "abcd" min-chars = 4 }"#;
    PasswordPolicy::parse(two).expect_err("Vault adds the rules up, too");
}

#[test]
fn a_policy_that_hardly_any_password_satisfies_is_not_taken() {
    let strict = |chars: &str| {
        let text = format!(
            "length = 12\nrule \"charset\" {{ charset = \"0\" min-chars = 8 }}
            rule \"charset\" {{ charset = \"{chars}\" }}"
        );
        PasswordPolicy::parse(&text).expect("parsed")
    };
    strict("a").check(blocks("1")).expect("one in five");
    let error = strict("abcdefghijklmnop").check(blocks("1"));
    let error = error.expect_err("one in ten million");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn every_password_has_what_the_rules_require() {
    for (policy, seed) in [
        (PasswordPolicy::parse(READABLE).expect("parsed"), "a"),
        (PasswordPolicy::usual(), "b"),
    ] {
        for number in 0..200 {
            let made = policy.generate(blocks(&format!("{seed}{number}")));
            let made = made.expect("made");
            let chars: Vec<char> = made.expose().chars().collect();
            assert_eq!(chars.len(), policy.length);
            assert!(chars.iter().all(|c| policy.all.contains(c)));
            for rule in &policy.rules {
                let has = chars.iter().filter(|c| rule.chars.contains(c)).count();
                assert!(has >= rule.least, "{chars:?}");
            }
        }
    }
}

/// Chi squared of how often each of `counts` came, of so many that are equally likely.
fn chi_squared(counts: &BTreeMap<String, u32>, kinds: usize) -> f64 {
    let total: u32 = counts.values().sum();
    let expected = f64::from(total) / kinds as f64;
    let off = |count: f64| (count - expected).powi(2) / expected;
    let missing = (kinds - counts.len()) as f64;
    missing * expected
        + counts
            .values()
            .map(|count| off(f64::from(*count)))
            .sum::<f64>()
}

/// Counts passwords of 4 of the letters a, b, c with one a at least: there are 81 - 16 of them.
fn counted(bytes: impl Fn(u8) -> u8) -> BTreeMap<String, u32> {
    let text = r#"length = 4
        rule "charset" { charset = "a" min-chars = 1 }
        rule "charset" { charset = "bbcc" }"#;
    let policy = PasswordPolicy::parse(text).expect("parsed");
    let counts = RefCell::new(BTreeMap::new());
    for number in 0..13_000 {
        let seed = number.to_string();
        let random = blocks(&seed);
        let made = policy.generate(|block| Ok(random(block)?.map(&bytes)));
        let made = made.expect("made").expose().to_owned();
        *counts.borrow_mut().entry(made).or_default() += 1;
    }
    counts.into_inner()
}

#[test]
fn all_passwords_are_equally_likely() {
    // 64 degrees of freedom: one in a million is above 130.
    let fair = chi_squared(&counted(|byte| byte), 65);
    assert!(fair < 130.0, "{fair}");
    // A source that prefers one residue a little, as a remainder without rejection does, is seen.
    let biased = chi_squared(&counted(|byte| if byte > 230 { 0 } else { byte }), 65);
    assert!(biased > 130.0, "{biased}");
}

/// Texts that look like policies, or like parts of them.
const ANY: &str = concat!(
    r#"(length|rule|"charset"|charset|min-chars|[{}=,:\[\]\n ]|"[ -~]{0,9}"|[0-9]{1,3}"#,
    r#"|length = 8\n|rule "charset" [{] charset = "ab" [}]\n){0,12}"#
);

proptest::proptest! {
    /// Whatever is written is a policy, or refused; one that is taken makes passwords by it.
    #[test]
    fn any_text_is_a_policy_or_refused(text in ANY) {
        if let Ok(policy) = PasswordPolicy::parse(&text)
            && policy.check(blocks(&text)).is_ok()
        {
            let made = policy.generate(blocks("x")).expect("made");
            let chars: Vec<char> = made.expose().chars().collect();
            assert!(policy.is_satisfied(&chars) && chars.len() == policy.length);
        }
    }
}
