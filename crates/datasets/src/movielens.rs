//! Reads MovieLens 100K and 1M (Harper and Konstan, ACM Transactions on Interactive Intelligent Systems 5(4),
//! 2015): ratings of films by users, from 1 to 5 stars.
//!
//! Protocols: [`Protocol::Ratings`] holds out ratings at random; a model is given the training ratings of a row and
//! predicts those held out (Sedhain et al., 2015). [`Protocol::StrongGeneralisation`] holds out users (Liang et al.,
//! 2018, section 4.1): films that a user gave 4 stars or more count as liked, a model is given 80 % of those of a
//! user it has never seen, and ranks the rest.

use crate::catalogue::SetEntry;
use crate::sparse::{Absent, SparseDataset, SparsePart, SparseRows};
use crate::{DataConfig, DataError, Protocol, RatingRows, Sources, sparse};
use ae_fetch::Progress;
use ae_intake::order::{permutation, shuffle};
use ae_records::record::FileRecord;
use ae_records::seed::stream_rng;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Stars from which a film counts as liked.
pub const LIKED: f32 = 4.0;
/// Liked films below which a user is left out.
const MIN_LIKED: usize = 5;
/// Share of a held-out user's liked films that a model is to find.
const HIDDEN: f64 = 0.2;
/// Greatest id of a user or film.
const MAX_ID: u32 = 10_000_000;

/// A rating: positions of user and film, and stars.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rating {
    user: u32,
    item: u32,
    stars: f32,
}

/// All ratings, and what their positions stand for.
#[derive(Clone, Debug, PartialEq)]
struct Ratings {
    /// Ids of the users, ascending.
    users: Vec<u32>,
    /// Titles of the rated films, in order of their ids; no two are alike.
    titles: Vec<String>,
    all: Vec<Rating>,
}

