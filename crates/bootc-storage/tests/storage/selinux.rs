//! Labels: of the merged tree's own policy, whatever brought it and whatever was there before.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;

use bootc_storage::Kind;
use bootc_storage::pull::{Compat, ExpectedPolicy, PullConfig};
use ostree_objects::Checksum;
use test_images::{Encapsulation, Image, Layout, Listing};

use crate::host::{Host, Place, chain, layer};

/// A policy of these rules, as listing lines below `etc`.
pub(crate) fn policy(etc: &str, rules: &[(&str, &str)]) -> String {
    let mut contexts = String::new();
    for (regex, label) in rules {
        writeln!(contexts, "{regex}\t{label}").unwrap();
    }
    format!(
        "file {etc}/selinux/config \"SELINUX=enforcing\\nSELINUXTYPE=test\\n\"\n\
         file {etc}/selinux/test/contexts/files/file_contexts {contexts:?}\n\
         file {etc}/selinux/test/policy/policy.33 \"binary\""
    )
}

pub(crate) const BIN: (&str, &str) = ("/usr/bin(/.*)?", "u:r:bin:s0");
pub(crate) const ANY: (&str, &str) = ("/.*", "u:r:any:s0");
const TOOL: (&str, &str) = ("/usr/bin/tool", "u:r:tool:s0");
const QUIET: (&str, &str) = ("/usr/quiet", "<<none>>");

/// An image that says that it boots.
pub(crate) fn bootable(layers: impl IntoIterator<Item = test_images::Layer>) -> Image {
    Image::of(layers).label("containers.bootc", "1")
}

/// Every path of a commit with its label.
fn labels(host: &Host, commit: &Checksum) -> BTreeMap<String, String> {
    fn text(label: Option<&[u8]>) -> String {
        label.map_or_else(String::new, |label| {
            let label = label.strip_suffix(b"\0").expect("the NUL is stored too");
            String::from_utf8(label.to_vec()).unwrap()
        })
    }
    let repo = host.storage.repo();
    let commit = repo.read_commit(commit).unwrap();
    let mut found = BTreeMap::new();
    let mut waiting = vec![(String::new(), commit.tree, commit.meta)];
    while let Some((path, tree, meta)) = waiting.pop() {
        let below = |name: &str| format!("{path}/{name}");
        let tree = repo.read_dirtree(&tree).unwrap();
        for (name, file) in tree.files {
            let header = repo.file_stat(&file).unwrap().header;
            found.insert(below(&name), text(header.xattrs.get(b"security.selinux")));
        }
        for (name, tree, meta) in tree.dirs {
            waiting.push((below(&name), tree, meta));
        }
        let meta = repo.read_dirmeta(&meta).unwrap();
        found.insert(path, text(meta.xattrs.get(b"security.selinux")));
    }
    found
}

/// Every label is that of these rules, the last that fits first.
pub(crate) fn assert_labelled(host: &Host, commit: &Checksum, rules: &[(&str, &str)]) {
    for (path, label) in labels(host, commit) {
        let path = if path.is_empty() { "/" } else { &path };
        let fits = |regex: &str| match regex.strip_suffix("(/.*)?") {
            Some(dir) => path == dir || path.starts_with(&format!("{dir}/")),
            None => regex == "/.*" && path.starts_with('/') || regex == path,
        };
        let rule = rules.iter().rev().find(|(regex, _)| fits(regex));
        let expected = match rule.map(|(_, label)| *label) {
            None | Some("<<none>>") => "",
            Some(label) => label,
        };
        assert_eq!(label, expected, "{path}");
    }
}

pub(crate) fn layer_policy(host: &Host, layer: &test_images::Layer) -> Option<String> {
    let commit = host.layer_commit(layer)?.parse().unwrap();
    let commit = host.storage.repo().read_commit(&commit).unwrap();
    match commit.metadata.get("bootc-storage.selinux-policy") {
        Some(ostree_objects::Value::Str(policy)) => Some(policy.clone()),
        _ => None,
    }
}

