#include "fit/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <regex>
#include <tuple>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/printable.h"
#include "model/known_models.h"

namespace ceiling::fit {
namespace {

constexpr double kKiB = 1024;

bool starts_with_digits_and(std::string_view text, std::string_view after) {
  std::size_t i = 0;
  while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0) ++i;
  return i > 0 && text.substr(i).starts_with(after);
}

// "32B-A3B", "8x7B", "MoE".
bool names_experts(const std::string& model) {
  static const std::regex kPattern("(^|[^a-z0-9])(a[0-9.]+b|[0-9]+x[0-9.]+b|moe)([^a-z0-9]|$)",
                                   std::regex::icase);
  return std::regex_search(model, kPattern);
}

// "4096", "12.7K", "16k" from the start of `text`.
std::optional<std::uint32_t> read_count(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() &&
         (std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.')) {
    ++end;
  }
  const auto value = parse_number(text.substr(0, end));
  if (!value || *value < 0) return std::nullopt;
  const bool thousands = end < text.size() && (text[end] == 'k' || text[end] == 'K');
  const double count = *value * (thousands ? 1000 : 1);
  if (count > 10'000'000) return std::nullopt;
  return static_cast<std::uint32_t>(count);
}

// What turns the words of one row into a workload; Programs are kept, for tables repeat models.
class RowReader {
 public:
  RowReader(const Table& table, std::vector<BrokenCell>& broken) : table_(table), broken_(broken) {}

  PublishedRow read(const TableRow& row) {
    PublishedRow out;
    out.number = row.number;
    out.names = names(row);
    const std::size_t broken_before = broken_.size();
    if (row.cells.size() != table_.columns().size()) {
      note(row, "(all)", fmt::format("{} cells", row.cells.size()),
           fmt::format("{} cells, as the header has", table_.columns().size()));
    }
    out.measured = measured(row);
    const auto test = read_test(out.names.test);
    if (!test) {
      note(row, "test", out.names.test, "for example tg128, pp512 @ d4096 or gen");
    }
    const auto size = file_bytes(row);
    if (broken_.size() > broken_before) {
      const BrokenCell& cell = broken_[broken_before];
      out.reason = fmt::format("row {}, column '{}' is '{}': expected {}", cell.row, cell.column,
                               cell.value, cell.expected);
      return out;
    }
    out.reason = work(row, *test, size, out);
    return out;
  }

 private:
  using Work = std::variant<DecodeWork, PrefillWork>;
  using WorkKey =
      std::tuple<std::string, std::string, TypeClass, bool, std::uint32_t, std::uint32_t>;

  RowNames names(const TableRow& row) const {
    const auto cell = [&](std::string_view column) {
      return printable(std::string(table_.cell(row, column)), 200);
    };
    return {cell("hardware"), cell("engine"), cell("model"), cell("quant"), cell("test")};
  }

  void note(const TableRow& row, std::string column, std::string_view value, std::string expected) {
    broken_.push_back(
        {row.number, std::move(column), printable(std::string(value), 60), std::move(expected)});
  }

  std::optional<double> measured(const TableRow& row) {
    const std::string_view text = table_.cell(row, "tokens_per_s");
    const auto value = parse_number(text);
    if (value && *value > 0) return value;
    note(row, "tokens_per_s", text, "a positive number");
    return std::nullopt;
  }

  std::optional<double> file_bytes(const TableRow& row) {
    const std::string_view text = table_.cell(row, "file_size_gb");
    if (text.empty()) return std::nullopt;
    const auto bytes = read_file_size(text);
    if (!bytes) note(row, "file_size_gb", text, "for example '3.56 GiB', or a number of GB");
    return bytes;
  }

