//! An argument that may be given once.

use proc_macro2::Span;

use crate::errors::Errors;

/// A value that is set at most once, and where.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    name: &'static str,
    value: Option<(T, Span)>,
}

impl<T> Slot<T> {
    pub(crate) fn empty(name: &'static str) -> Self {
        Self { name, value: None }
    }

    /// Sets the value; the only reporter of repetitions.
    pub(crate) fn set(&mut self, errors: &Errors, span: Span, value: T) {
        if self.value.is_some() {
            errors.at(span, format!("`{}` is given twice; leave one of them", self.name));
        } else {
            self.value = Some((value, span));
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().map(|(value, _)| value)
    }

    /// Where it was given.
    pub(crate) fn span(&self) -> Option<Span> {
        self.value.as_ref().map(|(_, span)| *span)
    }

    pub(crate) fn into_inner(self) -> Option<T> {
        self.value.map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stays_and_the_second_is_an_error() {
        let errors = Errors::new();
        let mut slot = Slot::empty("ttl");
        slot.set(&errors, Span::call_site(), 1);
        slot.set(&errors, Span::call_site(), 2);
        assert_eq!(slot.get(), Some(&1));
        let error = errors.finish().unwrap_err().remove(0);
        assert_eq!(error.to_string(), "`ttl` is given twice; leave one of them");
    }
}
