//! Stub.
use crate::tools::{Args, Result};
pub(crate) fn run(args: Args) -> Result {
    args.finish()
}
