//! What travels in an envelope, and the categories that rates are limited by.

use super::limits;

macro_rules! item_kinds {
    ($($kind:ident $name:literal $category:ident $bytes:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ItemKind {
            $($kind,)*
            /// Of a later SDK.
            Unknown,
        }

        impl ItemKind {
            pub const ALL: &[ItemKind] = &[$(ItemKind::$kind,)* ItemKind::Unknown];

            pub fn of(name: &str) -> ItemKind {
                match name {
                    $($name => ItemKind::$kind,)*
                    _ => ItemKind::Unknown,
                }
            }

            /// As the header of an item says it.
            pub fn name(self) -> &'static str {
                match self {
                    $(ItemKind::$kind => $name,)*
                    ItemKind::Unknown => "unknown",
                }
            }

            pub fn category(self) -> Category {
                match self {
                    $(ItemKind::$kind => Category::$category,)*
                    ItemKind::Unknown => Category::Unknown,
                }
            }

            /// The longest that one may be.
            pub fn bytes_max(self) -> usize {
                match self {
                    $(ItemKind::$kind => limits::$bytes,)*
                    ItemKind::Unknown => limits::ITEM_BYTES,
                }
            }
        }
    };
}

item_kinds! {
    Event "event" Error EVENT_BYTES,
    Attachment "attachment" Attachment ATTACHMENTS_BYTES,
    UserReport "user_report" Feedback USER_REPORT_BYTES,
    Feedback "feedback" Feedback EVENT_BYTES,
    CheckIn "check_in" Monitor CHECK_IN_BYTES,
    Session "session" Session SESSIONS_BYTES,
    Sessions "sessions" Session SESSIONS_BYTES,
    ClientReport "client_report" Internal CLIENT_REPORT_BYTES,
    RawSecurity "raw_security" Security SECURITY_REPORT_BYTES,
    Transaction "transaction" Transaction EVENT_BYTES,
    Span "span" Span SPAN_BYTES,
    Profile "profile" Profile PROFILE_BYTES,
    ProfileChunk "profile_chunk" ProfileChunk PROFILE_BYTES,
    ReplayEvent "replay_event" Replay EVENT_BYTES,
    ReplayRecording "replay_recording" Replay REPLAY_BYTES,
    ReplayVideo "replay_video" Replay REPLAY_BYTES,
    Statsd "statsd" MetricBucket ITEM_BYTES,
    MetricBuckets "metric_buckets" MetricBucket ITEM_BYTES,
    TraceMetric "trace_metric" TraceMetric ITEM_BYTES,
    Log "log" LogItem LOGS_BYTES,
    OtelLog "otel_log" LogItem LOGS_BYTES,
    Nel "nel" Nel SECURITY_REPORT_BYTES,
    FormData "form_data" Attachment EVENT_BYTES,
    UnrealReport "unreal_report" Error ATTACHMENTS_BYTES,
}

macro_rules! categories {
    ($($category:ident $name:literal,)*) => {
        /// What SDKs are told to hold back, by these names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Category {
            $($category,)*
        }

        impl Category {
            pub const ALL: &[Category] = &[$(Category::$category,)*];

            /// As `X-Sentry-Rate-Limits` and client reports say it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Category::$category => $name,)*
                }
            }

            pub fn of(name: &str) -> Category {
                match name {
                    $($name => Category::$category,)*
                    _ => Category::Unknown,
                }
            }
        }
    };
}

categories! {
    Default "default",
    Error "error",
    Security "security",
    Attachment "attachment",
    Feedback "feedback",
    Monitor "monitor",
    Session "session",
    Internal "internal",
    Transaction "transaction",
    Span "span",
    Profile "profile",
    ProfileChunk "profile_chunk",
    Replay "replay",
    MetricBucket "metric_bucket",
    TraceMetric "trace_metric",
    LogItem "log_item",
    Nel "nel",
    Unknown "unknown",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_there_and_back() {
        for kind in ItemKind::ALL {
            assert_eq!(ItemKind::of(kind.name()), *kind);
            assert_eq!(Category::of(kind.category().name()), kind.category());
        }
        for category in Category::ALL {
            assert_eq!(Category::of(category.name()), *category);
        }
        assert_eq!(ItemKind::of("of_tomorrow"), ItemKind::Unknown);
    }
}
