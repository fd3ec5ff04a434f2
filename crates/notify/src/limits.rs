//! Bounds, each with its reason.

use std::time::Duration;

/// For one call to a provider or webhook: a receiver that is slower than this has lost it.
pub const CALL_CONNECT: Duration = Duration::from_secs(3);
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Push services that are called side by side for one contact, and contacts for whom that is done.
pub const PUSHES_AT_ONCE: usize = 8;
/// A push service that was busy while another browser of the contact took the page is asked again so late: other pages wait.
pub const PUSH_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Of an answer: why it failed, what the page is called there, or a list of what people did.
pub const CALL_ANSWER_BYTES: usize = 256 << 10;
/// What has not been taken after an hour is told by another channel.
pub const CALL_GIVE_UP_SECONDS: i64 = 3_600;
/// A provider is asked so often what people did there, while something is open: short enough that an escalation of
/// minutes stops in time, long enough for the limits that providers have.
pub const ASK_EVERY: Duration = Duration::from_secs(3);
/// The public server of ntfy takes one request of a visitor in five seconds, for as long as one likes.
pub const NTFY_EVERY: Duration = Duration::from_secs(5);
/// A telephone's button is heard at once: the question waits so long at Telegram for something to answer.
pub const TELEGRAM_WAITS: Duration = Duration::from_secs(20);
/// Pushover and Twilio are asked no more often than this, which Pushover asks for.
pub const RECEIPTS_EVERY: Duration = Duration::from_secs(5);
/// Twilio's Gather waits so long for a key.
pub const KEY_SECONDS: u32 = 10;
/// A command that sends a page has so long; then it is ended and tried again.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);
/// Of what it says.
pub const COMMAND_OUTPUT_BYTES: u64 = 16 << 10;
/// What a template may make of one page.
pub const TEMPLATE_BYTES: usize = 64 << 10;
/// What was done so many seconds before a page was made, by a provider's clock, may still be an answer to it.
pub const CLOCKS_DIFFER_SECONDS: i64 = 5;
/// What a provider posts of something that was done so long ago is not believed: it has been asked long since.
pub const POSTED_AGE_SECONDS: i64 = 900;
/// Words below messages of Slack that are looked for in one round: it allows 50 such questions a minute.
pub const LOOKS_BELOW: usize = 20;
/// Slack is asked so far back whether a message is there already.
pub const HISTORY_MESSAGES: &str = "100";
/// Slack pings every half minute; a connection on which nothing has come for so long is asked, and is dead if nothing comes again.
pub const SOCKET_SILENCE: Duration = Duration::from_secs(30);
/// A connection that Slack ends sooner than this is not replaced at once.
pub const SOCKET_LASTS: Duration = Duration::from_secs(5);
/// One message of Slack's: what was pressed, with the message that it was below.
pub const SOCKET_BYTES: usize = 512 << 10;
/// What the button that snoozes asks for.
pub const SNOOZE_SECONDS: i64 = 3_600;
/// For one mail, its connection included.
pub const MAIL_TIMEOUT: Duration = Duration::from_secs(30);
/// Servers that are full or that greylist take mail hours later.
pub const MAIL_GIVE_UP_SECONDS: i64 = 4 * 3_600;
/// A line of a mail server's answer (RFC 5321), and lines of one answer.
pub const MAIL_ANSWER_BYTES: usize = 16 << 10;
/// The longest pause between two tries.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A receiver that asks for a longer pause than this is not obeyed: the page would be too late.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// Pages that one round of a channel takes.
pub const ROUND: usize = 100;
/// A push service keeps a message so long for a browser that is away: what has waited longer is told in another way.
pub const PUSH_KEPT_SECONDS: i64 = 3_600;
/// From so many for one recipient at once they are one mail.
pub const BUNDLE_FROM: usize = 4;
/// Mails a minute unless the channel says otherwise.
pub const MAILS_A_MINUTE: u32 = 60;
/// Events shortly before, that a page names.
pub const MARKS: usize = 5;
pub const MARKS_BEFORE_SECONDS: i64 = 3_600;
/// What values usually are is looked up for so long in one round of pages; the rest of a storm goes without.
pub const USUALS_PATIENCE: Duration = Duration::from_secs(1);
/// Opsgenie makes an alert some seconds after it was taken; its graph is offered so often.
pub const ALERT_MADE_TRIES: u32 = 4;
pub const ALERT_MADE_EVERY: Duration = Duration::from_secs(2);
/// Graphs that one round of a channel draws: from four pages at once they are one mail, which has none.
pub const PICTURES: usize = 3;
/// Pages of one channel whose graph has still to follow; of more than that nobody looks at each.
pub const PICTURES_WAITING: usize = 16;
/// A graph that is larger is not sent after its page: the smallest bound of those who take some (Telegram takes 10 MB,
/// Pushover 5, ntfy.sh 2).
pub const PICTURE_BYTES: usize = 2 << 20;
/// A task looks for pages at least so often, whatever wakes it.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What is being sent at the stop has so long to end.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(3);
