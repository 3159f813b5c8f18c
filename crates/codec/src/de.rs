//! A datum to serde, along the schema it was written with. Bounded by the cursor and by the depth
//! of the schema; it allocates nothing by itself.

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use crate::DatumError;
use crate::cursor::Cursor;
use crate::node::{Field, Node};

/// Reads one value where the schema says `node`.
pub(crate) struct DatumDeserializer<'a, 'de> {
    pub(crate) node: &'a Node,
    pub(crate) from: &'a mut Cursor<'de>,
}

impl DatumDeserializer<'_, '_> {
    /// Behind a union: the branch that was written.
    #[inline]
    fn branch(self) -> Result<Self, DatumError> {
        let Node::Union(branches) = self.node else { return Ok(self) };
        let index = self.from.index(branches.len())?;
        Ok(Self { node: &branches[index], from: self.from })
    }
}

impl<'de> Deserializer<'de> for DatumDeserializer<'_, 'de> {
    type Error = DatumError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DatumError> {
        let Self { node, from } = self;
        match node {
            Node::Null => visitor.visit_unit(),
            Node::Boolean => visitor.visit_bool(from.bool()?),
            Node::Int => visitor.visit_i32(from.int()?),
            Node::Long(_) => visitor.visit_i64(from.long()?),
            Node::Float => visitor.visit_f32(f32::from_le_bytes(from.array()?)),
            Node::Double => visitor.visit_f64(f64::from_le_bytes(from.array()?)),
            Node::Bytes { .. } => visitor.visit_borrowed_bytes(from.bytes()?),
            Node::String { .. } => visitor.visit_borrowed_str(from.str()?),
            Node::Fixed(fixed) => visitor.visit_borrowed_bytes(from.take(fixed.size)?),
            Node::Enum(words) => {
                visitor.visit_str(&words.symbols[from.index(words.symbols.len())?])
            }
            Node::Array(node) => visitor.visit_seq(Items { node, from, left: 0, done: false }),
            Node::Map(node) => visitor.visit_map(Items { node, from, left: 0, done: false }),
            Node::Union(_) => Self { node, from }.branch()?.deserialize_any(visitor),
            Node::Record(record) => visitor.visit_map(Fields { rest: &record.fields, from }),
        }
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DatumError> {
        match self.branch()? {
            Self { node: Node::Null, .. } => visitor.visit_none(),
            there => visitor.visit_some(there),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DatumError> {
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DatumError> {
        match self.branch()? {
            Self { node: Node::Record(record), from } => {
                visitor.visit_map(Fields { rest: &record.fields, from })
            }
            other => other.deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DatumError> {
        match self.branch()? {
            Self { node: Node::String { .. }, from } => visitor.visit_borrowed_str(from.str()?),
            other => other.deserialize_any(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DatumError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DatumError> {
        match self.branch()? {
            Self { node: Node::Enum(words), from } => {
                let word: StrDeserializer<'_, DatumError> =
                    words.symbols[from.index(words.symbols.len())?].as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            Self { node, .. } => Err(DatumError::new(format!(
                "the schema says {}, the event wants a word",
                node.kind()
            ))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

/// The fields of a record, in order.
struct Fields<'a, 'de> {
    rest: &'a [Field],
    from: &'a mut Cursor<'de>,
}

impl<'de> de::MapAccess<'de> for Fields<'_, 'de> {
    type Error = DatumError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DatumError> {
        let Some(field) = self.rest.first() else { return Ok(None) };
        let name: StrDeserializer<'_, DatumError> = field.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DatumError> {
        let Some((field, rest)) = self.rest.split_first() else {
            return Err(DatumError::new("a value was asked for behind the last field"));
        };
        self.rest = rest;
        seed.deserialize(DatumDeserializer { node: &field.node, from: self.from })
            .map_err(|error| error.in_field(&field.name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// The items of a list or the entries of a map.
struct Items<'a, 'de> {
    node: &'a Node,
    from: &'a mut Cursor<'de>,
    left: usize,
    done: bool,
}

impl Items<'_, '_> {
    fn more(&mut self) -> Result<bool, DatumError> {
        if self.left == 0 && !self.done {
            self.left = self.from.block()?;
            self.done = self.left == 0;
        }
        self.left = self.left.saturating_sub(1);
        Ok(!self.done)
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, 'de> {
    type Error = DatumError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DatumError> {
        if !self.more()? {
            return Ok(None);
        }
        seed.deserialize(DatumDeserializer { node: self.node, from: self.from }).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for Items<'_, 'de> {
    type Error = DatumError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DatumError> {
        if !self.more()? {
            return Ok(None);
        }
        seed.deserialize(DatumDeserializer { node: &Node::String { uuid: false }, from: self.from })
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DatumError> {
        seed.deserialize(DatumDeserializer { node: self.node, from: self.from })
    }
}