  // Fills out.workload, or says why it cannot be.
  std::string work(const TableRow& row, const PublishedTest& test, std::optional<double> size,
                   PublishedRow& out) {
    constexpr std::array<std::string_view, 5> kFitted = {
        "llama.cpp", "LM Studio llama.cpp", "ollama", "ollama or llama.cpp", "ik_llama.cpp"};
    const RowNames& names = out.names;
    if (starts_with_digits_and(names.hardware, "x ") ||
        names.hardware.find(" + ") != std::string::npos) {
      return "several devices";
    }
    const Hardware* hardware = hardware_of(names.hardware);
    if (hardware == nullptr) return "unknown hardware";
    if (!(hardware->bandwidth.value > 0)) return "the hardware's bandwidth is unknown";
    if (std::ranges::find(kFitted, names.engine) == kFitted.end()) {
      return fmt::format("engine '{}' was not fitted", names.engine);
    }
    if (table_.cell(row, "backend").find("IPEX") != std::string_view::npos) {
      return "engine 'IPEX-LLM' was not fitted";
    }
    const Engine engine =
        read_engine(table_.cell(row, "backend"), table_.cell(row, "engine_version"), *hardware);
    if (hardware->kind == Kind::cpu && engine.backend != Backend::cpu) {
      return fmt::format("backend '{}' is of a GPU that the row does not name",
                         table_.cell(row, "backend"));
    }
    return count(row, test, size, *hardware, engine, out);
  }

  std::string count(const TableRow& row, const PublishedTest& test, std::optional<double> size,
                    const Hardware& hardware, const Engine& engine, PublishedRow& out) {
    const RowNames& names = out.names;
    auto type = read_file_type(names.quant);
    if (!type && names.quant.empty()) type = read_file_type(names.model);
    // What ollama pulls where nothing else is asked.
    if (!type && names.quant.empty() && names.engine.starts_with("ollama")) {
      type = read_file_type("Q4_K_M");
    }
    if (!type) return "the type of its tensors is not stated";
    const KnownModel* model = find_known_model(names.model);
    if (model == nullptr) {
      if (names_experts(names.model)) return "a mixture of experts whose shape is unknown";
      if (!size) return "unknown model, and the file has no size";
      model = nearest_by_parameters(table_.cell(row, "params_b"), *size, *type);
      if (model == nullptr) return "unknown model, and its parameters are not stated";
    }
    const Program& program = program_of(*model, type->recipe);
    double scale = 1;
    if (size) {
      scale = *size / static_cast<double>(program.weight_bytes());
    } else if (!type->exact && type->type == TypeClass::tables) {
      return "the file has no size, and no recipe here has its types";
    }
    Workload& work = out.workload.emplace();
    work.hardware = &hardware;
    work.engine = engine;
    work.model = model->shape.name;
    work.sized = size.has_value();
    work.work = work_of(program, *model, *type, test);
    std::visit([&](auto& counted) { counted.weight_bytes *= scale; }, work.work);
    return {};
  }

  // Null: the catalogue does not know it. Tables name few machines many times.
  const Hardware* hardware_of(const std::string& name) {
    const auto found = hardware_.find(name);
    if (found != hardware_.end()) return found->second;
    const auto& all = hardware_catalogue();
    const auto exact =
        std::ranges::find_if(all, [&](const Hardware& entry) { return entry.name == name; });
    const Hardware* hardware = exact == all.end() ? nullptr : &*exact;
    try {
      // An error would name the nearest ones, which takes longer than all the rest.
      if (hardware == nullptr && !search_hardware(name).empty()) hardware = &find_hardware(name);
    } catch (const Error&) {
      hardware = nullptr;
    }
    return hardware_[name] = hardware;
  }

  // Of the model's own bytes; kept, for the same tests are made on many machines.
  const Work& work_of(const Program& program, const KnownModel& model, const FileType& type,
                      const PublishedTest& test) {
    const WorkKey key = {model.shape.name, type.recipe, type.type,
                         test.prefill,     test.tokens, test.depth};
    const auto found = works_.find(key);
    if (found != works_.end()) return found->second;
    if (test.prefill) {
      return works_[key] = prefill_work(program, type.type, test.depth, test.tokens, 1);
    }
    return works_[key] = decode_work(program, type.type, test.depth, test.tokens, KvType::f16, 1);
  }

