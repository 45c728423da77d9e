//! Who judges a mutant: first who is fast and finds much, last who is slow and finds the rest.

use super::{MutantsError, weave};
use model::bugs::Workshop;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of `model check` that take a second or two, the quickest first.
const QUICK: [&str; 8] = [
    "zab-sync-live",
    "election-observer-live",
    "election-live",
    "election",
    "zab-counter-live",
    "zab-live",
    "zab-counter",
    "zab-faults-live",
];

/// Runs of `model check` that look at the recipes.
const OF_RECIPES: [&str; 3] = ["lock", "registry", "two-phase-commit"];

/// Tests of the specification that look at the protocol.
pub const TESTS: &[&str] =
    &["early", "histories", "leader", "learner", "quorums", "replay", "said", "standing", "trace", "votes"];

/// Tests of the specification that look at the tree.
const TREE_TESTS: &[&str] = &["collect", "digest", "hostile", "prepare", "sessions", "tree", "watches"];

/// The tests that stand in the specification's own files.
const OWN_TESTS: &str = "zab";

/// What a mutant is in, and so who can see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Protocol,
    Tree,
    Recipes,
}

impl Subject {
    fn of(file: &str) -> Subject {
        match file.strip_prefix("specs/src/") {
            Some(file) if file.starts_with("tree/") => Subject::Tree,
            Some(file) if file.starts_with("recipes/") => Subject::Recipes,
            _ => Subject::Protocol,
        }
    }

    /// Whether it is a test of this, by its name.
    fn is_tested_by(self, test: &str) -> bool {
        match self {
            Subject::Protocol => TESTS.contains(&test),
            Subject::Tree => TREE_TESTS.contains(&test) || test == OWN_TESTS,
            Subject::Recipes => test == "recipes" || test == OWN_TESTS,
        }
    }
}

/// Kibibytes of memory that a judge may use.
const MEMORY: &str = "8000000";

/// One judge: a program that ends well if it sees nothing wrong.
#[derive(Clone, Debug)]
struct Judge {
    /// What the report calls it.
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    /// What the specification as it is needs, at most, to be found innocent.
    limit: Duration,
    /// What the processors may work for it, at most: so that one that runs in circles is known soon on a busy machine.
    work: Duration,
}

/// All judges of mutants in a workshop: of the protocol the stories, the tests of the specification, and the checks;
/// of the tree the tests; of the recipes their tests and checks.
#[derive(Clone, Debug)]
pub struct Court {
    stories: Judge,
    /// Of the specification with all mutants in it, by their names.
    tests: Vec<(String, Judge)>,
    checks: Vec<Judge>,
    recipes: Vec<Judge>,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// This judge tells it from the specification.
    Killed(String),
    /// Nobody does.
    Survived,
    /// It does not compile.
    Unviable,
}

impl Court {
    /// The judges, each of whom has found the specification as it is, with the woven mutants of which none is chosen
    /// in the workshop, innocent; only the fast ones, if asked.
    ///
    /// # Errors
    /// When one of them has not: then they are no judges of mutants.
    pub fn assemble(root: &Path, workshop: &Workshop, fast: bool) -> Result<Court, MutantsError> {
        let program = workshop.program();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let judge = |name: String, arguments| Judge {
            name,
            program: program.clone(),
            arguments,
            limit: PATIENCE,
            work: PATIENCE,
        };
        let check = |run: &str| {
            let arguments = words(&["check", "--engine", "graph", "--threads", "1", "--json", "--run", run]);
            judge(format!("check {run}"), arguments)
        };
        let stories = ["conformance/scenarios", "model/scenarios"].map(|folder| stories(&root.join(folder)));
        let told = words(&["scenario"]).into_iter().chain(stories.into_iter().flatten()).collect();
        let graph =
            model::suite::default().into_iter().filter(|run| run.engines.contains(&model::runner::Engine::Graph));
        let is_of_recipes = |name: &str| OF_RECIPES.iter().any(|recipe| name.starts_with(recipe));
        let (recipes, others): (Vec<_>, Vec<_>) = graph.partition(|run| is_of_recipes(run.name));
        let stories = judge("scenarios".into(), told);
        let recipes = recipes.iter().map(|run| check(run.name)).collect();
        let mut court = Court { stories, tests: tests(workshop)?, checks: QUICK.map(check).into(), recipes };
        if !fast {
            court.checks.push(judge("simulate".into(), words(&["simulate", "--seeds", "10"])));
            court.checks.extend(others.iter().filter(|run| !QUICK.contains(&run.name)).map(|run| check(run.name)));
        }
        court.stories.prove()?;
        court.tests.iter_mut().try_for_each(|(_, test)| test.prove())?;
        court.tests.sort_by_key(|(_, test)| test.work);
        court.checks.iter_mut().chain(&mut court.recipes).try_for_each(Judge::prove)?;
        Ok(court)
    }

