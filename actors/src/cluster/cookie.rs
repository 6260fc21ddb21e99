//! The cookie: 32 random bytes that all nodes of a cluster share. Who has it belongs to the cluster.
//!
//! It lies as 64 hexadecimal digits in a file that only its owner may read. It is never printed, and never an argument
//! of a process.

use super::secrecy::{Withheld, read_secret};
use sha2::{Digest, Sha256};
use std::fmt::{self, Debug};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tokio_rustls::rustls::crypto::ring;

/// Bytes of a cookie: what nobody guesses.
pub const COOKIE_BYTES: usize = 32;

/// Bytes of the file that are looked at; a cookie with its line end has 65.
const FILE_BYTES_MAX: u64 = 1 << 10;

/// A shared secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie([u8; COOKIE_BYTES]);

/// Why there is no cookie.
#[derive(Debug, thiserror::Error)]
pub enum CookieError {
    /// The file cannot be read.
    #[error("cannot read cookie file {path}; copy the one of the coordinator there")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The trouble.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot create cookie file {path}")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The trouble.
        source: io::Error,
    },
    /// Others may read the file.
    #[error("the secret in {path} may be read by others (mode {mode:03o}); say: chmod 600 {path}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// The file holds something else.
    #[error(
        "cookie file {path} holds no cookie: {found}, expected 64 hexadecimal digits; copy the one of the coordinator, \
         or delete it and have a new one made"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        found: String,
    },
    /// The system has no random bytes.
    #[error("the system yields no random bytes for a cookie")]
    NoRandomness,
}

impl Cookie {
    /// A new one.
    ///
    /// # Errors
    /// Where the system's source of randomness fails.
    pub fn random() -> Result<Self, CookieError> {
        let mut bytes = [0; COOKIE_BYTES];
        random_bytes(&mut bytes).ok_or(CookieError::NoRandomness)?;
        Ok(Self(bytes))
    }

    /// Reads a cookie file.
    ///
    /// # Errors
    /// Where it cannot be read, may be read by others, or holds no cookie.
    pub fn read(path: &Path) -> Result<Self, CookieError> {
        let text = read_secret(path, FILE_BYTES_MAX).map_err(|withheld| match withheld {
            Withheld::Unreadable(source) => CookieError::Unreadable { path: path.to_owned(), source },
            Withheld::Open { mode } => CookieError::Open { path: path.to_owned(), mode },
        })?;
        parse(text.trim_ascii()).map_err(|found| CookieError::Malformed { path: path.to_owned(), found })
    }

    /// Makes a cookie file, or reads the one that is there already. Several processes may do so at once: all get the
    /// same cookie.
    ///
    /// # Errors
    /// Where it can neither be made nor read.
    pub fn create(path: &Path) -> Result<Self, CookieError> {
        let cookie = Self::random()?;
        match cookie.place(path) {
            Ok(()) => Ok(cookie),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(source) => Err(CookieError::Unwritable { path: path.to_owned(), source }),
        }
    }

    /// Writes it beside its place and links it there, so that the file is never seen half written and never replaces
    /// another.
    fn place(&self, path: &Path) -> io::Result<()> {
        if path.try_exists()? {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}-{}", std::process::id(), &hex(&Sha256::digest(self.0))[..8]));
        let beside = PathBuf::from(beside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        let written = writeln!(file, "{}", self.hex()).and_then(|()| file.sync_all());
        let placed = written.and_then(|()| fs::hard_link(&beside, path));
        let removed = fs::remove_file(&beside);
        placed.and(removed)
    }

    /// As in its file: for whoever compares it with what was sent.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// Proof of having it: HMAC-SHA-256 (RFC 2104) of a message under it.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 32] {
        hmac_sha256(&self.0, message)
    }

    /// Whether this proves that the sender has it. Takes the same time wherever the difference is.
    pub(super) fn proves(&self, message: &[u8], proof: &[u8; 32]) -> bool {
        let difference = self.sign(message).iter().zip(proof).fold(0, |sum, (a, b)| sum | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

impl Debug for Cookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Cookie(..)")
    }
}

/// Fills with random bytes of the system.
pub(super) fn random_bytes(bytes: &mut [u8]) -> Option<()> {
    ring::default_provider().secure_random.fill(bytes).ok()
}

fn parse(text: &[u8]) -> Result<Cookie, String> {
    if text.len() != 2 * COOKIE_BYTES {
        return Err(format!("{} characters", text.len()));
    }
    let mut bytes = [0; COOKIE_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digits = str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        *byte = value.ok_or("a character that is no hexadecimal digit")?;
    }
    Ok(Cookie(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// HMAC over SHA-256 for keys of at most one block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; 64];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_proof_is_the_hmac_of_rfc_4231() {
        let first = hmac_sha256(&[0x0b; 20], b"Hi There");
        assert_eq!(hex(&first), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        let second = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex(&second), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_proof_holds_for_its_cookie_and_message_alone() {
        let (ours, other) = (Cookie::random().unwrap(), Cookie::random().unwrap());
        let proof = ours.sign(b"message");
        assert!(ours.proves(b"message", &proof));
        assert!(!ours.proves(b"massage", &proof));
        assert!(!other.proves(b"message", &proof));
        let mut bent = proof;
        bent[31] ^= 1;
        assert!(!ours.proves(b"message", &bent));
    }

    #[test]
    fn a_cookie_is_made_once_and_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cookie");
        let made = Cookie::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Cookie::read(&path).unwrap(), made);
        assert_eq!(Cookie::create(&path).unwrap(), made);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn processes_that_create_it_at_once_have_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cookie");
        let made: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Cookie::create(&path).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(made.iter().all(|cookie| *cookie == made[0]));
    }

    #[test]
    fn a_bad_file_is_refused_with_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cookie");
        let put = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Cookie::read(&path).unwrap_err().to_string()
        };
        let good = "ab".repeat(32);
        assert!(put(&good, 0o640).contains("chmod 600"));
        assert!(put(&good, 0o604).contains("mode 604"));
        assert!(put(&good[..63], 0o600).contains("63 characters"));
        assert!(put("", 0o600).contains("0 characters"));
        assert!(put(&good.replace('a', "g"), 0o600).contains("no hexadecimal digit"));
        assert!(put(&format!("+{}", &good[1..]), 0o600).contains("no hexadecimal digit"));
        let absent = Cookie::read(&folder.path().join("absent")).unwrap_err().to_string();
        assert!(absent.contains("absent") && absent.contains("copy"), "{absent}");
    }

    #[test]
    fn it_is_not_shown() {
        let cookie = Cookie::random().unwrap();
        assert_eq!(format!("{cookie:?}"), "Cookie(..)");
    }
}
