//! The text of a filter under changed bytes: a filter or an error with its place, and one form of each.

use fuzz::{Bound, fuzz};
use orchestrator::filter::Filter;

#[test]
fn a_filter_of_any_text_is_one_or_tells_the_place() {
    let seeds = [
        r#"state:parked type:publish-post step:charge-boost age>2h error~"timeout" -tenant:demo sort:-risk"#,
        r#"age>90m state:parked,undone error~"timed \"out\"" id:publish_post-0190 group:type"#,
        r#""two words" -"x" version>=6 version<7 left<=1h cause:in_doubt,undo-failed risk:0"#,
        "attempts:0 tenant:a* sort:age waits:human",
    ];
    let seeds = seeds.iter().map(|it| it.as_bytes().to_vec()).collect();
    fuzz("filter", seeds, Bound { bytes: 256 << 10, per_byte: 256 }, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return "no text".to_owned() };
        match Filter::parse(text) {
            Ok(filter) => {
                let printed = filter.to_string();
                assert_eq!(Filter::parse(&printed).unwrap(), filter, "printed as {printed}");
                printed.chars().filter(|it| !it.is_alphanumeric()).collect()
            }
            Err(wrong) => wrong.to_string(),
        }
    });
}
