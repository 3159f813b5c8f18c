//! From a question to SQL. Columns come from the table's own list, every value is bound, the tenant
//! filters unless the question says "everybody". Nothing is executed here.

use domain::query::{Compare, Condition, Test};
use domain::{Column, ColumnType, Value};
use projector::{GroupQuery, ListQuery, ReadError, Table, Whose};
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
    fn new(table: &Table, whose: &Whose, only: &Condition) -> Result<Self, ReadError> {
        let mut sql = Self { wheres: vec![], binds: vec![] };
        if let Whose::Tenant(tenant) = whose {
            let tenant = sql.bind(Value::Text(tenant.as_str().to_owned()));
            sql.wheres.push(format!("tenant_id = {tenant}"));
        }
        let only = sql.condition(table, only)?;
        sql.wheres.push(only);
        Ok(sql)
    }

    fn bind(&mut self, value: Value) -> String {
        self.binds.push(value);
        format!("${}", self.binds.len())
    }

    /// A condition as SQL that is true where it holds; where it does not, false or null.
    fn condition(&mut self, table: &Table, is: &Condition) -> Result<String, ReadError> {
        let (all, with, none) = match is {
            Condition::All(all) => (all, " AND ", "TRUE"),
            Condition::Any(any) => (any, " OR ", "FALSE"),
            Condition::Not(it) => {
                return Ok(format!("({}) IS NOT TRUE", self.condition(table, it)?));
            }
            Condition::Is(compare) => return self.compare(table, compare),
        };
        let all: Result<Vec<_>, _> = all.iter().map(|one| self.condition(table, one)).collect();
        let all = all?;
        Ok(if all.is_empty() { none.to_owned() } else { format!("({})", all.join(with)) })
    }

    fn compare(&mut self, table: &Table, compare: &Compare) -> Result<String, ReadError> {
        let column = column(table, compare.column)?;
        let (name, list) = (ident(column.name), column.ty == ColumnType::Texts);
        let with = compare.with.clone();
        if with == Value::Null {
            if compare.test != Test::Is {
                return Err(invalid(column, "only equality can be asked of null"));
            }
            return Ok(format!("{name} IS NULL"));
        }
        let part = matches!(compare.test, Test::Contains | Test::Begins);
        let of_id = part && column.ty == ColumnType::Uuid;
        let wanted = if list || of_id { ColumnType::Text } else { column.ty };
        if type_of(&with) != Some(wanted) {
            return Err(invalid(column, &format!("{with:?} is not of type {wanted:?}")));
        }
        Ok(match compare.test {
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
                    format!("{name}::text ILIKE {place}")
                }
            }
            Test::Begins => {
                let Value::Text(text) = with else {
                    return Err(invalid(column, "only text can begin with something"));
                };
                let text = if of_id { text.to_lowercase() } else { text };
                let place = self.bind(Value::Text(text));
                if list {
                    format!(
                        "EXISTS (SELECT 1 FROM UNNEST({name}) AS e(v) WHERE starts_with(e.v, {place}))"
                    )
                } else {
                    format!("starts_with({name}::text, {place})")
                }
            }
        })
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
    let mut sql = Sql::new(table, &query.whose, &query.only)?;
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

/// The statement of counts, and its parameters: the columns asked by, then count, times, sum, sample.
pub(crate) fn group_sql(
    table: &Table,
    query: &GroupQuery,
) -> Result<(String, Vec<Value>), ReadError> {
    let mut sql = Sql::new(table, &query.whose, &query.only)?;
    let by: Result<Vec<_>, _> = query.by.iter().map(|name| column(table, name)).collect();
    let by: Vec<_> = by?.into_iter().map(|column| ident(column.name)).collect();
    let (first, last) = (column(table, query.between.0)?, column(table, query.between.1)?);
    let (sum, sample) = (column(table, query.sum)?, column(table, query.sample)?);
    if (first.ty, last.ty, sum.ty) != (ColumnType::Time, ColumnType::Time, ColumnType::Int) {
        return Err(invalid(sum, "times are compared and numbers added up"));
    }
    let limit = sql.bind(Value::Int(i64::from(query.limit.clamp(1, PAGE_MAX))));
    let picks = [
        "count(*)".to_owned(),
        format!("min({})", ident(first.name)),
        format!("max({})", ident(last.name)),
        format!("greatest(least(sum({}), {}), {})::bigint", ident(sum.name), i64::MAX, i64::MIN),
        format!("min({}::text)", ident(sample.name)),
    ];
    let picks: Vec<_> = by.iter().cloned().chain(picks).collect();
    let grouped =
        if by.is_empty() { String::new() } else { format!(" GROUP BY {}", by.join(", ")) };
    let order: Vec<_> = ["count(*) DESC".to_owned()].into_iter().chain(by).collect();
    let text = format!(
        "SELECT {} FROM {} WHERE {}{grouped} HAVING count(*) > 0 ORDER BY {} LIMIT {limit}",
        picks.join(", "),
        Names::of(table).view,
        sql.wheres.join(" AND "),
        order.join(", "),
    );
    Ok((text, sql.binds))
}
