#include "device/vulkan/import_trial.h"

#include <cstring>
#include <memory>
#include <span>

#include "base/error.h"
#include "device/vulkan/check.h"
#include "device/vulkan/memory.h"
#include "os/files.h"
#include "os/memory_map.h"

namespace ceiling::vulkan {
namespace {

// Not the same in any two places where a wrong address could lead.
std::string pattern(std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(i * 7 + i / 251);
  return out;
}

std::string read_imported(const Context& context, std::span<const std::byte> pages) {
  const Import import = Buffer::import(context, pages);
  if (!import.buffer) return import.refusal;
  const Buffer seen(context, pages.size(), Place::readback, "a trial of imports");
  context.run_once([&](VkCommandBuffer commands) {
    const VkBufferCopy all{0, 0, pages.size()};
    vkCmdCopyBuffer(commands, import.buffer->handle(), seen.handle(), 1, &all);
    show_host(commands);
  });
  const bool same = std::memcmp(seen.data(), pages.data(), pages.size()) == 0;
  return same ? "" : "the device reads something else in their place";
}

// Without the remedy where the device itself failed: there is one here, to do without.
std::string obstacle(const Context& context, const Error& error) {
  if (context.lost()) return describe(VK_ERROR_DEVICE_LOST);
  return context.hung() ? describe(VK_TIMEOUT) : error.what();
}

}  // namespace

std::string try_own_pages(const Context& context) {
  try {
    const std::string text = pattern(context.limits().import_granule);
    // Larger by a granule: the system's pages may be smaller.
    const os::AnonymousMemory memory(2 * text.size());
    void* place = memory.data();
    std::size_t room = memory.size();
    if (std::align(text.size(), text.size(), place, room) == nullptr) return "no room";
    std::memcpy(place, text.data(), text.size());
    return read_imported(context, {static_cast<const std::byte*>(place), text.size()});
  } catch (const Error& error) {
    return obstacle(context, error);
  }
}

std::string try_file_pages(const Context& context) {
  try {
    const std::string path = os::cache_directory() + "/import-trial";
    os::write_file(path, pattern(context.limits().import_granule));
    return read_imported(context, os::MappedFile::open(path).bytes());
  } catch (const Error& error) {  // also nowhere to write: not known, so not relied on
    return obstacle(context, error);
  }
}

}  // namespace ceiling::vulkan
