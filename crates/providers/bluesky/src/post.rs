//! A post as a record: its text, what in it can be clicked, its tags.

use domain::Timestamp;
use ports::PublishRequest;
use serde_json::{Value, json};

/// Most tags beside the text, and most bytes of one, as the schema of posts has them.
const TAGS_MAX: usize = 8;
const TAG_BYTES_MAX: usize = 640;

/// The record. `at` is when the step was asked first, so that every attempt writes the same one.
pub(crate) fn record(ask: &PublishRequest, at: Timestamp) -> Value {
    let mut record = json!({
        "$type": "app.bsky.feed.post",
        "text": ask.text,
        "createdAt": at.to_string(),
    });
    let facets = facets(&ask.text);
    if !facets.is_empty() {
        record["facets"] = facets.into();
    }
    let fits = |tag: &&String| !tag.is_empty() && tag.len() <= TAG_BYTES_MAX;
    let tags: Vec<Value> =
        ask.tags.iter().filter(fits).take(TAGS_MAX).map(|it| it.clone().into()).collect();
    if !tags.is_empty() {
        record["tags"] = tags.into();
    }
    record
}

/// Links and hashtags of a text, by their places in bytes.
fn facets(text: &str) -> Vec<Value> {
    let mut facets = Vec::new();
    let mut from = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let begin = from;
        from += word.len();
        if let Some((feature, bytes)) = feature(word.trim_end()) {
            facets.push(json!({
                "index": { "byteStart": begin, "byteEnd": begin + bytes },
                "features": [feature],
            }));
        }
    }
    facets
}

/// What a word is, and how many of its bytes.
fn feature(word: &str) -> Option<(Value, usize)> {
    const END: [char; 9] = ['.', ',', ';', ':', '!', '?', ')', '"', '\''];
    let bare = word.trim_end_matches(END);
    let address = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    if address.is_some_and(|it| it.contains('.') || it.starts_with("localhost")) {
        return Some((json!({ "$type": "app.bsky.richtext.facet#link", "uri": bare }), bare.len()));
    }
    let tag = bare.strip_prefix('#')?;
    let plain = !tag.is_empty() && tag.len() <= TAG_BYTES_MAX && !tag.contains('#');
    let digits = tag.bytes().all(|it| it.is_ascii_digit());
    (plain && !digits)
        .then(|| (json!({ "$type": "app.bsky.richtext.facet#tag", "tag": tag }), bare.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_tags_are_found_by_their_bytes() {
        let text =
            "Größe:  https://recount.example/a?b=1,\n#rust and #1 or (#no) http://x #événement!";
        let found: Vec<_> = facets(text)
            .iter()
            .map(|it| {
                let place =
                    |name: &str| usize::try_from(it["index"][name].as_u64().unwrap()).unwrap();
                let feature = &it["features"][0];
                let what = feature["uri"].as_str().or_else(|| feature["tag"].as_str()).unwrap();
                (text[place("byteStart")..place("byteEnd")].to_owned(), what.to_owned())
            })
            .collect();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            found,
            [
                pair("https://recount.example/a?b=1", "https://recount.example/a?b=1"),
                pair("#rust", "rust"),
                pair("#événement", "événement"),
            ]
        );
        assert!(facets("").is_empty());
        assert!(facets("  no # thing ## 1 ").is_empty());
    }
}
