//! What users are called: a template of the connection, or the driver's own, filled in.

mod layout;
mod marked;
mod parse;
mod template;
#[cfg(test)]
mod tests;

use template::Template;

use crate::barrier::Txn;
use crate::error::{Error, Result};
use crate::token::random_text;

/// The longest text of a template, in bytes.
const MAX_TEMPLATE: usize = 4_096;
/// The bits of chance that a name has at least, as eight random letters and digits have: two users
/// must not have one name, since the end of one lease would be the end of the other's user.
const MIN_BITS: u32 = 48;

/// Who a user is made for.
#[derive(Clone, Copy)]
pub(super) struct Names<'n> {
    /// What the token of the caller is called.
    pub(super) display: &'n str,
    pub(super) role: &'n str,
}

/// Returns a new name of at most `max` bytes.
///
/// It has ASCII letters, digits and a few signs that mean nothing to a database, whatever the caller
/// is called.
///
/// # Errors
/// `InvalidArgument` for a template that is none, and for a name that would be empty, too long, of
/// other characters, or hardly random.
pub(super) fn render(
    txn: &Txn<'_>,
    template: &str,
    names: Names<'_>,
    max: usize,
) -> Result<String> {
    let name = Template::parse(template)?.render(&Moment { txn, names })?;
    if name.is_empty() || name.len() > max {
        return Err(Error::invalid(format!(
            "the username_template makes names that are empty, or longer than the {max} bytes that \
             the database takes"
        )));
    }
    if name.bits() < MIN_BITS {
        return Err(Error::invalid(
            "the username_template leaves less chance in a name than eight random letters and \
             digits, or twelve hexadecimal ones, have: two users could have the same one",
        ));
    }
    let name = name.into_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@+=/:".contains(c);
    match name.chars().all(plain) {
        true => Ok(name),
        false => Err(Error::invalid(
            "the username_template makes names of other characters than letters, digits and \
             - _ . @ + = / :",
        )),
    }
}

/// Checks a template, as far as that can be done before it is known for whom.
///
/// # Errors
/// As [`render`].
pub(super) fn check(txn: &Txn<'_>, template: &str, max: usize) -> Result<()> {
    let names = Names {
        display: "",
        role: "",
    };
    render(txn, template, names, max).map(drop)
}

/// Where a template takes its values from.
trait Source {
    /// Returns the name of the caller's token, or of the role.
    fn field(&self, field: template::Field) -> String;
    /// Returns so many random letters and digits.
    fn random(&self, count: usize) -> Result<String>;
    /// Returns 16 random bytes.
    fn bytes(&self) -> Result<[u8; 16]>;
    /// Returns the time, in microseconds.
    fn micros(&self) -> u64;
}

struct Moment<'m, 't> {
    txn: &'m Txn<'t>,
    names: Names<'m>,
}

impl Source for Moment<'_, '_> {
    /// Characters that a name may not have have become `-`.
    fn field(&self, field: template::Field) -> String {
        let text = match field {
            template::Field::DisplayName => self.names.display,
            template::Field::RoleName => self.names.role,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        text.chars()
            .map(|c| if plain(c) { c } else { '-' })
            .collect()
    }

    fn random(&self, count: usize) -> Result<String> {
        let mut text = String::with_capacity(count);
        let mut block = 0u64;
        while text.len() < count {
            let context = [
                &b"username"[..],
                self.names.role.as_bytes(),
                &block.to_be_bytes(),
            ];
            let more = random_text(self.txn, &context)?;
            text.extend(more.chars().take(count.saturating_sub(text.len())));
            block = block.saturating_add(1);
        }
        Ok(text)
    }

    fn bytes(&self) -> Result<[u8; 16]> {
        self.txn.unique(&[b"username uuid"])
    }

    fn micros(&self) -> u64 {
        self.txn.now().as_micros()
    }
}
