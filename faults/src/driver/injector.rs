//! Faults at random, one after the other on the server, and one after the other around it: often two at once.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use rustix::process::Signal;
use tokio::time::{Instant, sleep, timeout};

use super::children::Slot;
use super::proxy::{Direction, Mode, Proxy};
use super::server::Server;
use crate::clock;
use crate::fault::{Fault, Window};
use crate::settings::{CHILDREN_NEAR, STALENESS};

/// What faults are done to.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) proxies: Vec<Proxy>,
    pub(super) slots: Vec<Slot>,
    pub(super) windows: Mutex<Vec<Window>>,
    /// How many keys the server has evicted, so that an eviction is known to have been one.
    pub(super) evicted: AtomicU64,
}

type Done = Result<(), Box<dyn Error>>;

/// The faults of the server.
const ON_SERVER: [Fault; 9] = [
    Fault::StopServer,
    Fault::KillServer,
    Fault::KillClients,
    Fault::Pause,
    Fault::Sleep,
    Fault::Flush,
    Fault::FlushScripts,
    Fault::Evict,
    Fault::Fill,
];

/// The faults of children, and of what is between them and the server.
const AROUND: [Fault; 12] = [
    Fault::StopChild,
    Fault::KillChild,
    Fault::KillChild,
    Fault::KillChild,
    Fault::Cut,
    Fault::Stall,
    Fault::StallRequests,
    Fault::StallReplies,
    Fault::DropRequests,
    Fault::DropReplies,
    Fault::Split,
    Fault::Delay,
];

/// The faults of the connection alone on which a child is told of changes.
const ON_LINK: [Fault; 5] =
    [Fault::CutLink, Fault::StallLink, Fault::DropLinkRequests, Fault::DropLinkReplies, Fault::DelayLink];

/// Injects faults on the server until then; the last one is over when this returns.
pub(super) async fn strike_server(stage: Arc<Stage>, mut rng: StdRng, until: Instant) -> Done {
    while rest(&mut rng, until).await {
        let fault = ON_SERVER[rng.random_range(0..ON_SERVER.len())];
        let from = clock::now();
        on_server(&stage, fault, &mut rng).await?;
        stage.note(Window { fault, process: None, from, to: clock::now() });
    }
    Ok(())
}

/// Injects faults around the server until then.
pub(super) async fn strike_around(stage: Arc<Stage>, mut rng: StdRng, until: Instant) -> Done {
    while rest(&mut rng, until).await {
        let fault = AROUND[rng.random_range(0..AROUND.len())];
        let place = rng.random_range(0..stage.slots.len());
        let process = stage.slots[place].process().await;
        let from = clock::now();
        around(&stage, place, fault, &mut rng).await?;
        stage.note(Window { fault, process, from, to: clock::now() });
    }
    Ok(())
}

/// Injects faults on the links until then: beside those of the server and of all around it.
pub(super) async fn strike_links(stage: Arc<Stage>, mut rng: StdRng, until: Instant) -> Done {
    // Two rests: without a link nothing is kept near.
    while rest(&mut rng, until).await && rest(&mut rng, until).await {
        let fault = ON_LINK[rng.random_range(0..ON_LINK.len())];
        let place = rng.random_range(0..CHILDREN_NEAR);
        let process = stage.slots[place].process().await;
        let from = clock::now();
        stage.proxies[place].set_link(Some(match fault {
            Fault::CutLink => Mode::Cut,
            Fault::StallLink => Mode::Stall { requests: true, replies: true },
            Fault::DropLinkRequests => Mode::Drop(Direction::Requests),
            Fault::DropLinkReplies => Mode::Drop(Direction::Replies),
            // Up to what makes the link late as often as not.
            _ => Mode::Delay(rng.random_range(Duration::ZERO..STALENESS / 4)),
        }));
        sleep(long(&mut rng)).await;
        stage.proxies[place].set_link(None);
        stage.note(Window { fault, process, from, to: clock::now() });
    }
    Ok(())
}

/// A while without a fault from here, in which there is something to cache. Says whether there is time for another.
async fn rest(rng: &mut StdRng, until: Instant) -> bool {
    sleep(ms(rng, 50, 1600)).await;
    Instant::now() < until
}

