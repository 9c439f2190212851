#include "fit/engine.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>
#include <vector>

#include "fit/data.h"
#include "fit/table.h"
#include "model/shapes.h"

namespace ceiling::fit {
namespace {

constexpr double kToday = 2026.9;
// Where nothing tells when an engine was built: the middle of what people publish.
constexpr double kUnstated = 2025.6;
// Since then the default of llama.cpp.
constexpr double kFlashByDefault = 2025.6;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool holds(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The number of digits at `at`, and its length.
std::pair<unsigned, std::size_t> digits_at(std::string_view text, std::size_t at) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  if (error != std::errc{}) return {0, 0};
  return {value, static_cast<std::size_t>(end - text.data()) - at};
}

struct DatedBuild {
  double build = 0, year = 0;
  std::string commit;  // its first digits; empty: not known
};

const std::vector<DatedBuild>& dated_builds() {
  static const std::vector<DatedBuild> kBuilds = [] {
    const Table table = Table::parse(engine_builds_csv(), "data/engine_builds.csv");
    std::vector<DatedBuild> out;
    for (const TableRow& row : table.rows()) {
      out.push_back({.build = table.positive(row, "build").value(),
                     .year = table.positive(row, "year").value(),
                     .commit = std::string(table.cell(row, "commit"))});
    }
    return out;
  }();
  return kBuilds;
}

double year_of_build(unsigned build) {
  const std::vector<DatedBuild>& builds = dated_builds();
  for (std::size_t i = 1; i < builds.size(); ++i) {
    const DatedBuild& a = builds[i - 1];
    const DatedBuild& b = builds[i];
    if (build <= b.build) {
      return a.year + (b.year - a.year) * (build - a.build) / (b.build - a.build);
    }
  }
  return kToday;
}

// "dd1ea52", where the table of builds knows that commit.
std::optional<double> year_of_commit(std::string_view version) {
  for (const DatedBuild& build : dated_builds()) {
    if (!build.commit.empty() && version.starts_with(build.commit)) return build.year;
  }
  return std::nullopt;
}

// "b4008", "0253fb21f (9187)".
std::optional<unsigned> build_number(std::string_view version) {
  for (std::size_t i = 0; i < version.size(); ++i) {
    const bool bracket = version[i] == '(';
    const bool tag = version[i] == 'b' &&
                     (i == 0 || std::isalnum(static_cast<unsigned char>(version[i - 1])) == 0);
    if (!bracket && !tag) continue;
    const auto [value, length] = digits_at(version, i + 1);
    const std::size_t end = i + 1 + length;
    const bool closed = bracket ? end < version.size() && version[end] == ')'
                                : end == version.size() ||
                                      std::isalnum(static_cast<unsigned char>(version[end])) == 0;
    if (length >= 3 && length <= 5 && closed) return value;
  }
  return std::nullopt;
}

// "2024-05", "May 2024 snapshot", "late 2025".
std::optional<double> stated_year(std::string_view version) {
  constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                        "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::size_t at = version.find("20");
  if (at == std::string_view::npos) return std::nullopt;
  const auto [year, length] = digits_at(version, at);
  if (length != 4 || year < 2022 || year > 2035) return std::nullopt;
  const std::string_view after = version.substr(at + 4);
  if (after.starts_with('-')) {
    const auto [month, digits] = digits_at(after, 1);
    if (digits > 0 && month >= 1 && month <= 12) return year + (month - 0.5) / 12;
  }
  const std::string before = lower(version.substr(0, at));
  for (std::size_t month = 0; month < kMonths.size(); ++month) {
    if (before.starts_with(kMonths[month])) {
      return year + (static_cast<double>(month) + 0.5) / 12;
    }
  }
  if (holds(before, "late")) return year + 0.9;
  if (holds(before, "early")) return year + 0.1;
  return year + 0.5;
}

double year_of(std::string_view version, const Hardware& hardware) {
  if (const auto build = build_number(version)) return year_of_build(*build);
  if (const auto year = stated_year(version)) return *year;
  if (const auto year = year_of_commit(version)) return *year;
  // The community table for Apple says "or later": no build is older than what it ran on.
  if (version.starts_with("8e672ef")) return std::max(2023.9, hardware.year + 0.8);
  if (version.starts_with("llmfit")) return 2026.5;
  return kUnstated;
}

Backend usual_backend(const Hardware& hardware) {
  if (hardware.kind == Kind::cpu) return Backend::cpu;
  if (hardware.vendor == "NVIDIA") return Backend::cuda;
  if (hardware.vendor == "Apple") return Backend::metal;
  return Backend::vulkan;
}

}  // namespace

std::string_view name(Backend backend) {
  constexpr std::array<std::string_view, 8> kNames = {"cuda", "metal",  "vulkan", "rocm",
                                                      "sycl", "opencl", "cpu",    "small_host"};
  return kNames[static_cast<std::size_t>(backend)];
}

std::optional<Backend> backend_from_name(std::string_view text) {
  const std::string wanted = lower(text);
  for (const Backend backend :
       {Backend::cuda, Backend::metal, Backend::vulkan, Backend::rocm, Backend::sycl,
        Backend::opencl, Backend::cpu, Backend::small_host}) {
    if (name(backend) == wanted) return backend;
  }
  return std::nullopt;
}

bool runs_on(Backend backend, const Hardware& hardware) {
  if (hardware.kind == Kind::cpu) return backend == Backend::cpu;
  switch (backend) {
    case Backend::cuda:
      return hardware.vendor == "NVIDIA";
    case Backend::metal:
      return hardware.vendor == "Apple";
    case Backend::rocm:
      return hardware.vendor == "AMD";
    case Backend::sycl:
      return hardware.vendor == "Intel";
    case Backend::cpu:
      return hardware.kind == Kind::unified;  // a card's memory is no processor's
    case Backend::small_host:
      return hardware.kind == Kind::discrete;
    default:
      return true;
  }
}

Engine usual_engine(const Hardware& hardware) {
  return {
      .backend = usual_backend(hardware), .threads = 0, .flash_attention = true, .year = kToday};
}

Engine read_engine(std::string_view backend, std::string_view version, const Hardware& hardware) {
  constexpr std::array<std::pair<std::string_view, Backend>, 9> kFirstWords = {{
      {"cuda", Backend::cuda},
      {"metal", Backend::metal},
      {"mtl", Backend::metal},
      {"vulkan", Backend::vulkan},
      {"rocm", Backend::rocm},
      {"hip", Backend::rocm},
      {"sycl", Backend::sycl},
      {"opencl", Backend::opencl},
      {"cpu", Backend::cpu},
  }};
  const std::string words = lower(backend);
  Engine engine{.backend = usual_backend(hardware), .year = year_of(version, hardware)};
  for (const auto& [word, found] : kFirstWords) {
    if (words.starts_with(word)) engine.backend = found;
  }
  if (holds(words, "pi host")) engine.backend = Backend::small_host;
  if (const std::size_t at = words.find(" threads"); at != std::string::npos) {
    std::size_t begin = at;
    while (begin > 0 && std::isdigit(static_cast<unsigned char>(words[begin - 1])) != 0) --begin;
    engine.threads = digits_at(words, begin).first;
  }
  engine.flash_attention =
      holds(backend, "FA") || holds(words, "fa=1") || engine.year > kFlashByDefault;
  return engine;
}

std::string_view name(TypeClass type) {
  constexpr std::array<std::string_view, 5> kNames = {"floats", "eight", "small_blocks",
                                                      "super_blocks", "tables"};
  return kNames[static_cast<std::size_t>(type)];
}

namespace {

TypeClass class_of(std::string_view recipe) {
  if (recipe == "F32" || recipe == "F16" || recipe == "BF16") return TypeClass::floats;
  if (recipe == "Q8_0") return TypeClass::eight;
  return holds(recipe, "_K") ? TypeClass::super_blocks : TypeClass::small_blocks;
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

// The first recipe, longest name first, that `text` holds.
std::optional<std::string> recipe_within(std::string_view text) {
  std::vector<std::string_view> names = recipes();
  std::ranges::stable_sort(names, std::ranges::greater{}, &std::string_view::size);
  for (const std::string_view recipe : names) {
    if (holds(text, recipe)) return std::string(recipe);
  }
  return std::nullopt;
}

}  // namespace

std::optional<FileType> read_file_type(std::string_view text) {
  struct Like {
    std::string_view part, recipe;
    TypeClass type;
  };
  // What has no recipe here, by the recipe whose tensors it is nearest to.
  constexpr std::array<Like, 18> kLike = {{
      {"IQ1", "Q2_K", TypeClass::tables},
      {"IQ2", "Q2_K", TypeClass::tables},
      {"IQ3", "Q3_K_S", TypeClass::tables},
      {"Q8_K", "Q8_0", TypeClass::eight},
      {"Q6_K", "Q6_K", TypeClass::super_blocks},
      {"Q5_K", "Q5_K_M", TypeClass::super_blocks},
      {"Q4_K", "Q4_K_M", TypeClass::super_blocks},
      {"Q3_K", "Q3_K_M", TypeClass::super_blocks},
      {"Q2_K", "Q2_K", TypeClass::super_blocks},
      {"MXFP4", "Q4_0", TypeClass::small_blocks},
      {"NVFP4", "Q4_0", TypeClass::small_blocks},
      {"FP16", "F16", TypeClass::floats},
      {"FP8", "Q8_0", TypeClass::eight},
      {"8BIT", "Q8_0", TypeClass::eight},
      {"8-BIT", "Q8_0", TypeClass::eight},
      {"INT8", "Q8_0", TypeClass::eight},
      {"4BIT", "Q4_0", TypeClass::small_blocks},
      {"4-BIT", "Q4_0", TypeClass::small_blocks},
  }};
  const std::string wanted = upper(text);
  const std::vector<std::string_view> names = recipes();
  if (std::ranges::find(names, std::string_view(wanted)) != names.end()) {
    return FileType{.recipe = wanted, .exact = true, .type = class_of(wanted)};
  }
  // "UD-", "_XL" and what follows in brackets change some tensors, not the kind of blocks.
  if (!holds(wanted, "_XL") && !holds(wanted, "UD-")) {
    if (const auto recipe = recipe_within(wanted)) {
      return FileType{.recipe = *recipe, .exact = true, .type = class_of(*recipe)};
    }
  }
  for (const Like& like : kLike) {
    if (holds(wanted, like.part)) {
      return FileType{.recipe = std::string(like.recipe), .exact = false, .type = like.type};
    }
  }
  if (const auto recipe = recipe_within(wanted)) {
    return FileType{.recipe = *recipe, .exact = false, .type = class_of(*recipe)};
  }
  return std::nullopt;
}

}  // namespace ceiling::fit
