//! Every error the edge answers with: its code, status, word and page. Not the rules of aggregates,
//! whose names stand in the same place of a problem: they all share `RC0431`.

/// A kind of error.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Its number, as `RC0401`; names its page in `docs/errors`.
    pub rc: &'static str,
    /// The status it is answered with; 0 for an error that is not answered over HTTP.
    pub status: u16,
    /// The machine word, stable.
    pub word: &'static str,
    /// What it is, the same every time.
    pub title: &'static str,
    /// Its page, Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($name:ident = $rc:literal, $status:literal, $word:literal, $title:literal;)*) => {
        $(pub(crate) const $name: &Code = &Code {
            rc: $rc,
            status: $status,
            word: $word,
            title: $title,
            page: include_str!(concat!("../../../docs/errors/", $rc, ".md")),
        };)*

        /// All of them, in the order of their numbers.
        pub const CODES: &[&Code] = &[$($name),*];
    };
}

codes! {
    MALFORMED_JSON = "RC0401", 400, "malformed_json", "The body is not JSON";
    BAD_IDEMPOTENCY_KEY = "RC0402", 400, "bad_idempotency_key", "The Idempotency-Key cannot be read";
    BAD_PRECONDITION = "RC0403", 400, "bad_precondition", "If-Match or If-None-Match cannot be read";
    BAD_POSITION = "RC0404", 400, "bad_position", "The position is not one of ours";
    BAD_CURSOR = "RC0405", 400, "bad_cursor", "The cursor does not fit this list";
    BAD_PARAMETER = "RC0406", 400, "bad_parameter", "A query parameter is unknown or wrong";
    UNKNOWN_API_VERSION = "RC0407", 400, "unknown_api_version", "There is no such API version";
    BAD_FILTER = "RC0408", 400, "bad_filter", "The filter cannot be read";
    NO_EVENT = "RC0409", 400, "webhook_no_event", "The webhook is no event";
    UNAUTHENTICATED = "RC0410", 401, "unauthenticated", "Nobody is known by this token";
    FORBIDDEN = "RC0411", 403, "forbidden", "The role does not allow this";
    CROSS_SITE = "RC0412", 403, "cross_site", "Another web page asked";
    WRONG_HOST = "RC0413", 421, "wrong_host", "The Host is not ours";
    NOT_SIGNED = "RC0414", 401, "webhook_not_signed", "The webhook is not signed by the provider";
    NO_SUCH_ROUTE = "RC0420", 404, "no_such_route", "There is no such path";
    NOT_FOUND = "RC0421", 404, "not_found", "There is no such thing";
    METHOD_NOT_ALLOWED = "RC0422", 405, "method_not_allowed", "The path does not take this method";
    REQUEST_TIMEOUT = "RC0423", 408, "request_timeout", "The request took too long";
    BODY_TOO_LARGE = "RC0424", 413, "body_too_large", "The body is too large";
    URI_TOO_LONG = "RC0425", 414, "uri_too_long", "The address is too long";
    UNSUPPORTED_MEDIA_TYPE = "RC0426", 415, "unsupported_media_type", "The body is not sent as JSON";
    INVALID_REQUEST = "RC0430", 422, "invalid_request", "A field of the body is wrong";
    REFUSED = "RC0431", 409, "refused", "A rule refused the command";
    WRONG_VERSION = "RC0432", 412, "wrong_version", "The version is another one";
    KEY_REUSED = "RC0433", 422, "idempotency_key_reused", "The key was used for another request";
    STILL_RUNNING = "RC0434", 409, "still_running", "The first call is still running";
    LANE_OVERLOADED = "RC0435", 429, "too_many_commands", "Too many commands are waiting";
    INTERNAL = "RC0450", 500, "internal", "Something broke";
    OVERLOADED = "RC0451", 503, "overloaded", "Too many requests are running";
    DRAINING = "RC0452", 503, "draining", "The node is stopping";
    LANE_UNAVAILABLE = "RC0453", 503, "lane_unavailable", "Nobody serves the lane now";
    OUTCOME_UNKNOWN = "RC0454", 503, "outcome_unknown", "It may have happened";
    READ_MODEL_UNAVAILABLE = "RC0455", 503, "read_model_unavailable", "The read model cannot answer";
    NOT_YET = "RC0456", 503, "not_yet", "The read model is not that far";
    HISTORY_UNAVAILABLE = "RC0457", 503, "history_unavailable", "The log cannot be read now";
    TOO_MANY_LIVE = "RC0458", 503, "too_many_live", "Too many live connections";
    NOT_READY = "RC0459", 503, "not_ready", "The node takes no commands";
    MAY_NOT_BIND = "RC0470", 0, "may_not_bind", "The address needs authentication";
    BAD_TOKEN_FILE = "RC0471", 0, "bad_token_file", "The token file cannot be used";
}

/// The code of this number.
pub(crate) fn by_number(rc: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.rc == rc).copied()
}