async fn on_server(stage: &Stage, fault: Fault, rng: &mut StdRng) -> Done {
    let server = &stage.server;
    match fault {
        Fault::StopServer => {
            server.signal(Signal::STOP).await;
            sleep(long(rng)).await;
            server.signal(Signal::CONT).await;
        }
        Fault::KillServer => {
            server.kill().await;
            sleep(long(rng)).await;
            server.start_again().await?;
        }
        Fault::KillClients => drop(server.command(&["CLIENT", "KILL", "TYPE", "normal"]).await),
        Fault::Pause => {
            let pause = long(rng);
            let _ = server.command(&["CLIENT", "PAUSE", &pause.as_millis().to_string(), "ALL"]).await;
            sleep(pause).await;
        }
        Fault::Sleep => {
            let asleep = long(rng);
            // It answers once it is awake, or the driver has given up waiting for that.
            let seconds = asleep.as_secs_f64().to_string();
            let _ = timeout(asleep, server.command(&["DEBUG", "SLEEP", &seconds])).await;
        }
        Fault::Flush => drop(server.command(&["FLUSHALL"]).await),
        Fault::FlushScripts => drop(server.command(&["SCRIPT", "FLUSH"]).await),
        Fault::Evict => {
            let before = server.evicted().await.unwrap_or_default();
            churn(server, "allkeys-lru", long(rng)).await;
            let after = server.evicted().await.unwrap_or_default();
            stage.evicted.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
        }
        _ => churn(server, "noeviction", long(rng)).await,
    }
    Ok(())
}

/// Makes the server's memory too small for what is written to it.
async fn churn(server: &Server, policy: &str, time: Duration) {
    let until = Instant::now() + time;
    let used = server.used_bytes().await.unwrap_or(2 << 20);
    server.insist(&["CONFIG", "SET", "maxmemory-policy", policy]).await;
    server.insist(&["CONFIG", "SET", "maxmemory", &(used + (64 << 10)).to_string()]).await;
    let filler = "x".repeat(4 << 10);
    let mut number = 0_u32;
    while Instant::now() < until {
        number += 1;
        // Refused by a server that is full, which is what it is for.
        let _ = server.command(&["SET", &format!("filler:{number}"), &filler, "PX", "1500"]).await;
        sleep(Duration::from_millis(2)).await;
    }
    server.insist(&["CONFIG", "SET", "maxmemory", "0"]).await;
}

async fn around(stage: &Stage, place: usize, fault: Fault, rng: &mut StdRng) -> Done {
    let slot = &stage.slots[place];
    let mode = match fault {
        Fault::StopChild => {
            slot.signal(Signal::STOP).await;
            sleep(long(rng)).await;
            slot.signal(Signal::CONT).await;
            return Ok(());
        }
        Fault::KillChild => {
            // Most kills would come between no commit and its invalidation.
            slot.order("brace").await;
            sleep(ms(rng, 10, 150)).await;
            slot.kill().await;
            sleep(ms(rng, 0, 500)).await;
            return slot.start().await;
        }
        Fault::Cut => Mode::Cut,
        Fault::Stall => Mode::Stall { requests: true, replies: true },
        Fault::StallRequests => Mode::Stall { requests: true, replies: false },
        Fault::StallReplies => Mode::Stall { requests: false, replies: true },
        Fault::DropRequests => Mode::Drop(Direction::Requests),
        Fault::DropReplies => Mode::Drop(Direction::Replies),
        Fault::Split => Mode::Split(rng.random_range(1..40)),
        _ => Mode::Delay(ms(rng, 1, 60)),
    };
    stage.proxies[place].set(mode);
    sleep(long(rng)).await;
    stage.proxies[place].set(Mode::Pass);
    Ok(())
}

impl Stage {
    fn note(&self, window: Window) {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner).push(window);
    }
}

/// From shorter than a budget to longer than a guard.
fn long(rng: &mut StdRng) -> Duration {
    if rng.random_bool(0.5) { ms(rng, 30, 400) } else { ms(rng, 400, 3000) }
}

fn ms(rng: &mut StdRng, least: u64, most: u64) -> Duration {
    Duration::from_millis(rng.random_range(least..=most))
}
