//! Autoencoder variants, each in one file, and the networks they are made of.
