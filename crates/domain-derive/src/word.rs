//! `Word`: an enum without fields is a word, `lower_snake`, wherever it is written.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(&input.ident, "Word is for enums without fields"));
    };
    let mut idents = Vec::new();
    let mut words = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(syn::Error::new_spanned(variant, "a word has no fields"));
        }
        idents.push(&variant.ident);
        words.push(snake(&variant.ident.to_string()));
    }
    let name = &input.ident;
    let text = name.to_string();
    let what = format!("one of {}", words.join(", "));
    let indices = 0..u32::try_from(words.len()).unwrap_or(u32::MAX);
    Ok(quote! {
        impl #name {
            /// Every word, in order.
            pub const ALL: &'static [Self] = &[#(Self::#idents),*];
            /// Every word as text, in the same order.
            pub const WORDS: &'static [&'static str] = &[#(#words),*];
            /// The word as text.
            pub const fn as_str(self) -> &'static str {
                match self { #(Self::#idents => #words),* }
            }
        }
        impl ::std::fmt::Display for #name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl ::std::str::FromStr for #name {
            type Err = ::domain::NotAnId;
            fn from_str(text: &str) -> Result<Self, ::domain::NotAnId> {
                match text {
                    #(#words => Ok(Self::#idents),)*
                    _ => Err(::domain::NotAnId { what: #what, text: text.to_owned() }),
                }
            }
        }
        impl ::domain::__private::serde::Serialize for #name {
            fn serialize<S: ::domain::__private::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let (index, word) = match self { #(Self::#idents => (#indices, #words)),* };
                to.serialize_unit_variant(#text, index, word)
            }
        }
        impl<'de> ::domain::__private::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::domain::__private::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                #[derive(::domain::__private::serde::Deserialize)]
                #[serde(crate = "::domain::__private::serde")]
                enum Written { #(#[serde(rename = #words)] #idents),* }
                Ok(match <Written as ::domain::__private::serde::Deserialize>::deserialize(from)? {
                    #(Written::#idents => Self::#idents),*
                })
            }
        }
        impl ::domain::Describe for #name {
            fn shape() -> ::domain::Shape {
                ::domain::Shape::Word(Self::WORDS)
            }
        }
        impl ::domain::Field for #name {
            const TYPE: ::domain::ColumnType = ::domain::ColumnType::Text;
            fn into_value(self) -> ::domain::Value {
                ::domain::Value::Text(self.as_str().to_owned())
            }
            fn from_value(value: ::domain::Value) -> Result<Self, ::domain::FieldError> {
                let text = <String as ::domain::Field>::from_value(value)?;
                text.parse().map_err(|error: ::domain::NotAnId| ::domain::FieldError(error.to_string()))
            }
        }
    })
}

/// `InReview` -> `in_review`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (at, c) in name.char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
