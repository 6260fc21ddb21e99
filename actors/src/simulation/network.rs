//! The network: lines between worker processes and lives of the coordinator. What a line promises is what the link
//! promises: `Up`, letters in order, `Down`, at each end. In bad weather it promises less: letters are lost, doubled
//! and overtaken.

use super::happening::{Happening, Side};
use super::invariants::ProcessId;
use super::lines::{Cut, Line, State};
use super::state::World;
use crate::link::LinkEvent;
use crate::protocol::letters::{Letter, NodeName};
use rand::RngExt;

/// Seconds of silence after which the link takes the other end for dead.
const SILENCE_SECONDS: std::ops::Range<f64> = 11.0..13.0;

/// Seconds until a worker dials again, at first and at most.
const PAUSE_SECONDS: (f64, f64) = (0.2, 5.0);

impl World {
    /// The name of the coordinator in this life.
    pub fn coordinator_name(life: u32) -> NodeName {
        NodeName { stable: "coordinator".to_owned(), incarnation: u64::from(life) }
    }

    /// A worker tries to connect.
    pub fn dial(&mut self, process: ProcessId) {
        let rising = |line: &Line| line.process == process && line.states[0] != State::Down;
        if self.network.lines.values().any(rising) {
            return;
        }
        let Some(caller) = self.processes.get(&process) else { return };
        let (station, node) = (caller.station, caller.node.clone());
        let cut = self.network.cuts.get(&station).is_some_and(|cut| cut.until > self.now);
        let listening = self.coordinator.as_ref().filter(|coordinator| !coordinator.asleep);
        let Some(life) = listening.filter(|_| !cut).map(|coordinator| coordinator.life) else {
            // Nobody answers, or the attempt runs into its limit.
            let waited = if cut { 3.0 } else { 0.0 };
            return self.dial_again(process, waited);
        };
        let id = self.network.next;
        self.network.next += 1;
        let line = Line { process, node, station, life, states: [State::Rising; 2], last: [self.now; 2] };
        self.network.lines.insert(id, line);
        for side in [Side::Worker, Side::Coordinator] {
            let delay = self.latency();
            self.later(delay, Happening::Rise(id, side));
        }
    }

    pub fn dial_again(&mut self, process: ProcessId, waited: f64) {
        let Some(caller) = self.processes.get_mut(&process) else { return };
        let most = caller.pause;
        caller.pause = (most * 2.0).min(PAUSE_SECONDS.1);
        let delay = waited + self.rng.random_range(0.0..most);
        self.later(delay, Happening::Dial(process));
    }

    fn latency(&mut self) -> f64 {
        let most = self.weather.delay_max;
        self.rng.random_range(most * 0.01..most)
    }

    /// A line is ready at one end. An older one of the same node gives way.
    pub fn rise(&mut self, id: u64, side: Side) {
        let Some(line) = self.network.lines.get(&id) else { return };
        if line.states[side as usize] != State::Rising {
            return;
        }
        let (process, node, life) = (line.process, line.node.clone(), line.life);
        if let Some(older) = self.network.up_at(process, side) {
            self.fall(older, side, "it has connected anew");
        }
        let Some(line) = self.network.lines.get_mut(&id) else { return };
        line.states[side as usize] = State::Up;
        match side {
            Side::Worker => {
                if let Some(caller) = self.processes.get_mut(&process) {
                    caller.pause = PAUSE_SECONDS.0;
                }
                self.count.connections += 1;
                self.worker_hears(process, LinkEvent::Up(Self::coordinator_name(life)));
            }
            Side::Coordinator => self.coordinator_hears(process, LinkEvent::Up(node)),
        }
    }

    /// A line ends at one end, and then at the other.
    pub fn fall(&mut self, id: u64, side: Side, reason: &str) {
        let Some(line) = self.network.lines.get_mut(&id) else { return };
        let before = std::mem::replace(&mut line.states[side as usize], State::Down);
        if before == State::Down {
            return;
        }
        let (process, node, life, station) = (line.process, line.node.clone(), line.life, line.station);
        if line.states[side.other() as usize] == State::Down {
            self.network.lines.remove(&id);
        } else {
            self.pass_the_end_on(id, station, side.other());
        }
        let was_up = before == State::Up;
        match side {
            Side::Worker => {
                if was_up {
                    let event = LinkEvent::Down(Self::coordinator_name(life), reason.to_owned());
                    self.worker_hears(process, event);
                }
                self.dial_again(process, 0.0);
            }
            Side::Coordinator if was_up => {
                self.coordinator_hears(process, LinkEvent::Down(node, reason.to_owned()));
            }
            Side::Coordinator => {}
        }
    }

    /// The other end hears of it, when it can be reached, or notices the silence.
    fn pass_the_end_on(&mut self, id: u64, station: usize, side: Side) {
        let silence = self.now + self.rng.random_range(SILENCE_SECONDS);
        let reached = self.network.blocked(station, side, self.now) + self.latency();
        // A host that is gone says nothing.
        let at = if self.rng.random_bool(0.1) { silence } else { reached.min(silence) };
        self.calendar.enter(at, Happening::Fall(id, side, "it has ended".to_owned()));
    }

