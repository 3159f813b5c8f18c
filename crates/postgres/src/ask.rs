//! From a question for a list to SQL. Columns come from the table's own list, every value is bound, the
//! tenant always filters. Nothing is executed here.

use domain::query::Test;
use domain::{Column, ColumnType, TenantId, Value};
use projector::{Compare, ListQuery, ReadError, Table};
use uuid::Uuid;

use crate::ddl::{Names, columns, ident};

/// Rows a page at most.
pub(crate) const PAGE_MAX: u16 = 200;

/// A statement under construction: text with `$n`, and what is bound to them.
struct Sql {
    wheres: Vec<String>,
    binds: Vec<Value>,
}

impl Sql {
    fn new(tenant: &TenantId) -> Self {
        let binds = vec![Value::Text(tenant.as_str().to_owned())];
        Self { wheres: vec!["tenant_id = $1".to_owned()], binds }
    }

    fn bind(&mut self, value: Value) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    fn filter(&mut self, table: &Table, compare: &Compare) -> Result<(), ReadError> {
        let column = column(table, compare.column)?;
        let (name, list) = (ident(column.name), column.ty == ColumnType::Texts);
        let with = compare.with.clone();
        if with == Value::Null {
            if compare.test != Test::Is {
                return Err(invalid(column, "only equality can be asked of null"));
            }
            self.wheres.push(format!("{name} IS NULL"));
            return Ok(());
        }
        let wanted = if list { ColumnType::Text } else { column.ty };
        if type_of(&with) != Some(wanted) {
            return Err(invalid(column, &format!("{with:?} is not of type {wanted:?}")));
        }
        let text = match compare.test {
            Test::Is if list => format!("{} = ANY({name})", self.bind(with)),
            Test::Is => format!("{name} = {}", self.bind(with)),
            Test::From | Test::Before if list => {
                return Err(invalid(column, "a list has no order"));
            }
            Test::From => format!("{name} >= {}", self.bind(with)),
            Test::Before => format!("{name} < {}", self.bind(with)),
            Test::Contains => {
                let Value::Text(text) = with else {
                    return Err(invalid(column, "only text can contain something"));
                };
                let place = self.bind(Value::Text(like(&text)));
                if list {
                    format!("EXISTS (SELECT 1 FROM UNNEST({name}) AS e(v) WHERE e.v ILIKE {place})")
                } else {
                    format!("{name} ILIKE {place}")
                }
            }
        };
        self.wheres.push(text);
        Ok(())
    }

    /// Behind a row, in the order of (sort, key); null is the largest, as PostgreSQL sorts it.
    fn after(
        &mut self,
        table: &Table,
        sort: &Column,
        down: bool,
        after: &(Value, Uuid),
    ) -> Result<(), ReadError> {
        let (name, key) = (ident(sort.name), ident(table.key));
        let than = if down { "<" } else { ">" };
        let tie = self.bind(Value::Uuid(after.1));
        let text = match &after.0 {
            Value::Null if down => format!("({name} IS NOT NULL OR {key} < {tie})"),
            Value::Null => format!("({name} IS NULL AND {key} > {tie})"),
            value if type_of(value) != Some(sort.ty) => {
                return Err(invalid(sort, "the cursor is of another order"));
            }
            value => {
                let place = self.bind(value.clone());
                let row = format!("({name}, {key}) {than} ({place}, {tie})");
                if down || !sort.nullable { row } else { format!("({row} OR {name} IS NULL)") }
            }
        };
        self.wheres.push(text);
        Ok(())
    }
}

/// The pattern that finds this text literally.
fn like(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('%');
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('%');
    out
}

const fn type_of(value: &Value) -> Option<ColumnType> {
    match value {
        Value::Null => None,
        Value::Text(_) => Some(ColumnType::Text),
        Value::Uuid(_) => Some(ColumnType::Uuid),
        Value::Int(_) => Some(ColumnType::Int),
        Value::Bool(_) => Some(ColumnType::Bool),
        Value::Time(_) => Some(ColumnType::Time),
        Value::Texts(_) => Some(ColumnType::Texts),
    }
}

fn invalid(column: &Column, why: &str) -> ReadError {
    ReadError::Invalid(format!("column {}: {why}", column.name))
}

fn column<'t>(table: &'t Table, name: &str) -> Result<&'t Column, ReadError> {
    let found = table.columns.iter().find(|column| column.name == name);
    found.ok_or_else(|| ReadError::Invalid(format!("{} has no column {name}", table.name)))
}

/// The statement of a list, and its parameters.
pub(crate) fn list_sql(
    table: &Table,
    query: &ListQuery,
) -> Result<(String, Vec<Value>), ReadError> {
    let sort = column(table, query.sort)?;
    if sort.ty == ColumnType::Texts {
        return Err(invalid(sort, "a list has no order"));
    }
    let mut sql = Sql::new(&query.tenant);
    for compare in &query.filters {
        sql.filter(table, compare)?;
    }
    if let Some(after) = &query.after {
        sql.after(table, sort, query.descending, after)?;
    }
    let way = if query.descending { "DESC" } else { "ASC" };
    let limit = sql.bind(Value::Int(i64::from(query.limit.clamp(1, PAGE_MAX)) + 1));
    let text = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} {way}, {} {way} LIMIT {limit}",
        columns(table),
        Names::of(table).view,
        sql.wheres.join(" AND "),
        ident(sort.name),
        ident(table.key),
    );
    Ok((text, sql.binds))
}
