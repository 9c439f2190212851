#include "gguf/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "file_bytes.h"
#include "gguf/truncated.h"

namespace ceiling::gguf {
namespace {

std::string written(std::span<const std::byte> bytes, const std::string& name) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return path;
}

TEST(Header, WhatMoreBytesMayMendIsTruncated) {
  FileBytes file;
  file.header(1, 2).key("a", 8).text("b").key("list", 9).u32(4).u64(3).u32(1).u32(2).u32(3);
  file.tensor("t", {32, 2}, 0, 0);
  const auto whole = file.bytes();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const auto front = whole.subspan(0, bytes);
    EXPECT_THROW(parse_header({front.begin(), front.end()}, "front"), Truncated) << bytes;
  }
  const Header header = parse_header({whole.begin(), whole.end()}, "front");
  EXPECT_EQ(header.metadata.string("a"), "b");
  EXPECT_EQ(header.tensors.at(0).bytes, 256U);
  const std::string other = "PNG, surely not";
  const auto bytes = std::as_bytes(std::span(other));
  try {
    parse_header({bytes.begin(), bytes.end()}, "other");
    FAIL() << "no error";
  } catch (const Truncated&) {
    FAIL() << "no bytes make a GGUF file of it";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::integrity);
  }
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
