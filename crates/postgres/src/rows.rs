//! Values of rows as parameters and results of statements; one array a column, so that a batch of any
//! size is one statement.

use chrono::{DateTime, Utc};
use domain::{ColumnType, Timestamp, Value};
use projector::{SinkError, StoredRow, Table};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};
use uuid::Uuid;

use crate::ddl::{Names, columns, ident, sql_type};

pub(crate) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Numbers of records and versions stay far below 2^63.
pub(crate) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(crate) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A time; beyond what PostgreSQL and chrono can both hold there is none.
pub(crate) fn time(at: Timestamp) -> Result<DateTime<Utc>, sqlx::Error> {
    let far = || sqlx::Error::Encode(format!("time {} is out of range", at.as_micros()).into());
    DateTime::from_timestamp_micros(at.as_micros()).ok_or_else(far)
}

/// `INSERT .. ON CONFLICT`: `$1..` are the columns as arrays, then the engine's own.
pub(crate) fn put_sql(table: &Table) -> String {
    let names = Names::of(table);
    let count = table.columns.len();
    let (mut arrays, mut picks, mut sets) = (Vec::new(), Vec::new(), Vec::new());
    for (at, column) in table.columns.iter().enumerate() {
        let place = at + 1;
        if column.ty == ColumnType::Texts {
            // A list of lists is no array of PostgreSQL: each goes as JSON text.
            arrays.push(format!("${place}::text[]"));
            picks.push(format!(
                "CASE WHEN u.c{at} IS NULL THEN NULL ELSE ARRAY(SELECT e.v FROM \
                 jsonb_array_elements_text(u.c{at}::jsonb) WITH ORDINALITY AS e(v, n) ORDER BY e.n) END"
            ));
        } else {
            arrays.push(format!("${place}::{}[]", sql_type(column.ty).0));
            picks.push(format!("u.c{at}"));
        }
        if column.name != table.key {
            sets.push(column.name);
        }
    }
    for (at, ty) in ["text", "bigint", "boolean"].iter().enumerate() {
        arrays.push(format!("${}::{ty}[]", count + at + 1));
        picks.push(format!("u.c{}", count + at));
    }
    sets.extend(crate::ddl::OWN);
    let sets: Vec<_> =
        sets.into_iter().map(ident).map(|name| format!("{name} = EXCLUDED.{name}")).collect();
    let fields: Vec<_> = (0..count + 3).map(|at| format!("c{at}")).collect();
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM UNNEST({}) AS u({}) ON CONFLICT ({}) DO UPDATE SET {}",
        names.table,
        columns(table),
        picks.join(", "),
        arrays.join(", "),
        fields.join(", "),
        ident(table.key),
        sets.join(", "),
    )
}

/// Binds rows to [`put_sql`].
pub(crate) fn bind_rows<'q>(
    mut query: Statement<'q>,
    table: &Table,
    rows: &[StoredRow],
) -> Result<Statement<'q>, sqlx::Error> {
    for (at, column) in table.columns.iter().enumerate() {
        if column.name == table.key {
            query = query.bind(rows.iter().map(|row| row.key).collect::<Vec<_>>());
            continue;
        }
        query = bind_column(query, column.ty, rows.iter().map(|row| row.values.get(at)))?;
    }
    Ok(query
        .bind(rows.iter().map(|row| row.tenant.as_str().to_owned()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| int(row.stream_version)).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.stale).collect::<Vec<_>>()))
}

fn bind_column<'q, 'v>(
    query: Statement<'q>,
    ty: ColumnType,
    values: impl Iterator<Item = Option<&'v Value>>,
) -> Result<Statement<'q>, sqlx::Error> {
    macro_rules! array {
        ($kind:ident, $make:expr) => {{
            let all: Result<Vec<_>, sqlx::Error> = values
                .map(|value| match value {
                    Some(Value::$kind(inner)) => $make(inner).map(Some),
                    Some(Value::Null) | None => Ok(None),
                    Some(other) => {
                        Err(sqlx::Error::Encode(format!("{other:?} in a column of {ty:?}").into()))
                    }
                })
                .collect();
            query.bind(all?)
        }};
    }
    Ok(match ty {
        ColumnType::Text => array!(Text, |text: &String| Ok(text.clone())),
        ColumnType::Uuid => array!(Uuid, |id: &Uuid| Ok(*id)),
        ColumnType::Int => array!(Int, |number: &i64| Ok(*number)),
        ColumnType::Bool => array!(Bool, |set: &bool| Ok(*set)),
        ColumnType::Time => array!(Time, |at: &Timestamp| time(*at)),
        ColumnType::Texts => array!(Texts, |all: &Vec<String>| serde_json::to_string(all)
            .map_err(|error| sqlx::Error::Encode(error.into()))),
    })
}

/// The values of the table's columns in a result, from its first column on.
pub(crate) fn values(table: &Table, row: &PgRow) -> Result<Vec<Value>, sqlx::Error> {
    let all = table.columns.iter().enumerate();
    all.map(|(at, column)| value(column.ty, row, at)).collect()
}

/// The value of one column of a result.
pub(crate) fn value(ty: ColumnType, row: &PgRow, at: usize) -> Result<Value, sqlx::Error> {
    let found = match ty {
        ColumnType::Text => row.try_get::<Option<String>, _>(at)?.map(Value::Text),
        ColumnType::Uuid => row.try_get::<Option<Uuid>, _>(at)?.map(Value::Uuid),
        ColumnType::Int => row.try_get::<Option<i64>, _>(at)?.map(Value::Int),
        ColumnType::Bool => row.try_get::<Option<bool>, _>(at)?.map(Value::Bool),
        ColumnType::Time => {
            row.try_get::<Option<DateTime<Utc>>, _>(at)?.map(|at| Value::Time(at.into()))
        }
        ColumnType::Texts => row.try_get::<Option<Vec<String>>, _>(at)?.map(Value::Texts),
    };
    Ok(found.unwrap_or(Value::Null))
}

/// A row with the engine's columns, as [`columns`] selects it.
pub(crate) fn stored(table: &Table, row: &PgRow) -> Result<StoredRow, SinkError> {
    let broken = |error: sqlx::Error| SinkError::Broken(error.to_string());
    let own = table.columns.len();
    let values = values(table, row).map_err(broken)?;
    let key = table.columns.iter().position(|column| column.name == table.key);
    let Some(Value::Uuid(key)) = key.and_then(|at| values.get(at)) else {
        return Err(SinkError::Broken(format!("key column of {} is no uuid column", table.name)));
    };
    let tenant: String = row.try_get(own).map_err(broken)?;
    let version: i64 = row.try_get(own + 1).map_err(broken)?;
    Ok(StoredRow {
        key: *key,
        tenant: tenant.parse().map_err(|error| SinkError::Broken(format!("{error}")))?,
        stream_version: uint(version),
        stale: row.try_get(own + 2).map_err(broken)?,
        values,
    })
}
