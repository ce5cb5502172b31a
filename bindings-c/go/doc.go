// Package vaultcore is a secrets vault that lives inside your process.
//
// It calls libvaultcore, which pkg-config must find:
//
//	cargo xtask install --prefix "$HOME/.local"
//	export PKG_CONFIG_PATH="$HOME/.local/lib/pkgconfig" LD_LIBRARY_PATH="$HOME/.local/lib"
//	go build ./...
//
// Everything may be used from many goroutines at once. A context is looked at before a call, which
// is not interrupted once it runs. What is not closed is closed when it is collected, but a
// [Secret] is wiped by its Close only. A closed value answers [ErrClosed].
//
// A vault does not cross a fork. Go's own os/exec starts other programs and is no matter.
package vaultcore
