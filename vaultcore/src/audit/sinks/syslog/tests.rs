use tempfile::TempDir;

use super::*;
use crate::audit::testing::{CHILDREN, SHORT, built_in, with_request};
use crate::audit::{AuditDevice, Broker};
use crate::error::ErrorKind;

fn service(folder: &TempDir) -> (UnixDatagram, PathBuf) {
    let path = folder.path().join("log");
    let service = UnixDatagram::bind(&path).expect("bound");
    service
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set");
    (service, path)
}

fn syslog(address: PathBuf) -> Syslog {
    let target = SyslogTarget {
        address,
        facility: 4,
        tag: "vaultcore".to_owned(),
    };
    Syslog::new(target, Duration::from_secs(60))
}

fn received(service: &UnixDatagram) -> String {
    let mut bytes = [0; 65_536];
    let length = service.recv(&mut bytes).expect("received");
    String::from_utf8(bytes[..length].to_vec()).expect("text")
}

#[test]
fn a_line_is_one_message_in_the_form_of_the_rfc() {
    let folder = tempfile::tempdir().expect("folder");
    let (service, path) = service(&folder);
    syslog(path).write(b"{\"a\":1}\n").expect("sent");
    let expected = format!("<38>1 - - vaultcore {} - - {{\"a\":1}}", std::process::id());
    assert_eq!(received(&service), expected);
}

#[test]
fn a_service_that_was_started_anew_is_found() {
    let _none = CHILDREN.read().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("folder");
    let (first, path) = service(&folder);
    let syslog = syslog(path.clone());
    syslog.write(b"1\n").expect("sent");
    assert!(received(&first).ends_with(" 1"));
    drop(first);
    assert_eq!(
        syslog.write(b"2\n").expect_err("gone").kind(),
        ErrorKind::Unavailable
    );
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(
        syslog.reopen().expect_err("gone").kind(),
        ErrorKind::Unavailable
    );
    let (second, _) = service(&folder);
    syslog.write(b"3\n").expect("sent");
    assert!(received(&second).ends_with(" 3"));
}

#[test]
fn a_service_that_has_stopped_reading_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("folder");
    let (service, path) = service(&folder);
    let address = path.to_str().expect("text");
    let broker = Broker::new(vec![built_in("syslog", SHORT, &[("address", address)])]);
    // On a busy machine the first one may come too late as well.
    let (mut accepted, mut refused) = (0, 0);
    while accepted == 0 || refused == 0 {
        match with_request("p", |entry| broker.request(entry)) {
            Ok(()) => (accepted, refused) = (accepted + 1, 0),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AuditFailed);
                refused += 1;
                assert!(refused < 100, "nothing is taken");
            }
        }
    }
    for _ in 0..accepted {
        received(&service);
    }
}
