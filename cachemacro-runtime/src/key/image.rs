//! The arguments of a call as they are in memory: what tells them apart before a text is written of them.
//!
//! Two calls of one function that have equal images write equal keys; whoever has found a value by the key may keep it
//! by the image. A part has an image if what it writes follows from its value alone. Each part is as long as its type
//! says, or says itself how long it is, so that no part is taken for the end of another.

/// Long enough for three ids, or for a name. What is longer has none.
const BYTES: usize = 24;

/// An image under construction: only the parts of this crate have something to add, and derived ones have them do it.
#[derive(Clone, Debug)]
pub struct Image {
    bytes: [u8; BYTES],
    /// How many of them; more than there are, if it is none.
    len: usize,
}

impl Image {
    /// That of no arguments.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub const fn new() -> Self {
        Self { bytes: [0; BYTES], len: 0 }
    }

    /// Adds which variant of an enum it is.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn push_variant(&mut self, index: u32) {
        self.push(index.to_ne_bytes());
    }

    /// Adds what is always as long.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn push<const N: usize>(&mut self, part: [u8; N]) {
        match self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut) {
            Some(place) => {
                *place = part;
                self.len += N;
            }
            None => self.spoil(),
        }
    }

    /// Adds text, after its length.
    #[inline]
    pub(super) fn push_text(&mut self, text: &str) {
        let end = self.len.saturating_add(1 + text.len());
        match self.bytes.get_mut(self.len..end) {
            // What fits is shorter than a byte can tell.
            Some([len, place @ ..]) => {
                *len = text.len() as u8;
                place.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            _ => self.spoil(),
        }
    }

    /// Says that there is none.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn spoil(&mut self) {
        self.len = usize::MAX;
    }

    /// The image, if there is one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn words(&self) -> Option<Words> {
        let words = self.bytes.as_chunks().0;
        (self.len <= BYTES).then(|| std::array::from_fn(|at| u64::from_ne_bytes(words[at])))
    }
}

/// A finished image: of one function, two that are equal are of equal parts.
pub(crate) type Words = [u64; BYTES / 8];

impl Default for Image {
    fn default() -> Self {
        Self::new()
    }
}
