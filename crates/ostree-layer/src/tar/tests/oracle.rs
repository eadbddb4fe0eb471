//! bsdtar as an oracle.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::Reading;

/// What bsdtar reads; what it says, if it fails or has anything to say.
pub(super) fn read(tar: &[u8]) -> Result<Reading, String> {
    let listing = bsdtar(&["-tv", "--numeric-owner"], tar)?;
    let content = bsdtar(&["-xO"], tar)?;
    let lines = String::from_utf8_lossy(&listing)
        .lines()
        .map(normal)
        .collect();
    Ok(Reading { lines, content })
}

/// `mode links uid gid size month day time name…` as `mode uid gid size name…`.
fn normal(line: &str) -> String {
    let mut rest = line;
    let mut fields = Vec::new();
    for _ in 0..8 {
        let field;
        (field, rest) = rest.trim_start().split_once(' ').unwrap_or((rest, ""));
        fields.push(field);
    }
    let (mut mode, mut size) = (fields[0].to_owned(), fields[4]);
    match mode.as_bytes()[0] {
        b'd' => size = "*",
        b'b' | b'c' => {
            mode.replace_range(..1, "?");
            size = "*";
        }
        _ => {}
    }
    if rest.contains(" link to ") {
        // bsdtar takes the type from the mode field, which says nothing for a link.
        mode.replace_range(..1, "-");
        size = "0";
    }
    format!("{mode} {} {} {size} {rest}", fields[2], fields[3])
}

fn bsdtar(arguments: &[&str], tar: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new("bsdtar")
        .args(arguments)
        .args(["-f", "-"])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs bsdtar");
    let mut stdin = child.stdin.take().unwrap();
    let tar = tar.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&tar)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    const HARMLESS: &str = "bsdtar: Removing leading '/' from member names\n";
    if output.status.success() && matches!(&*complaint, "" | HARMLESS) {
        return Ok(output.stdout);
    }
    Err(format!("{}: {}", output.status, complaint))
}
