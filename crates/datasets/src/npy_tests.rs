//! Arrays, good, bad and hostile.

use super::*;
use ae_records::seed::stream_rng;
use rand_chacha::rand_core::Rng;

/// What `numpy.save` writes, version 1.0.
pub(crate) fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    file(&format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"), data)
}

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_owned();
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn check(content: &[u8], expected: Result<(&[usize], &[f32]), &str>) {
    match (parse(content), expected) {
        (Ok(npy), Ok((dims, values))) => {
            assert_eq!(npy.dims, dims);
            assert_eq!(npy.rows.iter().copied().collect::<Vec<_>>(), values);
            assert_eq!(npy.rows.nrows(), dims[0]);
            assert!(npy.rows.is_standard_layout());
        }
        (Err(error), Err(expected)) => assert_eq!(error, expected),
        (got, expected) => panic!("{got:?} is not {expected:?}"),
    }
}

#[test]
fn numbers_of_every_kind_are_read() {
    let expected = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let whole = [1u8, 2, 3, 4, 5, 6];
    let ok = Ok(([2, 3].as_slice(), expected.as_slice()));
    check(&npy("<f4", false, "(2, 3)", &f32s(&expected)), ok);
    check(&npy(">f4", false, "(2, 3)", &expected.map(f32::to_be_bytes).concat()), ok);
    let halves = [0x3c00u16, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600];
    check(&npy("<f2", false, "(2, 3)", &halves.map(u16::to_le_bytes).concat()), ok);
    check(&npy("<f8", false, "(2, 3)", &expected.map(|x| f64::from(x).to_le_bytes()).concat()), ok);
    check(&npy("|u1", false, "(2, 3)", &whole), ok);
    check(&npy("|i1", false, "(2, 3)", &whole), ok);
    check(&npy("<u2", false, "(2, 3)", &whole.map(|x| u16::from(x).to_le_bytes()).concat()), ok);
    check(&npy(">i2", false, "(2, 3)", &whole.map(|x| i16::from(x).to_be_bytes()).concat()), ok);
    check(&npy("<u4", false, "(2, 3)", &whole.map(|x| u32::from(x).to_le_bytes()).concat()), ok);
    check(&npy("<i4", false, "(2, 3)", &whole.map(|x| i32::from(x).to_le_bytes()).concat()), ok);
    check(&npy("<u8", false, "(2, 3)", &whole.map(|x| u64::from(x).to_le_bytes()).concat()), ok);
    check(&npy("<i8", false, "(2, 3)", &whole.map(|x| i64::from(x).to_le_bytes()).concat()), ok);
    check(&npy("|b1", false, "(2,)", &[0, 1]), Ok((&[2], &[0.0, 1.0])));
    assert!(parse(&npy("|u1", false, "(1, 1)", &[7])).unwrap().bytes);
    assert!(!parse(&npy("|i1", false, "(1, 1)", &[7])).unwrap().bytes);
}

#[test]
fn columns_first_arrays_are_turned() {
    // numpy: np.asfortranarray([[1, 2, 3], [4, 5, 6]])
    let data = f32s(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    check(&npy("<f4", true, "(2, 3)", &data), Ok((&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])));
    // numpy: np.asfortranarray(np.arange(8).reshape(2, 2, 2))
    let data = [0u8, 4, 2, 6, 1, 5, 3, 7];
    check(&npy("|u1", true, "(2, 2, 2)", &data), Ok((&[2, 2, 2], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])));
}

#[test]
fn as_64_bit_floats_numbers_are_exact() {
    let check = |content: &[u8], expected: &[f64]| {
        let array = parse_as::<f64>(content).unwrap();
        assert_eq!(array.rows.iter().copied().collect::<Vec<_>>(), expected);
    };
    let precise = [0.1, 1.0 / 3.0, 1e300];
    check(&npy("<f8", false, "(3,)", &precise.map(f64::to_le_bytes).concat()), &precise);
    check(&npy("<f4", false, "(1,)", &f32s(&[0.1])), &[f64::from(0.1_f32)]);
    check(
        &npy("<i4", false, "(2,)", &[i32::MAX, i32::MIN].map(i32::to_le_bytes).concat()),
        &[2_147_483_647.0, -2_147_483_648.0],
    );
    check(&npy("<i8", false, "(1,)", &((1_i64 << 53) - 1).to_le_bytes()), &[9_007_199_254_740_991.0]);
    check(&npy("<u8", false, "(1,)", &u64::MAX.to_le_bytes()), &[u64::MAX as f64]);
    assert_eq!(numel(&npy("|u1", false, "(2, 3)", &[])).unwrap(), 6);
}

