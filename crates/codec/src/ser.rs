//! serde to a datum, field by field along the schema. Not for tuples or enums with content: events
//! have none.

use serde::{Serialize, Serializer, ser};

use crate::DatumError;
use crate::cursor::Output;
use crate::node::Node;
use crate::ser_parts::{ItemSerializer, RecordSerializer};

/// Writes one value where the schema expects `node`.
pub(crate) struct DatumSerializer<'a> {
    pub(crate) node: &'a Node,
    pub(crate) out: &'a mut Output,
}

impl<'a> DatumSerializer<'a> {
    /// The node that takes the value: this one, or the first branch of the union that does.
    #[inline]
    fn target(
        &mut self,
        takes: impl Fn(&Node) -> bool,
        what: &str,
    ) -> Result<&'a Node, DatumError> {
        let node = self.node;
        if takes(node) {
            return Ok(node);
        }
        if let Node::Union(branches) = node
            && let Some(index) = branches.iter().position(takes)
        {
            self.out.length(index);
            return Ok(&branches[index]);
        }
        Err(mismatch(node, what))
    }

    fn integer(mut self, long: i64) -> Result<(), DatumError> {
        let node =
            self.target(|node| matches!(node, Node::Int | Node::Long(_)), "a whole number")?;
        if matches!(node, Node::Int) && i32::try_from(long).is_err() {
            return Err(DatumError::new(format!(
                "{long} does not fit an int; the schema should say long"
            )));
        }
        self.out.long(long);
        Ok(())
    }
}

#[cold]
fn mismatch(node: &Node, what: &str) -> DatumError {
    DatumError::new(format!("the schema says {}, the event gives {what}", node.kind()))
}

macro_rules! integers {
    ($($method:ident($ty:ty))*) => {$(
        #[inline]
        fn $method(self, value: $ty) -> Result<(), DatumError> {
            self.integer(i64::from(value))
        }
    )*};
}

macro_rules! unsupported {
    ($($method:ident($($ty:ty),*) -> $out:ty = $what:literal;)*) => {$(
        fn $method(self, $(_: $ty),*) -> Result<$out, DatumError> {
            Err(mismatch(self.node, $what))
        }
    )*};
}

impl<'a> Serializer for DatumSerializer<'a> {
    type Ok = ();
    type Error = DatumError;
    type SerializeSeq = ItemSerializer<'a>;
    type SerializeTuple = ser::Impossible<(), DatumError>;
    type SerializeTupleStruct = ser::Impossible<(), DatumError>;
    type SerializeTupleVariant = ser::Impossible<(), DatumError>;
    type SerializeMap = ItemSerializer<'a>;
    type SerializeStruct = RecordSerializer<'a>;
    type SerializeStructVariant = ser::Impossible<(), DatumError>;

    fn is_human_readable(&self) -> bool {
        false
    }

    integers! { serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) }

    unsupported! {
        serialize_tuple(usize) -> Self::SerializeTuple = "a tuple";
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct = "a tuple";
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant = "an enum with content";
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant = "an enum with content";
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), DatumError> {
        Err(mismatch(self.node, "an enum with content"))
    }

    fn serialize_u64(self, value: u64) -> Result<(), DatumError> {
        let long = i64::try_from(value)
            .map_err(|_| DatumError::new(format!("{value} does not fit a long")))?;
        self.integer(long)
    }

    fn serialize_bool(mut self, value: bool) -> Result<(), DatumError> {
        self.target(|node| matches!(node, Node::Boolean), "a boolean")?;
        self.out.bytes.push(u8::from(value));
        Ok(())
    }

    fn serialize_f32(mut self, value: f32) -> Result<(), DatumError> {
        self.target(|node| matches!(node, Node::Float), "a float")?;
        self.out.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_f64(mut self, value: f64) -> Result<(), DatumError> {
        self.target(|node| matches!(node, Node::Double), "a double")?;
        self.out.bytes.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), DatumError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(mut self, value: &str) -> Result<(), DatumError> {
        match self.target(|node| matches!(node, Node::String { .. } | Node::Enum(_)), "text")? {
            Node::Enum(words) => {
                let index = words.symbols.iter().position(|symbol| symbol == value);
                let unknown =
                    || DatumError::new(format!("enum {} does not have this word", words.name));
                self.out.length(index.ok_or_else(unknown)?);
                return Ok(());
            }
            Node::String { uuid: true } if uuid::Uuid::try_parse(value).is_err() => {
                return Err(DatumError::new("the schema says uuid, the text is not one"));
            }
            _ => {}
        }
        self.out.blob(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(mut self, value: &[u8]) -> Result<(), DatumError> {
        match self.target(|node| matches!(node, Node::Bytes { .. } | Node::Fixed(_)), "bytes")? {
            Node::Fixed(fixed) if fixed.size == value.len() => {
                self.out.bytes.extend_from_slice(value);
            }
            Node::Fixed(fixed) => {
                let why =
                    format!("fixed {} has {} bytes, not {}", fixed.name, fixed.size, value.len());
                return Err(DatumError::new(why));
            }
            _ => self.out.blob(value),
        }
        Ok(())
    }

    fn serialize_none(self) -> Result<(), DatumError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), DatumError> {
        match self.node {
            Node::Union(branches) => {
                if let [Node::Null, node] | [node, Node::Null] = &**branches {
                    self.out.length(usize::from(matches!(branches[0], Node::Null)));
                    return value.serialize(DatumSerializer { node, out: self.out });
                }
                value.serialize(self)
            }
            node => Err(mismatch(node, "an optional value")),
        }
    }

    fn serialize_unit(mut self) -> Result<(), DatumError> {
        self.target(|node| matches!(node, Node::Null), "nothing").map(|_| ())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), DatumError> {
        Err(mismatch(self.node, "nothing"))
    }

    fn serialize_unit_variant(
        mut self,
        _: &'static str,
        index: u32,
        word: &'static str,
    ) -> Result<(), DatumError> {
        let Node::Enum(words) = self.target(|node| matches!(node, Node::Enum(_)), "a word")? else {
            return self.serialize_str(word);
        };
        let same = |at: &usize| words.symbols.get(*at).is_some_and(|symbol| symbol == word);
        let at = usize::try_from(index).ok().filter(same);
        let at = at.or_else(|| words.symbols.iter().position(|symbol| symbol == word));
        self.out.length(
            at.ok_or_else(|| DatumError::new(format!("enum {} has no word {word}", words.name)))?,
        );
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), DatumError> {
        value.serialize(self)
    }

    fn serialize_seq(mut self, count: Option<usize>) -> Result<Self::SerializeSeq, DatumError> {
        let Node::Array(node) = self.target(|node| matches!(node, Node::Array(_)), "a list")?
        else {
            return Err(mismatch(self.node, "a list"));
        };
        ItemSerializer::start(node, self.out, count)
    }

    fn serialize_map(mut self, count: Option<usize>) -> Result<Self::SerializeMap, DatumError> {
        let Node::Map(node) = self.target(|node| matches!(node, Node::Map(_)), "a map")? else {
            return Err(mismatch(self.node, "a map"));
        };
        ItemSerializer::start(node, self.out, count)
    }

    #[inline]
    fn serialize_struct(
        mut self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, DatumError> {
        let Node::Record(record) = self.target(|node| matches!(node, Node::Record(_)), name)?
        else {
            return Err(mismatch(self.node, name));
        };
        Ok(RecordSerializer::start(record, self.out))
    }
}
