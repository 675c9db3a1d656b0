//! The two kinds of callback.

/// What the gateway calls back for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallbackKind {
    DeliveryReport,
    InboundMessage,
}

impl CallbackKind {
    pub const ALL: [Self; 2] = [Self::DeliveryReport, Self::InboundMessage];

    /// The name in the column `kind`, in log lines and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryReport => "delivery-report",
            Self::InboundMessage => "inbound-message",
        }
    }

    /// The kind with this [name](Self::as_str).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
