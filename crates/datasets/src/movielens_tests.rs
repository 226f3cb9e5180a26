//! Tests of the reader of MovieLens, on made-up ratings.

use super::*;

/// 40 users who rate 6 to 14 of 20 films; ids have gaps.
fn made() -> Ratings {
    let mut lines = String::new();
    for user in 0..40u32 {
        for item in 0..6 + user % 9 {
            let film = (user * 7 + item * 3) % 20;
            lines += &format!("{}::{}::{}::97\n", 2 * user + 1, 5 * film + 10, (user + film) % 5 + 1);
        }
    }
    let titles: String =
        (0..25u32).map(|film| format!("{}::Film {film}::Drama|War\n", 5 * film + 10)).collect();
    Ratings::parse(&lines, Path::new("ratings"), &titles, Path::new("titles")).unwrap()
}

fn split(config: &str, seed: u64) -> SparseDataset {
    let config: DataConfig = toml::from_str(config).unwrap();
    made().split("made", &config, seed, Vec::new()).unwrap()
}

/// The entries of a part as row, column and value.
fn entries(rows: &SparseRows) -> Vec<(usize, u32, f32)> {
    (0..rows.len()).flat_map(|row| rows.row(row).map(move |(column, value)| (row, column, value))).collect()
}

#[test]
fn both_forms_of_the_files_are_read() {
    let tabs = Ratings::parse(
        "7\t3\t4\t88\n9\t2\t1\t88\n",
        Path::new("r"),
        "2|Été (1995)|x\n3|B|y\n",
        Path::new("t"),
    );
    let colons =
        Ratings::parse("7::3::4\n9::2::1\n", Path::new("r"), "2::Été (1995)::x|y\n3::B::z\n", Path::new("t"));
    let expected = Ratings {
        users: vec![7, 9],
        titles: vec!["Été (1995)".into(), "B".into()],
        all: vec![Rating { user: 0, item: 1, stars: 4.0 }, Rating { user: 1, item: 0, stars: 1.0 }],
    };
    assert_eq!((tabs.unwrap(), colons.unwrap()), (expected.clone(), expected));
    assert_eq!(text(b"\xc9t\xe9"), "Ét\u{e9}");
}

#[test]
fn titles_that_are_alike_or_unknown_are_told_apart() {
    let ratings = "1\t2\t3\n1\t4\t3\n1\t6\t3\n";
    let made =
        Ratings::parse(ratings, Path::new("r"), "2|Twins\n4|Twins\n5|Unrated\n", Path::new("t")).unwrap();
    assert_eq!(made.titles, ["Twins", "Twins #4", "film #6"]);
}

#[test]
fn lines_that_are_no_ratings_are_named() {
    let check = |ratings: &str, titles: &str, expected: &str| {
        let error = Ratings::parse(ratings, Path::new("r"), titles, Path::new("t")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let good = "1\t2\t3\n";
    for bad in ["1\t2", "1\t2\t6", "1\t2\tNaN", "-1\t2\t3", "1\t99999999\t3", "x"] {
        check(&format!("{good}{bad}\n"), "", &format!("r is not a usable MovieLens file: line 2 is `{bad}`"));
    }
    check(&good.repeat(2), "", "r is not a usable MovieLens file: line 2 is `1\t2\t3`");
    check(good, "2\n", "t is not a usable MovieLens file: line 1 is `2`");
}

#[test]
fn every_rating_is_trained_on_or_held_out_and_predicted_from_the_trained_ones() {
    let all = made().all.len();
    for rows in ["users", "items"] {
        let made = split(&format!("test = 0.1\nvalidation = 0.2\nrows = '{rows}'"), 3);
        assert_eq!(made.absent, Absent::Unknown);
        let n_test = (all as f64 * 0.1).round() as usize;
        let n_validation = ((all - n_test) as f64 * 0.2).round() as usize;
        let stored = [&made.train, &made.validation, &made.test].map(|part| part.rows.stored());
        assert_eq!(stored, [all - n_test - n_validation, n_validation, n_test], "{rows}");
        assert!(made.train.given.is_none());
        for part in [&made.validation, &made.test] {
            let given = part.given.as_ref().unwrap();
            assert_eq!(given, &made.train.rows, "what is given is what was trained on");
            for row in 0..part.rows.len() {
                let known: BTreeSet<u32> = given.row(row).map(|entry| entry.0).collect();
                assert!(
                    part.rows.row(row).all(|(column, _)| !known.contains(&column)),
                    "what is held out is hidden"
                );
            }
        }
        let (width, names) = if rows == "users" { (20, 20) } else { (40, 0) };
        assert_eq!(made.about.feature_names.len(), names, "films have titles, users have no names");
        assert_eq!(made.about.shape.dims(), [width]);
    }
}

#[test]
fn the_seed_alone_decides() {
    let config = "test = 0.2\nprotocol = 'strong-generalisation'\nvalidation = 0.2";
    assert_eq!(split(config, 1), split(config, 1));
    assert_ne!(split(config, 1).test, split(config, 2).test);
    assert_ne!(split("", 1).test, split("", 2).test);
}

#[test]
fn whole_users_are_held_out_and_a_part_of_what_they_liked_is_hidden() {
    let made = split("protocol = 'strong-generalisation'\ntest = 0.2\nvalidation = 0.1", 5);
    assert_eq!(made.absent, Absent::Zero);
    let liked = |rows: &SparseRows| entries(rows).iter().all(|entry| entry.2 == 1.0);
    assert!(liked(&made.train.rows) && made.train.given.is_none());
    // Only films that a training user liked have a column.
    assert_eq!(occupied(&made.train.rows.transposed()).len(), made.train.rows.width());
    assert_eq!(made.about.feature_names.len(), made.train.rows.width());
    for part in [&made.validation, &made.test] {
        let given = part.given.as_ref().unwrap();
        assert!(!part.rows.is_empty() && liked(&part.rows) && liked(given));
        for row in 0..part.rows.len() {
            let (hidden, shown) = (part.rows.row(row).len(), given.row(row).len());
            assert_eq!(hidden, (((hidden + shown) as f64 * HIDDEN) as usize).max(1));
            let shown: BTreeSet<u32> = given.row(row).map(|entry| entry.0).collect();
            assert!(part.rows.row(row).all(|entry| !shown.contains(&entry.0)));
        }
    }
    let whole = split("protocol = 'strong-generalisation'\ntest = 0.0", 5);
    let users = made.train.rows.len() + made.validation.rows.len() + made.test.rows.len();
    assert_eq!((users, whole.test.rows.len()), (whole.train.rows.len(), 0));
}

#[test]
fn rows_are_limited_with_what_is_given() {
    let made = split("test = 0.2\nmax_train = 7\nmax_test = 3", 0);
    let part = &made.test;
    assert_eq!((made.train.rows.len(), part.rows.len(), part.given.as_ref().unwrap().len()), (7, 3, 3));
}

#[test]
fn settings_that_mean_nothing_for_ratings_are_refused() {
    let set = crate::catalogue::find("movielens-100k").unwrap();
    let refused = |config: &str, expected: &str| {
        let error = check(set, &toml::from_str(config).unwrap()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused("scale = 'min-max'", "data.scale = minmax is out of range: give auto or none");
    refused("protocol = 'ucr'", "the set movielens-100k has no protocol `ucr`");
    refused(
        "protocol = 'strong-generalisation'\nrows = 'items'",
        "data.rows = items is out of range: give users",
    );
    refused("shape = [3]", "data.shape = [3] is out of range");
    refused("normal_label = 'x'", "needs labels");
    assert!(check(set, &DataConfig::default()).is_ok());
}
