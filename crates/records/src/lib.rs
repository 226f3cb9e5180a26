//! What a run leaves behind: seeds, the run directory, records, and files that are written whole or not at all.
