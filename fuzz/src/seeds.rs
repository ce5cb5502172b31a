//! Makes the seeds of most targets anew, the same each time; README.md says of which.

use std::fs;
use std::path::Path;

/// Shares as people have them: printed, and Vault's in hex and base64.
const SHARES: &[(&str, &str)] = &[
    (
        "printed",
        "vcs1-3-0123456789abcdef-7px76yloeb2w443fmfwca23fpeqg6zraorugs4tupeqge6lumvzqo-8988dc10",
    ),
    (
        "only",
        "vcs1-255-0123456789abcdef-7px76yloeb2w443fmfwca23fpeqg6zraorugs4tupeqge6lumvzq-4f5f9b65",
    ),
    ("newer", "vcs2-3-0123456789abcdef-aa-00000000"),
    (
        "hex",
        "111111111111111111111111111111111111111111111111111111111111111107",
    ),
    ("base64", "ERERERERERERERERERERERERERERERERERERERERERER"),
    ("cut", "vcs1-3-0123456789abcdef-7px76y"),
];

const ENV_FILES: &[(&str, &str)] = &[
    ("plain", "A=1\nexport B = two words # why\n"),
    ("quoted", "A='x # y'\nB=\"p\\\"4\\nss\\$\"\nC=`it's`\n"),
    ("lines", "A='x\r\ny'\rB=\"\n\n\"\n"),
    ("twice", "\u{feff}A=1\nB=\nA=3"),
    ("open", "A=\"never closed\n"),
    ("escapes", "A=\"\\a\\\\\\r\\t\"\n"),
];

const JSON: &[(&str, &str)] = &[
    (
        "object",
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\\\"{\"}",
    ),
    (
        "merge",
        "{\"a\":{\"b\":1,\"c\":2}}\0{\"a\":{\"b\":null,\"d\":[1]}}",
    ),
    ("deep", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":[[[[1]]]]}}}}}"),
    (
        "numbers",
        "{\"a\":1e999,\"b\":-0.0,\"c\":18446744073709551616}",
    ),
    ("surrogate", "{\"a\":\"\\ud800\"}"),
    ("no_object", "[1,\"a\"]"),
];

const POLICIES: &[(&str, &str)] = &[
    (
        "plain",
        "path \"a/*\" { capabilities = [\"read\", \"list\"] }\n\
         path \"a/+/b\" { policy = \"deny\" }\n",
    ),
    (
        "parameters",
        "path a {\n allowed_parameters = { x = [1, 2.5e3, true, \"*\", [], {k = 1}], \
         \"*\" = [] }\n denied_parameters { y = [] }\n required_parameters = [\"x\"] }",
    ),
    (
        "comments",
        "# a\n// b\n/* c\n * d */ path \"a\" { /* e */ } # f\n# g",
    ),
    (
        "texts",
        "path \"\\u00e9\\x41${b}\\n\" { comment = <<-EOF\n  x\n y\n EOF\n }",
    ),
    (
        "ttl",
        "name = \"n\" path \"{{identity.entity.id}}/x\" { min_wrapping_ttl = \"1h30m\", \
         max_wrapping_ttl = 7200 }",
    ),
    ("unknown", "path \"a\" { capabilities = [\"write\"] }"),
    ("open", "path \"a\" { capabilities = [\"read\""),
];

/// Without the brace in front, which the target puts there.
const JSON_POLICIES: &[(&str, &str)] = &[
    ("plain", "\"path\":{\"a/*\":{\"capabilities\":[\"read\"]}}}"),
    (
        "list",
        "\"path\":[{\"a\":{}},{\"b\":{\"policy\":\"write\"}}],\"name\":\"n\"}",
    ),
    (
        "parameters",
        "\"path\":{\"a\":{\"allowed_parameters\":[{\"x\":[1,1e300,\"${\",{\"k\":true}]}],\
         \"min_wrapping_ttl\":60}}}",
    ),
    (
        "twice",
        "\"path\":{\"a\":{},\"a\":{\"comment\":\"\\u0000\\ud83d\\ude00\"}}}",
    ),
    ("null", "\"path\":{\"a\":{\"capabilities\":null}}}"),
    (
        "deep",
        "\"path\":{\"a\":{\"denied_parameters\":{\"x\":[[[[[[[[[[[[[1]]]]]]]]]]]]]}}}}",
    ),
];

const TEMPLATES: &[(&str, &str)] = &[
    ("folder", "s/@/*\0v\0s/v/x"),
    ("star", "s/@/*\0*\0s/a/x"),
    ("plus", "s/+/@\0+\0s/a/b"),
    ("slash", "s/@\0a/b\0s/a/b"),
    ("empty", "@@x\0\0x"),
    ("beside", "s/a@b/+\0v\0s/avb/c/"),
];

fn main() {
    let texts = [
        ("share", SHARES),
        ("env_file", ENV_FILES),
        ("json", JSON),
        ("policy_hcl", POLICIES),
        ("policy_json", JSON_POLICIES),
        ("identity_template", TEMPLATES),
    ];
    for (target, seeds) in texts {
        for (name, text) in seeds {
            write(target, name, text.as_bytes());
        }
    }
    for (target, name, bytes) in vaultcore::fuzzing::seeds().expect("seeds") {
        write(target, name, &bytes);
    }
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder).expect("makes the folder");
    fs::write(folder.join(name), bytes).expect("writes the seed");
}
