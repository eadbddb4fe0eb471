//! Systems with an SELinux policy.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::{fs, sync::OnceLock};

use whole_program_tests::run;

/// libostree runs `semodule` of the new deployment in a sandbox of that deployment. This one has no library there to
/// load, and says which sandbox it was in.
const SEMODULE: &str = r#"
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    if (count > 1 && strcmp(words[1], "--help") == 0) {
        puts("--refresh --rebuild-if-modules-changed");
        return 0;
    }
    FILE *note = fopen("/etc/selinux/rebuilt", "w");
    if (!note) return 1;
    for (int word = 1; word < count; word++) fprintf(note, "%s ", words[word]);
    return fclose(note);
}
"#;

/// Debian's policy (selinux-policy-default), and the program that sets it up, as lines of a listing.
pub(crate) fn policy() -> String {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/selinux-label/tests/data/debian");
    let read = |name: &str| fs::read_to_string(data.join(name)).unwrap();
    let files = "etc/selinux/default/contexts/files";
    let mut listing = String::from(
        "file etc/selinux/config \"SELINUX=enforcing\\nSELINUXTYPE=default\\n\"\n\
         file etc/selinux/default/policy/policy.33 \"not looked at\"\n",
    );
    for name in [
        "file_contexts",
        "file_contexts.homedirs",
        "file_contexts.subs_dist",
    ] {
        writeln!(listing, "file {files}/{name} {:?}", read(name)).unwrap();
    }
    listing.push_str("file usr/sbin/semodule 0755 \"");
    for byte in semodule() {
        write!(listing, "\\x{byte:02x}").unwrap();
    }
    listing.push_str("\"\n");
    listing
}

fn semodule() -> &'static [u8] {
    static PROGRAM: OnceLock<Vec<u8>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (source, program) = (folder.path().join("main.c"), folder.path().join("main"));
        fs::write(&source, SEMODULE).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-static", "-Os", "-s", "-o"]);
        run(compiler.arg(&program).arg(&source)).ok();
        fs::read(program).unwrap()
    })
}
