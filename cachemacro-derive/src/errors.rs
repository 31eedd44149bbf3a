//! Errors, gathered so that all of them are reported at once.

use std::cell::RefCell;
use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// Gathers errors; [`finish`](Self::finish) gives them out.
///
/// It panics if it is dropped unfinished: an error that nobody reports would be code that nobody checked.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    list: RefCell<Vec<syn::Error>>,
    finished: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds an error at a span.
    pub(crate) fn at(&self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Adds an error that covers the tokens.
    pub(crate) fn on(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn push(&self, error: syn::Error) {
        self.list.borrow_mut().push(error);
    }

    /// The value, or `None` after adding the error.
    pub(crate) fn take<T>(&self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// All errors, in the order of their discovery; `Ok` if there is none.
    pub(crate) fn finish(mut self) -> Result<(), Vec<syn::Error>> {
        self.finished = true;
        let list = self.list.take();
        if list.is_empty() { Ok(()) } else { Err(list) }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            panic!("errors dropped without being reported");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_errors_come_out_in_order() {
        let errors = Errors::new();
        errors.at(Span::call_site(), "first");
        errors.at(Span::call_site(), "second");
        let texts: Vec<_> = errors.finish().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["first", "second"]);
    }

    #[test]
    #[should_panic(expected = "without being reported")]
    fn unfinished_errors_are_not_lost() {
        drop(Errors::new());
    }
}
