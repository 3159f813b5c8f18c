//! The pages of errors as HTML. Their text stands in `docs/errors`.

use std::fmt::Write as _;

use super::{frame, inline};
use crate::codes::{CODES, Code};

/// One page.
pub(crate) fn page(code: &Code) -> String {
    let mut body =
        String::from("<main class=\"one\"><p><a href=\"/docs/errors\">All errors</a></p>\n");
    for block in code.page.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
        if let Some(title) = block.strip_prefix("# ") {
            let _ = writeln!(body, "<h1>{}</h1>", inline(title));
        } else if let Some((head, rest)) =
            block.strip_prefix("**").and_then(|it| it.split_once("**"))
        {
            let head = inline(head.trim_end_matches('.'));
            let _ = writeln!(body, "<h2>{head}</h2>\n<p>{}</p>", inline(rest.trim()));
        } else {
            let _ = writeln!(body, "<p>{}</p>", inline(block));
        }
    }
    body.push_str("</main>");
    frame(code.rc, &body)
}

/// The list of all pages.
pub(crate) fn index() -> String {
    let mut body = String::from(
        "<main class=\"one\"><p><a href=\"/docs\">Reference</a></p><h1>Errors</h1><table><thead><tr><th>Number</th><th>Status</th><th>Code</th><th>What</th></tr></thead><tbody>\n",
    );
    for code in CODES {
        let status = if code.status == 0 { String::from("–") } else { code.status.to_string() };
        let _ = writeln!(
            body,
            "<tr><td><a href=\"/docs/errors/{0}\">{0}</a></td><td>{status}</td><td><code>{1}</code></td><td>{2}</td></tr>",
            code.rc,
            code.word,
            inline(code.title)
        );
    }
    body.push_str("</tbody></table></main>");
    frame("Errors", &body)
}
