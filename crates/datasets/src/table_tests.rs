//! Tables, good and bad.
