// The part of the runner that puts attention, and what leads to it, on the stream.
#include <cmath>

#include "device/cuda/check.h"
#include "device/cuda/work_runner.h"

namespace ceiling::cuda {
namespace {

bool same_turn(const Rope& a, const Rope& b) {
  return a.rotated == b.rotated && a.base == b.base && a.position_scale == b.position_scale &&
         a.frequency_divisors == b.frequency_divisors;
}

}  // namespace

void WorkRunner::add_frequencies(const std::optional<Turns::Part>& part) {
  if (!part || !part->rope) return;
  const Rope& rope = *part->rope;
  for (const Frequencies& known : frequencies_) {
    if (same_turn(known.rope, rope)) return;
  }
  std::vector<double> table(rope.rotated / 2);
  std::vector<float> divisors(table.size(), 1.0F);
  if (rope.frequency_divisors) {
    check(cudaMemcpy(divisors.data(), weights_->vector(*rope.frequency_divisors),
                     divisors.size() * sizeof(float), cudaMemcpyDeviceToHost),
          "reading rotation divisors");
  }
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = rope.position_scale *
               std::pow(double{rope.base}, -2.0 * static_cast<double>(i) / rope.rotated) /
               double{divisors[i]};
  }
  DeviceMemory on_device(std::max<std::size_t>(table.size(), 1) * sizeof(double), "rotations");
  check(cudaMemcpy(on_device.data(), table.data(), table.size() * sizeof(double),
                   cudaMemcpyHostToDevice),
        "copying rotations");
  frequencies_.push_back({rope, std::move(on_device)});
}

const double* WorkRunner::frequencies(const Rope& rope) const {
  for (const Frequencies& known : frequencies_) {
    if (same_turn(known.rope, rope)) return known.table.as<double>();
  }
  return nullptr;
}

Turn WorkRunner::turn(const Turns::Part& part) {
  Turn out;
  out.value = value(part.value);
  out.heads = part.rope->heads;
  out.width = part.rope->head_width;
  if (part.norm) {
    out.norm = weights_->vector(part.norm->weight);
    out.epsilon = part.norm->epsilon;
  }
  out.frequency = frequencies(*part.rope);
  out.rotated = part.rope->rotated;
  out.layout = part.rope->layout;
  return out;
}

void WorkRunner::put_one(const Turns& work) {
  TurnAndAppend job;
  job.n = count_;
  job.rows = rows_;
  if (work.query) job.query = turn(*work.query);
  if (work.key) job.key = turn(*work.key);
  if (work.append) {
    job.append = true;
    job.kv = layer(work.append->kv);
    job.value = value(work.append->value);
    if (!work.key) {
      job.key.value = value(work.append->key);
      job.key.width = job.kv.key.width;
    }
  }
  if (work.attention && distinct_) {
    const Attend attention = attend(*work.attention);
    if (attends_by_page(stage_, attention)) return launch_attend_by_page(stage_, attention, &job);
  }
  launch_turn_and_append(stage_, job);
  if (work.attention) put_one(*work.attention);
}

void WorkRunner::put_one(const Attention& o) {
  const Attend job = attend(o);
  if (prompt_ && attends_as_prompt(stage_, job)) return launch_attend_prompt(stage_, job);
  if (attends_by_page(stage_, job)) return launch_attend_by_page(stage_, job, nullptr);
  launch_attend(stage_, job);
}

Attend WorkRunner::attend(const Attention& o) const {
  Attend job;
  job.n = count_;
  job.query = value(o.query);
  job.out = value(o.out);
  job.heads = o.heads;
  job.scale = o.scale;
  job.soft_cap = o.soft_cap.value_or(0);
  job.window = program_.kv[o.kv].window.value_or(0);
  job.kv = layer(o.kv);
  job.rows = rows_;
  job.splits = attend_splits(stage_, count_, job.kv.kv_heads);
  job.deep = deep_;
  job.partials = partials_.as<float>();
  job.finished = finished_.as<std::uint32_t>();
  return job;
}

}  // namespace ceiling::cuda
