"""Shapes, MACs and parameters of an ONNX file as the package onnx infers the shapes: the second way to the numbers of `offcut models import`.

    .tools/onnx/bin/python bench/onnx/count.py net.onnx     JSON: {"shapes": {node: [...]}, "macs": ..., "params": ...}
    .tools/onnx/bin/python bench/onnx/count.py              the folder with the nine networks of the package

MACs are those of Conv and Gemm with fixed shapes, which are all that the nine networks have.
"""

import json
import math
import os
import sys

import onnx

if len(sys.argv) == 1:
    print(os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "light"))
    sys.exit()

model = onnx.shape_inference.infer_shapes(onnx.load(sys.argv[1]), strict_mode=True, data_prop=True)
graph = model.graph
shapes = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
          for value in [*graph.value_info, *graph.input, *graph.output]}
shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
macs = 0
for node in graph.node:
    if node.op_type == "Conv":
        output, weights = shapes[node.output[0]], shapes[node.input[1]]
        macs += math.prod(output) * math.prod(weights[1:])
    if node.op_type == "Gemm":
        flags = {attribute.name: attribute.i for attribute in node.attribute}
        left, output = shapes[node.input[0]], shapes[node.output[0]]
        macs += math.prod(output) * left[0 if flags.get("transA") else 1]
# Unsqueeze: Caffe's second scale and shift, one number for each channel.
weights = {name for node in graph.node for name in {
    "Conv": node.input[1:3], "Gemm": node.input[1:3], "BatchNormalization": node.input[1:3], "Unsqueeze": node.input[:1],
}.get(node.op_type, [])}
params = sum(math.prod(shapes[name]) for name in weights)
computed = {node.name or node.output[0]: shapes[node.output[0]] for node in graph.node if node.output[0] in shapes}
print(json.dumps({"shapes": computed, "macs": macs, "params": params}))
