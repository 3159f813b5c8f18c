//! The query string of a list as a typed question. Everything unknown is refused.

use std::borrow::Cow;

use axum::http::Uri;
use domain::query::{Compare, Condition, Test};
use domain::{Column, ColumnType, TenantId, Value};
use projector::{ListQuery, Whose};

use super::cursor::{self, Question};
use super::{LIMIT, LIMIT_MAX, ListRoute};
use crate::codes;
use crate::command::segment_id;
use crate::problem::Problem;

/// What was asked.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) query: ListQuery,
    pub(crate) question: Question,
    pub(crate) min_position: Option<String>,
    /// The parameters without `after`, for the link to the next page.
    pub(crate) same: String,
}

/// Name and value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Name and value pairs; a name that stands twice is refused.
pub(crate) fn pairs(query: Option<&str>) -> Result<Vec<Pair<'_>>, Problem> {
    let query = query.unwrap_or_default();
    let mut all: Vec<Pair<'_>> = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if all.iter().any(|(known, _)| *known == name) {
            return Err(wrong(&name, "stands twice"));
        }
        all.push((name, value));
    }
    Ok(all)
}

/// A parameter is unknown or wrong.
pub(crate) fn wrong(name: &str, why: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::new(codes::BAD_PARAMETER, format!("query parameter `{name}` {why}"))
}

/// `limit`, 1 to [`LIMIT_MAX`].
pub(crate) fn limit(value: &str) -> Result<u16, Problem> {
    let number = value.parse().ok().filter(|it| (1..=LIMIT_MAX).contains(it));
    number.ok_or_else(|| wrong("limit", &format!("is a number from 1 to {LIMIT_MAX}")))
}

impl ListRoute {
    /// Reads the path and the query string.
    pub(crate) fn asking(&self, tenant: &TenantId, uri: &Uri) -> Result<Asking, Problem> {
        let pairs = pairs(uri.query())?;
        let (mut filters, mut given) = (Vec::new(), Vec::new());
        if let Some(from_end) = self.id_from_end {
            let id = segment_id(uri.path().rsplit('/').nth(from_end).unwrap_or_default())?;
            filters.push(self.filter("id", &id.to_string())?);
            given.push(format!("id={id}"));
        }
        let (mut limit_to, mut sort, mut after, mut min_position) = (LIMIT, None, None, None);
        for (name, value) in &pairs {
            match &**name {
                "limit" => limit_to = limit(value)?,
                "sort" => sort = Some(value.as_ref()),
                "after" => after = Some(value.as_ref()),
                "min_position" => min_position = Some(value.to_string()),
                "id" if self.id_from_end.is_some() => {
                    return Err(wrong("id", "stands in the path"));
                }
                name => {
                    filters.push(self.filter(name, value)?);
                    given.push(format!("{name}={value}"));
                }
            }
        }
        let (sort, descending) = self.sort(sort)?;
        given.sort_unstable();
        let direction = if descending { "-" } else { "+" };
        let mut parts =
            vec![self.table.name, self.table.projection, tenant.as_str(), direction, sort];
        parts.extend(given.iter().map(String::as_str));
        let question = Question::of(&parts);
        let after = after.map(|text| cursor::read(question, text)).transpose()?;
        if let Some((value, _)) = &after
            && !self.column(sort).is_some_and(|column| fits(column, value))
        {
            return Err(cursor::read(question, "")
                .err()
                .unwrap_or_else(|| wrong("after", "is wrong")));
        }
        let mut same = form_urlencoded::Serializer::new(String::new());
        same.extend_pairs(
            pairs.iter().filter(|(name, _)| name != "after" && name != "min_position"),
        );
        let (tenant, limit) = (tenant.clone(), limit_to);
        let only = Condition::All(filters.into_iter().map(Condition::Is).collect());
        let whose = Whose::Tenant(tenant);
        let query = ListQuery { whose, only, sort, descending, after, limit };
        Ok(Asking { query, question, min_position, same: same.finish() })
    }

    fn sort(&self, asked: Option<&str>) -> Result<(&'static str, bool), Problem> {
        let first = self.sorts.first().copied().unwrap_or(self.table.key);
        let Some(asked) = asked else { return Ok((first, self.descending)) };
        let (name, descending) = asked.strip_prefix('-').map_or((asked, false), |it| (it, true));
        let known = self.sorts.iter().find(|sort| **sort == name);
        known.map(|sort| (*sort, descending)).ok_or_else(|| {
            wrong(
                "sort",
                &format!("is one of {}, with `-` in front to turn it round", self.sorts.join(", ")),
            )
        })
    }

    fn filter(&self, name: &str, value: &str) -> Result<Compare, Problem> {
        let filter = self.filters.iter().find(|filter| filter.param == name).ok_or_else(|| {
            let known: Vec<_> = self.filters.iter().map(|filter| filter.param).collect();
            let known =
                if known.is_empty() { String::new() } else { format!("{}, ", known.join(", ")) };
            wrong(name, &format!("is unknown here; known: {known}sort, limit, after, min_position"))
        })?;
        let column = self.column(filter.column);
        let with = column.and_then(|column| typed(column, filter.test, value));
        let with = with.ok_or_else(|| wrong(name, expected(column)))?;
        Ok(Compare { column: filter.column, test: filter.test, with })
    }
}

/// A value of the column's type; for a list column, of what is in it.
fn typed(column: &Column, how: Test, text: &str) -> Option<Value> {
    if text.contains('\0') {
        return None;
    }
    if matches!(how, Test::Contains | Test::Begins) {
        return Some(Value::Text(text.to_owned()));
    }
    match column.ty {
        ColumnType::Text | ColumnType::Texts => Some(Value::Text(text.to_owned())),
        ColumnType::Uuid => uuid::Uuid::try_parse(text).ok().map(Value::Uuid),
        ColumnType::Int => text.parse().ok().map(Value::Int),
        ColumnType::Bool => text.parse().ok().map(Value::Bool),
        ColumnType::Time => text.parse().ok().map(Value::Time),
    }
}

fn expected(column: Option<&Column>) -> &'static str {
    match column.map(|it| it.ty) {
        Some(ColumnType::Uuid) => "is a UUID",
        Some(ColumnType::Int) => "is a whole number",
        Some(ColumnType::Bool) => "is true or false",
        Some(ColumnType::Time) => "is a time, as 2026-11-21T08:30:00Z",
        Some(ColumnType::Text | ColumnType::Texts) => "is a text without NUL",
        None => "cannot be asked for",
    }
}

/// Whether a cursor's value is of the sort column's type.
fn fits(column: &Column, value: &Value) -> bool {
    matches!(
        (column.ty, value),
        (_, Value::Null)
            | (ColumnType::Text, Value::Text(_))
            | (ColumnType::Uuid, Value::Uuid(_))
            | (ColumnType::Int, Value::Int(_))
            | (ColumnType::Bool, Value::Bool(_))
            | (ColumnType::Time, Value::Time(_))
    )
}
