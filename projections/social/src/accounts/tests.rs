//! Rows of `accounts` after a history, and the fixed answer beside them. Not the queries.

use domain::query::View;
use domain::{ActorId, Platform, Projection as _, Row as _};
use social::account::{AccountId, Event};
use testkit::{at, id, rows, sealed};

use super::{AccountRow, AccountState};

fn connected() -> Event {
    Event::Connected {
        platform: Platform::Bluesky,
        handle: "ada.example".into(),
        display_name: Some(sealed(id(1), "display_name", "Ada")),
        access_token: sealed(id(1), "access_token", "hush"),
    }
}

fn reconnected() -> Event {
    Event::Reconnected { access_token: sealed(id(1), "access_token", "new") }
}

fn disconnected() -> Event {
    Event::Disconnected { reason: None }
}

/// The first account of a history, just connected.
fn row() -> AccountRow {
    AccountRow {
        account_id: AccountId(id(1)),
        platform: Platform::Bluesky,
        handle: "ada.example".into(),
        state: AccountState::Connected,
        connected_by: ActorId::from_static("owner"),
        connected_at: at(1_001_000),
        token_at: at(1_001_000),
        disconnected_at: None,
    }
}

#[test]
fn a_connected_account_is_a_row() {
    assert_eq!(rows::<AccountRow>([(1, vec![connected()])]), [row()]);
}

#[test]
fn a_disconnected_account_stays_a_row() {
    let expected = AccountRow {
        state: AccountState::Disconnected,
        disconnected_at: Some(at(1_002_000)),
        ..row()
    };
    assert_eq!(rows::<AccountRow>([(1, vec![connected(), disconnected()])]), [expected]);
}

#[test]
fn a_new_token_connects_it_again() {
    let expected = AccountRow { token_at: at(1_003_000), ..row() };
    let history = vec![connected(), disconnected(), reconnected()];
    assert_eq!(rows::<AccountRow>([(1, history)]), [expected]);
}

#[test]
fn no_column_holds_a_token_or_a_personal_name() {
    let names: Vec<_> = AccountRow::COLUMNS.iter().map(|column| column.name).collect();
    assert!(!names.iter().any(|name| ["access_token", "display_name"].contains(name)), "{names:?}");
}

#[test]
fn the_platforms_are_those_of_the_word_list_with_their_limits() {
    let json = AccountRow::views().iter().find_map(|view| match view {
        View::Fixed { path: "/platforms", json, .. } => Some(*json),
        _ => None,
    });
    let list: serde_json::Value = serde_json::from_str(json.unwrap()).unwrap();
    assert!(list["next_cursor"].is_null());
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), Platform::ALL.len());
    for (item, platform) in items.iter().zip(Platform::ALL) {
        assert_eq!(item["platform"], platform.as_str());
        assert_eq!(item["title"], platform.title());
        assert_eq!(item["text_chars_max"], platform.text_chars_max());
    }
}
