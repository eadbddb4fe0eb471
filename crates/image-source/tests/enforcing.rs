//! A skopeo whose proxy does enforce the policy, as newer ones do: then the proxy itself reads the signed image.
//!
//! The fake stands between us and the real proxy, passes every message on, and refuses to open an image under a
//! policy that rejects. It is this test program, started by a script in skopeo's place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

mod support;

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use image_source::{Error, PolicyFile, SourceEvent};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use support::images::simple;
use support::skopeo::{Bench, chain, read_all};

/// Separates arguments in the environment.
const SEPARATOR: &str = "\u{1f}";
const ARGS: &str = "IMAGE_SOURCE_TEST_FAKE_ARGS";

fn fake_script(bench: &Bench) -> std::path::PathBuf {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nfor arg; do all=\"$all$arg{SEPARATOR}\"; done\n{ARGS}=\"$all\" exec {} --exact fake_skopeo --nocapture\n",
        program.display()
    );
    bench.script("fake-skopeo", &script)
}

#[test]
fn fake_skopeo() {
    // Run as a test it does nothing.
    let Ok(args) = std::env::var(ARGS) else {
        return;
    };
    let args: Vec<&str> = args
        .split(SEPARATOR)
        .filter(|arg| !arg.is_empty())
        .collect();
    assert!(
        args.contains(&"experimental-image-proxy"),
        "with a proxy that enforces, nothing is copied: {args:?}"
    );
    let policy = args
        .iter()
        .position(|arg| *arg == "--policy")
        .map(|at| std::fs::read_to_string(args[at + 1]).unwrap());
    let rejects = policy.is_some_and(|policy| policy.contains(r#""default":[{"type":"reject"}]"#));

    let flags = SocketFlags::CLOEXEC;
    let (mine, its) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let mut command = Command::new("skopeo");
    command
        .args(args)
        .stdin(Stdio::from(its))
        .stdout(Stdio::null())
        .process_group(0);
    let mut real = command.spawn().unwrap();
    drop(command);
    relay(std::io::stdin().as_fd(), &mine, rejects);
    drop(mine);
    real.wait().unwrap();
}

fn relay(client: BorrowedFd<'_>, real: &OwnedFd, rejects: bool) {
    loop {
        let (request, _) = receive(client);
        if request.is_empty() {
            return;
        }
        if rejects && String::from_utf8_lossy(&request).contains("\"OpenImage\"") {
            let text = "Source image rejected: Running image oci:x is rejected by policy.";
            let reply = format!(r#"{{"success":false,"value":null,"pipeid":0,"error":"{text}"}}"#);
            send(client, reply.as_bytes(), &[]);
            continue;
        }
        send(real.as_fd(), &request, &[]);
        let (reply, fds) = receive(real.as_fd());
        if reply.is_empty() {
            return;
        }
        send(client, &reply, &fds);
    }
}

fn receive(from: BorrowedFd<'_>) -> (Vec<u8>, Vec<OwnedFd>) {
    let mut bytes = vec![0; 32 << 10];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let read = rustix::net::recvmsg(
        from,
        &mut [IoSliceMut::new(&mut bytes)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )
    .map_or(0, |message| message.bytes);
    let fds = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    let fds = fds.flatten().collect();
    bytes.truncate(read);
    (bytes, fds)
}

fn send(to: BorrowedFd<'_>, bytes: &[u8], fds: &[OwnedFd]) {
    let borrowed: Vec<BorrowedFd<'_>> = fds.iter().map(OwnedFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !borrowed.is_empty() {
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
    }
    // The other side may have left.
    let _sent = rustix::net::sendmsg(
        to,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    );
}

#[test]
fn a_proxy_that_enforces_reads_the_image_itself() {
    let mut bench = Bench::new();
    let (layout, image) = simple(100_000);
    layout.write_dir(&bench.path("l"));
    let reference = format!("ostree-image-signed:oci:{}:v1", bench.path("l").display());
    bench.config.skopeo = fake_script(&bench);

    let accept = r#"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/none"}]}"#;
    bench.config.policy = PolicyFile(Some(bench.write("policy.json", accept)));
    let source = bench
        .open(&reference)
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(*source.manifest_digest(), image.digest);
    assert_eq!(read_all(source.as_ref()), image.blobs);
    let events = bench.events.lock().unwrap().clone();
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, SourceEvent::Copying { .. })),
        "{events:?}"
    );
    assert!(
        bench.left_in_tmp().is_empty(),
        "the trial image is gone: {:?}",
        bench.left_in_tmp()
    );

    bench.write("policy.json", r#"{"default":[{"type":"reject"}]}"#);
    let error = bench.open(&reference).unwrap_err();
    assert!(matches!(&error, Error::PolicyRejected { .. }), "{error:?}");
    assert!(
        error.to_string().contains("is rejected by policy"),
        "{error}"
    );
    assert_eq!(bench.retries(), 0);
}

#[test]
fn a_proxy_that_refuses_everything_proves_nothing() {
    // It fails under the accepting policy as well: no proof, so the copy decides.
    let mut bench = Bench::new();
    let (layout, image) = simple(1000);
    layout.write_dir(&bench.path("l"));
    let script = "#!/bin/sh\nfor arg; do [ \"$arg\" = copy ] && exec skopeo \"$@\"; done\n\
                  echo 'Source image rejected: broken' >&2; exit 1\n";
    bench.config.skopeo = bench.script("refusing", script);
    let accept = r#"{"default":[{"type":"reject"}],"transports":{"oci":{"":[{"type":"insecureAcceptAnything"}]}}}"#;
    bench.config.policy = PolicyFile(Some(bench.write("policy.json", accept)));
    let reference = format!("ostree-image-signed:oci:{}:v1", bench.path("l").display());
    let source = bench
        .open(&reference)
        .unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(*source.manifest_digest(), image.digest);
}
