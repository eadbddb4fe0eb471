//! GLib's own key files as the judge: of what is refused, of what is read, and of what an edit does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panic"
)]

use glib::{KeyFile as Theirs, KeyFileFlags};
use ostree_origin::KeyFile;
use proptest::prelude::*;
use proptest::sample::select;

/// Groups in order; of each the keys in order, with value, text and boolean.
type Content = Vec<(String, Vec<Entry>)>;
type Entry = (String, String, Option<String>, Option<bool>);

fn theirs(text: &str) -> Result<Theirs, glib::Error> {
    let file = Theirs::new();
    let keep = KeyFileFlags::KEEP_COMMENTS | KeyFileFlags::KEEP_TRANSLATIONS;
    file.load_from_data(text, keep).map(|()| file)
}

fn their_content(file: &Theirs) -> Content {
    let groups = file.groups();
    let entries = |group: &str| {
        let mut entries: Vec<Entry> = Vec::new();
        for key in &file.keys(group).unwrap() {
            let key = key.as_str();
            // It lists a key once a line, and, once removed, the lines above the last one still.
            if entries.iter().any(|entry| entry.0 == key) || !file.has_key(group, key).unwrap() {
                continue;
            }
            entries.push((
                key.to_owned(),
                file.value(group, key).unwrap().into(),
                file.string(group, key).ok().map(Into::into),
                file.boolean(group, key).ok(),
            ));
        }
        entries
    };
    let names = groups.iter().map(|group| group.as_str());
    names.map(|name| (name.to_owned(), entries(name))).collect()
}

fn our_content(file: &KeyFile) -> Content {
    let entry = |group: &str, key: &str| -> Entry {
        (
            key.to_owned(),
            file.value(group, key).unwrap().to_owned(),
            file.string(group, key).ok().map(Option::unwrap),
            file.boolean(group, key).ok().map(Option::unwrap),
        )
    };
    let groups = file.groups().into_iter();
    groups
        .map(|group| {
            let keys = file.keys(group).into_iter();
            (
                group.to_owned(),
                keys.map(|key| entry(group, key)).collect(),
            )
        })
        .collect()
}

/// Both read the same from it, or both refuse it; ours writes it as it was.
fn agree(text: &str) -> bool {
    match (KeyFile::parse(text), theirs(text)) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(our_content(&ours), their_content(&theirs), "{text:?}");
            assert_eq!(ours.to_string(), text);
            true
        }
        (Err(_), Err(_)) => false,
        (ours, theirs) => panic!("{text:?}: ours {ours:?}, GLib's {theirs:?}"),
    }
}

const GOOD: [&str; 38] = [
    "",
    "  ",
    "\t",
    "\r",
    "#",
    "# a comment",
    "  # indented",
    "#[a]",
    "#k=v",
    "[a]",
    "[a]",
    "[b]",
    " [b]",
    "[a] \t",
    "[origin]",
    "[é 1]",
    "[a=b]",
    "k=v",
    "k=w",
    "k =  spaces  ",
    "\tk=tab\t",
    "k=",
    "k= \r",
    "l=1",
    "l=true ",
    "l=false",
    "two words=x",
    "Name=World",
    "Name[de]=Welt",
    "Name[de_DE@euro.x-y]=Welt",
    "Name[ßñ٣]=x",
    "k[]=empty",
    "k=a=b=[c]",
    "k=\\s\\t\\n\\r\\\\",
    "k=wrong\\x",
    "k=end\\",
    "k=semi;\\;colon",
    "k=é\u{1f980}",
];
const ODD: [&str; 28] = [
    "[]",
    "[a",
    "[a]x",
    "[a]\r",
    "[a]b]",
    "[[a]",
    "[a\tb]",
    "[a\u{7f}]",
    "]",
    "k",
    "=v",
    " =v",
    "k[de=x",
    "k[de]x=y",
    "k [de]=x",
    "k[d e]=x",
    "k[de][fr]=x",
    "k]=x",
    "[a]=x",
    "Encoding=UTF-8",
    "Encoding=utf-8",
    "Encoding=UTF-8 ",
    "Encoding=latin1",
    "\u{feff}[a]",
    "\u{b}k=v",
    "\u{c}k\u{c}=\u{c}v\u{c}",
    "k\t[de]=x",
    "\\s=v",
];

