// The header alone, twice, in C and in C++.

#include <vaultcore.h>
#include <vaultcore.h>

int main(void) {
  return vc_abi_version() == VC_ABI_VERSION && vc_text("abc").len == 3 ? 0 : 1;
}
