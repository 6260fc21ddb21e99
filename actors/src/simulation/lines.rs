//! Lines between worker processes and lives of the coordinator, as seen from both ends, and hosts that are cut off.
//!
//! It must not know what is said on them.

use super::happening::Side;
use super::invariants::ProcessId;
use crate::protocol::letters::NodeName;
use std::collections::BTreeMap;

/// What a line is at one end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Rising,
    Up,
    Down,
}

/// A line, as seen from both ends.
#[derive(Debug)]
pub struct Line {
    pub process: ProcessId,
    pub node: NodeName,
    pub station: usize,
    pub life: u32,
    pub states: [State; 2],
    pub last: [f64; 2],
}

/// A host that cannot be reached.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    pub until: f64,
    /// What comes to this side waits.
    pub to: [bool; 2],
}

/// All lines.
#[derive(Default)]
pub struct Network {
    pub lines: BTreeMap<u64, Line>,
    pub next: u64,
    pub cuts: BTreeMap<usize, Cut>,
}

impl Network {
    /// Until when what comes to this side waits.
    pub fn blocked(&self, station: usize, to: Side, now: f64) -> f64 {
        match self.cuts.get(&station) {
            Some(cut) if cut.to[to as usize] => cut.until.max(now),
            _ => now,
        }
    }

    /// The line that is up at this side of this process.
    pub fn up_at(&self, process: ProcessId, side: Side) -> Option<u64> {
        let mut lines = self.lines.iter();
        lines
            .find(|(_, line)| line.process == process && line.states[side as usize] == State::Up)
            .map(|(id, _)| *id)
    }

    pub fn of_node(&self, node: &NodeName) -> Option<u64> {
        let up = |line: &Line| line.states[Side::Coordinator as usize] == State::Up;
        self.lines.iter().find(|(_, line)| line.node == *node && up(line)).map(|(id, _)| *id)
    }
}