fn unneeded(host: &Host) -> u64 {
    host.storage.plan_prune(&host.observer()).unwrap().objects
}

pub(crate) fn base(listing: &str, rules: &[(&str, &str)]) -> Image {
    // As its builder labelled it: not at all.
    let listing = format!("{listing}\n{}", policy("usr/etc", rules));
    Encapsulation::default()
        .encapsulate(&Listing::parse(&listing).unwrap())
        .unwrap()
        .image()
}

#[test]
fn a_plain_image_is_written_once_with_the_labels_of_the_policy_in_its_layers() {
    let rules = [ANY, BIN, TOOL, QUIET];
    let bottom = layer(
        "file usr/bin/tool \"1\"\nfile usr/quiet \"2\"\nsymlink usr/bin/same -> tool\n\
         hardlink usr/other -> usr/bin/tool",
    );
    let middle = layer(&policy("etc", &rules));
    let top = layer("whiteout usr/bin/gone\nfile usr/bin/late \"3\"\nfile etc/conf \"4\"");
    let image = bootable([bottom.clone(), middle.clone(), top.clone()]);
    let host = Host::new();
    let place = Place::image(&image);
    let plan = host.plan(&place.latest()).unwrap();
    assert_eq!(plan.policy, ExpectedPolicy::Layers);
    let pulled = host.apply(&plan).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &rules);
    let report = pulled.labels.unwrap();
    assert_eq!(report.policy.as_deref(), Some("test"));
    assert_eq!(
        (report.looked_at, report.changed),
        (0, 0),
        "nothing was written twice"
    );
    let by = layer_policy(&host, &bottom);
    assert!(by.is_some());
    assert_eq!(
        [layer_policy(&host, &middle), layer_policy(&host, &top)],
        [by.clone(), by]
    );
    assert!(host.check().is_empty());
    assert_eq!(unneeded(&host), 0);
    assert!(host.plan(&place.latest()).unwrap().is_unchanged());
}

#[test]
fn an_image_that_does_not_say_that_it_boots_is_labelled_too() {
    let rules = [ANY, BIN];
    let bottom = layer("file usr/bin/tool \"1\"");
    let top = layer(&policy("etc", &rules));
    let host = Host::new();
    let place = Place::image(&Image::of([bottom.clone(), top.clone()]));
    let plan = host.plan(&place.latest()).unwrap();
    assert_eq!(plan.policy, ExpectedPolicy::None);
    let pulled = host.apply(&plan).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &rules);
    assert!(pulled.labels.unwrap().changed > 5);
    // The layers' refs go with it, so that layer and image share their objects, as if the policy had been known.
    let known = Host::new();
    let known_pull = known.pull(&Place::image(&bootable([bottom.clone(), top.clone()])).latest());
    known_pull.unwrap();
    for one in [&bottom, &top] {
        assert_eq!(host.layer_commit(one), known.layer_commit(one));
    }
    let stored = pulled.stored.iter().map(|layer| layer.commit.to_string());
    let refs = [&bottom, &top].map(|layer| host.layer_commit(layer).unwrap());
    assert_eq!(stored.collect::<Vec<_>>(), refs);
    assert!(host.check().is_empty());
    // What was written without labels is no longer needed.
    assert!(unneeded(&host) > 0);
    host.storage.apply_prune(&host.observer()).unwrap();
    assert!(host.check().is_empty());
    assert!(host.plan(&place.latest()).unwrap().is_unchanged());
}

