// Engines that are programs: llama-bench and llama-cpp-python, played by scripts.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "lab/engines/engine_process.h"
#include "lab/engines/engine_run.h"
#include "os/files.h"

namespace ceiling::lab {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// A program in the test's folder.
std::string script(const std::string& name, const std::string& text) {
  const std::string path = ::testing::TempDir() + "engine_" + name;
  os::write_file(path, "#!/bin/sh\n" + text);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path;
}

// Answers as llama-bench does: a token takes 10 ms, a prompt's 1 ms.
constexpr const char* kBench = R"sh(
while [ $# -gt 0 ]; do
  case $1 in -p) p=$2;; -n) n=$2;; -d) d=$2;; -t) t=$2;; esac
  shift 2
done
ns=$(( ${n} * 10000000 + ${p} * 1000000 ))
echo "[ { \"build_commit\": \"abc1234\", \"build_number\": 7000, \"backends\": \"CPU\", \"cpu_info\": \"Test CPU\","
echo "\"n_threads\": $t, \"n_prompt\": $p, \"n_gen\": $n, \"n_depth\": ${d:-0}, \"samples_ns\": [ $ns ] } ]"
)sh";

Cell cell_of(EngineKind kind, const std::string& program) {
  Cell cell;
  cell.id = "7B-other";
  cell.size = "7B";
  cell.type = "Q4_K_M";
  cell.model = FileModel{"unused"};
  cell.engine = {kind, program, ""};
  cell.threads = 2;
  cell.prompt_tokens = 128;
  cell.least_tokens = 2;
  cell.most_tokens = 4;
  return cell;
}

std::string bench_failure(const std::string& name, const std::string& text) {
  EngineLimits limits;
  limits.process_s = 0.5;
  try {
    run_llama_bench(cell_of(EngineKind::llama_bench, script(name, text)), "m.gguf", 4, limits);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(LlamaBenchRun, TakesItsTimes) {
  const EngineRun run =
      run_llama_bench(cell_of(EngineKind::llama_bench, script("bench", kBench)), "m.gguf", 16);
  EXPECT_EQ(run.engine, "llama.cpp abc1234 (7000), CPU");
  EXPECT_EQ(run.device, "2 threads, Test CPU");
  EXPECT_EQ(run.threads, 2U);
  EXPECT_DOUBLE_EQ(run.prefill_s, 0.128);
  ASSERT_TRUE(run.total.has_value());
  EXPECT_EQ(run.total->tokens, 16U);
  EXPECT_DOUBLE_EQ(run.total->seconds, 0.16);
  EXPECT_THAT(run.missing, Contains("times of single tokens"));
}

TEST(LlamaBenchRun, WhatItSaysMustBeWhatItWasAskedFor) {
  const std::string from = "\\\"n_threads\\\": $t";
  std::string wrong = kBench;
  wrong.replace(wrong.find(from), from.size(), "\\\"n_threads\\\": 9");
  EXPECT_THAT(bench_failure("threads", wrong), HasSubstr("n_threads is 9; it was asked for 2"));
}

TEST(LlamaBenchRun, HostileProgramsAreErrorsInTime) {
  EXPECT_THAT(bench_failure("text", "echo hello"), HasSubstr("its answer"));
  EXPECT_THAT(bench_failure("empty", ":"), HasSubstr("its answer"));
  EXPECT_THAT(bench_failure("list", "echo '[]'"), HasSubstr("no list of one test"));
  EXPECT_THAT(bench_failure("member", "echo '[{\"n_prompt\": \"128\"}]'"), HasSubstr("n_prompt"));
  EXPECT_THAT(bench_failure("code", "echo 'error: invalid parameter for argument: -d' >&2; exit 1"),
              HasSubstr("exit code 1: error: invalid parameter for argument: -d"));
  EXPECT_THAT(bench_failure("sleep", "sleep 30"), HasSubstr("within 0.5 s"));
  try {
    run_llama_bench(cell_of(EngineKind::llama_bench, "/no/such/llama-bench"), "m.gguf", 4);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/no/such/llama-bench"));
  }
}

TEST(EngineProcess, OneThatPrintsWithoutEndIsEnded) {
  try {
    engine_output({"sh", "-c", "exec yes"}, 60);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("printed more than"));
  }
}

TEST(EngineProcess, TheLastLineIsTheLastWithText) {
  EXPECT_EQ(last_line("a\nb\r\n\n"), "b");
  EXPECT_EQ(last_line("a"), "a");
  EXPECT_EQ(last_line("\n\n"), "");
}

TEST(LlamaCppPythonRun, ReadsItsLastLine) {
  const std::string python =
      script("python",
             "echo noise\necho '{\"version\": \"0.3.36\", \"load_s\": 0.5, \"prefill_s\": 0.2, "
             "\"first_token_s\": 0.21, \"token_s\": [0.05, 0.06, 0.05]}'\n");
  const EngineRun run =
      run_llama_cpp_python(cell_of(EngineKind::llama_cpp_python, python), "m.gguf");
  EXPECT_EQ(run.engine, "llama-cpp-python 0.3.36");
  EXPECT_DOUBLE_EQ(run.load_s, 0.5);
  EXPECT_DOUBLE_EQ(run.first_token_s, 0.21);
  EXPECT_EQ(run.token_s.size(), 3U);
}

TEST(LlamaCppPythonRun, WrongAnswersAreNamed) {
  const auto failure = [](const std::string& answer) -> std::string {
    const std::string python = script("wrong", "echo '" + answer + "'\n");
    try {
      run_llama_cpp_python(cell_of(EngineKind::llama_cpp_python, python), "m.gguf");
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(failure("Traceback"), HasSubstr("its answer"));
  EXPECT_THAT(failure("{}"), HasSubstr("version"));
  const char* times = R"({"version":"1","load_s":1,"prefill_s":1,"first_token_s":%s,"token_s":%s})";
  const auto with = [&](const char* first, const char* tokens) {
    std::string text = times;
    text.replace(text.find("%s"), 2, first);
    return text.replace(text.find("%s"), 2, tokens);
  };
  EXPECT_THAT(failure(with("0.5", "[1,1]")), HasSubstr("first_token_s"));
  EXPECT_THAT(failure(with("1", "[1]")), HasSubstr("at least 2"));
  EXPECT_THAT(failure(with("1", "[1,1,1,1,1]")), HasSubstr("token_s"));
  EXPECT_THAT(failure(with("1", "[1,-1]")), HasSubstr("token_s[1]"));
}

}  // namespace
}  // namespace ceiling::lab
