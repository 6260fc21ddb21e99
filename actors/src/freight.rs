//! Things too large for a letter, fetched piece by piece: weights, checkpoints, data.
//!
//! Whoever wants a blob asks for its pieces, a few ahead, so that no queue grows and heartbeats never wait behind a
//! whole blob. What is not answered is asked for again. Pure: no clock, no connection.

use crate::protocol::letters::{BlobName, PIECE_BYTES_MAX, Piece};

/// So many pieces are asked for ahead: enough to keep a connection with 20 ms of latency at 50 MB/s.
const PIECES_AHEAD_MAX: u64 = 4;

/// Pieces that have not come for so long are asked for again ..
const OVERDUE_SECONDS: f64 = 3.0;

/// .. so often in a row.
const OVERDUE_MAX: u32 = 20;

/// A larger blob than this is no blob of ours.
const BLOB_BYTES_MAX: u64 = 64 << 30;

/// A blob on its way.
#[derive(Clone, Debug)]
pub struct Download {
    blob: BlobName,
    total: Option<u64>,
    bytes: Vec<u8>,
    asked: u64,
    heard: f64,
    overdue: u32,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask for the pieces at these offsets; perhaps none.
    Ask(Vec<u64>),
    /// The blob is complete.
    Done(Vec<u8>),
    /// It cannot be had, and why.
    Failed(String),
}

impl Download {
    /// Begins to fetch a blob; its length may be known. The first step comes with it.
    pub fn begin(blob: BlobName, total: Option<u64>, now: f64) -> (Self, Step) {
        let mut download = Self { blob, total, bytes: Vec::new(), asked: 0, heard: now, overdue: 0 };
        let step = download.ask();
        (download, step)
    }

    /// A piece has come.
    pub fn piece(&mut self, piece: Piece, now: f64) -> Step {
        let Piece { blob, offset, total, bytes } = piece;
        if blob != self.blob || offset != self.bytes.len() as u64 {
            // Of another blob, doubled, or after a gap: what is missing is asked for again in time.
            return Step::Ask(Vec::new());
        }
        let end = offset + bytes.len() as u64;
        if total > BLOB_BYTES_MAX || self.total.is_some_and(|known| known != total) || end > total {
            return Step::Failed(format!("{end} bytes of a blob of {total} do not fit {:?}", self.total));
        }
        if bytes.is_empty() && end < total {
            return Step::Failed(format!("an empty piece at {offset} of {total} bytes"));
        }
        self.total = Some(total);
        self.bytes.extend_from_slice(&bytes);
        (self.heard, self.overdue) = (now, 0);
        if end == total { Step::Done(std::mem::take(&mut self.bytes)) } else { self.ask() }
    }

    /// Whoever has the blob is there again: what was asked for before is asked for anew.
    pub fn resume(&mut self, now: f64) -> Step {
        (self.heard, self.overdue) = (now, 0);
        self.asked = self.bytes.len() as u64;
        self.ask()
    }

    /// Asks again for what has not come.
    pub fn tick(&mut self, now: f64) -> Step {
        if now - self.heard < OVERDUE_SECONDS {
            return Step::Ask(Vec::new());
        }
        if self.overdue >= OVERDUE_MAX {
            return Step::Failed(format!("nothing has come {OVERDUE_MAX} times in a row"));
        }
        self.overdue += 1;
        self.heard = now;
        self.asked = self.bytes.len() as u64;
        self.ask()
    }

    /// The pieces that may be asked for now.
    fn ask(&mut self) -> Step {
        let mut offsets = Vec::new();
        let arrived = self.bytes.len() as u64;
        // Before the length is known, one piece tells it.
        let ahead = if self.total.is_some() { PIECES_AHEAD_MAX } else { 1 };
        let piece = PIECE_BYTES_MAX as u64;
        while self.asked < arrived + ahead * piece
            && (self.asked == 0 || self.total.is_some_and(|total| self.asked < total))
        {
            offsets.push(self.asked);
            self.asked += piece;
        }
        Step::Ask(offsets)
    }
}

