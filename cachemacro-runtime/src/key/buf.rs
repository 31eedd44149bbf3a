//! A key under construction: on the stack, and on the heap only past 128 bytes.

use std::fmt::{self, Write as _};

use super::{KeyPart, SEPARATORS, Words};

/// Long enough for what people write as keys (measured keys are 10 to 60 bytes), and so short that a whole
/// key is 128 bytes, which the compiler copies in place.
const INLINE_BYTES: usize = 104;

/// As many as the words of an image have; the last one is for the length.
const SHORT_BYTES: usize = size_of::<Words>();

/// Bytes on the stack, until they do not fit.
///
/// smallvec, which this was, took 180 instructions for a key of one integer; this takes a third of that.
#[derive(Clone)]
struct Bytes {
    inline: [u8; INLINE_BYTES],
    inline_len: u8,
    /// All of them, once there are more than fit.
    #[expect(clippy::box_collection, reason = "one word on the stack in place of three")]
    heap: Option<Box<Vec<u8>>>,
}

impl Bytes {
    #[inline]
    const fn new() -> Self {
        Self { inline: [0; INLINE_BYTES], inline_len: 0, heap: None }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        match &self.heap {
            None => &self.inline[..usize::from(self.inline_len)],
            Some(heap) => heap,
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let start = usize::from(self.inline_len);
        let end = start + bytes.len();
        match self.inline.get_mut(start..end) {
            Some(free) if self.heap.is_none() => {
                free.copy_from_slice(bytes);
                self.inline_len = end as u8;
            }
            _ => self.push_to_heap(bytes),
        }
    }

    /// The digits of an integer, in their place: there is no `memcpy` for so few.
    #[inline]
    fn push_digits(&mut self, integer: u64) {
        let start = usize::from(self.inline_len);
        let end = start + digits(integer);
        match self.inline.get_mut(start..end) {
            Some(free) if self.heap.is_none() => {
                let mut rest = integer;
                for digit in free.iter_mut().rev() {
                    *digit = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
                self.inline_len = end as u8;
            }
            _ => self.push_to_heap(itoa::Buffer::new().format(integer).as_bytes()),
        }
    }

    #[cold]
    fn push_to_heap(&mut self, bytes: &[u8]) {
        let inline = &self.inline[..usize::from(self.inline_len)];
        self.heap.get_or_insert_with(|| Box::new(inline.to_vec())).extend_from_slice(bytes);
    }

    /// Puts a byte in front of those from `at` on.
    fn insert(&mut self, at: usize, byte: u8) {
        self.push(&[byte]);
        let bytes = match &mut self.heap {
            None => &mut self.inline[..usize::from(self.inline_len)],
            Some(heap) => heap,
        };
        bytes[at..].rotate_right(1);
    }
}

/// A key under construction.
///
/// Only text goes in, so that it is UTF-8 at all times.
#[derive(Clone)]
pub struct KeyBuf {
    bytes: Bytes,
    is_unusable: bool,
}

impl KeyBuf {
    /// An empty key.
    #[inline]
    pub fn new() -> Self {
        Self { bytes: Bytes::new(), is_unusable: false }
    }

    /// Writes text with every separator, control and white space in it percent-encoded.
    pub fn push_text(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if bytes.iter().all(|&byte| PLAIN[byte as usize]) {
            return self.bytes.push(bytes);
        }
        for character in text.chars() {
            let mut utf8 = [0; 4];
            let encoded = character.encode_utf8(&mut utf8);
            if is_plain(character) {
                self.push_raw(encoded);
            } else {
                for byte in encoded.bytes() {
                    self.bytes.push(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                }
            }
        }
    }

    /// Writes what a value displays as, escaped like text. Its `Display` must tell all values apart.
    pub fn push_display(&mut self, value: impl fmt::Display) {
        struct Escaped<'a>(&'a mut KeyBuf);
        impl fmt::Write for Escaped<'_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.push_text(text);
                Ok(())
            }
        }
        write!(Escaped(self), "{value}").expect("writing into a key does not fail, so only a `Display` can");
    }

    /// Begins a list: `[a,b]`. Tuples and the fields of a struct are lists too.
    pub fn list(&mut self) -> ListWriter<'_> {
        self.push_raw("[");
        ListWriter { key: self, first: true }
    }

    /// Writes an optional part: as it is, or `<none>`. Text never begins with `<`, so that they differ.
    pub fn push_option<T: KeyPart + ?Sized>(&mut self, part: Option<&T>) {
        let Some(part) = part else {
            return self.push_raw("<none>");
        };
        let start = self.bytes.len();
        part.write(self);
        // A `None` inside a `Some`: one more pair for each level.
        if self.bytes.as_slice().get(start) == Some(&b'<') {
            self.bytes.insert(start, b'<');
            self.push_raw(">");
        }
    }

    /// Writes text as it is: what a template says, or a part that cannot hold a separator.
    #[inline]
    pub fn push_raw(&mut self, text: &str) {
        self.bytes.push(text.as_bytes());
    }

    /// Writes an integer.
    #[inline]
    pub(super) fn push_integer(&mut self, integer: u64) {
        self.bytes.push_digits(integer);
    }

    /// Writes an integer that may be negative.
    #[inline]
    pub(super) fn push_signed(&mut self, integer: i64) {
        if integer < 0 {
            self.push_raw("-");
        }
        self.push_integer(integer.unsigned_abs());
    }

    /// Writes a hash of a value, for what is too long or too structured to read: 32 hexadecimal digits.
    ///
    /// It is BLAKE3 over all that the value serializes; what it does not serialize is not in the key.
    /// A value that fails to serialize makes the key [unusable](Self::is_unusable).
    pub fn push_hash<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        super::hash::push(value, self);
    }

    /// Whether a part could not be written: then nothing is read or stored under the key.
    #[inline]
    pub fn is_unusable(&self) -> bool {
        self.is_unusable
    }

    /// Notes that a part could not be written.
    pub(super) fn spoil(&mut self) {
        self.is_unusable = true;
    }

    pub(super) fn push_hex(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let digit = |four: u8| HEX[usize::from(four)].to_ascii_lowercase();
            self.bytes.push(&[digit(byte >> 4), digit(byte & 15)]);
        }
    }

    /// The key so far, as stores take it.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// All of it in a few words, and its length, if it is as short as that.
    #[inline(always)]
    pub(crate) fn words(&self) -> Option<Words> {
        let Bytes { inline, inline_len, heap } = &self.bytes;
        let (first, _) = inline.as_chunks().0.split_first_chunk::<{ SHORT_BYTES / 8 }>()?;
        // Past its end are zeros.
        let [a, b, c] = first.map(u64::from_le_bytes);
        let is_short = heap.is_none() && usize::from(*inline_len) < SHORT_BYTES;
        is_short.then_some([a, b, c | u64::from(*inline_len) << 56])
    }

    /// The key so far.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("only text is written into a key")
    }
}

