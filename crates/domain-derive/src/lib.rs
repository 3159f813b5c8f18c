//! Derive macros of the domain contract. Not a framework: each writes out the one obvious
//! implementation of a trait of `domain`, which documents them with examples.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

mod describe;
mod event;
mod row;
mod word;

/// Derives `domain::EventSet` for an enum of events.
#[proc_macro_derive(EventSet, attributes(event))]
pub fn event_set(input: TokenStream) -> TokenStream {
    finish(event::expand(&parse_macro_input!(input as DeriveInput)))
}

/// Derives `domain::Row` for a struct of columns.
#[proc_macro_derive(Row, attributes(row))]
pub fn row(input: TokenStream) -> TokenStream {
    finish(row::expand(&parse_macro_input!(input as DeriveInput)))
}

/// Derives `domain::Describe` for a request body.
#[proc_macro_derive(Describe, attributes(describe))]
pub fn describe(input: TokenStream) -> TokenStream {
    finish(describe::expand(&parse_macro_input!(input as DeriveInput)))
}

/// Derives text form, serde, `Describe` and `Field` for an enum of words (`lower_snake`).
#[proc_macro_derive(Word)]
pub fn word(input: TokenStream) -> TokenStream {
    finish(word::expand(&parse_macro_input!(input as DeriveInput)))
}

fn finish(made: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    made.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The lines of a doc comment, joined.
fn doc(attrs: &[syn::Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                Some(text.value().trim().to_owned())
            }
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}

fn named_fields(input: &DeriveInput) -> syn::Result<&syn::FieldsNamed> {
    match &input.data {
        syn::Data::Struct(syn::DataStruct { fields: syn::Fields::Named(fields), .. }) => Ok(fields),
        _ => Err(syn::Error::new_spanned(&input.ident, "a struct with named fields is expected")),
    }
}
