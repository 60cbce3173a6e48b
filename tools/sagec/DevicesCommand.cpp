// sagec devices: what --device can name here, and why the rest cannot be used.
#include "Commands.h"
#include "Output.h"

namespace sage::cli {
namespace {

std::string padded(std::string text, size_t width) {
  text.resize(std::max(text.size() + 2, width), ' ');
  return text;
}

Json asJson(const std::vector<DeviceListing> &listings) {
  Json list = Json::array();
  for (const DeviceListing &device : listings)
    list.push_back({{"device", device.spec},
                    {"name", device.name},
                    {"arch", device.arch},
                    {"usable", device.usable},
                    {"note", device.note}});
  return Json{{"devices", list}};
}

} // namespace

Status devices(const DevicesOptions &options) {
  std::vector<DeviceListing> listings = listDevices(options.drivers);
  if (options.format == Format::Json) return printJson(asJson(listings));
  std::string text;
  for (const DeviceListing &device : listings)
    text += padded(device.spec, 14) + padded(device.usable ? device.arch : "-", 9) +
            (device.usable ? device.name : "not usable") + (device.note.empty() ? "" : ": " + device.note) + "\n";
  return printData(text);
}

} // namespace sage::cli
