// Who sealed a plan: OpenSSH signatures (ssh-keygen -Y), made with a key that people have already.
// A signature says who, not that it is true.
#pragma once

#include <string>

#include "lab/ledger/directory.h"

namespace ceiling::lab {

// Signs the seal with a private key (or an agent's, by its public file): writes seal.txt and
// seal.txt.sig into the run's folder. Throws Error(refused) if the plan is not sealed yet,
// Error(failed) with ssh-keygen's reason.
void sign_seal(const RunDirectory& directory, const std::string& key_file);

bool is_signed(const RunDirectory& directory);

// Checks the signature for `identity` against a file of allowed signers (ssh-keygen(1), ALLOWED
// SIGNERS), and that what was signed is this run's seal. Throws Error(integrity).
void check_signature(const RunDirectory& directory, const std::string& signers_file,
                     const std::string& identity);

}  // namespace ceiling::lab