#[test]
fn a_policy_in_a_derived_layer_labels_the_base_and_leaves_what_is_right() {
    let before = [ANY, BIN];
    let after = [ANY, BIN, TOOL];
    let host = Host::new();
    let first = base("file usr/bin/tool \"1\"\nfile usr/bin/other \"2\"", &before);
    let pulled = host.pull(&Place::image(&first).latest()).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &before);
    let files = |host: &Host| host.objects("file").len();
    let had = files(&host);

    let module = layer(&policy("etc", &after));
    let place = Place::image(&first.layer(module.clone()));
    let plan = host.plan(&place.latest()).unwrap();
    assert_eq!(plan.policy, ExpectedPolicy::Base("test".to_owned()));
    let pulled = host.apply(&plan).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &after);
    // file_contexts itself, and the base's files under the labels that its builder had not given them. Of these, all but
    // the tool had theirs from the first pull.
    assert_eq!(files(&host) - had, 2);
    assert!(host.check().is_empty());
}

#[test]
fn objects_of_a_base_whose_labels_are_right_are_its_own() {
    let rules = [ANY, BIN];
    let listing = format!("file usr/bin/tool \"1\"\n{}", policy("usr/etc", &rules));
    let labelled: Vec<String> = listing
        .lines()
        .map(|line| {
            let path = line.split_whitespace().nth(1).unwrap();
            let label = if path.starts_with("usr/bin") {
                "u:r:bin:s0"
            } else {
                "u:r:any:s0"
            };
            format!("{line} xattr.security.selinux=\"{label}\\0\"")
        })
        .collect();
    let dirs = ["usr", "usr/etc", "usr/etc/selinux", "usr/etc/selinux/test"]
        .into_iter()
        .map(|dir| format!("dir {dir} xattr.security.selinux=\"u:r:any:s0\\0\""));
    let listing: Vec<String> = dirs.chain(labelled).collect();
    let image = Encapsulation::default()
        .encapsulate(&Listing::parse(&listing.join("\n")).unwrap())
        .unwrap();
    let host = Host::new();
    let pulled = host.pull(&Place::image(&image.image()).latest()).unwrap();
    let repo = host.storage.repo();
    let root = |commit| repo.read_commit(commit).unwrap().tree;
    let usr = |commit| {
        let usr = repo
            .read_dirtree(&root(commit))
            .unwrap()
            .dir("usr")
            .unwrap()
            .0;
        repo.read_dirtree(&usr).unwrap()
    };
    let (ours, theirs) = (usr(&pulled.merge_commit), usr(&image.commit));
    let file = |tree: &ostree_objects::DirTree| {
        repo.read_dirtree(&tree.dir("bin").unwrap().0)
            .unwrap()
            .files
    };
    assert_eq!(file(&ours), file(&theirs));
    assert!(host.check().is_empty());
}

#[test]
fn two_images_share_a_layer_and_each_has_its_own_policys_labels() {
    let (rules_a, rules_b) = ([ANY, BIN], [ANY, BIN, TOOL, QUIET]);
    let shared = layer("file usr/bin/tool \"1\"\nfile usr/quiet \"2\"");
    let image =
        |rules: &[(&str, &str)]| bootable([layer(&policy("etc", rules)), shared.clone()]).build();
    let layout = Layout::new()
        .image("a", &image(&rules_a))
        .image("b", &image(&rules_b));
    let place = Place::of(&layout);
    let pull = |host: &Host, tag: &str| host.pull(&place.tag(tag)).unwrap().merge_commit;
    let (one, two) = (Host::new(), Host::new());
    let a = pull(&one, "a");
    let (first_ref, first_policy) = (one.layer_commit(&shared), layer_policy(&one, &shared));
    let b = pull(&one, "b");
    assert_eq!(
        one.layer_commit(&shared),
        first_ref,
        "the ref stays with the first"
    );
    let (other_b, other_a) = (pull(&two, "b"), pull(&two, "a"));
    assert_eq!((a, b), (other_a, other_b), "the order does not show");
    assert_ne!(layer_policy(&two, &shared), first_policy);
    for host in [&one, &two] {
        assert_labelled(host, &a, &rules_a);
        assert_labelled(host, &b, &rules_b);
        host.storage.apply_prune(&host.observer()).unwrap();
        assert!(host.check().is_empty());
        assert_labelled(host, &a, &rules_a);
        assert_labelled(host, &b, &rules_b);
    }
}

