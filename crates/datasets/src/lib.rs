//! Real data sets and your own files: download, verify, parse, split, shuffle, batch.
