//! What a child tells of its calls: one line for each, once it has ended.

use std::fmt;
use std::str::FromStr;

use crate::clock::Micros;

/// What was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// A cached function.
    Read,
    /// The same with `consistency = strict`.
    Strict,
    /// A cached function, when all faults are over.
    Final,
    /// `refresh` of one: a read that always runs its body, beside the load of others.
    Refresh,
    /// `peek` at what is stored.
    Peek,
    /// `#[invalidates]`, guarded if the store can be asked.
    Invalidates,
    /// `#[invalidates(…, guard = required)]`.
    Required,
    /// `#[invalidates(…, guard = off)]`.
    Unguarded,
    /// `#[cache_put]`.
    Put,
    /// `#[cache_put(…, guard = required)]`.
    PutRequired,
    /// A `Pending` and its commit.
    Transaction,
    /// A commit, and then `invalidate` by hand.
    ByHand,
    /// A guard by hand around a commit.
    Guarded,
}

impl Kind {
    pub(crate) const ALL: [Self; 13] = [
        Self::Read,
        Self::Strict,
        Self::Final,
        Self::Refresh,
        Self::Peek,
        Self::Invalidates,
        Self::Required,
        Self::Unguarded,
        Self::Put,
        Self::PutRequired,
        Self::Transaction,
        Self::ByHand,
        Self::Guarded,
    ];

    pub(crate) fn is_read(self) -> bool {
        matches!(self, Self::Read | Self::Strict | Self::Final | Self::Refresh | Self::Peek)
    }

    /// Whether it may be answered by what is kept near.
    pub(crate) fn is_bounded(self) -> bool {
        matches!(self, Self::Read | Self::Final)
    }

    /// Whether its body runs only if the guard is known to stand, so that a crash leaves nothing stale.
    pub(crate) fn needs_guard(self) -> bool {
        matches!(self, Self::Required | Self::PutRequired | Self::Guarded)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Strict => "strict",
            Self::Final => "final",
            Self::Refresh => "refresh",
            Self::Peek => "peek",
            Self::Invalidates => "invalidates",
            Self::Required => "required",
            Self::Unguarded => "unguarded",
            Self::Put => "put",
            Self::PutRequired => "put-required",
            Self::Transaction => "transaction",
            Self::ByHand => "by-hand",
            Self::Guarded => "guarded",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A read returned this version.
    Saw(u32),
    /// A peek found nothing, or could not ask.
    Nothing,
    /// A value whose bytes do not belong together.
    Torn,
    /// A mutation ended, and the hook saw its key invalidated within the call, or did not.
    Ended { delivered: bool },
    /// The body failed, as it was told to, and a read has nothing else to say.
    Failed,
    /// The cache refused it. Only a mutation that requires its guard may be.
    Refused,
    /// The future was dropped before its end.
    Dropped,
}

/// A call on one key. A transaction is one for each of its keys, with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Its number in its process.
    pub(crate) id: u32,
    pub(crate) kind: Kind,
    pub(crate) key: u8,
    /// Read before the call is made.
    pub(crate) start: Micros,
    /// Read after it has returned.
    pub(crate) end: Micros,
    pub(crate) outcome: Outcome,
    /// When its own body ran, if it did.
    pub(crate) body: Option<(Micros, Micros)>,
    /// Whether it was answered without any waiting, as nearly no answer of a store is.
    pub(crate) at_once: bool,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Call(Call),
    /// How many invalidations waited in the child at some moment between the two.
    Undelivered {
        before: Micros,
        after: Micros,
        count: u32,
    },
    /// Nothing runs any more, and all is delivered, or is not within the time for that.
    Quiet,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => {
                let Call { id, kind, key, start, end, outcome, body, at_once } = call;
                let (sign, number) = match *outcome {
                    Outcome::Saw(version) => ('v', version),
                    Outcome::Nothing => ('n', 0),
                    Outcome::Torn => ('t', 0),
                    Outcome::Ended { delivered } => ('e', delivered.into()),
                    Outcome::Failed => ('f', 0),
                    Outcome::Refused => ('r', 0),
                    Outcome::Dropped => ('d', 0),
                };
                let (from, to) = body.unwrap_or_default();
                let at_once = u8::from(*at_once);
                write!(f, "c {id} {kind} {key} {start} {end} {sign} {number} {from} {to} {at_once} .")
            }
            Self::Undelivered { before, after, count } => write!(f, "u {before} {after} {count}"),
            Self::Quiet => f.write_str("q"),
        }
    }
}

impl FromStr for Line {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split(' ');
        let mut word = || words.next().ok_or(());
        fn number<T: FromStr>(word: &str) -> Result<T, ()> {
            word.parse().map_err(drop)
        }
        match word()? {
            "c" => {
                let (id, kind, key) = (number(word()?)?, word()?.parse()?, number(word()?)?);
                let (start, end) = (number(word()?)?, number(word()?)?);
                let (sign, version) = (word()?, number::<u32>(word()?)?);
                let outcome = match sign {
                    "v" => Outcome::Saw(version),
                    "n" => Outcome::Nothing,
                    "t" => Outcome::Torn,
                    "e" => Outcome::Ended { delivered: version == 1 },
                    "f" => Outcome::Failed,
                    "r" => Outcome::Refused,
                    "d" => Outcome::Dropped,
                    _ => return Err(()),
                };
                let body = (number(word()?)?, number(word()?)?);
                let body = (body.0 != 0).then_some(body);
                let at_once = number::<u8>(word()?)? == 1;
                // Without its last word it was cut off by a kill.
                if word()? != "." {
                    return Err(());
                }
                Ok(Self::Call(Call { id, kind, key, start, end, outcome, body, at_once }))
            }
            "u" => Ok(Self::Undelivered {
                before: number(word()?)?,
                after: number(word()?)?,
                count: number(word()?)?,
            }),
            "q" => Ok(Self::Quiet),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.name() == word).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let call = |kind, outcome, body: Option<_>| {
            let at_once = body.is_none();
            Line::Call(Call { id: 7, kind, key: 3, start: 100, end: 250, outcome, body, at_once })
        };
        let lines = [
            call(Kind::Read, Outcome::Saw(12), Some((120, 200))),
            call(Kind::PutRequired, Outcome::Ended { delivered: true }, None),
            call(Kind::Guarded, Outcome::Dropped, None),
            Line::Undelivered { before: 1, after: 2, count: 3 },
            Line::Quiet,
        ];
        for line in lines {
            assert_eq!(line.to_string().parse(), Ok(line));
        }
        assert_eq!("c 7 read 3 100".parse::<Line>(), Err(()), "cut off by a kill");
    }
}
