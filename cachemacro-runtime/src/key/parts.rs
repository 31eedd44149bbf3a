//! What the standard library's types, and those behind features, write into a key.

use std::borrow::Cow;
use std::collections::{BTreeSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::*;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Image, KeyArg, KeyBuf, KeyPart, List, Maybe, Of};

/// Types that are their own form, how each is written, and what of it is its image, if it has one.
macro_rules! own_form {
    ($($type:ty),+ => |$part:ident, $key:ident| $write:expr, $bytes:expr) => {
        own_form!($($type),+ => |$part, $key| $write; |image| image.push($bytes));
    };
    ($($type:ty),+ => |$part:ident, $key:ident| $write:expr) => {
        own_form!($($type),+ => |_part, $key| { let $part = _part; $write }; |image| image.spoil());
    };
    ($($type:ty),+ => |$part:ident, $key:ident| $write:expr; |$image:ident| $add:expr) => {$(
        impl KeyPart for $type {
            type Form = Self;

            #[inline]
            fn write(&self, $key: &mut KeyBuf) {
                let $part = self;
                $write;
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn image(&self, $image: &mut Image) {
                let $part = self;
                $add;
            }
        }
        impl KeyArg<$type> for $type {}
    )+};
}

own_form!(u8, u16, u32 => |part, key| key.push_integer(u64::from(*part)), part.to_ne_bytes());
own_form!(u64 => |part, key| key.push_integer(*part), part.to_ne_bytes());
own_form!(usize => |part, key| key.push_integer(*part as u64), part.to_ne_bytes());
own_form!(i8, i16, i32 => |part, key| key.push_signed(i64::from(*part)), part.to_ne_bytes());
own_form!(i64 => |part, key| key.push_signed(*part), part.to_ne_bytes());
own_form!(isize => |part, key| key.push_signed(*part as i64), part.to_ne_bytes());
own_form!(u128, i128 => |part, key| key.push_raw(itoa::Buffer::new().format(*part)), part.to_ne_bytes());
own_form!(NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
          NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize =>
    |part, key| key.push_raw(itoa::Buffer::new().format(part.get())), part.get().to_ne_bytes());
own_form!(bool => |part, key| key.push_raw(if *part { "true" } else { "false" }), [u8::from(*part)]);
own_form!(char => |part, key| key.push_text(part.encode_utf8(&mut [0; 4])), u32::from(*part).to_ne_bytes());
own_form!(Ipv4Addr, Ipv6Addr => |part, key| key.push_display(part), part.octets());
own_form!(IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6 => |part, key| key.push_display(part));
own_form!(Duration => |part, key| key.push_raw(itoa::Buffer::new().format(part.as_nanos())), part.as_nanos().to_ne_bytes());
own_form!(() => |_part, key| key.list().end(), []);

#[cfg(feature = "uuid")]
own_form!(uuid::Uuid => |part, key| key.push_raw(part.as_hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer())), *part.as_bytes());

#[cfg(feature = "chrono")]
own_form!(chrono::NaiveDate, chrono::NaiveTime, chrono::NaiveDateTime, chrono::DateTime<chrono::Utc>,
          chrono::DateTime<chrono::FixedOffset> => |part, key| key.push_display(format_args!("{part:?}")));

// Of `time`, what its own `Display` tells apart to the last nanosecond.
#[cfg(feature = "time")]
own_form!(time::Date, time::Time, time::PrimitiveDateTime, time::OffsetDateTime => |part, key| key.push_display(part));

/// It holds no value, and writes what `()` does.
impl<T: ?Sized> KeyPart for PhantomData<T> {
    type Form = ();

    fn write(&self, key: &mut KeyBuf) {
        ().write(key);
    }

    fn image(&self, image: &mut Image) {
        ().image(image);
    }
}
impl<T: ?Sized> KeyArg<()> for PhantomData<T> {}

macro_rules! text {
    ($($type:ty),+) => {$(
        impl KeyPart for $type {
            type Form = str;

            #[inline]
            fn write(&self, key: &mut KeyBuf) {
                key.push_text(self);
            }

            #[inline]
            fn image(&self, image: &mut Image) {
                image.push_text(self);
            }
        }
        impl KeyArg<str> for $type {}
    )+};
}

text!(str, String);

macro_rules! pointer {
    ($($type:ty),+) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $type {
            type Form = T::Form;

            #[inline]
            fn write(&self, key: &mut KeyBuf) {
                (**self).write(key);
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn image(&self, image: &mut Image) {
                (**self).image(image);
            }
        }
        impl<T: KeyArg<F> + ?Sized, F: ?Sized> KeyArg<F> for $type {}
    )+};
}

pointer!(&T, &mut T, Box<T>, Arc<T>, Rc<T>);

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    type Form = T::Form;

    fn write(&self, key: &mut KeyBuf) {
        (**self).write(key);
    }

    fn image(&self, image: &mut Image) {
        (**self).image(image);
    }
}

impl<T: KeyArg<F> + ToOwned + ?Sized, F: ?Sized> KeyArg<F> for Cow<'_, T> {}

impl<T: KeyPart> KeyPart for Option<T> {
    type Form = Maybe<T::Form>;

