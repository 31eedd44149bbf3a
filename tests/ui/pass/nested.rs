//! In functions, modules, and behind aliases.
#![deny(warnings)]

mod users {
    #[derive(Debug)]
    pub struct Error;
    pub type Result<T, E = Error> = std::result::Result<T, E>;

    pub mod inner {
        use super::Result;

        #[cachemacro::cache_result(ttl = 5)]
        pub(in crate::users) async fn private(id: u64) -> Result<u64> {
            Ok(id)
        }

        #[cachemacro::cache_result(ttl = 5)]
        pub async fn public(id: u64) -> Result<u64> {
            private(id).await
        }
    }

    pub use inner::public as get_user;

    #[cachemacro::invalidates(inner::private(id), self::get_user(id))]
    pub async fn rename(id: u64) -> Result<()> {
        Ok(())
    }
}

// No name of the prelude means what it says, and everything is still found.
mod hostile {
    #![allow(dead_code, non_camel_case_types)]
    pub struct Option;
    pub struct Result;
    pub struct Vec;
    pub struct From;
    pub struct Clone;
    pub mod core {}
    pub mod std {}
    pub mod cachemacro {}

    #[::cachemacro::cache_result(ttl = 5, cache = ::cachemacro::Cache::default())]
    pub async fn get_user(id: u64) -> u64 {
        id
    }

    #[::cachemacro::invalidates(get_user(id), get_user(result), key = "user:<id>:<result>")]
    pub async fn rename(id: u64) -> u64 {
        id
    }
}

#[tokio::main]
async fn main() {
    use users::get_user;

    #[cachemacro::cache_result(ttl = 5)]
    async fn local(id: u64) -> u64 {
        id
    }
    assert_eq!(local(1).await, 1);
    assert_eq!(get_user(1).await.unwrap(), 1);
    let _ = get_user::key(1);
    users::rename(1).await.unwrap();
    assert_eq!(hostile::rename(1).await, hostile::get_user(1).await);
}