    /// Who judges what is in this file, in their order.
    fn judges(&self, file: &str) -> Vec<&Judge> {
        let subject = Subject::of(file);
        let tests = self.tests.iter().filter(|(name, _)| subject.is_tested_by(name)).map(|(_, test)| test);
        match subject {
            Subject::Protocol => std::iter::once(&self.stories).chain(tests).chain(&self.checks).collect(),
            Subject::Tree => tests.collect(),
            Subject::Recipes => tests.chain(&self.recipes).collect(),
        }
    }

    /// Judges the woven mutant of this number, in this file.
    ///
    /// # Errors
    /// When a judge cannot be started.
    pub fn judge_woven(&self, number: usize, file: &str) -> Result<Judgement, MutantsError> {
        let killer = killer(&self.judges(file), number)?;
        Ok(killer.map_or(Judgement::Survived, Judgement::Killed))
    }

    /// Judges what was planted by itself in this file and built in the workshop. The tests are compiled for it; the
    /// woven mutants are lost then.
    ///
    /// # Errors
    /// When a judge cannot be started.
    pub fn judge(&self, workshop: &Workshop, file: &str) -> Result<Judgement, MutantsError> {
        let killer = match Subject::of(file) {
            Subject::Protocol => killer(&[&self.stories], 0)?,
            Subject::Tree | Subject::Recipes => None,
        };
        if let Some(killer) = killer {
            return Ok(Judgement::Killed(killer));
        }
        let court = Court { tests: tests(workshop)?, ..self.clone() };
        court.judge_woven(0, file)
    }
}

/// The first of these judges who sees something wrong in the mutant of this number.
fn killer(judges: &[&Judge], number: usize) -> Result<Option<String>, MutantsError> {
    for judge in judges {
        if !judge.acquits(number)? {
            return Ok(Some(judge.name.clone()));
        }
    }
    Ok(None)
}

/// Nobody takes longer for the specification as it is.
const PATIENCE: Duration = Duration::from_secs(600);

impl Judge {
    /// Sees that it acquits the specification as it is, and gives mutants not very much more time.
    fn prove(&mut self) -> Result<(), MutantsError> {
        let start = Instant::now();
        if !self.acquits(0)? {
            return Err(MutantsError::Judge(self.name.clone()));
        }
        let took = start.elapsed();
        println!("  {:>6.1} s  {}", took.as_secs_f64(), self.name);
        // A busy machine is no proof against a mutant: it is the work that tells, and the clock for whoever sleeps.
        self.limit = took * 20 + Duration::from_secs(120);
        self.work = took * 8 + Duration::from_secs(2);
        Ok(())
    }

    /// Whether it sees nothing wrong. Whoever does not come to an end, or needs too much memory, is not acquitted.
    fn acquits(&self, number: usize) -> Result<bool, MutantsError> {
        let no_judge = |error| MutantsError::File(self.program.display().to_string(), error);
        let mut command = self.command();
        command.env(weave::VARIABLE, number.to_string());
        // What a mutant fails at is not to be kept among the sources, and need not be the shortest.
        command.envs([("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true"), ("PROPTEST_MAX_SHRINK_ITERS", "0")]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.as_mut().map_err(|error| no_judge(std::io::Error::from(error.kind())))?;
        let start = Instant::now();
        loop {
            if let Some(status) = child.try_wait().map_err(no_judge)? {
                return Ok(status.success());
            }
            if start.elapsed() > self.limit {
                child.kill().and_then(|()| child.wait()).map_err(no_judge)?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn command(&self) -> Command {
        if !cfg!(unix) {
            let mut command = Command::new(&self.program);
            command.args(&self.arguments);
            return command;
        }
        let mut command = Command::new("sh");
        let seconds = self.work.as_secs();
        let script = format!("ulimit -v {MEMORY} 2>/dev/null; ulimit -t {seconds} 2>/dev/null; exec \"$@\"");
        command.args(["-c", &script, "judge"]).arg(&self.program).args(&self.arguments);
        command
    }
}

fn stories(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|name| name == "txt"));
    let mut files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    files.sort();
    files
}

/// The specification's own tests, compiled for what stands in the workshop.
fn tests(workshop: &Workshop) -> Result<Vec<(String, Judge)>, MutantsError> {
    let mut words = vec!["test", "--no-run", "--offline", "--quiet", "--message-format=json", "--package", "zab"];
    words.extend(["--lib", "--test", "recipes"]);
    TESTS.iter().chain(TREE_TESTS).for_each(|test| words.extend(["--test", test]));
    let output = workshop.cargo(&words).output().map_err(|error| MutantsError::File("cargo".into(), error))?;
    if !output.status.success() {
        return Err(MutantsError::Tests(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let messages = messages.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
    let judge = |message: Value| {
        let test = message["target"]["name"].as_str()?.to_owned();
        let (name, program) = (format!("test {test}"), message["executable"].as_str()?.into());
        let (limit, work) = (Duration::from_secs(600), Duration::from_secs(60));
        Some((test, Judge { name, program, arguments: Vec::new(), limit, work }))
    };
    Ok(messages.filter_map(judge).collect())
}
