// How long work takes on hardware that nobody here has: a physical form whose parameters were
// fitted to published results (scripts/fit_speed.py writes data/speed_model.json).
//
//   decode, seconds a token = layers x fixed + (read^2 + unpack^2)^(1/2) + KV bytes / KV rate
//     read   = weight bytes / (peak bandwidth x share)
//     unpack = (weights x work a weight + bytes x work a byte) / float32 rate
//   prefill, seconds a prompt = linear operations / rate + attention operations / rate
//                               + layers x fixed
//
// fixed, share, work and rates are exponentials (share: a logistic) of sums of terms that nest:
// all machines, vendor, family, backend, vendor under a backend, family under a backend, time of
// the build; share and fixed also change with bandwidth. A term that was not fitted is 0, so that
// an unseen card inherits from its family, an unseen family from its vendor.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "fit/engine.h"
#include "fit/hardware.h"
#include "fit/prediction.h"
#include "fit/workload.h"
#include "model/placement.h"

namespace ceiling::fit {

struct DecodeTime {
  double fixed_s = 0;
  double stream_s = 0;  // reading and unpacking weights, overlapped
  double kv_s = 0;
  double total_s() const { return fixed_s + stream_s + kv_s; }
  Prediction tokens_per_s;
};

struct PrefillTime {
  double total_s = 0;
  Prediction tokens_per_s;
};

class SpeedModel {
 public:
  // Throws Error(integrity) for a text that is not a fitted model.
  static SpeedModel parse(std::string_view json);
  static const SpeedModel& fitted();  // data/speed_model.json

  // Throws Error(usage) for hardware whose bandwidth is unknown.
  DecodeTime decode(const Hardware& hardware, const Engine& engine, const DecodeWork& work) const;
  PrefillTime prefill(const Hardware& hardware, const Engine& engine,
                      const PrefillWork& work) const;

  // Why published results say nothing of such a machine, engine and build; empty: they do.
  std::string unknown(Phase phase, const Hardware& hardware, const Engine& engine) const;

  bool knows_family(const std::string& family) const;

 private:
  using Terms = std::map<std::string, double, std::less<>>;
  struct HalfWidths {
    double p80 = 0, p95 = 0;  // of the natural logarithm
  };

  double term(const Terms& terms, std::string_view name) const;
  // What all machines, vendor, family and backend add to a quantity.
  double nested(const Terms& terms, std::string_view quantity, const Hardware& hardware,
                const Engine& engine) const;
  // What all engines and a backend add.
  double of_backend(const Terms& terms, std::string_view quantity, const Engine& engine) const;
  double build_effect(const Terms& terms, std::string_view quantity, const Engine& engine) const;
  Prediction around(double median, std::string_view phase, const Hardware& hardware,
                    const Engine& engine, bool experts) const;

  Terms decode_, prefill_;
  std::map<std::string, HalfWidths, std::less<>> spread_;
  double unseen_family_ = 1;  // widens what is said of a family that no result is known of
};

// Threads of a processor: those stated, else those of the catalogue, else what its kind usually
// has.
unsigned cpu_threads(const Hardware& hardware, const Engine& engine);

// The rate that unpacking is measured against: the vector rate of a GPU, threads times a nominal
// core for a CPU.
double unpack_flops(const Hardware& hardware, const Engine& engine);
double matrix_flops(const Hardware& hardware, const Engine& engine);

// Groups that inherit from one another: a CPU is its own vendor, whoever made it.
std::string vendor_group(const Hardware& hardware, const Engine& engine);
std::string family_group(const Hardware& hardware, const Engine& engine);

// Which published results a prediction has been as right as: "cuda", "metal", "amd", "intel",
// "cpu", "small_host", "other".
std::string spread_group(const Hardware& hardware, const Engine& engine);

// Of the year that an engine was built: -0.5 before mid 2024 (graphs, new kernels), 0.5 after, and
// a slope over the years around.
double build_step(double year);

// How many years an engine lies before the day when backends that grew up late (ROCm, Vulkan, SYCL,
// OpenCL) read memory as others do; 0 for the others.
double backend_youth(const Engine& engine);

}  // namespace ceiling::fit
