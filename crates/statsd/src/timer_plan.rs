//! Which numbers of a timer are written and what they are called.

use crate::config::{Bin, Percentile, StatsdConfig};
use crate::js;

/// NaN is what the original has no number for; it is not written.
pub struct PercentileNumbers {
    pub count: f64,
    pub sum: f64,
    pub sum_squares: f64,
    /// The largest value of a bottom share, the smallest of a top share.
    pub edge: f64,
}

impl PercentileNumbers {
    pub const UNKNOWN: PercentileNumbers =
        PercentileNumbers { count: f64::NAN, sum: f64::NAN, sum_squares: f64::NAN, edge: f64::NAN };
}

/// What is made of all values of a timer.
pub struct Whole {
    pub std: f64,
    pub upper: f64,
    pub lower: f64,
    pub count: f64,
    pub sum: f64,
    pub sum_squares: f64,
    pub mean: f64,
    pub median: f64,
}

/// Which numbers of a timer are written and what they are called, made once from the configuration.
/// A number that `calculated_timer_metrics` leaves out has no name.
#[derive(Clone, Debug)]
pub struct TimerPlan {
    seconds: f64,
    /// For timers whose name contains the text; the last is for all.
    percentiles: Vec<(String, Vec<PercentilePlan>)>,
    std: Option<&'static str>,
    upper: Option<&'static str>,
    lower: Option<&'static str>,
    count: Option<&'static str>,
    count_ps: Option<&'static str>,
    sum: Option<&'static str>,
    sum_squares: Option<&'static str>,
    mean: Option<&'static str>,
    median: Option<&'static str>,
    histograms: Vec<HistogramPlan>,
}

#[derive(Clone, Debug)]
pub struct PercentilePlan {
    pub percent: f64,
    count: Option<String>,
    mean: Option<String>,
    edge: Option<String>,
    sum: Option<String>,
    sum_squares: Option<String>,
}

#[derive(Clone, Debug)]
struct HistogramPlan {
    metric: String,
    /// Upper limit and name, infinity for the rest.
    bins: Vec<(f64, String)>,
}

impl TimerPlan {
    pub fn new(config: &StatsdConfig) -> TimerPlan {
        let filter = &config.calculated_timer_metrics;
        let wanted = |name: &str| filter.is_empty() || filter.iter().any(|metric| *metric == cleaned(name));
        let whole = |name: &'static str| wanted(name).then_some(name);
        let of = |what: &str, percent: &str| Some(format!("{what}_{percent}")).filter(|name| wanted(name));
        let percentile = |percentile: &Percentile| {
            let percent = percentile.0;
            let text = js::number_to_text(percent).replacen('.', "_", 1).replacen('-', "top", 1);
            PercentilePlan {
                percent,
                count: of("count", &text),
                mean: of("mean", &text),
                edge: of(if percent > 0.0 { "upper" } else { "lower" }, &text),
                sum: of("sum", &text),
                sum_squares: of("sum_squares", &text),
            }
        };
        let bin = |bin: &Bin| match bin {
            Bin::Below(limit) => {
                (*limit, format!("histogram.bin_{}", js::number_to_text(*limit).replacen('.', "_", 1)))
            }
            Bin::Rest => (f64::INFINITY, "histogram.bin_inf".to_owned()),
        };
        let histograms = config.histogram.iter().map(|histogram| HistogramPlan {
            metric: histogram.metric.clone(),
            bins: histogram.bins.iter().map(bin).collect(),
        });
        let special = config.timer_percentiles.iter().map(|special| (&*special.metric, &special.percentiles));
        let percentiles = special
            .chain([("", &config.percentiles)])
            .map(|(metric, percentiles)| (metric.to_owned(), percentiles.iter().map(percentile).collect()))
            .collect();
        TimerPlan {
            seconds: config.flush_interval.seconds(),
            percentiles,
            std: whole("std"),
            upper: whole("upper"),
            lower: whole("lower"),
            count: whole("count"),
            count_ps: whole("count_ps"),
            sum: whole("sum"),
            sum_squares: whole("sum_squares"),
            mean: whole("mean"),
            median: whole("median"),
            histograms: if wanted("histogram") { histograms.collect() } else { Vec::new() },
        }
    }

    pub fn percentiles(&self, name: &str) -> &[PercentilePlan] {
        let matching = self.percentiles.iter().find(|(metric, _)| name.contains(metric));
        matching.map_or(&[], |(_, percentiles)| percentiles)
    }

    /// Of a timer without values in the interval.
    pub fn write_idle(&self, out: &mut dyn FnMut(&str, f64)) {
        for name in [self.count, self.count_ps].into_iter().flatten() {
            out(name, 0.0);
        }
    }

    pub fn write_whole(&self, whole: &Whole, out: &mut dyn FnMut(&str, f64)) {
        let Whole { std, upper, lower, count, sum, sum_squares, mean, median } = *whole;
        for (name, value) in [
            (self.std, std),
            (self.upper, upper),
            (self.lower, lower),
            (self.count, count),
            (self.count_ps, count / self.seconds),
            (self.sum, sum),
            (self.sum_squares, sum_squares),
            (self.mean, mean),
            (self.median, median),
        ] {
            if let Some(name) = name {
                out(name, value);
            }
        }
    }

    /// `frequency` tells how many values lie below a limit that lay not below the one before.
    pub fn write_bins(
        &self,
        name: &str,
        out: &mut dyn FnMut(&str, f64),
        mut frequency: impl FnMut(f64) -> f64,
    ) {
        let matching = self.histograms.iter().find(|histogram| name.contains(&histogram.metric));
        for (limit, name) in matching.into_iter().flat_map(|histogram| &histogram.bins) {
            out(name, frequency(*limit));
        }
    }
}

impl PercentilePlan {
    pub fn write(&self, numbers: &PercentileNumbers, mean: f64, out: &mut dyn FnMut(&str, f64)) {
        for (name, value) in [
            (&self.count, numbers.count),
            (&self.mean, mean),
            (&self.edge, numbers.edge),
            (&self.sum, numbers.sum),
            (&self.sum_squares, numbers.sum_squares),
        ] {
            if let Some(name) = name {
                out(name, value);
            }
        }
    }
}

/// A name with its last number and a `top` before that replaced, for the comparison with
/// `calculated_timer_metrics`: `upper_90` and `lower_top10` become `upper_percent` and `lower_percent`.
fn cleaned(name: &str) -> String {
    let start = name.trim_end_matches(|character: char| character.is_ascii_digit());
    let stem = start.strip_suffix("_top").or_else(|| start.strip_suffix('_'));
    match stem {
        Some(stem) if start.len() < name.len() => format!("{stem}_percent"),
        _ => name.to_owned(),
    }
}
