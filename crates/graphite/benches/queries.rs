//! From rows that a store has just read to bytes: `cargo bench -p graphite`. Items are points.

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use graphite::{Defaults, Environment, NoEvents, RenderRequest};
use jiff::tz::TimeZone;
use vocabulary::ports::{
    FetchRequest, FindQuery, Node, QueryLimits, Row, Scope, SearchQuery, SeriesInfo, SeriesMatch,
    SeriesSource, StoreError, TagListQuery, TagQuery,
};
use vocabulary::{SeriesRef, Sketch, Step, Timestamp};

fn main() {
    divan::main();
}

/// All series that there are, with the same points each.
struct Rows {
    names: Vec<Arc<str>>,
    row: Row<f64>,
    sketches: Row<Option<Sketch>>,
}

const NOW: i64 = 1_700_000_000;

impl Rows {
    fn new(series: usize, seconds: i64) -> Rows {
        let step = Step::new(10).expect("ten seconds");
        let points = seconds / step.seconds();
        let start = Timestamp(NOW - seconds + step.seconds());
        let slots = (0..points).map(|index| (index * 7919 % 1000) as f64 / 10.0).collect();
        let sketch = |index: i64| {
            let samples = (0..20).map(|sample| (((index * 31 + sample * 17) % 500 + 1) as f64, 1.0));
            Some(Sketch::from_values(samples))
        };
        Rows {
            names: (0..series).map(|index| format!("shop.web{index:04}.requests").into()).collect(),
            row: Row { start, step, slots },
            sketches: Row { start, step, slots: (0..points).map(sketch).collect() },
        }
    }

    fn all(&self) -> impl Iterator<Item = SeriesMatch> {
        let numbered = self.names.iter().enumerate();
        numbered.map(|(index, name)| SeriesMatch { series: SeriesRef(index as u64), name: name.clone() })
    }
}

impl SeriesSource for Rows {
    fn find(&self, _: &FindQuery<'_>) -> Result<Vec<Node>, StoreError> {
        Ok(self.all().map(Node::Leaf).collect())
    }

    fn search(&self, _: &SearchQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        Ok(self.all().collect())
    }

    fn find_tagged(&self, _: &TagQuery<'_>) -> Result<Vec<SeriesMatch>, StoreError> {
        Ok(self.all().collect())
    }

    fn tags(&self, _: &TagListQuery<'_>) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    fn tag_values(&self, _: &str, _: &TagListQuery<'_>) -> Result<Vec<(String, u64)>, StoreError> {
        Ok(Vec::new())
    }

    fn describe(&self, _: SeriesRef) -> Option<SeriesInfo> {
        None
    }

    fn fetch(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<f64>>, StoreError> {
        Ok(vec![self.row.clone(); request.series.len()])
    }

    fn fetch_sketches(&self, request: &FetchRequest<'_>) -> Result<Vec<Row<Option<Sketch>>>, StoreError> {
        Ok(vec![self.sketches.clone(); request.series.len()])
    }
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn run(bencher: Bencher<'_, '_>, (series, seconds): (usize, i64), params: &str) {
    let source = Rows::new(series, seconds);
    let params = format!("from={}&until={NOW}&now={NOW}&{params}", NOW - seconds);
    let pairs = params.split('&').filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(String, String)> =
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let defaults = Defaults::of_zone(TimeZone::UTC);
    let request = RenderRequest::from_params(&pairs, Timestamp(NOW), &defaults).expect("a good request");
    let (scope, limits) = (Scope::everything(), QueryLimits::default());
    let environment = Environment { source: &source, events: &NoEvents, scope: &scope, limits: &limits };
    bencher
        .counter(ItemsCount::new(series as u64 * (seconds / 10) as u64))
        .bench(|| graphite::render(&request, environment).expect("an answer"));
}

/// What the rest has to be seen against: handing the rows over.
#[divan::bench(args = [(1000, HOUR), (1, DAY)])]
fn rows_alone(bencher: Bencher<'_, '_>, size: (usize, i64)) {
    run(bencher, size, "target=limit(x,0)&format=json");
}

#[divan::bench(args = [(1000, HOUR), (1, DAY)])]
fn json(bencher: Bencher<'_, '_>, size: (usize, i64)) {
    run(bencher, size, "target=x&format=json");
}

#[divan::bench]
fn json_of_1000_points(bencher: Bencher<'_, '_>) {
    run(bencher, (1, DAY), "target=x&format=json&maxDataPoints=1000");
}

#[divan::bench(args = ["sumSeries(x)", "averageSeries(x)", "maxSeries(x)", "aggregate(x,'median')", "groupByNode(x,0,'sum')",
    "asPercent(x)|sumSeries()", "highestMax(x,5)", "perSecond(x)|sumSeries()", "aliasByNode(x,1)|limit(1)"])]
fn thousand_series_of_an_hour(bencher: Bencher<'_, '_>, target: &str) {
    run(bencher, (1000, HOUR), &format!("target={target}&format=json"));
}

#[divan::bench(args = ["movingAverage(x,'1h')", "movingMedian(x,'1h')", "movingWindow(x,'1h','stddev')", "summarize(x,'1h')",
    "perSecond(x)", "scale(x,2)", "exponentialMovingAverage(x,60)", "holtWintersForecast(x)", "timeShift(x,'1d')"])]
fn series_of_a_day(bencher: Bencher<'_, '_>, target: &str) {
    run(bencher, (1, DAY), &format!("target={target}&format=json"));
}

#[divan::bench(args = ["percentileOver(x,95)", "percentileOver(x,95,'5min')", "percentileOver(x,95,'1h',true)", "heatmapOver(x,'10min')"])]
fn timer_of_a_day(bencher: Bencher<'_, '_>, target: &str) {
    run(bencher, (1, DAY), &format!("target={target}&format=json"));
}

#[divan::bench]
fn picture_of_a_day(bencher: Bencher<'_, '_>) {
    run(bencher, (1, DAY), "target=x&width=800&height=400");
}
