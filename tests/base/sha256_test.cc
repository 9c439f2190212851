#include "base/sha256.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"

namespace ceiling {
namespace {

// The examples of FIPS 180-4's companion (NIST, SHA-256 test vectors).
TEST(Sha256, MatchesTheStandardsExamples) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, PiecesHashLikeTheWhole) {
  Sha256 hash;
  hash.update("ab");
  Sha256 moved = std::move(hash);
  moved.update("c");
  EXPECT_EQ(hex(moved.finish()), sha256_hex("abc"));
}

TEST(Sha256, AFileHashesLikeItsTextAndReportsProgress) {
  const auto path =
      std::filesystem::temp_directory_path() / ("ceiling_sha256_" + std::to_string(getpid()));
  const std::string text(3'000'001, 'a');
  std::ofstream(path, std::ios::binary) << text;
  std::uint64_t told = 0;
  EXPECT_EQ(sha256_file(path.string(), [&](std::uint64_t done) { told = done; }), sha256_hex(text));
  EXPECT_EQ(told, text.size());
  std::filesystem::remove(path);
}

TEST(Sha256, AMissingFileIsNamed) {
  try {
    sha256_file("/nowhere/model.gguf");
    FAIL() << "hashed a missing file";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/model.gguf"), std::string::npos);
  }
}

}  // namespace
}  // namespace ceiling
