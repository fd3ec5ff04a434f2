//! Graphs of pages: within the page, or after it.

use super::{Letter, Post, Work};
use crate::config::ChannelConfig;
use crate::retry::Failure;

/// How pages of a type show the graph.
#[derive(Clone, Copy)]
pub enum Pictures {
    None,
    /// Within the page itself.
    Within,
    /// After it: the page does not wait for its graph, nor is it lost with it.
    After(fn(&ChannelConfig) -> Opened),
}

/// What shows graphs, if a channel that is written so can.
pub type Opened = Result<Option<Box<dyn Illustrator>>, String>;

/// A page that was taken, and its graph.
pub struct Shown {
    pub letter: Letter,
    /// What the receiver calls the page.
    pub handle: Option<String>,
    /// As PNG.
    pub picture: Vec<u8>,
}

pub trait Illustrator: Send + Sync {
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>>;
}

/// What a graph is called where it needs a name.
pub const FILE_NAME: &str = "graph.png";

/// Over a graph: whoever sees it alone still knows what it is of.
pub fn caption(letter: &Letter) -> String {
    format!("the graph of {}", letter.waiting.page.message.title)
}
