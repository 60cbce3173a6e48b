// Builds an artifact's metadata.
#include "Artifact.h"

#include "compiler/tile/Tile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/SHA256.h"

namespace sage {

using nlohmann::json;

namespace {

json toJson(mlir::Attribute attribute) {
  return llvm::TypeSwitch<mlir::Attribute, json>(attribute)
      .Case<mlir::ArrayAttr>([](auto array) {
        json result = json::array();
        for (mlir::Attribute item : array) result.push_back(toJson(item));
        return result;
      })
      .Case<mlir::DictionaryAttr>([](auto dictionary) {
        json result = json::object();
        for (mlir::NamedAttribute entry : dictionary) result[entry.getName().str()] = toJson(entry.getValue());
        return result;
      })
      .Case<mlir::BoolAttr>([](auto value) { return json(value.getValue()); })
      .Case<mlir::IntegerAttr>([](auto value) { return json(value.getInt()); })
      .Case<mlir::StringAttr>([](auto value) { return json(value.getValue().str()); })
      .Default([](mlir::Attribute) { return json(); }); // a unit attribute stands for null
}

std::string sha256(const std::string &text) {
  llvm::SHA256 hash;
  hash.update(text);
  return llvm::toHex(hash.final(), /*LowerCase=*/true);
}

} // namespace

json signatureOf(mlir::func::FuncOp kernel) {
  json result;
  for (llvm::StringRef name : {tile::gridAttr, tile::viewsAttr, tile::extentsAttr, tile::scalarsAttr})
    if (mlir::Attribute attribute = kernel->getAttr(name))
      result[name.drop_front(strlen("tile.")).str()] = toJson(attribute);
  return result;
}

json makeMetadata(const ArtifactFacts &facts, const std::string &ptx) {
  json metadata = facts.signature;
  metadata.update({{"format", 1},
                   {"entry", facts.entry},
                   {"program", facts.program},
                   {"arch", facts.target->name},
                   {"ptx_version", facts.target->ptxVersion},
                   {"min_driver", facts.target->minDriver},
                   {"block", {facts.warps * 32, 1, 1}},
                   {"cluster", {1, 1, 1}},
                   {"shared_bytes", facts.sharedBytes},
                   {"parameters", facts.parameters},
                   {"schedule", facts.schedule},
                   {"compiler", compilerId()}});
  metadata["hash"] = sha256(ptx + metadata.dump());
  return metadata;
}

const char *compilerId() { return "sagec " SAGE_VERSION " llvm " LLVM_VERSION_STRING; }

} // namespace sage
