//! What generated code calls first: what takes no waiting at all.

use super::{Call, Image, KeyBuf, KeyPart, Local, Shape, Sought, Terms, Unwritten};

/// Answers a call, if that takes no waiting at all: what it does not, [`read`](super::read()) does.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn hit<S, P>(call: Call<'_, P>, _shape: S) -> Sought<'_, S::Output, P>
where
    S: Shape<Value: Local>,
    P: Terms<S::Found>,
{
    crate::cache::hit::<S, P>(call)
}

/// The same, where the key is written only for a call that is not answered by its arguments.
#[cfg_attr(not(debug_assertions), inline(always))]
pub fn hit_unwritten<'a, S, P>(
    call: Unwritten<P>,
    _shape: S,
    key: &'a mut Option<KeyBuf>,
    write: &dyn Fn(&mut KeyBuf),
) -> Sought<'a, S::Output, P>
where
    S: Shape<Value: Local>,
    P: Terms<S::Found>,
{
    crate::cache::hit_unwritten::<S, P>(call, key, write)
}

/// The image of what stands in a key. What cannot stand in one is reported where the key is written.
#[derive(Debug)]
pub struct Imaged<'a, T: ?Sized>(pub &'a T);

/// The two rungs of whether a part has an image; imported both where it is asked.
pub mod imaged {
    use super::{Image, Imaged, KeyPart};

    /// The first rung.
    pub trait ViaPart {
        /// Adds it.
        fn add_to(&self, image: &mut Image);
    }
    impl<T: KeyPart + ?Sized> ViaPart for &Imaged<'_, T> {
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn add_to(&self, image: &mut Image) {
            self.0.image(image);
        }
    }

    /// The second rung: what is no part of a key has none.
    pub trait ViaOther {
        /// Has none of it.
        fn add_to(&self, image: &mut Image) {
            image.spoil();
        }
    }
    impl<T: ?Sized> ViaOther for Imaged<'_, T> {}
}
