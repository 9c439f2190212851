#include "store/remote_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "base/units.h"
#include "gguf/truncated.h"
#include "store/http_get.h"
#include "store/hub.h"
#include "store/hub_files.h"

namespace ceiling::store {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
// Vocabularies make headers of up to some tens of megabytes.
constexpr std::uint64_t kMostHeaderBytes = 128 * kMiB;
constexpr std::uint64_t kFirstTry = kMiB / 4;
constexpr std::size_t kMostListBytes = 32 * kMiB;
constexpr unsigned kMostParts = 100;

[[noreturn]] void refused(const Hub& hub, const std::string& url, unsigned status) {
  const std::string what = printable(url, 200);
  if (status == 401 || status == 403) {
    fail(ExitCode::failed, "'{}': the server answers {}: {}", what, status,
         !is_of(hub, url) ? "it is not for everybody"
         : hub.token.empty()
             ? "no such repository, or one that asks for a token: check the name, or set HF_TOKEN"
             : "no such repository, or HF_TOKEN has no access to it: check the name, or ask for it "
               "on its page");
  }
  if (status == 404 || status == 410) {
    fail(ExitCode::failed, "'{}': the server answers {}: it is not there; check the name", what,
         status);
  }
  if (status == 429) {
    fail(ExitCode::failed, "'{}': the server answers 429: too many requests; wait a while", what);
  }
  if (status == 416) fail(ExitCode::integrity, "'{}' is empty; expected a GGUF file", what);
  fail(ExitCode::failed, "'{}': the server answers {}; expected 200 or 206; try again later", what,
       status);
}

// What has come of a file, until its header is whole.
class Front {
 public:
  explicit Front(std::string label) : label_(std::move(label)) {}

  // False: enough has come.
  bool take(std::string_view piece) {
    const auto bytes = std::as_bytes(std::span(piece));
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    if (bytes_.size() >= next_try_) {
      next_try_ += std::max<std::uint64_t>(next_try_ / 2, kFirstTry);
      try_parse();
    }
    return !header_ && bytes_.size() < kMostHeaderBytes;
  }

  gguf::Header finish() {
    if (header_) return std::move(*header_);
    if (bytes_.size() >= kMostHeaderBytes) {
      fail(ExitCode::integrity,
           "'{}': its header is not whole after {}, more than any model's: it is damaged", label_,
           format_capacity({kMostHeaderBytes}));
    }
    return gguf::parse_header(std::move(bytes_), label_);
  }

  std::uint64_t size() const { return read_ > 0 ? read_ : bytes_.size(); }

 private:
  void try_parse() {
    try {
      header_ = gguf::parse_header(bytes_, label_);
      read_ = bytes_.size();
    } catch (const gguf::Truncated&) {
      return;  // more is to come
    }
  }

  std::string label_;
  std::vector<std::byte> bytes_;
  std::uint64_t next_try_ = kFirstTry;
  std::uint64_t read_ = 0;
  std::optional<gguf::Header> header_;
};

RemoteHeader read_file(const Hub& hub, const std::string& url) {
  Front front(printable(url, 200));
  const HttpFound found = http_get({.url = url,
                                    .bearer = is_of(hub, url) ? hub.token : std::string(),
                                    .first_bytes = kMostHeaderBytes},
                                   [&](std::string_view piece) { return front.take(piece); });
  if (found.status != 200 && found.status != 206) refused(hub, url, found.status);
  RemoteHeader out{.header = {}, .url = url, .read_bytes = front.size(), .file_bytes = found.bytes};
  out.header = front.finish();
  std::uint64_t weights = 0;
  for (const gguf::TensorInfo& tensor : out.header.tensors) {
    weights += std::min(tensor.bytes, std::uint64_t{1} << 50U);  // cannot overflow
  }
  if (out.file_bytes > 0 && weights > out.file_bytes) {
    fail(
        ExitCode::integrity,
        "'{}' has {} bytes, but its header tells of {} bytes of weights: it was cut off on its way "
        "there",
        printable(url, 200), out.file_bytes, weights);
  }
  return out;
}

std::vector<std::string> list_files(const Hub& hub, const std::string& repository) {
  const std::string url = files_url(hub, repository);
  std::string json;
  const HttpFound found = http_get({.url = url, .bearer = hub.token}, [&](std::string_view piece) {
    if (json.size() + piece.size() > kMostListBytes) {
      fail(ExitCode::integrity, "'{}': the list of files is longer than {}", url,
           format_capacity({kMostListBytes}));
    }
    json += piece;
    return true;
  });
  if (found.status != 200) refused(hub, url, found.status);
  return gguf_files(json, repository);
}

std::string url_of(const Hub& hub, const std::string& address) {
  if (!address.starts_with("hf://")) {
    std::string url = address;
    const std::size_t host_end = url.find('/', url.find("//") + 2);
    if (url.substr(0, host_end).find('@') != std::string::npos) {
      fail(ExitCode::usage,
           "a name or password does not belong in the address of a model: tokens go "
           "into HF_TOKEN");
    }
    const std::size_t page = url.find("/blob/");
    if (is_of(hub, url) && page != std::string::npos) url.replace(page, 6, "/resolve/");
    return url;
  }
  const HubAddress asked = parse_hub_address(address);
  const bool named = asked.wanted.ends_with(".gguf");
  const std::string file =
      named ? asked.wanted
            : choose_file(list_files(hub, asked.repository), asked.wanted, asked.repository);
  return file_url(hub, asked.repository, file);
}

// The tensors of the parts behind the first.
void add_parts(const Hub& hub, RemoteHeader& first) {
  const std::uint32_t count = first.header.metadata.u32("split.count").value_or(1);
  if (count <= 1) return;
  const std::string query = first.url.substr(std::min(first.url.find('?'), first.url.size()));
  const std::string path = first.url.substr(0, first.url.size() - query.size());
  const Part part = part_of(path);
  if (part.number != 1 || part.count != count || count > kMostParts) {
    fail(ExitCode::usage,
         "'{}' is one of {} parts of a model; expected the first, whose name ends in "
         "-00001-of-{:05}.gguf",
         printable(first.url, 200), count, count);
  }
  for (unsigned number = 2; number <= count; ++number) {
    RemoteHeader next = read_file(hub, part_name(part, number) + query);
    first.read_bytes += next.read_bytes;
    first.file_bytes =
        first.file_bytes > 0 && next.file_bytes > 0 ? first.file_bytes + next.file_bytes : 0;
    std::ranges::move(next.header.tensors, std::back_inserter(first.header.tensors));
  }
}

}  // namespace

bool is_remote(std::string_view text) {
  return text.starts_with("hf://") || text.starts_with("https://") || text.starts_with("http://");
}

RemoteHeader read_remote_header(const std::string& address) {
  const Hub hub = hub_from_environment();
  if (hub.offline) {
    fail(ExitCode::refused,
         "'{}' lies on a server, and HF_HUB_OFFLINE forbids asking: unset it, or "
         "give a file",
         printable(address, 200));
  }
  RemoteHeader out = read_file(hub, url_of(hub, address));
  add_parts(hub, out);
  return out;
}

}  // namespace ceiling::store
