//! The list of platforms as the API answers it, written out of the one word list. Not a table:
//! nothing in it changes while the program runs.

use std::sync::LazyLock;

use domain::Platform;

/// A list as every other list is answered. Words and titles need no escapes in JSON.
pub(super) fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        let items: Vec<_> = Platform::ALL.iter().copied().map(item).collect();
        format!(r#"{{"items":[{}],"next_cursor":null}}"#, items.join(","))
    });
    &JSON
}

fn item(platform: Platform) -> String {
    format!(
        r#"{{"platform":"{platform}","title":"{}","text_chars_max":{}}}"#,
        platform.title(),
        platform.text_chars_max()
    )
}
