//! Turns `proto/` into Rust without protoc: protox compiles, tonic-prost-build writes the code.
//!
//! The descriptors are written out as protox encodes them, because the route through prost-types drops custom options,
//! and those hold the access rules.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let proto = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    let vendor = proto.join("vendor");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut files = Vec::new();
    collect(&proto.join("wangge"), &mut files)?;
    files.sort();
    // tonic-prost-build does not print these (grpc-rust #2511), and without them any change rebuilds everything.
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", proto.display());

    let mut compiler = protox::Compiler::new([&proto, &vendor])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let mut descriptors = compiler.file_descriptor_set();
    // Annotations have done their work once the descriptors are written; code for them would be dead weight.
    descriptors.file.retain(|file| !file.package().starts_with("google.api"));
    assert!(descriptors.encoded_len() > 0, "no descriptors were compiled");
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".wangge.stored")
        .bytes(".wangge.operations")
        .include_file("wangge.rs")
        .compile_fds(descriptors)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
