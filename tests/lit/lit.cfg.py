# What lit needs to know: where sage-opt, sagec and FileCheck are, and that each .mlir file is a test.
import os

import lit.formats

config.name = "sage"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.test_source_root = config.suite_dir
config.environment["PATH"] = os.pathsep.join([config.tools_dir, config.llvm_tools_dir, "/usr/bin", "/bin"])
