use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const CANARY: &str = "c4n4ry";
/// That of numbers, so long that no hash has it by chance.
const NUMBER: &str = "31415926535897932384";

fn hasher() -> Hasher {
    Hasher::new(&[7; 32])
}

/// Returns what becomes of `json`.
fn transcoded(json: &[u8], plain: &dyn Texts, raw: bool, counts: bool) -> String {
    let hasher = hasher();
    let rules = Rules {
        hasher: &hasher,
        raw,
        plain,
        counts,
    };
    let mut buffer = Buffer::new(raw);
    buffer.push(b"{");
    member(&mut buffer, "data", json, rules);
    buffer.push(b"}");
    String::from_utf8(buffer.as_bytes().to_vec()).expect("text")
}

fn hashed(json: &[u8]) -> Value {
    let line = transcoded(json, <&dyn Texts>::default(), false, false);
    serde_json::from_str::<Value>(&line).expect("JSON")["data"].clone()
}

fn is_hash(value: &Value, of: &[u8]) -> bool {
    value.as_str() == Some(&hasher().hash(of))
}

#[test]
fn values_are_hashed_over_what_they_say() {
    let found =
        hashed(br#" { "a" : "x\u0041\n" , "b" : [ 1 , -2.50e+3 , true ] , "c":null,"d":{} } "#);
    assert!(is_hash(&found["a"], b"xA\n"));
    assert!(is_hash(&found["b"][0], b"1"));
    assert!(is_hash(&found["b"][1], b"-2.50e+3"));
    assert!(is_hash(&found["b"][2], b"true"));
    assert_eq!((&found["c"], &found["d"]), (&Value::Null, &json!({})));
}

#[test]
fn no_data_is_left_out() {
    assert_eq!(transcoded(b"", <&dyn Texts>::default(), false, false), "{}");
    assert_eq!(hashed(b"{}"), json!({}));
}

#[test]
fn what_is_no_object_is_hashed_as_a_whole() {
    for bad in [
        "[1]",
        "\"c4n4ry\"",
        "c4n4ry",
        "{\"a\":c4n4ry}",
        "{\"a\":\"c4n4ry}",
        "{\"c4n4ry\"}",
        "{\"a\":1}{",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":tru}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"\\udc00\":1}",
        "{\"a\":\"\n\"}",
        "{\"a\" 1}",
        "{\"a\":[1 2]}",
        "{\"a\":[1,]}",
        "{\"a\":\"\\u12\"}",
        " ",
        "{",
        "{\"a\":\"\\",
        "{a:1}",
        "nullnull",
    ] {
        assert!(is_hash(&hashed(bad.as_bytes()), bad.as_bytes()), "{bad}");
        // Nor is it shown by a device that shows all else: nobody knows what it is.
        let raw = transcoded(bad.as_bytes(), <&dyn Texts>::default(), true, false);
        assert!(!raw.contains(CANARY), "{raw}");
    }
    assert!(is_hash(&hashed(b"{\"a\":\"\xff\"}"), b"{\"a\":\"\xff\"}"));
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{\"a\":{open}{close}}}")
    };
    assert!(hashed(deep(MAX_DEPTH - 1).as_bytes()).is_object());
    assert!(hashed(deep(MAX_DEPTH).as_bytes()).is_string());
    assert!(hashed(deep(100_000).as_bytes()).is_string());
    let wide = |count: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(count - 1));
    assert!(hashed(wide(MAX_NODES - 1).as_bytes()).is_object());
    let most = wide(MAX_NODES);
    assert!(is_hash(&hashed(most.as_bytes()), most.as_bytes()));
}

#[test]
fn excepted_members_stay_and_those_inside_of_others_do_not() {
    let json = br#"{"keep":{"x":[1,"t\u0065xt"]},"other":{"keep":"secret"},"\u006beep2":2.0}"#;
    let line = transcoded(json, &["keep", "keep2"], false, false);
    let found: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(found["data"]["keep"], json!({"x": [1, "text"]}));
    assert_eq!(found["data"]["keep2"], json!(2.0));
    assert!(is_hash(&found["data"]["other"]["keep"], b"secret"));
}