#[test]
fn layers_go_along_with_a_policy_that_an_update_brings() {
    let (before, after) = ([ANY, BIN], [ANY, BIN, TOOL]);
    let files = layer("file usr/bin/tool \"1\"\nfile usr/share/a \"2\"");
    let image = |rules: &[(&str, &str)], top: &str| {
        bootable([files.clone(), layer(&policy("etc", rules)), layer(top)]).build()
    };
    let host = Host::new();
    let place = Place::of(&Layout::new().image("latest", &image(&before, "file usr/x \"1\"")));
    host.pull(&place.latest()).unwrap();
    place.write(&Layout::new().image("latest", &image(&after, "file usr/x \"2\"")));
    let pulled = host.pull(&place.latest()).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &after);
    assert!(pulled.labels.unwrap().looked_at > 0);
    // As if it had come under this policy first.
    let fresh = Host::new();
    fresh.pull(&place.latest()).unwrap();
    assert_eq!(host.layer_commit(&files), fresh.layer_commit(&files));
    // So the next version finds it right.
    place.write(&Layout::new().image("latest", &image(&after, "file usr/x \"3\"")));
    let pulled = host.pull(&place.latest()).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &after);
    assert_eq!(pulled.labels.unwrap().looked_at, 0);
    host.storage.apply_prune(&host.observer()).unwrap();
    assert!(host.check().is_empty());
}

#[test]
fn an_update_looks_only_at_what_changed() {
    let rules = [ANY, BIN];
    let first = base("file usr/bin/tool \"1\"\nfile usr/share/a \"2\"", &rules);
    let host = Host::new();
    let place = Place::image(&first);
    let pulled = host.pull(&place.latest()).unwrap();
    assert!(pulled.labels.unwrap().looked_at > 10);
    let next = first.layer(layer("file usr/bin/new \"3\""));
    place.write(&Layout::new().image("latest", &next.build()));
    let pulled = host.pull(&place.latest()).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &rules);
    let again = Host::new().pull(&place.latest()).unwrap();
    assert_eq!(again.merge_commit, pulled.merge_commit);
    assert!(host.check().is_empty());
}

#[test]
fn without_a_policy_there_are_no_labels() {
    let host = Host::new();
    let mut odd = layer("file usr/a \"1\" xattr.security.selinux=\"u:r:odd:s0\\0\"");
    odd.annotations.clear();
    let off = layer("file etc/selinux/config \"SELINUX=disabled\\nSELINUXTYPE=test\\n\"");
    let pulled = host
        .pull(&Place::image(&bootable([odd, off])).latest())
        .unwrap();
    assert_labelled(&host, &pulled.merge_commit, &[]);
    assert_eq!(pulled.labels.unwrap().policy, None);
}

#[test]
fn a_policy_that_goes_takes_its_labels_along() {
    let rules = [ANY];
    let files = layer("file usr/a \"1\"");
    let layout = Layout::new()
        .image(
            "with",
            &bootable([layer(&policy("etc", &rules)), files.clone()]).build(),
        )
        .image("without", &Image::of([files.clone()]).build());
    let place = Place::of(&layout);
    let host = Host::new();
    let with = host.pull(&place.tag("with")).unwrap().merge_commit;
    let without = host.pull(&place.tag("without")).unwrap().merge_commit;
    assert_labelled(&host, &with, &rules);
    assert_labelled(&host, &without, &[]);
    assert_eq!(
        Host::new()
            .pull(&place.tag("without"))
            .unwrap()
            .merge_commit,
        without
    );
}

