//! The terminal: looks are taken on a thread of their own, so that keys are answered while one takes long.

use super::{Source, draw::draw, view::State};
use crate::cli::exit::{Exit, Failure, OrExit};
use ratatui::{DefaultTerminal, crossterm::event};
use std::{
    io::{self, IsTerminal},
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    time::{Duration, Instant},
};

/// Pause between two looks, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause is so many times as long as a look has taken: watching costs at most a tenth of a core.
const PAUSE_PER_LOOK: u32 = 9;
/// How long a key is waited for before it is asked whether there is a new look.
const KEY_PATIENCE: Duration = Duration::from_millis(100);
/// Looks that wait to be drawn.
const LOOKS_MAX: usize = 1;

/// Shows a run until the user has seen enough.
///
/// # Errors
/// Where there is no terminal, or nothing to be seen.
pub fn watch(mut source: Source) -> Result<(), Failure> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        let words = "top needs a terminal: `hatchery status RUN`, with --json for programs, says once how far a run is";
        return Err(anyhow::anyhow!(words)).or_exit(Exit::Failed);
    }
    let mut state = State::default();
    // What is wrong from the begin is said where it can be read.
    state.on_look(Ok(source.look()?));
    let (sender, looks) = sync_channel(LOOKS_MAX);
    std::thread::Builder::new()
        .name("looks".to_owned())
        .spawn(move || look_on(&mut source, &sender))
        .or_exit(Exit::Failed)?;
    let terminal = ratatui::try_init().or_exit(Exit::Failed)?;
    let shown = show(terminal, &mut state, &looks);
    ratatui::restore();
    shown.or_exit(Exit::Failed)
}

/// Ends with the first look that nobody wants.
fn look_on(source: &mut Source, sender: &SyncSender<Result<super::view::View, String>>) {
    loop {
        let begun = Instant::now();
        let look = source.look().map_err(|failure| failure.to_string());
        let pause = PAUSE.max(begun.elapsed() * PAUSE_PER_LOOK);
        if sender.send(look).is_err() {
            return;
        }
        std::thread::sleep(pause);
    }
}

fn show(
    mut terminal: DefaultTerminal,
    state: &mut State,
    looks: &Receiver<Result<super::view::View, String>>,
) -> io::Result<()> {
    loop {
        terminal.draw(|frame| draw(frame, state))?;
        loop {
            if event::poll(KEY_PATIENCE)? {
                match event::read()? {
                    event::Event::Key(key) if State::ends(&key) => return Ok(()),
                    event::Event::Resize(..) => break,
                    _ => {}
                }
            }
            match looks.try_recv() {
                Ok(look) => {
                    state.on_look(look);
                    break;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    return Err(io::Error::other("the thread that looks has ended"));
                }
            }
        }
    }
}
