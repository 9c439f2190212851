// The front of a GGUF file on a hub or any server: keys and shapes of 40 GB from the first
// megabytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gguf/header.h"

namespace ceiling::store {

// Whether it names something on a server: "hf://...", "https://...", "http://...".
bool is_remote(std::string_view text);

struct RemoteHeader {
  gguf::Header header;           // of a file in parts, the tensors of all of them
  std::string url;               // of the (first) file
  std::uint64_t read_bytes = 0;  // of all files read
  std::uint64_t file_bytes = 0;  // of all files; 0: a server does not say
};

// Reads no more than the header needs, and a bit. A hub address is resolved as in hub.h; a page of
// the hub ("/blob/") means its file. Throws Error(usage) for an address that names nothing or
// several files, Error(refused) where HF_HUB_OFFLINE forbids it, Error(failed) where the server
// does not give it, Error(integrity) for what is no sound GGUF header or longer than 128 MiB.
RemoteHeader read_remote_header(const std::string& address);

}  // namespace ceiling::store
