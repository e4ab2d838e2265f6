//! JSON from somebody who is not trusted: each key comes once, and numbers are whole and read alike everywhere.
//!
//! Not here: what the members mean (`message`).

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Greatest whole number up to which every reader of JSON is exact (RFC 8259, section 6).
pub const INTEGER_MAX: u64 = 1 << 53;

/// The member whose inside is the device's own protocol, whose numbers take all 64 bits.
const PAYLOAD: &str = "p";

/// The value that a text stands for.
///
/// # Errors
/// When it is no JSON, a key comes twice in an object, or a number outside of `p` is negative, broken or above
/// [`INTEGER_MAX`].
pub fn parse(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { payload: false }.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reads one value, within `p` or not.
#[derive(Clone, Copy)]
struct Strict {
    payload: bool,
}

impl Strict {
    fn number<E: Error>(self, number: Number) -> Result<Value, E> {
        if self.payload || number.as_u64().is_some_and(|it| it <= INTEGER_MAX) {
            return Ok(Value::Number(number));
        }
        Err(E::custom(format!("{number} is no whole number from 0 to 2^53")))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.number(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.number(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        self.number(number.ok_or_else(|| E::custom("a number is not finite"))?)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` comes twice")));
            }
            let inside = Self { payload: self.payload || key == PAYLOAD };
            let value = members.next_value_seed(inside)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let read = parse(text).map(|it| it.to_string()).map_err(|it| it.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text}");
    }

    #[test]
    fn keys_come_once_and_numbers_are_whole() {
        check(r#"{"a":[1,true,null,"x"]}"#, Ok(r#"{"a":[1,true,null,"x"]}"#));
        check(r#"{"a":9007199254740992}"#, Ok(r#"{"a":9007199254740992}"#));
        let p = r#"{"p":{"draft":18446744073709551615,"by":-1}}"#;
        check(p, Ok(r#"{"p":{"by":-1,"draft":18446744073709551615}}"#));
        let twice = "the key `a` comes twice at line 1 column 10";
        check(r#"{"a":1,"a":1}"#, Err(twice));
        check(r#"{"p":{"b":1,"b":1}}"#, Err("the key `b` comes twice at line 1 column 15"));
        let above = "9007199254740993 is no whole number from 0 to 2^53 at line 1 column 21";
        check(r#"{"a":9007199254740993}"#, Err(above));
        check(r#"{"a":-1}"#, Err("-1 is no whole number from 0 to 2^53 at line 1 column 7"));
        check(r#"{"a":1.5}"#, Err("1.5 is no whole number from 0 to 2^53 at line 1 column 8"));
        check("1 2", Err("trailing characters at line 1 column 3"));
    }
}
