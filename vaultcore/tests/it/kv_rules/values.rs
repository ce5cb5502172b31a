//! What can be kept: sizes, and the caller's own types.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vaultcore::ErrorKind;
use vaultcore::kv::{Cas, Kv, MAX_VALUE};

use crate::common::{World, kind};

/// JSON text of exactly `size` bytes.
fn text(size: usize) -> String {
    format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8))
}

#[test]
fn a_mebibyte_exactly() {
    let world = World::new();
    let kv = world.kv();
    for size in [MAX_VALUE - 1, MAX_VALUE] {
        kv.put_json("a", text(size).as_bytes(), Cas::Any)
            .expect("fits");
        assert_eq!(
            kv.get_json("a").expect("read").data.expose(),
            text(size).as_bytes()
        );
        let value = BTreeMap::from([("a", "x".repeat(size - 8))]);
        kv.put("b", &value, Cas::Any).expect("fits");
    }
    let over = kv.put_json("a", text(MAX_VALUE + 1).as_bytes(), Cas::Any);
    assert_eq!(kind(over), ErrorKind::TooLarge);
    let value = BTreeMap::from([("a", "x".repeat(MAX_VALUE - 7))]);
    assert_eq!(kind(kv.put("b", &value, Cas::Any)), ErrorKind::TooLarge);
    let inside = kv.transaction(|tx| tx.put("b", &value, Cas::Any));
    assert_eq!(kind(inside), ErrorKind::TooLarge);
    assert_eq!(kv.metadata("b").expect("metadata").current_version, 2);
    assert_eq!(world.records(), 4);
}

