//! Setting up small layouts from a mirror folder, in every state that a checkout can be in.

use std::io::Write;
use std::thread;

use ae_fetch::{Silent, sha256_file};
use tempfile::TempDir;

use super::*;
use crate::recipe::Wheel;

/// A checkout, and a mirror with one wheel that holds all of a small libtorch.
struct Place {
    root: TempDir,
    mirror: TempDir,
    recipes: Recipes,
}

fn name(library: &str) -> String {
    format!("{}{library}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

impl Place {
    fn new() -> Self {
        let (root, mirror) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(mirror.path().join("libtorch")).unwrap();
        let path = mirror.path().join("libtorch/small.whl");
        let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
        let libraries =
            ["c10", "torch_cpu", "torch_python"].map(|library| format!("torch/lib/{}", name(library)));
        let headers = ["ATen/ATen.h", "c10/core/Device.h", "torch/csrc/api/include/torch/torch.h"];
        let headers = headers.map(|header| format!("torch/include/{header}"));
        for member in libraries.iter().chain(&headers) {
            zip.start_file(member.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(member.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        let recipe = |name: &str, flavour: &str, sha256: String| Recipe {
            name: name.into(),
            os: "os".into(),
            arch: "arch".into(),
            flavour: flavour.into(),
            verified: true,
            wheels: vec![Wheel {
                requirement: None,
                python: String::new(),
                platform: None,
                url: None,
                file: "small.whl".into(),
                sha256,
                bytes: None,
                include: true,
                libraries: vec!["*".into()],
            }],
            links: [(Path::new("lib").join(self::name("torch")), self::name("torch_cpu").into())].into(),
        };
        let right = sha256_file(&path).unwrap().0;
        let recipes = vec![
            recipe("the wrong one", "cpu", "0".repeat(64)),
            recipe("the right one", "cpu", right.clone()),
            recipe("the big one", "cuda", right),
        ];
        Place { root, mirror, recipes: Recipes { version: "2.11.0".into(), recipes } }
    }

    fn bring(&self, options: Options) -> anyhow::Result<Libtorch> {
        let options = Options { mirror: Some(self.mirror.path().into()), ..options };
        bring(self.root.path(), &self.recipes, ("os", "arch"), &options, &mut Silent)
    }

    fn home(&self) -> PathBuf {
        self.root.path().join(".libtorch")
    }

    /// Without the mirror, so that only an installed libtorch is found.
    fn without_mirror(&self) -> anyhow::Result<Libtorch> {
        let options = Options::default();
        bring(self.root.path(), &self.recipes, ("os", "arch"), &options, &mut Silent)
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.home()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn it_is_brought_once_and_nothing_else_stays() {
    let place = Place::new();
    let first = place.bring(Options::default()).unwrap();
    assert_eq!((first.flavour.as_str(), first.source.as_str()), ("cpu", "the right one"));
    assert_eq!(place.files(), ["libtorch", "stamp.toml"]);
    let lib = place.home().join("libtorch/lib");
    assert!(lib.join(name("torch")).is_file() && !lib.join(name("torch_python")).exists());
    assert_eq!(place.without_mirror().unwrap(), first);
}

#[test]
fn a_damaged_layout_is_brought_again() {
    let place = Place::new();
    let check = |damage: &dyn Fn(&Path)| {
        place.bring(Options::default()).unwrap();
        damage(&place.home());
        place.without_mirror().unwrap_err();
        place.bring(Options::default()).unwrap();
        assert_eq!(place.files(), ["libtorch", "stamp.toml"]);
    };
    let torch = |home: &Path| home.join("libtorch/lib").join(name("torch_cpu"));
    check(&|home| fs::write(torch(home), b"cut").unwrap());
    check(&|home| fs::remove_file(torch(home)).unwrap());
    check(&|home| fs::remove_file(home.join("libtorch/include/ATen/ATen.h")).unwrap());
    check(&|home| fs::write(home.join("libtorch/build-version"), "2.10.0").unwrap());
    check(&|home| fs::remove_dir_all(home.join("libtorch")).unwrap());
    // Stopped in the middle: no stamp, and leftovers of every kind. Small libraries without a stamp are not trusted.
    check(&|home| {
        fs::remove_file(home.join("stamp.toml")).unwrap();
        fs::rename(home.join("libtorch"), home.join("unpacking")).unwrap();
        fs::create_dir_all(home.join("old/lib")).unwrap();
        fs::create_dir_all(home.join("download")).unwrap();
        fs::write(home.join("download/small.whl"), b"half").unwrap();
        fs::write(home.join("stamp.new"), b"").unwrap();
    });
    check(&|home| fs::remove_file(home.join("stamp.toml")).unwrap());
}

#[test]
fn force_and_cuda_replace_what_is_there() {
    let place = Place::new();
    place.bring(Options::default()).unwrap();
    let marker = place.home().join("libtorch/marker");
    fs::write(&marker, b"").unwrap();
    place.bring(Options::default()).unwrap();
    assert!(marker.exists());
    place.bring(Options { force: true, ..Options::default() }).unwrap();
    assert!(!marker.exists());
    let cuda = place.bring(Options { cuda: true, ..Options::default() }).unwrap();
    assert_eq!((cuda.flavour.as_str(), cuda.source.as_str()), ("cuda", "the big one"));
    assert_eq!(place.without_mirror().unwrap().flavour, "cuda", "the CUDA build serves a CPU, too");
}

#[test]
fn several_at_once_bring_it_once() {
    let place = Place::new();
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| place.bring(Options::default()).unwrap())).collect();
        let found: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(found.iter().all(|other| *other == found[0]));
    });
    assert_eq!(place.files(), ["libtorch", "stamp.toml"]);
}

#[test]
fn when_nothing_works_each_source_and_the_way_out_are_named() {
    let place = Place::new();
    fs::remove_file(place.mirror.path().join("libtorch/small.whl")).unwrap();
    let message = format!("{:#}", place.bring(Options::default()).unwrap_err());
    for part in
        ["the wrong one", "the right one", "small.whl: no such file", "--mirror DIR", "set LIBTORCH to"]
    {
        assert!(message.contains(part), "{part} in {message}");
    }
    let options = Options::default();
    let elsewhere = bring(place.root.path(), &place.recipes, ("plan9", "mips"), &options, &mut Silent);
    let message = elsewhere.unwrap_err().to_string();
    assert!(message.contains("on plan9 mips") && message.contains("LIBTORCH_USE_PYTORCH"), "{message}");
}

#[test]
fn arguments() {
    let check = |words: &[&str], expected: Result<Option<Options>, &str>| {
        let parsed = parse(words.iter().map(OsString::from).collect()).map_err(|error| error.to_string());
        match expected {
            Ok(options) => assert_eq!(parsed.unwrap(), options),
            Err(part) => assert!(parsed.clone().unwrap_err().contains(part), "{parsed:?}"),
        }
    };
    check(&["--help"], Ok(None));
    let all = Options { cuda: true, force: true, mirror: Some("/m".into()) };
    check(&["--cuda", "--mirror", "/m", "--force"], Ok(Some(all)));
    check(&["--mirror"], Err("missing argument"));
    check(&["--nonsense"], Err("--nonsense"));
    check(&["vae"], Err("vae"));
}
