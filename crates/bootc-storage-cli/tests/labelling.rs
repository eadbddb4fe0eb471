//! How a pull labels: `--selinux-engine`, `--disable-selinux`; and `--no-composefs-digest`. libselinux gives the labels that the
//! built-in engine gives, and those that it cannot give.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panic")]

use std::path::Path;
use std::process::{Command, Output};

use test_images::{Image, Layer, Layout};

/// Debian's policy (selinux-policy-default) in a layer, with `more` at the end of its rules, and files that it tells apart.
fn layout(more: &str) -> Layout {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../selinux-label/tests/data/debian");
    let read = |name: &str| std::fs::read_to_string(data.join(name)).unwrap();
    let files = "etc/selinux/default/contexts/files";
    let policy = format!(
        "file etc/selinux/config \"SELINUX=enforcing\\nSELINUXTYPE=default\\n\"\n\
         file etc/selinux/default/policy/policy.33 \"not looked at\"\n\
         file {files}/file_contexts {:?}\n\
         file {files}/file_contexts.homedirs {:?}\n\
         file {files}/file_contexts.subs_dist {:?}\n",
        format!("{}{more}", read("file_contexts")),
        read("file_contexts.homedirs"),
        read("file_contexts.subs_dist"),
    );
    let tools = "file usr/sbin/sshd 0755 \"daemon\"\nfile usr/bin/passwd 04755 \"password\"\nfile usr/bin/greeter \"greets\"\n\
        symlink usr/sbin/init -> ../lib/systemd/systemd\nhardlink usr/lib/greeter -> usr/bin/greeter\n\
        file etc/shadow 0640 \"secret\"\nfile usr/lib/systemd/systemd 0755 \"first\"\nfile var/log/messages \"log\"\ndir proc\ndir home";
    let layers = [tools, policy.as_str()].map(|listing| Layer::listing(listing).unwrap());
    Layout::new().image(
        "latest",
        &Image::of(layers).label("containers.bootc", "1").build(),
    )
}

/// A folder with an image, and repositories for it.
struct Place(tempfile::TempDir);

impl Place {
    fn new(more: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        layout(more).write_dir(&place.0.path().join("oci")).unwrap();
        place
    }

    /// `NOUN VERB` with this engine, on a repository of its own.
    fn run(&self, verb: [&str; 2], engine: &str, more: &[&str]) -> Output {
        let mut command = self.command(verb, engine);
        command.args(["--selinux-engine", engine]);
        command.args(more).output().unwrap()
    }

    fn command(&self, verb: [&str; 2], repo: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bootc-storage"));
        command.args(verb).args(["--json", "--repo"]);
        command.arg(self.0.path().join(repo));
        command.arg(format!(
            "oci:{}:latest",
            self.0.path().join("oci").display()
        ));
        command
    }

    /// A pull with these options into a repository that all such pulls share.
    fn pull(&self, options: &[&str]) -> serde_json::Value {
        let mut command = self.command(["image", "pull"], "shared");
        let output = command.args(options).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn labels_and_the_composefs_digest_are_left_out_on_demand() {
    let place = Place::new("");
    let all = place.pull(&[]);
    assert_eq!(all["policy"], "default");
    let mut commits = vec![all["mergeCommit"].clone()];
    for (options, policy) in [
        (&["--disable-selinux"][..], None),
        (&["--no-composefs-digest"], Some("default")),
        (&["--disable-selinux", "--no-composefs-digest"], None),
    ] {
        let pulled = place.pull(options);
        assert_eq!(pulled["policy"].as_str(), policy, "{options:?}");
        assert!(!commits.contains(&pulled["mergeCommit"]), "{options:?}");
        assert_eq!(place.pull(options)["unchanged"], true, "{options:?}");
        commits.push(pulled["mergeCommit"].clone());
    }
    assert_eq!(place.pull(&[])["mergeCommit"], commits[0]);
}

#[cfg(feature = "libselinux")]
#[test]
fn libselinux_gives_the_same_labels() {
    let json = |output: &Output| -> serde_json::Value {
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let place = Place::new("");
    let [builtin, libselinux] = ["builtin", "libselinux"].map(|engine| {
        let pulled = json(&place.run(["image", "pull"], engine, &[]));
        assert_eq!(pulled["policy"], "default");
        pulled["mergeCommit"].as_str().unwrap().to_owned()
    });
    assert_eq!(builtin, libselinux);
    // Who looks labels up need not be who wrote them; and libselinux does not say which rule it was.
    for engine in ["builtin", "libselinux"] {
        let check = json(&place.run(["selinux", "check"], engine, &[]));
        assert!(check["labelled"].as_u64().unwrap() > 20);
        assert_eq!(check["mislabelled"].as_array().unwrap().len(), 0);
        let found = json(&place.run(["selinux", "lookup"], engine, &["/etc/shadow"]));
        let found = &found["paths"][0];
        assert_eq!(found["label"], "system_u:object_r:shadow_t:s0");
        assert_eq!(found["rule"].is_null(), engine == "libselinux");
    }
}

/// A look-ahead, which no automaton can do.
const LOOK_AHEAD: &str = "/usr/bin/gr(?!x).*\t--\tsystem_u:object_r:greeter_exec_t:s0\n";

#[test]
fn what_only_libselinux_knows_is_refused_with_a_hint() {
    let output = Place::new(LOOK_AHEAD).run(["image", "pull"], "builtin", &[]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for part in ["look-ahead", "file_contexts", "--selinux-engine libselinux"] {
        assert!(message.contains(part), "{message}");
    }
}

#[cfg(feature = "libselinux")]
#[test]
fn libselinux_knows_what_the_other_refuses() {
    let place = Place::new(LOOK_AHEAD);
    let pulled = place.run(["image", "pull"], "libselinux", &[]);
    assert!(pulled.status.success(), "{}", text(&pulled.stderr));
    let found = place.run(["selinux", "lookup"], "libselinux", &["/usr/bin/greeter"]);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    let found = &found["paths"][0];
    assert_eq!(found["label"], "system_u:object_r:greeter_exec_t:s0");
    assert_eq!(found["storedLabel"], found["label"]);
}

#[cfg(not(feature = "libselinux"))]
#[test]
fn a_program_without_libselinux_says_so() {
    let output = Place::new("").run(["image", "pull"], "libselinux", &[]);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("--features libselinux"), "{message}");
}
