//! What is compared: families of models and their sizes.

use super::Candidate;

pub(super) const CANDIDATES: [Candidate; 12] = [
    Candidate {
        name: "dense, code 2",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=2",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense, code 4",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=4",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense, code 6",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=6",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense, code 8",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=8",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense, code 12",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=12",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense, code 16",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=16",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense, code 8, 150 epochs",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=8",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=150",
        ],
    },
    Candidate {
        name: "dense, code 8, 128 wide",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[128]",
            "model.deep.code=8",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "dense relu, code 8",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[64]",
            "model.deep.code=8",
            r#"model.deep.activation="relu""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "two hidden layers, code 8",
        overrides: &[
            "model=deep",
            "model.deep.hidden=[128, 32]",
            "model.deep.code=8",
            r#"model.deep.activation="tanh""#,
            r#"model.deep.code_activation="identity""#,
            r#"model.deep.output="identity""#,
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "VAE, 4 latents",
        overrides: &[
            "model=vae",
            "model.vae.latent=4",
            r#"model.vae.activation="tanh""#,
            "model.vae.likelihood={gaussian={sigma=0.5}}",
            "model.vae.encoder={dense={hidden=[64]}}",
            "training.epochs=300",
        ],
    },
    Candidate {
        name: "VAE, 8 latents",
        overrides: &[
            "model=vae",
            "model.vae.latent=8",
            r#"model.vae.activation="tanh""#,
            "model.vae.likelihood={gaussian={sigma=0.5}}",
            "model.vae.encoder={dense={hidden=[64]}}",
            "training.epochs=300",
        ],
    },
];
