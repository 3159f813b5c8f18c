//! `Row`: a struct is a row, its fields are the columns.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, LitStr};

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let (mut table, mut key, mut indexes) = (None, None, Vec::<LitStr>::new());
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("row")) {
        attr.parse_nested_meta(|meta| {
            let text: LitStr = meta.value()?.parse()?;
            if meta.path.is_ident("table") {
                table = Some(text);
            } else if meta.path.is_ident("key") {
                key = Some(text);
            } else if meta.path.is_ident("index") {
                indexes.push(text);
            } else {
                return Err(meta.error("known are table, key and index"));
            }
            Ok(())
        })?;
    }
    let missing = |what| {
        syn::Error::new_spanned(&input.ident, format!("#[row({what} = \"...\")] is missing"))
    };
    let (table, key) = (table.ok_or_else(|| missing("table"))?, key.ok_or_else(|| missing("key"))?);
    let fields = super::named_fields(input)?;
    let idents: Vec<_> = fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
    let names: Vec<_> = idents.iter().map(ToString::to_string).collect();
    let known = |column: &str| names.iter().any(|name| name == column);
    if !known(&key.value()) {
        return Err(syn::Error::new_spanned(&key, "the key is no field of this struct"));
    }
    for index in &indexes {
        if let Some(odd) = index.value().split(',').map(str::trim).find(|column| !known(column)) {
            return Err(syn::Error::new_spanned(
                index,
                format!("`{odd}` is no field of this struct"),
            ));
        }
    }
    let types: Vec<_> = fields.named.iter().map(|field| &field.ty).collect();
    let docs = fields.named.iter().map(|field| super::doc(&field.attrs));
    let name = &input.ident;
    let count = names.len();
    Ok(quote! {
        impl ::domain::Row for #name {
            const TABLE: &'static str = #table;
            const KEY: &'static str = #key;
            const INDEXES: &'static [&'static str] = &[#(#indexes),*];
            const COLUMNS: &'static [::domain::Column] = &[#(::domain::Column {
                name: #names,
                ty: <#types as ::domain::Field>::TYPE,
                nullable: <#types as ::domain::Field>::NULLABLE,
                doc: #docs,
            }),*];
            fn into_values(self) -> Vec<::domain::Value> {
                vec![#(::domain::Field::into_value(self.#idents)),*]
            }
            fn from_values(values: Vec<::domain::Value>) -> Result<Self, ::domain::FieldError> {
                let values: [::domain::Value; #count] = values.try_into().map_err(|values: Vec<_>| {
                    ::domain::FieldError(format!("{} has {} columns, {} were read", #table, #count, values.len()))
                })?;
                let [#(#idents),*] = values;
                Ok(Self { #(#idents: ::domain::Field::from_value(#idents)?),* })
            }
        }
    })
}
