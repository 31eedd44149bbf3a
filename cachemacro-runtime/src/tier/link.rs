//! The link on which a store tells of its changes: kept up, and kept honest by signs of life.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::error::{Error, ErrorKind, Result};
use crate::mutants::{self, Mutant};
use crate::store::{Store, Watching};
use crate::tier::near::{Beat, Near, is_refusal};

/// The first pause before it is opened again, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_secs(2);

/// How long to wait before a store is asked again that does not tell of changes as it is set up.
const PAUSE_REFUSED: Duration = Duration::from_secs(30);

/// How long a sign of life may take before the link is given up. Long before, nothing is served any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps a link up for as long as something is kept in front of the store.
pub(super) async fn keep_up(store: Arc<dyn Store>, near: Weak<Near>) {
    let mut pause = PAUSE_FIRST;
    loop {
        let Some(watch) = near.upgrade().map(|near| near.watch()) else { return };
        let why = match store.watch(watch).await {
            Ok(link) => {
                pause = PAUSE_FIRST;
                match near.upgrade() {
                    Some(near) => near.opened(link.tells_all()),
                    None => return,
                }
                crate::trace::linked(store.name(), link.tells_all());
                let why = carry(link, &near).await;
                crate::trace::unlinked(store.name(), &why);
                why
            }
            Err(why) => why,
        };
        let longest = if is_refusal(&why) { PAUSE_REFUSED } else { pause };
        match near.upgrade() {
            Some(near) => near.closed(why),
            None => return,
        }
        // Not all processes at once: from half the pause to the whole.
        sleep(longest.mul_f64(crate::chance::jitter())).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

/// Has the store confirm again and again that it has told of all changes; says how that ended.
async fn carry(mut link: Box<dyn Watching>, near: &Weak<Near>) -> Error {
    loop {
        let Some((sent_at, every)) = near.upgrade().map(|near| (near.clock().now(), near.every())) else {
            return Error::new(ErrorKind::Closed, "watch", "nobody is told any more");
        };
        let beat = timeout(PATIENCE, twice(&mut *link)).await;
        match (beat, near.upgrade()) {
            (Ok(Ok(store_time)), Some(near)) => near.confirmed(Beat { sent_at, store_time }),
            (Ok(Ok(_)), None) => {}
            (Ok(Err(why)), _) => return why,
            (Err(_), _) => {
                return Error::new(ErrorKind::TimedOut, "watch", "the store gives no sign of life");
            }
        }
        if let Ok(why) = timeout(every, link.lost()).await {
            return why;
        }
    }
}

/// Touches the store twice, in two turns of it; returns the store's time.
async fn twice(link: &mut dyn Watching) -> Result<Duration> {
    if !mutants::is(Mutant::SingleBarrier) {
        link.touch().await?;
    }
    link.touch().await
}
