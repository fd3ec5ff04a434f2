//! Series for programs: pickle and msgpack.

use crate::binary::{Binary, MessagePack, Pickle};
use crate::error::EvaluationError;
use crate::series::{Numbers, Series, is_null};

pub fn pickle(series: &[Series]) -> Result<Vec<u8>, EvaluationError> {
    write(Pickle::new(), series)
}

pub fn message_pack(series: &[Series]) -> Result<Vec<u8>, EvaluationError> {
    write(MessagePack::new(), series)
}

fn write(mut out: Box<dyn Binary>, series: &[Series]) -> Result<Vec<u8>, EvaluationError> {
    let rows = series.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    out.list(series.len(), &mut |out| {
        for (one, row) in series.iter().zip(&rows) {
            out.object(9, &mut |out| members(out, one, row));
        }
    });
    Ok(out.finish())
}

fn members(out: &mut dyn Binary, series: &Series, points: &[f64]) {
    out.text("name");
    out.text(&series.name);
    out.text("start");
    out.integer(series.start.0);
    out.text("end");
    out.integer(series.end.0);
    out.text("step");
    out.integer(series.step.seconds());
    out.text("values");
    out.list(points.len(), &mut |out| {
        for value in points {
            if is_null(*value) {
                out.none();
            } else if series.numbers == Numbers::Integers && value.abs() < 9e15 {
                out.integer(*value as i64);
            } else {
                out.float(*value);
            }
        }
    });
    out.text("pathExpression");
    out.text(&series.path_expression);
    out.text("valuesPerPoint");
    out.integer(series.values_per_point as i64);
    out.text("consolidationFunc");
    out.text(series.consolidation.name());
    out.text("xFilesFactor");
    out.float(series.x_files_factor);
}
