//! What the mail says: one sentence, and where to look. Not its sending.

use notifications::notification::{Kind, Notice};

/// Most characters of a title in a subject: mail programs show no more.
const TITLE_CHARS_MAX: usize = 80;

/// The subject, one line.
pub(super) fn subject(notice: &Notice) -> String {
    let said = match notice.kind {
        Kind::Published => "Published",
        Kind::NotPublished => "Not published",
    };
    format!("{said}: {}", title(notice))
}

/// The text, plain.
pub(super) fn text(notice: &Notice) -> String {
    let title = title(notice);
    match notice.kind {
        Kind::Published => {
            let mut lines = vec![format!("Your post \"{title}\" is published."), String::new()];
            let link = |link: &domain::Link| format!("{}: {}", link.platform.title(), link.url);
            lines.extend(notice.links.iter().map(link));
            lines.join("\n") + "\n"
        }
        Kind::NotPublished => {
            let why = notice.why.as_ref().map_or(String::new(), |why| format!("Why: {why}\n\n"));
            format!(
                "Your post \"{title}\" could not be published, and everything was taken back.\n\n\
                 {why}It is a draft again.\n"
            )
        }
    }
}

/// The title without what would end a line of a header, and cut to its length.
fn title(notice: &Notice) -> String {
    let title = notice.title.as_deref().unwrap_or("untitled");
    let plain: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match plain.char_indices().nth(TITLE_CHARS_MAX) {
        Some((end, _)) => format!("{}\u{2026}", &plain[..end]),
        None => plain,
    }
}
