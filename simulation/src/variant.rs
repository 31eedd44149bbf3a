//! Which engine runs: the shipped one, or one of its wrong variants.

use cachemacro_runtime::mutants::Mutant;

/// An engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Variant(Option<Mutant>);

impl Variant {
    /// The engine as it ships.
    pub const SHIPPED: Self = Self(None);

    /// A wrong variant by its name; none in a build without the feature `mutants`.
    pub fn named(name: &str) -> Option<Self> {
        let is_named = |mutant: &&Mutant| cfg!(feature = "mutants") && format!("{mutant:?}") == name;
        Mutant::ALL.iter().find(is_named).map(|mutant| Self(Some(*mutant)))
    }

    /// Which wrong variant it is, if it is one.
    pub fn mutant(self) -> Option<Mutant> {
        self.0
    }

    /// Runs on this thread from now on.
    pub(crate) fn install(self) {
        #[cfg(feature = "mutants")]
        cachemacro_runtime::mutants::switch(self.0);
        #[cfg(not(feature = "mutants"))]
        assert!(self.0.is_none(), "none has a name in this build");
    }
}

#[cfg(feature = "mutants")]
impl From<Mutant> for Variant {
    fn from(mutant: Mutant) -> Self {
        Self(Some(mutant))
    }
}
