//! The subset of deterministic CBOR (RFC 8949, 4.2.1) that the protocol uses, strict in both
//! directions.
//!
//! Unsigned integers, octet strings, text, arrays, `null`, the empty map that COSE asks for, and a
//! tag-free nesting of at most [`DEPTH_MAX`]. Not here: other maps, tags, floats, negative numbers,
//! indefinite lengths: the reader refuses them.

/// Deepest nesting of arrays (protocol 4.6).
pub const DEPTH_MAX: usize = 4;

/// Why octets are not the CBOR expected, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("octet {offset}: {reason}")]
pub struct CborError {
    /// Offset of the item at fault from the start of the input.
    pub offset: usize,
    /// The rule that it breaks.
    pub reason: CborReason,
}

/// A rule of the strict encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborReason {
    /// The input ends inside an item.
    #[error("the input ends inside an item")]
    Truncated,
    /// Octets follow the last item.
    #[error("octets follow the last item")]
    Trailing,
    /// An integer or length is not in its shortest form.
    #[error("an integer or length is not in its shortest form")]
    NotShortest,
    /// Indefinite length.
    #[error("indefinite lengths are not allowed")]
    Indefinite,
    /// Another kind of item was expected.
    #[error("expected {expected}, got {got}")]
    Kind {
        /// What the place takes.
        expected: &'static str,
        /// What is there.
        got: &'static str,
    },
    /// An array of another length was expected.
    #[error("expected an array of {expected}, got one of {got}")]
    Arity {
        /// Items that the place takes.
        expected: u64,
        /// Items announced.
        got: u64,
    },
    /// A string of another length was expected.
    #[error("expected {expected} octets, got {got}")]
    Length {
        /// Octets that the place takes.
        expected: u64,
        /// Octets announced.
        got: u64,
    },
    /// Arrays inside arrays beyond [`DEPTH_MAX`].
    #[error("arrays are nested deeper than 4")]
    TooDeep,
    /// A value outside its closed set or range.
    #[error("{0}")]
    Value(&'static str),
}

/// Writes items one after another; arrays announce their length first.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    octets: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `octets`.
    #[must_use]
    pub fn with_capacity(octets: usize) -> Self {
        Self { octets: Vec::with_capacity(octets) }
    }

    /// A writer that writes into memory that was used before; what it held is gone.
    #[must_use]
    pub fn reusing(mut octets: Vec<u8>) -> Self {
        octets.clear();
        Self { octets }
    }

    /// The octets written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.octets
    }

    /// An unsigned integer.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        self.head(0, value)
    }

    /// An octet string.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.head(2, value.len() as u64).octets.extend_from_slice(value);
        self
    }

    /// A text string.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.head(3, value.len() as u64).octets.extend_from_slice(value.as_bytes());
        self
    }

    /// The start of an array of `len` items, which follow.
    pub fn array(&mut self, len: u64) -> &mut Self {
        self.head(4, len)
    }

    /// `null`.
    pub fn null(&mut self) -> &mut Self {
        self.octets.push(0xf6);
        self
    }

    /// The map without entries.
    pub fn empty_map(&mut self) -> &mut Self {
        self.head(5, 0)
    }

    /// An octet string that holds what `write` writes.
    pub fn embedded(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.octets.len();
        write(self);
        let end = self.octets.len();
        // The head depends on the length, so it comes last and is turned to the front.
        self.head(2, (end - start) as u64);
        let head = self.octets.len() - end;
        self.octets[start..].rotate_right(head);
        self
    }

    /// Octets that are CBOR already.
    pub fn raw(&mut self, encoded: &[u8]) -> &mut Self {
        self.octets.extend_from_slice(encoded);
        self
    }

    #[inline]
    fn head(&mut self, major: u8, value: u64) -> &mut Self {
        match value {
            short @ 0..=23 => self.octets.push(major << 5 | short.to_le_bytes()[0]),
            _ => self.long_head(major << 5, value),
        }
        self
    }

    /// A head whose value needs octets of its own.
    fn long_head(&mut self, major: u8, value: u64) {
        let be = value.to_be_bytes();
        match value {
            0..=0xff => self.octets.extend_from_slice(&[major | 24, be[7]]),
            0x100..=0xffff => self.octets.extend_from_slice(&[major | 25, be[6], be[7]]),
            0x1_0000..=0xffff_ffff => {
                self.octets.push(major | 26);
                self.octets.extend_from_slice(&be[4..]);
            }
            _ => {
                self.octets.push(major | 27);
                self.octets.extend_from_slice(&be);
            }
        }
    }
}

