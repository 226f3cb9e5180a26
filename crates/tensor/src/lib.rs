//! Devices, seeded noise, the ndarray bridge, likelihoods, divergences and optimizers on libtorch.
