//! Build-script helper: lets binaries find libtorch without environment variables.
