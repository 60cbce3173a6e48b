// Numbers are taken as unsigned 64-bit or refused, so no arithmetic below can overflow after elementCount has passed.
#include "reference/SafetensorsHeader.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace sage::reference {
namespace {

using Json = nlohmann::json;

constexpr const char *metadataKey = "__metadata__";
constexpr int maxDepth = 3; // header object, tensor object, array

std::string quoted(const std::string &name) {
  // A name from a damaged file may be long or hold control characters; dump() escapes the latter.
  std::string text = Json(name.substr(0, 80)).dump(-1, ' ', true, Json::error_handler_t::replace);
  return "tensor " + text;
}

// Refuses, while parsing, what a finished Json value no longer shows: duplicate keys and deep nesting.
struct Watch {
  std::vector<std::set<std::string>> seen;
  std::string problem;

  bool operator()(int depth, Json::parse_event_t event, Json &parsed) {
    if (!problem.empty()) return false;
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start)
      opened(depth);
    else if (event == Json::parse_event_t::object_end || event == Json::parse_event_t::array_end)
      seen.pop_back();
    else if (event == Json::parse_event_t::key && !seen.back().insert(parsed.get<std::string>()).second)
      problem =
          "the name " + parsed.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80) + " appears twice";
    return problem.empty();
  }

  void opened(int depth) {
    if (depth >= maxDepth) problem = "values are nested deeper than the format allows";
    seen.emplace_back();
  }
};

Result<Json> parseJson(std::string_view text) {
  Watch watch;
  try {
    Json json = Json::parse(text, std::ref(watch));
    if (!watch.problem.empty()) return invalidInput("the header is not valid: " + watch.problem);
    if (!json.is_object()) return invalidInput("the header must be a JSON object");
    return json;
  } catch (const Json::exception &error) {
    return invalidInput("the header is not valid JSON: " + std::string(error.what()).substr(0, 200));
  }
}

Result<Shape> parseShape(const Json &json) {
  constexpr size_t maxRank = 64;
  if (!json.is_array() || json.size() > maxRank) return invalidInput("shape must be an array of at most 64 integers");
  Shape shape;
  for (const Json &extent : json) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > uint64_t(INT64_MAX))
      return invalidInput("shape must hold non-negative integers, not " + extent.dump().substr(0, 40));
    shape.push_back(extent.get<int64_t>());
  }
  return shape;
}

Status checkRange(const TensorInfo &info, uint64_t dataBytes) {
  std::string range = "[" + std::to_string(info.begin) + ", " + std::to_string(info.end) + ")";
  if (info.begin > info.end) return invalidInput("data_offsets " + range + " end before they begin");
  if (info.end > dataBytes)
    return invalidInput("data_offsets " + range + " lie outside the file, whose data has " + std::to_string(dataBytes) +
                        " bytes (a truncated file?)");
  SAGE_ASSIGN(int64_t count, elementCount(info.shape));
  uint64_t size = info.end - info.begin, width = dtypeBytes(info.dtype);
  if (size % width != 0 || size / width != uint64_t(count))
    return invalidInput("data_offsets " + range + " hold " + std::to_string(size) + " bytes, but " +
                        std::string(dtypeName(info.dtype)) + " " + shapeText(info.shape) + " is " +
                        std::to_string(count) + " elements of " + std::to_string(width));
  return {};
}

Result<TensorInfo> parseTensor(const Json &json, uint64_t dataBytes) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets"))
    return invalidInput("must be an object of exactly dtype, shape and data_offsets");
  TensorInfo info;
  const Json &dtype = json["dtype"], &offsets = json["data_offsets"];
  auto known = dtype.is_string() ? dtypeFromName(dtype.get_ref<const std::string &>()) : std::nullopt;
  if (!known)
    return invalidInput("unknown dtype " + dtype.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 40) +
                        "; known are " + dtypeNames());
  info.dtype = *known;
  SAGE_ASSIGN(info.shape, parseShape(json["shape"]));
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    return invalidInput("data_offsets must be two non-negative integers");
  info.begin = offsets[0].get<uint64_t>();
  info.end = offsets[1].get<uint64_t>();
  SAGE_TRY(checkRange(info, dataBytes));
  return info;
}

Status checkMetadata(const Json &json) {
  if (!json.is_object()) return invalidInput("__metadata__ must be an object of strings");
  for (const Json &value : json)
    if (!value.is_string()) return invalidInput("__metadata__ must hold only strings");
  return {};
}

// The ranges in order of their begin must meet end to begin and fill data exactly.
Status checkTiling(const std::map<std::string, TensorInfo> &tensors, uint64_t dataBytes) {
  std::vector<std::pair<const std::string *, const TensorInfo *>> order;
  for (const auto &[name, info] : tensors) order.emplace_back(&name, &info);
  std::sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
    return std::pair(a.second->begin, a.second->end) < std::pair(b.second->begin, b.second->end);
  });
  uint64_t reached = 0;
  for (const auto &[name, info] : order) {
    if (info->begin != reached)
      return invalidInput(quoted(*name) + (info->begin < reached ? ": its data overlaps another tensor's"
                                                                 : ": there is a gap in front of its data"));
    reached = info->end;
  }
  if (reached != dataBytes)
    return invalidInput("the tensors hold " + std::to_string(reached) + " bytes, but the file has " +
                        std::to_string(dataBytes) + " bytes after the header");
  return {};
}

} // namespace

Result<std::map<std::string, TensorInfo>> parseHeader(std::string_view text, uint64_t dataBytes) {
  SAGE_ASSIGN(Json json, parseJson(text));
  std::map<std::string, TensorInfo> tensors;
  for (const auto &[name, value] : json.items()) {
    if (name == metadataKey) {
      SAGE_TRY(checkMetadata(value));
      continue;
    }
    SAGE_ASSIGN(tensors[name], parseTensor(value, dataBytes).context(quoted(name)));
  }
  SAGE_TRY(checkTiling(tensors, dataBytes));
  return tensors;
}

Result<std::string> formatHeader(const std::vector<NamedTensor> &tensors,
                                 const std::map<std::string, std::string> &metadata) {
  nlohmann::ordered_json json;
  uint64_t offset = 0;
  if (!metadata.empty()) json[metadataKey] = metadata;
  for (const NamedTensor &entry : tensors) {
    if (entry.name == metadataKey || json.contains(entry.name))
      return invalidInput("two outputs would have the name '" + entry.name + "'");
    uint64_t end = offset + entry.tensor->bytes.size();
    json[entry.name] = {
        {"dtype", dtypeName(entry.tensor->dtype)}, {"shape", entry.tensor->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text =
      json.is_null() ? "{}" : json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

} // namespace sage::reference
