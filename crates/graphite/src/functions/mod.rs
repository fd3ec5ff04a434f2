//! All functions. [`TABLE`] is the one list of their names; each entry stands in the file of its group.

mod aggregation;
mod alias;
mod arguments;
mod combine;
mod filter;
mod forecast;
mod graph;
mod group;
mod lists;
mod moving;
mod own;
mod shift;
mod special;
mod summarize;
mod table;
mod timers;
mod transform;
pub mod units;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use aggregation::{Aggregator, NAMES as AGGREGATORS};
pub use arguments::{Arguments, python_float};
pub use lists::node_of;
pub use table::{Constant, Function, Group, Kind, Param};

use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::Window;
use crate::target::{Call, Expression, Literal};

/// A function with the name that it was called by.
pub type Named = (&'static str, &'static Function);

/// Names in the order in which graphite-web lists them.
#[rustfmt::skip]
pub static TABLE: &[Named] = &[
    ("aggregate", &combine::AGGREGATE),
    ("aggregateSeriesLists", &combine::AGGREGATE_SERIES_LISTS),
    ("aggregateWithWildcards", &combine::AGGREGATE_WITH_WILDCARDS),
    ("applyByNode", &group::APPLY_BY_NODE),
    ("asPercent", &combine::AS_PERCENT),
    ("averageSeries", &combine::AVERAGE_SERIES),
    ("averageSeriesWithWildcards", &combine::AVERAGE_SERIES_WITH_WILDCARDS),
    ("avg", &combine::AVERAGE_SERIES),
    ("countSeries", &combine::COUNT_SERIES),
    ("diffSeries", &combine::DIFF_SERIES),
    ("diffSeriesLists", &combine::DIFF_SERIES_LISTS),
    ("divideSeries", &combine::DIVIDE_SERIES),
    ("divideSeriesLists", &combine::DIVIDE_SERIES_LISTS),
    ("group", &combine::GROUP),
    ("groupByNode", &group::GROUP_BY_NODE),
    ("groupByNodes", &group::GROUP_BY_NODES),
    ("groupByTags", &group::GROUP_BY_TAGS),
    ("isNonNull", &transform::IS_NON_NULL),
    ("map", &group::MAP_SERIES),
    ("mapSeries", &group::MAP_SERIES),
    ("maxSeries", &combine::MAX_SERIES),
    ("minSeries", &combine::MIN_SERIES),
    ("multiplySeries", &combine::MULTIPLY_SERIES),
    ("multiplySeriesLists", &combine::MULTIPLY_SERIES_LISTS),
    ("multiplySeriesWithWildcards", &combine::MULTIPLY_SERIES_WITH_WILDCARDS),
    ("pct", &combine::AS_PERCENT),
    ("percentileOfSeries", &combine::PERCENTILE_OF_SERIES),
    ("rangeOfSeries", &combine::RANGE_OF_SERIES),
    ("reduce", &group::REDUCE_SERIES),
    ("reduceSeries", &group::REDUCE_SERIES),
    ("stddevSeries", &combine::STDDEV_SERIES),
    ("sum", &combine::SUM_SERIES),
    ("sumSeries", &combine::SUM_SERIES),
    ("sumSeriesLists", &combine::SUM_SERIES_LISTS),
    ("sumSeriesWithWildcards", &combine::SUM_SERIES_WITH_WILDCARDS),
    ("weightedAverage", &combine::WEIGHTED_AVERAGE),

    ("add", &transform::ADD),
    ("absolute", &transform::ABSOLUTE),
    ("compressPeriodicGaps", &transform::COMPRESS_PERIODIC_GAPS),
    ("delay", &transform::DELAY),
    ("derivative", &transform::DERIVATIVE),
    ("exp", &transform::EXP),
    ("hitcount", &summarize::HITCOUNT),
    ("integral", &transform::INTEGRAL),
    ("integralByInterval", &transform::INTEGRAL_BY_INTERVAL),
    ("interpolate", &transform::INTERPOLATE),
    ("invert", &transform::INVERT),
    ("keepLastValue", &transform::KEEP_LAST_VALUE),
    ("log", &transform::LOG),
    ("logit", &transform::LOGIT),
    ("minMax", &transform::MIN_MAX),
    ("nonNegativeDerivative", &transform::NON_NEGATIVE_DERIVATIVE),
    ("offset", &transform::OFFSET),
    ("offsetToZero", &transform::OFFSET_TO_ZERO),
    ("perSecond", &transform::PER_SECOND),
    ("pow", &transform::POW),
    ("powSeries", &combine::POW_SERIES),
    ("round", &transform::ROUND),
    ("scale", &transform::SCALE),
    ("scaleToSeconds", &transform::SCALE_TO_SECONDS),
    ("sigmoid", &transform::SIGMOID),
    ("smartSummarize", &summarize::SMART_SUMMARIZE),
    ("squareRoot", &transform::SQUARE_ROOT),
    ("summarize", &summarize::SUMMARIZE),
    ("timeShift", &shift::TIME_SHIFT),
    ("timeSlice", &shift::TIME_SLICE),
    ("timeStack", &shift::TIME_STACK),
    ("transformNull", &transform::TRANSFORM_NULL),

    ("aggregateLine", &moving::AGGREGATE_LINE),
    ("exponentialMovingAverage", &moving::EXPONENTIAL_MOVING_AVERAGE),
    ("holtWintersAberration", &forecast::HOLT_WINTERS_ABERRATION),
    ("holtWintersConfidenceArea", &forecast::HOLT_WINTERS_CONFIDENCE_AREA),
    ("holtWintersConfidenceBands", &forecast::HOLT_WINTERS_CONFIDENCE_BANDS),
    ("holtWintersForecast", &forecast::HOLT_WINTERS_FORECAST),
    ("linearRegression", &forecast::LINEAR_REGRESSION),
    ("movingAverage", &moving::MOVING_AVERAGE),
    ("movingMax", &moving::MOVING_MAX),
    ("movingMedian", &moving::MOVING_MEDIAN),
    ("movingMin", &moving::MOVING_MIN),
    ("movingSum", &moving::MOVING_SUM),
    ("movingWindow", &moving::MOVING_WINDOW),
    ("nPercentile", &moving::N_PERCENTILE),
    ("stdev", &moving::STDEV),

    ("averageAbove", &filter::AVERAGE_ABOVE),
    ("averageBelow", &filter::AVERAGE_BELOW),
    ("averageOutsidePercentile", &filter::AVERAGE_OUTSIDE_PERCENTILE),
    ("currentAbove", &filter::CURRENT_ABOVE),
    ("currentBelow", &filter::CURRENT_BELOW),
    ("exclude", &filter::EXCLUDE),
    ("filterSeries", &filter::FILTER_SERIES),
    ("grep", &filter::GREP),
    ("highest", &filter::HIGHEST),
    ("highestAverage", &filter::HIGHEST_AVERAGE),
    ("highestCurrent", &filter::HIGHEST_CURRENT),
    ("highestMax", &filter::HIGHEST_MAX),
    ("limit", &filter::LIMIT),
    ("lowest", &filter::LOWEST),
    ("lowestAverage", &filter::LOWEST_AVERAGE),
    ("lowestCurrent", &filter::LOWEST_CURRENT),
    ("maximumAbove", &filter::MAXIMUM_ABOVE),
    ("maximumBelow", &filter::MAXIMUM_BELOW),
    ("minimumAbove", &filter::MINIMUM_ABOVE),
    ("minimumBelow", &filter::MINIMUM_BELOW),
    ("mostDeviant", &filter::MOST_DEVIANT),
    ("removeBetweenPercentile", &filter::REMOVE_BETWEEN_PERCENTILE),
    ("removeEmptySeries", &filter::REMOVE_EMPTY_SERIES),
    ("unique", &filter::UNIQUE),
    ("useSeriesAbove", &filter::USE_SERIES_ABOVE),

    ("removeAbovePercentile", &filter::REMOVE_ABOVE_PERCENTILE),
    ("removeAboveValue", &filter::REMOVE_ABOVE_VALUE),
    ("removeBelowPercentile", &filter::REMOVE_BELOW_PERCENTILE),
    ("removeBelowValue", &filter::REMOVE_BELOW_VALUE),

    ("sortBy", &filter::SORT_BY),
    ("sortByMaxima", &filter::SORT_BY_MAXIMA),
    ("sortByMinima", &filter::SORT_BY_MINIMA),
    ("sortByName", &filter::SORT_BY_NAME),
    ("sortByTotal", &filter::SORT_BY_TOTAL),

    ("alias", &alias::ALIAS),
    ("aliasByMetric", &alias::ALIAS_BY_METRIC),
    ("aliasByNode", &alias::ALIAS_BY_NODE),
    ("aliasByTags", &alias::ALIAS_BY_TAGS),
    ("aliasQuery", &alias::ALIAS_QUERY),
    ("aliasSub", &alias::ALIAS_SUB),
    ("legendValue", &alias::LEGEND_VALUE),
    ("upper", &alias::UPPER),
    ("lower", &alias::LOWER),

    ("alpha", &graph::ALPHA),
    ("areaBetween", &graph::AREA_BETWEEN),
    ("color", &graph::COLOR),
    ("dashed", &graph::DASHED),
    ("drawAsInfinite", &graph::DRAW_AS_INFINITE),
    ("lineWidth", &graph::LINE_WIDTH),
    ("secondYAxis", &graph::SECOND_Y_AXIS),
    ("stacked", &graph::STACKED),
    ("threshold", &graph::THRESHOLD),
    ("verticalLine", &graph::VERTICAL_LINE),

    ("cactiStyle", &special::CACTI_STYLE),
    ("changed", &special::CHANGED),
    ("consolidateBy", &special::CONSOLIDATE_BY),
    ("constantLine", &special::CONSTANT_LINE),
    ("events", &special::EVENTS),
    ("cumulative", &special::CUMULATIVE),
    ("fallbackSeries", &special::FALLBACK_SERIES),
    ("identity", &special::IDENTITY),
    ("randomWalk", &special::RANDOM_WALK),
    ("randomWalkFunction", &special::RANDOM_WALK),
    ("setXFilesFactor", &special::SET_X_FILES_FACTOR),
    ("sin", &special::SIN),
    ("sinFunction", &special::SIN),
    ("seriesByTag", &special::SERIES_BY_TAG),
    ("substr", &alias::SUBSTR),
    ("time", &special::TIME),
    ("timeFunction", &special::TIME),
    ("xFilesFactor", &special::SET_X_FILES_FACTOR),

    // Ours.
    ("counterRate", &own::COUNTER_RATE),
    ("heatmapOver", &timers::HEATMAP_OVER),
    ("joinByNode", &own::JOIN_BY_NODE),
    ("mergeTimers", &timers::MERGE_TIMERS),
    ("percentileOver", &timers::PERCENTILE_OVER),
    ("quantileOverTime", &moving::QUANTILE_OVER_TIME),
    ("seriesByRegex", &own::SERIES_BY_REGEX),
    ("topK", &own::TOP_K),
];

