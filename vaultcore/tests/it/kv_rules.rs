//! The rules of key-value secrets, one test a rule.

mod cas;
mod deletion;
mod lifetime;
mod metadata;
mod mounts;
mod names;
mod one;
mod patching;
mod records;
mod transaction;
mod values;
mod versions;
