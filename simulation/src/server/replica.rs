//! A replica that hears of everything a while later, so that what was acknowledged last is lost with its primary.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Command, Node};

#[derive(Debug)]
pub(super) struct Replica {
    node: Node,
    lag: Duration,
    /// What it has not heard of, and when that was carried out.
    pending: VecDeque<(Duration, Box<[u8]>, Command)>,
}

impl Replica {
    pub(super) fn new(lag: Duration) -> Self {
        Self { node: Node::new(), lag, pending: VecDeque::new() }
    }

    /// Will hear of a command, which the primary carries out now.
    pub(super) fn will(&mut self, now: Duration, key: &[u8], command: &Command) {
        self.hear(now);
        if command.may_change() {
            self.pending.push_back((now, key.into(), command.clone()));
        }
    }

    /// The node that takes the place of the primary.
    pub(super) fn promoted(mut self, now: Duration) -> Node {
        self.hear(now);
        self.node.move_to(now);
        self.node
    }

    /// Carries out what is old enough, each at its time: a command on the same state has the same effect.
    fn hear(&mut self, now: Duration) {
        while self.pending.front().is_some_and(|(at, ..)| *at + self.lag <= now) {
            let Some((at, key, command)) = self.pending.pop_front() else { return };
            self.node.move_to(at);
            command.on(&self.node.store, &key);
        }
    }
}
