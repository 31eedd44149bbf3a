//! What is cached: a value that no peer copies.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct User {
    pub id: u64,
    pub name: String,
}

pub fn user(id: u64) -> Arc<User> {
    Arc::new(User { id, name: format!("user {id}") })
}
