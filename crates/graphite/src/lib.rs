//! The target language: from the parameters of a request to the bytes of an answer.
//!
//! What comes in: parameters as names and values, the time, and a [`SeriesSource`](vocabulary::SeriesSource)
//! to read from. What goes out: an [`Answer`] (content type, headers, bytes), a [`Refusal`] (status, text), or
//! series for other rooms ([`evaluate`]). What never happens here: HTTP, files, the real clock.
//!
//! The model is graphite-web 1.1.10: names, values, statuses and bytes are its own wherever something outside
//! can depend on them. Where it stumbles over good input (a gap in a counter with a bound, a number too large),
//! we answer; where its result is only odd, ours is as odd. docs/graphite.md lists what people may notice.
//!
//! | from | to | module |
//! |---|---|---|
//! | parameters of `/render` | request, answer | [`render`] |
//! | parameters of `/metrics/...` | answer | [`find`] |
//! | parameters of `/tags/...` | answer | [`tags`] |
//! | the table of functions | `/functions` | [`describe`] |
//! | text of a target | tree | [`parse`], [`target`] |
//! | tree | series | [`evaluate`](evaluate()) |
//! | text of a time | seconds | [`attime`] |
//! | tree | what each step took | [`evaluate::explain`] |
//! | a function's name | what it does | [`functions`]: one table, one entry each |

mod answer;
pub mod attime;
mod binary;
pub mod describe;
mod error;
pub mod evaluate;
pub mod events;
pub mod find;
pub mod functions;
#[doc(hidden)]
pub mod fuzzing;
mod json;
mod limits;
mod parameters;
pub mod parse;
mod python;
pub mod render;
pub mod series;
mod stats;
pub mod tag_expressions;
pub mod tags;
pub mod target;
mod timers;
mod value;

pub use answer::Answer;
pub use error::{EvaluationError, InputError, Refusal};
pub use evaluate::{Environment, Evaluated, Grounds, Question, Window, evaluate};
pub use events::{Events, NoEvents};
pub use find::Names;
pub use render::{Defaults, RenderRequest, render, render_with_grounds};
pub use series::Series;
pub use stats::Trace;
