//! Reading with names: every item is read as a field of `wire.cddl`, and an observer may watch.
//!
//! One grammar thus serves decoding (the observer `()` costs nothing), errors and descriptions.
//! Not here: which fields there are (`decode`, `header`, `record`, `body`).

use crate::base::cbor::{CborError, Reader};
use crate::base::id::{Epoch, Hash32, UserId};
use crate::base::time::Millis;
use crate::wire::error::{DecodeError, Rule};

/// What was read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Uint(u64),
    /// Wall time in milliseconds.
    Time(u64),
    /// A number with a name from a closed set.
    Code(u64, &'static str),
    Bytes(&'a [u8]),
    /// An octet string whose items follow.
    Embedded(usize),
    Text(&'a str),
    Array(u64),
    Null,
    EmptyMap,
}

/// Where an item was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) field: &'static str,
    pub(super) offset: usize,
    /// Arrays and embeddings around it.
    pub(super) depth: usize,
}

/// Is told of every item in the order of the octets.
pub(super) trait Observer {
    fn item(&mut self, place: Place, item: Item<'_>);
}

impl Observer for () {
    fn item(&mut self, _: Place, _: Item<'_>) {}
}

/// Reads fields one after another.
pub(super) struct Fields<'a, 'o, O> {
    reader: Reader<'a>,
    /// Offset of this input in the outermost one.
    base: usize,
    /// Arrays and embeddings around this input.
    level: usize,
    observer: &'o mut O,
}

impl<'a, 'o, O: Observer> Fields<'a, 'o, O> {
    pub(super) fn new(octets: &'a [u8], observer: &'o mut O) -> Self {
        Self { reader: Reader::new(octets), base: 0, level: 0, observer }
    }

    pub(super) fn uint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.item(field, Reader::uint, |value| Item::Uint(*value))
    }

    pub(super) fn millis(&mut self, field: &'static str) -> Result<Millis, DecodeError> {
        self.item(field, Reader::uint, |value| Item::Time(*value)).map(Millis)
    }

    pub(super) fn epoch(&mut self, field: &'static str) -> Result<Epoch, DecodeError> {
        self.uint(field).map(Epoch)
    }

    pub(super) fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        self.item(field, Reader::bytes, |octets| Item::Bytes(octets))
    }

    pub(super) fn fixed<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        self.item(field, Reader::fixed, |octets| Item::Bytes(octets))
    }

    pub(super) fn hash(&mut self, field: &'static str) -> Result<Hash32, DecodeError> {
        self.fixed(field).map(Hash32)
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        self.item(field, Reader::text, |text| Item::Text(text))
    }

    pub(super) fn user(&mut self, field: &'static str) -> Result<UserId, DecodeError> {
        let place = self.place(field);
        let text = self.text(field)?;
        UserId::new(text).map_err(|error| place.error(Rule::User(error)))
    }

    /// The number of this version of something.
    pub(super) fn constant(
        &mut self,
        field: &'static str,
        expected: u64,
    ) -> Result<(), DecodeError> {
        let place = self.place(field);
        let got = self.uint(field)?;
        if got == expected { Ok(()) } else { Err(place.error(Rule::Constant { expected, got })) }
    }

    /// The label that separates one use of a signature from another.
    pub(super) fn label(
        &mut self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<(), DecodeError> {
        let place = self.place(field);
        let got = self.text(field)?;
        if got == expected { Ok(()) } else { Err(place.error(Rule::Exactly(expected))) }
    }

    /// An octet string with one value only, which errors show as `shown`.
    pub(super) fn exactly(
        &mut self,
        field: &'static str,
        expected: &[u8],
        shown: &'static str,
    ) -> Result<(), DecodeError> {
        let place = self.place(field);
        let got = self.bytes(field)?;
        if got == expected { Ok(()) } else { Err(place.error(Rule::Exactly(shown))) }
    }

    /// The map without entries.
    pub(super) fn empty_map(&mut self, field: &'static str) -> Result<(), DecodeError> {
        self.item(field, Reader::empty_map, |()| Item::EmptyMap)
    }

    /// A member of a closed set.
    pub(super) fn code<T: Copy>(
        &mut self,
        field: &'static str,
        find: impl FnOnce(u64) -> Option<T>,
        name: impl FnOnce(T) -> &'static str,
    ) -> Result<T, DecodeError> {
        let place = self.place(field);
        let number = self.read(field, Reader::uint)?;
        let code = find(number).ok_or_else(|| place.error(Rule::Unassigned(number)))?;
        self.observer.item(place, Item::Code(number, name(code)));
        Ok(code)
    }

    /// No (0) or yes (1).
    pub(super) fn flag(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        let find = |number| match number {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        };
        self.code(field, find, |yes| if yes { "yes" } else { "no" })
    }

    /// The start of an array of exactly `arity` items, which follow.
    pub(super) fn array(&mut self, field: &'static str, arity: u64) -> Result<(), DecodeError> {
        let read = |reader: &mut Reader<'a>| reader.array(arity);
        self.item(field, read, |()| Item::Array(arity))
    }

    /// The start of an array of at most `max` items, which follow; returns how many.
    pub(super) fn list(&mut self, field: &'static str, max: u64) -> Result<u64, DecodeError> {
        let place = self.place(field);
        let got = self.item(field, Reader::array_any, |len| Item::Array(*len))?;
        if got <= max { Ok(got) } else { Err(place.error(Rule::TooMany { max, got })) }
    }

    /// Whether `null` is here; if so it is consumed.
    pub(super) fn null(&mut self, field: &'static str) -> bool {
        let place = self.place(field);
        let is_null = self.reader.null();
        if is_null {
            self.observer.item(place, Item::Null);
        }
        is_null
    }

    /// `null`, or what `read` reads.
    pub(super) fn optional<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.null(field) { Ok(None) } else { read(self, field).map(Some) }
    }

    /// An octet string that holds exactly what `read` reads.
    pub(super) fn embedded<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Fields<'a, '_, O>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let place = self.place(field);
        let octets = self.read(field, Reader::bytes)?;
        self.observer.item(place, Item::Embedded(octets.len()));
        let mut inner = Fields {
            reader: Reader::new(octets),
            base: self.base + self.reader.offset() - octets.len(),
            level: place.depth + 1,
            observer: &mut *self.observer,
        };
        let value = read(&mut inner)?;
        inner.end(field)?;
        Ok(value)
    }

    /// The end of the input.
    pub(super) fn end(&self, field: &'static str) -> Result<(), DecodeError> {
        self.reader.end().map_err(|error| self.located(field, error))
    }

    /// The place of the next item.
    pub(super) fn place(&self, field: &'static str) -> Place {
        Place {
            field,
            offset: self.base + self.reader.offset(),
            depth: self.level + self.reader.depth(),
        }
    }

    fn item<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>,
        item: impl FnOnce(&T) -> Item<'_>,
    ) -> Result<T, DecodeError> {
        let place = self.place(field);
        let value = self.read(field, read)?;
        self.observer.item(place, item(&value));
        Ok(value)
    }

    fn read<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, CborError>,
    ) -> Result<T, DecodeError> {
        read(&mut self.reader).map_err(|error| self.located(field, error))
    }

    const fn located(&self, field: &'static str, error: CborError) -> DecodeError {
        DecodeError { offset: self.base + error.offset, field, rule: Rule::Cbor(error.reason) }
    }
}

