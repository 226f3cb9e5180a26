//! The candidates: families of models in several sizes.

use super::Candidate;

pub(super) fn all() -> Vec<Candidate> {
    vec![
        dense("dense, code 2", "[64]", 2, "tanh", 300),
        dense("dense, code 4", "[64]", 4, "tanh", 300),
        dense("dense, code 6", "[64]", 6, "tanh", 300),
        dense("dense, code 8", "[64]", 8, "tanh", 300),
        dense("dense, code 12", "[64]", 12, "tanh", 300),
        dense("dense, code 16", "[64]", 16, "tanh", 300),
        dense("dense, code 8, 150 epochs", "[64]", 8, "tanh", 150),
        dense("dense, code 8, 128 wide", "[128]", 8, "tanh", 300),
        dense("dense relu, code 8", "[64]", 8, "relu", 300),
        dense("two hidden layers, code 8", "[128, 32]", 8, "tanh", 300),
        vae("VAE, 4 latents", 4),
        vae("VAE, 8 latents", 8),
    ]
}

fn dense(name: &'static str, hidden: &str, code: u32, activation: &str, epochs: u32) -> Candidate {
    let overrides = vec![
        "model=deep".into(),
        format!("model.deep.hidden={hidden}"),
        format!("model.deep.code={code}"),
        format!("model.deep.activation=\"{activation}\""),
        "model.deep.code_activation=\"identity\"".into(),
        "model.deep.output=\"identity\"".into(),
        format!("training.epochs={epochs}"),
    ];
    Candidate { name, overrides }
}

fn vae(name: &'static str, latent: u32) -> Candidate {
    let overrides = vec![
        "model=vae".into(),
        format!("model.vae.latent={latent}"),
        "model.vae.activation=\"tanh\"".into(),
        "model.vae.likelihood={gaussian={sigma=0.5}}".into(),
        "model.vae.encoder={dense={hidden=[64]}}".into(),
        "training.epochs=300".into(),
    ];
    Candidate { name, overrides }
}
