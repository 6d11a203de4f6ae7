//! The layers of `docs/ARCHITECTURE.md`, held against the paths in the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The text of each module. A module is a path such as `engine/accept`.
type Modules = BTreeMap<String, String>;

/// The modules of the library, without the simulation.
fn library() -> Modules {
    modules("src", &["bin", "simulation"])
}

fn modules(root: &str, left_out: &[&str]) -> Modules {
    let mut modules = BTreeMap::new();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(root);
    collect(&root, &root, left_out, &mut modules);
    let all = modules.clone();
    modules.retain(|module, _| !is_test(module, &all));
    modules
}

/// Returns whether a module exists for tests only.
fn is_test(module: &str, all: &Modules) -> bool {
    let (parent, name) = module.rsplit_once('/').unwrap_or(("lib", module));
    all.get(parent).is_some_and(|text| text.contains(&format!("#[cfg(test)]\nmod {name};")))
}

fn collect(folder: &Path, root: &Path, left_out: &[&str], modules: &mut Modules) {
    for entry in fs::read_dir(folder).expect("a folder of the sources") {
        let path = entry.expect("an entry of it").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in ASCII");
        if left_out.contains(&name) {
            continue;
        }
        if path.is_dir() {
            collect(&path, root, left_out, modules);
        } else {
            let below = path.strip_prefix(root).expect("it is below the root").with_extension("");
            let module = below.to_str().expect("a path in ASCII").trim_end_matches("/mod").to_owned();
            modules.insert(module, fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// Returns the modules to which the paths in a module lead, up to its tests.
fn used_by(module: &str, text: &str, all: &Modules) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut used = BTreeSet::new();
    for (depth, code) in by_depth(text) {
        for path in paths(&code) {
            used.extend(absolute(module, depth, &path, all).and_then(|path| named(&path, all)));
        }
    }
    used.remove(module);
    used
}

/// Returns the code without its comments, by the number of inline modules around it.
fn by_depth(text: &str) -> BTreeMap<usize, String> {
    let mut parts: BTreeMap<usize, String> = BTreeMap::new();
    // The last lines of the inline modules that the line is in.
    let mut ends: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let part = parts.entry(ends.len()).or_default();
        part.push_str(line);
        part.push('\n');
        let indent = &line[..line.len() - line.trim_start().len()];
        let words: Vec<_> = line.split_whitespace().collect();
        if matches!(words.as_slice(), ["mod", _, "{"] | [_, "mod", _, "{"]) {
            ends.push(format!("{indent}}}"));
        } else if ends.last().is_some_and(|end| end == line) {
            ends.pop();
        }
    }
    parts
}

/// Returns all paths of more than one name: those of the `use` lines, and those in expressions and types.
fn paths(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for statement in code.split(';') {
        let (before, used) = statement.rsplit_once("use ").unwrap_or((statement, ""));
        paths.extend(each_path(&used.split_whitespace().collect::<String>()));
        let words = before.split(|char: char| !(char.is_alphanumeric() || "_:".contains(char)));
        paths.extend(words.filter(|word| word.contains("::")).map(str::to_owned));
    }
    paths
}

/// `a::{b,c::d}` names `a::b` and `a::c::d`. No `use` line here has braces in braces.
fn each_path(path: &str) -> Vec<String> {
    match path.split_once('{') {
        Some((prefix, names)) => {
            names.trim_end_matches('}').split(',').map(|name| format!("{prefix}{name}")).collect()
        }
        None => vec![path.to_owned()],
    }
}

/// Returns a path from the root of its crate. Returns `None` if it begins elsewhere.
fn absolute(module: &str, depth: usize, path: &str, all: &Modules) -> Option<Vec<String>> {
    let mut scope: Vec<_> = module.split('/').map(str::to_owned).collect();
    let mut names: Vec<_> = path.split("::").collect();
    match names[0] {
        "crate" => scope.clear(),
        "self" => {}
        "super" => {
            let supers = names.iter().take_while(|name| **name == "super").count();
            scope.truncate((scope.len() + depth).saturating_sub(supers));
            names.drain(1..supers);
        }
        child if all.contains_key(&format!("{module}/{child}")) => names.insert(0, "self"),
        _ => return None,
    }
    scope.extend(names[1..].iter().map(|&name| name.to_owned()));
    Some(scope)
}

/// Returns the file that a path leads to. Returns `None` if that file is left out here.
fn named(path: &[String], all: &Modules) -> Option<String> {
    let longest = (1..=path.len()).rev().map(|len| path[..len].join("/")).find(|path| all.contains_key(path));
    longest.or_else(|| {
        let root = ["lib", "main"].into_iter().find(|root| all.contains_key(*root))?;
        let is_left_out = path.first().is_some_and(|name| all[root].contains(&format!("mod {name};")));
        (!is_left_out).then(|| root.to_owned())
    })
}

/// Returns the files that use each other in a circle, with what each uses of the others.
fn circles(modules: &Modules) -> BTreeMap<String, BTreeSet<String>> {
    let mut left: BTreeMap<_, _> =
        modules.iter().map(|(module, text)| (module.clone(), used_by(module, text, modules))).collect();
    // A file that uses nothing that is left is in no circle, and neither is one that nothing left uses.
    loop {
        let used: BTreeSet<_> = left.values().flatten().cloned().collect();
        let before = left.len();
        left.retain(|module, uses| !uses.is_empty() && used.contains(module));
        let modules: BTreeSet<_> = left.keys().cloned().collect();
        for uses in left.values_mut() {
            uses.retain(|used| modules.contains(used));
        }
        if left.len() == before {
            return left;
        }
    }
}

/// The layers in the documentation, from the top.
fn layers() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/ARCHITECTURE.md");
    let text = fs::read_to_string(path).expect("the architecture");
    let (_, section) = text.split_once("## The layers").expect("the section of the layers");
    let list = section.split("```").nth(1).expect("a fenced list").trim_start_matches("text\n");
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_module_belongs_to_a_layer_that_is_documented() {
    let (layers, modules) = (layers(), library());
    let tops: BTreeSet<_> =
        modules.keys().map(|module| module.split('/').next().unwrap_or_default()).collect();
    let documented: BTreeSet<_> = layers.iter().map(String::as_str).collect();
    assert!(layers.len() > 20, "the list is there: {layers:?}");
    assert_eq!(tops, documented);
}

#[test]
fn dependencies_point_down() {
    let (layers, modules) = (layers(), library());
    let height = |module: &str| {
        let top = module.split('/').next().unwrap_or_default();
        layers.iter().position(|layer| layer == top).unwrap_or_else(|| panic!("{module} is in no layer"))
    };
    let mut count = 0;
    for (module, text) in &modules {
        for used in used_by(module, text, &modules) {
            count += 1;
            assert!(height(module) <= height(&used), "{module} uses {used}, which is above it");
        }
    }
    assert!(count > 350, "the paths are read: {count}");
}

#[test]
fn no_files_of_the_library_use_each_other_in_a_circle() {
    assert_eq!(circles(&modules("src", &["bin"])), BTreeMap::new());
}

#[test]
fn no_files_of_the_program_use_each_other_in_a_circle() {
    assert_eq!(circles(&modules("src/bin/fourway", &[])), BTreeMap::new());
}

#[test]
fn a_path_is_a_use_wherever_it_stands() {
    let files = ["lib", "a", "a/b", "a/b/c", "d", "d/e"];
    let all: Modules = files.map(|file| (file.to_owned(), String::new())).into();
    for (text, expected) in [
        ("use crate::d::e::Thing;", vec!["d/e"]),
        ("use super::Thing;", vec!["a"]),
        ("use super::super::d::{self, Other, e::Thing};", vec!["d", "d/e"]),
        ("use self::c::Thing;", vec!["a/b/c"]),
        ("mod c;\n\npub(crate) use c::{Thing, Other};", vec!["a/b/c"]),
        ("mod c;\n\nfn f() {\n    c::g(&crate::d::Thing)\n}", vec!["a/b/c", "d"]),
        ("fn f() {\n    crate::Thing::g();\n}", vec!["lib"]),
        ("mod inside {\n    use super::Thing;\n    use super::super::Other;\n}", vec!["a"]),
        ("mod c;\n\nuse std::fmt;\nuse log::{debug, error};\n// use super::Thing;", vec![]),
        ("#[cfg(test)]\nmod tests {\n    use super::super::Thing;\n}", vec![]),
    ] {
        let expected: BTreeSet<_> = expected.into_iter().map(str::to_owned).collect();
        assert_eq!(used_by("a/b", text, &all), expected, "{text}");
    }
}

#[test]
fn a_circle_is_found_whatever_uses_it() {
    let mut all: Modules =
        ["lib", "top", "a", "a/b", "low"].map(|file| (file.to_owned(), String::new())).into();
    all.insert("top".to_owned(), "use crate::a;".to_owned());
    all.insert("a/b".to_owned(), "use super::Thing;\nuse crate::low::Low;".to_owned());
    all.insert("a".to_owned(), "mod b;".to_owned());
    assert_eq!(circles(&all), BTreeMap::new(), "a child may use the parent that declares it");
    all.insert("a".to_owned(), "mod b;\n\npub use b::Other;".to_owned());
    assert_eq!(circles(&all).into_keys().collect::<Vec<_>>(), ["a", "a/b"]);
}
