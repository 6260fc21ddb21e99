//! How much memory running a graph needs, before any of it is allocated.

use crate::graph::{Graph, Outlet};
use std::collections::{HashMap, HashSet};

/// Bytes that running a graph needs at its peak: its inputs, constants and outputs, and whatever is alive between them
/// when each value is freed after its last reader.
///
/// ONNX Runtime fuses and reuses buffers, so it may need less; workspaces inside operators are not counted.
pub fn peak_bytes(graph: &Graph) -> u64 {
    let last_reader = last_readers(graph);
    let kept: HashSet<Outlet> = graph.outputs().iter().map(|(_, outlet)| *outlet).collect();
    let is_source = |outlet: &Outlet| graph.nodes()[outlet.node as usize].inputs.is_empty();
    let bytes = |outlet: &Outlet| graph.fact(*outlet).bytes() as u64;
    let (mut alive, mut peak) = (0_u64, 0_u64);
    for (index, node) in graph.nodes().iter().enumerate() {
        let outputs: Vec<Outlet> =
            (0..node.facts.len() as u32).map(|slot| Outlet { node: index as u32, slot }).collect();
        alive += outputs.iter().map(bytes).sum::<u64>();
        peak = peak.max(alive);
        let ended: HashSet<&Outlet> =
            node.inputs.iter().filter(|input| last_reader.get(input) == Some(&index)).collect();
        let unread = outputs.iter().filter(|outlet| !last_reader.contains_key(outlet));
        let freed =
            ended.into_iter().chain(unread).filter(|outlet| !kept.contains(outlet) && !is_source(outlet));
        alive -= freed.map(bytes).sum::<u64>();
    }
    peak
}

fn last_readers(graph: &Graph) -> HashMap<Outlet, usize> {
    let reads = graph.nodes().iter().enumerate();
    reads.flat_map(|(index, node)| node.inputs.iter().map(move |input| (*input, index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Fact, operators::arithmetic::Add};

    #[test]
    fn a_chain_needs_its_source_and_two_links_and_a_fan_all_its_branches() {
        let mut chain = Graph::new();
        let x = chain.input("x", Fact::f32(&[10]));
        let mut link = x;
        for _ in 0..5 {
            link = chain.add(Add, &[link, link]).unwrap();
        }
        chain.output("y", link);
        assert_eq!(peak_bytes(&chain), 3 * 40);

        let mut fan = Graph::new();
        let x = fan.input("x", Fact::f32(&[10]));
        let branches: Vec<Outlet> = (0..4).map(|_| fan.add(Add, &[x, x]).unwrap()).collect();
        let sum = branches.iter().skip(1).fold(branches[0], |sum, b| fan.add(Add, &[sum, *b]).unwrap());
        fan.output("y", sum);
        assert_eq!(peak_bytes(&fan), 40 + 4 * 40 + 40);
    }
}
