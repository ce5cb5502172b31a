//! Where two answers differ, and which of the differences are accepted.

use std::fmt;

use serde_json::Value;

/// One place where two answers differ.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// `story/request`.
    pub(crate) request: String,
    /// A JSON pointer into `{status, body}`.
    pub(crate) at: String,
    /// What OpenBao has there, if anything.
    pub(crate) openbao: Option<Value>,
    pub(crate) vaultcore: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |value: &Option<Value>| match value {
            Some(value) => value.to_string(),
            None => "absent".to_owned(),
        };
        let (openbao, vaultcore) = (show(&self.openbao), show(&self.vaultcore));
        write!(f, "{} {}: {openbao} | {vaultcore}", self.request, self.at)
    }
}

/// Compares the answers to one request; a part that only one of them has is named as a whole.
pub(crate) fn compare(request: &str, openbao: &Value, vaultcore: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(
        String::new(),
        Some(openbao),
        Some(vaultcore),
        &mut |at, openbao, vaultcore| {
            found.push(Difference {
                request: request.to_owned(),
                at,
                openbao: openbao.cloned(),
                vaultcore: vaultcore.cloned(),
            });
        },
    );
    found
}

type Report<'r> = dyn FnMut(String, Option<&Value>, Option<&Value>) + 'r;

fn walk(at: String, one: Option<&Value>, other: Option<&Value>, report: &mut Report<'_>) {
    match (one, other) {
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            for (name, value) in left {
                walk(step(&at, name), Some(value), right.get(name), report);
            }
            for (name, value) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
                walk(step(&at, name), None, Some(value), report);
            }
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            for index in 0..left.len().max(right.len()) {
                let name = index.to_string();
                walk(step(&at, &name), left.get(index), right.get(index), report);
            }
        }
        _ if one == other => {}
        _ => report(at, one, other),
    }
}

fn step(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A difference that is accepted, and why.
#[derive(Debug)]
pub(crate) struct Accepted {
    reason: String,
    /// Patterns of `story/request`, in which `*` stands for anything.
    requests: Vec<String>,
    /// Patterns of places.
    at: Vec<String>,
    /// What each side must have there: a value, or `absent`, `text`, `number`, `list`, `object`;
    /// anything if not given.
    openbao: Option<Value>,
    vaultcore: Option<Value>,
}

/// Reads the list of accepted differences.
pub(crate) fn read(text: &str) -> Result<Vec<Accepted>, String> {
    let entries: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    entries.iter().map(accepted).collect()
}

fn accepted(entry: &Value) -> Result<Accepted, String> {
    let fields = entry.as_object().ok_or("an entry is an object")?;
    let known = ["reason", "requests", "at", "openbao", "vaultcore"];
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("{name} is no field of an entry"));
    }
    let texts = |name: &str| -> Result<Vec<String>, String> {
        let list = entry[name].as_array().into_iter().flatten();
        let list: Vec<String> = list
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect();
        match list.is_empty() {
            true => Err(format!("{name} is a list of patterns: {entry}")),
            false => Ok(list),
        }
    };
    let reason = entry["reason"].as_str().filter(|reason| !reason.is_empty());
    Ok(Accepted {
        reason: reason
            .ok_or_else(|| format!("a reason is missing: {entry}"))?
            .to_owned(),
        requests: texts("requests")?,
        at: texts("at")?,
        openbao: fields.get("openbao").cloned(),
        vaultcore: fields.get("vaultcore").cloned(),
    })
}

/// Returns what is wrong: differences that nobody accepted, and entries, patterns of entries
/// included, that no difference needs any more.
pub(crate) fn judge(differences: &[Difference], accepted: &[Accepted]) -> Vec<String> {
    let mut used: Vec<(Vec<bool>, Vec<bool>)> = accepted
        .iter()
        .map(|entry| {
            (
                vec![false; entry.requests.len()],
                vec![false; entry.at.len()],
            )
        })
        .collect();
    let mut wrong = Vec::new();
    for difference in differences {
        let mut known = false;
        for (entry, used) in accepted.iter().zip(&mut used) {
            known |= entry.covers(difference, used);
        }
        if !known {
            wrong.push(difference.to_string());
        }
    }
    for (entry, (requests, places)) in accepted.iter().zip(used) {
        let patterns = entry.requests.iter().zip(requests);
        for (pattern, used) in patterns.chain(entry.at.iter().zip(places)) {
            if !used {
                wrong.push(format!("not needed any more: {pattern} ({})", entry.reason));
            }
        }
    }
    wrong
}

impl Accepted {
    /// Tells whether this entry accepts `difference`, and marks the patterns that do.
    fn covers(&self, difference: &Difference, used: &mut (Vec<bool>, Vec<bool>)) -> bool {
        let request = self
            .requests
            .iter()
            .position(|pattern| matches(pattern, &difference.request));
        let place = self
            .at
            .iter()
            .position(|pattern| matches(pattern, &difference.at));
        let (Some(request), Some(place)) = (request, place) else {
            return false;
        };
        let fits = is(self.openbao.as_ref(), difference.openbao.as_ref())
            && is(self.vaultcore.as_ref(), difference.vaultcore.as_ref());
        if fits {
            used.0[request] = true;
            used.1[place] = true;
        }
        fits
    }
}

