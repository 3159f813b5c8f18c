//! Names of a schema that are computed from it alone: nobody has to hand them out. Not its subject.

use std::collections::HashSet;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::node::Node;

/// The parsing canonical form, as Avro's Java implementation writes it. Not apache-avro's: that one
/// (0.22) writes a primitive with a logical type as `{"type":"long"}` where Java writes `"long"`, and
/// a fingerprint in the log must be the one that other languages compute.
pub(crate) fn canonical(node: &Node) -> String {
    let mut out = String::new();
    write(node, &mut HashSet::new(), &mut out);
    out
}

/// Appends one type; a named one in full only where it is first met.
fn write<'a>(node: &'a Node, named: &mut HashSet<&'a str>, out: &mut String) {
    let mut list = |items: &mut dyn Iterator<Item = &'a Node>, out: &mut String| {
        for (at, item) in items.enumerate() {
            out.push_str(if at > 0 { "," } else { "" });
            write(item, named, out);
        }
    };
    match node {
        Node::Array(items) => {
            out.push_str(r#"{"type":"array","items":"#);
            list(&mut std::iter::once(&**items), out);
            out.push('}');
        }
        Node::Map(values) => {
            out.push_str(r#"{"type":"map","values":"#);
            list(&mut std::iter::once(&**values), out);
            out.push('}');
        }
        Node::Union(branches) => {
            out.push('[');
            list(&mut branches.iter(), out);
            out.push(']');
        }
        node => match node.name() {
            None => {
                let _ = write!(out, "\"{}\"", node.primitive());
            }
            Some(name) if !named.insert(name) => {
                let _ = write!(out, "\"{name}\"");
            }
            Some(name) => define(node, name, named, out),
        },
    }
}

fn define<'a>(node: &'a Node, name: &str, named: &mut HashSet<&'a str>, out: &mut String) {
    let _ = write!(out, r#"{{"name":"{name}","type":"{}","#, node.kind());
    match node {
        Node::Fixed(fixed) => {
            let _ = write!(out, r#""size":{}}}"#, fixed.size);
        }
        Node::Enum(words) => {
            let _ = write!(out, r#""symbols":["{}"]}}"#, words.symbols.join(r#"",""#));
        }
        Node::Record(record) => {
            out.push_str(r#""fields":["#);
            for (at, field) in record.fields.iter().enumerate() {
                let comma = if at > 0 { "," } else { "" };
                let _ = write!(out, r#"{comma}{{"name":"{}","type":"#, field.name);
                write(&field.node, named, out);
                out.push('}');
            }
            out.push_str("]}");
        }
        _ => {}
    }
}

/// CRC-64-AVRO (Avro specification, "Schema Fingerprints") of a parsing canonical form.
///
/// ```
/// assert_eq!(codec::crc64_avro(br#""int""#), 0x7275_d51a_3f39_5c8f);
/// ```
pub fn crc64_avro(canonical: &[u8]) -> u64 {
    canonical
        .iter()
        .fold(EMPTY, |sum, byte| (sum >> 8) ^ TABLE[((sum ^ u64::from(*byte)) & 0xff) as usize])
}

/// The id of a schema in the Confluent wire format: the first four bytes of the SHA-256 of its
/// parsing canonical form, big endian, without the sign; never 0. Every installation gives the same
/// schema the same id, so none needs a registry.
pub fn schema_id(canonical: &[u8]) -> u32 {
    let hash = Sha256::digest(canonical);
    let id = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) & 0x7fff_ffff;
    id.max(1)
}

const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = at as u64;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ (EMPTY & (sum & 1).wrapping_neg());
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
};
