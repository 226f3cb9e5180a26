//! Verified downloads from several sources: a mirror folder, URLs, and packages of public registries.
