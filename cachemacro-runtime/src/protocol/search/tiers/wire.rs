//! The connection on which changes are told, and the signs of life on it.

use super::{Beat, Faults, Link, Message, Wire, World, Wrong};

impl World {
    pub(super) fn step_link(&self, faults: Faults, wrong: Wrong, go: &mut impl FnMut(&dyn Fn(&mut Self))) {
        if self.losses < faults.losses && self.wire == Wire::Up {
            for wire in [Wire::HalfOpen, Wire::Minority, Wire::Down] {
                go(&|world| {
                    world.losses += 1;
                    world.lose(wire);
                    if wire == Wire::Down {
                        world.close(wrong);
                    }
                });
            }
        }
        match self.wire {
            Wire::HalfOpen | Wire::Minority => go(&|world| {
                world.wire = Wire::Down;
                world.close(wrong);
            }),
            Wire::Down => go(&|world| world.wire = Wire::Tracked),
            Wire::Tracked => go(&|world| {
                world.wire = Wire::Up;
                if wrong != Wrong::EpochKept {
                    world.link = world.link.open();
                }
            }),
            Wire::Up => {}
        }
        match self.beat {
            Beat::Idle if matches!(self.wire, Wire::Up | Wire::HalfOpen | Wire::Minority) => {
                go(&|world| world.beat = Beat::Sent { at: world.now, is_second: false });
            }
            Beat::Sent { at, is_second } if self.wire == Wire::Up => go(&|world| {
                world.beat = Beat::Answered { at, is_second };
                world.answered = true;
            }),
            Beat::Sent { at, is_second }
                if self.wire == Wire::Minority && wrong == Wrong::KeylessHeartbeat =>
            {
                go(&|world| {
                    world.beat = Beat::Answered { at, is_second };
                    world.on_the_way.push(Message::Answer);
                });
            }
            _ => {}
        }
        if !self.on_the_way.is_empty() {
            go(&|world| world.receive(wrong));
        }
    }

    /// Ends the server's turn: answers leave first, then what has changed.
    pub(super) fn end_turn(&mut self) {
        if self.answered {
            self.on_the_way.push(Message::Answer);
        }
        if self.told && matches!(self.wire, Wire::Up | Wire::Tracked) {
            self.on_the_way.push(Message::Changed);
        }
        (self.answered, self.told) = (false, false);
    }

    /// Loses the connection, with all that is on its way.
    pub(super) fn lose(&mut self, wire: Wire) {
        if self.wire == Wire::Down {
            return;
        }
        self.wire = wire;
        self.on_the_way.clear();
        (self.answered, self.told) = (false, false);
    }

    pub(super) fn close(&mut self, wrong: Wrong) {
        self.beat = Beat::Idle;
        self.on_the_way.clear();
        self.link = match wrong {
            Wrong::EpochKept => Link { confirmed: None, ..self.link },
            _ => self.link.close(),
        };
    }

    /// Receives what comes first.
    pub(super) fn receive(&mut self, wrong: Wrong) {
        match self.on_the_way.remove(0) {
            Message::Changed => self.forget(),
            Message::Flushed => self.link = self.link.flush(),
            Message::Answer => {
                let Beat::Answered { at, is_second } = self.beat else { return };
                if is_second || wrong == Wrong::SingleBarrier {
                    self.link = self.link.confirm(at);
                    self.beat = Beat::Idle;
                } else {
                    self.beat = Beat::Sent { at, is_second: true };
                }
            }
        }
    }
}
