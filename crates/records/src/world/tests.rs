//! Tests of what launchers say, and of how a batch is cut.

use super::*;

fn variables(text: &str) -> Variables {
    let pair = |word: &str| {
        let (name, value) = word.split_once('=').unwrap();
        (name.to_string(), value.to_string())
    };
    text.split_whitespace().map(pair).collect()
}

fn world(text: &str) -> World {
    World::read(&variables(text)).unwrap().unwrap()
}

fn check_error(text: &str, expected: &str) {
    assert_eq!(World::read(&variables(text)).unwrap_err().to_string(), expected);
}

const TORCHRUN: &str = "RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 MASTER_ADDR=host-7 MASTER_PORT=29400";
const SRUN: &str = "SLURM_PROCID=5 SLURM_NTASKS=8 SLURM_LOCALID=1 SLURM_STEP_NUM_TASKS=8 SLURM_JOB_ID=4217 \
                    SLURM_JOB_NODELIST=node[07-10,14]";
const MPIRUN: &str = "OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1";

#[test]
fn every_launcher_is_understood() {
    let expected = World {
        rank: 3,
        size: 4,
        local_rank: 1,
        address: "host-7".into(),
        port: 29400,
        meeting: Meeting::First,
        attempt: 0,
    };
    assert_eq!(world(TORCHRUN), expected);
    let agent = "TORCHELASTIC_USE_AGENT_STORE=True TORCHELASTIC_RESTART_COUNT=2 TORCHELASTIC_RUN_ID=x";
    let again = World { meeting: Meeting::Launcher, attempt: 2, ..expected.clone() };
    assert_eq!(world(&format!("{TORCHRUN} {agent}")), again);
    // Kubernetes' PyTorchJob sets no local rank.
    let pod = World { local_rank: 0, ..expected.clone() };
    assert_eq!(world("RANK=3 WORLD_SIZE=4 MASTER_ADDR=host-7 MASTER_PORT=29400"), pod);

    let slurm = World { rank: 5, size: 8, address: "node07".into(), port: 15217, ..expected.clone() };
    assert_eq!(world(SRUN), slurm);
    let named = World { address: "10.0.0.9".into(), port: 99, ..slurm };
    assert_eq!(world(&format!("{SRUN} MASTER_ADDR=10.0.0.9 MASTER_PORT=99")), named);

    let here = World { rank: 1, size: 2, address: "127.0.0.1".into(), port: 29500, ..expected };
    assert_eq!(world(&format!("{MPIRUN} OMPI_COMM_WORLD_LOCAL_SIZE=2")), here);
    assert_eq!(world(&format!("{MPIRUN} MASTER_ADDR=a")), World { address: "a".into(), ..here });

    let own: Variables = World::variables_of(1, 3, 5).map(|(name, value)| (name.into(), value)).into();
    let World { rank, size, local_rank, port, .. } = World::read(&own).unwrap().unwrap();
    assert_eq!((rank, size, local_rank, port), (1, 3, 1, 5));
}

#[test]
fn without_a_launcher_there_is_one_process() {
    for text in [
        "PATH=/bin",
        "MASTER_ADDR=left-over MASTER_PORT=1",
        // A command of a batch script that is not started by srun.
        "SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0 SLURM_JOB_NODELIST=a",
        "RANK= WORLD_SIZE=",
    ] {
        assert_eq!(World::read(&variables(text)), Ok(None), "{text}");
    }
}

#[test]
fn variables_that_are_missing_are_named() {
    let needed = "a worker needs all of RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT";
    check_error(
        "RANK=0",
        &format!("RANK is set, but WORLD_SIZE, MASTER_ADDR and MASTER_PORT are not; {needed}"),
    );
    check_error(
        "WORLD_SIZE=2 MASTER_PORT=1 RANK=0",
        &format!("RANK, WORLD_SIZE and MASTER_PORT are set, but MASTER_ADDR is not; {needed}"),
    );
    check_error(
        MPIRUN,
        "OMPI_COMM_WORLD_RANK is set, but MASTER_ADDR is not; a worker needs all of OMPI_COMM_WORLD_RANK, \
         OMPI_COMM_WORLD_SIZE and OMPI_COMM_WORLD_LOCAL_RANK, which mpirun sets, and MASTER_ADDR",
    );
    let error = World::read(&variables(&SRUN.replace("SLURM_JOB_NODELIST", "X"))).unwrap_err().to_string();
    assert!(error.contains("but SLURM_JOB_NODELIST is not"), "{error}");
}

#[test]
fn values_that_cannot_be_are_refused() {
    let with = |from: &str, to: &str| TORCHRUN.replace(from, to);
    check_error(&with("RANK=3 ", "RANK=4 "), "RANK=4 is not below WORLD_SIZE=4");
    check_error(&with("LOCAL_RANK=1", "LOCAL_RANK=9"), "LOCAL_RANK=9 is not below WORLD_SIZE=4");
    check_error(&with("RANK=3 ", "RANK=-1 "), "RANK=-1 is not a whole number");
    check_error(&with("WORLD_SIZE=4", "WORLD_SIZE=0"), "WORLD_SIZE=0 is not at least 1");
    check_error(&with("29400", "65536"), "MASTER_PORT=65536 is not a whole number up to 65535");
    let list = SRUN.replace("node[07-10,14]", "node[07");
    check_error(&list, "SLURM_JOB_NODELIST=node[07 is not a list of machines such as node[01-04]");
}

#[test]
fn launchers_that_contradict_each_other_are_refused() {
    let rest = "unset the pair that this run was not started by";
    check_error(
        &format!("{TORCHRUN} {MPIRUN}"),
        &format!("WORLD_SIZE=4 contradicts OMPI_COMM_WORLD_SIZE=2; {rest}"),
    );
    let other = MPIRUN.replace("SIZE=2", "SIZE=4");
    check_error(
        &format!("{TORCHRUN} {other}"),
        &format!("RANK=3 contradicts OMPI_COMM_WORLD_RANK=1; {rest}"),
    );
    // One torchrun on each machine of a job, several workers of each.
    let nested = world(&format!("{TORCHRUN} TORCHELASTIC_RUN_ID=x {SRUN}"));
    assert_eq!((nested.rank, nested.size), (3, 4));
}

#[test]
fn machines_are_read_from_lists() {
    let check =
        |list: &str, expected: Option<&str>| assert_eq!(first_host(list).as_deref(), expected, "{list}");
    check("a", Some("a"));
    check("a1.b-c,d", Some("a1.b-c"));
    check("n[1-2]-ib,x", Some("n1-ib"));
    check("r[2,5]n[07-9]", Some("r2n07"));
    for wrong in ["", ",", "n[", "n[]", "n[a]", "n]", "n[1]]", "n;rm", "n o"] {
        check(wrong, None);
    }
}

#[test]
fn every_row_has_one_worker_and_the_weights_add_up() {
    for rows in 1..40 {
        for size in 1..9 {
            let shares: Vec<Share> = (0..size).map(|rank| share(rows, rank, size)).collect();
            let weights: f64 = shares.iter().map(|share| share.weight).sum();
            assert!((weights - 1.0).abs() < 1e-12);
            if rows < size {
                assert!(shares.iter().all(|share| share.rows == (0..rows) && !share.is_part));
                continue;
            }
            let all: Vec<usize> = shares.iter().flat_map(|share| share.rows.clone()).collect();
            assert_eq!(all, (0..rows).collect::<Vec<_>>());
            let sizes: Vec<usize> = shares.iter().map(|share| share.rows.len()).collect();
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            assert!(shares.iter().all(|share| share.is_part == (size > 1)));
        }
    }
}
