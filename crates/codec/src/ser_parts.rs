//! The parts of a datum that hold others: items of lists and maps, fields of records. Not the values.

use serde::{Serialize, ser};

use crate::DatumError;
use crate::cursor::Output;
use crate::node::{Node, Record};
use crate::ser::DatumSerializer;

/// Writes the items of a list or a map as one block.
pub(crate) struct ItemSerializer<'a> {
    node: &'a Node,
    out: &'a mut Output,
    left: usize,
}

impl<'a> ItemSerializer<'a> {
    pub(crate) fn start(
        node: &'a Node,
        out: &'a mut Output,
        count: Option<usize>,
    ) -> Result<Self, DatumError> {
        let left = count
            .ok_or_else(|| DatumError::new("a list must know its length before it is written"))?;
        out.block(left)?;
        Ok(Self { node, out, left })
    }

    fn item<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), DatumError> {
        self.left =
            self.left.checked_sub(1).ok_or_else(|| DatumError::new("more items than announced"))?;
        value.serialize(DatumSerializer { node: self.node, out: self.out })
    }

    fn finish(self) -> Result<(), DatumError> {
        if self.left > 0 {
            return Err(DatumError::new(format!("{} items less than announced", self.left)));
        }
        // A list is blocks until an empty one.
        self.out.long(0);
        Ok(())
    }
}

impl ser::SerializeSeq for ItemSerializer<'_> {
    type Ok = ();
    type Error = DatumError;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), DatumError> {
        self.item(value)
    }

    fn end(self) -> Result<(), DatumError> {
        self.finish()
    }
}

impl ser::SerializeMap for ItemSerializer<'_> {
    type Ok = ();
    type Error = DatumError;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), DatumError> {
        key.serialize(DatumSerializer { node: &Node::String { uuid: false }, out: self.out })
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), DatumError> {
        self.item(value)
    }

    fn end(self) -> Result<(), DatumError> {
        self.finish()
    }
}

/// Writes the fields of a record in the schema's order, whatever the struct's order is.
pub(crate) struct RecordSerializer<'a> {
    record: &'a Record,
    out: &'a mut Output,
    next: usize,
    /// Fields that came before their turn.
    early: Vec<(usize, Vec<u8>)>,
}

impl<'a> RecordSerializer<'a> {
    #[inline]
    pub(crate) fn start(record: &'a Record, out: &'a mut Output) -> Self {
        Self { record, out, next: 0, early: Vec::new() }
    }

    #[cold]
    fn out_of_turn<T: ?Sized + Serialize>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), DatumError> {
        let at = self.record.fields.iter().skip(self.next).position(|field| field.name == key);
        let at = self.next
            + at.ok_or_else(|| {
                DatumError::new(format!("the schema has no field {key}, or twice"))
            })?;
        let written = std::mem::take(&mut self.out.bytes);
        let done =
            value.serialize(DatumSerializer { node: &self.record.fields[at].node, out: self.out });
        let early = std::mem::replace(&mut self.out.bytes, written);
        self.early.push((at, early));
        done.map_err(|error| error.in_field(key))
    }
}

impl ser::SerializeStruct for RecordSerializer<'_> {
    type Ok = ();
    type Error = DatumError;

    #[inline]
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), DatumError> {
        let Some(field) = self.record.fields.get(self.next).filter(|field| field.name == key)
        else {
            return self.out_of_turn(key, value);
        };
        value
            .serialize(DatumSerializer { node: &field.node, out: self.out })
            .map_err(|error| error.in_field(key))?;
        self.next += 1;
        while let Some(at) = self.early.iter().position(|(at, _)| *at == self.next) {
            self.out.bytes.extend_from_slice(&self.early.swap_remove(at).1);
            self.next += 1;
        }
        Ok(())
    }

    fn end(self) -> Result<(), DatumError> {
        match self.record.fields.get(self.next) {
            None => Ok(()),
            Some(field) => Err(DatumError::new(format!(
                "the event has no field {}, the schema has",
                field.name
            ))),
        }
    }
}