/// Reads the two files of a set, and splits the ratings by the configured protocol.
pub(crate) fn read(
    set: &SetEntry,
    config: &DataConfig,
    sources: &Sources,
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<SparseDataset, DataError> {
    check(set, config)?;
    let paths = sources.bring(set, progress)?;
    let (mut contents, mut files) = (Vec::new(), Vec::new());
    for (file, path) in set.files.iter().zip(&paths) {
        let (content, record) = sources.content(set, file, path, progress)?;
        contents.push(content);
        files.push(record);
    }
    let [ratings, titles] = contents.as_slice() else {
        panic!("{} has a file of ratings and one of titles", set.name)
    };
    let ratings = Ratings::parse(&text(ratings), &paths[0], &text(titles), &paths[1])?;
    ratings.split(&set.name, config, seed, files)
}

/// Refuses settings that mean nothing for ratings.
fn check(set: &SetEntry, config: &DataConfig) -> Result<(), DataError> {
    let refuse = |key, value: String, right| Err(DataError::OutOfRange { key, value, right });
    if !matches!(config.protocol, Protocol::Default | Protocol::Ratings | Protocol::StrongGeneralisation) {
        return Err(DataError::Protocol { set: set.name.clone(), protocol: config.protocol.to_string() });
    }
    if config.protocol == Protocol::StrongGeneralisation && config.rows == RatingRows::Items {
        return refuse("rows", "items".into(), "users, whom the protocol strong-generalisation holds out");
    }
    sparse::check(set, config)
}

/// The text of a file in ISO-8859-1, in which each byte is the code of a character.
fn text(content: &[u8]) -> String {
    content.iter().map(|&byte| char::from(byte)).collect()
}

/// Fields are separated by tabs and bars in MovieLens 100K, and by two colons in 1M.
fn fields(line: &str) -> impl Iterator<Item = &str> {
    let separator = ["::", "\t"].into_iter().find(|separator| line.contains(separator)).unwrap_or("|");
    line.split(separator)
}

impl Ratings {
    /// Lines of user, film, stars and more, and lines of film, title and more.
    fn parse(ratings: &str, path: &Path, titles: &str, titles_path: &Path) -> Result<Self, DataError> {
        let wrong = |path: &Path, number: usize, line: &str| DataError::Format {
            path: path.to_owned(),
            format: "MovieLens",
            reason: format!("line {number} is `{}`", line.chars().take(80).collect::<String>()),
        };
        let id = |field: &str| field.parse::<u32>().ok().filter(|&id| id <= MAX_ID);
        let mut raw = Vec::new();
        let mut seen = BTreeSet::new();
        for (number, line) in (1..).zip(ratings.lines()) {
            let mut fields = fields(line);
            let mut next = || fields.next().unwrap_or_default();
            let (user, item, stars) = (id(next()), id(next()), next().parse::<f32>().ok());
            match (user, item, stars.filter(|stars| (0.5..=5.0).contains(stars))) {
                (Some(user), Some(item), Some(stars)) if seen.insert((user, item)) => {
                    raw.push((user, item, stars))
                }
                _ => return Err(wrong(path, number, line)),
            }
        }
        let mut names = BTreeMap::new();
        for (number, line) in (1..).zip(titles.lines()) {
            let mut fields = fields(line);
            match (fields.next().and_then(id), fields.next()) {
                (Some(id), Some(title)) => drop(names.insert(id, title.trim().to_owned())),
                _ => return Err(wrong(titles_path, number, line)),
            }
        }
        let users: BTreeSet<u32> = raw.iter().map(|rating| rating.0).collect();
        let items: BTreeSet<u32> = raw.iter().map(|rating| rating.1).collect();
        let users: Vec<u32> = users.into_iter().collect();
        let items: Vec<u32> = items.into_iter().collect();
        let place = |ids: &[u32], id| ids.binary_search(&id).expect("each id was collected") as u32;
        let all = raw.into_iter().map(|(user, item, stars)| Rating {
            user: place(&users, user),
            item: place(&items, item),
            stars,
        });
        Ok(Ratings { all: all.collect(), titles: distinct(&items, &names), users })
    }

    fn split(
        self,
        name: &str,
        config: &DataConfig,
        seed: u64,
        files: Vec<FileRecord>,
    ) -> Result<SparseDataset, DataError> {
        let strong = config.protocol == Protocol::StrongGeneralisation;
        let mut made =
            if strong { self.hold_out_users(config, seed) } else { self.hold_out_ratings(config, seed) };
        for (part, most, purpose) in
            [(&mut made.train, config.max_train, "max_train"), (&mut made.test, config.max_test, "max_test")]
        {
            part.keep(most, seed, purpose);
        }
        if made.train.rows.stored() == 0 {
            return Err(DataError::TooFewRows { name: name.into(), got: 0, needed: 1, what: "train on" });
        }
        (made.about.name, made.about.files) = (name.into(), files);
        Ok(made)
    }

    /// Each rating is held out at random; rows are users or films.
    fn hold_out_ratings(self, config: &DataConfig, seed: u64) -> SparseDataset {
        let order = permutation(self.all.len(), &mut stream_rng(seed, "held-out ratings", 0));
        let mut order = order.into_iter().map(|place| self.all[place as usize]);
        let n_test = (self.all.len() as f64 * config.test).round() as usize;
        let test: Vec<Rating> = order.by_ref().take(n_test).collect();
        let n_validation = ((self.all.len() - n_test) as f64 * config.validation).round() as usize;
        let validation: Vec<Rating> = order.by_ref().take(n_validation).collect();
        let train: Vec<Rating> = order.collect();
        let by_user = |ratings: &[Rating]| table(self.users.len(), self.titles.len(), ratings);
        let rows = |ratings: &[Rating]| match config.rows {
            RatingRows::Users => by_user(ratings),
            RatingRows::Items => by_user(ratings).transposed(),
        };
        let given = rows(&train);
        // All parts have all rows, in the same order, even if some of them are empty there.
        let predicted = |ratings: &[Rating]| match ratings {
            [] => SparsePart::of(SparseRows::empty(given.width())),
            some => SparsePart::from_given(given.clone(), rows(some)),
        };
        let (validation, test) = (predicted(&validation), predicted(&test));
        let feature_names = match config.rows {
            RatingRows::Users => self.titles,
            RatingRows::Items => Vec::new(), // users have no names
        };
        let about = sparse::about(feature_names, given.width());
        let train = SparsePart::of(given);
        SparseDataset { about, absent: Absent::Unknown, train, validation, test }
    }

    /// Users are held out at random. Rows are users, entries are 1 for liked films, and only films that a training
    /// user liked take part.
    fn hold_out_users(self, config: &DataConfig, seed: u64) -> SparseDataset {
        let liked: Vec<Rating> = self.all.iter().filter(|rating| rating.stars >= LIKED).copied().collect();
        let liked: Vec<Rating> = liked.into_iter().map(|rating| Rating { stars: 1.0, ..rating }).collect();
        let rows = table(self.users.len(), self.titles.len(), &liked);
        let mut users: Vec<usize> =
            (0..rows.len()).filter(|&user| rows.row(user).len() >= MIN_LIKED).collect();
        shuffle(&mut users, &mut stream_rng(seed, "held-out users", 0));
        let share = |of: usize, share: f64| (of as f64 * share).round() as usize;
        let test = users.split_off(users.len() - share(users.len(), config.test));
        let validation = users.split_off(users.len() - share(users.len(), config.validation));
        let train = rows.select(&users);
        let kept = occupied(&train.transposed());
        let choose = |rows: &SparseRows| rows.transposed().select(&kept).transposed();
        let held_out = |users: &[usize], purpose: &str| {
            let rows = choose(&rows.select(users));
            // A user with one film has none to hide, or none to show.
            let rows =
                rows.select(&(0..rows.len()).filter(|&row| rows.row(row).len() >= 2).collect::<Vec<_>>());
            hide(&rows, seed, purpose)
        };
        let (validation, test) =
            (held_out(&validation, "hidden in validation"), held_out(&test, "hidden in test"));
        let titles = kept.iter().map(|&item| self.titles[item].clone()).collect();
        let train = SparsePart::of(choose(&train));
        SparseDataset {
            about: sparse::about(titles, kept.len()),
            absent: Absent::Zero,
            train,
            validation,
            test,
        }
    }
}

/// Hides [`HIDDEN`] of the entries of each row, at least one.
fn hide(rows: &SparseRows, seed: u64, purpose: &str) -> SparsePart {
    let mut rng = stream_rng(seed, purpose, 0);
    let (mut given, mut hidden) = (Vec::new(), Vec::new());
    for row in 0..rows.len() {
        let mut entries: Vec<(u32, f32)> = rows.row(row).collect();
        shuffle(&mut entries, &mut rng);
        let shown = entries.len() - ((entries.len() as f64 * HIDDEN) as usize).max(1);
        for (part, to) in [(&entries[..shown], &mut given), (&entries[shown..], &mut hidden)] {
            let mut part = part.to_vec();
            part.sort_unstable_by_key(|entry| entry.0);
            to.push(part);
        }
    }
    let of =
        |rows_of: &[Vec<(u32, f32)>]| SparseRows::of(rows.width(), rows_of).expect("parts of valid rows");
    SparsePart::from_given(of(&given), of(&hidden))
}

/// The ratings as a table of users and films.
fn table(users: usize, items: usize, ratings: &[Rating]) -> SparseRows {
    let mut rows = vec![Vec::new(); users];
    for rating in ratings {
        rows[rating.user as usize].push((rating.item, rating.stars));
    }
    rows.iter_mut().for_each(|row| row.sort_unstable_by_key(|entry| entry.0));
    SparseRows::of(items, &rows).expect("no film is rated twice by a user")
}

/// The rows that have an entry.
fn occupied(rows: &SparseRows) -> Vec<usize> {
    (0..rows.len()).filter(|&row| rows.row(row).len() > 0).collect()
}

/// The titles of these films; one that occurs before, or that is not known, is told apart by its id.
fn distinct(items: &[u32], names: &BTreeMap<u32, String>) -> Vec<String> {
    let mut used = BTreeSet::new();
    let title = |id: &u32| {
        let title = names.get(id).cloned().unwrap_or_else(|| "film".into());
        let is_new = names.contains_key(id) && used.insert(title.clone());
        if is_new { title } else { format!("{title} #{id}") }
    };
    items.iter().map(title).collect()
}

#[cfg(test)]
#[path = "movielens_tests.rs"]
mod tests;