#[test]
fn a_header_must_tell_the_truth() {
    let states = |shape: &str, size, follow| {
        Err(format!("its header states [{shape}] of {size} bytes each, but {follow} bytes follow"))
    };
    let check = |content: &[u8], expected: Result<(), String>| {
        check(content, Err(expected.unwrap_err().as_str()));
    };
    check(&npy("<f4", false, "(2, 3)", &[0; 23]), states("2, 3", 4, 23));
    check(&npy("<f4", false, "(2, 3)", &[0; 25]), states("2, 3", 4, 25));
    check(&npy("<f4", false, "(1000000000, 1000)", &[0; 4]), states("1000000000, 1000", 4, 4));
    let none = |shape: &str| Err(format!("its header states the shape ({shape}), which no array can have"));
    check(&npy("<f4", false, "(4294967296, 4294967296)", &[]), none("4294967296, 4294967296"));
    check(&npy("<f4", false, "(-1, 2)", &[0; 8]), none("-1, 2"));
    check(&npy("<f4", false, "()", &[0; 4]), Err("it holds a single number; give an array of [N, …]".into()));
    check(
        &npy("<U3", false, "(2,)", &[0; 24]),
        Err("its values are texts, of type '<U3', not numbers".into()),
    );
    check(
        &npy("<f16", false, "(2,)", &[0; 32]),
        Err("its values are of type '<f16'; save it with `.astype('float32')`".into()),
    );
    check(
        &npy("<c8", false, "(1,)", &[0; 8]),
        Err("its values are of type '<c8'; save it with `.astype('float32')`".into()),
    );
    check(b"PK\x03\x04", Err("it does not start with NumPy's signature".into()));
    check(b"", Err("it does not start with NumPy's signature".into()));
    check(b"\x93NUMPY\x01", Err("it does not start with NumPy's signature".into()));
    check(b"\x93NUMPY\x01\x00\x76", Err("it ends inside its header".into()));
    check(b"\x93NUMPY\x01\x00\x76\x00{'descr'", Err("it ends inside its header".into()));
    check(
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff{",
        Err("its header states a length of 4294967295 bytes; at most 4096 are supported".into()),
    );
    check(b"\x93NUMPY\x09\x00\x00\x00", Err("its version is 9.0; 1.0 to 3.0 are supported".into()));
    check(&file("{}", &[]), Err("its header has no shape".into()));
    check(
        &file(&format!("{{'shape': {}", "(".repeat(2000)), &[]),
        Err("its header is nested too deeply".into()),
    );
}

#[test]
fn a_pickle_is_refused() {
    let error = parse(&npy("|O", false, "(1,)", b"cos\nsystem\n")).unwrap_err();
    assert!(error.contains("its values are of type") || error.contains("states"), "{error}");
}

#[test]
fn damaged_files_never_panic() {
    let mut rng = stream_rng(1, "npy fuzz", 0);
    let good = npy("<f4", true, "(2, 3)", &[0; 24]);
    for round in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + rng.next_u32() % 4 {
            let at = rng.next_u32() as usize % bytes.len();
            // Often a character that means something in a header.
            let meaningful = b"0123456789(),:'{}[]<>|fiubcOSUV -+";
            bytes[at] = match rng.next_u32() {
                raw if round % 2 == 0 => raw as u8,
                raw => meaningful[raw as usize % meaningful.len()],
            };
        }
        if round % 5 == 0 {
            bytes.truncate(rng.next_u32() as usize % bytes.len());
        }
        if let Ok(npy) = parse(&bytes) {
            assert_eq!(npy.dims.iter().product::<usize>(), npy.rows.len());
        }
    }
}
