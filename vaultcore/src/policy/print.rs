//! Writes a policy in HCL, always the same way.

use std::fmt::Write as _;

use serde_json::Value;

use super::capabilities::Capabilities;
use super::params::Parameters;
use super::{Policy, Rule};

impl Policy {
    /// Returns the policy in HCL, laid out in one way: a formatter. Comments are kept, each before
    /// the rule that it stands at or in.
    ///
    /// ```
    /// use vaultcore::policy::Policy;
    /// let policy = Policy::parse(r#"path "a" {capabilities=["read"]} # mine"#)?;
    /// assert_eq!(policy.to_hcl(), "# mine\npath \"a\" {\n  capabilities = [\"read\"]\n}\n");
    /// # Ok::<(), vaultcore::Error>(())
    /// ```
    #[must_use]
    pub fn to_hcl(&self) -> String {
        let mut text = String::new();
        for rule in &self.rules {
            if !text.is_empty() {
                text.push('\n');
            }
            notes(&mut text, &rule.notes);
            write_rule(&mut text, rule);
        }
        if !text.is_empty() && !self.last_notes.is_empty() {
            text.push('\n');
        }
        notes(&mut text, &self.last_notes);
        text
    }
}

fn notes(text: &mut String, notes: &[String]) {
    for note in notes {
        text.push_str(format!("# {note}").trim_end());
        text.push('\n');
    }
}

fn write_rule(text: &mut String, rule: &Rule) {
    // A slash in front was taken away; one that is left had another before it.
    let slash = if rule.path.as_str().starts_with('/') {
        "/"
    } else {
        ""
    };
    let path = quoted(&format!("{slash}{}", rule.path.as_str()));
    let mut lines = Vec::new();
    if let Some(comment) = &rule.comment {
        lines.push(format!("comment = {}", quoted(comment)));
    }
    lines.push(format!(
        "capabilities = {}",
        capabilities(rule.capabilities)
    ));
    let conditions = &rule.conditions;
    parameters(&mut lines, "allowed_parameters", &conditions.allowed);
    parameters(&mut lines, "denied_parameters", &conditions.denied);
    if !conditions.required.is_empty() {
        let names: Vec<_> = conditions
            .required
            .iter()
            .map(|name| quoted(name))
            .collect();
        lines.push(format!("required_parameters = [{}]", names.join(", ")));
    }
    for (name, ttl) in [
        ("min_wrapping_ttl", conditions.min_wrapping_ttl),
        ("max_wrapping_ttl", conditions.max_wrapping_ttl),
    ] {
        let Some(ttl) = ttl else { continue };
        lines.push(match ttl.subsec_nanos() {
            0 => format!("{name} = \"{}s\"", ttl.as_secs()),
            _ => format!("{name} = \"{}ns\"", ttl.as_nanos()),
        });
    }
    let _ = writeln!(text, "path {path} {{");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("}\n");
}

fn capabilities(granted: Capabilities) -> String {
    if granted == Capabilities::NONE {
        return "[]".to_owned(); // its name would be "deny", which says more
    }
    let names: Vec<_> = granted.names().into_iter().map(quoted).collect();
    format!("[{}]", names.join(", "))
}

fn parameters(lines: &mut Vec<String>, name: &str, parameters: &Parameters) {
    if parameters.is_empty() {
        return;
    }
    lines.push(format!("{name} = {{"));
    for (parameter, values) in parameters {
        lines.push(format!("  {} = {}", quoted(parameter), list(values)));
    }
    lines.push("}".to_owned());
}

fn list(values: &[Value]) -> String {
    let values: Vec<_> = values.iter().map(value).collect();
    format!("[{}]", values.join(", "))
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(values) => list(values),
        Value::Object(map) => {
            let field =
                |(name, one): (&String, &Value)| format!("{} = {}", quoted(name), self::value(one));
            let fields: Vec<_> = map.iter().map(field).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(one) = chars.next() {
        match one {
            '"' | '\\' => quoted.extend(['\\', one]),
            '\n' => quoted.push_str("\\n"),
            // What would begin an interpolation.
            '$' if chars.peek() == Some(&'{') => quoted.push_str("\\u0024"),
            other if other.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(other));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
