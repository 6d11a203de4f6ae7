//! The errors that the server answers by itself.
//!
//! Each error is one row of the table below. The row defines its status line, the first line of its page, and
//! its counter in [`Stats`](crate::Stats), so none of them can be forgotten.

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident = $code:literal $phrase:literal,)*) => {
        /// An error that the server answers by itself. Then it closes the connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ErrorStatus {
            $($(#[$doc])* $name,)*
        }

        impl ErrorStatus {
            /// The status codes of all errors. The counter of an error has the same index.
            pub(crate) const CODES: [u16; [$($code),*].len()] = [$($code),*];

            pub(crate) const fn code(self) -> u16 {
                Self::CODES[self as usize]
            }

            pub(crate) const fn phrase(self) -> &'static str {
                match self {
                    $(ErrorStatus::$name => $phrase,)*
                }
            }

            /// Returns the phrase of a status code, if it is one of these errors.
            pub(crate) fn phrase_of(code: u16) -> Option<&'static str> {
                match code {
                    $($code => Some($phrase),)*
                    _ => None,
                }
            }
        }
    };
}

errors! {
    /// The request is malformed.
    BadRequest = 400 "Bad Request",
    /// The request did not arrive in time.
    RequestTimeout = 408 "Request Timeout",
    /// The body is longer than [`Limits::body_bytes`](crate::Limits::body_bytes).
    ContentTooLarge = 413 "Content Too Large",
    /// The target is longer than [`Limits::target_bytes`](crate::Limits::target_bytes).
    UriTooLong = 414 "URI Too Long",
    /// The client expects something other than `100-continue`.
    ExpectationFailed = 417 "Expectation Failed",
    /// The head is longer than [`Limits::head_bytes`](crate::Limits::head_bytes), or has too many headers.
    HeadTooLarge = 431 "Request Header Fields Too Large",
    /// The handler's response cannot be sent.
    InternalServerError = 500 "Internal Server Error",
    /// The request is CONNECT, or its body has an unknown transfer coding.
    NotImplemented = 501 "Not Implemented",
    /// No buffer or exchange is left for the request, or its response did not come in time.
    ServiceUnavailable = 503 "Service Unavailable",
    /// The version is not HTTP/1.
    VersionNotSupported = 505 "HTTP Version Not Supported",
}
