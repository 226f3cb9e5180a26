//! Networks that variants share.

pub mod dense;
pub mod point;
pub mod strided;
