use super::*;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// An authority's certificate, a node's for this name, and its key.
fn folder(name: &str) -> (TempDir, TlsFiles) {
    let folder = tempfile::tempdir().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let node = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    let node_key = rcgen::KeyPair::generate().unwrap();
    let put = |file: &str, text: String| {
        let path = folder.path().join(file);
        std::fs::write(&path, text).unwrap();
        allow(&path, 0o600);
        path
    };
    let ca = put("ca.pem", authority.self_signed(&authority_key).unwrap().pem());
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let certificate = put("node.pem", node.signed_by(&node_key, &issuer).unwrap().pem());
    let key = put("node.key", node_key.serialize_pem());
    (folder, TlsFiles { ca, certificate, key })
}

/// Whether a byte arrives that a dialler with this connector sends to that acceptor.
async fn reaches(dialler: &Tls, acceptor: &TlsAcceptor) -> bool {
    let (near, far) = duplex(1 << 14);
    let dialling = async {
        let mut stream = dialler.connector.connect(dialler.name.clone(), near).await?;
        stream.write_u8(42).await?;
        stream.flush().await?;
        // An alert comes where the other side does not like our certificate.
        stream.read_u8().await
    };
    let accepting = async {
        let mut stream = acceptor.accept(far).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.flush().await
    };
    let (dialled, accepted) = tokio::join!(dialling, accepting);
    assert_eq!(dialled.is_ok(), accepted.is_ok());
    dialled.is_ok_and(|byte| byte == 42)
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn only_certificates_of_the_same_authority_for_nodes_are_accepted() {
    let (_kept, files) = folder(NODE_SERVER_NAME);
    let ours = Tls::load(&files).unwrap();
    assert!(reaches(&ours, &ours.acceptor).await);

    let (_kept, files) = folder(NODE_SERVER_NAME);
    let other = Tls::load(&files).unwrap();
    assert!(!reaches(&ours, &other.acceptor).await);
    assert!(!reaches(&other, &ours.acceptor).await);

    let (_kept, files) = folder("some-server");
    let server = Tls::load(&files).unwrap();
    assert!(!reaches(&server, &server.acceptor).await, "of the same authority, but no node");
}

#[tokio::test]
async fn a_certificate_of_ours_with_another_authority_is_not_enough() {
    // Trusts us, but has a certificate of its own authority: the listener has to refuse it.
    let (_kept, ours) = folder(NODE_SERVER_NAME);
    let (_kept_too, theirs) = folder(NODE_SERVER_NAME);
    let intruder = Tls::load(&TlsFiles { ca: ours.ca.clone(), ..theirs }).unwrap();
    let ours = Tls::load(&ours).unwrap();
    assert!(!reaches(&intruder, &ours.acceptor).await);
}

#[tokio::test]
async fn the_closed_door_opens_for_nobody() {
    let (_kept, files) = folder(NODE_SERVER_NAME);
    let ours = Tls::load(&files).unwrap();
    assert!(!reaches(&ours, &closed_door().unwrap()).await);
}

#[test]
fn files_that_are_not_in_order_are_named() {
    let (kept, files) = folder(NODE_SERVER_NAME);
    let trouble = |files: &TlsFiles| Tls::load(files).err().expect("an error").to_string();
    let absent = kept.path().join("absent.pem");
    let empty = kept.path().join("empty.pem");
    std::fs::write(&empty, "no PEM").unwrap();
    allow(&empty, 0o600);

    let text = trouble(&TlsFiles { ca: absent.clone(), ..files.clone() });
    assert!(text.contains("absent.pem") && text.contains("authority"), "{text}");
    let text = trouble(&TlsFiles { certificate: absent, ..files.clone() });
    assert!(text.contains("absent.pem") && text.contains("certificate"), "{text}");
    let text = trouble(&TlsFiles { certificate: empty.clone(), ..files.clone() });
    assert!(text.contains("empty.pem") && text.contains("hatchery cert"), "{text}");
    let text = trouble(&TlsFiles { key: empty, ..files.clone() });
    assert!(text.contains("empty.pem") && text.contains("private key"), "{text}");
    let text = trouble(&TlsFiles { key: files.certificate.clone(), ..files.clone() });
    assert!(text.contains("private key"), "{text}");

    allow(&files.key, 0o644);
    let text = trouble(&files);
    assert!(text.contains("node.key") && text.contains("chmod 600"), "{text}");

    let (_kept, other) = folder(NODE_SERVER_NAME);
    let text = trouble(&TlsFiles { key: other.key, ..files });
    assert!(text.contains("do not go together"), "{text}");
}

#[test]
fn a_key_that_others_may_read_is_never_taken_for_one_whose_place_it_takes() {
    const READS: usize = 20_000;
    let (kept, files) = folder(NODE_SERVER_NAME);
    let (_kept_too, other) = folder(NODE_SERVER_NAME);
    let [own, open, place] = ["own", "open", "place"].map(|name| kept.path().join(name));
    std::fs::copy(&files.key, &own).unwrap();
    std::fs::copy(&other.key, &open).unwrap();
    allow(&open, 0o644);
    let expected = private_key(&own).unwrap();
    std::os::unix::fs::symlink(&own, &place).unwrap();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let beside = kept.path().join("beside");
            for target in [&open, &own].into_iter().cycle() {
                if is_done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
                std::os::unix::fs::symlink(target, &beside).unwrap();
                std::fs::rename(&beside, &place).unwrap();
            }
        });
        let is_wrong = |found: &Result<PrivateKeyDer<'_>, TlsError>| {
            found.as_ref().is_ok_and(|found| found.secret_der() != expected.secret_der())
        };
        let wrong = (0..READS).map(|_| private_key(&place)).filter(is_wrong).count();
        is_done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(wrong, 0, "a key that others may read was taken");
    });
}
