//! The name of the `impl` that a method is in.

/// The `impl` that a method is in, with all that it is generic over, from a closure in the method.
///
/// What it is now: `<app::Repo as app::Load<u32>>` or `app::Repo<u32>`. As `type_name` promises no
/// form, more than that is taken for it where the form is another: calls then share less.
pub fn impl_of<C>(_closure: &C) -> &'static str {
    let mut path = std::any::type_name::<C>();
    while let Some(outer) = path.strip_suffix("::{{closure}}") {
        path = outer;
    }
    if path.ends_with('>')
        && let Some(arguments) = last_arguments(path)
    {
        path = path[..arguments].trim_end_matches("::");
    }
    path.rsplit_once("::").map_or(path, |(path, _method)| path)
}

/// Where the `<…>` at the end of a path begins.
fn last_arguments(path: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = path.as_bytes();
    for at in (0..bytes.len()).rev() {
        match bytes[at] {
            // Not the arrow of a function type.
            b'>' if at == 0 || bytes[at - 1] != b'-' => depth += 1,
            b'<' => depth = depth.checked_sub(1)?,
            _ => continue,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::impl_of;

    struct Repo<T>(PhantomData<T>);

    trait Load<T> {
        fn plain(&self) -> &'static str;
        fn generic<U>(&self) -> &'static str;
    }

    impl<T, U> Load<T> for Repo<U> {
        fn plain(&self) -> &'static str {
            let nested = || impl_of(&|| ());
            nested()
        }

        fn generic<V>(&self) -> &'static str {
            impl_of(&|| ())
        }
    }

    impl<T> Repo<T> {
        fn inherent<U>(_: U) -> &'static str {
            impl_of(&|| ())
        }
    }

    #[test]
    fn an_impl_is_named_with_all_that_it_is_generic_over() {
        let here = module_path!();
        let repo = Repo::<fn() -> u8>(PhantomData);
        let expected = format!("<{here}::Repo<fn() -> u8> as {here}::Load<u16>>");
        assert_eq!(Load::<u16>::plain(&repo), expected);
        assert_eq!(Load::<u16>::generic::<fn(Vec<u8>) -> Vec<u8>>(&repo), expected);
        assert_eq!(Repo::<u8>::inherent::<u32>(1), format!("{here}::Repo<u8>"));
    }
}
