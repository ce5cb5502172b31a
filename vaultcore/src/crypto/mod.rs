//! All cryptography, behind one module, so that another library may take its place.

pub(crate) mod rng;
