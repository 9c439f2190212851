#!/usr/bin/env python3
"""Every compiled shader, as MoltenVK will see it: no Apple hardware and no Metal compiler is needed, or had.

  metal.py FOLDER_OF_COMPILED_SHADERS

Fails where a shader asks for more than MoltenVK is recorded to have (tests/data/moltenvk_features.json), or than its
name says (subgroups, int8 products), or where spirv-cross, which MoltenVK is built on, does not translate it to Metal's
language. Shaders with int8 dot products may be left out: MoltenVK says that it does not accelerate those, so their twins
for float32 run there.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

RECORDED = json.loads((pathlib.Path(__file__).parents[2] / "data/moltenvk_features.json").read_text())
CAPABILITIES = {1: "Shader", 61: "GroupNonUniform", 63: "GroupNonUniformArithmetic", 6018: "DotProductInput4x8BitPackedKHR",
                6019: "DotProductKHR"}
ALWAYS = {"Shader"}
OP_CAPABILITY, OP_EXECUTION_MODE, LOCAL_SIZE = 17, 16, 17


def words_of(header):
    """The words of SPIR-V in a header that glslang wrote."""
    return [int(word, 16) for word in re.findall(r"0x[0-9a-fA-F]{8}", header.read_text())]


def instructions(words):
    at = 5
    while at < len(words):
        count = words[at] >> 16
        yield words[at] & 0xFFFF, words[at + 1:at + count]
        at += count


def asked_for(words):
    """Names of capabilities; the size of a workgroup where the shader fixes it."""
    capabilities, size = set(), 1
    for operation, operands in instructions(words):
        if operation == OP_CAPABILITY:
            capabilities.add(CAPABILITIES.get(operands[0], f"capability {operands[0]}"))
        if operation == OP_EXECUTION_MODE and operands[1] == LOCAL_SIZE:
            size = operands[2] * operands[3] * operands[4]
    return capabilities, size


def optional(name):
    """What only a shader of this name may ask for besides: there is one without."""
    out = set()
    if name.endswith("_subgroups"):
        out |= {"GroupNonUniform", "GroupNonUniformArithmetic"}
    if "int8" in name:
        out |= {"DotProductInput4x8BitPackedKHR", "DotProductKHR"}
    return out


def has_another_way(name, there):
    """What runs instead of this shader where it cannot: its twin for float32 (whoever makes the row of activations), or
    for a gated pair both products."""
    return "gated" in name or name.replace("own_row_", "").replace("int8", "float") in there


def translate(name, words, folder):
    """Metal's language, or what spirv-cross says."""
    path = pathlib.Path(folder) / f"{name}.spv"
    path.write_bytes(b"".join(word.to_bytes(4, "little") for word in words))
    version = "{}{:02}00".format(*RECORDED["metal_language"])
    done = subprocess.run(["spirv-cross", "--msl", "--msl-version", version, str(path)], capture_output=True, text=True)
    if done.returncode != 0 or "kernel void" not in done.stdout:
        return None, (done.stderr or done.stdout).strip().splitlines()[-1:]
    return done.stdout, []


def main():
    headers = sorted(pathlib.Path(sys.argv[1]).glob("*.h"))
    if not headers:
        sys.exit(f"metal: no compiled shaders in '{sys.argv[1]}': build first, with glslang-tools")
    faults, left_out, lines = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        for header in headers:
            name, words = header.stem, words_of(header)
            if "cooperative" in name:  # not offered there, and made whole only when it is loaded: `matmul_` runs
                continue
            capabilities, size = asked_for(words)
            for missing in capabilities - set(RECORDED["spirv"]):
                faults.append(f"{name}: MoltenVK is not known to have {missing}")
            for extra in capabilities - ALWAYS - optional(name):
                faults.append(f"{name}: {extra} has no fall-back here")
            if size > RECORDED["limits"]["maxComputeWorkGroupInvocations"]:
                faults.append(f"{name}: a workgroup of {size}")
            metal, said = translate(name, words, folder)
            if metal is not None:
                lines += metal.count("\n")
            elif "DotProductKHR" in capabilities and not RECORDED["integer_dot_product_is_accelerated"]:
                left_out.append(name)
            else:
                faults.append(f"{name}: spirv-cross: {' '.join(said)}")
    there = {header.stem for header in headers}
    faults += [f"{name}: not translated, and no twin" for name in left_out if not has_another_way(name, there)]
    headers = [header for header in headers if "cooperative" not in header.stem]
    done = f"{len(headers) - len(left_out)} shaders translated, {lines} lines of Metal's language"
    print("\n".join(faults) or f"{done}; not translated: {len(left_out)} with int8 dot products, whose float32 twins were")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
