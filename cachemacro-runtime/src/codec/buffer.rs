//! The buffer that values are encoded in: one for each thread, so that encoding allocates what it stores alone.

use std::cell::Cell;

use bytes::Bytes;

use crate::error::Result;

/// What is kept of it for the next value.
const BYTES_MAX: usize = 64 << 10;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What is written into it.
pub(super) fn filled(write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Bytes> {
    let mut bytes = BUFFER.take();
    bytes.clear();
    let filled = write(&mut bytes).map(|()| Bytes::copy_from_slice(&bytes));
    if bytes.capacity() <= BYTES_MAX {
        BUFFER.set(bytes);
    }
    filled
}
