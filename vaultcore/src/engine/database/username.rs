//! What users are called.

use crate::barrier::Txn;
use crate::error::Result;
use crate::token::random_text;

/// Who a user is made for.
pub(super) struct Names<'n> {
    /// What the token of the caller is called.
    pub(super) display: &'n str,
    pub(super) role: &'n str,
}

/// Returns a new name of at most `max` bytes, as Vault makes them: `v-DISPLAY-ROLE-RANDOM-UNIX`.
///
/// It has ASCII letters, digits, `-`, `_` and `.` only, whatever the caller is called.
pub(super) fn render(txn: &Txn<'_>, names: &Names<'_>, max: usize) -> Result<String> {
    let random = random_text(txn, &[b"username", names.role.as_bytes()])?;
    let random = random.get(..20).unwrap_or_default();
    let now = txn.now().as_micros() / 1_000_000;
    let (display, role) = (part(names.display), part(names.role));
    let mut name = format!("v-{display}-{role}-{random}-{now}");
    name.truncate(max); // ASCII only
    Ok(name)
}

/// Returns the first 8 characters of a text; those that a name may not have become `-`.
fn part(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let chars = text.chars().take(8);
    chars.map(|c| if plain(c) { c } else { '-' }).collect()
}
