//! What the examples over the flights share: the database, the cached functions, the command line.

pub mod args;
pub mod db;
mod load;
pub mod queries;
