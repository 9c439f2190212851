#include "lab/protocol/signature.h"

#include <filesystem>

#include "base/error.h"
#include "base/printable.h"
#include "lab/protocol/protocol.h"
#include "os/files.h"
#include "os/process.h"

namespace ceiling::lab {
namespace {

constexpr const char* kNamespace = "ceiling-seal";

std::string signed_file(const RunDirectory& directory) { return directory.path() + "/seal.txt"; }
std::string signature_file(const RunDirectory& directory) {
  return signed_file(directory) + ".sig";
}

std::string text_of(const std::string& digest) { return "ceiling plan seal " + digest + "\n"; }

// Runs ssh-keygen by a shell for its search path and, where `input` is named, its standard input.
// Arguments are passed beside the script, never inside it.
std::string run_ssh_keygen(const std::string& script, std::vector<std::string> arguments) {
  constexpr double kMostSeconds = 120;  // somebody may have to touch a token
  std::vector<std::string> argv = {"/bin/sh", "-c", script, "ssh-keygen"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const os::ProcessResult result = os::run_process(argv, {}, kMostSeconds);
  if (result.exit_code == 0) return {};
  if (result.exit_code == 127) return "ssh-keygen is not installed (Debian: openssh-client)";
  const std::string reason = printable(result.errors.empty() ? result.output : result.errors, 300);
  return reason.empty() ? "ssh-keygen gave no reason" : reason;
}

}  // namespace

void sign_seal(const RunDirectory& directory, const std::string& key_file) {
  const OpenedRun run = open_run(directory);
  os::write_file(signed_file(directory), text_of(run.state.digest));
  std::filesystem::remove(signature_file(directory));  // ssh-keygen would ask
  const std::string why = run_ssh_keygen(R"(exec ssh-keygen -q -Y sign -f "$1" -n "$2" "$3")",
                                         {key_file, kNamespace, signed_file(directory)});
  if (!why.empty()) {
    fail(ExitCode::failed, "the seal could not be signed with '{}': {}", key_file, why);
  }
}

bool is_signed(const RunDirectory& directory) {
  return std::filesystem::exists(signature_file(directory));
}

void check_signature(const RunDirectory& directory, const std::string& signers_file,
                     const std::string& identity) {
  if (!is_signed(directory)) {
    fail(ExitCode::integrity, "'{}' holds no signature: ceiling lab seal {} --sign KEY makes one",
         directory.path(), directory.path());
  }
  const OpenedRun run = open_run(directory);
  if (os::read_file(signed_file(directory)) != text_of(run.state.digest)) {
    fail(ExitCode::integrity, "seal.txt is not this run's seal: what was signed is another plan");
  }
  const std::string why = run_ssh_keygen(
      R"(exec ssh-keygen -q -Y verify -f "$1" -I "$2" -n "$3" -s "$4" < "$5")",
      {signers_file, identity, kNamespace, signature_file(directory), signed_file(directory)});
  if (!why.empty()) {
    fail(ExitCode::integrity, "the signature of the seal does not hold for '{}': {}",
         printable(identity, 80), why);
  }
}

}  // namespace ceiling::lab
