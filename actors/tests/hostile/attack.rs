//! What strangers do to a port.

use hatchery_actors::cluster::LETTER_BYTES_MAX;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// File descriptors that this process needs for itself.
const FILES_SPARED: u64 = 256;

/// Opens connections that say nothing, as many as wanted and as files allow, and holds them all; those that are sent
/// away are replaced for as long as `on`. Counts what it opens. Returns how many were held at once.
pub fn idle(address: SocketAddr, wanted: usize, on: &AtomicBool, opened: &AtomicUsize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let files = limit.maximum.unwrap_or(u64::MAX).saturating_sub(FILES_SPARED);
    let wanted = wanted.min(usize::try_from(files).unwrap());
    let mut held = VecDeque::new();
    while held.len() < wanted || on.load(Ordering::Relaxed) {
        if held.len() == wanted {
            held.pop_front();
        }
        // The queue of the kernel may be full.
        if let Ok(stream) = TcpStream::connect(address) {
            held.push_back(stream);
            opened.fetch_add(1, Ordering::Relaxed);
        }
    }
    held.len()
}

/// Noise of several kinds. Ends when all are sent away.
pub fn garbage(address: SocketAddr, rounds: u64) {
    for seed in 0..rounds {
        let mut bytes = vec![0; 20_000];
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        match seed % 4 {
            // The length of a frame that no memory holds.
            0 => bytes[..8].copy_from_slice(&(1_u64 << 60).to_be_bytes()),
            // The beginning of an honest greeting.
            1 => bytes[..8].copy_from_slice(b"HATCHERY"),
            // The beginning of TLS.
            2 => bytes[..3].copy_from_slice(&[22, 3, 1]),
            _ => {}
        }
        let mut stream = TcpStream::connect(address).unwrap();
        // It may be sent away before it has said all.
        let _ = stream.write_all(&bytes);
        assert_sent_away(&mut stream, seed);
    }
}

/// Reads until the other side closes.
fn assert_sent_away(stream: &mut TcpStream, seed: u64) {
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut said = [0; 4096];
    loop {
        match stream.read(&mut said) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
}

/// Frames of the greatest length, of which one byte is missing. Ends when all are sent away.
pub fn unfinished(address: SocketAddr, frames: usize) {
    let threads = (0..frames).map(|number| {
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            let _ = stream.write_all(&(LETTER_BYTES_MAX as u64).to_be_bytes());
            let _ = stream.write_all(&vec![0; LETTER_BYTES_MAX - 1]);
            assert_sent_away(&mut stream, number as u64);
        })
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
}

/// Several that say a greeting at one byte a second. Ends when all are sent away.
pub fn slow(address: SocketAddr, count: usize) {
    let mut streams: Vec<_> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
    for byte in b"HATCHERY".iter().chain(std::iter::repeat(&0)) {
        streams.retain_mut(|stream| stream.write_all(&[*byte]).is_ok());
        if streams.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
