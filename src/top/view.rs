//! What is shown of a run, and what the keys do. It must not know where that comes from or how it is drawn.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A run at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Its name.
    pub title: String,
    /// Where it stands, and whether it is under way.
    pub state: String,
    /// Seconds that it has run.
    pub elapsed_s: f64,
    /// Seconds that are left.
    pub left_s: Option<f64>,
    /// Ended evaluations that count.
    pub evaluations: u64,
    /// Their budget.
    pub evaluations_max: Option<u64>,
    /// Networks an hour.
    pub per_hour: f64,
    /// Share of the trainers' time that went into training.
    pub utilisation: f64,
    /// What a score is called.
    pub score_name: String,
    /// The best first.
    pub ranking: Vec<Ranked>,
    /// The best score after so many seconds, rising.
    pub course: Vec<(f64, f64)>,
    /// How many evaluations ended in which way.
    pub outcomes: Vec<(String, u64)>,
    /// How many networks each maker has made.
    pub makers: Vec<(String, u64)>,
    /// Who trains what.
    pub nodes: Vec<NodeView>,
    /// What went wrong, and was made good.
    pub incidents: Vec<String>,
}

/// A network among the best.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranked {
    /// The individual.
    pub id: u64,
    /// Its score.
    pub score: Option<f64>,
    /// Its size.
    pub parameters: u64,
    /// It in one line.
    pub summary: String,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Whether it is here, and why it is not.
    pub state: String,
    /// Evaluations that have ended there.
    pub evaluations: u64,
    /// What it trains.
    pub slots: Vec<SlotView>,
}

/// A training that is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotView {
    /// The evaluation.
    pub evaluation: u64,
    /// Epochs finished, where that is known.
    pub epoch: Option<u64>,
    /// Epochs planned.
    pub epochs: u64,
    /// For how long.
    pub seconds: f64,
    /// The network in one line.
    pub summary: String,
}

/// The best so far, after each of these: seconds and score.
pub fn course(mut scores: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    scores.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut course: Vec<(f64, f64)> = Vec::new();
    for (seconds, score) in scores {
        if course.last().is_none_or(|(_, best)| score > *best) {
            course.push((seconds, score));
        }
    }
    course
}

/// All that the screen knows.
#[derive(Debug, Default)]
pub struct State {
    /// The latest look; `None` before the first.
    pub view: Option<View>,
    /// Why there is no later one.
    pub trouble: Option<String>,
}

impl State {
    /// A look has been taken, or was in vain.
    pub fn on_look(&mut self, look: Result<View, String>) {
        match look {
            Ok(view) => *self = Self { view: Some(view), trouble: None },
            Err(trouble) => self.trouble = Some(trouble),
        }
    }

    /// Whether a key ends it.
    pub fn ends(key: &KeyEvent) -> bool {
        let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
        key.kind != KeyEventKind::Release
            && match key.code {
                KeyCode::Char('q' | 'Q') | KeyCode::Esc => true,
                KeyCode::Char('c' | 'd') => with_control,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_end_it() {
        let key = |code, modifiers| State::ends(&KeyEvent::new(code, modifiers));
        assert!(key(KeyCode::Char('q'), KeyModifiers::NONE));
        assert!(key(KeyCode::Char('c'), KeyModifiers::CONTROL));
        assert!(!key(KeyCode::Char('c'), KeyModifiers::NONE));
    }

    #[test]
    fn trouble_keeps_the_last_look_and_the_next_look_ends_it() {
        let mut state = State::default();
        state.on_look(Ok(View { title: "one".to_owned(), ..View::default() }));
        state.on_look(Err("gone".to_owned()));
        assert_eq!((state.view.is_some(), state.trouble.as_deref()), (true, Some("gone")));
        state.on_look(Ok(View::default()));
        assert_eq!(state.trouble, None);
    }

    #[test]
    fn the_course_rises() {
        let course = course(vec![(3.0, 0.4), (1.0, 0.5), (2.0, 0.4), (4.0, 0.6)]);
        assert_eq!(course, [(1.0, 0.5), (4.0, 0.6)]);
    }
}
