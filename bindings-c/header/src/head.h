// libvaultcore: a secrets vault that lives inside your process.
//
// Made from the sources of the package vaultcore-c by `cargo xtask abi`; do not edit it.
//
// Rules that hold for every function:
//
// * Handles (vc_vault, vc_session, ..) are numbers and passed by value. One that was never set, is
//   of another kind, was closed, or comes from before a fork is told and refused; closing twice
//   answers VC_CLOSED. Each is closed by the function named after it, in any order. What a call
//   works with lives until it returns, whoever closes the handle meanwhile.
// * Every function may be called from every thread, at the same time, with the same handle. No
//   thread is cancelled in a call, nothing jumps out of one, and no signal handler makes one.
// * A call returns VC_OK, or the number of an error. Outputs come behind inputs, and are written
//   only with VC_OK. An output that is NULL is refused before anything is done, unless the function
//   says that it may be NULL.
// * The last parameter takes the error, if it is not NULL. It is written only if the call fails,
//   and belongs to the caller: vc_error_free. There is no last error of a thread.
// * Inputs (vc_bytes) are borrowed for the call, which nobody may change meanwhile, and at most
//   VC_MAX_INPUT bytes. NULL goes with length 0 only. Text is UTF-8.
// * What comes back as vc_buffer may be secret. It belongs to the caller, and vc_buffer_free wipes
//   it, but for ciphertexts. A variable that is freed even if the call fails is set to zeros before;
//   two threads do not free by the same one.
// * No panic and no exception crosses the boundary: a bug of the library is VC_PANICKED.
// * After a fork the child's calls with handles of the parent answer VC_FORKED. Fork first, then
//   open.
// * Later versions may add functions, statuses and constants.
//
// A whole program stands in examples/demo.c.
