//! What surrounds a call in these tests: effects as the orchestrator makes them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use domain::saga::{SagaId, StepKey};
use domain::{Platform, TenantId, UserId};
use ports::{Account, AccountBook, AddressBook, BookError, Effect, PayerBook, Secret};
use uuid::Uuid;

/// An attempt of a step that was never asked before, due in 20 s.
pub(crate) fn effect() -> Effect {
    due_in(20_000)
}

/// The same, due in so many milliseconds.
pub(crate) fn due_in(ms: i64) -> Effect {
    let now = provider_http::now();
    Effect {
        key: StepKey(Uuid::new_v4()),
        takes_back: None,
        saga: SagaId(Uuid::new_v4()),
        step: "publish/bluesky".to_owned(),
        attempt: 1,
        tenant: TenantId::from_static("local"),
        correlation: Uuid::new_v4(),
        trace: None,
        asked_at: now,
        due_at: now.plus_ms(ms),
    }
}

/// The next attempt of the same step.
pub(crate) fn again(effect: &Effect) -> Effect {
    let due_at = provider_http::now().plus_ms(20_000);
    Effect { attempt: effect.attempt + 1, due_at, ..effect.clone() }
}

/// The undo of a step: a key of its own, asked later.
pub(crate) fn undo(effect: &Effect) -> Effect {
    Effect { takes_back: Some(effect.key), ..self::effect() }
}

/// The accounts, addresses and payers of a test.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) account: Mutex<Option<Account>>,
    pub(crate) address: Mutex<Option<String>>,
    pub(crate) payer: Mutex<Option<String>>,
    /// When set, no book can be read.
    pub(crate) closed: Mutex<bool>,
}

impl Books {
    pub(crate) fn with_account(handle: &str, token: &str) -> Arc<Self> {
        let books = Arc::new(Self::default());
        books.connect(handle, token);
        books
    }

    pub(crate) fn connect(&self, handle: &str, token: &str) {
        let id = Uuid::from_u128(7);
        let token = Secret::new(token.to_owned());
        *self.account.lock().unwrap() = Some(Account { id, handle: handle.to_owned(), token });
    }

    fn open(&self) -> Result<(), BookError> {
        if *self.closed.lock().unwrap() {
            Err(BookError("the book is closed".into()))
        } else {
            Ok(())
        }
    }
}

#[async_trait]
impl AccountBook for Books {
    async fn account(
        &self,
        _: &TenantId,
        _: Platform,
        _: Option<Uuid>,
    ) -> Result<Option<Account>, BookError> {
        self.open().map(|()| self.account.lock().unwrap().clone())
    }
}

#[async_trait]
impl AddressBook for Books {
    async fn address(&self, _: &TenantId, _: UserId) -> Result<Option<Secret>, BookError> {
        self.open().map(|()| self.address.lock().unwrap().clone().map(Secret::new))
    }
}

#[async_trait]
impl PayerBook for Books {
    async fn payer(&self, _: &TenantId, _: UserId) -> Result<Option<String>, BookError> {
        self.open().map(|()| self.payer.lock().unwrap().clone())
    }
}
