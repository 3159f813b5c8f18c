//! Decodes values as they lie on Kafka with `schema_registry_converter`, a client of Confluent's registries
//! that knows nothing of us. A program of its own, so that nobody else is built with its libraries. Not a
//! part of the product: a test runs it.
//!
//! `foreign-client REGISTRY` takes a value a line, in hexadecimal digits, and prints for each the name of
//! its schema and what it holds, as JSON.

use std::io::BufRead as _;

use apache_avro::types::Value;
use schema_registry_converter::async_impl::avro::AvroDecoder;
use schema_registry_converter::async_impl::schema_registry::SrSettings;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "what was decoded is what is asked for")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = std::env::args().nth(1).ok_or("usage: foreign-client REGISTRY < VALUES")?;
    let decoder = AvroDecoder::new(SrSettings::new(registry));
    for line in std::io::stdin().lock().lines() {
        let bytes = bytes(&line?).ok_or("a value is a line of hexadecimal digits")?;
        let answer = decoder.decode(Some(&bytes)).await?;
        let name = answer.name.map(|name| name.fullname(None));
        let Value::Record(_) = &answer.value else { return Err("a value is no record".into()) };
        let value: serde_json::Value = answer.value.try_into()?;
        println!("{}", serde_json::json!({ "schema": name, "value": value }));
    }
    Ok(())
}

fn bytes(line: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = line.chars().map(|it| it.to_digit(16)).collect();
    digits?.chunks(2).map(|two| u8::try_from(two.first()? * 16 + two.get(1)?).ok()).collect()
}
