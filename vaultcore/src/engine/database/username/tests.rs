//! Templates, against what Go's own make of them.

use super::template::{Field, Template};
use super::{Source, layout};
use crate::error::{ErrorKind, Result};

struct Fixed;

impl Source for Fixed {
    fn field(&self, field: Field) -> String {
        match field {
            Field::DisplayName => "token-alice.smith".to_owned(),
            Field::RoleName => "reader_role".to_owned(),
        }
    }

    fn random(&self, count: usize) -> Result<String> {
        Ok("aBcD0".chars().cycle().take(count).collect())
    }

    fn bytes(&self) -> Result<[u8; 16]> {
        Ok(std::array::from_fn(|index| index as u8))
    }

    fn micros(&self) -> u64 {
        1_700_000_000_120_456
    }
}

/// What Go makes of each, with the functions of Vault.
const MADE: &[(&str, &str)] = &[
    (
        concat!(
            r#"{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 8) (.RoleName | truncate 8) "#,
            "(random 20) (unix_time) | truncate 63 }}"
        ),
        "v-token-al-reader_r-aBcD0aBcD0aBcD0aBcD0-1700000000",
    ),
    (
        concat!(
            r#"{{ printf "v-%s-%s-%s-%s" (.DisplayName | truncate 10) (.RoleName | truncate 10) "#,
            "(random 20) (unix_time) | truncate 32 }}"
        ),
        "v-token-alic-reader_rol-aBcD0aBc",
    ),
    ("x_{{.RoleName}}", "x_reader_role"),
    (
        "{{.RoleName}}{{.DisplayName}}",
        "reader_roletoken-alice.smith",
    ),
    ("a {{- .RoleName -}} b", "areader_roleb"),
    ("a } {{\n.RoleName\n}} b", "a } reader_role b"),
    ("{{random 8 | uppercase}}", "ABCD0ABC"),
    ("{{ lowercase (random 8) }}", "abcd0abc"),
    (
        r#"{{.RoleName | replace "_" "-" | uppercase}}"#,
        "READER-ROLE",
    ),
    (r#"{{replace `e` "" .RoleName}}"#, "radr_rol"),
    ("{{.DisplayName | truncate_sha256 12}}", "toke781b97b0"),
    ("{{.DisplayName | truncate_sha256 11}}", "tok77d2aa5f"),
    ("{{.DisplayName | truncate_sha256 17}}", "token-alice.smith"),
    ("{{.RoleName | sha256 | truncate 10}}", "247447a77c"),
    ("{{.RoleName | base64}}", "cmVhZGVyX3JvbGU="),
    ("{{hex .RoleName}}", "7265616465725f726f6c65"),
    (
        "{{unix_time}}-{{unix_time_millis}}",
        "1700000000-1700000000120",
    ),
    ("{{uuid}}", "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    (
        r#"{{printf "%s%%%v%%" unix_time "x\"y"}}"#,
        "1700000000%x\"y%",
    ),
    (r#"{{"lit"}}"#, "lit"),
    ("{{(((.RoleName)))}}", "reader_role"),
    (
        r#"{{truncate 3 (printf "%s-%s" .RoleName .DisplayName)}}"#,
        "rea",
    ),
    (r#"{{printf "x"}}"#, "x"),
    (r#"{{printf "%s" (random 3)|truncate 2}}"#, "aB"),
    (r#"{{timestamp "20060102150405"}}"#, "20231114221320"),
    ("", ""),
];

/// What is refused: what Go refuses, too, and what is not built.
const REFUSED: &[&str] = &[
    "{{",
    "{{}}",
    "{{.Other}}",
    "{{.}}",
    "{{.RoleName.x}}",
    "{{nothing}}",
    "{{.RoleName|nothing}}",
    "{{random}}",
    r#"{{random "8"}}"#,
    "{{random 8 9}}",
    "{{random 0}}",
    "{{random 257}}",
    "{{random 8x}}",
    "{{random 99999999999999999999}}",
    "{{.RoleName | truncate}}",
    "{{.RoleName | truncate 0}}",
    "{{.RoleName | truncate_sha256 8}}",
    "{{.RoleName 3}}",
    "{{3}}",
    r#"{{"a" | .RoleName}}"#,
    "{{(.RoleName}}",
    "{{.RoleName)}}",
    "{{.RoleName",
    r#"{{"a}}"#,
    "{{`a}}",
    "{{.RoleName | }}",
    "{{| .RoleName}}",
    "{{.RoleName | replace - _}}",
    r#"{{.RoleName | replace "" "x"}}"#,
    r#"{{printf "%s"}}"#,
    r#"{{printf "%d" 3}}"#,
    r#"{{printf "x" .RoleName}}"#,
    r#"{{printf "x%"}}"#,
    "{{printf .RoleName}}",
    "{{if .RoleName}}x{{end}}",
    "{{$x := 3}}",
    "{{.RoleName | uppercase 3}}",
    "{{.RoleName-}}",
    r#"{{"a\q"}}"#,
    "{{uuid 3}}",
    "{{ .RoleName } }",
    "{{truncate 1 2}}",
    r#"{{"a""b"}}"#,
    "{{/* x */}}",
    "{{decode_base64 .RoleName}}",
    "\u{fc}",
];

#[test]
fn templates_make_what_go_makes() {
    for (template, made) in MADE {
        let parsed =
            Template::parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
        let name = parsed.render(&Fixed).expect("rendered").into_string();
        assert_eq!(name, *made, "{template}");
    }
}

#[test]
fn what_is_not_known_is_refused() {
    for template in REFUSED {
        let error = Template::parse(template).expect_err(template);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{template}");
    }
    let deep = format!(
        "{{{{{}.RoleName{}}}}}",
        "(".repeat(2_000),
        ")".repeat(2_000)
    );
    Template::parse(&deep).expect_err("deep");
    Template::parse(&"x".repeat(4_097)).expect_err("long");
}

#[test]
fn time_is_written_as_go_writes_it() {
    for (shown, time) in [
        ("2006-01-02T15:04:05Z07:00", "2023-11-14T22:13:20Z"),
        (
            "Mon Monday Jan January Janet Mont 1 2 3 4 5 6",
            "Tue Tuesday Nov November Janet Mont 11 14 10 13 20 6",
        ),
        (
            "02 002 _2 01 03 04 05 06 15 PM pm MST -0700 -07:00 -07 Z0700",
            "14 318 14 11 10 13 20 23 22 PM pm UTC +0000 +00:00 +00 Z",
        ),
        (
            "05.000 05.999 05,000000 05.0001 .00",
            "20.120 20.12 20,120456 20.0011 .12",
        ),
        ("_2006 8 9 0 7", "_2023 8 9 0 7"),
    ] {
        assert_eq!(layout::format(shown, Fixed.micros()).expect("time"), time);
    }
    layout::format("2006", u64::MAX).expect_err("no such year");
}

#[test]
fn chance_is_counted_through_every_change() {
    for (template, bits) in [
        ("{{.RoleName}}-{{unix_time}}", 0),
        ("{{random 20}}", 120),
        ("{{uuid}}", 128),
        ("{{uuid | truncate 8}}", 32),
        ("{{uuid | truncate 9}}", 32),
        ("{{random 20 | uppercase | truncate 7}}", 35),
        ("{{uuid | lowercase}}", 128),
        (
            r#"{{printf "%s-%s" .RoleName (random 20) | truncate 14}}"#,
            12,
        ),
        ("{{random 5 | sha256}}", 30),
        ("{{random 50 | sha256}}", 256),
        ("{{random 8 | sha256 | truncate 8}}", 32),
        ("{{random 5 | hex}}", 30),
        ("{{random 8 | hex | truncate 8}}", 24),
        ("{{random 8 | hex | truncate 1}}", 2),
        ("{{random 6 | base64}}", 32),
        ("{{random 6 | base64 | truncate 3}}", 12),
        (r#"{{printf "x%s" (random 2) | base64}}"#, 8),
        ("{{.RoleName | sha256}}", 0),
        (
            r#"{{printf "%s%s" .RoleName (random 3) | truncate_sha256 12}}"#,
            18,
        ),
        (r#"{{random 5 | replace "aBc" "xyz"}}"#, 12),
    ] {
        let name = Template::parse(template).expect(template).render(&Fixed);
        assert_eq!(name.expect("rendered").bits(), bits, "{template}");
    }
}

#[test]
fn what_grows_on_its_way_is_refused_before_it_fills_memory() {
    for change in ["hex", "base64", r#"replace "a" "aaaaaaaaaaaaaaaa""#] {
        let template = format!(
            "{{{{random 256 | replace \"A\" \"a\"{}}}}}",
            format!(" | {change}").repeat(40)
        );
        let error = match Template::parse(&template) {
            Ok(template) => template.render(&Fixed).map(|_| ()).expect_err("too long"),
            Err(error) => error,
        };
        assert_eq!(
            error.kind(),
            crate::error::ErrorKind::InvalidArgument,
            "{change}"
        );
    }
    let long = format!("{}{{{{random 20 | hex | base64}}}}", "x".repeat(4_000));
    Template::parse(&long)
        .expect("parses")
        .render(&Fixed)
        .expect("rendered");
}

/// Texts that look like templates, or like parts of them.
const ANY: &str = concat!(
    r#"([a-z ]|[{]{2}|[}]{2}|[.]RoleName|[.]DisplayName|random|truncate|printf|sha256|uuid"#,
    r#"|timestamp|replace|base64|"%s-%%"|"2006 Jan"|`_`|[0-9]{1,3}|[|() %"-]){0,24}"#
);

proptest::proptest! {
    /// Whatever an administrator writes is a template, or refused: nothing panics, and what is made
    /// of one is ASCII and bounded.
    #[test]
    fn any_text_is_a_template_or_refused(text in ANY) {
        if let Ok(template) = Template::parse(&text) {
            let Ok(name) = template.render(&Fixed) else { return Ok(()) }; // too long
            let bits = usize::try_from(name.bits()).expect("few");
            let name = name.into_string();
            assert!(name.is_ascii() && bits <= 6 * name.len());
        }
    }
}
