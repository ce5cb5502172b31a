//! Bytes that are borrowed from the caller, and buffers that are handed to it.

use std::{mem, ptr, slice};

use vaultcore::{Error, ErrorKind, Result, SecretBytes};

use super::guard::invalid;

/// The longest input, in bytes. No call takes more; most take much less.
pub const VC_MAX_INPUT: usize = 16_777_216;

/// Bytes or UTF-8 text of the caller's, borrowed for one call. `data` may be NULL if `len` is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_bytes {
    /// The first byte.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
}

impl vc_bytes {
    /// Returns the bytes.
    ///
    /// # Safety
    /// There are `len` bytes at `data`, which nobody changes as long as the result is used, or the
    /// check of this function refuses them.
    #[inline]
    pub(super) unsafe fn as_slice<'a>(self) -> Result<&'a [u8]> {
        if self.len > VC_MAX_INPUT {
            return Err(too_large());
        }
        match (self.data.is_null(), self.len) {
            (_, 0) => Ok(&[]),
            (true, _) => Err(invalid("an input is NULL, but its length is not 0")),
            // SAFETY: not null and of bounded length; the rest is promised by the caller.
            (false, len) => Ok(unsafe { slice::from_raw_parts(self.data, len) }),
        }
    }

    /// Returns the text.
    ///
    /// # Safety
    /// As [`as_slice`](Self::as_slice).
    #[inline]
    pub(super) unsafe fn as_str<'a>(self) -> Result<&'a str> {
        // SAFETY: promised by the caller.
        let bytes = unsafe { self.as_slice() }?;
        if bytes.is_ascii() {
            // SAFETY: ASCII is UTF-8. Nearly all names are, and are told faster by it.
            return Ok(unsafe { str::from_utf8_unchecked(bytes) });
        }
        // The error of the standard library tells no byte, but where the first bad one is.
        str::from_utf8(bytes).map_err(|_| invalid("an input that is text is not UTF-8"))
    }
}

#[cold]
fn too_large() -> Error {
    let message = format!("an input has at most {VC_MAX_INPUT} bytes");
    Error::new(ErrorKind::TooLarge, message)
}

/// A buffer of the library's. vc_buffer_free wipes it, unless it is a ciphertext, which is no secret.
/// Behind the last byte is a zero that `len` does not count, so that text can be used as a C string.
///
/// Do not change the fields, and free it by one variable only.
#[repr(C)]
pub struct vc_buffer {
    /// The first byte; NULL in a buffer that was freed.
    pub data: *const u8,
    /// How many there are.
    pub len: usize,
    /// How it is freed: opaque.
    pub kind: usize,
}

/// The kind of a buffer that is wiped: that of a variable, too, of which nobody has set this field.
const SECRET: usize = 0;
const PUBLIC: usize = 1;

impl vc_buffer {
    /// Copies `bytes`, which stay the caller's to wipe.
    pub(super) fn copy_from(bytes: &[u8]) -> Self {
        // Of its length from the start: a box that shrinks moves, and leaves a copy behind.
        let mut whole = Box::<[u8]>::new_uninit_slice(bytes.len().saturating_add(1));
        let start = whole.as_mut_ptr().cast::<u8>();
        // SAFETY: there is room for the bytes and one more, and all of it is written.
        let whole = unsafe {
            ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
            start.add(bytes.len()).write(0);
            whole.assume_init()
        };
        Self::leak(whole, SECRET)
    }

    /// Hands `text` over, which is no secret, nor wiped: it is copied if its capacity is not just one
    /// more than its length.
    #[inline]
    pub(super) fn from_public(text: String) -> Self {
        let mut bytes = text.into_bytes();
        if bytes.capacity() != bytes.len().saturating_add(1) {
            return Self::copy_from(&bytes);
        }
        bytes.push(0); // there is room, and then none left: the box stays where the bytes are
        Self::leak(bytes.into_boxed_slice(), PUBLIC)
    }

    /// Hands `secret` over where it is, if a zero is behind it, and copies it otherwise.
    #[inline]
    pub(super) fn from_secret(secret: SecretBytes) -> Self {
        match secret.into_terminated() {
            Ok(whole) => Self::leak(whole, SECRET),
            Err(secret) => Self::copy_from(secret.expose()),
        }
    }

