//! From the tree of a text to a password policy.

use serde_json::Number;

use super::super::syntax::{At, Item, Value, check_size};
use super::super::{hcl, json};
use super::{Charset, PasswordPolicy};
use crate::error::{Error, Result};

/// How long passwords are; as in Vault.
const MIN_LENGTH: usize = 4;
const MAX_LENGTH: usize = 100;
/// How many characters there are to choose from, at most; as in Vault.
const MAX_CHARS: usize = 256;
/// The most rules.
const MAX_RULES: usize = 100;

pub(super) fn parse(text: &str) -> Result<PasswordPolicy> {
    check_size(text)?;
    let items = match text.trim_start().starts_with('{') {
        true => json::parse(text)?,
        false => hcl::parse(text)?.0,
    };
    let (mut length, mut rules) = (None, Vec::new());
    for item in items {
        let first = item.keys.first().map(String::as_str);
        match first {
            Some("length") if length.is_none() && item.keys.len() == 1 => {
                length = Some(number(item.at, item.value)?);
            }
            Some("length") => return Err(item.at.error("`length` stands once")),
            Some("rule") => rule(item, &mut rules)?,
            _ => {
                let what = "a password policy has a `length`, and rules `rule \"charset\" { .. }`";
                return Err(item.at.error(what));
            }
        }
    }
    checked(length.unwrap_or_default(), rules)
}

/// Returns the policy, if there is a password that satisfies it.
fn checked(length: usize, rules: Vec<Charset>) -> Result<PasswordPolicy> {
    let refused = |text: String| Err(Error::invalid(text));
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        return refused(format!(
            "passwords must be between {MIN_LENGTH} and {MAX_LENGTH} characters"
        ));
    }
    if rules.is_empty() || rules.len() > MAX_RULES {
        return refused(format!("a password policy has 1 to {MAX_RULES} rules"));
    }
    let policy = PasswordPolicy::new(length, rules);
    if policy.all.len() > MAX_CHARS {
        return refused(format!(
            "the rules have more than {MAX_CHARS} characters to choose from"
        ));
    }
    let least = policy.rules.iter().map(|rule| rule.least);
    if least.fold(0, usize::saturating_add) > length {
        return refused("the rules require more characters than a password has".to_owned());
    }
    Ok(policy)
}

/// Reads a rule: `rule "charset" { .. }`, or what stands for it in JSON.
fn rule(item: Item, rules: &mut Vec<Charset>) -> Result<()> {
    let at = item.at;
    let kind = item.keys.get(1).map(String::as_str);
    match (kind, item.keys.len(), item.value) {
        (Some("charset"), 2, value) => charsets(at, value, rules),
        (None, 1, Value::List(values)) => values
            .into_iter()
            .try_for_each(|value| kinds(at, value, rules)),
        (None, 1, value) => kinds(at, value, rules),
        _ => Err(at.error("a rule is `rule \"charset\" { .. }`")),
    }
}

/// Reads `{"charset": ..}`.
fn kinds(at: At, value: Value, rules: &mut Vec<Charset>) -> Result<()> {
    let Value::Object(items) = value else {
        return Err(at.error("`rule` is an object, or a list of such"));
    };
    for item in items {
        match item.keys.as_slice() {
            [kind] if kind == "charset" => charsets(at, item.value, rules)?,
            _ => return Err(at.error("the only kind of rule is `charset`")),
        }
    }
    Ok(())
}

/// Reads one rule, or a list of them.
fn charsets(at: At, value: Value, rules: &mut Vec<Charset>) -> Result<()> {
    match value {
        Value::Object(items) => rules.push(charset(at, items)?),
        Value::List(values) => {
            for value in values {
                let Value::Object(items) = value else {
                    return Err(at.error("`charset` is an object, or a list of such"));
                };
                rules.push(charset(at, items)?);
            }
        }
        _ => return Err(at.error("`charset` is an object, or a list of such")),
    }
    Ok(())
}

fn charset(at: At, items: Vec<Item>) -> Result<Charset> {
    let (mut chars, mut least) = (None, None);
    for item in items {
        match (item.keys.as_slice(), item.value) {
            ([key], Value::Text(text)) if key == "charset" && chars.is_none() => {
                chars = Some(text);
            }
            ([key], value) if key == "min-chars" && least.is_none() => {
                least = Some(number(item.at, value)?);
            }
            _ => return Err(at.error("a rule has a text `charset`, and a number `min-chars`")),
        }
    }
    let mut chars: Vec<char> = chars.unwrap_or_default().chars().collect();
    chars.sort_unstable();
    chars.dedup();
    if chars.is_empty() {
        return Err(at.error("a rule has a `charset` with characters"));
    }
    if !chars.iter().copied().all(printable) {
        return Err(at.error("a `charset` has a character that cannot be printed"));
    }
    Ok(Charset {
        chars,
        least: least.unwrap_or_default(),
    })
}

/// Returns whether a character is seen, or is a blank.
fn printable(c: char) -> bool {
    let escaped = c.escape_debug().len() > 1 && !matches!(c, '\'' | '"' | '\\');
    c == ' ' || !(escaped || c.is_whitespace() || c.is_control())
}

fn number(at: At, value: Value) -> Result<usize> {
    let whole = |number: Number| {
        number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
    };
    let found = match value {
        Value::Number(number) => whole(number),
        _ => None,
    };
    found.ok_or_else(|| at.error("expected a whole number"))
}
