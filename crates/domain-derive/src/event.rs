//! `EventSet`: each variant is an event type, its fields are the record.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Fields, LitStr, Variant};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(&input.ident, "EventSet is for enums"));
    };
    let (mut namespace, mut union) = (None, false);
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("event")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("namespace") {
                namespace = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("union") {
                union = true;
            } else {
                return Err(meta.error("known are namespace and union"));
            }
            Ok(())
        })?;
    }
    if union {
        return expand_union(input, data.variants.iter());
    }
    let namespace = namespace.ok_or_else(|| {
        syn::Error::new_spanned(
            &input.ident,
            "#[event(namespace = \"context.aggregate\")] is missing",
        )
    })?;
    expand_set(input, data.variants.iter(), &namespace)
}

/// The name of a variant's type: `#[event("drafted.v1")]`.
fn type_name(variant: &Variant, namespace: &str) -> syn::Result<String> {
    for attr in &variant.attrs {
        if attr.path().is_ident("event") {
            return Ok(format!("{namespace}.{}", attr.parse_args::<LitStr>()?.value()));
        }
    }
    Err(syn::Error::new_spanned(variant, "#[event(\"<past_tense>.v<N>\")] is missing"))
}

fn expand_set<'a>(
    input: &DeriveInput,
    variants: impl Iterator<Item = &'a Variant>,
    namespace: &str,
) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let (mut types, mut names, mut writes, mut reads) = (vec![], vec![], vec![], vec![]);
    for variant in variants {
        let (ident, full) = (&variant.ident, type_name(variant, namespace)?);
        let record = ident.to_string();
        let (fields, field_types): (Vec<_>, Vec<_>) = match &variant.fields {
            Fields::Named(fields) => fields
                .named
                .iter()
                .filter_map(|f| f.ident.as_ref().map(|ident| (ident, &f.ty)))
                .unzip(),
            Fields::Unit => (vec![], vec![]),
            Fields::Unnamed(_) => {
                return Err(syn::Error::new_spanned(variant, "name the fields of an event"));
            }
        };
        let texts: Vec<_> = fields.iter().map(ToString::to_string).collect();
        let count = fields.len();
        names.push(quote!(Self::#ident { .. } => #full));
        writes.push(quote! {
            Self::#ident { #(#fields),* } => {
                let mut record = to.serialize_struct(#record, #count)?;
                #(record.serialize_field(#texts, #fields)?;)*
                record.end()
            }
        });
        let read = format_ident!("{}Record", ident);
        reads.push(quote! {
            #full => {
                #[derive(::domain::__private::serde::Deserialize)]
                #[serde(crate = "::domain::__private::serde")]
                struct #read { #(#fields: #field_types),* }
                <#read as ::domain::__private::serde::Deserialize>::deserialize(from)
                    .map(|record| Self::#ident { #(#fields: record.#fields),* })
            }
        });
        types.push(full);
    }
    Ok(quote! {
        impl ::domain::EventSet for #name {
            const TYPES: &'static [&'static str] = &[#(#types),*];
            fn event_type(&self) -> &'static str {
                match self { #(#names),* }
            }
            fn serialize_data<S: ::domain::__private::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                use ::domain::__private::serde::ser::SerializeStruct as _;
                match self { #(#writes),* }
            }
            fn deserialize_data<'de, D: ::domain::__private::serde::Deserializer<'de>>(
                event_type: &str,
                from: D,
            ) -> Option<Result<Self, D::Error>> {
                Some(match event_type {
                    #(#reads)*
                    _ => return None,
                })
            }
        }
    })
}

fn expand_union<'a>(
    input: &DeriveInput,
    variants: impl Iterator<Item = &'a Variant>,
) -> syn::Result<TokenStream> {
    let name = &input.ident;
    let (mut idents, mut inners) = (vec![], vec![]);
    for variant in variants {
        match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                idents.push(&variant.ident);
                inners.push(&fields.unnamed[0].ty);
            }
            _ => {
                return Err(syn::Error::new_spanned(
                    variant,
                    "a union wraps one event set in each variant",
                ));
            }
        }
    }
    Ok(quote! {
        impl ::domain::EventSet for #name {
            const TYPES: &'static [&'static str] = {
                const COUNT: usize = 0 #(+ <#inners as ::domain::EventSet>::TYPES.len())*;
                const ALL: [&str; COUNT] = {
                    let mut all = [""; COUNT];
                    let mut at = 0;
                    #({
                        let types = <#inners as ::domain::EventSet>::TYPES;
                        let mut next = 0;
                        while next < types.len() {
                            all[at] = types[next];
                            at += 1;
                            next += 1;
                        }
                    })*
                    all
                };
                &ALL
            };
            fn event_type(&self) -> &'static str {
                match self { #(Self::#idents(inner) => ::domain::EventSet::event_type(inner)),* }
            }
            fn serialize_data<S: ::domain::__private::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                match self { #(Self::#idents(inner) => ::domain::EventSet::serialize_data(inner, to)),* }
            }
            fn deserialize_data<'de, D: ::domain::__private::serde::Deserializer<'de>>(
                event_type: &str,
                from: D,
            ) -> Option<Result<Self, D::Error>> {
                #(if <#inners as ::domain::EventSet>::TYPES.contains(&event_type) {
                    return <#inners as ::domain::EventSet>::deserialize_data(event_type, from)
                        .map(|read| read.map(Self::#idents));
                })*
                None
            }
        }
    })
}
