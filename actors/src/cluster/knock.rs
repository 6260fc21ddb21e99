//! The first words on a connection, before the cluster library sees a byte of it: both sides prove that they have the
//! cookie, and say who they are.
//!
//! A stranger costs a few hundred bytes and no actor, and learns nothing but that somebody listens. The one who listens
//! proves first, so that a dialler gives nothing away to whoever has taken the address.
//!
//! ```text
//! dialler  -> listener   mark, 32 random bytes, name
//! listener -> dialler    mark, 32 random bytes, name, HMAC(cookie, "listener" + both greetings)
//! dialler  -> listener   HMAC(cookie, "dialler" + both greetings)
//! listener -> dialler    one byte: come in, or why not
//! ```
//! This form is the same in all versions of the program; what the versions differ in is said in letters.

use super::cookie::{Cookie, random_bytes};
use crate::protocol::letters::NodeName;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How every greeting begins.
const MARK: &[u8; 8] = b"HATCHERY";

/// Random bytes of each side: no proof serves twice.
const NONCE_BYTES: usize = 32;

/// Bytes of the stable part of a node's name.
pub const NAME_BYTES_MAX: usize = 128;

/// Mark, random bytes, incarnation, length of the name.
const HEAD_BYTES: usize = MARK.len() + NONCE_BYTES + 8 + 1;

const PROOF_BYTES: usize = 32;

/// How a TLS record of a handshake or an alert begins: version 3 of the record layer follows.
const TLS_RECORDS: [[u8; 2]; 2] = [[21, 3], [22, 3]];

/// Whether a dialler may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    ComeIn = 1,
    Full = 2,
    SameName = 3,
    WrongCookie = 4,
}

/// Why nobody came in.
#[derive(Debug, thiserror::Error)]
pub(super) enum KnockError {
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("it speaks TLS, this node does not: give this node a certificate, too")]
    SpeaksTls,
    #[error("it is no node of a Hatchery cluster")]
    Stranger,
    #[error("it says an impossible node name")]
    BadName,
    #[error("it has another cookie: use the cookie file of the coordinator on all nodes")]
    WrongCookie,
    #[error(
        "{0} hung up when it saw this node's proof: most likely it has another cookie; use the cookie file of the \
         coordinator on all nodes"
    )]
    HungUp(NodeName),
    #[error("it has as many connections as it takes")]
    Full,
    #[error("both ends have the same node name")]
    SameName,
    #[error("the system yields no random bytes")]
    NoRandomness,
}

/// A greeting as it goes over the wire, and what it says.
struct Greeting {
    bytes: Vec<u8>,
    name: NodeName,
}

/// Whether a name can be said on the wire and read by people.
pub(super) fn sayable(name: &NodeName) -> bool {
    let stable = &name.stable;
    !stable.is_empty() && stable.len() <= NAME_BYTES_MAX && !stable.chars().any(char::is_control)
}

/// The dialler's side. Returns who was reached.
pub(super) async fn knock<S>(stream: &mut S, ours: &NodeName, cookie: &Cookie) -> Result<NodeName, KnockError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let greeting = Greeting::new(ours)?;
    stream.write_all(&greeting.bytes).await?;
    let theirs = Greeting::read(stream).await?;
    let proof = read_proof(stream).await?;
    if !cookie.proves(&transcript("listener", &greeting, &theirs), &proof) {
        return Err(KnockError::WrongCookie);
    }
    stream.write_all(&cookie.sign(&transcript("dialler", &greeting, &theirs))).await?;
    match stream.read_u8().await? {
        verdict if verdict == Verdict::ComeIn as u8 => Ok(theirs.name),
        verdict if verdict == Verdict::Full as u8 => Err(KnockError::Full),
        verdict if verdict == Verdict::SameName as u8 => Err(KnockError::SameName),
        verdict if verdict == Verdict::WrongCookie as u8 => Err(KnockError::WrongCookie),
        _ => Err(KnockError::Stranger),
    }
}

