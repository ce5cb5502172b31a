//! The fields of a request: its JSON body, or its query, read as leniently as Vault reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::clock::parse_duration;
use crate::error::{Error, Result};

/// The top level of a request's JSON object, each value as its text.
///
/// Where a name stands twice the last one counts, as in Vault.
#[derive(Default)]
pub(crate) struct Fields<'b> {
    whole: &'b [u8],
    entries: Vec<Field<'b>>,
}

struct Field<'b> {
    name: Zeroizing<String>,
    value: &'b RawValue,
    /// Whether anybody asked for it.
    asked: AtomicBool,
}

impl<'b> Fields<'b> {
    /// Reads `body`: a JSON object, or nothing, or the `null` that Vault's client for Go writes for
    /// nothing. Its bounds were checked.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else.
    pub(crate) fn parse(body: &'b [u8]) -> Result<Self> {
        if matches!(body.trim_ascii(), b"" | b"null") {
            return Ok(Self::default());
        }
        let mut fields: Self = serde_json::from_slice(body)
            .map_err(|_| Error::invalid("the body of a request is a JSON object"))?;
        fields.whole = body;
        Ok(fields)
    }

    /// Returns the whole text.
    pub(crate) fn whole(&self) -> &'b [u8] {
        self.ask_all();
        self.whole
    }

    fn ask_all(&self) {
        for field in &self.entries {
            field.asked.store(true, Ordering::Relaxed);
        }
    }

    /// Returns the last field of this name.
    fn last(&self, name: &str) -> Option<&'b RawValue> {
        let mut last = None;
        for field in self.entries.iter().filter(|field| *field.name == name) {
            field.asked.store(true, Ordering::Relaxed);
            last = Some(field.value);
        }
        last
    }

    /// Returns the names of the fields that nobody asked for: they meant nothing.
    pub(crate) fn unasked(&self) -> impl Iterator<Item = &str> {
        let unasked = |field: &&Field<'b>| !field.asked.load(Ordering::Relaxed);
        let unasked = self.entries.iter().filter(unasked);
        unasked.map(|field| field.name.as_str())
    }

    /// Returns the JSON text of a field; `null` is as good as none.
    pub(crate) fn raw(&self, name: &str) -> Option<&'b str> {
        Some(self.last(name)?.get()).filter(|text| *text != "null")
    }

    /// Returns whether the field is there, and is `null`.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.last(name).is_some_and(|value| value.get() == "null")
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Returns a text; a number or truth value is as good as its text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<Zeroizing<String>>> {
        self.read(name, "a text", |json| {
            scalar(json).map(|text| Zeroizing::new(text.to_string()))
        })
    }

    /// Returns a text that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<Zeroizing<String>> {
        let missing = || Error::invalid(format!("the field `{name}` is missing"));
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(missing)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        self.read(name, "true or false", |json| match scalar(json)?.as_str() {
            "true" | "1" | "t" | "T" | "TRUE" | "True" => Some(true),
            "false" | "0" | "f" | "F" | "FALSE" | "False" | "" => Some(false),
            _ => None,
        })
    }

    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.read(name, "a whole number", |json| {
            let text = scalar(json)?;
            match text.as_str() {
                "" => Some(0),
                text => text.parse().ok(),
            }
        })
    }

    /// Returns a number that is not negative.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>> {
        let negative = |_| Error::invalid(format!("the field `{name}` is not negative"));
        self.integer(name)?
            .map(|number| u64::try_from(number).map_err(negative))
            .transpose()
    }

    /// Returns a duration: a number of seconds, or text such as `1h30m`.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>> {
        let expected = "a duration: seconds, or text such as 90s, 12h or 1h30m";
        self.read(name, expected, |json| parse_duration(&scalar(json)?).ok())
    }

    /// Returns a list of texts: an array, or texts between commas.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.read(name, "a list of texts", |json| {
            if json.starts_with('[') {
                let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
                let texts = items.iter().map(|item| {
                    let text = scalar(item.get())?;
                    Some(text.as_str().to_owned())
                });
                return texts.collect();
            }
            let text = scalar(json)?;
            let parts = text.split(',').map(str::trim);
            Some(
                parts
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect(),
            )
        })
    }

    /// Returns a list of numbers: an array of them, or one.
    pub(crate) fn numbers(&self, name: &str) -> Result<Option<Vec<i64>>> {
        let wrong = || Error::invalid(format!("the field `{name}` is not a list of whole numbers"));
        let Some(texts) = self.list(name)? else {
            return Ok(None);
        };
        let numbers = texts.iter().map(|text| text.trim().parse().ok());
        numbers.collect::<Option<_>>().map(Some).ok_or_else(wrong)
    }

    /// Returns an object of texts.
    pub(crate) fn map(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        self.read(name, "an object of texts", |json| {
            let fields: Fields<'_> = serde_json::from_str(json).ok()?;
            let mut map = BTreeMap::new();
            for field in &fields.entries {
                let value = scalar(field.value.get())?.to_string();
                map.insert(field.name.to_string(), value);
            }
            Some(map)
        })
    }

    /// Returns the names of all fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.ask_all();
        self.entries.iter().map(|field| field.name.as_str())
    }

    /// Returns what `read` makes of the field; its message names the field, never the value.
    fn read<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'b str) -> Option<T>,
    ) -> Result<Option<T>> {
        let wrong = || Error::invalid(format!("the field `{name}` is not {expected}"));
        match self.raw(name) {
            None => Ok(None),
            Some(json) => read(json).map(Some).ok_or_else(wrong),
        }
    }
}

