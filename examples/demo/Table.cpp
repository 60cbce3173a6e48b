// See Table.h. Plain ASCII in fixed columns, so that it reads the same in a log.
#include "Table.h"

#include <cstdio>

namespace sage::demo {
namespace {

constexpr const char *rowFormat = "%-19s %-13s %-6s %9s %9s %9s %9s %9s %10s %9s  %s\n";

std::string format(const char *form, double value) {
  char text[40];
  std::snprintf(text, sizeof text, form, value);
  return text;
}

std::string line(const std::vector<std::string> &cells) {
  char text[400];
  std::snprintf(text, sizeof text, rowFormat, cells[0].c_str(), cells[1].c_str(), cells[2].c_str(), cells[3].c_str(),
                cells[4].c_str(), cells[5].c_str(), cells[6].c_str(), cells[7].c_str(), cells[8].c_str(),
                cells[9].c_str(), cells[10].c_str());
  return text;
}

std::string rowText(const Row &row, const std::vector<Row> &all) {
  Verdict verdict = judge(row, all);
  std::string bound =
      verdict.bounds.empty() ? "(for comparison)" : (verdict.within ? "ok   " : "OUT  ") + verdict.bounds;
  std::string instructions = row.instructions ? format("%.1f M", double(*row.instructions) / 1e6) : "-";
  return line({row.variant->label, row.group->label, row.group->keys == Keys::Offset ? "offset" : "as is",
               format("%.6f", row.worst.cosine), format("%.5f", row.worst.relativeL1), format("%.2e", row.worst.rmse),
               std::to_string(row.ptxBytes), format("%.1f", row.compileMs), instructions, format("%.0f ms", row.wallMs),
               bound});
}

} // namespace

std::string tableText(const std::vector<Row> &rows) {
  std::string text =
      line({"variant", "tensors", "K", "cosine", "L1", "RMSE", "PTX bytes", "to PTX ms", "sim instr", "wall", "bound"});
  text += std::string(text.size() + 16, '-') + "\n";
  for (const Row &row : rows) text += rowText(row, rows);
  return text + "cosine, L1 (relative) and RMSE against exact attention in double precision, of the worst layer; PTX "
                "bytes and\n"
                "text-to-PTX time of all kernels of a plan; simulated instructions (of all lanes) and wall time of all "
                "layers.\n";
}

} // namespace sage::demo
