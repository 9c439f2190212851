#include "store/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/error.h"
#include "base/printable.h"

namespace ceiling::store {
namespace {

constexpr std::string_view kScheme = "hf://";
constexpr std::string_view kUsualEndpoint = "https://huggingface.co";

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  });
}

// What a path of an address may hold as it is; the rest becomes %NN.
std::string escaped_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (is_plain({&c, 1}) || c == '/' || c == '~' || c == '+') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// "https://host:port" of a URL, in lower case.
std::string origin_of(std::string_view url) {
  const std::size_t host = url.find("://");
  if (host == std::string_view::npos) return {};
  return lower(url.substr(0, url.find_first_of("/?#", host + 3)));
}

[[noreturn]] void wrong_address(std::string_view text, const char* what) {
  fail(ExitCode::usage,
       "model '{}': {}; expected hf://OWNER/NAME, hf://OWNER/NAME:Q4_K_M or "
       "hf://OWNER/NAME:FILE.gguf",
       printable(text, 100), what);
}

}  // namespace

Hub hub_from_environment() {
  Hub hub{.endpoint = from_environment("HF_ENDPOINT"),
          .token = from_environment("HF_TOKEN"),
          .offline = false};
  if (hub.endpoint.empty()) hub.endpoint = kUsualEndpoint;
  while (hub.endpoint.ends_with('/')) hub.endpoint.pop_back();
  const bool http = hub.endpoint.starts_with("https://") || hub.endpoint.starts_with("http://");
  if (!http || hub.endpoint.find_first_of(" \t\r\n@?#") != std::string::npos) {
    fail(ExitCode::usage, "HF_ENDPOINT is '{}'; expected an address such as {}",
         printable(hub.endpoint, 100), kUsualEndpoint);
  }
  if (hub.token.find_first_of("\r\n") != std::string::npos) {
    fail(ExitCode::usage, "HF_TOKEN holds the end of a line; expected a token alone");
  }
  constexpr std::array<std::string_view, 4> kYes = {"1", "true", "yes", "on"};
  hub.offline = std::ranges::find(kYes, lower(from_environment("HF_HUB_OFFLINE"))) != kYes.end();
  return hub;
}

HubAddress parse_hub_address(std::string_view text) {
  if (!text.starts_with(kScheme)) wrong_address(text, "it does not begin with hf://");
  const std::string_view rest = text.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) wrong_address(text, "it names no owner and model");
  const std::size_t end = std::min(rest.find_first_of(":/", slash + 1), rest.size());
  const std::string_view owner = rest.substr(0, slash);
  const std::string_view name = rest.substr(slash + 1, end - slash - 1);
  if (owner.empty() || name.empty() || !is_plain(owner) || !is_plain(name) || owner == ".." ||
      name == "..") {
    wrong_address(text, "owner and name are letters, digits, '-', '_' and '.'");
  }
  HubAddress address{.repository = fmt::format("{}/{}", owner, name), .wanted = {}};
  if (end == rest.size()) return address;
  address.wanted = rest.substr(end + 1);
  if (address.wanted.empty()) wrong_address(text, "nothing stands behind the name");
  return address;
}

std::string files_url(const Hub& hub, const std::string& repository) {
  return fmt::format("{}/api/models/{}", hub.endpoint, repository);
}

std::string file_url(const Hub& hub, const std::string& repository, const std::string& file) {
  return fmt::format("{}/{}/resolve/main/{}", hub.endpoint, repository, escaped_path(file));
}

bool is_of(const Hub& hub, std::string_view url) {
  return origin_of(url) == origin_of(hub.endpoint);
}

}  // namespace ceiling::store
