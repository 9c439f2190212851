#include "gguf/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"

namespace ceiling::gguf {
namespace {

std::string written(std::span<const std::byte> bytes, const std::string& name) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

TEST(Header, RefusesWhatIsNoWholeHeader) {
  const std::string text = "GGUF\x03";
  const std::string path = written(std::as_bytes(std::span(text)), "short.gguf");
  EXPECT_THROW(read_header(path), Error);
  const std::string other = "PNG, surely not";
  try {
    read_header(written(std::as_bytes(std::span(other)), "other.gguf"));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
    EXPECT_THAT(error.what(), testing::HasSubstr("is not a GGUF file: it starts with"));
  }
  EXPECT_THROW(read_header("/nowhere/at/all.gguf"), Error);
}

}  // namespace
}  // namespace ceiling::gguf
