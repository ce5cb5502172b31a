//! Data from arguments, files and standard input.

use crate::rig::Rig;

fn stored(rig: &Rig) -> serde_json::Value {
    rig.data(&["kv", "get", "secret/a"])["data"].take()
}

#[test]
fn a_field_comes_from_a_file_or_standard_input() {
    let rig = Rig::new();
    rig.write("password", "hunter2\n");
    let words = [
        "kv",
        "put",
        "secret/a",
        "file=@password",
        "stdin=-",
        "plain=x",
        r"at=\@x",
    ];
    rig.call(&words).input("from stdin").ok();
    let wanted = serde_json::json!({
        "file": "hunter2\n", "stdin": "from stdin", "plain": "x", "at": "@x"
    });
    assert_eq!(stored(&rig), wanted);
}

#[test]
fn a_whole_object_comes_from_a_file_or_standard_input() {
    let rig = Rig::new();
    let object = r#"{"b": [1, 2.50, null], "a": {"n": 12345678901234567890.10}, "t": true}"#;
    rig.write("a.json", object);
    rig.ok(&["kv", "put", "secret/a", "@a.json", "more=1"]);
    let shown = rig.ok(&["kv", "get", "-format=json", "secret/a"]).out;
    assert!(
        shown.contains("12345678901234567890.10") && shown.contains("2.50"),
        "{shown}"
    );
    assert_eq!(stored(&rig)["more"], "1");
    rig.call(&["kv", "put", "secret/a", "-"]).input(object).ok();
    assert!(stored(&rig).get("more").is_none());
}

#[test]
fn what_is_no_object_is_1() {
    let rig = Rig::new();
    for text in [
        "",
        "[]",
        "text",
        "{",
        "{\"a\": 1",
        "null",
        "{\"a\": 1}{}",
        "\u{feff}{}",
    ] {
        rig.call(&["kv", "put", "secret/a", "-"])
            .input(text)
            .fails(1);
    }
    rig.call(&["kv", "put", "secret/a", "@none.json"]).fails(1);
    rig.call(&["kv", "put", "secret/a", "x=@none"]).fails(1);
    rig.call(&["kv", "put", "secret/a", "=x"]).fails(1);
    rig.call(&["kv", "get", "secret/a"]).fails(2);
}

#[test]
fn standard_input_is_read_once() {
    let rig = Rig::new();
    let run = rig
        .call(&["kv", "put", "secret/a", "a=-", "b=-"])
        .input("x")
        .fails(1);
    assert!(run.err.contains("once"), "{run:?}");
    let words = ["kv", "put", "secret/a", "a=-", "--share-file=-"];
    rig.call(&words).without_key().input("x").fails(1);
}

#[test]
fn an_empty_object_and_empty_values_are_kept() {
    let rig = Rig::new();
    rig.call(&["kv", "put", "secret/a", "-"]).input("{}").ok();
    assert_eq!(stored(&rig), serde_json::json!({}));
    rig.ok(&["kv", "put", "secret/a", "x="]);
    assert_eq!(stored(&rig), serde_json::json!({"x": ""}));
    assert_eq!(rig.ok(&["kv", "get", "secret/a"]).row("x"), "n/a");
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "");
}

#[test]
fn a_name_given_twice_is_a_list() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1", "x=2"]);
    assert_eq!(stored(&rig), serde_json::json!({"x": ["1", "2"]}));
    assert_eq!(rig.ok(&["kv", "get", "secret/a"]).row("x"), "[1 2]");
}

#[test]
fn every_text_survives() {
    let rig = Rig::new();
    for text in [
        "\u{0}",
        "\"\\\u{1f600}\u{7}",
        "a\r\nb\n",
        "{\"a\": 1}",
        " ",
        "-",
        "@",
        "\u{2028}",
    ] {
        rig.call(&["kv", "put", "secret/a", "x=-"]).input(text).ok();
        assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, text);
    }
}
