//! Prints the C header of vaultcore-c.

use std::path::Path;
use std::process::ExitCode;

use cbindgen::{Builder, Config, DocumentationStyle, Language, Style};

/// What stands above the declarations: the rules that hold for all of them.
const HEAD: &str = include_str!("head.h");
/// What stands below them: what a macro or an inline function makes easier.
const TAIL: &str = include_str!("tail.h");

fn main() -> ExitCode {
    match header() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn header() -> Result<String, String> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .ok_or("no folder above")?;
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        include_guard: Some("VAULTCORE_H".to_owned()),
        header: Some(HEAD.trim_end().to_owned()),
        style: Style::Type,
        documentation_style: DocumentationStyle::C99,
        usize_is_size_t: true,
        line_length: 100,
        ..Config::default()
    };
    let builder = Builder::new()
        .with_config(config)
        .with_src(package.join("src/lib.rs"));
    let bindings = builder.generate().map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    bindings.write(&mut bytes);
    let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
    with_tail(&without_rust(&text))
}

/// Puts what stands below the declarations inside of the include guard.
fn with_tail(text: &str) -> Result<String, String> {
    let (before, after) = text.rsplit_once("#endif").ok_or("no include guard")?;
    Ok(format!("{before}{TAIL}\n#endif{after}"))
}

/// Leaves out the part of a comment that speaks to Rust: its rules stand at the head once.
fn without_rust(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut skipping = false;
    for line in text.lines() {
        let comment = line.trim_start();
        if comment == "// # Safety" {
            skipping = true;
            while kept.last().is_some_and(|last| last.trim() == "//") {
                kept.pop();
            }
        }
        skipping &= comment.starts_with("//");
        if !skipping {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_for_rust_is_left_out() {
        let text = "// Does.\n//\n// # Safety\n// Rules.\nvoid does(void);\n// More.\n";
        assert_eq!(without_rust(text), "// Does.\nvoid does(void);\n// More.\n");
    }
}
