//! What old and careless gateways do to a request. None changes the meaning of the callback.

/// One oddity of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// HTTP/1.0 without `Host`.
    OldHttp,
    /// Parameters appended with a second `?` to a registered URL that already has a query.
    SecondQuestionMark,
    /// Two `?` before the query.
    DoubledQuestionMark,
    /// `%` that is not escaped, as in `100% off`.
    BareEscapes,
    /// Unescaped blanks, `#`, quotes and 8-bit bytes in the request line.
    RawBytes,
    /// Everything but letters and digits escaped, with lower-case hex digits.
    LowerCaseEscapes,
    /// Parameters that the gateway's document does not name.
    ExtraParameters,
    /// A documented parameter a second time, with another value.
    RepeatedParameter,
    /// The parameters in another order.
    OtherOrder,
    /// An unescaped `+` before each number.
    PlusInNumbers,
    /// A form without `Content-Type`.
    NoContentType,
    /// A form whose `Content-Type` names a charset.
    CharsetInContentType,
    /// A form followed by a line end that `Content-Length` includes.
    LineEnd,
    /// A form followed by a line end that `Content-Length` does not include.
    UncountedLineEnd,
    /// A `POST` with neither body nor `Content-Length`.
    NoContentLength,
    /// Half of the parameters in the query, the rest in the form.
    QueryAndForm,
}

impl Oddity {
    pub const ALL: [Self; 16] = [
        Self::OldHttp,
        Self::SecondQuestionMark,
        Self::DoubledQuestionMark,
        Self::BareEscapes,
        Self::RawBytes,
        Self::LowerCaseEscapes,
        Self::ExtraParameters,
        Self::RepeatedParameter,
        Self::OtherOrder,
        Self::PlusInNumbers,
        Self::NoContentType,
        Self::CharsetInContentType,
        Self::LineEnd,
        Self::UncountedLineEnd,
        Self::NoContentLength,
        Self::QueryAndForm,
    ];
}
