#include "fit/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "model/shapes.h"

namespace ceiling::fit {
namespace {

// One of each size; 7B and 8B say the same twice.
constexpr std::array<std::string_view, 7> kSizes = {"0.5B", "1B", "3B", "8B", "13B", "32B", "70B"};

double billions_of(const Program& program) {
  double weights = 0;
  for (const Weight& weight : program.weights) {
    weights += static_cast<double>(weight.rows) * static_cast<double>(weight.cols) *
               static_cast<double>(weight.groups);
  }
  return weights / 1e9;
}

Question about(const Question& machine, const Shape& shape, const std::string& type,
               const Program& program) {
  Question question = machine;
  const auto file_type = read_file_type(type);
  question.model = shape.name;
  question.type = type;
  question.type_class = file_type ? file_type->type : TypeClass::super_blocks;
  question.context = std::min(machine.context, program.context_limit);
  question.prompt = std::min(machine.prompt, question.context);
  return question;
}

// Where the line through two sizes' needs crosses what is usable.
double crossing(const CurvePoint& below, const CurvePoint& above) {
  const auto need_below = static_cast<double>(below.answer.need.total());
  const auto need_above = static_cast<double>(above.answer.need.total());
  const auto usable = static_cast<double>(above.answer.budget.usable());
  const double along = (usable - need_below) / std::max(1.0, need_above - need_below);
  return below.billions + std::clamp(along, 0.0, 1.0) * (above.billions - below.billions);
}

bool on_device(const Answer& answer) {
  return answer.verdict == Verdict::comfortable || answer.verdict == Verdict::tight;
}

// Relative root-mean-square error of normally distributed weights, measured here
// (docs/quantisation.md); for 2 bits also what became of a real model.
struct TypeQuality {
  std::string_view type, words;
};
constexpr std::array<TypeQuality, 5> kQuality = {{
    {"F16", "weights within 0.02 %: the model as published"},
    {"Q8_0", "weights off by 0.5 % (rms): evaluations do not tell it from F16"},
    {"Q4_K_M", "weights off by 7 % (rms), the sensitive ones by 1.7 %"},
    {"Q3_K_M", "weights off by 14 % (rms): expect slips in reasoning and code"},
    {"Q2_K",
     "weights off by 26 % (rms): of a 135M model's likeliest tokens 3 in 10 changed; only where "
     "nothing else fits"},
}};

std::string quality_of(std::string_view type) {
  for (const TypeQuality& quality : kQuality) {
    if (quality.type == type) return std::string(quality.words);
  }
  return {};
}

// The first of `types` that fits the device.
Recommendation first_fitting(std::string use, std::string why,
                             const std::vector<std::string>& types, const Question& question,
                             const Shape& shape, const SpeedModel& model) {
  Recommendation out{.use = std::move(use), .type = {}, .answer = {}, .quality = {}, .why = {}};
  for (const std::string& type : types) {
    const Program program = shape_program(shape, type);
    const Answer answered = answer(about(question, shape, type, program), program, model);
    out.answer = answered;
    if (!on_device(answered)) continue;
    out.type = type;
    out.quality = quality_of(type);
    out.why = std::move(why);
    return out;
  }
  out.why = fmt::format("none of them fits: the smallest needs more than {:.1f} GiB",
                        static_cast<double>(out.answer.budget.usable()) / (1U << 30U));
  return out;
}

}  // namespace

Curve speed_curve(const Question& machine, const std::vector<std::string>& types,
                  const SpeedModel& model) {
  Curve curve{.machine = machine, .points = {}, .spills = {}};
  curve.points.reserve(types.size() * kSizes.size());  // `before` points into it
  for (const std::string& type : types) {
    const CurvePoint* before = nullptr;
    bool spilled = false;
    for (const std::string_view size : kSizes) {
      const Shape& shape = find_shape(size);
      const Program program = shape_program(shape, type);
      curve.points.push_back(
          {.shape = shape.name,
           .billions = billions_of(program),
           .type = type,
           .answer = answer(about(machine, shape, type, program), program, model)});
      const CurvePoint& point = curve.points.back();
      if (!spilled && !on_device(point.answer)) {
        spilled = true;
        curve.spills.push_back(
            {type, before == nullptr ? point.billions : crossing(*before, point)});
      }
      before = &point;
    }
  }
  return curve;
}

std::vector<Candidate> machines_reaching(double tokens_per_s, const Question& wanted,
                                         const Program& program, const SpeedModel& model) {
  std::vector<Candidate> out;
  for (const Hardware& hardware : hardware_catalogue()) {
    if (!(hardware.bandwidth.value > 0)) continue;
    for (const double memory : hardware.memory_bytes) {
      Question question = wanted;
      question.hardware = hardware;
      question.engine = usual_engine(hardware);
      question.memory_bytes = static_cast<std::uint64_t>(memory);
      Candidate candidate{.machine = question, .answer = answer(question, program, model)};
      if (!on_device(candidate.answer)) continue;
      candidate.surely = candidate.answer.tokens_per_s.p80.low >= tokens_per_s;
      if (candidate.answer.tokens_per_s.median >= tokens_per_s) out.push_back(candidate);
      break;
    }
  }
  std::ranges::stable_sort(
      out, {}, [](const Candidate& candidate) { return candidate.answer.tokens_per_s.median; });
  return out;
}

std::vector<Recommendation> recommend(const Question& question, const Shape& shape,
                                      const SpeedModel& model) {
  return {first_fitting("daily use", "the best balance of speed and quality that fits", {"Q4_K_M"},
                        question, shape, model),
          first_fitting("evaluation runs", "results are the model's own, not the type's",
                        {"F16", "Q8_0"}, question, shape, model),
          first_fitting("a constrained box", "the largest of the small types that fits",
                        {"Q3_K_M", "Q2_K"}, question, shape, model)};
}

}  // namespace ceiling::fit
