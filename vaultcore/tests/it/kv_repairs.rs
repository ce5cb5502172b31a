//! Rules of key-value secrets that were once broken.

mod clocks;
mod large;
mod work;