fn is(wanted: Option<&Value>, found: Option<&Value>) -> bool {
    let Some(wanted) = wanted else {
        return true;
    };
    match wanted.as_str() {
        Some("absent") => found.is_none(),
        Some("text") => found.is_some_and(Value::is_string),
        Some("number") => found.is_some_and(Value::is_number),
        Some("list") => found.is_some_and(Value::is_array),
        Some("object") => found.is_some_and(Value::is_object),
        _ => found == Some(wanted),
    }
}

/// Tells whether `pattern`, in which `*` stands for any text, is all of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = text
                .char_indices()
                .map(|(index, _)| index)
                .chain([text.len()]);
            ends.into_iter().any(|index| matches(rest, &text[index..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(requests: &[&str], at: &[&str]) -> Accepted {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        Accepted {
            reason: "a test".to_owned(),
            requests: texts(requests),
            at: texts(at),
            openbao: None,
            vaultcore: None,
        }
    }

    fn answer() -> Value {
        json!({ "status": 200, "body": { "data": { "keys": ["a", "b"], "n": 1 }, "auth": null } })
    }

    fn places(altered: &Value) -> Vec<String> {
        let found = compare("s/r", &answer(), altered);
        found.into_iter().map(|difference| difference.at).collect()
    }

    #[test]
    fn every_planted_change_is_found() {
        assert!(places(&answer()).is_empty());
        type Change = fn(&mut Value);
        let planted: [(&str, Change); 9] = [
            ("/status", |answer| answer["status"] = json!(204)),
            ("/status", |answer| answer["status"] = json!("200")),
            ("/body/data/n", |answer| {
                answer["body"]["data"]["n"] = json!("1")
            }),
            ("/body/data/n", |answer| {
                drop(remove(answer, "/body/data", "n"))
            }),
            ("/body/auth", |answer| drop(remove(answer, "/body", "auth"))),
            ("/body/extra", |answer| {
                answer["body"]["extra"] = json!(null)
            }),
            ("/body/data/keys/1", |answer| {
                answer["body"]["data"]["keys"] = json!(["a"])
            }),
            ("/body/data/keys/0", |answer| {
                answer["body"]["data"]["keys"] = json!(["b", "b"])
            }),
            ("/body", |answer| drop(remove(answer, "", "body"))),
        ];
        for (place, change) in planted {
            let mut altered = answer();
            change(&mut altered);
            assert_eq!(places(&altered), [place], "{altered}");
            let wrong = judge(&compare("s/r", &answer(), &altered), &[]);
            assert_eq!(wrong.len(), 1, "{wrong:?}");
        }
    }

    fn remove(answer: &mut Value, at: &str, name: &str) -> Option<Value> {
        answer.pointer_mut(at)?.as_object_mut()?.remove(name)
    }

    #[test]
    fn only_what_is_listed_is_accepted() {
        let altered = json!({ "status": 204, "body": answer()["body"] });
        let found = compare("story/read", &answer(), &altered);
        assert!(judge(&found, &[entry(&["story/*"], &["/status"])]).is_empty());
        assert!(judge(&found, &[entry(&["story/re*d"], &["/st*"])]).is_empty());
        for (requests, at) in [("story/write", "/status"), ("story/read", "/body*")] {
            let wrong = judge(&found, &[entry(&[requests], &[at])]);
            assert_eq!(
                wrong.len(),
                3,
                "the difference and two stale patterns: {wrong:?}"
            );
        }
        let mut narrow = entry(&["*"], &["*"]);
        narrow.vaultcore = Some(json!(204));
        assert!(judge(&found, &[narrow]).is_empty());
        let mut narrow = entry(&["*"], &["*"]);
        narrow.vaultcore = Some(json!(404));
        assert_eq!(judge(&found, &[narrow]).len(), 3);
    }

    #[test]
    fn an_entry_that_nothing_needs_is_wrong() {
        let altered = json!({ "status": 204, "body": answer()["body"] });
        let found = compare("story/read", &answer(), &altered);
        let wrong = judge(
            &found,
            &[entry(&["story/read", "story/gone"], &["/status"])],
        );
        assert_eq!(wrong, ["not needed any more: story/gone (a test)"]);
        let wrong = judge(&[], &[entry(&["*"], &["*"])]);
        assert_eq!(wrong.len(), 2);
    }

    #[test]
    fn shapes_are_told_apart() {
        let cases = [
            ("absent", None),
            ("text", Some(json!("x"))),
            ("number", Some(json!(1))),
            ("list", Some(json!([]))),
            ("object", Some(json!({}))),
        ];
        for (index, (name, _)) in cases.iter().enumerate() {
            for (other, (_, value)) in cases.iter().enumerate() {
                let fits = is(Some(&json!(name)), value.as_ref());
                assert_eq!(fits, index == other, "{name} {value:?}");
            }
        }
    }

    #[test]
    fn an_entry_without_reason_is_refused() {
        let whole = r#"[{"reason": "r", "requests": ["*"], "at": ["*"]}]"#;
        assert_eq!(read(whole).map(|list| list.len()), Ok(1));
        for broken in [
            r#"[{"requests": ["*"], "at": ["*"]}]"#,
            r#"[{"reason": "", "requests": ["*"], "at": ["*"]}]"#,
            r#"[{"reason": "r", "requests": [], "at": ["*"]}]"#,
            r#"[{"reason": "r", "requests": ["*"]}]"#,
            r#"[{"reason": "r", "requests": ["*"], "at": ["*"], "because": 1}]"#,
            "{}",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }
}
