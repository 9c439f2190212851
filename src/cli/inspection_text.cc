#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <variant>

#include "base/printable.h"
#include "base/units.h"
#include "cli/inspection.h"

namespace ceiling::cli {
namespace {

class TextWriter {
 public:
  TextWriter(const Inspection& inspection, const InspectView& view)
      : inspection_(inspection), view_(view) {}

  std::string write() {
    title();
    facts();
    types();
    reads();
    metadata();
    if (view_.tensors) tensors();
    return std::move(out_);
  }

 private:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
    out_ += '\n';
  }
  void fact(std::string_view label, std::string_view value) {
    if (!value.empty()) line("  {:<14}{}", label, value);
  }
  static std::string capacity(std::uint64_t bytes) { return format_capacity(Bytes{bytes}); }

  void title() {
    const auto& name = inspection_.summary.name;
    line("{}", name.empty() ? "(unnamed model)" : printable(name, 200));
  }

  void facts() {
    const gguf::File& file = *inspection_.file;
    const gguf::Summary& summary = inspection_.summary;
    fact("file", file.label());
    fact("size",
         fmt::format("{} (GGUF version {})", capacity(file.bytes().size()), file.version()));
    fact("SHA-256", inspection_.sha256);
    fact("licence",
         summary.licence.empty() ? "the file does not say" : printable(summary.licence, 200));
    fact("architecture", architecture());
    fact("parameters", parameters());
    fact("recipe", inspection_.recipe);
    if (inspection_.synthetic) fact("weights", "synthetic: random numbers, for speed only");
    fact("tokenizer", tokenizer());
    fact("chat format", inspection_.chat_problem.empty() ? inspection_.chat_format
                                                         : "none: " + inspection_.chat_problem);
    if (!inspection_.program) line("\nCannot run: {}", inspection_.program_problem);
  }

  std::string architecture() const {
    std::string name = printable(inspection_.summary.architecture, 60);
    if (!inspection_.program) return name;
    const Program& program = *inspection_.program;
    return fmt::format("{}: {} layers, width {}, context of {} tokens", name, program.layers,
                       program.width, program.context_limit);
  }

  std::string parameters() const {
    const gguf::Summary& summary = inspection_.summary;
    if (summary.elements == 0) return "none: a vocabulary without weights";
    return fmt::format(
        "{} in {} tensors, {:.2f} bits each on average", quantity(summary.elements),
        inspection_.file->tensors().size(),
        8.0 * static_cast<double>(summary.bytes) / static_cast<double>(summary.elements));
  }

  // "135 million"
  static std::string quantity(std::uint64_t count) {
    const auto value = static_cast<double>(count);
    if (count >= 1'000'000'000) return format_count(value / 1e9) + " billion";
    if (count >= 1'000'000) return format_count(value / 1e6) + " million";
    return fmt::format("{}", count);
  }

  std::string tokenizer() const {
    if (inspection_.tokenizer_problem.empty()) return inspection_.vocabulary;
    if (inspection_.vocabulary.empty()) return "none that can be used";
    return fmt::format("{}; not usable: {}", inspection_.vocabulary, inspection_.tokenizer_problem);
  }

  void types() {
    if (inspection_.summary.by_type.empty()) return;
    line("\nWeights by type\n  {:<8}{:>9}{:>14}{:>8}{:>17}", "type", "tensors", "bytes", "share",
         "bits per weight");
    for (const gguf::TypeShare& share : inspection_.summary.by_type) {
      const double part =
          static_cast<double>(share.bytes) / static_cast<double>(inspection_.summary.bytes);
      line("  {:<8}{:>9}{:>14}{:>7.1f}%{:>17.2f}", name(share.type), share.tensors,
           capacity(share.bytes), 100 * part, bits_per_weight(share.type));
    }
    line("  {:<8}{:>9}{:>14}", "all", inspection_.file->tensors().size(),
         capacity(inspection_.summary.bytes));
  }

  void reads() {
    if (!inspection_.program) return;
    const ReadPerToken& reads = inspection_.reads;
    line("\nRead for each generated token");
    line("  {:<24}{:>12}   {}", "weights", capacity(reads.weight_bytes),
         reads.tied ? "each once; the embedding table serves as output head"
                    : "each once; of the embedding table, one row");
    for (const ReadAtDepth& at : reads.kv) {
      line("  {:<24}{:>12}   total {}", fmt::format("KV cache at depth {}", at.depth),
           capacity(at.kv_bytes), capacity(reads.weight_bytes + at.kv_bytes));
    }
    line("  tokens/s cannot exceed memory bandwidth / total; each token adds {} of KV cache (F16)",
         capacity(reads.kv_bytes_per_position));
  }

  void metadata() {
    const auto& keys = inspection_.file->metadata().all();
    line("\nMetadata ({} keys)", keys.size());
    std::size_t widest = 0;
    for (const auto& [key, value] : keys)
      widest = std::max(widest, std::min<std::size_t>(key.size(), 44));
    for (const auto& [key, value] : keys) {
      const std::size_t used = 4 + std::max(widest, key.size());
      const auto columns = static_cast<std::size_t>(view_.columns);
      const std::size_t room = columns > used + 24 ? columns - used : 24;
      line("  {:<{}}  {}", key, widest, shown(value, room));
    }
  }

  static std::string element(gguf::ValueType, std::string_view text) {
    return "'" + printable(text, 24) + "'";
  }
  // The fewest digits that give the number in its own precision.
  static std::string element(gguf::ValueType type, double number) {
    if (type == gguf::ValueType::f32) return fmt::format("{}", static_cast<float>(number));
    return fmt::format("{}", number);
  }
  template <typename Integer>
  static std::string element(gguf::ValueType, Integer number) {
    return fmt::format("{}", number);
  }

  static std::string shown(const gguf::Value& value, std::size_t room) {
    const auto show = [&]<typename T>(const T& data) -> std::string {
      if constexpr (std::is_same_v<T, gguf::Array>) {
        return shown_array(data, room);
      } else if constexpr (std::is_same_v<T, std::string_view>) {
        return printable(data, room - 3);
      } else {
        return element(value.type, data);
      }
    };
    return std::visit(show, value.data);
  }

  // The number of elements and as many of the first as fit.
  static std::string shown_array(const gguf::Array& array, std::size_t room) {
    std::string text = fmt::format("{} x {}: ", array.size(), gguf::name(array.element));
    const auto append = [&](const auto& list) {
      for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string next = element(array.element, list[i]);
        const bool last = i + 1 == list.size();
        if (text.size() + next.size() + (last ? 0 : 5) > room) {
          text += "...";
          return;
        }
        text += next + (last ? "" : ", ");
      }
    };
    std::visit(append, array.values);
    return text;
  }

  void tensors() {
    line("\nTensors\n  {:<34}{:<8}{:<22}{:>14}{:>16}", "name", "type", "shape (columns first)",
         "bytes", "offset");
    for (const gguf::TensorInfo& tensor : inspection_.file->tensors()) {
      std::string shape = fmt::format("{}", tensor.shape[0]);
      for (std::uint32_t i = 1; i < tensor.dimensions; ++i)
        shape += fmt::format(" x {}", tensor.shape[i]);
      line("  {:<34}{:<8}{:<22}{:>14}{:>16}", tensor.name, name(tensor.type), shape, tensor.bytes,
           tensor.offset);
    }
  }

  const Inspection& inspection_;
  const InspectView& view_;
  std::string out_;
};

}  // namespace

std::string inspection_text(const Inspection& inspection, const InspectView& view) {
  return TextWriter(inspection, view).write();
}

}  // namespace ceiling::cli
