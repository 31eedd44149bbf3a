//! Functions over a Redis of the test's own. Two caches are two processes, as far as Redis can tell;
//! `processes` starts real ones.

mod contents;
mod deploys;
mod gathering;
mod instances;
mod outages;
mod processes;
mod raw;
mod stampedes;

use std::sync::Arc;
use std::time::Duration;

use cachemacro::{Cache, cache_result, invalidates};

use crate::support::{RedisServer, Source};

/// What one operation on the store may take here, so that an outage is quick to see.
const BUDGET: Duration = Duration::from_millis(100);

#[cache_result(ttl = "1h", key = "sharing:number:<id>", skip(source))]
async fn number(source: &Source, id: u64) -> u64 {
    let _ = id;
    source.load().await
}

#[invalidates(number(id))]
async fn write(source: &Source, id: u64, value: u64) -> Result<(), std::io::Error> {
    source.write(value);
    Ok(())
}

async fn connect(server: &RedisServer) -> Cache {
    Cache::builder().url(server.url()).budget(BUDGET).near(0).build().await.expect("the server runs")
}

async fn read(cache: &Cache, source: &Arc<Source>) -> u64 {
    cache.scope(number(source, 7)).await
}
