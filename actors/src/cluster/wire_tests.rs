use super::*;
use crate::protocol::letters::{
    Bequest, BlobName, BlobRef, HandedBack, Hello, Order, PIECE_BYTES_MAX, PROTOCOL_VERSION, Piece,
    Predecessor, Report, SlotStatus, Status, ToCoordinator, ToWorker, Welcome,
};
use crate::protocol::{EvaluationId, IndividualId, LeaseKind, Ticket};
use hatchery_models::training::outcome::{EpochReport, Outcome};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;

const OURS: u16 = PROTOCOL_VERSION;

fn ticket() -> Ticket {
    Ticket { evaluation: EvaluationId(u64::MAX), attempt: 3 }
}

fn blob() -> BlobRef {
    BlobRef { name: BlobName::Weights(ticket()), bytes: 1 << 40 }
}

fn epoch(number: u32) -> EpochReport {
    EpochReport {
        epoch: number,
        training_loss: f64::MAX,
        validation_loss: 0.25,
        validation_score: -1.5e-300,
        seconds: f64::INFINITY,
    }
}

fn piece(bytes: usize) -> Piece {
    let bytes = (0..bytes).map(|number| number as u8).collect();
    Piece { blob: BlobName::Checkpoint(ticket()), offset: 1 << 33, total: 1 << 34, bytes }
}

fn hello() -> Hello {
    Hello {
        program_version: "0.1.0".to_owned(),
        host: "höst".to_owned(),
        pid: 4711,
        devices: vec!["cpu".to_owned(), "cuda:0".to_owned()],
        http: Some("127.0.0.1:9100".to_owned()),
        predecessor: Some(Predecessor {
            incarnation: 9,
            crashed: true,
            how: "signal 11\nlast line".to_owned(),
        }),
    }
}

fn status() -> Status {
    Status {
        number: 12,
        slots: vec![
            SlotStatus::Starting,
            SlotStatus::Idle(None),
            SlotStatus::Idle(Some(ticket())),
            SlotStatus::Resting(Some(ticket())),
            SlotStatus::Running(ticket()),
        ],
        held: vec![ticket(); 5],
        draining: true,
        memory_bytes: 7 << 30,
    }
}

fn report(epochs: u32) -> Report {
    Report {
        slot: 3,
        slot_is_free: true,
        ticket: ticket(),
        outcome: Outcome::OutOfMemory,
        message: "too large".to_owned(),
        curve: (1..=epochs).map(epoch).collect(),
        steps: 1000,
        build_seconds: 0.5,
        seconds: 60.0,
        latency_seconds: Some(2.5e-4),
        weights: Some(blob()),
    }
}

fn order(weights: Option<BlobRef>) -> Order {
    Order {
        ticket: ticket(),
        individual: IndividualId(300),
        kind: LeaseKind::Crown,
        genome: "{\"layers\":[]}".to_owned(),
        seed: u64::MAX >> 11,
        epochs: 30,
        seconds_max: Some(1.0),
        weights,
        checkpoint: Some(BlobRef { name: BlobName::Data("00ff".to_owned()), bytes: 0 }),
        inherit: Some(Bequest {
            evaluation: EvaluationId(7),
            genome: "{\"layers\":[]}".to_owned(),
            weights: BlobRef { name: BlobName::Inherited(ticket()), bytes: 4096 },
        }),
        measure_latency: true,
        to_the_end: true,
    }
}

fn letters() -> Vec<Letter> {
    let data = || BlobName::Data("abc".to_owned());
    let welcome = Welcome {
        run: "run-1".to_owned(),
        experiment: "[data]\nsource = \"x\"\n".repeat(500),
        data_hash: "ff".repeat(32),
        threads: 1,
        trainers: 1000,
    };
    let handed_back =
        HandedBack { ticket: ticket(), slot: 0, reason: "drained".to_owned(), checkpoint: None };
    let to_coordinator = [
        ToCoordinator::Hello(hello()),
        ToCoordinator::Status(status()),
        ToCoordinator::Planned(ticket(), 30),
        ToCoordinator::Progress(ticket(), epoch(1)),
        ToCoordinator::Result(Box::new(report(200))),
        ToCoordinator::HandedBack(handed_back),
        ToCoordinator::Ask(data(), 0),
        ToCoordinator::Piece(piece(PIECE_BYTES_MAX)),
        ToCoordinator::Missing(data(), "gone".to_owned()),
        ToCoordinator::Unable("no data".to_owned()),
        ToCoordinator::Goodbye(String::new()),
    ];
    let to_worker = [
        ToWorker::Welcome(welcome),
        ToWorker::Refused("another run".to_owned()),
        ToWorker::Assign(3, Box::new(order(Some(blob())))),
        ToWorker::Advise(ticket()),
        ToWorker::Abandon(ticket()),
        ToWorker::Acknowledge(ticket()),
        ToWorker::Ask(data(), u64::MAX),
        ToWorker::Piece(piece(0)),
        ToWorker::Missing(data(), "gone".to_owned()),
        ToWorker::Drain,
        ToWorker::Finished("budget spent".to_owned()),
    ];
    let from_workers = to_coordinator.into_iter().map(Letter::ToCoordinator);
    from_workers.chain(to_worker.into_iter().map(Letter::ToWorker)).collect()
}