/// The piece of a blob that begins at `offset`; `None` beyond its end.
pub fn cut(blob: &BlobName, bytes: &[u8], offset: u64) -> Option<Piece> {
    let start = usize::try_from(offset).ok().filter(|start| *start < bytes.len() || *start == 0)?;
    let end = bytes.len().min(start + PIECE_BYTES_MAX);
    let total = bytes.len() as u64;
    Some(Piece { blob: blob.clone(), offset, total, bytes: bytes.get(start..end)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Fetches over a post that loses, doubles and reorders.
    fn fetch(bytes: &[u8], known: bool, seed: u64) -> Vec<u8> {
        let blob = BlobName::Data("x".to_owned());
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut download, mut step) =
            Download::begin(blob.clone(), known.then_some(bytes.len() as u64), 0.0);
        let (mut wire, mut now) = (Vec::new(), 0.0);
        for _ in 0..100_000 {
            match step {
                Step::Done(done) => return done,
                Step::Failed(why) => panic!("seed {seed}: {why}"),
                Step::Ask(offsets) => {
                    for offset in offsets {
                        let copies = [0, 1, 1, 1, 2][rng.random_range(0..5)];
                        wire.extend(vec![cut(&blob, bytes, offset).unwrap(); copies]);
                    }
                }
            }
            now += 0.5;
            let next = wire.len().min(rng.random_range(0..3));
            step = match wire.is_empty() {
                true => download.tick(now),
                false => {
                    let piece = wire.remove(next.min(wire.len() - 1));
                    download.piece(piece, now)
                }
            };
        }
        panic!("seed {seed}: never complete");
    }

    #[test]
    fn a_blob_arrives_whole_over_a_bad_post() {
        for seed in 0..40 {
            let length = [0, 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 7 * PIECE_BYTES_MAX + 99];
            let length = length[seed as usize % length.len()];
            let bytes: Vec<u8> = (0..length).map(|index| (index * 31 % 251) as u8).collect();
            assert_eq!(fetch(&bytes, seed % 2 == 0, seed), bytes, "seed {seed}");
        }
    }

    #[test]
    fn no_more_is_asked_for_than_a_few_pieces_ahead() {
        let blob = BlobName::Data("x".to_owned());
        let (_, step) = Download::begin(blob, Some(1 << 40), 0.0);
        let Step::Ask(offsets) = step else { panic!("{step:?}") };
        assert_eq!(offsets.len() as u64, PIECES_AHEAD_MAX);
    }

    #[test]
    fn lengths_that_do_not_fit_end_it() {
        let blob = BlobName::Data("x".to_owned());
        let (mut download, _) = Download::begin(blob.clone(), Some(10), 0.0);
        let long = Piece { blob: blob.clone(), offset: 0, total: 10, bytes: vec![0; 11] };
        assert!(matches!(download.clone().piece(long, 0.0), Step::Failed(_)));
        let other = Piece { blob: blob.clone(), offset: 0, total: 11, bytes: vec![0; 11] };
        assert!(matches!(download.clone().piece(other, 0.0), Step::Failed(_)));
        let empty = Piece { blob, offset: 0, total: 10, bytes: Vec::new() };
        assert!(matches!(download.piece(empty, 0.0), Step::Failed(_)));
    }

    #[test]
    fn a_blob_whose_owner_is_away_for_long_is_fetched_to_its_end() {
        let blob = BlobName::Data("x".to_owned());
        let bytes = vec![7; PIECE_BYTES_MAX + 5];
        let (mut download, _) = Download::begin(blob.clone(), None, 0.0);
        let step = download.piece(cut(&blob, &bytes, 0).unwrap(), 1.0);
        assert!(matches!(step, Step::Ask(_)), "{step:?}");
        (0..15).for_each(|again| {
            assert_ne!(download.tick(5.0 + 4.0 * f64::from(again)), Step::Done(Vec::new()))
        });
        assert_eq!(download.resume(1000.0), Step::Ask(vec![PIECE_BYTES_MAX as u64]), "what is there stays");
        assert_eq!(download.tick(1001.0), Step::Ask(Vec::new()), "nothing is overdue yet");
        for again in 1..=15 {
            let step = download.tick(1000.0 + 4.0 * f64::from(again));
            assert!(matches!(step, Step::Ask(_)), "counted from when it was back: {step:?}");
        }
        let step = download.piece(cut(&blob, &bytes, PIECE_BYTES_MAX as u64).unwrap(), 1100.0);
        assert_eq!(step, Step::Done(bytes));
    }

    #[test]
    fn a_blob_that_never_comes_is_given_up() {
        let (mut download, _) = Download::begin(BlobName::Data("x".to_owned()), None, 0.0);
        let mut now = 0.0;
        let why = loop {
            now += 1.0;
            if let Step::Failed(why) = download.tick(now) {
                break why;
            }
        };
        assert!(now < 100.0 && why.contains("nothing has come"));
    }
}