    fn write(&self, key: &mut KeyBuf) {
        key.push_option(self.as_ref());
    }

    #[inline]
    fn image(&self, image: &mut Image) {
        image.push([u8::from(self.is_some())]);
        if let Some(part) = self {
            part.image(image);
        }
    }
}

impl<T: KeyArg<F>, F: ?Sized> KeyArg<Maybe<F>> for Option<T> {}

macro_rules! list {
    ($([$($const:tt)*] $type:ty),+) => {$(
        impl<T: KeyPart, $($const)*> KeyPart for $type {
            type Form = List<T::Form>;

            fn write(&self, key: &mut KeyBuf) {
                self.iter().fold(key.list(), |list, item| list.item(item)).end();
            }
        }
        impl<T: KeyArg<F>, F: ?Sized, $($const)*> KeyArg<List<F>> for $type {}
    )+};
}

// Those whose order is that of their content: not hash sets.
list!([] [T], [const N: usize] [T; N], [] Vec<T>, [] VecDeque<T>, [] LinkedList<T>, [] BTreeSet<T>);

macro_rules! tuple {
    ($($part:ident $form:ident $index:tt),+) => {
        impl<$($part: KeyPart),+> KeyPart for ($($part,)+) {
            type Form = ($(Of<$part::Form>,)+);

            fn write(&self, key: &mut KeyBuf) {
                key.list()$(.item(&self.$index))+.end();
            }

            #[inline]
            fn image(&self, image: &mut Image) {
                $(self.$index.image(image);)+
            }
        }
        impl<$($part: KeyArg<$form>, $form: ?Sized),+> KeyArg<($(Of<$form>,)+)> for ($($part,)+) {}
    };
}

tuple!(A Fa 0);
tuple!(A Fa 0, B Fb 1);
tuple!(A Fa 0, B Fb 1, C Fc 2);
tuple!(A Fa 0, B Fb 1, C Fc 2, D Fd 3);
tuple!(A Fa 0, B Fb 1, C Fc 2, D Fd 3, E Fe 4);
tuple!(A Fa 0, B Fb 1, C Fc 2, D Fd 3, E Fe 4, G Fg 5);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(part: impl KeyPart) -> String {
        let mut key = KeyBuf::new();
        part.write(&mut key);
        key.as_str().to_owned()
    }

    #[test]
    fn integers_read_as_they_display() {
        for shift in 0..64 {
            for integer in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                assert_eq!(key(integer), integer.to_string());
                let signed = integer as i64;
                assert_eq!(key(signed), signed.to_string());
                assert_eq!(key(signed.wrapping_neg()), signed.wrapping_neg().to_string());
            }
        }
        let mut power = 1_u64;
        while let Some(next) = power.checked_mul(10) {
            assert_eq!((key(power - 1), key(power)), ((power - 1).to_string(), power.to_string()));
            power = next;
        }
        for bytes in [100, 103, 104, 105, 200] {
            let mut long = KeyBuf::new();
            long.push_raw(&"x".repeat(bytes));
            u64::MAX.write(&mut long);
            7_u8.write(&mut long);
            assert_eq!(long.as_str(), format!("{}{}7", "x".repeat(bytes), u64::MAX));
        }
    }

    #[test]
    fn scalars_read_as_they_are_written() {
        assert_eq!(key(42_u64), "42");
        assert_eq!(key(i128::MIN), "-170141183460469231731687303715884105728");
        assert_eq!(key(NonZeroU8::MAX), "255");
        assert_eq!(key(true), "true");
        assert_eq!(key(':'), "%3A");
        assert_eq!(key(Ipv4Addr::LOCALHOST), "127.0.0.1");
        assert_eq!(key(Ipv6Addr::LOCALHOST), "%3A%3A1");
    }

    #[test]
    fn pointers_write_what_they_point_to() {
        let pointer: &&&str = &&"a";
        assert_eq!(key(pointer), "a");
        assert_eq!(key(Arc::new(String::from("a"))), "a");
        assert_eq!(key(Cow::Borrowed("a")), "a");
    }

    #[test]
    fn composites_that_differ_write_differently() {
        let lists: &[&[&str]] =
            &[&[], &[""], &["", ""], &["a,b"], &["a", "b"], &["[a", "b]"], &["%"], &["<none>"]];
        let mut keys: Vec<String> = lists.iter().map(|list| key(*list)).collect();
        assert_eq!(keys[..5], ["[]", "[%]", "[%,%]", "[a%2Cb]", "[a,b]"]);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), lists.len());
    }

    #[test]
    fn none_differs_from_any_text_and_at_any_depth() {
        assert_eq!(key(None::<&str>), "<none>");
        assert_eq!(key(Some("<none>")), "%3Cnone%3E");
        assert_eq!(key(Some("")), "");
        assert_eq!(key(Some(None::<u8>)), "<<none>>");
        assert_eq!(key(Some(Some(None::<u8>))), "<<<none>>>");
        assert_eq!(key(Some(Some(5_u8))), "5");
        assert_eq!(key(vec![Some("a"), None]), "[a,<none>]");
    }
}