impl Place {
    /// The error that the item here breaks `rule`.
    pub(super) const fn error(self, rule: Rule) -> DecodeError {
        DecodeError { offset: self.offset, field: self.field, rule }
    }
}

/// Reads a whole input of at most `max` octets, watched by `observer`.
pub(super) fn read_all<'a, T, O: Observer>(
    octets: &'a [u8],
    (field, max): (&'static str, usize),
    observer: &mut O,
    read: impl FnOnce(&mut Fields<'a, '_, O>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let got = octets.len();
    if got > max {
        return Err(DecodeError { offset: max, field, rule: Rule::TooBig { max, got } });
    }
    let mut fields = Fields::new(octets, observer);
    let value = read(&mut fields)?;
    fields.end(field)?;
    Ok(value)
}

/// Reads a whole input. What was read encodes to the octets that it was read from: the rules of reading leave
/// nothing else, which builds with assertions hold every input against.
pub(super) fn decode_strictly<'a, T>(
    octets: &'a [u8],
    (field, max): (&'static str, usize),
    read: impl FnOnce(&mut Fields<'a, '_, ()>) -> Result<T, DecodeError>,
    encode: impl FnOnce(&T) -> Vec<u8>,
) -> Result<T, DecodeError> {
    let value = read_all(octets, (field, max), &mut (), read)?;
    debug_assert_eq!(encode(&value), octets, "{field}: a rule lets through what nobody writes");
    Ok(value)
}
