//! Strings as other programs read and write them: one command each, and nothing of the protocol.

use std::time::Duration;

use redis::Value;

use super::failure::Failure;
use super::{RedisStore, layout};
use crate::error::{Error, ErrorKind, Result};
use crate::store::RawEntry;

impl RedisStore {
    /// `GETRANGE` and `PTTL`: a `GET` would take in what is too long, up to 512 MB.
    pub(super) async fn read_as_it_stands(&self, key: &[u8]) -> Result<Option<RawEntry>> {
        const OPERATION: &str = "redis read of a raw value";
        let mut commands = redis::pipe();
        commands.cmd("GETRANGE").arg(key).arg(0).arg(self.capabilities.value_bytes_max);
        commands.cmd("PTTL").arg(key);
        let read = async {
            let replies = self.lanes[self.lane_of(key)].call(&commands, self.open()?).await?;
            <[Value; 2]>::try_from(replies).map_err(|_| Failure::ODD_REPLY)
        };
        let (payload, left) = match read.await.map_err(|failure: Failure| failure.on(OPERATION, key))? {
            // It is not there, or ended between the two.
            [Value::BulkString(_), Value::Int(-2)] => return Ok(None),
            [Value::BulkString(payload), Value::Int(left)] => (payload, left),
            [Value::ServerError(error), _] if error.code() == "WRONGTYPE" => {
                let detail =
                    "the store holds data of another kind under this key; choose another key template";
                return Err(Error::new(ErrorKind::Rejected, OPERATION, detail).with_key(key));
            }
            [Value::ServerError(error), _] | [_, Value::ServerError(error)] => {
                return Err(Failure::from(&error).on(OPERATION, key));
            }
            _ => return Err(Failure::ODD_REPLY.on(OPERATION, key)),
        };
        if payload.len() > self.capabilities.value_bytes_max {
            let detail = format!("more than {} bytes are not read", self.capabilities.value_bytes_max);
            return Err(Error::new(ErrorKind::Unreadable, OPERATION, detail).with_key(key));
        }
        let ttl = u64::try_from(left).ok().map(Duration::from_millis);
        Ok(Some(RawEntry { payload: payload.into(), ttl }))
    }

    /// `SET`, with `PX` if it is to expire.
    pub(super) async fn write_as_it_stands(&self, key: &[u8], raw: RawEntry) -> Result<()> {
        const OPERATION: &str = "redis write of a raw value";
        let mut commands = redis::pipe();
        commands.cmd("SET").arg(key).arg(&raw.payload[..]);
        if let Some(ttl) = raw.ttl {
            commands.arg("PX").arg(layout::ttl_ms(ttl));
        }
        let write = async {
            match self.lanes[self.lane_of(key)].call(&commands, self.open()?).await?.pop() {
                Some(Value::Okay) => Ok(()),
                Some(Value::ServerError(error)) => Err(Failure::from(&error)),
                _ => Err(Failure::ODD_REPLY),
            }
        };
        write.await.map_err(|failure: Failure| failure.on(OPERATION, key))
    }
}