/// Reads items one after another and refuses whatever [`Writer`] would not have written.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    octets: &'a [u8],
    offset: usize,
    /// Items still to come in each open array, outermost first.
    open: [u64; DEPTH_MAX],
    /// How many arrays are open.
    depth: usize,
}

impl<'a> Reader<'a> {
    /// From the first octet.
    #[must_use]
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets, offset: 0, open: [0; DEPTH_MAX], depth: 0 }
    }

    /// Offset of the next item.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// How many arrays are open around the next item.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The error `reason` at the next item.
    #[must_use]
    pub const fn error(&self, reason: CborReason) -> CborError {
        CborError { offset: self.offset, reason }
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        let (value, after) = self.head(0, "an unsigned integer")?;
        self.offset = after;
        self.item_done();
        Ok(value)
    }

    /// An octet string.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        self.string(2, "an octet string")
    }

    /// An octet string of exactly `N` octets.
    ///
    /// # Errors
    /// When the next item is anything else.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let offset = self.offset;
        let octets = self.bytes()?;
        let (expected, got) = (N as u64, octets.len() as u64);
        let reason = CborReason::Length { expected, got };
        octets.try_into().map_err(|_| CborError { offset, reason })
    }

    /// A text string of ASCII or UTF-8.
    ///
    /// # Errors
    /// When the next item is anything else or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let offset = self.offset;
        let octets = self.string(3, "a text string")?;
        let reason = CborReason::Value("a text string is not UTF-8");
        std::str::from_utf8(octets).map_err(|_| CborError { offset, reason })
    }

    /// The start of an array of any length; returns the length.
    ///
    /// # Errors
    /// When the next item is no array, or nested too deep, or longer than the input could hold.
    pub fn array_any(&mut self) -> Result<u64, CborError> {
        let (len, after) = self.head(4, "an array")?;
        if self.depth >= DEPTH_MAX {
            return Err(self.error(CborReason::TooDeep));
        }
        if len > (self.octets.len() - after) as u64 {
            return Err(self.error(CborReason::Truncated));
        }
        self.offset = after;
        if len == 0 {
            self.item_done();
        } else {
            self.open[self.depth] = len;
            self.depth += 1;
        }
        Ok(len)
    }

    /// The start of an array of exactly `len` items.
    ///
    /// # Errors
    /// As [`Self::array_any`], or when the length is another.
    pub fn array(&mut self, len: u64) -> Result<(), CborError> {
        let offset = self.offset;
        let got = self.array_any()?;
        let reason = CborReason::Arity { expected: len, got };
        if got == len { Ok(()) } else { Err(CborError { offset, reason }) }
    }

    /// Whether the next item is `null`; if so it is consumed.
    pub fn null(&mut self) -> bool {
        let is_null = self.octets.get(self.offset) == Some(&0xf6);
        if is_null {
            self.offset += 1;
            self.item_done();
        }
        is_null
    }

    /// The map without entries.
    ///
    /// # Errors
    /// When the next item is anything else, a map with entries included.
    pub fn empty_map(&mut self) -> Result<(), CborError> {
        let (entries, after) = self.head(5, "an empty map")?;
        if entries > 0 {
            return Err(self.error(CborReason::Value("the map has entries")));
        }
        self.offset = after;
        self.item_done();
        Ok(())
    }

    /// The end of the input.
    ///
    /// # Errors
    /// When octets are left.
    pub fn end(&self) -> Result<(), CborError> {
        if self.offset == self.octets.len() {
            Ok(())
        } else {
            Err(self.error(CborReason::Trailing))
        }
    }

    fn string(&mut self, major: u8, expected: &'static str) -> Result<&'a [u8], CborError> {
        let (len, after) = self.head(major, expected)?;
        let len = usize::try_from(len).map_err(|_| self.error(CborReason::Truncated))?;
        let end = after.checked_add(len).filter(|end| *end <= self.octets.len());
        let end = end.ok_or_else(|| self.error(CborReason::Truncated))?;
        self.offset = end;
        self.item_done();
        Ok(&self.octets[after..end])
    }

    /// Value and offset after the head of the next item, which must be of this major type.
    fn head(&self, major: u8, expected: &'static str) -> Result<(u64, usize), CborError> {
        const KINDS: [&str; 8] = [
            "an unsigned integer",
            "a negative integer",
            "an octet string",
            "a text string",
            "an array",
            "a map",
            "a tag",
            "a simple value or float",
        ];
        let first =
            *self.octets.get(self.offset).ok_or_else(|| self.error(CborReason::Truncated))?;
        if first >> 5 != major {
            let got = KINDS[usize::from(first >> 5)];
            return Err(self.error(CborReason::Kind { expected, got }));
        }
        let (width, least) = match first & 31 {
            short @ 0..=23 => return Ok((u64::from(short), self.offset + 1)),
            24 => (1, 24),
            25 => (2, 0x100),
            26 => (4, 0x1_0000),
            27 => (8, 0x1_0000_0000),
            31 => return Err(self.error(CborReason::Indefinite)),
            _ => return Err(self.error(CborReason::Value("a reserved length code"))),
        };
        let start = self.offset + 1;
        let octets = self.octets.get(start..start + width);
        let octets = octets.ok_or_else(|| self.error(CborReason::Truncated))?;
        let value = octets.iter().fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
        if value < least {
            return Err(self.error(CborReason::NotShortest));
        }
        Ok((value, start + width))
    }

    /// Closes every array that this item completes.
    fn item_done(&mut self) {
        while self.depth > 0 {
            let left = &mut self.open[self.depth - 1];
            *left -= 1;
            if *left > 0 {
                break;
            }
            self.depth -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_their_shortest_form_only() {
        for value in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let octets = {
                let mut w = Writer::new();
                w.uint(value);
                w.finish()
            };
            assert_eq!(Reader::new(&octets).uint(), Ok(value));
        }
        for long in [
            &[0x18, 0x05][..],
            &[0x19, 0, 24],
            &[0x1a, 0, 0, 1, 0],
            &[0x1b, 0, 0, 0, 0, 1, 0, 0, 0],
        ] {
            assert_eq!(
                Reader::new(long).uint().map_err(|e| e.reason),
                Err(CborReason::NotShortest)
            );
        }
    }

    #[test]
    fn depth_counts_open_arrays_only() {
        let flat = [0x82, 0x81, 0x00, 0x81, 0x00];
        let mut reader = Reader::new(&flat);
        assert_eq!(reader.array(2), Ok(()));
        for _ in 0..2 {
            assert_eq!(reader.array(1), Ok(()));
            assert_eq!(reader.uint(), Ok(0));
        }
        assert_eq!(reader.end(), Ok(()));
        let deep = [0x81, 0x81, 0x81, 0x81, 0x81, 0x00];
        let mut reader = Reader::new(&deep);
        for _ in 0..DEPTH_MAX {
            assert_eq!(reader.array(1), Ok(()));
        }
        assert_eq!(reader.array(1).map_err(|e| e.reason), Err(CborReason::TooDeep));
    }

    #[test]
    fn embedded_items_take_the_head_of_their_length() {
        for len in [0, 20, 23, 24, 255, 256, 70_000] {
            let content = vec![7; len];
            let mut plain = Writer::new();
            plain.uint(1).bytes(&content);
            let mut embedded = Writer::with_capacity(8);
            embedded.uint(1).embedded(|w| {
                w.raw(&content);
            });
            assert_eq!(embedded.finish(), plain.finish(), "{len}");
        }
    }

    #[test]
    fn only_the_empty_map_is_a_map() {
        let octets = {
            let mut w = Writer::new();
            w.array(2).empty_map().uint(3);
            w.finish()
        };
        let mut reader = Reader::new(&octets);
        assert_eq!(reader.array(2), Ok(()));
        assert_eq!(reader.empty_map(), Ok(()));
        assert_eq!((reader.depth(), reader.uint()), (1, Ok(3)));
        assert_eq!((reader.depth(), reader.end()), (0, Ok(())));
        let entries = Reader::new(&[0xa1, 0, 0]).empty_map().map_err(|e| e.to_string());
        assert_eq!(entries, Err("octet 0: the map has entries".to_owned()));
    }

    #[test]
    fn other_kinds_are_named() {
        let error = Reader::new(&[0xa0]).uint().map_err(|e| e.to_string());
        assert_eq!(error, Err("octet 0: expected an unsigned integer, got a map".to_owned()));
        assert_eq!(Reader::new(&[0x5f]).bytes().map_err(|e| e.reason), Err(CborReason::Indefinite));
        assert_eq!(
            Reader::new(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255])
                .array_any()
                .map_err(|e| e.reason),
            Err(CborReason::Truncated)
        );
    }
}
