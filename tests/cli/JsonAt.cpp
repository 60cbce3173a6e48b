// json-at POINTER < JSON: prints the value at a JSON pointer ("/check/cosine"), so that scripts can test JSON without
// Python. Exit code 1 when the input is not JSON or has no such value. json-at --in LOW HIGH NUMBER: exit code 0 when
// LOW ≤ NUMBER ≤ HIGH.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

int main(int argc, char **argv) {
  if (argc == 5 && std::string(argv[1]) == "--in") {
    double low = std::atof(argv[2]), high = std::atof(argv[3]), number = std::atof(argv[4]);
    return low <= number && number <= high ? 0 : 1;
  }
  nlohmann::json json = nlohmann::json::parse(std::cin, nullptr, false);
  if (argc != 2 || json.is_discarded()) return 1;
  nlohmann::json::json_pointer pointer(argv[1]);
  if (!json.contains(pointer)) return 1;
  const nlohmann::json &value = json[pointer];
  std::cout << (value.is_string() ? value.get<std::string>() : value.dump()) << "\n";
  return 0;
}
