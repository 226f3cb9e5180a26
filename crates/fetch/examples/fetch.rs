//! Fetches a file from the sources named on the command line:
//! `cargo run -p ae-fetch --features bar --example fetch -- SHA256 FILE pip:REQ#MEMBER npm:PKG#MEMBER URL …`

use ae_fetch::{Artifact, Bar, Digest, Source};

fn source(text: &str) -> Source {
    let (place, member) = text.split_once('#').unwrap_or((text, ""));
    let member = member.to_string();
    match place.split_once(':') {
        Some(("pip", requirement)) => {
            Source::Pip { requirement: requirement.into(), member: Some(member).filter(|m| !m.is_empty()) }
        }
        Some(("npm", package)) => Source::Npm { package: package.into(), member },
        Some(("debian", package)) => Source::Debian { package: package.into(), member },
        Some(("http" | "https", _)) => Source::Url(text.into()),
        _ => Source::File(text.into()),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(sha256), Some(file)) = (words.next(), words.next()) else {
        return Err("give a checksum, a file to write, and sources".into());
    };
    let artifact = Artifact {
        name: file.clone(),
        destination: file.into(),
        accepted: vec![Digest::new(sha256)],
        sources: words.map(|text| source(&text)).collect(),
    };
    let fetched = ae_fetch::fetch(&artifact, &mut Bar::new()).map_err(|error| error.to_string())?;
    #[expect(clippy::print_stdout, reason = "an example shows what it did")]
    {
        println!("{} from {}", fetched.path.display(), fetched.source);
    }
    Ok(())
}
