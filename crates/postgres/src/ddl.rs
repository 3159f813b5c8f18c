//! The SQL of a projection's table, made from its columns. All names in it come from the program,
//! never from a request; values are always bound.

use domain::ColumnType;
use projector::{SinkError, Table};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::error::Fault;

/// The engine's own columns, behind those of the row.
pub(crate) const OWN: [&str; 3] = ["tenant_id", "stream_version", "stale"];

/// An identifier; what `quote_ident` makes of any name.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The SQL name of a type and what the catalog calls it.
pub(crate) const fn sql_type(ty: ColumnType) -> (&'static str, &'static str) {
    match ty {
        ColumnType::Text => ("text", "text"),
        ColumnType::Uuid => ("uuid", "uuid"),
        ColumnType::Int => ("bigint", "int8"),
        ColumnType::Bool => ("boolean", "bool"),
        ColumnType::Time => ("timestamptz", "timestamptz"),
        ColumnType::Texts => ("text[]", "_text"),
    }
}

/// Names of one table.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// Bare schema.
    pub(crate) schema: String,
    /// Bare name of the table that holds the rows, as `posts__r1`.
    pub(crate) bare: String,
    /// The table, quoted.
    pub(crate) table: String,
    /// The view over the live one, quoted.
    pub(crate) view: String,
}

impl Names {
    pub(crate) fn of(table: &Table) -> Self {
        Self::at(table.name, table.revision, table.build)
    }

    /// The names at another generation.
    pub(crate) fn at(name: &str, revision: u32, build: u32) -> Self {
        let (schema, name) = name.split_once('.').unwrap_or(("public", name));
        let build = if build == 0 { String::new() } else { format!("b{build}") };
        let bare = format!("{name}__r{revision}{build}");
        let (table, view) = (
            format!("{}.{}", ident(schema), ident(&bare)),
            format!("{}.{}", ident(schema), ident(name)),
        );
        Self { schema: schema.to_owned(), bare, table, view }
    }
}

/// All columns, quoted, those of the engine last.
pub(crate) fn columns(table: &Table) -> String {
    let all = table.columns.iter().map(|column| column.name).chain(OWN);
    all.map(ident).collect::<Vec<_>>().join(", ")
}

fn create_table(table: &Table, names: &Names) -> String {
    let mut lines: Vec<_> = table
        .columns
        .iter()
        .map(|column| {
            let null = if column.nullable { "" } else { " NOT NULL" };
            format!("{} {}{null}", ident(column.name), sql_type(column.ty).0)
        })
        .collect();
    lines.push("tenant_id text NOT NULL".to_owned());
    lines.push("stream_version bigint NOT NULL".to_owned());
    lines.push("stale boolean NOT NULL DEFAULT false".to_owned());
    lines.push(format!("PRIMARY KEY ({})", ident(table.key)));
    format!("CREATE TABLE IF NOT EXISTS {} ({})", names.table, lines.join(", "))
}

/// Behind the tenant, and with the key at its end: one index serves filter, order and pages.
fn create_indexes(table: &Table, names: &Names) -> Vec<String> {
    let one = |(at, index): (usize, &&str)| {
        let name = ident(&format!("{}_i{at}", names.bare));
        let columns: Vec<_> = index.split(',').map(|column| ident(column.trim())).collect();
        let columns = format!("tenant_id, {}, {}", columns.join(", "), ident(table.key));
        format!("CREATE INDEX IF NOT EXISTS {name} ON {} ({columns})", names.table)
    };
    table.indexes.iter().enumerate().map(one).collect()
}

/// The view that answers for the live table.
pub(crate) fn create_view(table: &Table, names: &Names) -> String {
    format!("CREATE VIEW {} AS SELECT {} FROM {}", names.view, columns(table), names.table)
}

/// Makes the table and its indexes, inside an open transaction under the DDL lock.
pub(crate) async fn make(connection: &mut PgConnection, table: &Table) -> Result<(), Fault> {
    if let Some(column) = table.columns.iter().find(|column| OWN.contains(&column.name)) {
        let (name, column) = (table.name, column.name);
        let why = format!("column {column} of {name} is the engine's own; name it otherwise");
        return Err(Fault(SinkError::Broken(why)));
    }
    let names = Names::of(table);
    let mut all = vec![format!("CREATE SCHEMA IF NOT EXISTS {}", ident(&names.schema))];
    all.push(create_table(table, &names));
    all.extend(create_indexes(table, &names));
    for column in table.columns.iter().filter(|column| !column.doc.is_empty()) {
        let doc = column.doc.replace('\'', "''");
        all.push(format!("COMMENT ON COLUMN {}.{} IS '{doc}'", names.table, ident(column.name)));
    }
    sqlx::raw_sql(AssertSqlSafe(all.join(";\n"))).execute(&mut *connection).await?;
    check(connection, table, &names).await
}

/// A table that was made by other code of the same revision must not be folded into.
async fn check(connection: &mut PgConnection, table: &Table, names: &Names) -> Result<(), Fault> {
    let found: Vec<(String, String, bool)> = sqlx::query_as(
        "SELECT column_name::text, udt_name::text, is_nullable = 'YES' \
         FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 \
         ORDER BY ordinal_position",
    )
    .bind(&names.schema)
    .bind(&names.bare)
    .fetch_all(connection)
    .await?;
    let wanted = table.columns.iter().map(|column| {
        let nullable = column.nullable && column.name != table.key;
        (column.name.to_owned(), sql_type(column.ty).1.to_owned(), nullable)
    });
    let own = [("tenant_id", "text"), ("stream_version", "int8"), ("stale", "bool")];
    let own = own.map(|(name, ty)| (name.to_owned(), ty.to_owned(), false));
    let wanted: Vec<_> = wanted.chain(own).collect();
    if found == wanted {
        return Ok(());
    }
    Err(Fault(SinkError::Broken(format!(
        "columns of {} are not those of projection {} revision {}; \
         raise REVISION when columns change, or drop the table",
        names.table, table.projection, table.revision
    ))))
}