    /// A letter leaves one end.
    pub fn post(&mut self, id: u64, from: Side, letter: Letter) {
        let to = from.other();
        let Some(line) = self.network.lines.get(&id) else { return };
        if line.states[from as usize] != State::Up {
            return;
        }
        let station = line.station;
        if self.chance(self.weather.losses) {
            self.count.lost += 1;
            return;
        }
        if self.chance(self.weather.doubles) {
            self.count.doubled += 1;
            let at = self.network.blocked(station, to, self.now) + self.rng.random_range(0.0..4.0);
            self.calendar.enter(at, Happening::Arrive(id, to, letter.clone()));
        }
        let mut at = self.network.blocked(station, to, self.now) + self.latency();
        let detour = self.chance(self.weather.detours);
        if detour {
            self.count.overtaken += 1;
            at += self.rng.random_range(0.0..3.0);
        } else if let Some(line) = self.network.lines.get_mut(&id) {
            at = at.max(line.last[to as usize]);
            line.last[to as usize] = at;
        }
        self.calendar.enter(at, Happening::Arrive(id, to, letter));
    }

    /// A letter reaches the other end.
    pub fn arrive(&mut self, id: u64, to: Side, letter: Letter) {
        self.rise(id, to);
        let Some(line) = self.network.lines.get(&id) else { return };
        if line.states[to as usize] != State::Up {
            self.count.too_late += 1;
            return;
        }
        let (process, node, life) = (line.process, line.node.clone(), line.life);
        match to {
            Side::Worker => {
                let event = LinkEvent::Letter(Self::coordinator_name(life), Box::new(letter));
                self.worker_hears(process, event);
            }
            Side::Coordinator => {
                self.coordinator_hears(process, LinkEvent::Letter(node, Box::new(letter)));
            }
        }
    }

    /// The line on which this process speaks.
    pub fn line_of(&self, process: ProcessId) -> Option<u64> {
        self.network.up_at(process, Side::Worker)
    }

    /// The line on which a node is spoken to.
    pub fn line_to(&self, node: &NodeName) -> Option<u64> {
        self.network.of_node(node)
    }

    /// To whom a line goes, and which life of the coordinator it comes from.
    pub fn ends_of(&self, id: u64) -> Option<(ProcessId, u32)> {
        self.network.lines.get(&id).map(|line| (line.process, line.life))
    }

    /// A process has ended: its lines do, after all that it has said.
    pub fn hang_up_for(&mut self, process: ProcessId, cleanly: bool) {
        let lines: Vec<u64> = self
            .network
            .lines
            .iter()
            .filter(|(_, line)| line.process == process)
            .map(|(id, _)| *id)
            .collect();
        for id in lines {
            let Some(line) = self.network.lines.get_mut(&id) else { continue };
            line.states[Side::Worker as usize] = State::Down;
            if line.states[Side::Coordinator as usize] == State::Down {
                self.network.lines.remove(&id);
            } else if cleanly {
                let (said, station) = (line.last[Side::Coordinator as usize], line.station);
                let at = self.network.blocked(station, Side::Coordinator, said.max(self.now)) + 0.01;
                let reason = "it has ended".to_owned();
                self.calendar.enter(at, Happening::Fall(id, Side::Coordinator, reason));
            } else {
                let station = line.station;
                self.pass_the_end_on(id, station, Side::Coordinator);
            }
        }
    }

    /// The coordinator has ended: all lines do.
    pub fn hang_up_for_coordinator(&mut self) {
        let lines: Vec<(u64, usize)> =
            self.network.lines.iter().map(|(id, line)| (*id, line.station)).collect();
        for (id, station) in lines {
            let Some(line) = self.network.lines.get_mut(&id) else { continue };
            line.states[Side::Coordinator as usize] = State::Down;
            if line.states[Side::Worker as usize] == State::Down {
                self.network.lines.remove(&id);
            } else {
                self.pass_the_end_on(id, station, Side::Worker);
            }
        }
    }

    /// A host cannot be reached for a while, in one direction or in both.
    pub fn cut_off(&mut self, station: usize, seconds: f64) {
        let until = self.now + seconds;
        let to = [[true, true], [true, true], [true, false], [false, true]][self.rng.random_range(0..4)];
        let cut = self.network.cuts.entry(station).or_insert(Cut { until, to });
        if cut.until < until {
            *cut = Cut { until, to };
        }
        let cut = *cut;
        let ids: Vec<u64> = self
            .network
            .lines
            .iter()
            .filter(|(_, line)| line.station == station)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            for side in [Side::Worker, Side::Coordinator] {
                let at = self.now + self.rng.random_range(SILENCE_SECONDS);
                if cut.to[side as usize] && at < cut.until {
                    let reason = "nothing was heard".to_owned();
                    self.calendar.enter(at, Happening::Fall(id, side, reason));
                }
            }
        }
    }

    /// A process hangs: the other end notices.
    pub fn fall_silent(&mut self, process: Option<ProcessId>, until: f64) {
        let lines: Vec<u64> = self
            .network
            .lines
            .iter()
            .filter(|(_, line)| process.is_none_or(|process| line.process == process))
            .map(|(id, _)| *id)
            .collect();
        let side = if process.is_some() { Side::Coordinator } else { Side::Worker };
        for id in lines {
            let at = self.now + self.rng.random_range(SILENCE_SECONDS);
            if at < until {
                self.calendar.enter(at, Happening::Fall(id, side, "nothing was heard".to_owned()));
            }
        }
    }
}