fn document() -> impl Strategy<Value = String> {
    let end =
        || prop_oneof![12 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r\r\n"), 1 => Just("\n\n")];
    let line = prop_oneof![
        30 => select(&GOOD[..]).prop_map(str::to_owned),
        1 => select(&ODD[..]).prop_map(str::to_owned),
        1 => "[^\0]{0,9}",
        2 => "[\\[\\]=# a-z\\\\\t\r]{0,9}",
        4 => ("[a-c]{1,2}", "[ -~]{0,9}").prop_map(|(key, value)| format!("{key}={value}")),
    ];
    let lines = proptest::collection::vec((line, end()), 0..12);
    let first = select(&["[a]\n", "[origin]\n", "# c\n[b]\n", "[a]\r\n", ""][..]);
    let last = select(&["", "", "k=end", "#", "[c]", "k=x\r", " "][..]);
    (first, lines, last).prop_map(|(first, lines, last)| {
        let lines: String = lines
            .iter()
            .flat_map(|(text, end)| [text.as_str(), end])
            .collect();
        format!("{first}{lines}{last}")
    })
}

#[derive(Debug, Clone)]
enum Edit {
    Set(&'static str, &'static str, String),
    RemoveKey(&'static str, &'static str),
    RemoveGroup(&'static str),
}

fn edit() -> impl Strategy<Value = Edit> {
    let group = || select(&["a", "b", "origin", "é 1", "new"][..]);
    let key = || select(&["k", "l", "Name[de]", "two words", "new", "k[]"][..]);
    let text = prop_oneof!["[ \t\n\r\\\\a-z;=#é]{0,8}", "[^\0\u{c}]{0,8}"];
    prop_oneof![
        4 => (group(), key(), text).prop_map(|(group, key, text)| Edit::Set(group, key, text)),
        2 => (group(), key()).prop_map(|(group, key)| Edit::RemoveKey(group, key)),
        1 => group().prop_map(Edit::RemoveGroup),
    ]
}

fn apply(edit: &Edit, ours: &mut KeyFile, theirs: &Theirs) {
    match edit {
        Edit::Set(group, key, text) => {
            ours.set_string(group, key, text).unwrap();
            theirs.set_string(group, key, text);
        }
        Edit::RemoveKey(group, key) => {
            assert_eq!(
                ours.remove_key(group, key),
                theirs.remove_key(group, key).is_ok()
            );
        }
        Edit::RemoveGroup(group) => {
            assert_eq!(ours.remove_group(group), theirs.remove_group(group).is_ok());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn glib_reads_and_refuses_the_same(text in document()) {
        agree(&text);
    }

    #[test]
    fn glib_reads_the_same_after_edits(text in document(), edits in proptest::collection::vec(edit(), 1..6)) {
        let (Ok(mut ours), Ok(judge)) = (KeyFile::parse(&text), theirs(&text)) else {
            return Ok(());
        };
        for edit in &edits {
            apply(edit, &mut ours, &judge);
            // A key that stood on two lines and was removed keeps a place in GLib's list.
            prop_assert_eq!(sorted(our_content(&ours)), sorted(their_content(&judge)), "{:?}", edit);
            // Without its first group, another's key may be the one that says the encoding.
            let written = ours.to_string();
            match theirs(&written) {
                Ok(reread) => prop_assert_eq!(their_content(&reread), our_content(&ours), "{:?} {:?}", edit, written),
                Err(error) => prop_assert!(written.contains("Encoding="), "{} {:?}", error, written),
            }
        }
    }
}

fn sorted(mut content: Content) -> Content {
    content.iter_mut().for_each(|(_, entries)| entries.sort());
    content
}

/// The property above is about documents that are mostly accepted; here is each odd line alone.
#[test]
fn each_line_alone_and_in_a_group() {
    let mut accepted = 0;
    for line in GOOD.iter().chain(&ODD) {
        for before in ["", "[g]\n", "[g]\n[h]\n", "[g]\n[h]\n[g]\n"] {
            for end in ["", "\n", "\r\n", "\r"] {
                accepted += usize::from(agree(&format!("{before}{line}{end}")));
            }
        }
    }
    let all = (GOOD.len() + ODD.len()) * 16;
    assert!(accepted > all / 3 && accepted < all, "{accepted} of {all}");
}

#[test]
fn most_documents_of_the_properties_are_accepted_and_some_are_not() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let documents = (0..500).map(|_| document().new_tree(&mut runner).unwrap().current());
    let accepted = documents.filter(|text| agree(text)).count();
    assert!((200..480).contains(&accepted), "{accepted} of 500");
}
