//! The URL of a cluster: one server or more, and how to log in to each of them.

use super::super::RedisConfig;
use crate::error::{Error, ErrorKind, Result};

/// A server: a host without the brackets of an IPv6 address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    pub(super) host: Box<str>,
    pub(super) port: u16,
}

/// What a cluster's URL says.
pub(super) struct Seeds {
    pub(super) addresses: Vec<Address>,
    config: RedisConfig,
    /// What stands before the host, and after the port.
    login: Box<str>,
    query: Box<str>,
}

impl Seeds {
    /// Takes the URL apart.
    pub(super) fn of(config: RedisConfig) -> Result<Self> {
        let malformed = || {
            let detail =
                "the URL of a cluster is redis+cluster://user:password@host:port,host:port?protocol=…";
            Error::new(ErrorKind::Config, "redis connect", detail)
        };
        let (scheme, rest) = config.url.split_once("://").ok_or_else(malformed)?;
        if !matches!(scheme, "redis+cluster" | "valkey+cluster") {
            return Err(malformed());
        }
        let (rest, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        let (login, rest) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
        let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if !matches!(path, "" | "/" | "/0") {
            let detail = "a cluster has no databases but 0; leave the path out of the URL";
            return Err(Error::new(ErrorKind::Config, "redis connect", detail));
        }
        let addresses = hosts.split(',').map(|host| Address::of(host).ok_or_else(malformed));
        let addresses: Vec<Address> = addresses.collect::<Result<_>>()?;
        let (login, query) = (login.into(), query.into());
        let seeds = Self { addresses, config, login, query };
        seeds.addresses.iter().try_for_each(|address| seeds.config_of(address).check().map(drop))?;
        Ok(seeds)
    }

    /// How to connect to one server.
    pub(super) fn config_of(&self, address: &Address) -> RedisConfig {
        let Address { host, port } = address;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        RedisConfig {
            url: format!("redis://{}{host}:{port}/{}", self.login, self.query),
            ..self.config.clone()
        }
    }
}

impl Address {
    /// A host and a port, as they stand in a URL; without one it is 6379.
    fn of(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(inner) => {
                let (host, rest) = inner.split_once(']')?;
                (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("6379"))?)
            }
            None => text.split_once(':').unwrap_or((text, "6379")),
        };
        let port = port.parse().ok()?;
        (!host.is_empty()).then(|| Self { host: host.into(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_servers_and_how_to_log_in_to_each() {
        let url = "redis+cluster://user:p%40ss@10.0.0.1:7000,cache.example,[::1]:7002/?protocol=resp3";
        let seeds = Seeds::of(RedisConfig::new(url)).expect("a usable URL");
        let urls: Vec<String> = seeds.addresses.iter().map(|address| seeds.config_of(address).url).collect();
        assert_eq!(
            urls,
            [
                "redis://user:p%40ss@10.0.0.1:7000/?protocol=resp3",
                "redis://user:p%40ss@cache.example:6379/?protocol=resp3",
                "redis://user:p%40ss@[::1]:7002/?protocol=resp3",
            ]
        );
    }

    #[test]
    fn errors_about_a_url_do_not_repeat_it() {
        for url in [
            "redis+cluster://",
            "redis+cluster://secret:secret",
            "redis+cluster://host:7000,,host:7001",
            "redis+cluster://host:7000/3",
            "redis+cluster://user:%FFsecret@host:7000",
            "redis+cluster://[secret",
            "redis://secret",
        ] {
            let error = Seeds::of(RedisConfig::new(url)).err().expect(url);
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
        }
    }
}
