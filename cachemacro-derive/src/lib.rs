//! The attributes.

use proc_macro::TokenStream;

/// Caches.
#[proc_macro_attribute]
pub fn cache_result(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}

/// Invalidates.
#[proc_macro_attribute]
pub fn invalidates(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
