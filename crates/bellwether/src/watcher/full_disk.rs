//! The log says once that the disk takes nothing any more, and once that it does again: whoever looks there first sees it.

use crate::house::House;

#[derive(Debug, Default)]
pub struct DiskWord {
    is_full: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    Stopped(String),
    Goes,
}

impl DiskWord {
    pub fn look(&mut self, house: &House) {
        // Its reason takes a lock, and is asked for when there is one.
        if house.store.is_read_only() == self.is_full {
            return;
        }
        match self.news(house.store.health().read_only.map(|why| why.reason)) {
            Some(News::Stopped(why)) => tracing::error!(
                "nothing is stored any more: {why}; new points are kept for live views only. Make room, or mend the disk: \
                 writing goes on by itself"
            ),
            Some(News::Goes) => tracing::warn!("the disk takes what is written again"),
            None => {}
        }
    }

    fn news(&mut self, why: Option<String>) -> Option<News> {
        let before = std::mem::replace(&mut self.is_full, why.is_some());
        match (before, why) {
            (false, Some(why)) => Some(News::Stopped(why)),
            (true, None) => Some(News::Goes),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_said_once() {
        let mut word = DiskWord::default();
        let full = || Some("no room".to_owned());
        let said: Vec<_> = [None, full(), full(), full(), None, None, full()]
            .into_iter()
            .map(|why| word.news(why))
            .collect();
        let stopped = || Some(News::Stopped("no room".to_owned()));
        assert_eq!(said, [None, stopped(), None, None, Some(News::Goes), None, stopped()]);
    }
}
