//! What differs between two folded states, line by line in the order of the newer one. Not a text
//! diff: lines are compared by name.

use maud::{Markup, html};

use crate::view::StateLine;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change<'a> {
    pub(crate) name: &'a str,
    pub(crate) was: Option<&'a StateLine>,
    pub(crate) is: Option<&'a StateLine>,
}

/// Everything that is different in `after`.
pub(crate) fn changes<'a>(before: &'a [StateLine], after: &'a [StateLine]) -> Vec<Change<'a>> {
    let find = |lines: &'a [StateLine], name: &str| lines.iter().find(|line| line.name == name);
    let kept = after.iter().filter_map(|line| {
        let was = find(before, &line.name);
        (was != Some(line)).then_some(Change { name: &line.name, was, is: Some(line) })
    });
    let gone = before.iter().filter(|line| find(after, &line.name).is_none());
    kept.chain(gone.map(|line| Change { name: &line.name, was: Some(line), is: None })).collect()
}

/// A value; what is masked says so.
pub(crate) fn value(line: &StateLine) -> Markup {
    html! {
        @if line.masked { span.dim { (line.value) } } @else { (line.value) }
    }
}

/// The differences as struck and new lines, in words too for those who do not see the colours.
pub(crate) fn draw(changes: &[Change<'_>]) -> Markup {
    html! {
        dl.diff {
            @for change in changes {
                dt { (change.name) }
                dd {
                    @if let Some(was) = change.was {
                        del { span.vh { "was " } (value(was)) }
                    }
                    @match change.is {
                        Some(is) => ins { span.vh { "is " } (value(is)) },
                        None => span.dim { "gone" },
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pairs: &[(&str, &str)]) -> Vec<StateLine> {
        let line = |(name, value): &(&str, &str)| StateLine {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            masked: false,
        };
        pairs.iter().map(line).collect()
    }

    #[test]
    fn changed_new_and_gone_lines_are_found_and_equal_ones_are_not() {
        let before = lines(&[("a", "1"), ("b", "2"), ("gone", "3")]);
        let after = lines(&[("a", "1"), ("b", "4"), ("new", "5")]);
        let found: Vec<_> = changes(&before, &after)
            .iter()
            .map(|c| (c.name, c.was.map(|l| l.value.as_str()), c.is.map(|l| l.value.as_str())))
            .collect();
        assert_eq!(
            found,
            [("b", Some("2"), Some("4")), ("new", None, Some("5")), ("gone", Some("3"), None)]
        );
    }
}