impl Default for KeyBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Writes the items of a list; [`end`](Self::end) closes it.
#[derive(Debug)]
#[must_use = "a list must be ended"]
pub struct ListWriter<'a> {
    key: &'a mut KeyBuf,
    first: bool,
}

impl ListWriter<'_> {
    /// Writes one item.
    pub fn item<T: KeyPart + ?Sized>(mut self, item: &T) -> Self {
        if !std::mem::replace(&mut self.first, false) {
            self.key.push_raw(",");
        }
        let start = self.key.bytes.len();
        item.write(self.key);
        // An empty item must show: `[]` is a list of none. A bare `%` is never written otherwise.
        if self.key.bytes.len() == start {
            self.key.push_raw("%");
        }
        self
    }

    /// Ends the list.
    pub fn end(self) {
        self.key.push_raw("]");
    }
}

/// How many digits an integer has.
#[inline]
fn digits(integer: u64) -> usize {
    // As many as its bits times log10(2), or one more.
    let bits = u64::BITS - (integer | 1).leading_zeros();
    let less = (bits * 1233) >> 12;
    less as usize + usize::from(integer >= POWERS[less as usize])
}

/// The least integers that have more digits than that. Zero has one as well.
const POWERS: [u64; 20] = {
    let (mut powers, mut power) = ([0; 20], 1);
    let mut at = 1;
    while at < powers.len() {
        power *= 10;
        powers[at] = power;
        at += 1;
    }
    powers
};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The ASCII bytes that text may hold as they are. Others are looked at as characters.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = byte != b'%';
        byte += 1;
    }
    let separators = SEPARATORS.as_bytes();
    let mut at = 0;
    while at < separators.len() {
        plain[separators[at] as usize] = false;
        at += 1;
    }
    plain
};

fn is_plain(character: char) -> bool {
    match u8::try_from(character) {
        Ok(byte) if byte.is_ascii() => PLAIN[usize::from(byte)],
        _ => !character.is_control() && !character.is_whitespace(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        let mut key = KeyBuf::new();
        key.push_text(text);
        key.as_str().to_owned()
    }

    #[test]
    fn readable_text_stays_readable() {
        for plain in ["anna-lena_2.x@example.org", "Zoë", "日本語", "a(b)=c;d'e\"f!g#h$i&j+k^l`m~n"] {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn separators_controls_and_white_space_are_encoded() {
        assert_eq!(text("a:b,c/d|e%f"), "a%3Ab%2Cc%2Fd%7Ce%25f");
        assert_eq!(text("<>{}*?[]\\"), "%3C%3E%7B%7D%2A%3F%5B%5D%5C");
        assert_eq!(text(" \n\0\u{7f}\u{a0}\u{2028}"), "%20%0A%00%7F%C2%A0%E2%80%A8");
    }

    #[test]
    fn short_keys_differ_in_their_words_and_long_ones_have_none() {
        let mut words: Vec<Words> = Vec::new();
        for bytes in 0..SHORT_BYTES {
            for last in ["", "\0", "a"] {
                let mut key = KeyBuf::new();
                key.push_raw(&"k".repeat(bytes.saturating_sub(last.len())));
                key.push_raw(last);
                words.extend(key.words());
            }
        }
        // Of nothing and of one byte there are fewer that differ.
        let (all, mut differing) = (words.len(), words.clone());
        differing.sort_unstable();
        differing.dedup();
        assert_eq!((all, differing.len()), (3 * SHORT_BYTES, 3 * SHORT_BYTES - 2), "{words:x?}");
        let mut long = KeyBuf::new();
        long.push_raw(&"k".repeat(SHORT_BYTES));
        assert_eq!(long.words(), None);
        long.push_raw(&"k".repeat(INLINE_BYTES));
        assert_eq!(long.words(), None);
    }

    #[test]
    fn a_long_key_moves_to_the_heap_whole() {
        for bytes in [INLINE_BYTES - 1, INLINE_BYTES, INLINE_BYTES + 1, 10 * INLINE_BYTES] {
            let long = "x".repeat(bytes);
            assert_eq!(text(&long), long);
            let mut key = KeyBuf::new();
            key.push_raw("k");
            key.push_text(&long);
            key.push_option(Some(&None::<&str>));
            assert_eq!(key.as_str(), format!("k{long}<<none>>"));
        }
    }
}
