//! Where the server is and what bounds its use.

use std::fmt;
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::error::{Error, ErrorKind, Result};

/// More connections than this to one server are a mistake: one carries hundreds of thousands of commands a second.
const CONNECTIONS_MAX: usize = 64;
/// More would be no bound.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Where a Redis or Valkey server is, and what bounds its use.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cachemacro_runtime::store::redis::RedisConfig;
///
/// let mut config = RedisConfig::new("redis://user:secret@127.0.0.1:6379/2");
/// config.budget = Duration::from_millis(100);
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct RedisConfig {
    /// `redis://` or `valkey://`, with `user:password@` and `/database` as needed; or `unix:///path`.
    ///
    /// A `?protocol=` is taken and changes nothing: commands are sent in RESP2, and what tells of changes in RESP3. It is
    /// never printed.
    pub url: String,
    /// How many connections; at least 1, at most 64. 2 by default.
    ///
    /// Each is shared by all callers, and all operations on one key take the same one.
    pub connections: usize,
    /// How long one operation may take, retries included; a day at most. 250 ms by default.
    ///
    /// A thread sees to that which all connections of the process share, so that it holds whatever blocks the runtime.
    pub budget: Duration,
    /// How long it may take to connect, log in and get a first answer; a day at most. 2 s by default.
    pub connect_timeout: Duration,
    /// The largest payload, in bytes. 8 MiB by default.
    pub value_bytes_max: usize,
    /// Speaks from the start as to a server older than Redis 7.0; otherwise that is found out.
    #[doc(hidden)]
    pub before_redis_7: bool,
}

impl RedisConfig {
    /// A server at this URL, with the defaults that the fields name.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 2,
            budget: Duration::from_millis(250),
            connect_timeout: Duration::from_secs(2),
            value_bytes_max: 8 << 20,
            before_redis_7: false,
        }
    }

    /// What the URL says, once all settings are found usable.
    pub(super) fn check(&self) -> Result<ConnectionInfo> {
        if !(1..=CONNECTIONS_MAX).contains(&self.connections) {
            return Err(refuse("`connections` is not from 1 to 64"));
        }
        let is_usable = |timeout: Duration| !timeout.is_zero() && timeout <= TIMEOUT_MAX;
        if ![self.budget, self.connect_timeout].into_iter().all(is_usable) {
            return Err(refuse(
                "`budget` and `connect_timeout` have to be longer than zero, and no longer than a day",
            ));
        }
        let url = redis::parse_redis_url(&self.url).ok_or_else(|| {
            refuse("the URL does not begin with redis://, valkey:// or unix://, or is malformed")
        })?;
        if matches!(url.scheme(), "rediss" | "valkeys") {
            return Err(refuse("the URL asks for TLS, which this store does not speak"));
        }
        // The driver's error may repeat the URL, so it is not kept as a source.
        url.into_connection_info()
            .map_err(|_| refuse("the URL's host, database, protocol or credentials cannot be used"))
    }
}

impl fmt::Debug for RedisConfig {
    /// The URL is never printed: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("connections", &self.connections)
            .field("budget", &self.budget)
            .field("connect_timeout", &self.connect_timeout)
            .field("value_bytes_max", &self.value_bytes_max)
            .finish_non_exhaustive()
    }
}

fn refuse(detail: &'static str) -> Error {
    Error::new(ErrorKind::Config, "redis connect", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str) -> Result<ConnectionInfo> {
        RedisConfig::new(url).check()
    }

    #[test]
    fn usable_urls_are_taken() {
        for url in [
            "redis://127.0.0.1",
            "valkey://user:secret@cache.example:6380/3?protocol=resp3",
            "redis://:secret@[::1]:6379",
            "unix:///run/redis.sock?db=1",
        ] {
            assert!(check(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn errors_about_a_url_do_not_repeat_it() {
        for url in [
            "",
            "secret",
            "http://user:secret@host",
            "rediss://user:secret@host",
            "redis://user:secret@host/secret",
            "redis://user:secret@host:99999",
            "redis://user:secret@0.0.0.0",
            "redis://user:secret@host/?protocol=secret",
            "redis://user:%FFsecret@host",
            "redis://",
        ] {
            let error = check(url).expect_err(url);
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("secret") && !shown.contains("host:"), "{shown}");
            assert!(std::error::Error::source(&error).is_none());
        }
    }

    #[test]
    fn bounds_are_checked() {
        let mut config = RedisConfig::new("redis://127.0.0.1");
        config.connections = 0;
        assert_eq!(config.check().expect_err("no connections").kind(), ErrorKind::Config);
        config.connections = 65;
        assert_eq!(config.check().expect_err("65 connections").kind(), ErrorKind::Config);
        config.connections = 1;
        config.budget = Duration::ZERO;
        assert_eq!(config.check().expect_err("no budget").kind(), ErrorKind::Config);
        config.budget = TIMEOUT_MAX;
        config.connect_timeout = Duration::MAX;
        assert_eq!(config.check().expect_err("no end").kind(), ErrorKind::Config);
    }
}
