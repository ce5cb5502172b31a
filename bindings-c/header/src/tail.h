// The text of a C string, without its zero; nothing for NULL.
static inline vc_bytes vc_text(const char *text) {
  vc_bytes bytes = {NULL, 0};
  if (text != NULL) {
    bytes.data = (const uint8_t *)text;
    while (text[bytes.len] != '\0') {
      bytes.len++;
    }
  }
  return bytes;
}

// The bytes of a buffer, as an input.
static inline vc_bytes vc_borrow(const vc_buffer *buffer) {
  vc_bytes bytes = {buffer->data, buffer->len};
  return bytes;
}
