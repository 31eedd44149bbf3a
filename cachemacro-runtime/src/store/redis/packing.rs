//! Commands in the form in which they are sent, for those of a hit: redis-rs takes ten times as long to pack one.

/// Adds a command and its arguments.
pub(super) fn pack<'a>(commands: &mut Vec<u8>, name: &'a str, args: impl ExactSizeIterator<Item = &'a [u8]>) {
    number(commands, b'*', 1 + args.len());
    for part in std::iter::once(name.as_bytes()).chain(args) {
        number(commands, b'$', part.len());
        commands.extend_from_slice(part);
        commands.extend_from_slice(b"\r\n");
    }
}

fn number(commands: &mut Vec<u8>, kind: u8, number: usize) {
    commands.push(kind);
    commands.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    commands.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_packed_as_redis_rs_packs_it() {
        let long = vec![b'x'; 1_000];
        let args: [&[u8]; 3] = [b"", b"\r\n$3", &long];
        let mut packed = Vec::new();
        pack(&mut packed, "MGET", args.into_iter());
        let mut command = redis::cmd("MGET");
        command.arg(args[0]).arg(args[1]).arg(args[2]);
        assert_eq!(packed, command.get_packed_command());
    }
}
