//! The one integration binary.

mod attributes;
mod compile_fail;
