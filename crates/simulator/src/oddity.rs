//! What old and careless gateways do to a request. Each leaves the meaning of the callback as it is.

/// One oddity of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// HTTP/1.0 without `Host`.
    OldHttp,
    /// Parameters appended to a registered URL that has a query already, with a second `?`.
    SecondQuestionMark,
    /// Two `?` in front of the query.
    DoubledQuestionMark,
    /// `%` that is not escaped, as in `100% off`.
    BareEscapes,
    /// Blanks, `#`, quotes and 8-bit bytes in the request line as they are.
    RawBytes,
    /// Everything but letters and digits escaped, in lower case.
    LowerCaseEscapes,
    /// Parameters that no document names.
    ExtraParameters,
    /// A documented parameter a second time, with another value.
    RepeatedParameter,
    /// The parameters in another order.
    OtherOrder,
    /// An unescaped `+` in front of each number.
    PlusInNumbers,
    /// A form without `Content-Type`.
    NoContentType,
    /// A form whose `Content-Type` names a charset.
    CharsetInContentType,
    /// A form with a line end that belongs to the body.
    LineEnd,
    /// A form with a line end that does not belong to the body.
    UncountedLineEnd,
    /// A `POST` with neither body nor `Content-Length`.
    NoContentLength,
    /// Half of the parameters in the query, the rest in the form.
    QueryAndForm,
}

impl Oddity {
    /// Every oddity.
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
