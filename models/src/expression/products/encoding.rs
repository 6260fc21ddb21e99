//! Rows of a table with text or missing values as the features that a network sees: inside the graph, so that whoever
//! runs a model gives it rows as they are.
//!
//! It must not know the network behind.

use super::standard::standardise;
use crate::{
    data::Encoding,
    graph::{
        Graph, GraphError, Outlet,
        operators::{
            gather::GatherColumns,
            missing::{FillMissing, MarkEqual, MarkMissing},
            shape::Concat,
            source::Constant,
        },
    },
};

/// Features `[N, F]` of raw rows `[N, columns]`: numbers, with the mean in place of missing ones, normalised by the
/// means and deviations of their columns; 1 where a column has a category; 1 where a number is missing. Features that
/// the training part never has are 0: no raw value equals NaN, and a missing value is marked by 0.
pub(super) fn encode(
    graph: &mut Graph,
    raw: Outlet,
    encoding: &Encoding,
    (mean, deviation): (&[f32], &[f32]),
) -> Result<Outlet, GraphError> {
    let Encoding { columns, numbers, categories, gaps } = encoding;
    let mut blocks = Vec::new();
    if !numbers.is_empty() {
        let values = if numbers.len() == *columns { raw } else { gather(graph, raw, numbers.clone())? };
        let means = graph.add(Constant::vector(mean.to_vec()), &[])?;
        let filled = graph.add(FillMissing, &[values, means])?;
        blocks.push(standardise(graph, filled, mean, deviation, &[mean.len()])?);
    }
    if !categories.is_empty() {
        let codes = gather(graph, raw, categories.iter().map(|one| one.column).collect())?;
        let wanted = categories.iter().map(|one| if one.occurs { one.code as f32 } else { f32::NAN });
        let wanted = graph.add(Constant::vector(wanted.collect()), &[])?;
        blocks.push(graph.add(MarkEqual, &[codes, wanted])?);
    }
    if !gaps.is_empty() {
        let values = gather(graph, raw, gaps.iter().map(|one| one.column).collect())?;
        let marks = gaps.iter().map(|one| f32::from(u8::from(one.occurs)));
        let marks = graph.add(Constant::vector(marks.collect()), &[])?;
        blocks.push(graph.add(MarkMissing, &[values, marks])?);
    }
    match blocks.as_slice() {
        [single] => Ok(*single),
        _ => graph.add(Concat { axis: 1 }, &blocks),
    }
}

fn gather(graph: &mut Graph, raw: Outlet, columns: Vec<usize>) -> Result<Outlet, GraphError> {
    graph.add(GatherColumns { columns }, &[raw])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{CategoryFeature, GapFeature},
        graph::tests::support::{assert_near, floats, outputs_of},
        training::runtime::HostTensor,
    };

    const NAN: f32 = f32::NAN;

    /// Two columns of numbers, one of four categories between them, and one of two at the end.
    fn mixed() -> Encoding {
        let category = |column, code, occurs| CategoryFeature { column, code, occurs };
        Encoding {
            columns: 4,
            numbers: vec![0, 2],
            categories: vec![
                category(1, 0, true),
                category(1, 1, false),
                category(1, 2, true),
                category(1, 3, true),
                category(3, 0, true),
                category(3, 1, true),
            ],
            gaps: vec![GapFeature { column: 0, occurs: true }, GapFeature { column: 2, occurs: false }],
        }
    }

    const MEAN: [f32; 2] = [40.0, -3.0];
    const DEVIATION: [f32; 2] = [10.0, 0.5];

    /// What is said of an encoding, computed value by value.
    fn by_hand(row: &[f32], encoding: &Encoding) -> Vec<f32> {
        let number = |(place, &column): (usize, &usize)| match row[column] {
            value if value.is_nan() => 0.0,
            value => (value - MEAN[place]) / DEVIATION[place],
        };
        let flag = |is: bool| if is { 1.0 } else { 0.0 };
        let numbers = encoding.numbers.iter().enumerate().map(number);
        let categories =
            encoding.categories.iter().map(|one| flag(one.occurs && row[one.column] == one.code as f32));
        let gaps = encoding.gaps.iter().map(|one| flag(one.occurs && row[one.column].is_nan()));
        numbers.chain(categories).chain(gaps).collect()
    }

    fn by_graph(rows: &[[f32; 4]], encoding: &Encoding) -> Vec<f32> {
        let raw = HostTensor::F32(vec![rows.len(), 4], rows.concat());
        let mean = &MEAN[..encoding.numbers.len()];
        let deviation = &DEVIATION[..encoding.numbers.len()];
        let outputs = outputs_of(&[raw], &|graph, given| {
            let encoded = encode(graph, given[0], encoding, (mean, deviation)).unwrap();
            assert_eq!(graph.shape(encoded), [rows.len(), encoding.features()]);
            vec![encoded]
        });
        floats(&outputs[0]).to_vec()
    }

    #[test]
    fn the_graph_encodes_as_it_is_said() {
        let rows = [
            [50.0, 0.0, -3.0, 1.0],
            [NAN, 1.0, NAN, 0.0],
            [35.0, 2.0, 0.0, NAN],
            [40.0, 3.0, -2.0, 2.0],
            // Categories that the model does not know: none, negative, too large, between two.
            [NAN, NAN, 1e6, -1.0],
            [0.0, -1.0, NAN, 0.5],
            [1e30, 4.0, -1e30, 1e9],
        ];
        let whole = mixed();
        let numbers = Encoding { numbers: vec![2], categories: Vec::new(), gaps: Vec::new(), ..mixed() };
        let categories = Encoding { numbers: Vec::new(), gaps: Vec::new(), ..mixed() };
        for encoding in [whole, numbers, categories] {
            let expected: Vec<f32> = rows.iter().flat_map(|row| by_hand(row, &encoding)).collect();
            assert!(expected.iter().all(|value| value.is_finite()));
            assert_near("encoded", &by_graph(&rows, &encoding), &expected, 1e-6);
        }
    }

    #[test]
    fn features_that_were_never_trained_stay_0() {
        let encoding = mixed();
        let found = by_graph(&[[NAN, 1.0, NAN, NAN]], &encoding);
        assert_eq!(found, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }
}