/// A new variant does not compile here until it is given a number; then [`letters`] lacks that number.
fn number(letter: &Letter) -> usize {
    match letter {
        Letter::ToCoordinator(letter) => match letter {
            ToCoordinator::Hello(_) => 0,
            ToCoordinator::Status(_) => 1,
            ToCoordinator::Planned(..) => 2,
            ToCoordinator::Progress(..) => 3,
            ToCoordinator::Result(_) => 4,
            ToCoordinator::HandedBack(_) => 5,
            ToCoordinator::Ask(..) => 6,
            ToCoordinator::Piece(_) => 7,
            ToCoordinator::Missing(..) => 8,
            ToCoordinator::Unable(_) => 9,
            ToCoordinator::Goodbye(_) => 10,
        },
        Letter::ToWorker(letter) => match letter {
            ToWorker::Welcome(_) => 11,
            ToWorker::Refused(_) => 12,
            ToWorker::Assign(..) => 13,
            ToWorker::Advise(_) => 14,
            ToWorker::Abandon(_) => 15,
            ToWorker::Acknowledge(_) => 16,
            ToWorker::Ask(..) => 17,
            ToWorker::Piece(_) => 18,
            ToWorker::Missing(..) => 19,
            ToWorker::Drain => 20,
            ToWorker::Finished(_) => 21,
        },
    }
}

#[test]
fn every_letter_survives() {
    let letters = letters();
    let numbers: BTreeSet<_> = letters.iter().map(number).collect();
    assert_eq!(numbers, (0..22).collect());
    for letter in letters {
        let frame = write(&letter, OURS).unwrap();
        assert_eq!(read(&frame, OURS), Reading::Letters(vec![letter]));
    }
}

#[test]
fn a_letter_may_be_as_long_as_allowed_and_no_longer() {
    let of = |bytes| Letter::ToCoordinator(ToCoordinator::Piece(piece(bytes)));
    let overhead = write(&of(LETTER_BYTES_MAX / 2), OURS).unwrap().len() - LETTER_BYTES_MAX / 2;
    let longest = of(LETTER_BYTES_MAX - overhead);
    let frame = write(&longest, OURS).unwrap();
    assert_eq!(frame.len(), LETTER_BYTES_MAX);
    assert_eq!(read(&frame, OURS), Reading::Letters(vec![longest]));
    let too_long = write(&of(LETTER_BYTES_MAX - overhead + 1), OURS);
    assert_eq!(too_long, Err(Unwritable::TooLong(LETTER_BYTES_MAX + 1)));
    let frame = [frame, vec![0]].concat();
    assert!(matches!(read(&frame, OURS), Reading::Garbage(_)));
}

#[test]
fn small_numbers_in_large_letters_are_within_the_claim() {
    // One byte on the wire, eight in memory: the worst ratio there is, at the edge of each class of frames.
    for count in [SMALL_FRAME_BYTES / 2 - 50, MIDDLE_FRAME_BYTES / 2 - 50, LETTER_BYTES_MAX / 2 - 50] {
        let held = vec![Ticket { evaluation: EvaluationId(1), attempt: 1 }; count];
        let letter = Letter::ToCoordinator(ToCoordinator::Status(Status { held, ..status() }));
        let frame = write(&letter, OURS).unwrap();
        assert_eq!(read(&frame, OURS), Reading::Letters(vec![letter]), "{count} tickets");
    }
}