/// The listener's side. `admit` says whether this node may come in. Returns who it is.
pub(super) async fn answer<S>(
    stream: &mut S,
    ours: &NodeName,
    cookie: &Cookie,
    admit: impl FnOnce() -> Verdict,
) -> Result<NodeName, KnockError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let theirs = Greeting::read(stream).await?;
    let mut greeting = Greeting::new(ours)?;
    let proof = cookie.sign(&transcript("listener", &theirs, &greeting));
    let said = greeting.bytes.len();
    greeting.bytes.extend_from_slice(&proof);
    stream.write_all(&greeting.bytes).await?;
    greeting.bytes.truncate(said);

    // A dialler that finds this node's proof wrong gives nothing away.
    let proof = read_proof(stream).await.map_err(|trouble| match trouble {
        KnockError::Broken(_) => KnockError::HungUp(theirs.name.clone()),
        trouble => trouble,
    })?;
    let verdict = if !cookie.proves(&transcript("dialler", &theirs, &greeting), &proof) {
        Verdict::WrongCookie
    } else if theirs.name == *ours {
        Verdict::SameName
    } else {
        admit()
    };
    stream.write_u8(verdict as u8).await?;
    stream.flush().await?;
    match verdict {
        Verdict::ComeIn => Ok(theirs.name),
        Verdict::Full => Err(KnockError::Full),
        Verdict::SameName => Err(KnockError::SameName),
        Verdict::WrongCookie => Err(KnockError::WrongCookie),
    }
}

impl Greeting {
    fn new(name: &NodeName) -> Result<Self, KnockError> {
        let length = u8::try_from(name.stable.len()).map_err(|_| KnockError::BadName)?;
        let mut nonce = [0; NONCE_BYTES];
        random_bytes(&mut nonce).ok_or(KnockError::NoRandomness)?;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + name.stable.len() + PROOF_BYTES);
        bytes.extend_from_slice(MARK);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&name.incarnation.to_be_bytes());
        bytes.push(length);
        bytes.extend_from_slice(name.stable.as_bytes());
        Ok(Self { bytes, name: name.clone() })
    }

    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, KnockError> {
        let mut bytes = vec![0; HEAD_BYTES];
        // Two bytes tell TLS from us; whoever speaks it may say no more than an alert.
        stream.read_exact(&mut bytes[..2]).await?;
        if TLS_RECORDS.iter().any(|record| bytes.starts_with(record)) {
            return Err(KnockError::SpeaksTls);
        }
        if bytes[..2] != MARK[..2] {
            return Err(KnockError::Stranger);
        }
        stream.read_exact(&mut bytes[2..]).await?;
        if !bytes.starts_with(MARK) {
            return Err(KnockError::Stranger);
        }
        let length = usize::from(bytes[HEAD_BYTES - 1]);
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[HEAD_BYTES - 9..HEAD_BYTES - 1]);
        bytes.resize(HEAD_BYTES + length, 0);
        stream.read_exact(&mut bytes[HEAD_BYTES..]).await?;
        let stable = str::from_utf8(&bytes[HEAD_BYTES..]).map_err(|_| KnockError::BadName)?.to_owned();
        let name = NodeName { stable, incarnation: u64::from_be_bytes(number) };
        if !sayable(&name) {
            return Err(KnockError::BadName);
        }
        Ok(Self { bytes, name })
    }
}

async fn read_proof(stream: &mut (impl AsyncRead + Unpin)) -> Result<[u8; PROOF_BYTES], KnockError> {
    let mut proof = [0; PROOF_BYTES];
    stream.read_exact(&mut proof).await?;
    Ok(proof)
}

