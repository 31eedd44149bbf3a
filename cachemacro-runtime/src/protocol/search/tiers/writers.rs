//! What writers do: they commit, invalidate and are told so, with a guard or without.

use super::{Faults, HERE, Stored, World, Writer, Wrong};

impl World {
    pub(super) fn step_writer(&mut self, writer: usize, faults: Faults, wrong: Wrong) {
        self.writers[writer] = match self.writers[writer] {
            Writer::Idle if faults.guards && writer != HERE => {
                self.store(match self.stored {
                    Stored::Value(version) => Stored::Guarded(Some(version)),
                    _ => Stored::Guarded(None),
                });
                Writer::Guarded
            }
            Writer::Idle | Writer::Guarded => {
                let guarded = self.writers[writer] == Writer::Guarded;
                self.source += 1;
                Writer::Committed { version: self.source, guarded }
            }
            Writer::Committed { version, guarded } => {
                match self.stored {
                    // What is not there is not removed, and nothing is told.
                    Stored::Absent => {}
                    // Somebody else's guard stays, and what it carries goes.
                    Stored::Guarded(_) if !guarded => self.store(Stored::Guarded(None)),
                    _ => self.store(Stored::Absent),
                }
                Writer::Invalidated { version }
            }
            Writer::Invalidated { version } if writer == HERE => {
                self.kept = None;
                self.generation += u64::from(wrong != Wrong::LocalNotNoted);
                Writer::Noted { version }
            }
            Writer::Invalidated { version } | Writer::Noted { version } => {
                self.acknowledged[usize::from(version)] = Some(self.now);
                if writer == HERE {
                    self.acknowledged_here = self.acknowledged_here.max(version);
                }
                Writer::Done
            }
            other => other,
        };
    }

    pub(super) fn crash(&mut self, writer: usize) {
        if let Writer::Committed { version, .. } = self.writers[writer] {
            self.writers[writer] = Writer::Crashed { version };
        }
    }
}
