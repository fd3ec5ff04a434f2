//! Which instances a rule has, by the series that are stored.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::condition::Name;
use super::super::funnel;
use super::super::rule::Rule;
use super::super::source::{Found, Look, Stored, Subject};

/// The target whose series are the instances: the monitor's, else the first that a condition names.
pub fn primary(rule: &Rule) -> usize {
    match rule.targets.iter().position(|target| target.name == Name::default()) {
        Some(target) => target,
        None => rule.inputs.first().map_or(0, |input| input.target),
    }
}

/// An instance with the stored series of each target.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub name: Arc<str>,
    pub key: Arc<str>,
    pub stored: Vec<Option<Stored>>,
}

/// Looks names up, those that several monitors ask for once.
pub struct Finder<'l> {
    look: &'l Look<'l>,
    found: RefCell<HashMap<String, Rc<Vec<Found>>>>,
}

impl<'l> Finder<'l> {
    pub fn new(look: &'l Look<'l>) -> Finder<'l> {
        Finder { look, found: RefCell::default() }
    }

    /// `before`: the series that was found under this text the last time, if it is only one.
    fn find(&self, text: &str, subject: &Subject, before: Option<&Stored>) -> Result<Rc<Vec<Found>>, String> {
        if let Some(found) = before.and_then(|before| subject.find_again(before, self.look)) {
            return Ok(Rc::new(vec![found]));
        }
        if let Some(found) = self.found.borrow().get(text) {
            return Ok(Rc::clone(found));
        }
        let found = Rc::new(subject.find(self.look).map_err(|error| error.to_string())?);
        self.found.borrow_mut().insert(text.to_owned(), Rc::clone(&found));
        Ok(found)
    }
}

/// All instances that stored series make. `before`: the series of the first of them when this was asked last.
pub fn find_all(
    rule: &Rule,
    subjects: &[Subject],
    finder: &Finder<'_>,
    before: &[Option<Stored>],
) -> Result<Vec<Item>, String> {
    if let Some(pattern) = &rule.funnel {
        return find_funnels(pattern, finder);
    }
    let find = |(place, subject): (usize, &Subject)| {
        let before = before.get(place).and_then(Option::as_ref);
        finder.find(&rule.targets[place].text, subject, before)
    };
    let found: Vec<Rc<Vec<Found>>> = subjects.iter().enumerate().map(find).collect::<Result<_, _>>()?;
    let of_key: Vec<HashMap<&str, &Found>> =
        found.iter().map(|found| found.iter().map(|found| (&*found.key, found)).collect()).collect();
    let item = |first: &Found| {
        let stored = |found: &HashMap<&str, &Found>| {
            let alone = if found.len() == 1 { found.get("") } else { None };
            found.get(&*first.key).or(alone).and_then(|found| found.stored)
        };
        Item {
            name: Arc::clone(&first.name),
            key: Arc::clone(&first.key),
            stored: of_key.iter().map(stored).collect(),
        }
    };
    let mut items: Vec<Item> = found[primary(rule)].iter().map(item).collect();
    // A single name that nobody has sent yet is awaited, so that its absence can be told.
    if let (true, Subject::Pattern(name)) = (items.is_empty(), &subjects[primary(rule)])
        && !name.contains(['*', '?', '[', '{'])
    {
        let stored = of_key.iter().map(|found| found.get("").and_then(|found| found.stored)).collect();
        items.push(Item { name: name.as_str().into(), key: "".into(), stored });
    }
    Ok(items)
}

fn find_funnels(pattern: &str, finder: &Finder<'_>) -> Result<Vec<Item>, String> {
    let found = finder.find(pattern, &Subject::of(pattern), None)?;
    let by_name: HashMap<&str, &Found> = found.iter().map(|found| (&*found.name, found)).collect();
    let queues = funnel::recognise(found.iter().map(|found| &*found.name));
    let item = |(queue, funnel): (String, funnel::Funnel)| {
        let stored = |name: &Option<String>| by_name.get(name.as_deref()?).and_then(|found| found.stored);
        let queue: Arc<str> = queue.into();
        Item { name: Arc::clone(&queue), key: queue, stored: funnel.stages.iter().map(stored).collect() }
    };
    Ok(queues.into_iter().map(item).collect())
}
