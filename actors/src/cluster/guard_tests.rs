use super::*;
use crate::protocol::letters::NodeName;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

fn frame(kind: u8, bytes: usize) -> Vec<u8> {
    let mut frame = (bytes as u64).to_be_bytes().to_vec();
    frame.extend(std::iter::once(kind).chain(std::iter::repeat(0x12)).take(bytes));
    frame
}

fn guarded() -> (DuplexStream, Arc<Connection>, BoxRead, BoxWrite) {
    let (far, near) = tokio::io::duplex(1024);
    let connection = Connection::new(NodeName { stable: "w".to_owned(), incarnation: 1 }, "w:1".to_owned());
    let (reader, writer) = Box::new(Guarded::new(near, &connection, None)).split();
    (far, connection, reader, writer)
}

#[test]
fn the_meter_counts_letters_however_they_are_cut() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for round in 0..200 {
        let mut bytes = Vec::new();
        let mut letters = 0;
        for _ in 0..rng.random_range(1..40) {
            let kind = [0x0a, NODE_MESSAGE, 0x1a][rng.random_range(0..3)];
            let length = rng.random_range(0..300);
            letters += usize::from(kind == NODE_MESSAGE && length > 0);
            bytes.extend(frame(kind, length));
        }
        let (mut meter, mut counted, mut rest) = (Meter::default(), 0, &bytes[..]);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rng.random_range(1..=rest.len().min(50)));
            counted += meter.pass(now);
            rest = later;
        }
        assert_eq!(counted, letters, "round {round}");
    }
}

#[tokio::test]
async fn a_letter_waits_until_its_last_byte_is_written() {
    let (mut far, connection, _reader, mut writer) = guarded();
    connection.queue(100, || ()).unwrap();
    let letter = frame(NODE_MESSAGE, 20);
    writer.write_all(&letter[..27]).await.unwrap();
    assert_eq!(connection.waiting_bytes(), 100);
    writer.write_all(&letter[27..]).await.unwrap();
    assert_eq!(connection.waiting_bytes(), 0);
    let mut heard = vec![0; 28];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, letter);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_become_ready_ends() {
    let (mut far, connection, mut reader, _writer) = guarded();
    let dripping = async {
        // One byte a second buys no time.
        while far.write_u8(0).await.is_ok() {
            sleep(Duration::from_secs(1)).await;
        }
    };
    let reading = async move {
        while reader.read_u8().await.is_ok() {}
        drop(reader);
    };
    tokio::select! { () = dripping => {}, () = reading => {} }
    assert!(connection.is_over());
    assert!(connection.reason().contains("not ready"), "{}", connection.reason());
}

#[tokio::test(start_paused = true)]
async fn silence_ends_a_ready_session_and_words_prolong_it() {
    let (mut far, connection, mut reader, _writer) = guarded();
    connection.set_ready();
    for _ in 0..10 {
        far.write_u8(7).await.unwrap();
        assert_eq!(reader.read_u8().await.unwrap(), 7);
        sleep(Duration::from_millis(SILENCE_MS_MAX - 1_000)).await;
    }
    assert!(reader.read_u8().await.is_err());
    assert!(connection.reason().contains("nothing was heard"), "{}", connection.reason());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_becomes_ready_without_a_word_more_gets_its_time() {
    let (mut far, connection, mut reader, _writer) = guarded();
    let late = async {
        sleep(Duration::from_millis(READY_MS_MAX - 1)).await;
        connection.set_ready();
        sleep(Duration::from_millis(SILENCE_MS_MAX / 2)).await;
        far.write_u8(1).await.unwrap();
    };
    let (byte, ()) = tokio::join!(reader.read_u8(), late);
    assert_eq!(byte.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_ends_the_connection() {
    let (_far, connection, _reader, mut writer) = guarded();
    connection.set_ready();
    let error = writer.write_all(&[0; 4096]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    assert!(connection.reason().contains("nothing could be sent"), "{}", connection.reason());
}

#[tokio::test]
async fn an_end_from_outside_ends_both_halves_at_once() {
    let (_far, connection, mut reader, mut writer) = guarded();
    let ending = async {
        tokio::task::yield_now().await;
        connection.end("enough");
    };
    let (read, written, ()) = tokio::join!(reader.read_u8(), writer.write_all(&[0; 4096]), ending);
    assert_eq!(read.unwrap_err().to_string(), "enough");
    assert_eq!(written.unwrap_err().to_string(), "enough");
}

#[tokio::test]
async fn a_forgotten_writer_ends_with_its_reader() {
    let (_far, connection, reader, mut writer) = guarded();
    let forgotten = tokio::spawn(async move { writer.write_all(&[0; 4096]).await });
    drop(reader);
    assert!(forgotten.await.unwrap().is_err());
    connection.gone().await;
}

#[tokio::test]
async fn the_end_of_the_other_side_is_named() {
    let (far, connection, mut reader, _writer) = guarded();
    drop(far);
    assert!(reader.read_u8().await.is_err());
    assert!(connection.reason().contains("closed"), "{}", connection.reason());
}
