# SPDX-License-Identifier: MIT
"""A small reader and writer of .safetensors, independent of the command's own."""
import json

import numpy as np

import dtypes

STORED = {**{name: dtype.storage for name, dtype in dtypes.DTYPES.items()}, "F64": np.dtype("<f8"),
          "I64": np.dtype("<i8")}
NAMES = {storage: name for name, storage in STORED.items()}


def save(path, tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())


def load(path):
    with open(path, "rb") as file:
        content = file.read()
    size = int.from_bytes(content[:8], "little")
    assert size % 8 == 0, f"header of {size} bytes, not a multiple of 8"
    header, data = json.loads(content[8:8 + size]), content[8 + size:]
    return {name: np.frombuffer(data[entry["data_offsets"][0]:entry["data_offsets"][1]],
                                STORED[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}
