//! What a function is: one entry says its signature, parameters, help and code. The entries feed the
//! evaluation, the check of arguments, `/functions` and the help of the editor. Names are in [`super::TABLE`].

use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::value::Value;

pub struct Function {
    /// As graphite-web shows it, without the name: `(seriesList, factor)`.
    pub signature: &'static str,
    pub group: Group,
    pub params: &'static [Param],
    /// One paragraph: what it does, its arguments, an example.
    pub help: &'static str,
    /// May be the callback of `groupByNode` and its like.
    pub aggregator: bool,
    pub run: fn(&mut Invocation<'_, '_>) -> Result<Value, EvaluationError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Alias,
    Calculate,
    Combine,
    FilterData,
    FilterSeries,
    Graph,
    Sorting,
    Special,
    Transform,
    /// Ours: distributions.
    Timers,
}

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Group::Alias => "Alias",
            Group::Calculate => "Calculate",
            Group::Combine => "Combine",
            Group::FilterData => "Filter Data",
            Group::FilterSeries => "Filter Series",
            Group::Graph => "Graph",
            Group::Sorting => "Sorting",
            Group::Special => "Special",
            Group::Transform => "Transform",
            Group::Timers => "Timers",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub default: Option<Constant>,
    pub multiple: bool,
    pub options: &'static [Constant],
    pub suggestions: &'static [Constant],
}

/// The types of graphite-web's parameters, and one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    AggFunc,
    AggOrSeriesFunc,
    Any,
    Boolean,
    Date,
    Float,
    IntOrInf,
    IntOrInterval,
    Integer,
    Interval,
    Node,
    NodeOrTag,
    SeriesList,
    SeriesLists,
    String,
    Tag,
    /// Ours: patterns of timers, whose distributions are meant.
    TimerList,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::AggFunc => "aggFunc",
            Kind::AggOrSeriesFunc => "aggOrSeriesFunc",
            Kind::Any => "any",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Float => "float",
            Kind::IntOrInf => "intOrInf",
            Kind::IntOrInterval => "intOrInterval",
            Kind::Integer => "integer",
            Kind::Interval => "interval",
            Kind::Node => "node",
            Kind::NodeOrTag => "nodeOrTag",
            Kind::SeriesList => "seriesList",
            Kind::SeriesLists => "seriesLists",
            Kind::String => "string",
            Kind::Tag => "tag",
            Kind::TimerList => "timerList",
        }
    }
}

/// A value in a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Constant {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'static str),
}

impl Constant {
    pub fn value(self) -> Value {
        match self {
            Constant::None => Value::None,
            Constant::Bool(value) => Value::Bool(value),
            Constant::Int(value) => Value::Int(value),
            Constant::Float(value) => Value::Float(value),
            Constant::Text(value) => Value::Text(value.to_owned()),
        }
    }

    /// Python's `==`.
    pub fn equals(self, value: &Value) -> bool {
        match (self, value) {
            (Constant::None, Value::None) => true,
            (Constant::Text(ours), Value::Text(theirs)) => ours == theirs,
            (Constant::None | Constant::Text(_), _) => false,
            (number, value) => number.value().as_float() == value.as_float(),
        }
    }
}

pub const fn required(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: true, default: None, multiple: false, options: &[], suggestions: &[] }
}

pub const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { required: false, ..required(name, kind) }
}

impl Param {
    pub const fn multiple(self) -> Param {
        Param { multiple: true, ..self }
    }

    pub const fn default(self, default: Constant) -> Param {
        Param { default: Some(default), ..self }
    }

    pub const fn options(self, options: &'static [Constant]) -> Param {
        Param { options, ..self }
    }

    pub const fn suggestions(self, suggestions: &'static [Constant]) -> Param {
        Param { suggestions, ..self }
    }
}

/// The list that nearly every function takes first.
pub const SERIES: Param = required("seriesList", Kind::SeriesList);
pub const SERIES_LISTS: Param = required("seriesLists", Kind::SeriesList).multiple();

pub const WINDOWS: &[Constant] = &[
    Constant::Int(5),
    Constant::Int(7),
    Constant::Int(10),
    Constant::Text("1min"),
    Constant::Text("5min"),
    Constant::Text("10min"),
    Constant::Text("30min"),
    Constant::Text("1hour"),
];
