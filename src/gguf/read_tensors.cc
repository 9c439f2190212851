#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "base/printable.h"
#include "gguf/read.h"

namespace ceiling::gguf {
namespace {

constexpr std::size_t kMaxNameBytes = 64;        // the GGUF specification's limit
constexpr std::uint64_t kMaxTensors = 1u << 20;  // the largest mixtures of experts hold some 10^5
constexpr std::uint64_t kLeastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

std::string read_name(Cursor& cursor, const std::string& what, const std::string& label) {
  const std::string_view stored = cursor.string(what);
  const bool plain = std::ranges::all_of(stored, [](char c) { return c >= ' ' && c <= '~'; });
  if (stored.empty() || stored.size() > kMaxNameBytes || !plain) {
    fail(ExitCode::integrity,
         "'{}': the name of {} is '{}' ({} bytes); expected 1 to {} printable ASCII characters",
         label, what, printable(stored, 80), stored.size(), kMaxNameBytes);
  }
  return std::string(stored);
}

void read_shape(Cursor& cursor, TensorInfo& tensor, const std::string& what,
                const std::string& label) {
  tensor.dimensions = cursor.number<std::uint32_t>(what);
  if (tensor.dimensions < 1 || tensor.dimensions > tensor.shape.size()) {
    fail(ExitCode::integrity, "'{}': {} has {} dimensions; expected 1 to 4", label, what,
         tensor.dimensions);
  }
  tensor.shape = {1, 1, 1, 1};
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < tensor.dimensions; ++i) {
    tensor.shape[i] = cursor.number<std::uint64_t>(what);
    const auto product = checked_mul(elements, tensor.shape[i]);
    if (tensor.shape[i] == 0 || !product) {
      fail(ExitCode::integrity,
           "'{}': dimension {} of {} is {}; expected at least 1, and a product below 2^64", label,
           i, what, tensor.shape[i]);
    }
    elements = *product;
  }
}

TensorType read_type(Cursor& cursor, const std::string& what, const std::string& label) {
  const auto stored = cursor.number<std::uint32_t>(what);
  if (const auto type = tensor_type_from_file(stored)) return *type;
  const std::string_view known = unsupported_type_name(stored);
  if (known.empty()) {
    fail(ExitCode::integrity, "'{}': {} has type {}, which GGUF does not define; supported: {}",
         label, what, stored, supported_type_names());
  }
  fail(ExitCode::failed, "'{}': {} has type {}, which is not supported; use a file with: {}", label,
       what, known, supported_type_names());
}

void size_tensor(TensorInfo& tensor, const std::string& what, const std::string& label) {
  const TypeInfo& layout = info(tensor.type);
  if (tensor.cols() % layout.block_elements != 0) {
    fail(ExitCode::integrity, "'{}': {} has rows of {} weights; type {} expects a multiple of {}",
         label, what, tensor.cols(), layout.name, layout.block_elements);
  }
  const auto bytes = checked_mul(tensor.elements() / layout.block_elements, layout.block_bytes);
  if (!bytes) {
    fail(ExitCode::integrity, "'{}': {} has {} weights of type {}: more bytes than 2^64", label,
         what, tensor.elements(), layout.name);
  }
  tensor.bytes = *bytes;
}

}  // namespace

std::vector<TensorInfo> read_tensors(Cursor& cursor, std::uint64_t count,
                                     const std::string& label) {
  if (count > kMaxTensors) {
    fail(ExitCode::integrity, "'{}': it claims {} tensors; expected at most {}", label, count,
         kMaxTensors);
  }
  if (count > cursor.remaining() / kLeastTensorBytes) {
    throw Truncated(
        fmt::format("'{}': it claims {} tensors, more than its size can hold: truncated or damaged",
                    label, count));
  }
  std::vector<TensorInfo> tensors(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    TensorInfo& tensor = tensors[i];
    tensor.name = read_name(cursor, fmt::format("tensor {} of {}", i + 1, count), label);
    const std::string what = fmt::format("tensor '{}'", tensor.name);
    read_shape(cursor, tensor, what, label);
    tensor.type = read_type(cursor, what, label);
    size_tensor(tensor, what, label);
    tensor.offset = cursor.number<std::uint64_t>(what);
  }
  return tensors;
}

}  // namespace ceiling::gguf
