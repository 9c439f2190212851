// A hub of models as common hub clients reach it, and the names under which people know what lies
// there.
#pragma once

#include <string>
#include <string_view>

namespace ceiling::store {

struct Hub {
  std::string endpoint;  // "https://huggingface.co": no slash at its end
  std::string token;     // sent to the endpoint alone; empty: none
  bool offline = false;  // nothing may be asked
};

// HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE. Throws Error(usage) for an endpoint that is no address.
Hub hub_from_environment();

// "hf://OWNER/NAME", "hf://OWNER/NAME:Q4_K_M", "hf://OWNER/NAME:FILE.gguf" or
// "hf://OWNER/NAME/FILE.gguf".
struct HubAddress {
  std::string repository;  // "OWNER/NAME"
  std::string wanted;      // a file, or a part of its name; empty: the only one there is
};
// Throws Error(usage) saying what is wrong with it.
HubAddress parse_hub_address(std::string_view text);

std::string files_url(const Hub& hub, const std::string& repository);  // lists what is there
std::string file_url(const Hub& hub, const std::string& repository, const std::string& file);

// Whether `url` is the endpoint's, by scheme, host and port: the token may be sent there.
bool is_of(const Hub& hub, std::string_view url);

}  // namespace ceiling::store
