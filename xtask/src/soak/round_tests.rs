//! The soak itself, with small programs in place of `ae`: good ones pass, bad ones are found.

use super::super::trouble::Moment;
use super::*;

/// Counts to 40 in `state`, a number at a time, and copies each to `out`.
struct Script {
    /// What is run for each number, in a loop.
    step: &'static str,
}

/// Appends a number only if it is missing: exactly once.
const CAREFUL: &str = "[ \"$(tail -n 1 out 2>/dev/null)\" = $n ] || echo $n >> out";

/// Appends a number that may be there.
const CARELESS: &str = "echo $n >> out; sleep 0.01";

/// Cannot be continued.
const REFUSING: &str = "[ -z \"$begun\" ] && [ $n -gt 1 ] && exit 3; begun=1; echo $n >> out";

impl Subject for Script {
    fn kind(&self) -> &'static str {
        "script"
    }

    fn name(&self) -> String {
        "script".into()
    }

    fn prepare(&self, _: &Path, place: &Path) -> anyhow::Result<()> {
        let text = format!(
            "n=$(cat state 2>/dev/null || echo 0)\n\
             while [ $n -lt 40 ]; do\nn=$((n + 1))\n{}\nsleep 0.01\n\
             echo $n > .writing-state && mv .writing-state state\ndone\n",
            self.step
        );
        Ok(fs::write(place.join("script"), text)?)
    }

    fn command(&self, program: &Path, place: &Path) -> anyhow::Result<Command> {
        Ok(program_in(program, place, "script"))
    }

    fn results(&self, place: &Path) -> anyhow::Result<Results> {
        Ok(Results::from([("out".to_string(), fs::read(place.join("out"))?)]))
    }
}

fn run(step: &'static str, plan: &[Trouble]) -> anyhow::Result<Counts> {
    let folder = tempfile::tempdir().unwrap();
    let (subject, program) = (Script { step }, Path::new("/bin/sh"));
    let whole = undisturbed(&subject, program, &folder.path().join("whole")).unwrap();
    assert_eq!(whole.results["out"].iter().filter(|byte| **byte == b'\n').count(), 40);
    let disk = Disk::new(&folder.path().join("disk")).unwrap();
    let bench = Bench { program, disk: &disk, folder: folder.path(), verbose: false };
    disturbed(&subject, &bench, &whole, plan)
}

fn troubles(blow: Blow, n: usize) -> Vec<Trouble> {
    let moment = |k: u64| Moment::After(Duration::from_millis(60 + 37 * k));
    (0..n).map(|k| Trouble { moment: moment(k as u64 % 3), blow, group: true }).collect()
}

#[test]
fn a_program_that_resumes_exactly_passes() {
    let counts = run(CAREFUL, &troubles(Blow::Kill, 4)).unwrap();
    assert_eq!(counts, Counts { kills: 4, ..Counts::default() });
    let counts = run(CAREFUL, &troubles(Blow::Stop(Duration::from_millis(50)), 2)).unwrap();
    assert_eq!(counts, Counts { stops: 2, ..Counts::default() });
    let counts = run(CAREFUL, &troubles(Blow::Terminate, 2)).unwrap();
    assert_eq!(counts, Counts { terminations: 2, ..Counts::default() });
}

#[test]
fn a_program_that_repeats_or_fails_is_found() {
    let check = |step, plan: &[Trouble], expected: &str| {
        let error = run(step, plan).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{step}: {error}");
    };
    check(CARELESS, &troubles(Blow::Kill, 8), "out differs from byte");
    check(REFUSING, &troubles(Blow::Kill, 1), "ended with exit status: 3, and nothing");
}

#[test]
fn how_a_program_may_end_depends_on_what_it_suffered() {
    let ended = |script: &str| Command::new("/bin/sh").args(["-c", script]).status().unwrap();
    let check = |script: &str, suffered: &[Blow], expected: Option<bool>| {
        assert_eq!(is_finished(ended(script), suffered).ok(), expected, "{script} {suffered:?}");
    };
    let (stop, full) = (Blow::Stop(Duration::ZERO), {
        Blow::FillDisk(Duration::ZERO, super::super::trouble::Relief::Remove)
    });
    check("exit 0", &[], Some(true));
    check("exit 0", &[stop, full], Some(true));
    check("exit 1", &[], None);
    check("exit 1", &[stop], None);
    check("exit 1", &[full], Some(false));
    check("exit 101", &[full], None);
    check("exit 0", &[Blow::Terminate], Some(false));
    check("exit 1", &[Blow::Terminate], Some(false));
    check("exit 101", &[Blow::Terminate], None);
    check("kill -9 $$", &[Blow::Kill], Some(false));
    check("kill -9 $$", &[stop], None);
    check("kill -6 $$", &[Blow::Kill], None);
    check("kill -6 $$", &[full], None);
    check("kill -15 $$", &[stop, Blow::Terminate], Some(false));
}

#[test]
fn differences_are_named() {
    let results = |pairs: &[(&str, &str)]| -> Results {
        pairs.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec())).collect()
    };
    let check = |got: &[(&str, &str)], expected: &str| {
        let error = compare(&results(&[("a", "123"), ("b", "x")]), &results(got)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&[("a", "123")], "left a, b, this one a");
    check(&[("a", "124"), ("b", "x")], "a differs from byte 2 on");
    check(&[("a", "123"), ("b", "xy")], "b differs from byte 1 on; it has 2 bytes, 1 in");
    assert!(compare(&results(&[("a", "1")]), &results(&[("a", "1")])).is_ok());
}
