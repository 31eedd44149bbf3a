//! Runs the shipped engine in simulated worlds, and checks what its callers saw.
//!
//! A seed makes a world: a few processes, each with the engine as it ships; one server, which is the
//! shipped store in memory; a network between them; callers that read, mutate, leave, panic and crash;
//! and faults. Time is virtual, and all chance follows from the seed, so that a seed is a replay. A
//! checker goes over the history of each world from the outside: calls and what they returned, commits,
//! bodies, faults. It knows nothing of leases or guards.
//!
//! ```sh
//! cargo run --release -p cachemacro-simulation -- --seeds 100000
//! cargo run --release -p cachemacro-simulation -- --seed 42
//! cargo run --release -p cachemacro-simulation --features mutants -- --mutants
//! ```

mod batches;
mod calls;
mod campaign;
mod check;
mod history;
mod link;
#[cfg(feature = "mutants")]
pub mod mutants;
mod plan;
mod process;
mod replay;
mod rng;
mod run;
mod server;
mod store;
mod telling;
mod totals;
mod variant;
mod world;

pub use campaign::{Report, campaign, first_violation};
pub use check::{Promise, Violation};
pub use replay::replay;
pub use totals::Totals;
pub use variant::Variant;
