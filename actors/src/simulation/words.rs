//! Letters in one line each, for the trace of a world.

use crate::link::LinkEvent;
use crate::protocol::letters::{Letter, ToCoordinator, ToWorker};

pub fn brief(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Letter(_, letter) => brief_letter(letter),
        other => shorten(&format!("{other:?}")),
    }
}

/// A letter in one line, without the bytes in it.
pub fn brief_letter(letter: &Letter) -> String {
    match letter {
        Letter::ToCoordinator(ToCoordinator::Piece(piece)) | Letter::ToWorker(ToWorker::Piece(piece)) => {
            format!("Piece({:?} at {} of {})", piece.blob, piece.offset, piece.total)
        }
        Letter::ToCoordinator(letter) => shorten(&format!("{letter:?}")),
        Letter::ToWorker(letter) => shorten(&format!("{letter:?}")),
    }
}

pub fn shorten(text: &str) -> String {
    text.chars().take(220).collect()
}
