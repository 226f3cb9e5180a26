//! The program `ae`; see the library of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ae_cli::ae()
}
