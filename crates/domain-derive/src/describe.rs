//! `Describe`: the fields of a request body with their docs and bounds.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Expr};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let fields = super::named_fields(input)?;
    let mut properties = Vec::new();
    let mut checks = Vec::new();
    for field in &fields.named {
        let (Some(ident), ty) = (&field.ident, &field.ty) else { continue };
        let (name, doc) = (ident.to_string(), super::doc(&field.attrs));
        let (mut max, mut format) = (None, None);
        for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("describe")) {
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("max_chars") || meta.path.is_ident("max_items") {
                    max = Some(meta.value()?.parse::<Expr>()?);
                } else if meta.path.is_ident("secret") {
                    format = Some("password");
                } else {
                    return Err(meta.error("known are max_chars, max_items and secret"));
                }
                Ok(())
            })?;
        }
        let defaulted = has_default(&field.attrs)?;
        let base = if let Some(format) = format {
            quote!(::domain::Shape::Text { format: Some(#format), max_chars: None })
        } else {
            quote!(<#ty as ::domain::Describe>::shape())
        };
        let shape = max.as_ref().map_or_else(|| base.clone(), |max| quote!(#base.bounded(#max)));
        properties.push(quote!(::domain::Property {
            name: #name, doc: #doc, shape: #shape,
            required: !#defaulted && !<#ty as ::domain::Describe>::optional(),
        }));
        let pointer = format!("/{name}");
        if let Some(max) = max {
            checks.push(quote! {
                if !::domain::Describe::within(&self.#ident, #max) {
                    return Err((#pointer.to_owned(), #max));
                }
            });
        }
        checks.push(quote! {
            ::domain::Describe::check(&self.#ident).map_err(|(path, max)| (format!("{}{path}", #pointer), max))?;
        });
    }
    let name = &input.ident;
    let (text, doc) = (name.to_string(), super::doc(&input.attrs));
    Ok(quote! {
        impl ::domain::Describe for #name {
            fn shape() -> ::domain::Shape {
                ::domain::Shape::Object { name: #text, doc: #doc, properties: vec![#(#properties),*] }
            }
            fn check(&self) -> Result<(), (String, usize)> {
                #(#checks)*
                Ok(())
            }
        }
    })
}

/// Whether the field carries `#[serde(default)]`: then it may be absent.
fn has_default(attrs: &[syn::Attribute]) -> syn::Result<bool> {
    let mut found = false;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        attr.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("default");
            if meta.input.peek(syn::Token![=]) {
                meta.value()?.parse::<syn::Expr>()?;
            }
            Ok(())
        })?;
    }
    Ok(found)
}