    /// Gives a box away whose last byte is the zero.
    #[inline]
    fn leak(whole: Box<[u8]>, kind: usize) -> Self {
        let whole = Box::leak(whole);
        Self {
            data: whole.as_mut_ptr(),
            len: whole.len().saturating_sub(1),
            kind,
        }
    }
}

/// Wipes and frees a buffer, and clears the variable that held it. NULL, and a buffer that was
/// freed by this variable before, are left alone.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_buffer_free(buffer: *mut vc_buffer) {
    // SAFETY: null, or a buffer variable; promised by the caller.
    let Some(buffer) = (unsafe { buffer.as_mut() }) else {
        return;
    };
    let data = mem::replace(&mut buffer.data, ptr::null());
    let (len, kind) = (mem::take(&mut buffer.len), mem::take(&mut buffer.kind));
    if data.is_null() {
        return;
    }
    let whole = ptr::slice_from_raw_parts_mut(data.cast_mut(), len.saturating_add(1));
    // SAFETY: `leak` was given a box of this length at this place, and nobody has freed it: the
    // variable would be clear, and the caller promises that there is no other.
    let mut owned = unsafe { Box::from_raw(whole) };
    if kind != PUBLIC {
        vaultcore_os::zero(&mut owned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: vc_bytes) -> Result<usize> {
        // SAFETY: the tests pass what is there, or what is refused before it is looked at.
        unsafe { bytes.as_slice() }.map(<[u8]>::len)
    }

    #[test]
    fn null_goes_with_length_zero_only() {
        assert_eq!(
            taken(vc_bytes {
                data: ptr::null(),
                len: 0
            })
            .ok(),
            Some(0)
        );
        let refused = taken(vc_bytes {
            data: ptr::null(),
            len: 1,
        });
        assert_eq!(
            refused.map_err(|error| error.kind()),
            Err(ErrorKind::InvalidArgument)
        );
    }

    #[test]
    fn a_length_that_cannot_be_is_refused_unread() {
        for len in [VC_MAX_INPUT + 1, isize::MAX as usize, usize::MAX] {
            let refused = taken(vc_bytes {
                data: b"x".as_ptr(),
                len,
            });
            assert_eq!(
                refused.map_err(|error| error.kind()),
                Err(ErrorKind::TooLarge)
            );
        }
    }

    #[test]
    fn a_buffer_ends_in_a_zero_and_is_freed_once() {
        let mut buffer = vc_buffer::copy_from(b"abc");
        // SAFETY: the buffer was just made, and is freed by its one variable.
        unsafe {
            assert_eq!(slice::from_raw_parts(buffer.data, buffer.len + 1), b"abc\0");
            vc_buffer_free(&raw mut buffer);
            assert!(buffer.data.is_null() && buffer.len == 0);
            vc_buffer_free(&raw mut buffer);
            vc_buffer_free(ptr::null_mut());
        }
    }

    /// With room for the zero, without, and with more room.
    #[test]
    fn what_is_handed_over_ends_in_a_zero_too() {
        for room in [1, 0, 5] {
            let mut text = String::with_capacity(3 + room);
            text.push_str("abc");
            let (start, secret) = (text.as_ptr(), SecretBytes::from(text.clone().into_bytes()));
            let public = vc_buffer::from_public(text);
            assert_eq!(public.data == start, room == 1, "{room}");
            assert_eq!(
                public.kind == PUBLIC,
                room == 1,
                "what was copied may as well be wiped"
            );
            for mut buffer in [public, vc_buffer::from_secret(secret)] {
                // SAFETY: the buffer was just made, and is freed by its one variable.
                unsafe {
                    assert_eq!(slice::from_raw_parts(buffer.data, buffer.len + 1), b"abc\0");
                    vc_buffer_free(&raw mut buffer);
                }
            }
        }
        let secret = SecretBytes::copy_from(b"abc");
        let start = secret.expose().as_ptr();
        let mut buffer = vc_buffer::from_secret(secret);
        assert_eq!((buffer.data, buffer.len), (start, 3));
        // SAFETY: as above.
        unsafe { vc_buffer_free(&raw mut buffer) };
    }
}
