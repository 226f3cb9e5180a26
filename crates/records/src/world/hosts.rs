//! SLURM's compressed lists of machines.

/// The first machine of a list such as `gpu01`, `gpu[01-04,7]-ib`, `a[3-5],b2`; `None` if it is no such list.
///
/// ```
/// use ae_records::world::first_host;
///
/// assert_eq!(first_host("node[003-010,12],login").as_deref(), Some("node003"));
/// assert_eq!(first_host("node[003"), None);
/// ```
pub fn first_host(list: &str) -> Option<String> {
    let mut host = String::new();
    let mut rest = list.trim();
    loop {
        let Some(special) = rest.find(['[', ']', ',']) else {
            host.push_str(rest);
            break;
        };
        host.push_str(&rest[..special]);
        match &rest[special..=special] {
            "," => break,
            "[" => {
                let inside = &rest[special + 1..];
                let end = inside.find(']')?;
                let first = inside[..end].split([',', '-']).next()?;
                if first.is_empty() || !first.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                host.push_str(first);
                rest = &inside[end + 1..];
            }
            _ => return None,
        }
    }
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (!host.is_empty() && host.bytes().all(fine)).then_some(host)
}
