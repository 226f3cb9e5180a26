//! The idx format of MNIST: `0 0 type dimensions`, each dimension as a big-endian u32, then the values.
//! Source: <http://yann.lecun.com/exdb/mnist/>, "the IDX file format".

/// A view into the content of an idx file of bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Idx<'a> {
    /// `[N, …]`.
    pub dims: Vec<usize>,
    /// Row-major; as many as the product of `dims`.
    pub values: &'a [u8],
}

/// Checks the header against the content. Never allocates by the size that the header states.
pub fn parse(content: &[u8]) -> Result<Idx<'_>, String> {
    let [0, 0, kind, n_dims, rest @ ..] = content else {
        return Err(format!(
            "it does not start with two zero bytes, a type and a number of dimensions, but with {:02x?}",
            &content[..content.len().min(4)]
        ));
    };
    if *kind != 0x08 {
        return Err(format!(
            "its values are of type {}; only unsigned bytes (0x08) are supported",
            kind_name(*kind)
        ));
    }
    if !(1..=4).contains(n_dims) {
        return Err(format!("it states {n_dims} dimensions; 1 to 4 are supported"));
    }
    let Some((header, values)) = rest.split_at_checked(usize::from(*n_dims) * 4) else {
        return Err(format!("it ends inside its header, after {} bytes", content.len()));
    };
    let (words, _) = header.as_chunks::<4>();
    let dims: Vec<usize> = words.iter().map(|word| u32::from_be_bytes(*word) as usize).collect();
    let numel = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
    if numel != Some(values.len()) {
        let stated = numel.map_or("more values than can be counted".into(), |n| format!("{n} values"));
        return Err(format!("its header states {dims:?}, so {stated}, but {} follow", values.len()));
    }
    Ok(Idx { dims, values })
}

fn kind_name(kind: u8) -> String {
    match kind {
        0x09 => "signed bytes (0x09)".into(),
        0x0b => "16-bit integers (0x0b)".into(),
        0x0c => "32-bit integers (0x0c)".into(),
        0x0d => "32-bit floats (0x0d)".into(),
        0x0e => "64-bit floats (0x0e)".into(),
        other => format!("{other:#04x}, which is unknown to the format"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_records::seed::stream_rng;
    use rand_chacha::rand_core::Rng;

    fn check(content: &[u8], expected: Result<&[usize], &str>) {
        match (parse(content), expected) {
            (Ok(idx), Ok(dims)) => assert_eq!(idx.dims, dims),
            (Err(error), Err(expected)) => assert_eq!(error, expected),
            (got, expected) => panic!("{got:?} is not {expected:?}"),
        }
    }

    #[test]
    fn a_header_must_tell_the_truth() {
        check(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 9], Ok(&[2]));
        check(&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9], Ok(&[1, 1, 2]));
        check(&[0, 0, 8, 1, 0, 0, 0, 0], Ok(&[0]));
        check(&[0, 0, 8, 1, 0, 0, 0, 3, 7, 9], Err("its header states [3], so 3 values, but 2 follow"));
        check(&[0, 0, 8, 1, 0, 0, 0, 1, 7, 9], Err("its header states [1], so 1 values, but 2 follow"));
        check(&[0, 0, 8, 2, 0, 0], Err("it ends inside its header, after 6 bytes"));
        check(&[0, 0, 8, 9], Err("it states 9 dimensions; 1 to 4 are supported"));
        let floats = "its values are of type 32-bit floats (0x0d); only unsigned bytes (0x08) are supported";
        check(&[0, 0, 13, 1, 0, 0, 0, 0], Err(floats));
        check(
            b"<html>",
            Err(
                "it does not start with two zero bytes, a type and a number of dimensions, but with [3c, 68, 74, 6d]",
            ),
        );
        check(
            &[[0, 0, 8, 4].as_slice(), &[255; 16]].concat(),
            Err(
                "its header states [4294967295, 4294967295, 4294967295, 4294967295], so more values than can be \
                 counted, but 0 follow",
            ),
        );
    }

    #[test]
    fn random_bytes_never_panic() {
        let mut rng = stream_rng(1, "idx fuzz", 0);
        for round in 0..20_000 {
            let mut bytes = vec![0; (rng.next_u32() % 64) as usize];
            rng.fill_bytes(&mut bytes);
            if round % 2 == 0 {
                let head = [0, 0, 8, (rng.next_u32() % 6) as u8];
                let n = bytes.len().min(4);
                bytes[..n].copy_from_slice(&head[..n]);
            }
            if let Ok(idx) = parse(&bytes) {
                assert_eq!(idx.dims.iter().product::<usize>(), idx.values.len());
            }
        }
    }
}