#[test]
fn lists_are_counted_at_the_top_only() {
    let json = br#"{"keys":["a",{"b":[1,2]}],"key_info":{"a":{},"b":1,"c":2},"x":{"keys":["k"]}}"#;
    let line = transcoded(json, <&dyn Texts>::default(), false, true);
    let found: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(found["data"]["keys"], json!(2));
    assert_eq!(found["data"]["key_info"], json!(3));
    assert!(is_hash(&found["data"]["x"]["keys"][0], b"k"));
    // What is no list is not taken for one.
    let line = transcoded(br#"{"keys":"k","key_info":[]}"#, &["z"], false, true);
    let found: Value = serde_json::from_str(&line).expect("JSON");
    assert!(is_hash(&found["data"]["keys"], b"k"));
    assert_eq!(found["data"]["key_info"], json!([]));
}

/// JSON as a tree, which numbers keep the text of.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Writes the tree, with white space and escapes as `style` has it.
    fn print(&self, style: u8, out: &mut String) {
        let space = if style & 1 == 0 { "" } else { " \n" };
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(&value.to_string()),
            Self::Number(text) => out.push_str(text),
            Self::Text(text) => quote(text, style, out),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { space });
                    item.print(style, out);
                    out.push_str(space);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push_str(&format!("{{{space}"));
                for (at, (key, value)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    quote(key, style, out);
                    out.push_str(&format!("{space}:{space}"));
                    value.print(style, out);
                }
                out.push_str(&format!("{space}}}"));
            }
        }
    }

    /// The slow way to the same end.
    fn hashed(&self) -> Value {
        let hash = |bytes: &[u8]| Value::String(hasher().hash(bytes));
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => hash(value.to_string().as_bytes()),
            Self::Number(text) => hash(text.as_bytes()),
            Self::Text(text) => hash(text.as_bytes()),
            Self::Array(items) => items.iter().map(Self::hashed).collect(),
            Self::Object(members) => {
                let members = members.iter();
                members
                    .map(|(key, value)| (key.clone(), value.hashed()))
                    .collect()
            }
        }
    }
}

fn quote(text: &str, style: u8, out: &mut String) {
    if style & 2 == 0 {
        return out.push_str(&serde_json::to_string(text).expect("JSON"));
    }
    out.push('"');
    for unit in text.encode_utf16() {
        out.push_str(&format!("\\u{unit:04x}"));
    }
    out.push('"');
}

/// Trees with a canary in every text and number.
fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        "-?[1-9][0-9]{0,3}31415926535897932384(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?"
            .prop_map(Tree::Number),
        any::<String>().prop_map(|text| Tree::Text(format!("{text}{CANARY}{text}"))),
    ];
    let node = leaf.prop_recursive(6, 60, 6, |inner| {
        let members = proptest::collection::vec((any::<String>(), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Tree::Array),
            members.prop_map(Tree::Object),
        ]
    });
    proptest::collection::vec((any::<String>(), node), 0..6).prop_map(Tree::Object)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_canary_shows_and_every_value_is_its_hash(tree in tree(), style in 0..4u8) {
        let mut json = String::new();
        tree.print(style, &mut json);
        let line = transcoded(json.as_bytes(), <&dyn Texts>::default(), false, false);
        prop_assert!(!line.contains(CANARY) && !line.contains(NUMBER), "{}", line);
        prop_assert!(!line.contains(r"\u0063\u0034\u006e"), "{}", line);
        let found: Value = serde_json::from_str(&line).expect("JSON");
        prop_assert_eq!(&found["data"], &tree.hashed());
        // The control: a raw device shows what the check above looks for.
        let raw = transcoded(json.as_bytes(), <&dyn Texts>::default(), true, false);
        let same: Value = serde_json::from_str(&raw).expect("JSON");
        prop_assert_eq!(&same["data"], &serde_json::from_str::<Value>(&json).expect("JSON"));
        prop_assert_eq!(style & 2 == 0 && json.contains(CANARY), raw.contains(CANARY));
        prop_assert_eq!(json.contains(NUMBER), raw.contains(NUMBER));
    }

    /// What a library takes is taken, and what it refuses is hashed as a whole.
    #[test]
    fn json_is_what_a_library_says_it_is(
        json in r#"\{("a"|"\\u00e9"|"b")[ \n]{0,1}:([ \[\]{}",:0-9eE.+-]|null|true|\\n|\\ud83d\\ude00){0,12}\}"#,
    ) {
        let library = serde_json::from_str::<serde_json::Map<String, Value>>(&json).is_ok();
        // The library refuses numbers past f64, which are good JSON.
        let ours = hashed(json.as_bytes()).is_object();
        prop_assert!(ours == library || ours && json.contains(['e', 'E']), "{}", json);
    }

    #[test]
    fn any_bytes_make_one_line_of_json(bytes: Vec<u8>, raw: bool, counts: bool) {
        let line = transcoded(&bytes, <&dyn Texts>::default(), raw, counts);
        serde_json::from_str::<Value>(&line).expect("JSON");
        prop_assert!(!line.contains('\n'));
    }
}