#[test]
fn other_versions_and_refusals_are_told_apart() {
    let frame = write(&letters()[0], OURS + 1).unwrap();
    assert_eq!(read(&frame, OURS), Reading::OtherVersion(OURS + 1));
    match read(&refuse(3, 4), OURS) {
        Reading::Refusal(text) => assert!(text.contains("version 3") && text.contains("version 4"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(read(b"\0\0a\nb\x1b\xff", OURS), Reading::Refusal("a b \u{fffd}".to_owned()));
    let Reading::Refusal(text) = read(&vec![0; LETTER_BYTES_MAX], OURS) else { panic!("no refusal") };
    assert_eq!(text.len(), REFUSAL_BYTES_MAX);
    for short in [&[][..], &[0], &[1]] {
        assert!(matches!(read(short, OURS), Reading::Garbage(_)));
    }
}

#[test]
fn what_follows_a_letter_is_not_overlooked() {
    let mut frame = write(&letters()[0], OURS).unwrap();
    frame.push(0);
    assert!(matches!(read(&frame, OURS), Reading::Garbage(text) if text.contains("1 bytes behind")));
}

#[test]
fn letters_travel_together_in_their_order_and_within_their_limits() {
    let small = Letter::ToWorker(ToWorker::Advise(ticket()));
    let large = Letter::ToCoordinator(ToCoordinator::Piece(piece(FRAME_BYTES_FULL)));
    let many = vec![small.clone(); FRAME_LETTERS_MAX + 1];
    let mixed = vec![small.clone(), large.clone(), small.clone(), large.clone(), large, small];
    let together: Vec<Letter> = write_all(&letters(), OURS)
        .unwrap()
        .iter()
        .flat_map(|frame| match read(frame, OURS) {
            Reading::Letters(letters) => letters,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(together, letters());
    for (letters, counts) in
        [(many, vec![FRAME_LETTERS_MAX, 1]), (mixed, vec![2, 2, 1, 1]), (Vec::new(), Vec::new())]
    {
        let frames = write_all(&letters, OURS).unwrap();
        let mut back = Vec::new();
        for (frame, count) in frames.iter().zip(&counts) {
            let Reading::Letters(of_frame) = read(frame, OURS) else { panic!("no letters") };
            assert_eq!(of_frame.len(), *count);
            back.extend(of_frame);
        }
        assert_eq!((frames.len(), back), (counts.len(), letters));
    }
    let too_long = Letter::ToCoordinator(ToCoordinator::Piece(piece(LETTER_BYTES_MAX)));
    assert!(matches!(write_all(&[too_long], OURS), Err(Unwritable::TooLong(_))));
    let flood = framed(&[0, 9, 0].repeat(FRAME_LETTERS_MAX + 1));
    assert!(matches!(read(&flood, OURS), Reading::Garbage(text) if text.contains("3 bytes behind 256")));
}

/// A frame of our version with this body.
fn framed(body: &[u8]) -> Vec<u8> {
    [&OURS.to_be_bytes(), body].concat()
}

/// Lengths as bincode writes them: a mark, then eight bytes.
fn length(bytes: u64) -> Vec<u8> {
    [&[253][..], &bytes.to_le_bytes()].concat()
}

#[test]
fn a_length_beyond_what_is_there_is_refused_before_memory_is_taken() {
    for bytes in [SMALL_CLAIM_BYTES_MAX as u64 + 1, 1 << 31, 1 << 40, 1 << 60, u64::MAX] {
        let string = [&[0, 9][..], &length(bytes)].concat();
        let list = [&[0, 1, 1][..], &length(bytes)].concat();
        let blob = [&[0, 7, 1, 1, 1, 0, 0][..], &length(bytes)].concat();
        for body in [string, list, blob] {
            match read(&framed(&body), OURS) {
                Reading::Garbage(trouble) => assert!(!trouble.contains("behind"), "{trouble}"),
                other => panic!("{bytes}: {other:?}"),
            }
        }
    }
    // What these bodies are about: with a true length they are letters.
    let unable = Letter::ToCoordinator(ToCoordinator::Unable("no".to_owned()));
    assert_eq!(read(&framed(&[0, 9, 2, b'n', b'o']), OURS), Reading::Letters(vec![unable]));
    let Reading::Letters(letters) = read(&framed(&[0, 7, 1, 1, 1, 0, 0, 1, 42]), OURS) else {
        panic!("no letter")
    };
    assert!(
        matches!(&letters[..], [Letter::ToCoordinator(ToCoordinator::Piece(piece))] if piece.bytes == [42])
    );
}

#[test]
fn whatever_comes_is_a_letter_or_is_refused() {
    let seed = 20_260_101;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let frames: Vec<_> =
        letters().iter().map(|letter| write(letter, OURS).unwrap()).filter(|it| it.len() < 1 << 15).collect();
    let mut refused = 0;
    for round in 0..60_000 {
        let mut frame = frames[rng.random_range(0..frames.len())].clone();
        match round % 4 {
            0 => frame.truncate(rng.random_range(0..frame.len())),
            1 => {
                let place = rng.random_range(2..frame.len());
                frame[place] ^= 1 << rng.random_range(0..8);
            }
            2 => {
                let place = rng.random_range(2..frame.len());
                frame.splice(place..place + 1, length(rng.random()));
            }
            _ => {
                frame = framed(&vec![0; rng.random_range(0..64)]);
                rng.fill_bytes(&mut frame[2..]);
                if round % 8 == 3 && frame.len() > 4 {
                    (frame[2], frame[3]) = (rng.random_range(0..2), rng.random_range(0..12));
                }
            }
        }
        match read(&frame, OURS) {
            // What is read as a letter can be written as one again.
            Reading::Letters(letters) => {
                assert!(write_all(&letters, OURS).is_ok(), "seed {seed} round {round}");
            }
            Reading::Garbage(_) => refused += 1,
            other => panic!("seed {seed} round {round}: {other:?}"),
        }
    }
    assert!(refused > 20_000, "only {refused} were refused: this test damages too little");
}
