//! What an error of the database means to the engine; not how it is met.

use std::error::Error;

use projector::{ReadError, SinkError};
use sqlx::error::DatabaseError;

/// SQLSTATE class: the first two characters.
fn class(error: &dyn DatabaseError) -> String {
    error.code().map(|code| code.chars().take(2).collect()).unwrap_or_default()
}

fn said(error: &sqlx::Error) -> String {
    let text = match error {
        sqlx::Error::Database(inner) => {
            let code = inner.code().unwrap_or_default();
            format!("{} (SQLSTATE {code})", inner.message())
        }
        other => other.source().map_or_else(|| other.to_string(), |why| format!("{other}: {why}")),
    };
    text.replace('\0', "\u{fffd}")
}

/// Data that cannot be stored, a table that cannot be used, or a bad moment.
pub(crate) fn sink(error: &sqlx::Error) -> SinkError {
    let text = said(error);
    match error {
        sqlx::Error::Database(inner) => match class(&**inner).as_str() {
            // Data exception, constraint violation, program limit exceeded.
            "22" | "23" | "54" => SinkError::Refused(text),
            // Syntax or access rule, invalid schema, catalog or authorization, feature not supported.
            "42" | "3F" | "3D" | "28" | "0A" | "2B" => SinkError::Broken(text),
            _ => SinkError::Unavailable(text),
        },
        sqlx::Error::Encode(_) => SinkError::Refused(text),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::ColumnNotFound(_) => {
            SinkError::Broken(text)
        }
        _ => SinkError::Unavailable(text),
    }
}

/// A question that cannot be asked, or a bad moment.
pub(crate) fn read(error: &sqlx::Error) -> ReadError {
    match error {
        sqlx::Error::Database(inner) if class(&**inner) == "22" => ReadError::Invalid(said(error)),
        sqlx::Error::Database(inner) if matches!(class(&**inner).as_str(), "42" | "3F") => {
            ReadError::Unavailable(format!("its table is not built yet: {}", said(error)))
        }
        other => ReadError::Unavailable(said(other)),
    }
}

/// Runs database work where no caller can cancel it half-way (sqlx 0.9 leaks a transaction then).
pub(crate) async fn spawned<T: Send + 'static, E: From<Gone> + Send + 'static>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, E> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(panic) => Err(Gone(format!("database task ended: {panic}")).into()),
    }
}

/// The task of some database work has ended without a result.
#[derive(Debug)]
pub(crate) struct Gone(pub(crate) String);

/// An error of the sink, on the way through `?`.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) SinkError);

impl From<Gone> for Fault {
    fn from(gone: Gone) -> Self {
        Self(SinkError::Unavailable(gone.0))
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Self(sink(&error))
    }
}

impl From<SinkError> for Fault {
    fn from(error: SinkError) -> Self {
        Self(error)
    }
}

/// An error of the read store, on the way through `?`.
#[derive(Debug)]
pub(crate) struct Unread(pub(crate) ReadError);

impl From<Gone> for Unread {
    fn from(gone: Gone) -> Self {
        Self(ReadError::Unavailable(gone.0))
    }
}

impl From<sqlx::Error> for Unread {
    fn from(error: sqlx::Error) -> Self {
        Self(read(&error))
    }
}
