//! How long a value lives: as its attribute says, unless the cache was told otherwise.

use std::time::Duration;

use crate::cache::Cache;
use crate::cache::body::Valued;
use crate::chance;
use crate::codec::{Reach, Typed};
use crate::form::Form;
use crate::policy::{Life, Policy, Terms};
use crate::shape::{Local, Shape};
use crate::site::Site;

impl Cache {
    /// How long a value lives that was loaded at this cost, if its terms say so long; not at all if they say none.
    pub(super) fn life(&self, site: &Site, valued: &Valued, cost: Duration) -> Option<Life> {
        let Valued { said, is_found, .. } = *valued;
        let ttl = if is_found { self.tuned_ttl(site, said, cost) } else { said };
        // What is not kept is not, whatever its class says.
        if said.is_zero() { None } else { self.life_of(site, ttl, cost) }
    }

    /// What a load has brought that is to be kept, and for how long.
    pub(super) fn kept<S, P>(
        &self,
        site: &Site,
        output: &S::Output,
        terms: &P,
        cost: Duration,
    ) -> Option<(Valued, Life)>
    where
        S: Shape<Value: Local>,
        P: Terms<S::Found>,
    {
        let valued = Valued::of::<S, P>(output, terms)?;
        let life = self.life(site, &valued, cost)?;
        Some((valued, life))
    }

    /// How long a value lives that is written through.
    pub(super) fn life_of_put(&self, site: &Site, said: Duration) -> Option<Life> {
        self.life_of(site, self.inner.tunings.ttl(site.name()).unwrap_or(said), Duration::ZERO)
    }

    fn life_of(&self, site: &Site, ttl: Duration, cost: Duration) -> Option<Life> {
        let fresh = site.jitter().apply(ttl, chance::random())?;
        let Policy { windows, idle, .. } = self.policy(site);
        Some(Life::new(fresh, cost, windows, idle))
    }

    /// What the attribute says of time, as the cache was told to have it.
    pub(super) fn policy(&self, site: &Site) -> Policy {
        let policy = site.policy();
        Policy { windows: self.inner.tunings.windows(site.name(), policy.windows), ..policy }
    }

    /// The form of a function's values, within the size that the cache was told to allow.
    pub(super) fn form(&self, site: &Site) -> Form {
        let form = site.form();
        Form {
            value_bytes_max: self.inner.tunings.value_bytes_max(site.name(), form.value_bytes_max),
            ..form
        }
    }

    /// The same with their type.
    pub(super) fn typed<V: Local, R: Reach<V>>(&self, site: &Site) -> Typed {
        Typed::new::<V, R>(self.form(site))
    }

    fn tuned_ttl(&self, site: &Site, said: Duration, cost: Duration) -> Duration {
        let tunings = &self.inner.tunings;
        let class = || site.policy().ttl_class.and_then(|class| tunings.class(class));
        let tuned = tunings.ttl(site.name());
        tuned.or_else(|| class().map(|class| class.ttl(cost))).unwrap_or(said)
    }
}
