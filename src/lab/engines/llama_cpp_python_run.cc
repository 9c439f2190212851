#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/printable.h"
#include "lab/engines/engine_process.h"
#include "lab/engines/engine_run.h"
#include "lab/json/canonical_json.h"
#include "lab/json/json_fields.h"

namespace ceiling::lab {
namespace {

// The same prompt as a trial of this program has (lab/measure.cc), the same greedy choice inside
// the clock, the same rule for when to stop. One token before the clocks, as llama.cpp's own tools
// have it, so that no page is read for the first time inside them.
constexpr const char* kScript = R"python(
import ctypes, json, sys, time
import llama_cpp as api
import numpy

path = sys.argv[1]
threads, layers, prompt, least, most = map(int, sys.argv[2:7])
most_s = float(sys.argv[7])
silent = api.llama_log_callback(lambda level, text, data: None)
api.llama_log_set(silent, ctypes.c_void_p(0))
api.llama_backend_init()

start = time.perf_counter()
parameters = api.llama_model_default_params()
parameters.n_gpu_layers = layers
model = api.llama_model_load_from_file(path.encode(), parameters)
if not model:
    sys.exit("llama.cpp could not load the model")
parameters = api.llama_context_default_params()
parameters.n_ctx = prompt + most + 8
if threads > 0:
    parameters.n_threads = parameters.n_threads_batch = threads
context = api.llama_init_from_model(model, parameters)
if not context:
    sys.exit("llama.cpp could not make a context")
load_s = time.perf_counter() - start
vocabulary = api.llama_vocab_n_tokens(api.llama_model_get_vocab(model))


def decode(tokens):
    array = (api.llama_token * len(tokens))(*tokens)
    if api.llama_decode(context, api.llama_batch_get_one(array, len(tokens))) != 0:
        sys.exit("llama_decode failed")
    api.llama_synchronize(context)


def greedy():
    logits = api.llama_get_logits_ith(context, -1)
    return int(numpy.ctypeslib.as_array(logits, shape=(vocabulary,)).argmax())


decode([0])
api.llama_memory_clear(api.llama_get_memory(context), True)
tokens = [(((i + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF) >> 33) % vocabulary for i in range(prompt)]
start = time.perf_counter()
for i in range(0, prompt, 512):
    decode(tokens[i:i + 512])
prefill_s = time.perf_counter() - start
token = greedy()
first_s = time.perf_counter() - start
times, clock = [], 0.0
while len(times) < most and (len(times) < least or clock < most_s):
    start = time.perf_counter()
    decode([token])
    token = greedy()
    times.append(time.perf_counter() - start)
    clock += times[-1]
print(json.dumps({"version": api.__version__, "load_s": load_s, "prefill_s": prefill_s,
                  "first_token_s": first_s, "token_s": times}))
)python";

}  // namespace

EngineRun run_llama_cpp_python(const Cell& cell, const std::string& path,
                               const EngineLimits& limits) {
  constexpr double kMostSeconds = 1e6;
  const std::vector<std::string> argv = {cell.engine.where,
                                         "-c",
                                         kScript,
                                         path,
                                         fmt::format("{}", cell.threads),
                                         cell.device == "cpu" ? "0" : "99",
                                         fmt::format("{}", cell.prompt_tokens),
                                         fmt::format("{}", cell.least_tokens),
                                         fmt::format("{}", cell.most_tokens),
                                         fmt::format("{}", cell.most_decode_s)};
  const nlohmann::json answer =
      parse_json(last_line(engine_output(argv, limits.process_s)), "its answer");
  const Fields fields(answer, "its answer");
  EngineRun run;
  run.engine = "llama-cpp-python " + printable(fields.text("version"), 60);
  run.device = fmt::format("{} threads", cell.threads);
  if (cell.device == "cpu") run.residency = "memory of the processor";
  run.threads = cell.threads;
  run.prompt_tokens = cell.prompt_tokens;
  run.load_s = fields.number("load_s", 1e-9, kMostSeconds);
  run.prefill_s = fields.number("prefill_s", 1e-9, kMostSeconds);
  run.first_token_s = fields.number("first_token_s", run.prefill_s, kMostSeconds);
  run.token_s = fields.numbers("token_s", cell.most_tokens, 1e-9, kMostSeconds);
  if (run.token_s.size() < cell.least_tokens) {
    fail(ExitCode::failed, "its answer.token_s has {} tokens; it was asked for at least {}",
         run.token_s.size(), cell.least_tokens);
  }
  run.missing = {"placement of threads is its own"};
  return run;
}

}  // namespace ceiling::lab