static BY_NAME: LazyLock<HashMap<&'static str, Named>> =
    LazyLock::new(|| TABLE.iter().map(|entry| (entry.0, *entry)).collect());

pub fn find(name: &str) -> Option<Named> {
    BY_NAME.get(name).copied()
}

/// The function, or the original's complaint.
pub fn named(name: &str) -> Result<Named, EvaluationError> {
    find(name).ok_or_else(|| EvaluationError::input(format!("Received request for unknown function: {name}")))
}

/// May it be the callback of `groupByNode` and its like?
pub fn is_callback(name: &str) -> bool {
    Aggregator::named(name).is_some() || find(name).is_some_and(|(_, function)| function.aggregator)
}

/// Other windows in which a call will want its first argument, as far as its text tells.
pub fn windows_needed(call: &Call, is_piped: bool, window: Window) -> Vec<Window> {
    let argument = |position: usize| call.arguments.get(position - usize::from(is_piped));
    let text = |position: usize| match argument(position) {
        Some(Expression::Literal(Literal::Text(text))) => Some(text.as_str()),
        _ => None,
    };
    let integer = |position: usize, default: i64| match argument(position) {
        Some(Expression::Literal(Literal::Int(value))) => *value,
        _ => default,
    };
    let seconds = |text: &str| attime::parse_offset(text).ok();
    match call.function.as_str() {
        "timeShift" => {
            let shift = text(1).and_then(|text| seconds(&shift::backwards(text)));
            shift.map(|seconds| window.shifted(seconds)).into_iter().collect()
        }
        "timeStack" => {
            let Some(unit) = seconds(&shift::backwards(text(1).unwrap_or("1d"))) else { return Vec::new() };
            let (first, last) = (integer(2, 0), integer(3, 7));
            // More than a few are not worth planning for.
            (first..last.min(first.saturating_add(64)))
                .map(|shift| window.shifted(unit.saturating_mul(shift)))
                .collect()
        }
        "movingAverage"
        | "movingMedian"
        | "movingSum"
        | "movingMin"
        | "movingMax"
        | "movingWindow"
        | "exponentialMovingAverage" => {
            let length = text(1).and_then(seconds);
            length.map(|seconds| window.starting_earlier(seconds.abs())).into_iter().collect()
        }
        "quantileOverTime" => {
            let length = text(2).and_then(seconds);
            length.map(|seconds| window.starting_earlier(seconds.abs())).into_iter().collect()
        }
        "counterRate" => {
            let length = text(1).and_then(seconds);
            length.map(|seconds| window.starting_earlier(seconds.saturating_mul(2))).into_iter().collect()
        }
        "holtWintersForecast" => {
            seconds(text(1).unwrap_or("7d")).map(|s| window.starting_earlier(s)).into_iter().collect()
        }
        "holtWintersConfidenceBands" | "holtWintersConfidenceArea" | "holtWintersAberration" => {
            seconds(text(2).unwrap_or("7d")).map(|s| window.starting_earlier(s)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
