//! A .env text is refused, or its variables are written and parsed again the same.
#![no_main]

use std::collections::BTreeSet;

use vaultcore::import::parse_env;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(variables) = parse_env(bytes) else {
        return;
    };
    let names: BTreeSet<&str> = variables.iter().map(|one| one.name()).collect();
    assert_eq!(names.len(), variables.len(), "a name comes twice");
    let mut text = String::new();
    for variable in &variables {
        let value = variable.value().expose().replace('\\', r"\\");
        let value = value.replace('"', "\\\"").replace('\r', r"\r");
        text += &format!("{}=\"{}\"\n", variable.name(), value.replace('$', r"\$"));
    }
    let again = parse_env(text.as_bytes()).expect("what is written is parsed");
    assert_eq!(again.len(), variables.len());
    for (again, variable) in again.iter().zip(&variables) {
        assert_eq!(again.name(), variable.name());
        assert_eq!(again.value().expose(), variable.value().expose());
    }
});