#[test]
fn a_mebibyte_on_every_version() {
    let kv = World::new().kv();
    for number in 1..=12u64 {
        let size = MAX_VALUE - usize::try_from(number).expect("small");
        kv.put_json("a", text(size).as_bytes(), Cas::Version(number - 1))
            .expect("fits");
    }
    for number in 3..=12u64 {
        let data = kv.get_version::<Value>("a", number).expect("kept").data;
        let length = MAX_VALUE - 8 - usize::try_from(number).expect("small");
        assert_eq!(data["a"].as_str().expect("text").len(), length);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Unit,
    One(u64),
    Pair(String, i64),
    Named { host: String, port: Option<u16> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    text: String,
    empty: String,
    unicode: String,
    big: u64,
    small: i64,
    huge: u128,
    float: f64,
    tiny: f64,
    truth: bool,
    nothing: Option<u8>,
    unit: (),
    list: Vec<Kind>,
    bytes: Vec<u8>,
    map: HashMap<String, Vec<Option<bool>>>,
    tuple: (u8, String, [f32; 2]),
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

fn everything() -> Everything {
    Everything {
        text: "a \"quoted\" \\ line\nand\tcontrol \u{0} \u{1f}".into(),
        empty: String::new(),
        unicode: "\u{e9}\u{4e2d}\u{1f511}\u{feff}".into(),
        big: u64::MAX,
        small: i64::MIN,
        huge: u128::from(u64::MAX) * 3,
        float: 0.1 + 0.2,
        tiny: f64::MIN_POSITIVE,
        truth: true,
        nothing: None,
        unit: (),
        list: vec![
            Kind::Unit,
            Kind::One(u64::MAX),
            Kind::Pair("x".into(), -1),
            Kind::Named {
                host: "h".into(),
                port: Some(u16::MAX),
            },
        ],
        bytes: (0..=255).collect(),
        map: HashMap::from([("k".into(), vec![Some(true), None])]),
        tuple: (1, "t".into(), [0.5, -0.25]),
        rest: BTreeMap::from([("other".into(), "flat".into())]),
    }
}

#[test]
fn any_type_comes_back_as_it_went() {
    let kv = World::new().kv();
    let value = Everything {
        huge: 7,
        ..everything()
    };
    kv.put("a", &value, Cas::Absent).expect("written");
    assert_eq!(kv.get::<Everything>("a").expect("read").data, value);
}

/// A number beyond 64 bits is written, and read back into the type that it came from.
#[test]
fn numbers_of_128_bits() {
    let kv = World::new().kv();
    kv.put("a", &BTreeMap::from([("n", u128::MAX)]), Cas::Any)
        .expect("written");
    let back = kv.get::<BTreeMap<String, u128>>("a").expect("read").data;
    assert_eq!(back["n"], u128::MAX);
}

#[test]
fn floats_come_back_exactly() {
    let kv = World::new().kv();
    let floats = [
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        0.1,
        -0.0,
        1e21,
        123_456_789.125,
    ];
    kv.put("a", &json!({ "f": floats }), Cas::Any)
        .expect("written");
    let back = kv
        .get::<BTreeMap<String, Vec<f64>>>("a")
        .expect("read")
        .data;
    let bits = |values: &[f64]| {
        values
            .iter()
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(&back["f"]), bits(&floats));
}

#[test]
fn any_float_comes_back_exactly() {
    let kv = World::new().kv();
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(state ^ (state >> 29))
    };
    let floats: Vec<f64> = (0..9_000)
        .map(|_| next())
        .filter(|f| f.is_finite())
        .collect();
    kv.put("a", &json!({ "f": floats }), Cas::Any)
        .expect("written");
    let back = kv
        .get::<BTreeMap<String, Vec<f64>>>("a")
        .expect("read")
        .data;
    let differ = floats
        .iter()
        .zip(&back["f"])
        .filter(|(a, b)| a.to_bits() != b.to_bits());
    assert_eq!(differ.count(), 0);
}

#[test]
fn enums_that_serialize_to_objects() {
    let kv = World::new().kv();
    let value = Kind::Named {
        host: "h".into(),
        port: None,
    };
    kv.put("a", &value, Cas::Any).expect("written");
    assert_eq!(kv.get::<Kind>("a").expect("read").data, value);
    let unit = kv.put("b", &Kind::Unit, Cas::Any);
    assert_eq!(
        kind(unit),
        ErrorKind::InvalidArgument,
        "a text is not an object"
    );
}

#[test]
fn data_that_is_no_object_is_refused() {
    let kv = World::new().kv();
    let refused = |result: vaultcore::Result<vaultcore::kv::VersionInfo>| {
        assert_eq!(kind(result), ErrorKind::InvalidArgument);
    };
    refused(kv.put("a", &[1, 2], Cas::Any));
    refused(kv.put("a", "text", Cas::Any));
    refused(kv.put("a", &1, Cas::Any));
    refused(kv.put("a", &true, Cas::Any));
    refused(kv.put("a", &(), Cas::Any));
    refused(kv.put("a", &None::<BTreeMap<String, u8>>, Cas::Any));
    refused(kv.put("a", &BTreeMap::from([(vec![1u8], 1)]), Cas::Any));
    for bad in [
        "",
        " ",
        "[]",
        "null",
        "{",
        "{}{}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":\"\u{1}\"}",
    ] {
        refused(kv.put_json("a", bad.as_bytes(), Cas::Any));
    }
    refused(kv.put_json("a", b"{\"a\":\"\xff\"}", Cas::Any));
    assert_eq!(kind(kv.metadata("a")), ErrorKind::NotFound);
}

#[test]
fn the_empty_object_is_a_value() {
    let kv = World::new().kv();
    kv.put("a", &json!({}), Cas::Absent).expect("written");
    assert_eq!(kv.get::<Value>("a").expect("read").data, json!({}));
}

#[test]
fn json_is_kept_as_the_text_that_was_given() {
    let kv = World::new().kv();
    let odd = br#" { "b" : 1.0e2 , "a":[ ] , "b2":18446744073709551616} "#;
    kv.put_json("a", odd, Cas::Any).expect("written");
    assert_eq!(kv.get_json("a").expect("read").data.expose(), odd);
}

#[test]
fn data_that_does_not_fit_the_type_is_told_without_the_data() {
    let kv = World::new().kv();
    kv.put("a", &json!({"password": "hunter2"}), Cas::Any)
        .expect("written");
    let error = kv
        .get::<BTreeMap<String, u64>>("a")
        .expect_err("does not fit");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    for text in [error.to_string(), format!("{error:?}")] {
        assert!(
            !text.contains("hunter2") && !text.contains("password"),
            "{text}"
        );
    }
}

/// A type that fails in the middle of being written.
struct Broken;

impl Serialize for Broken {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("hunter2"))
    }
}

#[test]
fn a_type_that_does_not_serialize_is_refused_without_its_words() {
    let kv: Kv = World::new().kv();
    let error = kv
        .put("a", &BTreeMap::from([("a", Broken)]), Cas::Any)
        .expect_err("broken");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn json_that_other_readers_refuse_is_refused() {
    let kv = World::new().kv();
    for json in [
        &br#"{"a":"\ud800"}"#[..],
        br#"{"a":1e999}"#,
        b"{\"a\":\"\xff\"}",
    ] {
        let put = kv.put_json("a", json, Cas::Any);
        assert_eq!(kind(put), ErrorKind::InvalidArgument);
    }
    assert_eq!(kind(kv.metadata("a")), ErrorKind::NotFound);
}
