// Files that are right are read and written back bit for bit; files that lie are refused with a message that says how.
#include "TempDirectory.h"
#include "reference/Safetensors.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace sage::reference;
using Catch::Contains;

namespace {

std::string withSize(uint64_t headerBytes, const std::string &rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &headerBytes, 8);
  return bytes + rest;
}

std::string file(const std::string &header, size_t dataBytes) {
  return withSize(header.size(), header + std::string(dataBytes, '\x01'));
}

std::string errorOf(const std::string &bytes) {
  TempDirectory directory;
  auto opened = SafetensorsFile::open(directory.fileWith("t.safetensors", bytes));
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.status().exitCode() == 1);
  CHECK_THAT(opened.status().message(), Contains("t.safetensors: "));
  return opened.status().message();
}

std::string tensor(const std::string &name, const std::string &dtype, const std::string &shape,
                   const std::string &offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

} // namespace

TEST_CASE("safetensors: what is written is read back, empty tensors and scalars included") {
  TempDirectory directory;
  auto a = *HostTensor::allocate(Dtype::F16, {2, 3}), none = *HostTensor::allocate(Dtype::F32, {0, 4}),
       scalar = *HostTensor::allocate(Dtype::I64, {});
  for (size_t i = 0; i < a.bytes.size(); ++i) a.bytes[i] = std::byte(i * 7);
  scalar.as<int64_t>()[0] = -5;
  REQUIRE(
      writeSafetensors(directory.file("x"), {{"a", &a}, {"none", &none}, {"scalar", &scalar}}, {{"by", "test"}}).ok());
  auto opened = SafetensorsFile::open(directory.file("x"));
  REQUIRE(opened.ok());
  CHECK(opened->tensors().size() == 3);
  CHECK(opened->read("a")->bytes == a.bytes);
  CHECK(opened->read("a")->shape == Shape{2, 3});
  CHECK(opened->read("none")->bytes.empty());
  CHECK(opened->read("scalar")->as<int64_t>()[0] == -5);
  CHECK_THAT(opened->read("b").status().message(), Contains("no tensor 'b'; the file has a, none, scalar"));
}

TEST_CASE("safetensors: sizes that lie are refused") {
  CHECK_THAT(errorOf(""), Contains("0 bytes"));
  CHECK_THAT(errorOf("abc"), Contains("3 bytes"));
  CHECK_THAT(errorOf(withSize(UINT64_MAX, "{}")), Contains("at most 16777216 are allowed"));
  CHECK_THAT(errorOf(withSize(uint64_t(1) << 40, "{}")), Contains("at most 16777216 are allowed"));
  CHECK_THAT(errorOf(withSize(100, "{}")), Contains("truncated: the header claims 100 bytes, the file has 2"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F16", "[2,2]", "[0,8]") + "}", 7)),
             Contains("tensor \"q\"") && Contains("truncated"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F16", "[2,2]", "[0,8]") + "}", 9)),
             Contains("has 9 bytes after the header"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F16", "[2,3]", "[0,8]") + "}", 8)),
             Contains("hold 8 bytes, but F16 [2, 3] is 6 elements"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F32", "[4611686018427387904,4]", "[0,8]") + "}", 8)),
             Contains("more than 2^62"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F32", "[9223372036854775807]", "[0,8]") + "}", 8)),
             Contains("outside 0 … 2^62"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "U8", "[8]", "[8,0]") + "}", 8)), Contains("end before they begin"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "U8", "[8]", "[0,18446744073709551615]") + "}", 8)),
             Contains("outside the file"));
}

TEST_CASE("safetensors: overlaps and gaps are refused") {
  std::string a = tensor("a", "U8", "[6]", "[0,6]");
  CHECK_THAT(errorOf(file("{" + a + "," + tensor("b", "U8", "[4]", "[4,8]") + "}", 8)),
             Contains("\"b\": its data overlaps"));
  CHECK_THAT(errorOf(file("{" + a + "," + tensor("b", "U8", "[1]", "[7,8]") + "}", 8)),
             Contains("\"b\": there is a gap"));
}

TEST_CASE("safetensors: headers that are not the format's JSON are refused") {
  CHECK_THAT(errorOf(file("{\"q\":", 0)), Contains("not valid JSON"));
  CHECK_THAT(errorOf(file("[1]", 0)), Contains("must be a JSON object"));
  CHECK_THAT(errorOf(file("{\"q\":3}", 0)), Contains("tensor \"q\": must be an object of exactly"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F17", "[1]", "[0,2]") + "}", 2)),
             Contains("unknown dtype \"F17\"") && Contains("BF16"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F16", "[-1]", "[0,2]") + "}", 2)),
             Contains("non-negative integers, not -1"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F16", "[1.5]", "[0,2]") + "}", 2)),
             Contains("non-negative integers, not 1.5"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "F16", "[1]", "[0]") + "}", 2)), Contains("two non-negative integers"));
  CHECK_THAT(errorOf(file("{" + tensor("q", "U8", "[1]", "[0,1]") + "," + tensor("q", "U8", "[1]", "[0,1]") + "}", 1)),
             Contains("\"q\" appears twice"));
  CHECK_THAT(errorOf(file("{\"__metadata__\":{\"a\":1}}", 0)), Contains("only strings"));
  CHECK_THAT(errorOf(file("\xff\xfe{}", 0)), Contains("not valid JSON"));
  CHECK_THAT(errorOf(file("{\"q\":" + std::string(1 << 20, '['), 0)), Contains("not valid"));
  std::string nested = std::string(1 << 20, '[') + std::string(1 << 20, ']');
  CHECK_THAT(errorOf(file("{\"q\":" + nested + "}", 0)), Contains("nested deeper"));
}

TEST_CASE("safetensors: every truncation of a good file is refused, none crashes") {
  TempDirectory directory;
  std::string good = file("{" + tensor("q", "F16", "[2,2]", "[0,8]") + "}", 8);
  REQUIRE(SafetensorsFile::open(directory.fileWith("good", good)).ok());
  for (size_t n = 0; n < good.size(); ++n) errorOf(good.substr(0, n));
}

TEST_CASE("safetensors: any byte replaced is refused or read, never a crash") {
  TempDirectory directory;
  std::string good = file("{" + tensor("q", "F16", "[2,2]", "[0,8]") + "}", 8);
  for (size_t i = 0; i < good.size() - 8; ++i)
    for (char replacement : {'\0', '"', '9', '{', '\xff'}) {
      std::string damaged = good;
      damaged[i] = replacement;
      auto opened = SafetensorsFile::open(directory.fileWith("x", damaged));
      if (opened.ok())
        for (const auto &[name, info] : opened->tensors()) CHECK(opened->read(name)->bytes.size() == 8);
    }
}

TEST_CASE("safetensors: what is not a regular file is refused at once") {
  TempDirectory directory;
  CHECK_THAT(SafetensorsFile::open(directory.path.string()).status().message(), Contains("not a regular file"));
  CHECK_THAT(SafetensorsFile::open("/dev/zero").status().message(), Contains("not a regular file"));
  CHECK_THAT(SafetensorsFile::open(directory.file("absent")).status().message(), Contains("cannot open: No such file"));
}

TEST_CASE("host tensor: a size beyond this machine's memory is refused before allocation") {
  CHECK_THAT(HostTensor::allocate(Dtype::F64, {1 << 30, 1 << 30}).status().message(), Contains("this machine has"));
  CHECK_FALSE(HostTensor::allocate(Dtype::F64, {int64_t(1) << 62}).ok());
  CHECK_FALSE(HostTensor::allocate(Dtype::F64, {-1}).ok());
}
