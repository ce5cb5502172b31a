//! The terminal of whoever runs the command: questions, and answers that are not shown.

use std::io;

use crate::sources::Text;

#[cfg(not(unix))]
pub(crate) use elsewhere::Terminal;
#[cfg(unix)]
pub(crate) use unix::Terminal;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Read, Write};

    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };

    use super::{Text, answer};

    /// A terminal that shows nothing of what is typed, as long as this lives.
    ///
    /// It is silent before the first question appears and until the last answer is in, so that
    /// nothing that was typed ahead, or pasted, is shown between.
    pub(crate) struct Terminal {
        file: File,
        before: Termios,
    }

    impl Terminal {
        /// Silences the terminal that the process belongs to, wherever its input comes from.
        pub(crate) fn open() -> io::Result<Self> {
            let file = File::options().read(true).write(true).open("/dev/tty")?;
            let before = tcgetattr(&file)?;
            let mut silent = before.clone();
            let shown = LocalModes::ECHO | LocalModes::ECHONL;
            // Signals come as characters, so that the terminal can be restored first.
            silent.local_modes -= shown | LocalModes::ICANON | LocalModes::ISIG;
            silent.special_codes[SpecialCodeIndex::VMIN] = 1;
            silent.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(&file, OptionalActions::Now, &silent)?;
            Ok(Self { file, before })
        }

        /// Asks a question and returns the answer.
        #[expect(
            clippy::unbuffered_bytes,
            reason = "what is typed behind the line is the next answer"
        )]
        pub(crate) fn ask(&self, question: &str) -> io::Result<Text> {
            let mut terminal = &self.file;
            write!(terminal, "{question}: ")?;
            let answer = answer(terminal.bytes());
            writeln!(terminal)?;
            answer
        }
    }

    impl Drop for Terminal {
        fn drop(&mut self) {
            let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
        }
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    use super::Text;

    /// The terminal of the process.
    pub(crate) struct Terminal(());

    impl Terminal {
        pub(crate) fn open() -> io::Result<Self> {
            Ok(Self(()))
        }

        /// Asks a question and returns the answer.
        pub(crate) fn ask(&self, question: &str) -> io::Result<Text> {
            rpassword::prompt_password(format!("{question}: ")).map(Text::new)
        }
    }
}

/// The longest answer, in bytes: more than any share, token or passphrase.
#[cfg(unix)]
const LONGEST: usize = 65_536;

/// Reads an answer, character by character, with the keys that people expect to edit it.
#[cfg(unix)]
fn answer(keys: impl Iterator<Item = io::Result<u8>>) -> io::Result<Text> {
    // Room for all of it from the start: a buffer that grows leaves copies behind.
    let mut line = zeroize::Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut keys = keys;
    while let Some(key) = keys.next() {
        match key? {
            b'\n' | b'\r' => return text(&line),
            8 | 127 => rub_out(&mut line),
            21 => line.clear(),
            3 | 28 => return Err(io::ErrorKind::Interrupted.into()),
            4 if line.is_empty() => break,
            27 => skip_sequence(&mut keys)?,
            0..32 => {}
            _ if line.len() == LONGEST => return Err(io::ErrorKind::InvalidInput.into()),
            byte => line.push(byte),
        }
    }
    match line.is_empty() {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => text(&line),
    }
}

#[cfg(unix)]
fn text(line: &[u8]) -> io::Result<Text> {
    let text = std::str::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Text::new(text.to_owned()))
}

/// Removes the last character, however many bytes it has.
#[cfg(unix)]
fn rub_out(line: &mut Vec<u8>) {
    while line
        .pop()
        .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
    {}
}

/// Reads what a key such as an arrow sends behind its escape.
#[cfg(unix)]
fn skip_sequence(keys: &mut impl Iterator<Item = io::Result<u8>>) -> io::Result<()> {
    if !matches!(keys.next().transpose()?, Some(b'[' | b'O')) {
        return Ok(());
    }
    for key in keys {
        if (0x40..=0x7e).contains(&key?) {
            break;
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> io::Result<String> {
        answer(keys.iter().map(|key| Ok(*key))).map(|text| text.to_string())
    }

    #[test]
    fn answers_can_be_edited() {
        for (keys, answer) in [
            (&b"abc\n"[..], "abc"),
            (b"abc\r", "abc"),
            (b"abd\x7fc\n", "abc"),
            (b"xyz\x15abc\n", "abc"),
            ("ab\u{e9}\u{7f}c\n".as_bytes(), "abc"),
            (b"a\x1b[Ab\x1bOAc\x1b[200~\n", "abc"),
            (b"a\x00b\x01c", "abc"),
            (b"\n", ""),
            (b"\x7f\x7fabc\n", "abc"),
        ] {
            assert_eq!(typed(keys).expect("answer"), answer);
        }
    }

    #[test]
    fn no_answer_is_an_error() {
        let kind = |keys: &[u8]| typed(keys).expect_err("no answer").kind();
        assert_eq!(kind(b""), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"\x04"), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"ab\x03"), io::ErrorKind::Interrupted);
        assert_eq!(kind(b"\xff\n"), io::ErrorKind::InvalidData);
        assert_eq!(kind(&[b'x'; LONGEST + 1]), io::ErrorKind::InvalidInput);
    }
}