/// Returns the text of a JSON string, number or truth value.
fn scalar(json: &str) -> Option<Zeroizing<String>> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok().map(Zeroizing::new),
        b'{' | b'[' => None,
        b'n' => Some(Zeroizing::new(String::new())),
        _ => Some(Zeroizing::new(json.to_owned())),
    }
}

/// Prints a duration as Go does: `0s`, `1h0m0s`, `1m30s`, `1.5s`, `20ms`.
pub(crate) fn go_duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros == 0 {
        return "0s".to_owned();
    }
    if micros < 1_000 {
        return format!("{micros}\u{b5}s");
    }
    if micros < 1_000_000 {
        return format!("{}ms", decimal(micros, 1_000));
    }
    let (hours, rest) = (micros / 3_600_000_000, micros % 3_600_000_000);
    let (minutes, rest) = (rest / 60_000_000, rest % 60_000_000);
    let seconds = decimal(rest, 1_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// Prints `value / unit` without needless digits; `unit` is a power of ten.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ReadFields)
    }
}

struct ReadFields;

impl<'de> Visitor<'de> for ReadFields {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(
        self,
        mut map: A,
    ) -> std::result::Result<Fields<'de>, A::Error> {
        let mut fields = Fields::default();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            fields.entries.push(Field {
                name: Zeroizing::new(name),
                value,
                asked: AtomicBool::new(false),
            });
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_may_be_written_as_null() {
        for body in [&b""[..], b" \n", b"null", b" null\n"] {
            assert!(Fields::parse(body).is_ok_and(|fields| fields.whole().is_empty()));
        }
        for body in [&b"nul"[..], b"[]", b"null null", b"1"] {
            assert!(Fields::parse(body).is_err());
        }
    }

    #[test]
    fn what_nobody_asked_for_is_known() {
        let fields = Fields::parse(br#"{"a":1,"b":null,"c":2,"a":3}"#).expect("parses");
        assert_eq!(fields.unasked().collect::<Vec<_>>(), ["a", "b", "c", "a"]);
        assert!(fields.is_null("b") && fields.has("a"));
        assert_eq!(fields.unasked().collect::<Vec<_>>(), ["c"]);
        assert!(!fields.whole().is_empty());
        assert_eq!(fields.unasked().count(), 0);
    }

    #[test]
    fn values_are_read_as_leniently_as_in_vault() {
        let body = br#"{"t":"x","n":"5","b":"true","d":"1h30m","s":90,"l":"a, b","a":["c",1],
            "m":{"k":"v","i":3},"z":null,"v":[1,2],"t":"y"}"#;
        let fields = Fields::parse(body).expect("parses");
        assert_eq!(
            fields.text("t").expect("text").expect("there").as_str(),
            "y"
        );
        assert_eq!(fields.integer("n").expect("number"), Some(5));
        assert_eq!(fields.flag("b").expect("flag"), Some(true));
        let seconds = |name| {
            fields
                .duration(name)
                .expect("duration")
                .map(|d| d.as_secs())
        };
        assert_eq!((seconds("d"), seconds("s")), (Some(5_400), Some(90)));
        assert_eq!(
            fields.list("l").expect("list"),
            Some(vec!["a".into(), "b".into()])
        );
        assert_eq!(
            fields.list("a").expect("list"),
            Some(vec!["c".into(), "1".into()])
        );
        let map = fields.map("m").expect("map").expect("there");
        assert_eq!((map["k"].as_str(), map["i"].as_str()), ("v", "3"));
        assert_eq!(fields.numbers("v").expect("numbers"), Some(vec![1, 2]));
        assert!(!fields.has("z") && !fields.has("other"));
    }

    #[test]
    fn what_does_not_fit_names_the_field_and_no_value() {
        let fields = Fields::parse(br#"{"n":"canary","d":"canary","l":{},"m":"canary"}"#);
        let fields = fields.expect("parses");
        let errors = [
            fields.integer("n").map(drop),
            fields.duration("d").map(drop),
            fields.list("l").map(drop),
            fields.map("m").map(drop),
            fields.required("none").map(drop),
        ];
        for error in errors.map(|result| result.expect_err("refused").to_string()) {
            assert!(
                error.contains("the field `") && !error.contains("canary"),
                "{error}"
            );
        }
        for bad in [&b"[]"[..], b"7", b"{\"a\":1} x", b"{\"a\"", b"\xff"] {
            assert!(Fields::parse(bad).is_err());
        }
    }

    #[test]
    fn durations_print_as_in_go() {
        let print = |micros| go_duration(Duration::from_micros(micros));
        let printed = [0, 1_500, 20_000, 1_500_000, 90_000_000, 3_600_000_000].map(print);
        assert_eq!(printed, ["0s", "1.5ms", "20ms", "1.5s", "1m30s", "1h0m0s"]);
    }
}
