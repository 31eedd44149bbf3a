//! What the driver's errors mean, in words of our own: the server's and the driver's may hold values, URLs or passwords.

use std::{fmt, io};

use redis::{RedisError, ServerError};

use crate::error::{Error, ErrorKind};

/// Why an operation failed, before it is known which one it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    kind: ErrorKind,
    detail: &'static str,
}

/// The source of an error: the server has said who has the key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved;

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another server of the cluster has the key")
    }
}

impl std::error::Error for Moved {}

impl Failure {
    pub(super) const TIMED_OUT: Self = Self::new(ErrorKind::TimedOut, "no answer within the budget");
    pub(super) const CLOSED: Self = Self::new(ErrorKind::Closed, "the store was closed");
    pub(super) const NOT_YET: Self = Self::new(ErrorKind::Unavailable, "not connected yet");
    pub(super) const LOST: Self = Self::new(ErrorKind::Unavailable, "connection lost");
    pub(super) const UNANSWERED: Self = Self::new(ErrorKind::Unavailable, "the server does not answer");
    pub(super) const NO_THREAD: Self = Self::new(
        ErrorKind::Unavailable,
        "the system has no thread to give, which bounds the wait for answers",
    );
    pub(super) const NO_PROTOCOL: Self =
        Self::new(ErrorKind::Unavailable, "an answer that is not redis's protocol");
    pub(super) const ODD_REPLY: Self = Self::new(ErrorKind::Rejected, "an answer of an unexpected shape");

    const MOVED: Self = Self::new(
        ErrorKind::Rejected,
        "another server of the cluster has the key (MOVED); write `redis+cluster://` in the URL",
    );

    const fn new(kind: ErrorKind, detail: &'static str) -> Self {
        Self { kind, detail }
    }

    /// Whether the server will not do it as it is set up.
    pub(super) fn is_refusal(self) -> bool {
        self.kind == ErrorKind::Rejected
    }

    /// The error of an operation on no key or on many.
    pub(super) fn of(self, operation: &'static str) -> Error {
        let error = Error::new(self.kind, operation, self.detail);
        if self == Self::MOVED { error.with_source(Moved) } else { error }
    }

    /// The error of an operation on one key.
    pub(super) fn on(self, operation: &'static str, key: &[u8]) -> Error {
        self.of(operation).with_key(key)
    }

    /// The error of an operation on these keys: it names the key if there is only one.
    pub(super) fn of_keys(self, operation: &'static str, keys: &[&[u8]]) -> Error {
        match keys {
            [key] => self.on(operation, key),
            _ => self.of(operation),
        }
    }
}

impl From<&ServerError> for Failure {
    fn from(error: &ServerError) -> Self {
        Self::from_code(error.code())
    }
}

impl From<&RedisError> for Failure {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            redis::ErrorKind::AuthenticationFailed => Self::new(ErrorKind::Rejected, "authentication failed"),
            redis::ErrorKind::RESP3NotSupported => {
                Self::new(ErrorKind::Rejected, "the server does not speak resp3")
            }
            redis::ErrorKind::Parse => Self::NO_PROTOCOL,
            _ if error.is_connection_refusal() => Self::new(ErrorKind::Unavailable, "connection refused"),
            _ if error.is_io_error() => Self::LOST,
            _ => error.code().map_or(Self::ODD_REPLY, Self::from_code),
        }
    }
}

impl From<&io::Error> for Failure {
    fn from(error: &io::Error) -> Self {
        let detail = match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused",
            io::ErrorKind::NotFound => "no such socket",
            io::ErrorKind::PermissionDenied => "no permission to connect",
            io::ErrorKind::TimedOut => "no answer while connecting",
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                return Self::LOST;
            }
            _ => "host unknown or out of reach",
        };
        Self::new(ErrorKind::Unavailable, detail)
    }
}

impl Failure {
    /// The code is the first word of the server's answer; the rest of it may quote arguments.
    fn from_code(code: &str) -> Self {
        use ErrorKind::{Rejected, Unavailable};
        let (kind, detail) = match code {
            "OOM" => (Rejected, "the server is full (OOM)"),
            "READONLY" => (Rejected, "the server is a read-only replica (READONLY)"),
            "NOREPLICAS" => (Rejected, "too few replicas for a write (NOREPLICAS)"),
            "MISCONF" => (Rejected, "the server cannot persist, and refuses writes (MISCONF)"),
            "NOAUTH" => (Rejected, "authentication is required (NOAUTH)"),
            "WRONGPASS" => (Rejected, "authentication failed (WRONGPASS)"),
            "NOPERM" => (Rejected, "no permission (NOPERM)"),
            "WRONGTYPE" => (Rejected, "data of another type (WRONGTYPE)"),
            "NOSCRIPT" => (Rejected, "the server lost a script (NOSCRIPT)"),
            "ERR" => (Rejected, "the server refused the command (ERR)"),
            "LOADING" => (Unavailable, "the server is loading its data (LOADING)"),
            "BUSY" => (Unavailable, "the server runs a script (BUSY)"),
            "MASTERDOWN" => (Unavailable, "the replica lost its master (MASTERDOWN)"),
            "CLUSTERDOWN" => (Unavailable, "the cluster is down (CLUSTERDOWN)"),
            "TRYAGAIN" => (Unavailable, "the slot is being moved (TRYAGAIN)"),
            "MOVED" => return Self::MOVED,
            "ASK" => (Unavailable, "the key is being moved to another server of the cluster (ASK)"),
            _ => (Rejected, "the server refused the command"),
        };
        Self::new(kind, detail)
    }
}

/// Whether the server answers reads and refuses writes: a lookup then goes on without leases.
pub(super) fn refuses_writes(error: &ServerError) -> bool {
    matches!(error.code(), "OOM" | "READONLY" | "NOREPLICAS" | "MISCONF")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_answer_is_not_repeated() {
        for answer in ["ERR secret", "OOM secret", "XSECRET secret", "LOADING secret"] {
            let error = server_error(answer);
            let shown = format!("{:?}", Failure::from(&error).on("redis fill", b"user:42"));
            assert!(!shown.to_lowercase().contains("secret"), "{shown}");
        }
    }

    #[test]
    fn an_error_reads_as_a_sentence() {
        let refused = Failure::from(&io::Error::from(io::ErrorKind::ConnectionRefused));
        let shown = refused.on("redis lookup", b"user:42").to_string();
        assert_eq!(shown, r#"redis lookup "user:42": connection refused"#);
    }

    #[test]
    fn being_full_is_a_refusal_and_loading_is_an_outage() {
        assert_eq!(Failure::from(&server_error("OOM x")).of("redis fill").kind(), ErrorKind::Rejected);
        assert_eq!(Failure::from(&server_error("LOADING x")).of("redis fill").kind(), ErrorKind::Unavailable);
        assert!(refuses_writes(&server_error("MISCONF x")));
        assert!(!refuses_writes(&server_error("NOPERM x")));
    }

    fn server_error(answer: &str) -> ServerError {
        match redis::parse_redis_value(format!("-{answer}\r\n").as_bytes()) {
            Ok(redis::Value::ServerError(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}
