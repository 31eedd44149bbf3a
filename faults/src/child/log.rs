//! The lines to the driver, written by a thread of its own: a call never waits for the pipe.

use std::io::{BufWriter, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::record::Line;

/// How long a line waits for others to be written with. A kill loses no more than that.
const FLUSH_EVERY: Duration = Duration::from_millis(10);

#[derive(Clone)]
pub(super) struct Log {
    /// `None` is the end.
    lines: Sender<Option<Line>>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Log {
    pub(super) fn start() -> Self {
        let (lines, receiver) = channel();
        let writer = std::thread::spawn(move || {
            // A driver that is gone needs no lines.
            let _ = write(&receiver);
        });
        Self { lines, writer: Arc::new(Mutex::new(Some(writer))) }
    }

    pub(super) fn line(&self, line: Line) {
        let _ = self.lines.send(Some(line));
    }

    /// Returns once all is written.
    pub(super) fn close(&self) {
        let _ = self.lines.send(None);
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

fn write(lines: &Receiver<Option<Line>>) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout().lock());
    loop {
        match lines.recv_timeout(FLUSH_EVERY) {
            Ok(Some(line)) => writeln!(out, "{line}")?,
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return out.flush(),
            Err(RecvTimeoutError::Timeout) => {
                out.flush()?;
                // Nothing to write: sleep until there is.
                match lines.recv() {
                    Ok(Some(line)) => writeln!(out, "{line}")?,
                    Ok(None) | Err(_) => return out.flush(),
                }
            }
        }
    }
}
