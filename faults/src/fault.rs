//! What can go wrong, and when it did.

use std::fmt;

use crate::clock::Micros;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    /// SIGSTOP of the server, and SIGCONT.
    StopServer,
    /// SIGKILL of the server, which starts again with an empty memory.
    KillServer,
    /// CLIENT KILL TYPE normal.
    KillClients,
    /// CLIENT PAUSE.
    Pause,
    /// DEBUG SLEEP.
    Sleep,
    /// FLUSHALL.
    Flush,
    /// SCRIPT FLUSH.
    FlushScripts,
    /// A small maxmemory with allkeys-lru, under writes.
    Evict,
    /// A small maxmemory with noeviction, under writes.
    Fill,
    /// SIGSTOP of a child, and SIGCONT.
    StopChild,
    /// SIGKILL of a child; another one takes its place.
    KillChild,
    /// The proxy ends connections, and takes no new ones.
    Cut,
    /// It moves nothing, and then everything.
    Stall,
    StallRequests,
    StallReplies,
    /// It loses what it is given in one direction, and the connections with it.
    DropRequests,
    DropReplies,
    /// It moves a few bytes at a time.
    Split,
    /// It moves everything late.
    Delay,
    /// The same of the connection alone on which changes are told.
    CutLink,
    StallLink,
    DropLinkRequests,
    DropLinkReplies,
    DelayLink,
}

impl Fault {
    /// Whether the server loses guards that it acknowledged.
    pub(crate) fn loses_guards(self) -> bool {
        matches!(self, Self::KillServer | Self::Flush | Self::Evict)
    }

    /// Whether it strikes the connection alone on which changes are told.
    pub(crate) fn is_of_link(self) -> bool {
        matches!(
            self,
            Self::CutLink
                | Self::StallLink
                | Self::DropLinkRequests
                | Self::DropLinkReplies
                | Self::DelayLink
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::StopServer => "server stopped",
            Self::KillServer => "server killed",
            Self::KillClients => "client kill",
            Self::Pause => "client pause",
            Self::Sleep => "debug sleep",
            Self::Flush => "flushall",
            Self::FlushScripts => "script flush",
            Self::Evict => "evictions",
            Self::Fill => "memory full",
            Self::StopChild => "child stopped",
            Self::KillChild => "child killed",
            Self::Cut => "cut",
            Self::Stall => "stall",
            Self::StallRequests => "stall of requests",
            Self::StallReplies => "stall of replies",
            Self::DropRequests => "drop of requests",
            Self::DropReplies => "drop of replies",
            Self::Split => "split frames",
            Self::Delay => "delay",
            Self::CutLink => "link cut",
            Self::StallLink => "link stalled",
            Self::DropLinkRequests => "link drops requests",
            Self::DropLinkReplies => "link drops replies",
            Self::DelayLink => "link delayed",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A fault that was injected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) fault: Fault,
    /// The process it struck, if it struck one alone.
    pub(crate) process: Option<u32>,
    /// Read before it was injected.
    pub(crate) from: Micros,
    /// Read after it was over.
    pub(crate) to: Micros,
}

impl Window {
    /// Whether any of it was between the two moments.
    pub(crate) fn overlaps(&self, from: Micros, to: Micros) -> bool {
        self.from <= to && from <= self.to
    }
}
