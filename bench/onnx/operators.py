"""Writes the operators' test cases of the package onnx as networks of one layer, with the shapes that the package computed: what the rules of operators are tested against.

    .tools/onnx/bin/python bench/onnx/operators.py FOLDER     a file for each case, with its operators as the first line of what is printed for it

The first input of a case becomes computed (a row with a batch of 1 that is reshaped), all others become stored. Declared outputs have the shapes of the case's results. Cases
whose first input is no tensor of numbers are left out.
"""

import os
import sys

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

folder = sys.argv[1]


def stored(name, value):
    return numpy_helper.from_array(value, name)


def tensor_type(value):
    return helper.np_dtype_to_tensor_dtype(value.dtype)


def network(case):
    graph = case.model.graph
    inputs, outputs = case.data_sets[0]
    if len(graph.node) != 1 or not isinstance(inputs[0], numpy.ndarray) or inputs[0].size == 0:
        return None
    if not all(isinstance(value, numpy.ndarray) and value.dtype.kind not in "OUS" for value in [*inputs, *outputs]):
        return None
    first = graph.input[0].name
    shape = numpy.array(inputs[0].shape, dtype=numpy.int64)
    nodes = [helper.make_node("Reshape", ["first_row", "first_shape"], [first]), *graph.node]
    tensors = [stored("first_shape", shape)]
    tensors += [stored(info.name, value) for info, value in zip(graph.input[1:], inputs[1:])]
    row = helper.make_tensor_value_info("first_row", tensor_type(inputs[0]), [1, inputs[0].size])
    results = [helper.make_tensor_value_info(info.name, tensor_type(value), value.shape)
               for info, value in zip(graph.output, outputs)]
    return helper.make_model(helper.make_graph(nodes, "case", [row], results, tensors),
                             opset_imports=case.model.opset_import)


for case in collect_testcases(None):
    try:
        model = network(case)
    except (IndexError, TypeError, ValueError):
        continue
    if model is not None:
        onnx.save(model, os.path.join(folder, case.name + ".onnx"))
        print(case.name, case.model.graph.node[0].op_type)
