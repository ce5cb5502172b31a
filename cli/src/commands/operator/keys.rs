//! `operator rotate`, `rewrap` and `key-status`: the keys that encrypt.

use clap::Args;

use crate::commands::progress::Progress;
use crate::context::Context;
use crate::failure::Result;
use crate::json::Object;

/// Add a key that encrypts from now on.
#[derive(Args)]
#[command(
    after_help = "What was stored before stays readable; `operator rewrap` encrypts it anew."
)]
pub(crate) struct Rotate {
    /// Make a new root key, too. Shares, passphrases and key files stay
    #[arg(long)]
    root: bool,
}

impl Rotate {
    pub(crate) fn run(self, context: &Context) -> Result {
        let sys = context.session()?.sys();
        match self.root {
            true => sys.rotate_root()?,
            false => drop(sys.rotate()?),
        }
        context.success(match self.root {
            true => "Rotated the root key and the key",
            false => "Rotated key",
        })?;
        if context.format == crate::args::Format::Table && context.globals.field.is_none() {
            context.output.line("")?;
        }
        status(context)
    }
}

/// Shows the number and the age of the key that encrypts.
pub(super) fn status(context: &Context) -> Result {
    let status = context.session()?.sys().key_status()?;
    let object = Object::new()
        .number("term", status.term)
        .text("install_time", &status.install_time.to_string())
        .number("terms", u64::try_from(status.terms).unwrap_or(u64::MAX));
    let rows = [
        ("Key Term", status.term.to_string()),
        ("Install Time", status.install_time.to_string()),
        ("Key Terms", status.terms.to_string()),
    ];
    context.show_object(&object.finish(), &rows)
}

/// Encrypts what is stored under old keys anew, and drops those keys.
pub(super) fn rewrap(context: &Context) -> Result {
    let sys = context.session()?.sys();
    let mut progress = Progress::new("entries looked at", None);
    let mut looked_at = 0;
    let dropped = sys.rewrap_all(|count| {
        looked_at = count;
        progress.tell(count);
        Ok(())
    })?;
    drop(progress);
    let object = Object::new()
        .number("entries", looked_at)
        .number("dropped_terms", u64::try_from(dropped).unwrap_or(u64::MAX));
    let rows = [
        ("Entries looked at", looked_at.to_string()),
        ("Old terms dropped", dropped.to_string()),
    ];
    context.show_object(&object.finish(), &rows)
}