  // A dense model of about as many parameters; the file's size sets the bytes.
  const KnownModel* nearest_by_parameters(std::string_view billions, double size,
                                          const FileType& type) {
    const auto wanted = parse_number(billions);
    const KnownModel* best = nullptr;
    double best_distance = 0;
    for (const KnownModel& model : known_models()) {
      if (model.shape.experts.count > 0) continue;
      const auto bytes = static_cast<double>(program_of(model, type.recipe).weight_bytes());
      const double weights = static_cast<double>(program_of(model, "F16").weight_bytes()) / 2e9;
      const double ratio = wanted && *wanted > 0 ? weights / *wanted : bytes / size;
      const double distance = std::abs(std::log(ratio));
      if (best == nullptr || distance < best_distance) {
        best = &model;
        best_distance = distance;
      }
    }
    return best;
  }

  const Program& program_of(const KnownModel& model, const std::string& recipe) {
    const auto key = std::make_pair(model.shape.name, recipe);
    const auto found = programs_.find(key);
    if (found != programs_.end()) return found->second;
    return programs_.emplace(key, shape_program(model.shape, recipe)).first->second;
  }

  const Table& table_;
  std::vector<BrokenCell>& broken_;
  std::map<std::string, const Hardware*> hardware_;
  std::map<WorkKey, Work> works_;
  std::map<std::pair<std::string, std::string>, Program> programs_;
};

}  // namespace

std::optional<PublishedTest> read_test(std::string_view text) {
  PublishedTest out;
  std::string_view depth;
  if (const std::size_t at = text.find("@ "); at != std::string_view::npos) {
    depth = text.substr(at + 2);
    text = text.substr(0, at);
    if (depth.starts_with("ctx end of ")) depth.remove_prefix(11);
    if (depth.starts_with('d')) depth.remove_prefix(1);
    const auto positions = read_count(depth);
    if (!positions) return std::nullopt;
    out.depth = *positions;
  }
  const bool prefill = text.starts_with("pp");
  const bool decode = text.starts_with("tg");
  if (!prefill && !decode) {
    if (!text.starts_with("gen")) return std::nullopt;
    return out;
  }
  out.prefill = prefill;
  std::string_view count = text.substr(2);
  if (count.starts_with('~')) count.remove_prefix(1);
  if (count.empty() || count == " ") {
    // "pp @ 16k" is a prompt of so many tokens.
    if (prefill && out.depth > 0) std::swap(out.tokens, out.depth);
    if (prefill) out.depth = 0;
    return out;
  }
  const auto tokens = read_count(count);
  if (!tokens || *tokens == 0) return std::nullopt;
  out.tokens = *tokens;
  return out;
}

std::optional<double> read_file_size(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 5> kUnits = {{
      {"GiB", kKiB * kKiB * kKiB},
      {"MiB", kKiB * kKiB},
      {"GB", 1e9},
      {"MB", 1e6},
      {"", 1e9},
  }};
  for (const auto& [unit, bytes] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto value = parse_number(text.substr(0, text.size() - unit.size()));
    if (!value || !(*value > 0)) return std::nullopt;
    return *value * bytes;
  }
  return std::nullopt;
}

Published read_published(std::string_view csv, const std::string& label) {
  const Table table = Table::parse(csv, label);
  table.require({"hardware", "engine", "engine_version", "backend", "model", "params_b", "quant",
                 "file_size_gb", "test", "tokens_per_s"});
  Published out;
  RowReader reader(table, out.broken);
  for (const TableRow& row : table.rows()) out.rows.push_back(reader.read(row));
  return out;
}

}  // namespace ceiling::fit
