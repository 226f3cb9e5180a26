//! `ae recommend`: what a user may like, by a trained model, and which of the user's ratings speak for it.

use crate::cli::{Cli, RecommendArgs};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::recommender::{Recommendation, Recommender};
use ae_records::text::one_line;

pub(crate) fn run(args: &RecommendArgs, cli: &Cli) -> Result<(), Failure> {
    let device = crate::commands::chosen(&args.machine)?;
    let recommender = Recommender::load(&args.model, device)?;
    let user = recommender.read(&args.user)?;
    let all = recommender.recommend(&user, args.top)?;
    if cli.json {
        output::json(&all);
        return Ok(());
    }
    let unit = if recommender.knows_likes_only() { "% of the next like" } else { "stars" };
    let heading = ["title".to_owned(), unit.to_owned(), "because of".to_owned()];
    let line = |it: &Recommendation| {
        let score = match recommender.knows_likes_only() {
            true => format!("{:.2}", 100.0 * it.score),
            false => format!("{:.2}", it.score),
        };
        let because: Vec<String> =
            it.because.iter().map(|reason| one_line(&reason.title).into_owned()).collect();
        [one_line(&it.title).into_owned(), score, because.join("; ")]
    };
    output::columns([heading].into_iter().chain(all.iter().map(line)));
    Ok(())
}