/// What a proof is about. Greetings carry their own lengths, so no two conversations have the same transcript.
fn transcript(role: &str, dialler: &Greeting, listener: &Greeting) -> Vec<u8> {
    [role.as_bytes(), &dialler.bytes, &listener.bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn name(stable: &str) -> NodeName {
        NodeName { stable: stable.to_owned(), incarnation: 7 }
    }

    async fn meet(
        dialler: (&NodeName, &Cookie),
        listener: (&NodeName, &Cookie),
        verdict: Verdict,
    ) -> (Result<NodeName, KnockError>, Result<NodeName, KnockError>) {
        let (mut near, mut far) = tokio::io::duplex(64);
        let knocking = async move { knock(&mut near, dialler.0, dialler.1).await };
        let answering = async move { answer(&mut far, listener.0, listener.1, || verdict).await };
        tokio::join!(knocking, answering)
    }

    #[tokio::test]
    async fn nodes_of_one_cookie_learn_each_others_names() {
        let cookie = Cookie::random().unwrap();
        let (worker, coordinator) = (name(&"w".repeat(NAME_BYTES_MAX)), name("coordinator"));
        let (reached, came) = meet((&worker, &cookie), (&coordinator, &cookie), Verdict::ComeIn).await;
        assert_eq!(reached.unwrap(), coordinator);
        assert_eq!(came.unwrap(), worker);
    }

    #[tokio::test]
    async fn another_cookie_is_told_apart_by_the_dialler() {
        let (one, other) = (Cookie::random().unwrap(), Cookie::random().unwrap());
        let (reached, came) = meet((&name("w"), &one), (&name("c"), &other), Verdict::ComeIn).await;
        assert!(matches!(reached, Err(KnockError::WrongCookie)));
        assert!(matches!(came, Err(KnockError::HungUp(_))), "the dialler has given nothing away");
    }

    #[tokio::test]
    async fn a_full_or_equally_named_listener_says_so() {
        let cookie = Cookie::random().unwrap();
        let (reached, came) = meet((&name("w"), &cookie), (&name("c"), &cookie), Verdict::Full).await;
        assert!(matches!((reached, came), (Err(KnockError::Full), Err(KnockError::Full))));
        let (reached, came) = meet((&name("c"), &cookie), (&name("c"), &cookie), Verdict::ComeIn).await;
        assert!(matches!((reached, came), (Err(KnockError::SameName), Err(KnockError::SameName))));
    }

    #[tokio::test]
    async fn a_proof_cannot_be_sent_back() {
        // Who has no cookie, and sends the listener's own words back to it, does not come in.
        let cookie = Cookie::random().unwrap();
        let (mut near, mut far) = tokio::io::duplex(1024);
        let mirror = async move {
            let greeting = Greeting::new(&name("mirror")).unwrap();
            near.write_all(&greeting.bytes).await.unwrap();
            Greeting::read(&mut near).await.unwrap();
            let proof = read_proof(&mut near).await.unwrap();
            near.write_all(&proof).await.unwrap();
            near.read_u8().await.unwrap()
        };
        let coordinator = name("c");
        let answering = answer(&mut far, &coordinator, &cookie, || Verdict::ComeIn);
        let (verdict, came) = tokio::join!(mirror, answering);
        assert_eq!(verdict, Verdict::WrongCookie as u8);
        assert!(matches!(came, Err(KnockError::WrongCookie)));
    }

    #[tokio::test]
    async fn garbage_is_no_greeting() {
        let cookie = Cookie::random().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(41);
        let coordinator = name("c");
        for round in 0..500 {
            let mut bytes = vec![0; 400];
            rng.fill_bytes(&mut bytes);
            if round % 2 == 0 {
                bytes[..MARK.len()].copy_from_slice(MARK);
            }
            let (near, mut far) = tokio::io::duplex(1024);
            let (mut heard, mut said) = tokio::io::split(near);
            said.write_all(&bytes).await.unwrap();
            said.shutdown().await.unwrap();
            let drain = tokio::spawn(async move {
                let mut sink = Vec::new();
                heard.read_to_end(&mut sink).await
            });
            let came = answer(&mut far, &coordinator, &cookie, || Verdict::ComeIn).await;
            assert!(came.is_err(), "round {round}");
            drop(far);
            drain.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn a_side_that_speaks_tls_is_recognised() {
        let cookie = Cookie::random().unwrap();
        let (mut near, mut far) = tokio::io::duplex(1024);
        far.write_all(&[21, 3, 3, 0, 2, 2, 50]).await.unwrap();
        drop(far.shutdown().await);
        let reached = knock(&mut near, &name("w"), &cookie).await;
        assert!(matches!(reached, Err(KnockError::SpeaksTls)));
    }
}
