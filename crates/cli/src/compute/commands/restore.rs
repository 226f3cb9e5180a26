//! `ae restore`: restores a damaged picture of any size by a trained model.

use crate::cli::{Cli, RestoreArgs};
use crate::failure::Failure;
use crate::output;
use ae_evaluation::restoring::{self, Restored, Wish};

pub(crate) fn run(args: &RestoreArgs, cli: &Cli) -> Result<(), Failure> {
    let device = crate::commands::chosen(&args.machine)?;
    let wish = Wish {
        model: args.model.clone(),
        picture: args.picture.clone(),
        mask: args.mask.clone(),
        angle: args.angle,
        out: args.out.clone(),
        tile: args.tile,
    };
    let restored = restoring::restore(&wish, device)?;
    let Restored { size: [height, width], tiles, damage } = restored;
    let picture = args.out.display().to_string();
    match cli.json {
        true => output::json(&serde_json::json!({
            "picture": picture, "height": height, "width": width, "damage": damage, "tiles": tiles,
        })),
        false => output::result(&format!("{damage} undone, {height}x{width} pixels: {picture}")),
    }
    Ok(())
}
