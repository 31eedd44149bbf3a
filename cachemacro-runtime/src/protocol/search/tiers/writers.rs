//! What writers do: they commit, invalidate and are told so, with a guard or without.

use super::{Faults, HERE, Stored, World, Writer, Wrong};

impl World {
    pub(super) fn step_writer(&mut self, writer: usize, faults: Faults, wrong: Wrong) {
        self.writers[writer] = match self.writers[writer] {
            Writer::Idle if faults.guards && writer != HERE => {
                let carried = match self.stored {
                    Stored::Value(version) => Some(version),
                    _ => None,
                };
                let was_there = self.stored != Stored::Absent;
                self.store(Stored::Guarded(carried), faults);
                if wrong != Wrong::BeginNotPublished {
                    self.publish(was_there, faults, wrong);
                }
                Writer::Guarded
            }
            Writer::Idle | Writer::Guarded => {
                let guarded = self.writers[writer] == Writer::Guarded;
                self.source += 1;
                Writer::Committed { version: self.source, guarded }
            }
            Writer::Committed { version, guarded } => {
                let was_there = self.stored != Stored::Absent;
                match self.stored {
                    // What is not there is not removed, and the server tells nothing.
                    Stored::Absent => {}
                    // Somebody else's guard stays, and what it carries goes.
                    Stored::Guarded(_) if !guarded => self.store(Stored::Guarded(None), faults),
                    _ => self.store(Stored::Absent, faults),
                }
                self.publish(was_there, faults, wrong);
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

    /// A writer tells of what it has invalidated or guarded, whether anything was there or not.
    fn publish(&mut self, was_there: bool, faults: Faults, wrong: Wrong) {
        if faults.is_published && (was_there || wrong != Wrong::PublishedIfThere) {
            self.tell();
        }
    }

    pub(super) fn crash(&mut self, writer: usize) {
        if let Writer::Committed { version, .. } = self.writers[writer] {
            self.writers[writer] = Writer::Crashed { version };
        }
    }
}