#[test]
fn a_bad_policy_is_an_error_with_file_and_line_and_nothing_refers_to_the_image() {
    let host = Host::new();
    let image = bootable([
        layer("file usr/a \"1\""),
        layer(&policy("etc", &[ANY, ("/usr/(", "u:r:x:s0")])),
    ]);
    let place = Place::image(&image);
    for _ in 0..2 {
        let error = host.pull(&place.latest()).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid);
        let text = chain(&error);
        for part in [
            "SELinux policy",
            "usr/etc/selinux/test/contexts/files/file_contexts",
            "2",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(
            host.refs()
                .iter()
                .all(|name| name.starts_with("ostree/container/blob/"))
        );
    }
    assert!(host.check().is_empty());
}

#[test]
fn under_compat_the_merge_commit_says_nothing_of_the_policy() {
    let rules = [ANY, BIN];
    let image = bootable([layer(&policy("etc", &rules)), layer("file usr/bin/a \"1\"")]);
    let place = Place::image(&image);
    for (compat, says) in [(Compat::None, true), (Compat::OstreeExt, false)] {
        let host = Host::new();
        let pulled = host.pull_by(&place.latest(), compat);
        let commit = host
            .storage
            .repo()
            .read_commit(&pulled.merge_commit)
            .unwrap();
        let key = commit.metadata.get("bootc-storage.selinux-policy");
        assert_eq!(key.is_some(), says);
        assert_labelled(&host, &pulled.merge_commit, &rules);
    }
}

/// A blob's ref says what reading that blob gave. An image that only claims to know its content cannot move it.
#[test]
fn row_02b_labels_are_no_way_to_move_the_ref_of_a_blob_that_nobody_read() {
    let rules = [ANY];
    let known = layer("file usr/a \"1\"");
    let other = layer("file usr/b \"2\"");
    let mut claimed = other.clone();
    claimed.diff_id = known.diff_id.clone();
    let liar = Image::of([claimed, layer(&policy("etc", &rules))]);
    let layout = Layout::new()
        .image("known", &Image::of([known.clone()]).build())
        .image("other", &Image::of([other.clone()]).build())
        .image("liar", &liar.build());
    let place = Place::of(&layout);
    let host = Host::new();
    host.pull(&place.tag("known")).unwrap();
    host.pull(&place.tag("other")).unwrap();
    let before = host.layer_commit(&other);
    let _ = host.pull(&place.tag("liar"));
    assert_eq!(host.layer_commit(&other), before);
    assert!(host.plan(&place.tag("other")).unwrap().is_unchanged());
}

#[test]
fn a_policy_in_a_layer_that_is_stored_already_is_foretold() {
    let rules = [ANY, BIN];
    let shared = layer(&policy("etc", &rules));
    let image = |text: &str| bootable([shared.clone(), layer(text)]).build();
    let layout = Layout::new()
        .image("42", &image("file usr/bin/a \"42\""))
        .image("43", &image("file usr/bin/a \"43\""));
    let place = Place::of(&layout);
    let host = Host::new();
    host.pull(&place.tag("42")).unwrap();
    let pulled = host.pull(&place.tag("43")).unwrap();
    assert_labelled(&host, &pulled.merge_commit, &rules);
    assert_eq!(pulled.labels.unwrap().looked_at, 0, "written once");
}

#[test]
fn layers_that_wait_for_a_policy_stay_when_another_layer_fails() {
    let good = layer("file usr/a \"1\"");
    let lost = layer("file usr/b \"2\"");
    let image = bootable([good.clone(), lost.clone()]).build();
    let layout = Layout::new().image("latest", &image);
    let host = Host::new();
    let place = Place::of(&layout.without_blob(&lost.digest));
    // One after the other: a layer that is under way stops with the one that fails.
    let config = PullConfig {
        jobs: NonZeroUsize::MIN,
        ..host.config()
    };
    let plan = host.plan(&place.latest()).unwrap();
    let failed = host.storage.apply_pull(&plan, &config, &host.observer());
    failed.unwrap_err();
    assert!(host.layer_commit(&good).is_some());
}
